"""The cache in the process: least recently used goes first, bounded in bytes."""

from collections.abc import Hashable, Sized
from threading import Lock
from typing import Any

from cachetools import LRUCache

ENTRY = 512
"""Bytes that an entry costs beside its value, about: its key, its place in the tables."""


class Near:
    """What has a length in bytes, by key. Its keys hold no patient's facts but as a digest or a decision_id."""

    def __init__(self, most: int) -> None:
        self._lock = Lock()
        self._kept: LRUCache[Hashable, Sized] = LRUCache(most, getsizeof=lambda value: len(value) + ENTRY)

    def get(self, key: Hashable) -> Any:
        """What is kept, the very object; None where nothing is."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: Hashable, value: Sized) -> None:
        """Keep it, unless it alone is more than all that may be kept."""
        with self._lock:
            if len(value) + ENTRY <= self._kept.maxsize:
                self._kept[key] = value
