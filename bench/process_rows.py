"""Start and memory of the whole process, beside those of the bare application."""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.build import CURRENT, Build
from bench.client import closed_loop
from bench.copies import GUIDELINES, CopiedContent
from bench.knowledge import guideline
from bench.patients import patients
from bench.row import Effort, Measure, Pair, Spec, Target
from bench.serving import FLOOR, OURS, Server, serving

MORE = 3
"""Workers that are added."""
PATIENTS_A_WORKER = 200


@contextlib.contextmanager
def _start(effort: Effort) -> Iterator[Measure]:
    with four_guidelines(effort) as settings:

        def pair() -> Pair:
            return start_seconds(OURS, **settings), start_seconds(FLOOR)

        yield Measure(pair)


@contextlib.contextmanager
def _memory(effort: Effort) -> Iterator[Measure]:
    bodies = worker_bodies(effort)
    facts = {"workers": [1, 1 + MORE], "patients_a_worker": len(bodies)}
    with four_guidelines(effort) as settings:

        def pair() -> Pair:
            return worker_mb(bodies, **settings), worker_mb(bodies, FLOOR, "/floor")

        yield Measure(pair, facts)


@contextlib.contextmanager
def four_guidelines(effort: Effort, build: Build = CURRENT) -> Iterator[dict[str, str]]:
    """Write a content folder with four guidelines; give the settings of a server that reads it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        content = CopiedContent(effort.content or build.content)
        yield content.write(Path(name) / "content", effort.of(GUIDELINES, 2))


def worker_bodies(effort: Effort) -> list[bytes]:
    """Return the patients that each worker answers."""
    return [patient.body for patient in islice(patients(guideline()), effort.of(PATIENTS_A_WORKER, 10))]


def start_seconds(app: str, build: Build = CURRENT, **settings: str) -> float:
    """Return the seconds from the start of gunicorn to its first answer."""
    with serving(app, build=build, **settings) as server:
        return server.started


def worker_mb(
    bodies: list[bytes], app: str = OURS, path: str = "/v1/recommendations", build: Build = CURRENT, **settings: str
) -> float:
    """Return the memory of one more worker that has answered, in MB."""
    with serving(app, build=build, **settings) as server:
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
        Target.read("value <= 2"),
        "from the start of gunicorn to the first 200 of /readyz: four guidelines (copies of one) read, checked, proved",
        "the same of FLOOR",
        _start,
    ),
    Spec(
        "worker_mb",
        "MB",
        Target.read("value <= 30"),
        "memory of one more worker that has answered, with four guidelines (PSS: shared pages counted in parts)",
        "the same of FLOOR",
        _memory,
    ),
)
