"""How often a client may ask. Checked in the process, without a wait; settled with the state Redis in the background.

Redis holds a hash for each window of time: digest of the client -> requests. Once a second each process adds what it
let in since, and hears what all of them did. While Redis is away each process counts what it sees.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import NamedTuple

import structlog
from redis import Redis, RedisError

SETTLE_SECONDS = 1.0
MOST_STRANGERS = 10_000
"""Strangers counted in a window, each for itself; those who come after them share one count, so memory is bounded.

Clients are not bounded (CLIENTS_FILE names them all), so no crowd of strangers touches them.
"""
PREFIX = "rate:"
GRAIN = 1e-5
"""Seconds that do not count: a clock of today is finer than a float can say."""


class Requester(NamedTuple):
    """Who is counted: a client that proved who it is, or a stranger by its address."""

    name: str
    is_known: bool


OTHERS = Requester("others", is_known=False)
"""The strangers beyond the most."""


@dataclass
class _Count:
    """What one client asked in one window."""

    own: int = 0
    """Let in by this process."""
    settled: int = 0
    """Of them those that Redis knows."""
    total: int = 0
    """Of all processes, when it was last heard."""

    @property
    def number(self) -> int:
        """As far as this process knows; a Redis that forgot takes away nothing that was counted here."""
        return max(self.own, self.total + self.own - self.settled)


class Limiter:
    """So many requests in so many seconds for each client: those of this window, and their share of the last one.

    Windows begin at multiples of their length, so that all processes and machines have the same.
    """

    def __init__(
        self,
        amount: int,
        seconds: int,
        secret: bytes,
        redis: Redis | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._amount, self._seconds, self._secret, self._redis, self._now = amount, seconds, secret, redis, now
        self._lock = Lock()
        self._windows: dict[int, dict[Requester, _Count]] = {}
        self._unsettled = Event()
        self._never = Event()
        self._thread: Thread | None = None
        self._away = False

    def hit(self, requester: Requester) -> int:
        """Count a request and let it in (0), or refuse it: the seconds after which another one would be let in."""
        window, into = divmod(self._now() + GRAIN, self._seconds)
        with self._lock:
            counts = self._counts(int(window))
            if requester not in counts and not requester.is_known and len(counts) >= MOST_STRANGERS:
                requester = OTHERS
            last = self._windows.get(int(window) - 1, {}).get(requester)
            count = counts.setdefault(requester, _Count())
            before, now = last.number if last is not None else 0, count.number
            if before * (self._seconds - into) > (self._amount - 1 - now) * self._seconds:
                return max(1, math.ceil(self._until_room(before, now) - into))
            count.own += 1
        if self._redis is not None:
            self._settle_soon()
        return 0

    def take_back(self, requester: Requester) -> None:
        """Uncount a request that another made in this one's name."""
        with self._lock:
            count = self._counts(int((self._now() + GRAIN) // self._seconds)).get(requester)
            if count is not None and count.own:
                count.own -= 1

    def settle(self) -> None:
        """Tell Redis what is new, and hear of the others."""
        with self._lock:
            told = [
                (window, requester, count, count.own - count.settled)
                for window, counts in self._windows.items()
                for requester, count in counts.items()
                if count.own != count.settled
            ]
        if not told or self._redis is None:
            return
        with self._redis.pipeline(transaction=True) as steps:
            for window, requester, _, new in told:
                steps.hincrby(self._key(window), self._digest(requester), new)
            for window in {each[0] for each in told}:
                steps.expire(self._key(window), 3 * self._seconds)
            totals = steps.execute()
        with self._lock:
            for (_, _, count, new), total in zip(told, totals, strict=False):
                count.settled += new
                count.total = int(total)

    def _counts(self, window: int) -> dict[Requester, _Count]:
        """Return the counts of a window; of all others only the one before it is kept."""
        if window not in self._windows:
            self._windows = {kept: self._windows.get(kept, {}) for kept in (window - 1, window)}
        return self._windows[window]

    def _until_room(self, before: int, now: int) -> float:
        """Seconds from the beginning of this window until a past one overlaps so little that there is room for one."""
        if now < self._amount:
            return self._seconds * (1 - (self._amount - 1 - now) / before)
        return self._seconds * (2 - (self._amount - 1) / now)

    def _key(self, window: int) -> str:
        return f"{PREFIX}{self._seconds}:{window}"

    def _digest(self, requester: Requester) -> str:
        """Redis learns neither names nor addresses."""
        name = f"{'client' if requester.is_known else 'address'} {requester.name}"
        return hashlib.blake2b(name.encode(), key=self._secret[:64], person=b"rate", digest_size=16).hexdigest()

    def _settle_soon(self) -> None:
        self._unsettled.set()
        with self._lock:
            if self._thread is None:  # made in the worker that needs it: threads do not survive a fork
                self._thread = Thread(target=self._work, name="rate limits", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            self._unsettled.wait()
            self._unsettled.clear()
            self._never.wait(SETTLE_SECONDS)
            try:
                self.settle()
            except (RedisError, OSError, ValueError, TypeError) as error:
                self._unsettled.set()
                self._tell(away=True, error=type(error).__name__)
            else:
                self._tell(away=False)

    def _tell(self, *, away: bool, **more: str) -> None:
        if away != self._away:
            self._away = away
            said = "each process counts by itself" if away else "rate limits are shared again"
            structlog.get_logger().warning(f"rate limits: {said}", **more)
