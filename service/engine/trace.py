"""Why this row, and why not its nearest neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.engine.compile import CompiledTable, Point


@dataclass(frozen=True)
class Step:
    """One table's answer: what it read, which row held, what came out."""

    table: str
    title: str
    row: str
    inputs: Mapping[str, str]
    output: str


@dataclass(frozen=True)
class Neighbour:
    """A row that would have held but for one feature."""

    row: str
    feature: str
    stated: str
    needed: tuple[str, ...]


def step(table: CompiledTable, point: Point) -> Step:
    """What the table makes of this point."""
    row = table.decide(point)
    inputs = {feature.name: point[feature.name] for feature in table.table.inputs}
    return Step(table.table.name, table.table.title, row.name, inputs, row.output)


def nearest(table: CompiledTable, point: Point) -> list[Neighbour]:
    """The rows that miss this point by exactly one cell, in the order of the table."""
    found = []
    holding = [row for row, _ in table.collect(point)]
    for row, box in table.table.entries:
        if any(row is other for other in holding):
            continue
        missed = [name for name, accepted in box.items() if point[name] not in accepted]
        if len(missed) == 1:
            name = missed[0]
            needed = next(feature.values for feature in table.table.inputs if feature.name == name)
            accepted = tuple(value for value in needed if value in box[name])
            found.append(Neighbour(row.name, name, point[name], accepted))
    return found
