"""Gunicorn's threaded worker, of which no slow client can hold a thread or the loop.

Measured on gunicorn 27:

- its threads wait for ever on a request that is sent half: eight such requests stop two workers of four threads;
- a client that sends one byte now and then never runs into a time-out a read;
- a thread waits up to five seconds on a connection that has sent nothing yet;
- the worker's only loop waits up to two seconds for each client that does not hang up after its last answer.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers import gthread

# For one read; and no read of a request begins later than this, so that a drip holds a thread for twice that at most.
READ_SECONDS = 5
WRITE_SECONDS = 10  # for one write to a client that does not read
LINGER_SECONDS = 1  # for a client to hang up after its last answer, so that no reset cuts the answer short


class ReadTimeoutError(TimeoutError):
    """The client took too long to send its request. ``service.api.timeouts`` makes it a 408."""

    def __init__(self) -> None:
        # With this number gunicorn closes the connection without a traceback in the log.
        super().__init__(errno.ECONNRESET, "the request was not sent in time")


class TimedSocket(socket.socket):
    """A client's connection that stops being read once the request's time is over."""

    deadline = float("inf")
    late = False
    asked = False
    """Whether the head of the request now being read was whole, so that whoever answers it says what is late."""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read, but neither after the deadline nor longer than SO_RCVTIMEO."""
        if time.monotonic() > self.deadline:
            self.late = True
            raise ReadTimeoutError
        try:
            return super().recv(bufsize, flags)
        except BlockingIOError:  # what SO_RCVTIMEO raises
            self.late = True
            raise ReadTimeoutError from None

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send, but give a client up that does not read for SO_SNDTIMEO."""
        try:
            super().sendall(data, flags)
        except BlockingIOError:
            raise ConnectionResetError(errno.ECONNRESET, "the client does not read its answer") from None


class Worker(gthread.ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's threaded worker, of which no client can hold a thread or the loop for long."""

    def handle(self, conn: Any) -> Any:
        """Serve one request, in a thread."""
        if not isinstance(conn.sock, TimedSocket):
            conn.sock = TimedSocket(fileno=conn.sock.detach())
        if not conn.initialized and not conn.wait_for_data(0):
            return gthread._DEFER  # noqa: SLF001 - gunicorn's own sign for "wait in the loop", with no public name
        conn.sock.deadline, conn.sock.asked = time.monotonic() + READ_SECONDS, False
        answer = super().handle(conn)
        if answer is False:
            with contextlib.suppress(OSError):
                if conn.sock.late and not conn.sock.asked:
                    _refuse(conn.sock, 408, "The head of the request did not arrive in time.")
                conn.sock.settimeout(None)
                conn.sock.deadline = float("inf")
                util.close_graceful(conn.sock, timeout=LINGER_SECONDS)
            conn.close = _closed  # or the loop would linger for this client and keep all others waiting
        return answer

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer; a connection whose request came late is closed, and the answer says so."""
        conn.sock.asked = True
        if req.version >= (1, 1) and all(name != "HOST" for name, _ in req.headers):
            raise errors.InvalidHeader("HOST")  # RFC 9112, 3.2 wants a 400, which gunicorn leaves to the application
        asked = req.should_close
        req.should_close = lambda: conn.sock.late or asked()
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse what does not parse. Gunicorn's own would repeat the caller's words in the log and in the answer."""
        del req, addr
        status, fault = FAULTS.get(type(exc), UNREADABLE) if isinstance(exc, errors.ParseException) else FAILED
        self.log.warning("request refused with %s: %s", status, type(exc).__name__)
        with contextlib.suppress(OSError):
            _refuse(client, status, fault)


UNREADABLE = (400, "The request cannot be read.")
FAILED = (500, "The service failed.")
FAULTS: dict[type[Exception], tuple[int, str]] = {
    errors.InvalidRequestLine: (400, "The request line is malformed."),
    errors.InvalidRequestMethod: (400, "The method is malformed."),
    errors.InvalidHTTPVersion: (400, "The HTTP version is not one that is spoken here."),
    errors.InvalidHeader: (400, "A header is malformed, is missing, or contradicts another."),
    errors.InvalidHeaderName: (400, "The name of a header is malformed."),
    errors.ObsoleteFolding: (400, "A header goes on over several lines."),
    errors.ExpectationFailed: (417, "Of all expectations only 100-continue can be met."),
    errors.LimitRequestLine: (414, "The request line is too long."),
    errors.LimitRequestHeaders: (431, "There are too many headers, or they are too long."),
    errors.UnsupportedTransferCoding: (501, "Of all transfer codings only chunked is understood."),
}
"""What does not parse: status, and what is wrong with it in words that repeat nothing."""


def _refuse(client: Any, status: int, fault: str) -> None:
    util.write_error(client, status, HTTPStatus(status).phrase, fault)


def _closed(*, graceful: bool = False) -> None:
    """Stand in for the closing of a connection that is closed."""
