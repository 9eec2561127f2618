"""A token is taken once: its id is remembered until it expires, in the state Redis that all workers share."""

import hashlib
import heapq
import json
import threading
import time
from typing import Protocol

from redis import Redis, RedisError

from service.security.refusal import GuardClosedError
from service.server.redis_client import connect

KEY = "replay-guard:tokens"
PATIENCE_SECONDS = 0.5
"""For an answer of the server, which writes to its disk first."""
MARGIN = 3600
"""Seconds that a token is remembered beyond its end, so that a machine whose clock is ahead forgets none too early."""
BABBLES = "the state server answers what it was not asked"
MOST_REMEMBERED = 100_000
"""Tokens that the guard of one process remembers; one more is refused, for forgetting one would let it in again."""


class ReplayGuard(Protocol):
    """Remembers tokens."""

    def first(self, token_id: str, until: float, now: float) -> bool:
        """Whether the token has not been seen before; from now on it has. Raises GuardClosedError."""

    def seen(self, token_id: str, now: float) -> bool:
        """Whether the token has been seen, without remembering it. Raises GuardClosedError."""

    def fault(self) -> str:
        """Why no token can be taken; empty when they can."""


def token_id(iss: str, jti: str) -> str:
    """What is remembered of a token: a digest, so that Redis learns nothing."""
    return hashlib.sha256(json.dumps([iss, jti]).encode()).hexdigest()


def replay_guard(kind: str, state_url: str) -> ReplayGuard:
    """The guard that REPLAY_GUARD names."""
    return LocalGuard() if kind == "local" else RedisGuard(state_url)


class RedisGuard:
    """Shared by all workers. Without its server no token is taken.

    One sorted set by the second until which a token is remembered, without a time to live: a server that is full drops
    keys with one first (volatile-lfu), and would let a token in again.
    """

    def __init__(self, url: str) -> None:
        self._redis: Redis | None = connect(url, PATIENCE_SECONDS) if url else None

    def first(self, token_id: str, until: float, now: float) -> bool:
        """One try: a second one would take the first one's own mark for a replay."""
        added, score = self._added(token_id, until, now, only_new=True)
        if added not in (0, 1) or not isinstance(score, float):
            raise GuardClosedError(BABBLES)
        return added == 1

    def seen(self, token_id: str, now: float) -> bool:
        """Whether it is in the set."""
        del now
        try:
            return self._server().zscore(KEY, token_id) is not None
        except (RedisError, OSError, ValueError) as error:
            raise _closed(error) from None

    def fault(self) -> str:
        """Write, as a token would: a server that is full still answers a PING."""
        moment = time.time()
        try:
            _, score = self._added("readyz", moment, moment - MARGIN, only_new=False)
        except GuardClosedError as closed:
            return str(closed)
        return "" if score == moment else BABBLES

    def _added(self, member: str, until: float, now: float, *, only_new: bool) -> tuple[object, object]:
        """Forget what ended long ago, add, and read back what was added."""
        with self._server().pipeline(transaction=True) as steps:
            steps.zremrangebyscore(KEY, "-inf", now - MARGIN)
            steps.zadd(KEY, {member: until}, nx=only_new)
            steps.zscore(KEY, member)
            try:
                _, added, score = steps.execute()
            except (RedisError, OSError, ValueError, TypeError) as error:
                raise _closed(error) from None
        return added, score

    def _server(self) -> Redis:
        if self._redis is None:
            raise GuardClosedError("REDIS_STATE_URL is not set")
        return self._redis


def _closed(error: Exception) -> GuardClosedError:
    return GuardClosedError(f"the state server cannot be asked: {type(error).__name__}")


class LocalGuard:
    """Of this process only: each worker would take a token once."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._until: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []
        self._lock = threading.Lock()

    def first(self, token_id: str, until: float, now: float) -> bool:
        """Remember, after forgetting what has expired."""
        with self._lock:
            while self._ends and self._ends[0][0] <= now:
                del self._until[heapq.heappop(self._ends)[1]]
            if token_id in self._until:
                return False
            if len(self._until) >= self._most:
                raise GuardClosedError("this process remembers as many tokens as it may")
            self._until[token_id] = until
            heapq.heappush(self._ends, (until, token_id))
            return True

    def seen(self, token_id: str, now: float) -> bool:
        """Whether it is remembered and has not expired."""
        with self._lock:
            return self._until.get(token_id, now) > now

    def fault(self) -> str:
        """It has no server that could fail."""
        return ""
