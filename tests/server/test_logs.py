"""The log of a real gunicorn: a line a request, useful, and nothing about a patient."""

import itertools
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import GUNICORN, ROOT, Server, serving, until
from tests.sockets import BODY, ONE, connect, listening, rest

CANARY = "Rosalind4711"


def test_a_log_that_cannot_be_written_costs_its_lines_and_nothing_else(
    tmp_path: Path, ask: Callable[..., dict], free_port: int
) -> None:
    """The disk is full from the start: the lines of the start are lost too."""
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            [GUNICORN, "--config", "python:service.server.gunicorn_config", "service:create_app()"],
            cwd=ROOT,
            stdout=full,
            stderr=full,
            env={**os.environ, "HOST": "127.0.0.1", "PORT": str(free_port), "WORKERS": "1"},
        )
    server = Server(process, free_port, tmp_path / "none")
    try:
        until(lambda: process.poll() is not None or listening(server), "it listens")
        assert process.poll() is None, "it did not start"
        for _ in range(3):
            status, _, body = server.get(ONE, {"Content-Type": "application/json"}, BODY)
            assert (status, json.loads(body)) == (200, ask(json.loads(BODY)))
        assert server.get(f"{ONE}/none")[0] == 404
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NOT_TRACES = [
    f"ff-{TRACE}-{PARENT}-01",
    f"00-{'0' * 32}-{PARENT}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE.upper()}-{PARENT}-01",
    f"00-{TRACE}-{PARENT}",
    f"00-{TRACE}-{PARENT}-01-{CANARY}",
    CANARY,
]


def test_a_line_of_the_log_says_rule_release_cache_and_trace(tmp_path: Path) -> None:
    with serving(tmp_path, WORKERS="1") as server:
        headers = {"Content-Type": "application/json"}
        for trace in (f"00-{TRACE}-{PARENT}-01", *NOT_TRACES):
            assert server.get(ONE, {**headers, "traceparent": trace}, BODY)[0] == 200
        assert server.get("/livez")[0] == 200
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if '"answered"' in line]
        answer = json.loads(server.get(ONE, headers, BODY)[2])
    traced, *others, probe = lines[-len(NOT_TRACES) - 2 :]
    assert (traced["trace_id"], traced["parent_id"]) == (TRACE, PARENT)
    assert not [line for line in (*others, probe) if "trace_id" in line or "parent_id" in line]
    assert (traced["rule"], traced["release"]) == (answer["recommendations"][0]["rule"], answer["guideline"]["release"])
    assert (traced["cache"], others[0]["cache"]) == ("miss", "near")
    assert (probe["rule"], probe["release"], probe["cache"]) == (None, None, None)


PATHS = [
    ONE,
    f"{ONE}/batch",
    f"{ONE}?view={CANARY}",
    f"{ONE}/{CANARY}",
    f"/{CANARY}",
    f"/v1/guidelines/{CANARY}",
    f"/v1/citations/{CANARY}?{CANARY}={CANARY}",
]
HEADERS = [{}, {"Content-Type": "application/json"}, {"X-Request-ID": f"{CANARY} {CANARY}"}]
SENT = [
    None,
    json.dumps({CANARY: CANARY, "metastatic_status": CANARY}).encode(),
    f'{{"{CANARY}'.encode(),
    json.dumps([{"presentation": CANARY}]).encode(),
]


@pytest.mark.parametrize("level", ["info", "debug"])
def test_nothing_about_a_patient_is_in_the_log(tmp_path: Path, level: str) -> None:
    who = {"User-Agent": CANARY, "Referer": f"http://x/{CANARY}", "Cookie": f"a={CANARY}", "Authorization": CANARY}
    with serving(tmp_path, LOG_LEVEL=level, WORKERS="1") as server:
        answers = [
            server.get(path, headers | who, data) for path, headers, data in itertools.product(PATHS, HEADERS, SENT)
        ]
        assert {status for status, _, _ in answers} >= {400, 404, 405, 415, 422}
        decision = json.loads(server.get(ONE, {"Content-Type": "application/json"}, BODY)[2])["decision_id"]
        assert server.get(f"{ONE}/{decision}")[0] == 200
        assert server.get(f"{ONE}/{decision}x")[0] == 404
        log = server.log.read_text()
        assert log.count('"answered"') >= len(answers)
        assert CANARY not in log
        assert decision not in log
        assert decision[:-10] not in log


REFUSED_BY_THE_SERVER = {
    "a version that there is not": f"GET /{CANARY} HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "a request line of two words": f"GET /{CANARY}\r\nHost: localhost\r\n\r\n",
    "a request line of one word": f"{CANARY}\r\n\r\n",
    "a method that cannot be": f"G{{T}} /{CANARY} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header without a colon": f"GET / HTTP/1.1\r\nHost: localhost\r\n{CANARY}\r\n\r\n",
    "a header name that cannot be": f"GET / HTTP/1.1\r\nHost: localhost\r\n{CANARY}\x01: x\r\n\r\n",
    "a header value that cannot be": f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Patient: {CANARY}\x00\r\n\r\n",
    "a length that is no number": f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {CANARY}\r\n\r\n",
    "a coding that there is not": f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {CANARY}\r\n\r\n",
    "a long request line": f"GET /{CANARY * 1000} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long header": f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Patient: {CANARY * 2000}\r\n\r\n",
    "many headers": "GET / HTTP/1.1\r\nHost: localhost\r\n" + f"{CANARY}: {CANARY}\r\n" * 100 + "\r\n",
    "a chunk that is none": (
        f"POST {ONE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n{CANARY}\r\n"
    ),
    "two lengths": f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{CANARY}",
    "bytes that are no text": f"\x16\x03\x01\x02{CANARY}\r\n\r\n",
}


@pytest.mark.parametrize("level", ["info", "debug"])
def test_what_the_server_refuses_by_itself_is_not_in_the_log_either(tmp_path: Path, level: str) -> None:
    with serving(tmp_path, LOG_LEVEL=level, WORKERS="1") as server:
        leaks = []
        for name, request in REFUSED_BY_THE_SERVER.items():
            before = len(server.log.read_text())
            with connect(server) as connection:
                connection.sendall(request.encode("latin-1"))
                answer = rest(connection)
            assert b" 200 " not in answer, name
            assert server.get("/livez")[0] == 200
            if CANARY in server.log.read_text()[before:]:
                leaks.append(name)
        assert leaks == []


def test_each_answer_has_one_line_in_the_log_with_its_id_and_its_route(tmp_path: Path) -> None:
    with serving(tmp_path, WORKERS="1") as server:
        status, headers, _ = server.get(f"{ONE}/not-an-id", {"X-Request-ID": "a-request-of-mine"})
        assert (status, headers["x-request-id"]) == (404, "a-request-of-mine")
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("request_id") == "a-request-of-mine"]
    assert (line["event"], line["method"], line["status"]) == ("answered", "GET", 404)
    assert line["route"] == f"{ONE}/<decision_id>"
    assert line["ms"] >= 0
