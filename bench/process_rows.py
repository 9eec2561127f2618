"""Start and memory of the whole process, beside those of the bare application."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from itertools import islice

from bench.client import closed_loop
from bench.knowledge import guideline
from bench.patients import patients
from bench.row import Effort, Measure, Pair, Spec, Target
from bench.serving import FLOOR, OURS, Server, serving

MORE = 3
"""Workers that are added."""
PATIENTS_A_WORKER = 200


@contextlib.contextmanager
def _start(effort: Effort) -> Iterator[Measure]:
    del effort

    def pair() -> Pair:
        with serving(OURS) as ours:
            pass
        with serving(FLOOR) as floor:
            return ours.started, floor.started

    yield Measure(pair)


@contextlib.contextmanager
def _memory(effort: Effort) -> Iterator[Measure]:
    bodies = [each.body for each in islice(patients(guideline()), effort.of(PATIENTS_A_WORKER, 10))]

    def more(app: str, path: str) -> float:
        with serving(app) as server:
            _used(server, path, bodies)
            before = server.pss_mb()
            for _ in range(MORE):
                os.kill(server.process.pid, signal.SIGTTIN)
                time.sleep(0.1)
            while len(server.workers()) < 1 + MORE:
                time.sleep(0.05)
            for _ in range(1 + MORE):
                _used(server, path, bodies)
            return (server.pss_mb() - before) / MORE

    facts = {"workers": [1, 1 + MORE], "patients_a_worker": len(bodies)}
    yield Measure(lambda: (more(OURS, "/v1/recommendations"), more(FLOOR, "/floor")), facts)


def _used(server: Server, path: str, bodies: list[bytes]) -> None:
    """Let the workers answer: a connection stays with the worker that took it, so many are opened."""
    each = iter([server.post(path, body) for body in bodies])
    closed_loop(server.port, _then_last(each), 0.01 * len(bodies), connections=16)


def _then_last(requests: Iterator[bytes]) -> Iterator[bytes]:
    last = b""
    for last in requests:
        yield last
    while True:
        yield last


SPECS = (
    Spec(
        "start_s",
        "s",
        Target.read("value <= 1.5"),
        "from the start of gunicorn to the first 200 of /readyz: knowledge read, checked and proved",
        "the same of FLOOR",
        _start,
    ),
    Spec(
        "worker_mb",
        "MB",
        Target.read("value <= 25"),
        "memory of one more worker that has answered (PSS: pages shared with others counted in parts)",
        "the same of FLOOR",
        _memory,
    ),
)
