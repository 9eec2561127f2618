"""Part 7: half of what it can bear, for ten minutes, while things fail around it."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tests.trust import faults
from tests.trust import faults_figures as figures
from tests.trust.access import modes
from tests.trust.faults import Fault, Pace, Run, Stand
from tests.trust.load import RIGHT, loaded
from tests.trust.record import Record, goal, table
from tests.trust.reference import questions
from tests.trust.stand import Service, redis, seconds

TITLE = "Soak"
ABOUT = """One service with its Redis and state Redis, asked without a pause at half of the rate that eight clients
reach; in each segment something fails. Every answer is compared with that of an application without a cache. Memory is
the proportional set size of master and workers together, files are their descriptors; both are looked at each second.
A run that was cut short is gone on with, on a new service; the first segment of each run warms it up and does not count
for the growth."""

FAULTS: list[Fault] = [*faults.TO_REDIS[:4], faults.TO_STATE[0], faults.TO_SERVICE[0]]
"""Those that leave the service itself running, and one that kills a worker."""
SEGMENTS, SEGMENT = 10, 60.0
SHORT_SEGMENTS, SHORT_SEGMENT = 3, 10.0
FULL_TILT = 1_000_000
"""A rate that nobody reaches: each client asks as soon as it is answered."""
DIFFERENT = 300
MOST_GROWTH = 0.05
MOST_FILES = 8
"""More at the end than at the beginning: connections that are open at that moment."""


class Watch(Thread):
    """Looks at the processes of a service once a second."""

    def __init__(self, up: Service) -> None:
        super().__init__(daemon=True)
        self._up, self._end = up, Event()
        self.memory: list[float] = []
        self.files: list[int] = []

    def run(self) -> None:
        while not self._end.wait(1):
            pids = [self._up.master, *self._up.workers()]
            memory, files = [_mib(pid) for pid in pids], [_files(pid) for pid in pids]
            if len(pids) == self._up.size + 1 and all(memory) and all(files):  # not while a worker is replaced
                self.memory.append(sum(memory))
                self.files.append(sum(files))

    def stop(self) -> None:
        self._end.set()
        self.join()


def run(record: Record, *, short: bool) -> None:
    """The segments that are missing."""
    number, length = (SHORT_SEGMENTS, SHORT_SEGMENT) if short else (SEGMENTS, SEGMENT)
    left = [segment for segment in range(number) if f"segment {segment + 1}" not in record.units]
    mode = modes()[0]
    begun = f"{time.time():.0f}"
    with tempfile.TemporaryDirectory(prefix="trust-") as folder, redis() as server, redis() as state:
        settings = {"REDIS_URL": server.url, "REDIS_STATE_URL": state.url, "NEAR_CACHE_BYTES": str(1 << 20)}
        with mode.service(Path(folder), settings) as up:
            if "peak" not in record.units:
                record.keep("peak", _peak(record, up, Path(folder), length / 6))
            rate = record.units["peak"] // 2
            pace = Pace(length * 0.3, length * 0.1, length * 0.5, 1, DIFFERENT, rate)
            for segment in left:
                fault = FAULTS[segment % len(FAULTS)]
                one = _segment(Run(record, mode, pace, Path(folder)), Stand(up, server, state), fault)
                record.keep(f"segment {segment + 1}", one | {"fault": fault.name, "run": begun})
    _conclude(record, number)


def _peak(record: Record, up: Service, folder: Path, length: float) -> int:
    """Right answers a second that the clients get when they do not wait."""
    plan = {"port": up.port, "questions": questions(record.seed, DIFFERENT), "rate": FULL_TILT, "seed": record.seed}
    with loaded(folder, **plan, access=None) as load:
        began = time.monotonic()
        seconds(length)
        ended = time.monotonic()
        samples = load.stop()
    return round(sum(each.kind == RIGHT and began <= each.began <= ended for each in samples) / (ended - began))


def _segment(run: Run, stand: Stand, fault: Fault) -> dict[str, Any]:
    up, pace = stand.service, run.pace
    plan = {"port": up.port, "questions": questions(run.record.seed, DIFFERENT), "rate": pace.rate}
    watch = Watch(up)
    with loaded(run.folder, **plan, seed=run.record.seed, access=None) as load:
        watch.start()
        try:
            marks = run.round(stand, fault)
        finally:
            watch.stop()
        samples = load.stop()
    found = figures.of(run.mode, fault.name, [marks], samples)
    times = sorted(each.ended - each.began for each in samples if each.kind == RIGHT)
    return {name: found.get(name, 0) for name in ("requests", "right", "wrong", "failed", "killed", "refused")} | {
        "ms": [round(1000 * times[int(len(times) * share)], 2) for share in (0.5, 0.99)],
        "memory": round(statistics.median(watch.memory), 1),
        "files": max(watch.files),
    }


def growth(memory: Sequence[float]) -> float:
    """How much the line through the values rises from the first to the last, as a share of the first."""
    if len(memory) < 2:
        return 0.0
    slope, start = statistics.linear_regression(range(len(memory)), memory)
    return slope * (len(memory) - 1) / start


def _conclude(record: Record, number: int) -> None:
    segments = [record.units[f"segment {each + 1}"] for each in range(number)]
    runs = list(dict.fromkeys(each["run"] for each in segments))
    warm = [[each for each in segments if each["run"] == begun][1:] for begun in runs]
    grown = max((growth([each["memory"] for each in one]) for one in warm), default=0.0)
    more = max((one[-1]["files"] - one[0]["files"] for one in warm if one), default=0)

    def total(name: str) -> int:
        return sum(each[name] for each in segments)

    wrong, failed, peak = total("wrong"), total("failed") + total("refused"), record.units["peak"]
    said = f"{grown:+.1%} over {number} segments"
    columns = ["segment", "fault", "requests", "right", "wrong", "failed", "killed with a worker", "ms p50, p99",
               "memory, MiB", "descriptors"]  # fmt: skip
    rows = [
        (index + 1, each["fault"], each["requests"], each["right"], each["wrong"], each["failed"], each["killed"],
         f"{each['ms'][0]}, {each['ms'][1]}", each["memory"], each["files"])
        for index, each in enumerate(segments)
    ]  # fmt: skip
    record.tables(table("Segments", columns, rows))
    record.end(
        [
            goal("0 wrong answers", f"{wrong} of {total('requests')}", met=wrong == 0 < total("right")),
            goal("0 requests failed but those that died with a killed worker", f"{failed}", met=failed == 0),
            goal(f"memory grows by less than {MOST_GROWTH:.0%}", said, met=grown < MOST_GROWTH),
            goal(f"at most {MOST_FILES} more descriptors at the end", f"{more:+d}", met=more <= MOST_FILES),
        ],
        [f"peak {peak} right answers a second, soaked at {peak // 2}; {len(runs)} run(s)"],
    )


def _mib(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)


def _files(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0
