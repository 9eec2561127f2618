"""The bytes of an answer that the kernel has not taken yet, and whether their client reads fast enough."""

from __future__ import annotations

import socket
import time
from collections import deque

GRACE_SECONDS = 5
BYTES_PER_SECOND = 50_000
"""The minimum rate of a client that reads, after the grace: 1.7 MB, the largest file of the pages, may take 40 s."""


class SendQueue:
    """What is still to be sent to one client."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes that wait."""
        self._pieces: deque[memoryview] = deque()
        self._sent = 0
        self._since = 0.0

    @property
    def deadline(self) -> float:
        """When (of time.monotonic) the client is too slow, unless it reads on."""
        return self._since + GRACE_SECONDS + self._sent / BYTES_PER_SECOND

    def rate(self, now: float) -> float:
        """Return the bytes a second that the client has read since its answer waits."""
        return self._sent / max(now - self._since, 1e-3)

    def add(self, data: bytes) -> None:
        """Append; the bytes are not copied. The time begins with the first byte that waits."""
        if not self.size:
            self._sent, self._since = 0, time.monotonic()
        self._pieces.append(memoryview(data))
        self.size += len(data)

    def send(self, connection: socket.socket) -> bool:
        """Send what the kernel takes without waiting; return whether nothing is left. Raises OSError."""
        while self._pieces:
            piece = self._pieces[0]
            try:
                count = connection.send(piece, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            self.size, self._sent = self.size - count, self._sent + count
            if count == len(piece):
                self._pieces.popleft()
            else:
                self._pieces[0] = piece[count:]
        return True
