"""The log: one line of JSON a request, and nobody but the service writes into it."""

import json
import socket

import pytest

from tests.conftest import Server

FORGED = '{"event": "answered", "status": 200, "client": "key admin"}'
VALUES = [
    FORGED,
    f"x {FORGED}",
    "abc%0d%0a" + FORGED,
    "\u2028" + FORGED,
    'aaaaaaaa", "client": "key admin',
    "aaaaaaaa\\n" + FORGED,
    "a" * 7,
    "a" * 65,
    "aaaaaaaa_",
    "aaaaaaaa.",
    "äaaaaaaa",
    "00-" + "a" * 32 + "-" + "b" * 16 + '-01", "client": "key admin',
]
HEADERS = ("X-Request-ID", "traceparent", "User-Agent", "X-Forwarded-For", "Host", "Referer", "Authorization")


def lines(server: Server) -> list[dict]:
    found = []
    for line in server.log.read_bytes().decode().splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
        else:
            assert line.startswith("[20"), "a line of gunicorn's own"
    return found


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_forges_a_line_or_a_field_of_the_log(server: Server, name: str, until) -> None:
    before = len(lines(server))
    for value in VALUES:
        server.get("/livez", {name: value.encode().decode("latin-1")})
    until(lambda: len(lines(server)) >= before + len(VALUES), "each request has its line")
    told = lines(server)[before:]
    assert len(told) == len(VALUES)
    for line in told:
        assert set(line) <= {"request_id", "method", "route", "status", "ms", "release", "rule", "cache", "bytes",
                             "event", "level", "timestamp", "log_level"}  # fmt: skip
        assert len(line["request_id"]) == 32
        assert "admin" not in json.dumps(line)


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_a_broken_line_in_a_head_makes_no_line_of_the_log(server: Server, ending: str) -> None:
    before = len(lines(server))
    head = f"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: aaaaaaaa{ending}{FORGED}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 20) as client:
        client.sendall(head.encode())
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    assert not any(line.get("client") for line in lines(server)[before:])
    assert "admin" not in server.log.read_text()


def test_a_method_or_an_address_forges_nothing(server: Server) -> None:
    for target in ("/%0d%0a" + FORGED.replace(" ", "%20").replace('"', "%22"), "/livez?x=%0a%7B%22event%22"):
        server.get(target)
    assert "admin" not in server.log.read_text()
