"""Tables in a chain: each adds the feature that it derives to the point, for the tables after it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import chain as flatten
from math import prod
from typing import NamedTuple

from service.engine.compile import DENSE_CELLS, CompiledTable, Place, Point, points, values_of
from service.engine.table import HitPolicy, Table
from service.engine.verify import Flaw, verify
from service.engine.vocabulary import Feature


class Bundle(NamedTuple):
    """Derivations that share what they read, as one look-up."""

    place: Place
    outputs: Mapping[Hashable, Mapping[str, str]]
    """At each place the features that all of them give."""


class Chain:
    """Derivations in order. Table `x` gives the feature `x`; a later table may read it.

    Raises ValueError where a table collects, reads a feature that does not stand before it or gives
    one that exists already.
    """

    def __init__(self, stated: Iterable[Feature], tables: Sequence[Table]) -> None:
        self.features: dict[str, Feature] = {feature.name: feature for feature in stated}
        for table in tables:
            if table.hit_policy is HitPolicy.COLLECT:
                message = f"table {table.name}: a derivation gives one value, so it cannot collect"
                raise ValueError(message)
            if missing := [f.name for f in table.inputs if self.features.get(f.name) != f]:
                message = f"table {table.name}: reads {missing}, which do not stand before it"
                raise ValueError(message)
            if table.name in self.features:
                message = f"table {table.name}: that feature exists already"
                raise ValueError(message)
            self.features[table.name] = Feature(table.name, table.outputs)
        self.tables = tuple(CompiledTable(table) for table in tables)
        self._steps = tuple((table.table.name, table.place, _outputs(table)) for table in self.tables)
        bundled = _bundled(self.tables)
        self._bundles = tuple(map(_bundle, bundled))
        taken = {table.table.name for bundle in bundled for table in bundle}
        self._others = tuple(step for step in self._steps if step[0] not in taken)
        self._readers = dict.fromkeys(self.features, 0)
        for index, table in enumerate(tables):
            for feature in table.inputs:
                self._readers[feature.name] |= 1 << index

    def derive(self, point: Point) -> dict[str, str]:
        """The point with every derived feature added; the point given is left alone."""
        derived = dict(point)
        for found_at, given in self._bundles:
            derived |= given[found_at(derived)]
        for name, place, outputs in self._others:
            derived[name] = outputs[place(derived)]
        return derived

    def moved(self, derived: Point, changes: Point) -> dict[str, str]:
        """What is another value in a point that `derive` has completed once these stated features have theirs.

        The same as deriving anew, but only the tables that read something that has moved are asked.
        """
        moved = {name: value for name, value in changes.items() if derived[name] != value}
        amended = {**derived, **moved}
        reached = 0
        for name in moved:
            reached |= self._readers[name]
        while reached:
            lowest = reached & -reached
            name, place, outputs = self._steps[lowest.bit_length() - 1]
            output = outputs[place(amended)]
            reached ^= lowest
            if output != derived[name]:
                amended[name] = moved[name] = output
                reached |= self._readers[name]
        return moved

    def heard(self, names: Iterable[str]) -> frozenset[str]:
        """The features on which it depends what other values of these stated ones move: themselves among them."""
        names = set(names)
        follow = {each for name in names for each in self.following[name]}
        read = {each.name for table in self.tables if table.table.name in follow for each in table.table.inputs}
        return frozenset((names | read) - follow)

    @cached_property
    def following(self) -> Mapping[str, frozenset[str]]:
        """Feature -> those that are derived from it, at once or by way of others."""
        found: dict[str, frozenset[str]] = dict.fromkeys(self.features, frozenset())
        for table in reversed(self.tables):
            name = table.table.name
            for feature in table.table.inputs:
                found[feature.name] |= found[name] | {name}
        return found

    def verify(self) -> list[Flaw]:
        """All flaws of all tables."""
        return list(flatten.from_iterable(verify(table.table) for table in self.tables))


def _outputs(table: CompiledTable) -> dict[Hashable, str]:
    """What the table gives at each place."""
    return {place: row.output for place, row in table.cells.items()}


def _bundled(tables: Sequence[CompiledTable]) -> list[list[CompiledTable]]:
    """The tables that can be asked together before all others: they read a few stated features, and shared ones."""
    derived = {table.table.name for table in tables}
    found: list[list[CompiledTable]] = []
    for table in tables:
        for bundle in found:
            apart, together = _read(bundle), _read([*bundle, table])
            shared = len(together) < len(apart) + len(table.table.inputs)
            stated = not any(feature.name in derived for feature in together)
            if shared and stated and prod(len(feature.values) for feature in together) <= DENSE_CELLS:
                bundle.append(table)
                break
        else:
            found.append([table])
    return [bundle for bundle in found if len(bundle) > 1]


def _read(tables: Sequence[CompiledTable]) -> list[Feature]:
    """What these tables read and none of them gives."""
    given = {table.table.name for table in tables}
    read = dict.fromkeys(feature for table in tables for feature in table.table.inputs)
    return [feature for feature in read if feature.name not in given]


def _bundle(tables: Sequence[CompiledTable]) -> Bundle:
    read = _read(tables)
    place = values_of([feature.name for feature in read])
    outputs, kept = {}, dict[tuple[str, ...], dict[str, str]]()  # many places give the same
    for point in points(read):
        found, given = place(point), dict[str, str]()
        with suppress(LookupError):  # at a gap, which the proof tells
            for table in tables:
                point[table.table.name] = given[table.table.name] = table.decide(point).output
            outputs[found] = kept.setdefault(tuple(given.values()), given)
    return Bundle(place, outputs)
