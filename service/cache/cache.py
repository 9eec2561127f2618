"""Near first, then shared. What is found in Redis is kept near; what is new is kept in both."""

from collections.abc import Callable, Sized
from typing import Generic, NamedTuple, TypeVar

from service.cache.locked import Locked
from service.cache.near import Near
from service.cache.shared import HIT, MISS, Shared

T = TypeVar("T", bound=Sized)


class Found(NamedTuple, Generic[T]):
    """A value, if there is one, and what each cache said: hit, miss, forged or down; None where it was not asked."""

    value: T | None
    near: str
    shared: str | None

    @property
    def told(self) -> str:
        """The same in a word or two, for the log."""
        return "near" if self.near == HIT else f"redis {self.shared}" if self.shared else MISS

    @property
    def status(self) -> str:
        """The Cache-Status header (RFC 9211): the cache that is nearest to the caller comes last."""
        near = "near; hit" if self.near == HIT else "near; fwd=miss"
        if self.shared is None:
            return near
        said = {HIT: "redis; hit", MISS: "redis; fwd=miss"}
        return f"{said.get(self.shared, f'redis; fwd=bypass; detail={self.shared}')}, {near}"


class Cache:
    """Both caches as one. Names are strings that say all that a value depends on, so nothing kept can go stale."""

    def __init__(self, near: Near, shared: Shared | None) -> None:
        self.near = near
        self.locked = Locked(near)
        self.shared = shared

    def find(self, name: str, read: Callable[[bytes], T]) -> Found[T]:
        """Look near, then in Redis; `read` makes of the bytes there what is kept near."""
        value: T | None = self.near.get(name)
        if value is not None:
            return Found(value, HIT, None)
        if self.shared is None:
            return Found(None, MISS, None)
        written, said = self.shared.get(name)
        if written is not None:
            value = read(written)
            self.near.put(name, value)
        return Found(value, MISS, said)

    def keep(self, name: str, value: Sized, written: bytes) -> None:
        """Keep a new value near, and in Redis as it is written there."""
        self.near.put(name, value)
        if self.shared is not None:
            self.shared.put(name, written)
