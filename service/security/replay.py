"""A token is taken once: its id is remembered until it expires, in the state Redis that all workers share."""

import hashlib
import heapq
import json
import math
import threading
from typing import Protocol

from redis import Redis, RedisError

from service.redis_client import connect
from service.security.refusal import GuardClosedError

KEY = "ogs:jti:"
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
    """Shared by all workers. Without its server no token is taken."""

    def __init__(self, url: str) -> None:
        self._redis: Redis | None = connect(url) if url else None

    def first(self, token_id: str, until: float, now: float) -> bool:
        """SET NX. One try: a second one would take the first one's own mark for a replay."""
        said = _asked(self._server(), "SET", KEY + token_id, "1", "NX", "EX", max(1, math.ceil(until - now)))
        if said is not True and said is not None:
            raise GuardClosedError(BABBLES)
        return said is True

    def seen(self, token_id: str, now: float) -> bool:
        """EXISTS."""
        del now
        return _asked(self._server(), "EXISTS", KEY + token_id) == 1

    def fault(self) -> str:
        """Write, as a token would: a server that is full still answers a PING."""
        try:
            if _asked(self._server(), "SET", KEY + "readyz", "1", "EX", 1) is not True:
                return BABBLES
        except GuardClosedError as closed:
            return str(closed)
        return ""

    def _server(self) -> Redis:
        if self._redis is None:
            raise GuardClosedError("REDIS_STATE_URL is not set")
        return self._redis


def _asked(server: Redis, *command: str | int) -> object:
    try:
        return server.execute_command(*command)  # type: ignore[no-untyped-call]
    except (RedisError, OSError, ValueError) as error:
        raise GuardClosedError(f"the state server cannot be asked: {type(error).__name__}") from None


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
