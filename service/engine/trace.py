"""Why this row, and why not its nearest neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, itemgetter

from service.engine.compile import CompiledTable, Point, ones
from service.engine.vocabulary import Feature


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
    holding = {id(row) for row, _ in table.collect(point)}
    accepting = {feature: table.masks[feature.name][point[feature.name]] for feature in table.table.inputs}
    missed = dict[int, Feature]()
    for feature, bits in accepting.items():
        others = (other for each, other in accepting.items() if each is not feature)
        missed.update((entry, feature) for entry in ones(reduce(and_, others, table.everything) & ~bits))
    found = []
    for entry, feature in sorted(missed.items(), key=itemgetter(0)):
        row, box = table.table.entries[entry]
        if id(row) not in holding:
            needed = tuple(value for value in feature.values if value in box[feature.name])
            found.append(Neighbour(row.name, feature.name, point[feature.name], needed))
    return found
