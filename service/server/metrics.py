"""What is counted, for Prometheus. Labels are words of ours only: route templates, rules, outcomes.

Each process counts in a file of its own, which any of them adds up. A file belongs to a slot, not to a process, so that
workers that come and go for months leave a handful of files.
"""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

M = TypeVar("M", Counter, Histogram)

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
MOST_PROCESSES = 4096
PREFIX = "guideline"


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._known: dict[tuple[object, ...], Counter | Histogram] = {}
        self._requests = Counter(
            f"{PREFIX}_http_requests", "Requests answered.", ("route", "method", "status"), registry=registry
        )
        self._seconds = Histogram(
            f"{PREFIX}_http_request_seconds", "Time of a request.", ("route",), buckets=SECONDS, registry=registry
        )
        self._answers = Counter(
            f"{PREFIX}_answers", "Answers given.", ("guideline", "release", "rule"), registry=registry
        )
        self._cache = Counter(
            f"{PREFIX}_cache_lookups", "What came of asking a cache.", ("cache", "outcome"), registry=registry
        )
        self._redis = Counter(
            f"{PREFIX}_redis_cache_events",
            "Breaker opened or closed, value not written.",
            ("event",),
            registry=registry,
        )
        self._loaded = Gauge(
            f"{PREFIX}_loaded",
            "Releases of the knowledge that are loaded.",
            ("guideline", "release", "digest"),
            registry=registry,
            multiprocess_mode="max",
        )

    def begin(self) -> None:
        """Open this process's files, with samples of nought: at its first request no file may be free."""
        self._labelled(self._requests, "/livez", "GET", 200)
        self._labelled(self._seconds, "/livez")

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; the route is the template."""
        self._labelled(self._requests, route, method, status).inc()
        self._labelled(self._seconds, route).observe(seconds)

    def answer(self, guideline: str, release: str, rule: str) -> None:
        """Count an answer."""
        self._labelled(self._answers, guideline, release, rule).inc()

    def cache(self, near: str, shared: str | None) -> None:
        """Count what the caches said."""
        self._labelled(self._cache, "near", near).inc()
        if shared is not None:
            self._labelled(self._cache, "redis", shared).inc()

    def redis(self, event: str) -> None:
        """Count what happened to the shared cache."""
        self._redis.labels(event).inc()

    def loaded(self, guideline: str, release: str, digest: str) -> None:
        """Say which releases answer."""
        self._loaded.labels(guideline, release, digest).set(1)

    def _labelled(self, metric: M, *labels: str | int) -> M:
        """What the metric counts under these labels; the library would turn each into text again every time."""
        key = (metric, *labels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = metric.labels(*labels)
        return cast("M", found)

    def exposed(self, accept: str) -> tuple[bytes, str]:
        """Everything that all processes counted, and its media type, in the form that the Accept header asks for."""
        registry = self._registry
        if values.ValueClass._multiprocess:  # noqa: SLF001 - the library's own sign, with no public name
            registry = CollectorRegistry()
            with contextlib.suppress(ValueError):  # a cleaner took the folder; the next new worker makes it again
                MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        encode, mimetype = choose_encoder(accept)
        return encode(registry), mimetype


def share_between_processes(folder: Path) -> None:
    """Count in files of the folder that PROMETHEUS_MULTIPROC_DIR names; to be called before anything is counted."""
    values.ValueClass = values.MultiProcessValue(_Slot(folder))  # type: ignore[no-untyped-call]


class _Slot:
    """A number that no other living process has; given back by the kernel when its process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process, self._number, self._lock = 0, "", -1

    def __call__(self) -> str:
        if self._process != os.getpid():
            self._process, self._number = os.getpid(), self._claimed()
        return self._number

    def _claimed(self) -> str:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # a cleaner of /tmp may have taken it away
        for number in range(MOST_PROCESSES):
            self._lock = os.open(self._folder / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(self._lock)
            else:
                return str(number)
        raise OSError("too many processes count")
