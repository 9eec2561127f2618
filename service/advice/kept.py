"""What is worked out once for many patients alike."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(dict[K, V]):
    """A mapping of at most so many entries, the first ones. Nothing in it can go stale.

    A full one keeps no more: a worker is replaced after so many requests anyway; until then its memory stands still.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, key: K, value: V) -> V:
        """Keep the value if there is room, and give it back."""
        if len(self) < self._most:
            self[key] = value
        return value
