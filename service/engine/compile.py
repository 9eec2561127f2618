"""A table becomes a look-up whose cost does not grow with the number of its rows.

A small table is laid out whole: the values at a point are the place of its row. A large one takes its features in
groups of few cells: each group gives one integer with a bit for every box that accepts its values, and the highest bit
of their AND is the winner. (Larger groups, or a table of its own for each cell of the first group, save an AND and are
slower: they leave the processor's cache.) Nothing is kept of the points asked.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import accumulate, product
from operator import and_, itemgetter
from typing import TypeAlias

from service.engine.table import Box, HitPolicy, Row, Table
from service.engine.vocabulary import Feature

DENSE_CELLS = 8192
"""A table of at most this many cells is laid out whole."""
GROUP_CELLS = 256
"""Features of a larger one are taken together up to so many cells; a feature with more values stands alone."""

Point: TypeAlias = Mapping[str, str]
"""Feature name -> value; may hold more features than a table reads."""
Masks: TypeAlias = Mapping[str, Mapping[str, int]]
"""Feature name -> value -> the bits of the boxes that accept it."""
Place: TypeAlias = Callable[[Point], Hashable]
"""Of a point what decides: to be looked up."""


class CompiledTable:
    """A table ready to be asked. Immutable once made; safe to share between threads."""

    place: Place
    """Where the row of a point stands in `cells`; apart from them, so that a chain need not make a call for each."""
    cells: Mapping[Hashable, Row]
    cell: Place
    """The values of all that the table reads: where it is small, that is the place."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.masks = masks_of(table.inputs, [box for _, box in table.entries])
        self._features = tuple(self.masks.items())
        self.cell = values_of([feature.name for feature in table.inputs])
        self.everything = (1 << len(table.entries)) - 1
        if table.hit_policy is HitPolicy.COLLECT:
            self.place, self.cells = _nowhere, {}  # no one row holds
        elif table.cells <= DENSE_CELLS:
            self.place, self.cells = self._laid_out()
        else:
            self.place, self.cells = self._in_groups()

    def fitting(self, point: Point) -> int:
        """Bits of the boxes (in the order of `table.entries`) that the point lies in."""
        bits = self.everything
        for name, accepted in self._features:
            bits &= accepted[point[name]]
        return bits

    def grouped(self) -> Callable[[Point], int]:
        """Gives what says the same as `fitting` with fewer look-ups, for who asks at each point: made once, at load."""
        groups = [_accepted(group, self.masks, self.everything) for group in _groups(self.table.inputs)]

        def fitting(point: Point) -> int:
            bits = self.everything
            for key, accepted in groups:
                bits &= accepted[key(point)]
            return bits

        return fitting

    def but_for(self, point: Point) -> dict[str, int]:
        """For each feature the bits of the boxes that fit but for it; ANDed with the mask of a value, what fits."""
        masks = [accepted[point[name]] for name, accepted in self._features]
        before = list(accumulate(masks, and_, initial=self.everything))
        after = list(accumulate(reversed(masks), and_, initial=self.everything))[-2::-1]
        return {name: one & other for (name, _), one, other in zip(self._features, before, after, strict=False)}

    def decide(self, point: Point) -> Row:
        """Give the one row that holds at this point; LookupError if there is none (the proof excludes it)."""
        return self.cells[self.place(point)]

    def collect(self, point: Point) -> list[tuple[Row, Box]]:
        """Every row that holds at this point, with the box in which it holds, in order."""
        return [self.table.entries[entry] for entry in ones(self.fitting(point))]

    def _laid_out(self) -> tuple[Place, Mapping[Hashable, Row]]:
        """Every cell with its row."""
        rows = [row for row, _ in self.table.entries]
        place, accepted = _accepted(self.table.inputs, self.masks, self.everything)
        return place, {values: rows[next(ones(bits))] for values, bits in accepted.items() if bits}

    def _in_groups(self) -> tuple[Place, Mapping[Hashable, Row]]:
        """The place is the length of the AND: the winner has the highest bit, and no bit at all is no place."""
        last_first = self.table.entries[::-1]
        masks = masks_of(self.table.inputs, [box for _, box in last_first])
        (first, wide), *others = [_accepted(group, masks, self.everything) for group in _groups(self.table.inputs)]

        def place(point: Point) -> int:
            bits = wide[first(point)]
            for key, accepted in others:
                bits &= accepted[key(point)]
            return bits.bit_length()

        return place, {number: row for number, (row, _) in enumerate(last_first, start=1)}


def ones(bits: int) -> Iterator[int]:
    """The places of the bits that are set, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def masks_of(features: Sequence[Feature], boxes: Sequence[Box]) -> dict[str, dict[str, int]]:
    """The masks of these features; the first box has the lowest bit."""
    masks = {feature.name: dict.fromkeys(feature.values, 0) for feature in features}
    unread = dict.fromkeys(masks, (1 << len(boxes)) - 1)
    for index, box in enumerate(boxes):
        bit = 1 << index
        for name in masks.keys() & box.keys():
            unread[name] ^= bit
            for value in box[name]:
                masks[name][value] |= bit
    for name, by_value in masks.items():  # a box that does not read a feature accepts all its values
        for value in by_value:
            by_value[value] |= unread[name]
    return masks


def _accepted(features: Sequence[Feature], masks: Masks, bits: int) -> tuple[Place, dict[Hashable, int]]:
    """For some features together: how to find their cell, and of these bits those that each cell accepts."""
    cells: dict[tuple[str, ...], int] = {(): bits}
    for feature in features:
        values = masks[feature.name].items()
        cells = {(*cell, value): left & mask for cell, left in cells.items() for value, mask in values}
    names = [feature.name for feature in features]
    alone = len(names) == 1  # of one feature itemgetter gives the value itself
    found: dict[Hashable, int] = {cell[0] if alone else cell: left for cell, left in cells.items()}
    return values_of(names), found


def values_of(names: Sequence[str]) -> Place:
    """Gives the values that a point has for these features, to compare and to look up by."""
    return itemgetter(*names) if names else _nowhere


def points(features: Sequence[Feature]) -> Iterator[dict[str, str]]:
    """Every point of the space of these features."""
    names = [feature.name for feature in features]
    return (dict(zip(names, values, strict=True)) for values in product(*(feature.values for feature in features)))


def _groups(features: Sequence[Feature]) -> list[list[Feature]]:
    """The features in order, taken together as far as GROUP_CELLS allows."""
    groups: list[list[Feature]] = [[]]
    cells = 1
    for feature in features:
        cells *= len(feature.values)
        if groups[-1] and cells > GROUP_CELLS:
            groups.append([])
            cells = len(feature.values)
        groups[-1].append(feature)
    return groups


def _nowhere(_: Point) -> Hashable:
    """The only cell of no features."""
    return ()
