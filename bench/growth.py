"""Cost against the number of rules and the size of a record, at four sizes each."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bench.ehr_rows import milliseconds_a_megabyte
from bench.large_table import large_table, points
from bench.row import quartiles, rounded
from bench.timing import seconds
from service.engine.compile import CompiledTable
from service.engine.verify import verify

RULES = (25, 100, 400, 1000)
BYTES = (625_000, 1_250_000, 2_500_000, 5_000_000)


class Curve(NamedTuple):
    """A cost that is measured at several sizes."""

    name: str
    unit: str
    against: str
    sizes: Sequence[int]
    cost: Callable[[int], Callable[[], float]]
    """For a size what measures its cost once."""


def _decision(rules: int) -> Callable[[], float]:
    table, asked = CompiledTable(large_table(rules)), points(500)

    def ask() -> None:
        for point in asked:
            table.decide(point)

    return lambda: seconds(ask, 0.1) * 1e6 / len(asked)


def _compiling(rules: int) -> Callable[[], float]:
    table = large_table(rules)
    return lambda: seconds(lambda: CompiledTable(table)) * 1000


def _proof(rules: int) -> Callable[[], float]:
    table = large_table(rules)
    return lambda: seconds(lambda: verify(table)) * 1000


def _reading(size: int) -> Callable[[], float]:
    a_megabyte = milliseconds_a_megabyte(size)
    return lambda: a_megabyte(0) * size / 1e6


CURVES = (
    Curve("decision", "us", "rules", RULES, _decision),
    Curve("compiling", "ms", "rules", RULES, _compiling),
    Curve("proof", "ms", "rules", RULES, _proof),
    Curve("extraction", "ms", "bytes", BYTES, _reading),
)


def grown(curve: Curve, rounds: int) -> dict[str, Any]:
    """Medians and quartiles at each size, the sizes in turn in every round; and the power of size that fits them."""
    measures = [curve.cost(size) for size in curve.sizes]
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    costs = list(zip(*taken, strict=True))
    medians = [statistics.median(each) for each in costs]
    power = statistics.linear_regression([math.log(n) for n in curve.sizes], [math.log(cost) for cost in medians]).slope
    return {
        "name": curve.name,
        "unit": curve.unit,
        "against": curve.against,
        "sizes": list(curve.sizes),
        "values": [rounded(each) for each in medians],
        "quartiles": [quartiles(each) for each in costs],
        "power": round(power, 2),
    }
