"""A decision table: rows of boxes over features, and a hit policy (DMN 1.3, 8.2.10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from service.engine.vocabulary import Feature

Box: TypeAlias = Mapping[str, frozenset[str]]
"""Feature name -> the values that fit. A feature that is left out fits with every value."""


class HitPolicy(StrEnum):
    """How the rows of a table share its space.

    UNIQUE: exactly one row fits each point, so order never matters.
    PRIORITY: several may fit; the output that stands first among the table's outputs wins.
    COLLECT: every row that fits counts; none may fit.
    """

    UNIQUE = "unique"
    PRIORITY = "priority"
    COLLECT = "collect"


@dataclass(frozen=True)
class Row:
    """One rule: its name, what it gives, and the boxes in which it holds (any of them)."""

    name: str
    output: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Table:
    """Rows over input features; `outputs` lists what may come out, the winning one first.

    Raises ValueError for a box that names an unknown feature or value, or an output that is not listed.
    """

    name: str
    hit_policy: HitPolicy
    inputs: tuple[Feature, ...]
    outputs: tuple[str, ...]
    rows: tuple[Row, ...]
    title: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Check every row against the inputs and outputs."""
        for row in self.rows:
            self._check(row)

    @cached_property
    def values(self) -> dict[str, frozenset[str]]:
        """Input feature name -> all its values."""
        return {feature.name: frozenset(feature.values) for feature in self.inputs}

    @property
    def cells(self) -> int:
        """Number of points in the space of the inputs."""
        cells = 1
        for feature in self.inputs:
            cells *= len(feature.values)
        return cells

    @cached_property
    def entries(self) -> tuple[tuple[Row, Box], ...]:
        """Every box with its row, the one that wins first."""
        rows = self.rows
        if self.hit_policy is HitPolicy.PRIORITY:
            rows = tuple(sorted(rows, key=lambda row: self.outputs.index(row.output)))
        return tuple((row, box) for row in rows for box in row.boxes)

    def _check(self, row: Row) -> None:
        if row.output not in self.outputs:
            message = f"table {self.name}, row {row.name}: gives {row.output!r}, which is not among its outputs"
            raise ValueError(message)
        for box in row.boxes:
            for name, accepted in box.items():
                if name not in self.values:
                    message = f"table {self.name}, row {row.name}: no feature {name!r}"
                    raise ValueError(message)
                if strange := accepted - self.values[name]:
                    message = f"table {self.name}, row {row.name}: {name} is never {sorted(strange)}"
                    raise ValueError(message)


def is_inside(boxes: Iterable[Box], point: Mapping[str, str]) -> bool:
    """Return whether the point lies in any of the boxes; without a box it does not."""
    for box in boxes:
        for name, accepted in box.items():
            if point[name] not in accepted:
                break
        else:
            return True
    return False


def collect_table(name: str, parts: Iterable[tuple[str, tuple[Box, ...]]], features: Mapping[str, Feature]) -> Table:
    """Return a COLLECT table with one row for each named part."""
    rows = tuple(Row(part, part, boxes) for part, boxes in parts)
    outputs = tuple(dict.fromkeys(row.output for row in rows))
    inputs = features_read(rows, features)
    return Table(name=name, hit_policy=HitPolicy.COLLECT, inputs=inputs, outputs=outputs, rows=rows)


def features_read(rows: Iterable[Row], features: Mapping[str, Feature]) -> tuple[Feature, ...]:
    """Return the features that any of the rows reads, in the order of `features`."""
    names = {name for row in rows for box in row.boxes for name in box}
    return tuple(feature for name, feature in features.items() if name in names)
