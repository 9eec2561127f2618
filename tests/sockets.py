"""Requests byte by byte, for tests of what gunicorn and our worker do below the application."""

import contextlib
import json
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import Server

ONE = "/v1/recommendations"
BODY = json.dumps({"metastatic_status": "M1", "complications": "none"}).encode()


def head(path: str = ONE, length: int = len(BODY), *more: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *more,
    ]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def rest(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            found += data
    return found


@contextlib.contextmanager
def open_files(limit: int) -> Iterator[None]:
    """Processes that are started meanwhile may have so many files open."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


def children(pid: int) -> list[int]:
    """The processes that a process has started: of gunicorn's master its workers."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def listening(server: Server) -> bool:
    try:
        connect(server).close()
    except ConnectionError:  # refused, or reset by a socket that is just being closed
        return False
    return True
