"""Lines sent without a length are answered while they come, by a real server."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.asking import BATCH, NDJSON, RESPONDER, SEPSIS, is_problem_body
from tests.conftest import ROOT, Server

LINE = json.dumps(RESPONDER).encode() + b"\n"


class Talk:
    """A client that writes and reads as it likes."""

    def __init__(self, server: Server, query: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        head = f"POST {BATCH}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {NDJSON}\r\n"
        head += "Transfer-Encoding: chunked\r\n\r\n"
        self.socket.sendall(head.encode())

    def say(self, data: bytes) -> None:
        self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end(self) -> None:
        self.socket.sendall(b"0\r\n\r\n")

    def hear(self) -> http.client.HTTPResponse:
        self.answer = http.client.HTTPResponse(self.socket, method="POST")
        self.answer.begin()
        return self.answer

    def line(self) -> dict:
        return json.loads(self.answer.readline())


@pytest.fixture
def talk(server: Server) -> Iterator[Talk]:
    talk = Talk(server)
    yield talk
    talk.socket.close()


def test_a_line_is_answered_before_the_next_is_sent(talk: Talk) -> None:
    talk.say(LINE)
    answer = talk.hear()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == NDJSON
    assert answer.headers["Cache-Control"] == "no-store"
    for index in range(3):
        item = talk.line()
        assert (item["index"], item["status"], item["answer"]["rule"]) == (index, 200, "R16")
        talk.say(LINE)
    talk.end()
    assert [json.loads(line)["index"] for line in answer.read().splitlines()] == [3]


def test_a_lines_failure_stays_its_own_and_emergencies_are_answered_line_by_line(talk: Talk) -> None:
    lines = [RESPONDER, {"hat": 1}, SEPSIS | {"hat": 1}, [], RESPONDER]
    talk.say(b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b"not json\n\n" + LINE.strip())
    talk.end()
    found = [json.loads(line) for line in talk.hear().read().splitlines()]
    assert [item["status"] for item in found] == [200, 422, 200, 422, 200, 400, 200]
    assert [item["index"] for item in found] == list(range(7))
    assert found[2]["answer"]["code"] == "EMERGENCY_PATHWAY"


def test_a_line_may_come_in_pieces(talk: Talk) -> None:
    for start in range(0, len(LINE), 7):
        talk.say(LINE[start : start + 7])
    talk.hear()
    assert talk.line()["status"] == 200
    talk.end()


def test_a_line_that_is_too_long_is_refused_and_the_next_is_answered(talk: Talk) -> None:
    def send() -> None:
        for _ in range(3):
            talk.say(b" " * 700_000)
        talk.say(b"\n" + LINE)
        talk.end()

    sender = threading.Thread(target=send)
    sender.start()
    found = [json.loads(line) for line in talk.hear().read().splitlines()]
    sender.join()
    assert [item["status"] for item in found] == [413, 200]
    is_problem_body(found[0]["problem"], 413, "body-too-large")


def test_a_view_that_does_not_exist_never_hides_an_emergency(server: Server) -> None:
    talk = Talk(server, "?view=fancy")
    talk.say(LINE + json.dumps(SEPSIS).encode() + b"\n")
    talk.end()
    found = [json.loads(line) for line in talk.hear().read().splitlines()]
    assert [item["status"] for item in found] == [400, 200]
    assert set(found[1]["answer"]) >= {"decision_id", "code"}
    talk.socket.close()


def test_who_stops_sending_is_told_so_by_a_last_line(talk: Talk) -> None:
    talk.say(LINE + b'{"ecog"')
    answer = talk.hear()
    assert talk.line()["status"] == 200
    last = talk.line()
    assert (last["index"], last["status"]) == (1, 408)
    is_problem_body(last["problem"], 408, "request-timeout")
    assert answer.read() == b""


def test_a_malformed_chunk_ends_the_stream_with_a_line_that_says_so(talk: Talk) -> None:
    talk.say(LINE)
    talk.hear()
    assert talk.line()["status"] == 200
    talk.socket.sendall(b"xyz\r\n")
    assert talk.line()["status"] == 400


def test_who_does_not_read_is_not_read_from(server: Server) -> None:
    """Back-pressure: the server stops reading, so sending stops too, long before everything is sent."""
    talk = Talk(server, "?view=full")
    talk.socket.settimeout(1)
    sent = 0
    with pytest.raises((TimeoutError, ConnectionError)):  # noqa: PT012 - which of the writes waits is not known
        for _ in range(100_000):
            talk.say(LINE * 100)
            sent += 100
    assert sent < 1_000_000
    talk.socket.close()


def test_the_client_of_the_readme_reads_while_it_writes(server: Server) -> None:
    """4,000 lines, more than fit between the two, so that one who writes everything first would wait for ever."""
    code = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    code = code.replace("8000", str(server.port)).replace("100_000", "4_000")
    told = subprocess.run(
        [sys.executable, "-c", f"{code}print(item['index'], item['status'])"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.stdout == "3999 200\n", told.stderr


def test_streams_leave_threads_for_everybody_else(serving, until) -> None:
    with serving(WORKERS="1", THREADS="4") as server:
        first = Talk(server)
        first.say(LINE)
        assert first.hear().status == 200
        second = Talk(server)
        second.say(LINE)
        second.end()
        refused = second.hear()
        assert refused.status == 503
        assert refused.headers["Retry-After"]
        first.end()
        first.answer.read()
        first.socket.close()
        second.socket.close()

        def taken() -> bool:
            talk = Talk(server)
            talk.say(LINE)
            talk.end()
            status = talk.hear().status
            talk.socket.close()
            return status == 200

        until(taken, "an ended stream makes room")


def test_a_stream_does_not_outlive_its_worker_and_is_told_where_it_ends(serving) -> None:
    """It would keep the successor waiting: the worker takes no request any more, and no other begins."""
    with serving(WORKERS="1", THREADS="8") as server:
        talk = Talk(server)
        talk.say(LINE)
        talk.hear()
        assert talk.line()["status"] == 200
        server.process.terminate()
        found = {"status": 200}
        while found["status"] == 200:
            talk.say(LINE)
            found = talk.line()
        assert found["status"] == 503
        assert "successor" in found["problem"]["detail"]
        talk.socket.close()
        assert server.process.wait(timeout=20) == 0


def test_a_refused_stream_is_searched_for_emergencies_to_the_very_end_of_what_is_searched(serving) -> None:
    with serving(WORKERS="1", THREADS="8", RATE_LIMIT="1/hour") as server:
        assert server.get("/v1/guidelines")[0] == 200
        emergency = json.dumps(SEPSIS).encode() + b"\n"
        calm = LINE * (60_000 // len(LINE))
        talk = Talk(server)
        talk.say(calm + emergency + LINE * 2_000 + emergency)
        talk.end()
        items = [json.loads(line) for line in talk.hear().read().splitlines()]
        assert {item["status"] for item in items} == {200, 429}
        assert [item["index"] for item in items if item["status"] == 200] == [60_000 // len(LINE)]
        talk.socket.close()


def test_many_lines_through_one_worker_leave_its_memory_as_it_was(serving) -> None:
    with serving(WORKERS="1", THREADS="16") as server:
        worker = next(_children(server.process.pid))
        _pour(server, 200)
        before = _resident(worker)
        _pour(server, 800)  # some 25 MB of answers
        assert _resident(worker) < before + 8 * 1024


def _pour(server: Server, number: int) -> None:
    """Full answers, of which so many are more than the memory that is allowed."""
    talk = Talk(server, "?view=full")

    def send() -> None:
        for _ in range(0, number, 100):
            talk.say(LINE * 100)
        talk.end()

    sender = threading.Thread(target=send)
    sender.start()
    answer = talk.hear()
    lines = 0
    while answer.readline():
        lines += 1
    sender.join()
    talk.socket.close()
    assert lines == number


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
