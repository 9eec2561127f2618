"""Getting something over HTTP before a moment, whatever the other side does.

A time-out of a socket begins anew at each byte, so a server that drips its handshake, its headers or the lengths of its
chunks holds a thread for as long as it likes. Here the connection is shut down at its deadline.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

CHUNK = 65_536
OK = 200


class GetError(Exception):
    """What did not come whole and in time; the message says why and holds nothing of an address."""


class Getter:
    """Made once, used by all threads; a checked certificate, and no redirects, retries or proxy.

    `servers` and `size` are how many servers and how many connections of each are kept open.
    """

    def __init__(self, context: ssl.SSLContext, servers: int = 1, size: int = 1) -> None:
        self._pool = urllib3.PoolManager(num_pools=servers, maxsize=size, ssl_context=context)
        self._pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def get(self, url: str, headers: Mapping[str, str], end: float, most: int) -> bytes:
        """The body of a 200 that has come whole before `end` (of time.monotonic). Raises GetError."""
        left = end - time.monotonic()
        if left <= 0:
            raise GetError("took too long")
        with _Deadline(left) as deadline:
            try:
                body = self._read(url, headers, left, most)
            except (urllib3.exceptions.TimeoutError, TimeoutError):
                raise GetError("took too long") from None
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise GetError("took too long" if deadline.over else type(error).__name__) from None
        if deadline.over:  # what was cut off may look whole
            raise GetError("took too long")
        return body

    def _read(self, url: str, headers: Mapping[str, str], left: float, most: int) -> bytes:
        response = self._pool.request(
            "GET", url, headers=headers, timeout=urllib3.Timeout(total=left), redirect=False, retries=False,
            preload_content=False, decode_content=False,
        )  # fmt: skip
        try:
            if response.status != OK:
                raise GetError(f"answered {response.status}")
            body = bytearray()
            while part := response.read1(CHUNK):
                body += part
                if len(body) > most:
                    raise GetError(f"has more than {most} bytes")
            return bytes(body)
        finally:
            response.close()
            response.release_conn()


class _Deadline:
    """Shuts the connection that this thread uses down when the time is over."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _here.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        _here.deadline = None
        self._timer.cancel()
        with self._lock:  # from here on the connection may be another thread's
            self._leave()

    def watch(self, connection: socket.socket) -> None:
        """Watch over this connection, by a twin: an answer may go on after its connection was closed here."""
        with self._lock:
            self._leave()
            self._watched = connection.dup()
            if self.over:
                _shut(self._watched)

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            if self._watched is not None:
                _shut(self._watched)

    def _leave(self) -> None:
        if self._watched is not None:
            self._watched.close()
            self._watched = None


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Here(threading.local):
    deadline: _Deadline | None = None


_here = _Here()


class _Watched(HTTPConnection):
    """A connection with a twin of its socket, for TLS takes the socket itself away while it shakes hands."""

    twin: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        self._leave()
        self.twin = made.dup()
        self._watch()
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._watch()  # one that was kept open
        super().request(*args, **kwargs)

    def close(self) -> None:
        super().close()
        self._leave()

    def _watch(self) -> None:
        if self.twin is not None and _here.deadline is not None:
            _here.deadline.watch(self.twin)

    def _leave(self) -> None:
        if self.twin is not None:
            self.twin.close()
            self.twin = None


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTls
