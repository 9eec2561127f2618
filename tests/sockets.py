"""Requests byte by byte, for tests of what gunicorn and our worker do below the application."""

import contextlib
import json
import socket

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


def listening(server: Server) -> bool:
    try:
        connect(server).close()
    except ConnectionError:  # refused, or reset by a socket that is just being closed
        return False
    return True
