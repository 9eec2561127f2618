"""When there is too much to do or to hold: what comes then is refused at once, so that what is under way gets done.

Three quarters of the threads may be at work; the others stay free for health, emergencies and refusals. A crowd of
quick requests is no overload: they are refused only while most of those at work have been so for a while.
"""

import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from threading import Lock

LATE_SECONDS = 0.25
"""An answer takes a hundredth of it."""


class Work:
    """The requests that one process is working on, from when it has them whole."""

    def __init__(self, threads: int, now: Callable[[], float] = time.monotonic) -> None:
        # More than half in any case: so many may wait for FHIR servers, which is no overload.
        self._most = max(threads // 2 + 1, threads * 3 // 4)
        self._now = now
        self._lock = Lock()
        self._begun: dict[object, float] = {}

    def overloaded(self) -> bool:
        """Whether as many are at work as may be, and three quarters of them for longer than an answer should take."""
        with self._lock:
            if len(self._begun) < self._most:
                return False
            # The oldest stand first.
            nearly_young = next(islice(self._begun.values(), self._most * 3 // 4, None))
        return self._now() - nearly_young > LATE_SECONDS

    def begin(self) -> object:
        """One more; gives what `end` takes."""
        mark = object()
        with self._lock:
            self._begun[mark] = self._now()
        return mark

    def end(self, mark: object) -> None:
        """One less."""
        with self._lock:
            self._begun.pop(mark, None)


class Memory:
    """The memory that the requests of one process take together: bodies that are parsed, answers that are written.

    What a request takes is a bound that is worked out beforehand; nothing is measured.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._taken = 0

    def take(self, size: int, *, anyway: bool = False) -> bool:
        """Take so many bytes, unless there are too few; then `give_back` must follow.

        A request that alone needs more than there are is let in while no other has any, and so is any request `anyway`.
        """
        with self._lock:
            if self._taken and self._taken + size > self._most and not anyway:
                return False
            self._taken += size
        return True

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._taken -= size


class Streams:
    """The streams that one process has open. Each holds its thread for as long as it lasts: most are for others."""

    def __init__(self, threads: int) -> None:
        self._most = max(threads // 4, min(threads - 1, 1))
        self._of_one = (self._most + 1) // 2
        self._lock = Lock()
        self._open = Counter[str]()

    def begin(self, client: str) -> bool:
        """One more of this client, unless there are too many of all or of this one; then `end` must follow."""
        with self._lock:
            if self._open.total() >= self._most or self._open[client] >= self._of_one:
                return False
            self._open[client] += 1
        return True

    def end(self, client: str) -> None:
        """One less."""
        with self._lock:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
