"""A table becomes a look-up whose cost does not grow with the number of its rows.

Each value of each feature holds one integer with a bit for every box that accepts it. The boxes that
fit a point are the AND of as many integers as there are features; the lowest bit is the winner.
A small table is laid out whole, so that a point costs a single dictionary access.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from operator import itemgetter
from typing import TypeAlias

from service.engine.table import Box, HitPolicy, Row, Table

DENSE_CELLS = 8192
"""A table of at most this many cells is laid out whole."""

Point: TypeAlias = Mapping[str, str]
"""Feature name -> value; may hold more features than a table reads."""


class CompiledTable:
    """A table ready to be asked. Immutable once made; safe to share between threads."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.rows: tuple[Row, ...] = tuple(row for row, _ in table.entries)
        self.masks = masks_of(table, (box for _, box in table.entries))
        self._features = tuple(self.masks.items())
        self.everything = (1 << len(self.rows)) - 1
        self._key, self._cells = self._lay_out()

    def fitting(self, point: Point) -> int:
        """Bits of the boxes (in the order of `table.entries`) that the point lies in."""
        bits = self.everything
        for name, accepted in self._features:
            bits &= accepted[point[name]]
        return bits

    def decide(self, point: Point) -> Row:
        """Give the one row that holds at this point; LookupError if there is none (the proof excludes it)."""
        if self._cells is not None:
            return self._cells[self._key(point)]
        return self._winner(point)

    def collect(self, point: Point) -> Iterator[tuple[Row, Box]]:
        """Every row that holds at this point, with the box in which it holds, in order."""
        for entry in ones(self.fitting(point)):
            yield self.table.entries[entry]

    def _winner(self, point: Point) -> Row:
        bits = self.fitting(point)
        if not bits:
            message = f"table {self.table.name}: no row for this point"
            raise LookupError(message)
        return self.rows[(bits & -bits).bit_length() - 1]

    def _lay_out(self) -> tuple[Callable[[Point], object], dict[object, Row] | None]:
        names = [feature.name for feature in self.table.inputs]
        if self.table.hit_policy is HitPolicy.COLLECT or not names or self.table.cells > DENSE_CELLS:
            return (lambda _: None), None
        key = itemgetter(*names)
        points = (
            dict(zip(names, values, strict=True))
            for values in product(*(feature.values for feature in self.table.inputs))
        )
        cells = {key(point): self._winner(point) for point in points if self.fitting(point)}
        return key, cells


def ones(bits: int) -> Iterator[int]:
    """The places of the bits that are set, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def masks_of(table: Table, boxes: Iterable[Box]) -> dict[str, dict[str, int]]:
    """Feature -> value -> the bits of the boxes that accept it."""
    masks = {feature.name: dict.fromkeys(feature.values, 0) for feature in table.inputs}
    for index, box in enumerate(boxes):
        bit = 1 << index
        for name, by_value in masks.items():
            for value in box.get(name, by_value):
                by_value[value] |= bit
    return masks
