"""Proof that a table is complete, free of overlap (UNIQUE) and free of dead rows, over its whole space.

No cell is enumerated. Which boxes meet a box is the AND over features of the OR over its values;
disjoint boxes fill the space exactly when their volumes add up to its volume; boxes are subtracted
only where they may overlap, and to find a witness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from service.engine.compile import masks_of
from service.engine.table import Box, HitPolicy, Table


class Kind(StrEnum):
    """What can be wrong with a table."""

    OVERLAP = "overlap"
    GAP = "gap"
    DEAD = "dead"


@dataclass(frozen=True)
class Flaw:
    """One fault of a table, with a patient that shows it (a dead row has none: no patient reaches it)."""

    table: str
    kind: Kind
    rows: tuple[str, ...]
    witness: Mapping[str, str] | None

    def __str__(self) -> str:
        """Say it in one line."""
        who = "" if self.witness is None else f"; witness {dict(self.witness)}"
        return f"table {self.table}: {self.kind} {', '.join(self.rows)}{who}"


def verify(table: Table) -> list[Flaw]:
    """All flaws of the table; an empty list is the proof."""
    whole = table.values
    boxes = [{name: box.get(name, values) for name, values in whole.items()} for _, box in table.entries]
    if table.hit_policy is HitPolicy.COLLECT:
        return _dead(table, boxes, [[] for _ in boxes])
    meeting = _meeting(table, boxes)
    if table.hit_policy is HitPolicy.PRIORITY:
        return _dead(table, boxes, meeting) + _gap(table, boxes)
    overlaps = [_overlap(table, boxes, i, j) for i, earlier in enumerate(meeting) for j in earlier]
    volume = sum(prod(map(len, box.values())) for box in boxes)
    gaps = [] if not overlaps and volume == table.cells else _gap(table, boxes)
    return overlaps + _dead(table, boxes, [[] for _ in boxes]) + gaps


def uncovered(space: Box, boxes: Sequence[Box]) -> dict[str, str] | None:
    """A point of `space` outside all `boxes`, or None where they cover it. All name the same features."""
    pieces = [(space, 0)] if all(space.values()) else []
    while pieces:
        piece, index = pieces.pop()
        while index < len(boxes) and not all(piece[name] & boxes[index][name] for name in piece):
            index += 1
        if index == len(boxes):
            return {name: min(values) for name, values in piece.items()}
        pieces.extend((rest, index + 1) for rest in _subtract(piece, boxes[index]))
    return None


def _subtract(space: Box, box: Box) -> list[Box]:
    pieces: list[Box] = []
    core = dict(space)
    for name, values in space.items():
        if outside := values - box[name]:
            pieces.append({**core, name: outside})
            core[name] = values & box[name]
    return pieces


def _meeting(table: Table, boxes: Sequence[Box]) -> list[list[int]]:
    """For each box the indices of the earlier boxes that it meets."""
    masks = masks_of(table.inputs, boxes)
    found = []
    for index, box in enumerate(boxes):
        bits = (1 << index) - 1
        for name, values in box.items():
            accepted = 0
            for value in values:
                accepted |= masks[name][value]
            bits &= accepted
        found.append([i for i in range(index) if bits >> i & 1] if bits else [])
    return found


def _overlap(table: Table, boxes: Sequence[Box], one: int, other: int) -> Flaw:
    witness = {name: min(values & boxes[other][name]) for name, values in boxes[one].items()}
    rows = (table.entries[other][0].name, table.entries[one][0].name)
    return Flaw(table.name, Kind.OVERLAP, rows, witness)


def _gap(table: Table, boxes: Sequence[Box]) -> list[Flaw]:
    if any(box == table.values for box in boxes):
        return []
    witness = uncovered(table.values, boxes)
    return [] if witness is None else [Flaw(table.name, Kind.GAP, (), witness)]


def _dead(table: Table, boxes: Sequence[Box], meeting: Sequence[Sequence[int]]) -> list[Flaw]:
    """Rows of which no box holds a point that earlier rows leave free. Rows are told apart by identity, not name."""
    owner = [id(row) for row, _ in table.entries]
    alive = {
        owner[index]
        for index, box in enumerate(boxes)
        if uncovered(box, [boxes[i] for i in meeting[index] if owner[i] != owner[index]]) is not None
    }
    return [Flaw(table.name, Kind.DEAD, (row.name,), None) for row in table.rows if id(row) not in alive]
