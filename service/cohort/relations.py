"""A guideline as relations: whatever a row of the answer depends on becomes a small table to be joined.

A patient is a number for each stated feature (the place of its value among the feature's values). A `Relation`
has a row for each combination of the values of a few features, so that its key is a row number. It gives:

- the values of the features that the guideline's own small tables derive there;
- what these values add to the number that the decision_id writes down, in limbs;
- how many findings have which tier, eight bits a tier;
- words of bits for each `Sieve` (contradictions, warnings, ...): a bit for each of its boxes that the values fit.
  The boxes that a patient fits are the AND of these words over all relations, as in `service.engine.compile`,
  for a million patients at a time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, product

from service.engine.compile import DENSE_CELLS, CompiledTable
from service.engine.table import Box, HitPolicy, Row, Table, features_read
from service.engine.vocabulary import Feature

WORD = 62
"""Most boxes in one word; a signed integer of 64 bits holds it in every engine."""
CHUNK = 10
"""Most boxes whose labels are looked up together."""
GROUP_CELLS = 4096
"""Features that no table reads are put together up to so many combinations."""

Entries = tuple[tuple[str, Box], ...]


class Sieve:
    """Boxes with a label each, of which any number may fit. Boxes of equal labels are brought together."""

    def __init__(self, name: str, entries: Iterable[tuple[str, Box]]) -> None:
        self.name = name
        by_label: dict[str, list[Box]] = {}
        for label, box in entries:
            by_label.setdefault(label, []).append(box)
        self.words: tuple[Entries, ...] = tuple(_packed(by_label, WORD))
        self._known: dict[tuple[str, str], tuple[int, ...]] = {}
        self.features = frozenset(name for word in self.words for _, box in word for name in box)

    def bits(self, point: Mapping[str, str]) -> tuple[int, ...]:
        """For each word the boxes that accept these values; features that are left out fit everywhere."""
        found = [(1 << len(word)) - 1 for word in self.words]
        for name in self.features & point.keys():
            for number, accepted in enumerate(self._accepted(name, point[name])):
                found[number] &= accepted
        return tuple(found)

    def _accepted(self, name: str, value: str) -> tuple[int, ...]:
        if (name, value) not in self._known:
            self._known[name, value] = tuple(
                sum(1 << bit for bit, (_, box) in enumerate(word) if value in box.get(name, (value,)))
                for word in self.words
            )
        return self._known[name, value]

    @cached_property
    def masks(self) -> dict[str, tuple[int, int]]:
        """Label -> the number of its word and its bits there."""
        return {
            label: (number, sum(1 << bit for bit, (name, _) in enumerate(word) if name == label))
            for number, word in enumerate(self.words)
            for label in dict.fromkeys(label for label, _ in word)
        }

    @cached_property
    def chunks(self) -> tuple[tuple[int, int, Entries], ...]:
        """Parts of the words that hold all boxes of their labels: word, first bit, entries."""
        found = []
        for number, word in enumerate(self.words):
            start = 0
            by_label = {label: [box for _, box in same] for label, same in groupby(word, key=lambda entry: entry[0])}
            for part in _packed(by_label, CHUNK):
                found.append((number, start, part))
                start += len(part)
        return tuple(found)


def _packed(by_label: Mapping[str, list[Box]], most: int) -> Iterator[Entries]:
    part: list[tuple[str, Box]] = []
    for label, boxes in by_label.items():
        if part and len(part) + len(boxes) > most:
            yield tuple(part)
            part = []
        part += [(label, box) for box in boxes]
    if part:
        yield tuple(part)


@dataclass
class Relation:
    """A row for each combination of the values of its key, the first feature changing fastest.

    `home`: the features whose digits, tiers and bits it gives; each feature of the guideline has one home.
    """

    name: str
    key: tuple[Feature, ...]
    derives: list[Table] = field(default_factory=list)
    home: list[str] = field(default_factory=list)

    @property
    def known(self) -> frozenset[str]:
        """Features that stand in its rows."""
        return frozenset((*(f.name for f in self.key), *(table.name for table in self.derives)))

    def points(self) -> Iterator[dict[str, str]]:
        """Its rows as points, with what is derived there."""
        compiled = [(table.name, CompiledTable(table)) for table in self.derives]
        names = [feature.name for feature in reversed(self.key)]
        for values in product(*(feature.values for feature in reversed(self.key))):
            point = dict(zip(names, values, strict=True))
            for name, table in compiled:
                point[name] = table.decide(point).output
            yield point


def cells(features: Iterable[Feature]) -> int:
    """Number of combinations of their values."""
    number = 1
    for feature in features:
        number *= len(feature.values)
    return number


def relations_of(
    stated: Sequence[Feature], tables: Sequence[Table], read: frozenset[str]
) -> tuple[list[Relation], list[Table]]:
    """Return relations for the small tables and for the features that none of them reads; and the large tables.

    `tables` in an order in which each table follows the tables that it reads; `read`: the features that a sieve reads.
    A feature that a large table derives and that has no home in a small table's relation has a relation of its own.
    """
    relations: list[Relation] = []
    large = [table for table in tables if table.cells > DENSE_CELLS]
    for table in tables:
        if table in large:
            continue
        reads = {feature.name for feature in table.inputs}
        relation = next((relation for relation in relations if reads <= relation.known), None)
        if relation is None:
            relation = Relation(table.name, table.inputs)
            relations.append(relation)
        relation.derives.append(table)
    order = {table.name: place for place, table in enumerate(tables, start=1)}  # a stated feature: 0
    first_reader = {feature.name: order[table.name] for table in reversed(large) for feature in table.inputs}

    def possible_homes(relation: Relation) -> Iterator[str]:
        """Yield the features of the key that may be at home in a relation.

        A large table waits until what it reads is at home, so no home may wait for that table or for a later one.
        """
        last = max((order.get(feature.name, 0) for feature in relation.key), default=0)
        yield from (feature.name for feature in relation.key if last < first_reader.get(feature.name, last + 1))

    housed = {table.name for relation in relations for table in relation.derives}
    housed |= {name for relation in relations for name in possible_homes(relation)}
    relations += _grouped([feature for feature in stated if feature.name not in housed])
    relations += [
        Relation(f"{table.name} itself", (Feature(table.name, table.outputs),))
        for table in large
        if table.name in read - housed
    ]
    homeless = {name for relation in relations for name in relation.known}
    for relation in relations:
        relation.home += [table.name for table in relation.derives]
        homeless -= set(relation.home)
    for relation in relations:
        homes = [name for name in possible_homes(relation) if name in homeless]
        relation.home += homes
        homeless -= set(homes)
    return relations, large


def _grouped(features: Sequence[Feature]) -> Iterator[Relation]:
    group: list[Feature] = []
    for feature in features:
        if group and cells((*group, feature)) > GROUP_CELLS:
            yield Relation(f"facts from {group[0].name}", tuple(group))
            group = []
        group.append(feature)
    if group:
        yield Relation(f"facts from {group[0].name}", tuple(group))


def needed(tables: Sequence[Table], names: Iterable[str]) -> list[Table]:
    """The tables that these features follow from, in order."""
    wanted = set(names)
    kept = []
    for table in reversed(tables):
        if table.name in wanted:
            kept.append(table)
            wanted |= {feature.name for feature in table.inputs}
    return kept[::-1]


def first_of(
    name: str, rows: Iterable[tuple[str, Box]], features: Mapping[str, Feature], otherwise: str | None = None
) -> Table:
    """A table whose answer is the label of the first box that fits, else `otherwise`."""
    listed = [Row(label, label, (box,)) for label, box in rows]
    if otherwise is not None:
        listed.append(Row(otherwise, otherwise, ({},)))
    # PRIORITY is by output: labels that return later would jump the queue, so each stands for its own place.
    outputs = tuple(dict.fromkeys(row.output for row in listed))
    return Table(name, HitPolicy.PRIORITY, features_read(listed, features), outputs, tuple(listed))
