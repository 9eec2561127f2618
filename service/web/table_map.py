"""The decision table as maps that a person can read: equal neighbours are joined, so that a rule is one field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product

from service.knowledge.guideline import Guideline
from service.knowledge.model import Rule

Grid = list[list[str]]


@dataclass(frozen=True)
class Span:
    """Values of an axis that lie beside each other and lead to the same rules throughout a map."""

    values: tuple[str, ...]
    every: bool


@dataclass(frozen=True)
class Field:
    """A rectangle of one rule, counted in joined columns and rows."""

    rule: Rule
    columns: int
    rows: int


@dataclass(frozen=True)
class Map:
    """One map: the values of the axes that it holds still, its columns, its rows with the fields that begin there."""

    fixed: Mapping[str, str]
    columns: tuple[Span, ...]
    rows: tuple[tuple[Span, tuple[Field, ...]], ...]


def maps(guideline: Guideline) -> list[Map]:
    """A map for each value of the third axis and those after it; columns are the first axis, rows the second."""
    axes = guideline.release.axes
    across, down, *still = (*axes, *("" for _ in range(2 - len(axes))))
    held = product(*(guideline.chain.features[axis].values for axis in still))
    return [_map(guideline, across, down, dict(zip(still, values, strict=True))) for values in held]


def _map(guideline: Guideline, across: str, down: str, fixed: Mapping[str, str]) -> Map:
    wide = guideline.chain.features[across].values
    high = guideline.chain.features[down].values if down else ("",)
    grid = [
        [guideline.table.decide({across: x, **({down: y} if down else {}), **fixed}).output for x in wide] for y in high
    ]
    rows = _spans(high, grid)
    columns = _spans(wide, [list(column) for column in zip(*grid, strict=True)])
    joined = [[grid[high.index(row.values[0])][wide.index(column.values[0])] for column in columns] for row in rows]
    fields = _fields(joined)
    return Map(
        fixed,
        columns,
        tuple(
            (row, tuple(Field(guideline.rules[name], right, below) for name, right, below in begin))
            for row, begin in zip(rows, fields, strict=True)
        ),
    )


def _spans(values: Sequence[str], lines: Grid) -> tuple[Span, ...]:
    """The values, those beside each other joined whose lines are equal."""
    found = []
    for _, group in groupby(zip(values, lines, strict=True), key=lambda pair: pair[1]):
        names = tuple(value for value, _ in group)
        found.append(Span(names, every=len(names) == len(values)))
    return tuple(found)


def _fields(grid: Grid) -> list[list[tuple[str, int, int]]]:
    """Rectangles of one rule, row by row: to the right as far as it goes, then down."""
    covered: set[tuple[int, int]] = set()
    found: list[list[tuple[str, int, int]]] = []
    for y, row in enumerate(grid):
        found.append([])
        for x, rule in enumerate(row):
            if (x, y) in covered:
                continue
            right = 1
            while x + right < len(row) and row[x + right] == rule and (x + right, y) not in covered:
                right += 1
            below = 1
            while y + below < len(grid) and all(grid[y + below][x + step] == rule for step in range(right)):
                below += 1
            covered |= {(x + step, y + down) for step in range(right) for down in range(below)}
            found[-1].append((rule, right, below))
    return found
