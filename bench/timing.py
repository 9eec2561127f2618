"""Processor time of plain calls, for the rows that need no server: what else runs on the machine does not count."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Call = Callable[[], object]


def seconds(call: Call, at_least: float = 0.0) -> float:
    """Of one call: the median of as many as take so long together."""
    with _no_collections():
        return statistics.median(_taken([call], at_least)[0])


def both(one: Call, other: Call, at_least: float = 0.0) -> tuple[float, float]:
    """Of one call of each, called in turn."""
    with _no_collections():
        first, second = _taken([one, other], at_least)
    return statistics.median(first), statistics.median(second)


def _taken(calls: list[Call], at_least: float) -> list[list[float]]:
    taken: list[list[float]] = [[] for _ in calls]
    clock, end = time.thread_time, time.monotonic() + at_least
    while not taken[0] or time.monotonic() < end:
        for call, times in zip(calls, taken, strict=True):
            began = clock()
            call()
            times.append(clock() - began)
    return taken


@contextmanager
def _no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
