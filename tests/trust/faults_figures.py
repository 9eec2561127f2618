"""What the samples of a fault come to."""

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.trust import faults_comments, faults_feedback
from tests.trust.access import Access
from tests.trust.load import CLIENTS, CUT, RIGHT, UNCONNECTED, WRONG, Sample
from tests.trust.record import Record, goal, table
from tests.trust.stand import ENVIRONMENT, WORKERS

PHASES = ("before", "during", "after")
HUNG = "Redis hung"
MOST_RATIO = 1.5
WAYS = ("near", "redis", "miss", "down", "forged", "once", "none")
"""Where answers came from: this process, Redis, worked out (not found there, breaker open, not believed, not kept
anywhere), refused facts."""


class Marks:
    """The moments of one round, and what belongs to it."""

    def __init__(self, clock: int = 0, *, stops: bool = False, refuses: str = "") -> None:
        self.clock, self.stops, self.refuses = clock, stops, refuses
        self.killed: set[int] = set()
        self.at: dict[str, float] = {}

    def now(self, name: str) -> None:
        """This moment has this name."""
        self.at[name] = time.monotonic()

    def phase(self, sample: Sample) -> str | None:
        """When it was; a request that was under way when the fault came belongs to it."""
        if sample.began < self.at["begun"] or sample.ended > self.at["ended"]:
            return None
        if sample.ended < self.at["injecting"]:
            return "before"
        if sample.began < self.at["healed"]:
            return "during"
        return "after" if sample.began >= self.at["recovered"] else "between"

    def clocks(self, sample: Sample) -> int:
        """The clocks of which one must be right: while it jumps, either."""
        settled = sample.began >= self.at["injected"] and sample.ended < self.at["healing"]
        if settled:
            return 1 << self.clock
        away = sample.ended < self.at["injecting"] or sample.began >= self.at["healed"]
        return 1 if away else 1 | 1 << self.clock


def of(mode: Access, name: str, rounds: Sequence[Marks], samples: Sequence[Sample]) -> dict[str, Any]:
    """The figures of one fault."""
    counts: Counter[str] = Counter()
    ways: dict[str, Counter[str]] = {phase: Counter() for phase in PHASES}
    times: list[dict[str, list[float]]] = []
    other: Counter[str] = Counter()
    for marks in rounds:
        times.append({phase: [] for phase in PHASES})
        for sample in samples:
            phase = marks.phase(sample)
            if phase is None:
                continue
            counts["requests"] += 1
            verdict = _verdict(mode, marks, sample)
            counts[verdict] += 1
            if verdict == "failed":
                other[sample.kind] += 1
            if phase in PHASES and verdict == "right":
                times[-1][phase].append((sample.ended - sample.began) * 1000)
                ways[phase][sample.cache] += 1
    figures: dict[str, Any] = {"mode": mode.name, "fault": name, "rounds": len(rounds)} | dict(counts)
    figures["failures"] = dict(other)
    figures["ways"] = {phase: dict(ways[phase]) for phase in PHASES}
    for percent in (50, 99, 100):
        figures[f"p{percent}"] = {
            phase: round(statistics.median(_percentile(each[phase], percent) for each in times), 2) for phase in PHASES
        }
    figures["p99 of each round"] = [
        {phase: round(_percentile(each[phase], 99), 2) for phase in PHASES} for each in times
    ]
    return figures


def _verdict(mode: Access, marks: Marks, sample: Sample) -> str:
    kind = sample.kind
    if kind == RIGHT:
        return "right" if sample.clocks & marks.clocks(sample) else "wrong"
    if kind == WRONG:
        return "wrong"
    if kind == CUT and sample.port in marks.killed:
        return "killed"
    if marks.stops and kind in {CUT, UNCONNECTED} and marks.at["injecting"] <= sample.began < marks.at["healed"]:
        return "nobody"
    lasting = marks.at["injecting"] <= sample.ended and sample.began < marks.at["recovered"]
    return "refused" if lasting and mode.name == "tokens" and kind in marks.refuses else "failed"


def _percentile(values: list[float], percent: int) -> float:
    """Of the values the one under which so many percent lie; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def conclude(record: Record, rate: int, *, clocks: bool) -> None:
    """Tables and goals, of the units that are there."""
    rows = [unit for unit in record.units.values() if "fault" in unit]
    feedback, comments = record.units[faults_feedback.UNIT], record.units[faults_comments.UNIT]
    record.tables(
        faults_feedback.shown(feedback),
        faults_comments.shown(comments),
        *(_times(mode, [row for row in rows if row["mode"] == mode]) for mode in _unique(row["mode"] for row in rows)),
        *(_uses(mode, [row for row in rows if row["mode"] == mode]) for mode in _unique(row["mode"] for row in rows)),
    )
    wrong, failed = (sum(row.get(name, 0) for row in rows) for name in ("wrong", "failed"))
    asked = sum(row["requests"] for row in rows)
    goals = [
        goal("0 wrong answers", f"{wrong} of {asked}", met=wrong == 0),
        *faults_feedback.goals(feedback),
        *faults_comments.goals(comments),
        goal("0 failed requests, but on the sockets of a killed worker", f"{failed} of {asked}", met=failed == 0),
    ]
    for row in rows:
        if row["fault"].startswith(HUNG):
            before, during = row["p99"]["before"], row["p99"]["during"]
            figure = f"{during / before:.2f} ({before} ms, then {during} ms; medians of {row['rounds']} rounds)"
            said = f"p99 while Redis hangs at most {MOST_RATIO} times before ({row['mode']})"
            goals.append(goal(said, figure, met=during <= MOST_RATIO * before))
    record.end(
        goals,
        [
            f"{CLIENTS} keep-alive clients in a closed loop, {rate} requests a second at most; {WORKERS} workers",
            f"NEAR_CACHE_BYTES={ENVIRONMENT['NEAR_CACHE_BYTES']}, so that Redis is asked all the time",
            "clocks were moved by a preloaded library (clock.c)" if clocks else "clocks were not moved: there is no cc",
            "load, service and Redis share this machine, and whatever else runs on it",
        ],
    )


def _times(mode: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def three(row: dict[str, Any], name: str) -> str:
        return " / ".join(f"{row[name][phase]:.1f}" for phase in PHASES)

    columns = ["fault", "requests", "wrong", "failed", "killed socket", "refused", "nobody there"]
    columns += ["p50 ms", "p99 ms", "max ms"]
    names = ("wrong", "failed", "killed", "refused", "nobody")
    about = (
        "Times before / during / after, of right answers. Killed socket: the connection was to the worker that was "
        "killed. Refused: token calls while the replay guard is closed or the clocks differ. Nobody there: begun after "
        "the service was told to stop."
    )
    return table(
        f"Access: {mode}",
        columns,
        [
            [row["fault"], row["requests"], *(row.get(name, 0) for name in names)]
            + [three(row, name) for name in ("p50", "p99", "p100")]
            for row in rows
        ],
        about,
    )


def _uses(mode: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def three(row: dict[str, Any], way: str) -> str:
        return " / ".join(str(row["ways"][phase].get(way, 0)) for phase in PHASES)

    columns = ["fault", "near", "Redis", "worked out", "breaker open", "not believed", "kept nowhere", "refused facts"]
    about = "Where right answers came from, by Cache-Status, before / during / after."
    return table(
        f"Use of the caches, access: {mode}",
        columns,
        [[row["fault"], *(three(row, way) for way in WAYS)] for row in rows],
        about,
    )


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
