"""What of gunicorn the worker uses beyond its base class, and that it stands where it stood (docs/adr/0016).

A name that moves fails here first, and so does one that is used and not listed.
"""

import ast
import inspect
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import RequestParser, wsgi
from gunicorn.workers import base

from service.server import connection, worker

IMPORTS = {"RequestParser", "base", "errors", "wsgi"}
OF_BASE = {
    "PIPE",
    "alive",
    "cfg",
    "init_process",
    "log",
    "max_requests",
    "notify",
    "nr",
    "ppid",
    "run",
    "sockets",
    "wsgi",
}
OF_REQUEST = {"headers", "version"}
OF_RESPONSE = {"close", "force_close", "headers_sent", "should_close", "start_response", "write"}
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"


def attributes(module: Any, name: str) -> set[str]:
    """What a module reads or sets of a variable of this name."""
    nodes = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Attribute)]
    return {node.attr for node in nodes if isinstance(node.value, ast.Name) and node.value.id == name}


def imports(module: Any) -> set[str]:
    """What a module imports of gunicorn."""
    nodes = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in nodes if str(node.module).startswith("gunicorn") for alias in node.names}


def test_nothing_else_of_gunicorn_is_used_and_its_base_class_still_has_all_of_it() -> None:
    assert imports(worker) == IMPORTS
    assert imports(connection) == set()
    names = set(dir(base.Worker)) | attributes(base, "self")
    used = attributes(worker, "self") | set(vars(worker.Worker))
    assert {name for name in used & names if not name.startswith("__")} == OF_BASE
    assert attributes(worker, "request") == OF_REQUEST
    assert attributes(worker, "response") == OF_RESPONSE


class Client:
    """What gunicorn calls of a connection."""

    def __init__(self, *received: bytes) -> None:
        self.received = list(received)
        self.calls: list[tuple[str, bytes]] = []

    def recv(self, size: int) -> bytes:
        assert size >= len(self.received[0])
        return self.received.pop(0)

    def send(self, data: bytes) -> int:
        self.calls.append(("send", data))
        return len(data)

    def sendall(self, data: bytes) -> None:
        self.calls.append(("sendall", data))


def test_a_request_is_parsed_and_answered_by_these_names() -> None:
    client = Client(HEAD, b"2\r\nab\r\n", b"0\r\n\r\n")
    request = next(RequestParser(Config(), client, ("127.0.0.1", 1)))
    assert request.version == (1, 1)
    assert ("HOST", "a") in request.headers
    response, environ = wsgi.create(request, client, ("127.0.0.1", 1), ("127.0.0.1", 2), Config())
    assert client.calls == [("send", connection.CONTINUE)], "Connection.send leaves it out where the loop has sent it"
    assert environ["gunicorn.socket"] is client, "service.api.timeouts gives streams more time by it"
    reader = environ["wsgi.input"].reader  # service.api.timeouts takes what has come of a stream from it
    assert reader.read(1) + reader.read(reader.buf.tell()) == b"ab"
    assert reader.read(1) == b""
    response.start_response("200 OK", [("Content-Length", "2")])
    assert not response.headers_sent
    assert not response.should_close()
    response.force_close()
    assert response.should_close()
    response.write(b"ab")
    response.close()
    assert response.headers_sent
    assert [name for name, _ in client.calls[1:]] == ["sendall", "sendall"], "Connection.sendall does not wait"
    assert b"Connection: close\r\n" in client.calls[1][1]


def test_the_faults_are_named_by_the_exceptions_that_are_raised() -> None:
    for sent, fault in {
        b"hello\r\n\r\n": worker.errors.InvalidRequestLine,
        b"GET / XTTP/1.1\r\n\r\n": worker.errors.InvalidHTTPVersion,
        b"GET / HTTP/1.1\r\nX A: b\r\n\r\n": worker.errors.InvalidHeaderName,
        b"GET / HTTP/1.1\r\nTransfer-Encoding: br\r\n\r\n": worker.errors.UnsupportedTransferCoding,
        HEAD.replace(b"100-continue", b"more"): worker.errors.ExpectationFailed,
    }.items():
        with pytest.raises(fault):
            next(RequestParser(Config(), Client(sent, b""), ("127.0.0.1", 1)))
        assert issubclass(fault, worker.errors.ParseException)
        assert fault in worker.FAULTS
