"""Tables in a chain: each adds the feature that it derives to the point, for the tables after it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain as flatten

from service.engine.compile import CompiledTable, Point
from service.engine.table import HitPolicy, Table
from service.engine.verify import Flaw, verify
from service.engine.vocabulary import Feature


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
        self._readers = dict.fromkeys(self.features, 0)
        for index, table in enumerate(tables):
            for feature in table.inputs:
                self._readers[feature.name] |= 1 << index

    def derive(self, point: Point) -> dict[str, str]:
        """The point with every derived feature added; the point given is left alone."""
        derived = dict(point)
        for name, place, outputs in self._steps:
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
