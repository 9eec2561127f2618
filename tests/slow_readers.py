"""Clients that ask for much and read little, and what everybody else waits meanwhile."""

import contextlib
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator

from tests.conftest import Server

ASSET = "/assets/swagger-ui-bundle.js"
"""1.7 MB, open to everybody: far more than the kernel takes of an answer that nobody reads."""
PIPELINE = 12 * f"GET {ASSET} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
RECEIVE_BUFFER_BYTES = 2048
BYTES_PER_SECOND = 16_384
EMERGENCY = json.dumps({"complications": ["sepsis_signs"]}).encode()
ONE = "/v1/recommendations"


def connect(server: Server) -> socket.socket:
    """A connection with a small window."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", server.port))
    return connection


@contextlib.contextmanager
def slow_readers(
    server: Server, request: bytes, number: int, bytes_per_second: int = BYTES_PER_SECOND
) -> Iterator[list[socket.socket]]:
    """So many connections that send the request and read a few bytes of the answers each second.

    One that the server has ended is closed.
    """
    done = threading.Event()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(server)) for _ in range(number)]
        for connection in connections:
            with contextlib.suppress(OSError):  # the server may have given it up
                connection.sendall(request)
        reader = threading.Thread(target=_read_slowly, args=(connections, bytes_per_second, done))
        reader.start()
        try:
            yield connections
        finally:
            done.set()
            reader.join()


def _read_slowly(connections: list[socket.socket], bytes_per_second: int, done: threading.Event) -> None:
    """Read at most so many bytes a second of each: the pace of a slow line, not a wait for anything."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        while not done.wait(RECEIVE_BUFFER_BYTES / bytes_per_second):
            for key, _ in selector.select(0):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                try:
                    ended = not connection.recv(RECEIVE_BUFFER_BYTES)
                except OSError:
                    ended = True
                if ended:
                    selector.unregister(connection)
                    connection.close()


def waits(server: Server, headers: dict[str, str], seconds: float) -> dict[str, list[float]]:
    """Ask for health and for an emergency again and again, for so many seconds: how long each 200 took."""
    found: dict[str, list[float]] = {"/livez": [], ONE: []}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for path, body in (("/livez", None), (ONE, EMERGENCY)):
            began = time.monotonic()
            status, _, _ = server.get(path, headers | {"Content-Type": "application/json"}, body)
            assert status == 200
            found[path].append(time.monotonic() - began)
    return found
