"""How fast the load client is alone: against a peer that answers prebuilt bytes as soon as it hears anything."""

import os
import select
import signal
import socket
from typing import Any

from bench.client import closed_loop, request
from bench.http_rows import BODY, CONNECTIONS
from bench.row import rounded
from bench.serving import pin

ANSWER_BYTES = 46_000
"""About what a whole answer has."""


def alone(seconds: float) -> dict[str, Any]:
    """Answers a second."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        peer = os.fork()
        if peer == 0:
            pin(0)
            _answer(listener)
        try:
            seen = closed_loop(port, request("POST", "/", port, BODY), seconds, connections=CONNECTIONS)
        finally:
            os.kill(peer, signal.SIGKILL)
            os.waitpid(peer, 0)
    return {"value": rounded(seen.rate), "unit": "answers/s", "answer_bytes": ANSWER_BYTES}


def _answer(listener: socket.socket) -> None:
    data = f"HTTP/1.1 200 OK\r\nContent-Length: {ANSWER_BYTES}\r\n\r\n".encode() + b" " * ANSWER_BYTES
    opened: dict[int, socket.socket] = {}
    with select.epoll() as ready:
        ready.register(listener.fileno(), select.EPOLLIN)
        while True:
            for number, _ in ready.poll():
                if number == listener.fileno():
                    connection, _ = listener.accept()
                    opened[connection.fileno()] = connection
                    ready.register(connection.fileno(), select.EPOLLIN)
                elif opened[number].recv(65536):
                    opened[number].sendall(data)
                else:
                    opened.pop(number).close()
