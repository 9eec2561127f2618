"""What is worked out once for many patients alike."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(dict[K, V]):
    """A mapping of at most so many entries: when it is full it starts anew. Nothing in it can go stale."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, key: K, value: V) -> V:
        """Keep the value, and give it back."""
        if len(self) >= self._most:
            self.clear()
        self[key] = value
        return value
