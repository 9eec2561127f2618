"""A client's connection: the bytes read of its next request, and the bytes of its answer that are not sent yet."""

from __future__ import annotations

import contextlib
import errno
import json
import select
import socket
import struct
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from service.server.request_framing import RequestFraming
from service.server.send_queue import SendQueue

if TYPE_CHECKING:
    from collections.abc import Callable

READ_SECONDS = 5
"""From the first byte of a request to its last."""
LINGER_SECONDS = 1
"""For a client to hang up after its last answer, so that no reset cuts the answer short."""
LINGER_BYTES = 2**20
"""What it may send meanwhile."""
READ_BYTES = 65_536
"""Read at a time, so that no client has the loop for long."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ReadTimeoutError(TimeoutError):
    """The client took too long to send its request. ``service.api.timeouts`` makes it a 408."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the request was not sent in time")


class Connection(socket.socket):
    """A socket that belongs to the loop, but for the time in which a thread answers its request."""

    deadline = float("inf")
    """When a thread stops reading what the loop has not read. Each line of a stream puts it off."""
    is_late = False
    """Whether a thread met the deadline."""
    is_waiting = False
    """Whether the loop waits for it to become readable or writable."""
    is_closing = False
    """Whether it has had its last answer, and only has to hang up."""
    is_worker_ending = False
    """Whether the worker takes no more requests: a stream would keep its successor waiting."""
    when_sent: Callable[[], None] | None = None
    """Called once its answer is sent or given up: gives back the memory that the answer is counted with."""
    _linger_bytes = 0

    def __init__(self, accepted: socket.socket, address: Any) -> None:
        self.server = accepted.getsockname()
        super().__init__(fileno=accepted.detach())
        self.address = address
        self.received = bytearray()
        """What the loop has read beyond the request that a thread has."""
        self.request = bytearray()
        """What a thread has of its request and has not parsed yet."""
        self.unsent = SendQueue()
        self.begin()

    def begin(self) -> None:
        """Be ready for the next request."""
        self.give_back()
        self.framing, self.since = RequestFraming(), time.monotonic()
        self.has_sent_continue = self.is_stream = False

    def give_back(self) -> None:
        """Give back what its answer was counted with."""
        give_back, self.when_sent = self.when_sent, None
        if give_back is not None:
            give_back()

    @property
    def is_idle(self) -> bool:
        """Whether its client asks nothing and is owed nothing."""
        return not self.received and not self.is_closing and not self.unsent.size

    def time_limit(self, idle_seconds: float) -> float:
        """Return when (of time.monotonic) the loop stops waiting for it."""
        if self.unsent.size:
            return self.unsent.deadline
        if self.is_closing:
            return self.since + LINGER_SECONDS
        return self.since + (READ_SECONDS if self.received else idle_seconds)

    # ---- in the loop

    def read(self) -> bool:
        """Read what is there without waiting; return whether the client has ended. Raises OSError."""
        try:
            data = super().recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            data = None
        if self.is_closing:
            self._linger_bytes += len(data or b"")
            return data == b"" or self._linger_bytes > LINGER_BYTES
        if data:
            if not self.received:
                self.since = time.monotonic()
            self.received += data
        return data == b""

    def has_request(self) -> bool:
        """Return whether a request has come whole, or enough to refuse it. Send the 100 Continue that it awaits."""
        if not self.received:
            return False
        is_complete = self.framing.is_complete(self.received)
        if self.framing.awaits_continue and not is_complete and not self.has_sent_continue:
            self.has_sent_continue = True
            super().send(CONTINUE, socket.MSG_DONTWAIT)
        return is_complete

    def take_request(self, deadline: float) -> None:
        """Give the request to a thread, which reads on until the deadline where the end of it has not come."""
        self.request, self.received = self.received, bytearray()
        if self.framing.is_exact:
            self.received += self.request[self.framing.end :]
            del self.request[self.framing.end :]
        if self.framing.is_fragmented:
            # A parser would work on as long: it gets a body that it refuses at once.
            self.request[self.framing.body_start :] = b"\r\n"
        self.deadline = deadline

    def abort(self) -> None:
        """Have the kernel forget what is not sent when this is closed: the client gets a reset."""
        with contextlib.suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # ---- in a thread: what gunicorn and the application call

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Return what the loop has read; after that read on, unless all is there or it is too late.

        Raises ReadTimeoutError or another OSError.
        """
        if self.request:
            data = bytes(self.request[:bufsize])
            del self.request[:bufsize]
            return data
        if self.framing.is_exact:
            return b""  # what follows is another request, whatever a parser makes of this one
        if time.monotonic() <= self.deadline:
            with contextlib.suppress(BlockingIOError):  # what SO_RCVTIMEO raises
                return super().recv(bufsize, flags)
        self.is_late = True
        raise ReadTimeoutError

    def extend(self, seconds: float) -> bool:
        """Wait so many seconds for the next part of a stream, unless the worker is about to end."""
        self.is_stream = True
        if not self.is_worker_ending:
            self.deadline = time.monotonic() + seconds
        return not self.is_worker_ending

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send, but 100 Continue only once: gunicorn does not know that the loop has sent it."""
        if self.has_sent_continue and data == CONTINUE:
            return len(CONTINUE)
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send what the kernel takes at once; the loop sends the rest. Raises OSError.

        A stream waits until all is sent, so that it is made no faster than its client reads.
        """
        del flags
        self.unsent.add(data)
        while not self.unsent.send(self) and self.is_stream:
            poll = select.poll()
            poll.register(self, select.POLLOUT)
            seconds = self.unsent.deadline - time.monotonic()
            if seconds <= 0 or not poll.poll(seconds * 1000):
                raise ConnectionResetError(errno.ECONNRESET, "the client does not read its answer")

    def refuse(self, status: int, detail: str) -> None:
        """Send a problem (RFC 9457) below any route. It repeats nothing of the request."""
        phrase = HTTPStatus(status).phrase
        problem = {"type": "about:blank", "title": phrase, "status": status, "detail": detail, "errors": []}
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
            f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            self.sendall(head.encode() + body)
