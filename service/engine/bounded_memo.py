"""A memo of results that many patients share."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedMemo(dict[K, V]):
    """A mapping that stores its first entries up to a limit and no later ones, so that a worker's memory is bounded."""

    def __init__(self, max_entries: int) -> None:
        super().__init__()
        self._max_entries = max_entries

    def remember(self, key: K, value: V) -> V:
        """Store the value if there is room, and return it."""
        if len(self) < self._max_entries:
            self[key] = value
        return value
