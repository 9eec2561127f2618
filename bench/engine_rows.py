"""The engine without HTTP: microseconds a patient, flat in the number of rules, proofs, and beside zen-engine."""

import contextlib
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from operator import itemgetter
from typing import Any

from bench import zen_table
from bench.knowledge import guideline
from bench.large_table import large_table, points
from bench.patients import patients
from bench.row import Effort, Measure, Pair, Spec, Target
from bench.timing import both
from service.engine.chain import Chain
from service.engine.compile import CompiledTable, Point
from service.engine.table import Table
from service.engine.verify import verify

SECONDS, SHORT_SECONDS = 0.6, 0.02
FEW, MANY = 25, 1000
PATIENTS = 500
POINTS = 2000


@contextlib.contextmanager
def _engine(effort: Effort) -> Iterator[Measure]:
    asked = guideline()
    stated = [each.point for each in islice(patients(asked), PATIENTS)]
    derive, gates, decide = asked.chain.derive, asked.gates.at, asked.table.decide
    rules = asked.rules

    def ours() -> None:
        for point in stated:
            derived = derive(point)
            next(gates(derived), None) or rules[decide(derived).output]

    bare = _ready(asked.chain, asked.table, stated)
    yield Measure(
        _pair(ours, bare, len(stated), effort),
        {"patients": len(stated), "tables": len(asked.chain.tables) + 1, "features": len(asked.chain.features)},
    )


def _ready(chain: Chain, last: CompiledTable, stated: Sequence[Point]) -> Callable[[], None]:
    """For each patient a copy of the point and one look-up a table, with the keys made beforehand."""
    tables = [*((each.table.name, each) for each in chain.tables), ("rule", last)]
    cells: dict[str, dict[Any, str]] = {name: {} for name, _ in tables}
    work: list[tuple[Point, list[tuple[str, Any]]]] = []
    for point in stated:
        derived: dict[str, str] = chain.derive(point)
        keys = []
        for name, table in tables:
            key = itemgetter(*(feature.name for feature in table.table.inputs))(derived)
            cells[name][key] = table.decide(derived).output
            keys.append((name, key))
        work.append((point, keys))

    def bare() -> None:
        for point, keys in work:
            derived = dict(point)
            for name, key in keys:
                derived[name] = cells[name][key]

    return bare


def _pair(one: Callable[[], None], other: Callable[[], None], each: int, effort: Effort) -> Callable[[], Pair]:
    """Microseconds of both."""

    def pair() -> Pair:
        ours, theirs = both(one, other, effort.of(SECONDS, SHORT_SECONDS))
        return ours * 1e6 / each, theirs * 1e6 / each

    return pair


@contextlib.contextmanager
def _flat(effort: Effort) -> Iterator[Measure]:
    few = large_table(FEW)
    many = large_table(MANY)
    tracemalloc.start()
    large = CompiledTable(many)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    facts = {"cells": many.cells, "peak_mb": round(peak / 2**20, 1), "peak_mb_limit": 50}
    asked = points(POINTS)
    if peak >= 50 * 2**20:
        raise RuntimeError(f"the table of {MANY} rules takes {peak / 2**20:.0f} MB")
    ask_many, ask_few = (_asking(table, asked) for table in (large, CompiledTable(few)))
    yield Measure(_pair(ask_many, ask_few, len(asked), effort), facts)


def _asking(table: CompiledTable, asked: Sequence[Point]) -> Callable[[], None]:
    decide = table.decide

    def ask() -> None:
        for point in asked:
            decide(point)

    return ask


@contextlib.contextmanager
def _proof(effort: Effort) -> Iterator[Measure]:
    table = large_table(effort.of(MANY, 100))
    if verify(table):
        raise RuntimeError("the table of the benchmark is not right")
    yield Measure(lambda: both(lambda: verify(table), lambda: _compared(table)))


def _compared(table: Table) -> None:
    """Only that no two rules overlap, by comparing each with each."""
    whole = table.values
    boxes = [[box.get(name, values) for name, values in whole.items()] for _, box in table.entries]
    for one, other in combinations(boxes, 2):
        if not any(here.isdisjoint(there) for here, there in zip(one, other, strict=True)):
            raise RuntimeError("an overlap")


@contextlib.contextmanager
def _zen(effort: Effort) -> Iterator[Measure]:
    asked = guideline()
    axes = [feature.name for feature in asked.table.table.inputs]
    derived = (asked.chain.derive(each.point) for each in islice(patients(asked), PATIENTS))
    stated = [{axis: point[axis] for axis in axes} for point in derived]
    ours, theirs = zen_table.ours(asked), zen_table.theirs(asked)
    for point in stated:
        if ours(point) != theirs(point):
            raise RuntimeError(f"the two engines disagree about {point}")

    def loop(engine: zen_table.Engine) -> Callable[[], None]:
        def ask() -> None:
            for point in stated:
                engine(point)

        return ask

    def pair() -> Pair:
        one, other = both(loop(ours), loop(theirs), effort.of(SECONDS, SHORT_SECONDS))
        return len(stated) / one, len(stated) / other

    yield Measure(pair, {"rules": len(asked.rules), "zen-engine": zen_table.VERSION})


SPECS = (
    Spec(
        "engine_us",
        "us/patient",
        Target.read("value <= 5"),
        "derivations (20 tables), gate and rule of a patient in normal form, mean of 500 patients; nothing is kept "
        "from one patient to the next",
        "a copy of the point and one look-up a table with its key made beforehand",
        _engine,
    ),
    Spec(
        "engine_flat",
        "us/point",
        Target.read("ratio <= 1.2"),
        "one decision in a table of 1,000 rules over 10^8 cells, of which none is laid out",
        "the same with 25 rules",
        _flat,
    ),
    Spec(
        "proof_s",
        "s",
        Target.read("value <= 1"),
        "proof that these 1,000 rules are complete, free of overlap and all alive",
        "comparing each of them with each for overlap alone",
        _proof,
    ),
    Spec(
        "zen",
        "decisions/s",
        Target.read("ratio >= 20"),
        "the decision table: rule, code and direction from a dictionary of three axes",
        "zen-engine with the same table, from the same dictionary to the same fields",
        _zen,
    ),
)
