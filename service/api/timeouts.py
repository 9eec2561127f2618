"""A request body that arrives late, short or broken becomes an HTTP error instead of a 500 or a half-read body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestTimeout

from service.api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PIECE = 65_536
"""Bytes read at once where what has arrived cannot be told."""


class Body:
    """``wsgi.input``, whose faults are werkzeug's HTTP exceptions.

    It stands below werkzeug's LimitedStream, which would make a 400 of every OSError.
    """

    def __init__(self, stream: BinaryIO, length: int | None, connection: object = None) -> None:
        self._stream = stream
        self._missing = length
        self._connection = connection

    def read(self, size: int = -1, /) -> bytes:
        """As of any file."""
        try:
            data = self._stream.read(size)
        except (OSError, ParseException) as error:
            raise _as_http(error) from None
        if self._missing is not None:
            self._missing -= len(data)
            # Gunicorn returns what there is when a client hangs up early, and says nothing.
            if self._missing > 0 and (size < 0 or (size > 0 and not data)):
                raise ClientDisconnected("The request body is shorter than its Content-Length.")
        return data

    def arrived(self) -> bytes:
        """What has come of a chunked body by now, but at least a byte; nothing at its end."""
        reader = getattr(self._stream, "reader", None)
        if reader is None:  # a test's
            return self.read(PIECE)
        try:
            # Gunicorn's own body waits until it has as much as was asked for; its reader gives up what it holds.
            first: bytes = reader.read(1)
            return first + reader.read(reader.buf.tell()) if first else b""
        except (OSError, ParseException) as error:
            raise _as_http(error) from None

    def extend(self, seconds: float) -> bool:
        """Give the client so many seconds more, as a stream is longer than one request may take.

        False where this process is to end: what follows is for its successor.
        """
        extend = getattr(self._connection, "extend", None)  # a test's has none
        return extend is None or bool(extend(seconds))

    def readline(self, size: int = -1, /) -> bytes:
        """Read to the next line's end. Through read(), so that its faults are the same; the API reads whole bodies."""
        line = bytearray()
        while size < 0 or len(line) < size:
            byte = self.read(1)
            line += byte
            if byte in {b"", b"\n"}:
                break
        return bytes(line)

    def readlines(self, _hint: int = -1, /) -> list[bytes]:
        """As of any file."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def _as_http(error: Exception) -> HTTPException | Problem:
    if isinstance(error, ParseException):
        return Problem("bad-request", "The chunked request body is malformed, or comes in too many small chunks.")
    # SO_RCVTIMEO on a plain socket; service.server.connection.ReadTimeoutError
    if isinstance(error, (BlockingIOError, TimeoutError)):
        return RequestTimeout("The request body did not arrive in time.")
    return ClientDisconnected("The connection ended before the request body did.")


class BodyFaults:
    """WSGI middleware: ``app.wsgi_app = BodyFaults(app.wsgi_app)``."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on with a body that reports its faults."""
        length = environ.get("CONTENT_LENGTH") or ""
        environ["wsgi.input"] = Body(
            environ["wsgi.input"], int(length) if length.isdecimal() else None, environ.get("gunicorn.socket")
        )
        return self._app(environ, start_response)
