"""The real gunicorn: slow clients, a graceful stop, refusals at start, and a log without patients."""

import contextlib
import itertools
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.settings import CONTENT
from service.worker import READ_SECONDS
from tests.conftest import GUIDELINE, GUNICORN, ROOT, Server, serving, until

ONE = "/v1/recommendations"
BODY = json.dumps({"metastatic_status": "M1", "complications": "none"}).encode()
CANARY = "Rosalind4711"
PLACES = 800  # worker_connections
HELD = 200  # far more than both workers have threads


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
def held(server: Server, begun: bytes) -> Iterator[list[socket.socket]]:
    """Connections on which a request was begun and not ended."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(server)) for _ in range(HELD)]
        for connection in connections:
            connection.sendall(begun)
        yield connections


def quiet(connections: list[socket.socket]) -> bool:
    """Whether none of them was answered or closed yet."""
    return not select.select(connections, [], [], 0)[0]


# ---- slow clients


@pytest.mark.parametrize(
    "begun",
    [
        head() + BODY[:5],
        head(ONE, len(BODY), "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0") + BODY[:5],
        head().replace(f"Content-Length: {len(BODY)}".encode(), b"Transfer-Encoding: chunked") + b"5\r\n{",
    ],
    ids=["length", "HTTP/1.0", "chunks"],
)
def test_half_sent_bodies_keep_nobody_waiting_and_end_with_408(server: Server, begun: bytes) -> None:
    with held(server, begun) as connections:
        for _ in range(20):
            status, _, answer = server.get(ONE, {"Content-Type": "application/json"}, BODY)
            assert status == 200
            assert json.loads(answer)["decision_id"]
        assert quiet(connections), "the others were answered only when the half-sent ones had been given up"
        for connection in connections:
            answer = rest(connection)
            assert b" 408 " in answer.partition(b"\r\n")[0]
            assert b"application/problem+json" in answer
            assert b'"/problems/request-timeout"' in answer
            assert b"connection: close" in answer.lower()
    assert server.get("/livez")[0] == 200


def test_half_sent_headers_keep_nobody_waiting_and_end_with_408(server: Server) -> None:
    with held(server, head()[:40]) as connections:
        for _ in range(20):
            assert server.get("/livez")[0] == 200
        assert quiet(connections), "the others were answered only when the half-sent ones had been given up"
        for connection in connections:
            answer = rest(connection)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"did not arrive in time" in answer
    assert server.get("/livez")[0] == 200


def test_who_does_not_send_the_second_request_whole_or_does_not_hang_up_keeps_nobody_waiting(server: Server) -> None:
    whole = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".replace(b"a", b"127.0.0.1")
    with held(server, whole + head()[:40]) as halves, held(server, head(ONE, len(BODY), "Connection: close") + BODY):
        until(lambda: len(select.select(halves, [], [], 0)[0]) == HELD, "all first requests are answered")
        began = time.monotonic()
        for _ in range(20):
            assert server.get("/livez")[0] == 200
        assert time.monotonic() - began < 2
        for connection in halves:
            answer = rest(connection)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.count(b"HTTP/1.1 408 ") == 1


def test_a_go_ahead_is_given_once_and_not_by_a_thread(server: Server) -> None:
    with held(server, head(ONE, len(BODY), "Expect: 100-continue", "Connection: close")) as connections:
        for connection in connections:
            assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert server.get("/livez")[0] == 200
        for connection in connections:
            connection.sendall(BODY)
            assert rest(connection).startswith(b"HTTP/1.1 200 ")


def test_a_place_is_found_for_a_whole_request_while_all_are_taken(tmp_path: Path) -> None:
    with serving(tmp_path, WORKERS="1", THREADS="2") as server, contextlib.ExitStack() as stack:
        first = stack.enter_context(connect(server))
        first.sendall(head()[:40])
        for _ in range(PLACES):
            stack.enter_context(connect(server))
        assert server.get("/livez")[0] == 200
        assert rest(first).startswith(b"HTTP/1.1 503 "), "the oldest was to make room"


def test_unfinished_long_requests_do_not_fill_the_memory(tmp_path: Path) -> None:
    begun = head("/v1/recommendations/batch", 15 << 20) + b"[" + b" " * (14 << 20)
    with serving(tmp_path, WORKERS="1") as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(server)) for _ in range(6)]
        for connection in connections:
            with contextlib.suppress(ConnectionError):
                connection.sendall(begun)
        answer = rest(connections[0])
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"unfinished" in answer
        assert server.get(ONE, {"Content-Type": "application/json"}, BODY)[0] == 200


@pytest.mark.parametrize(
    ("lines", "status", "fault"),
    [
        ("GET /livez HTTP/1.1\r\n", 400, "is missing"),  # RFC 9112, 3.2: no Host
        ("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "X-A: b\r\n" * 100, 431, "too many headers"),
        (f"GET /livez?{'a' * 5000} HTTP/1.1\r\nHost: 127.0.0.1\r\n", 414, "request line is too long"),
        ("hello\r\n", 400, "request line is malformed"),
        ("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX A: b\r\n", 400, "name of a header"),
        ("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: br\r\n", 501, "chunked"),
    ],
)
def test_a_head_that_cannot_be_read_is_refused_with_its_fault(
    server: Server, lines: str, status: int, fault: str
) -> None:
    with connect(server) as connection:
        connection.sendall(f"{lines}\r\n".encode())
        answer = rest(connection).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert fault in answer
    assert answer.count("HTTP/1.1") == 1


def test_http_1_0_needs_no_host(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert b" 200 " in rest(connection).partition(b"\r\n")[0]


def test_connections_on_which_nothing_is_sent_keep_nobody_waiting(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(server)) for _ in range(200)]
        for _ in range(20):
            assert server.get("/livez")[0] == 200
        assert quiet(connections)


def test_a_body_sent_byte_by_byte_is_given_up_in_time(server: Server) -> None:
    """Each byte is in time for one read; all of them together are not."""
    began = time.monotonic()
    with connect(server) as connection:
        connection.sendall(head(length=100_000))
        while not select.select([connection], [], [], 0.2)[0]:
            connection.sendall(b" ")
            assert time.monotonic() - began < 4 * READ_SECONDS, "the server reads for ever"
        assert rest(connection).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began >= READ_SECONDS - 1


def test_a_client_that_hangs_up_early_disturbs_nobody(server: Server) -> None:
    for _ in range(HELD):
        with connect(server) as connection:
            connection.sendall(head() + BODY[:5])
            connection.shutdown(socket.SHUT_WR)
            answer = rest(connection)
            assert b" 200 " not in answer
    assert server.get(ONE, {"Content-Type": "application/json"}, BODY)[0] == 200


def test_a_connection_serves_several_requests(server: Server) -> None:
    with connect(server) as connection, connection.makefile("rb") as stream:
        for _ in range(3):
            connection.sendall(head() + BODY)
            assert stream.readline().startswith(b"HTTP/1.1 200 ")
            length = 0
            while (line := stream.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            assert json.loads(stream.read(length))["decision_id"]


# ---- start and stop


def test_a_stop_lets_the_request_under_way_end_and_then_closes(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with connect(server) as connection:
            connection.sendall(head(ONE, len(BODY), "Expect: 100-continue", "Connection: close"))
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # a thread reads this request now
            server.process.send_signal(signal.SIGTERM)
            until(lambda: "Handling signal: term" in server.log.read_text(), "the server has heard the signal")
            connection.sendall(BODY)
            answer = rest(connection)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"decision_id" in answer
        assert server.process.wait(timeout=20) == 0
        with pytest.raises(ConnectionRefusedError):
            connect(server).close()
        assert "Traceback" not in server.log.read_text()


def test_ctrl_c_stops_it_too(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=20) == 0
        assert "Traceback" not in server.log.read_text()


def test_the_settings_reach_the_server(tmp_path: Path) -> None:
    with serving(tmp_path, WORKERS="1", THREADS="3", MAX_BODY_BYTES="100") as server:
        until(lambda: server.log.read_text().count("Booting worker") == 1, "one worker")
        assert server.get(ONE, {"Content-Type": "application/json"}, b"{}" + b" " * 98)[0] == 200
        assert server.get(ONE, {"Content-Type": "application/json"}, b"{}" + b" " * 99)[0] == 413
        assert server.get("/readyz")[0] == 200
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        assert len(children) == 1


def started(**environment: str) -> tuple[int, list[str]]:
    """Start the service where it cannot start: exit code and the lines of its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--config", "python:service.server", "service:create_app()"],
        cwd=ROOT,
        env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
        text=True,
    )
    assert "Traceback" not in ended.stdout
    return ended.returncode, ended.stdout.strip().splitlines()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HOST": "0.0.0.0"}, ["HOST=0.0.0.0", "AUTH"]),  # noqa: S104 - it is refused
        ({"PORT": "abc"}, ["PORT"]),
        ({"PORT": "99999"}, ["PORT"]),
        ({"GUIDELINE": "none-such"}, ["GUIDELINE=none-such", GUIDELINE]),
        ({"LOG_LEVEL": "loud"}, ["LOG_LEVEL"]),
        ({"CLIENTS_FILE": "/nowhere/clients.yaml"}, ["/nowhere/clients.yaml"]),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused_at_start_and_named_in_the_last_line(
    environment: dict[str, str], words: list[str]
) -> None:
    code, lines = started(**environment)
    assert code != 0
    assert all(word in lines[-1] for word in words), lines[-1]


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, lines = started(PORT=str(port))
        assert code != 0
        assert str(port) in lines[-1]


# File, change, and what the line of the log says besides the file.
BREAKAGES: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a guideline without a review date": (
        "guideline.yaml",
        lambda text: text.replace("review_by:", "reviewed_by:"),
        ": /review_by: ",
    ),
    "a word that there is not": (
        "rules/R16.yaml",
        lambda text: text.replace("direction: against", "direction: never"),
        ": /direction: ",
    ),
    "text that is no YAML": ("derivations.yaml", lambda text: text + "\n  - [", "line "),
    "a key that stands twice": ("guideline.yaml", lambda text: text + "\nid: other\n", "'id' stands twice"),
    "a rule that covers the cells of another": (
        "rules/R16.yaml",
        lambda text: text.replace("M1_DENOVO_POLY", "M1_RECURRENT"),
        "overlap R14, R16; witness ",
    ),
}


def copied(folder: Path) -> tuple[Path, Path]:
    """The shipped content, to be changed: its folder, and that of its release."""
    content = folder / "content"
    shutil.copytree(CONTENT, content)
    (release,) = (content / "guidelines" / GUIDELINE).iterdir()
    return content, release


@pytest.mark.parametrize(("name", "change", "fault"), BREAKAGES.values(), ids=BREAKAGES)
def test_broken_knowledge_is_not_served_and_the_log_names_file_path_and_fault(
    tmp_path: Path, name: str, change: Callable[[str], str], fault: str
) -> None:
    content, release = copied(tmp_path)
    file = release / name
    before = file.read_text()
    file.write_text(change(before))
    assert file.read_text() != before
    code, lines = started(CONTENT=str(content))
    assert code != 0
    place = str(file.parent if "overlap" in fault else file)  # an overlap is one of all rules
    assert [line for line in lines if place in line and fault in line], lines[-3:]


def test_no_knowledge_is_not_served(tmp_path: Path) -> None:
    code, lines = started(CONTENT=str(tmp_path / "nothing"))
    assert code != 0
    assert str(tmp_path / "nothing") in lines[-1]


# ---- an upgrade while it serves


def workers(server: Server) -> set[int]:
    return {int(found) for found in re.findall(r"Booting worker with pid: (\d+)", server.log.read_text())}


def masters(server: Server) -> list[int]:
    """The master and, if it is alive, the one that is to follow it."""
    first = server.process.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *(int(pid) for pid in children if int(pid) not in workers(server))]


@pytest.mark.parametrize(("name", "change", "fault"), BREAKAGES.values(), ids=BREAKAGES)
def test_an_upgrade_to_broken_knowledge_leaves_the_old_release_serving_and_says_what_is_wrong(
    tmp_path: Path, name: str, change: Callable[[str], str], fault: str
) -> None:
    content, release = copied(tmp_path)
    file = release / name
    whole = file.read_text()
    with serving(tmp_path, CONTENT=str(content), WORKERS="1") as server:
        headers = {"Content-Type": "application/json"}
        before = server.get(ONE, headers, BODY)[2]
        file.write_text(change(whole))
        server.process.send_signal(signal.SIGUSR2)
        place = str(file.parent if "overlap" in fault else file)
        until(lambda: place in server.log.read_text(), "the fault is in the log")
        until(lambda: len(masters(server)) == 1, "the new master has given up")
        assert [line for line in server.log.read_text().splitlines() if place in line and fault in line]
        assert server.get(ONE, headers, BODY)[2] == before
        assert server.get("/readyz")[0] == 200
        assert server.process.poll() is None


def test_an_upgrade_to_good_knowledge_takes_over_without_a_refused_request(tmp_path: Path) -> None:
    """Also after one that failed."""
    content, release = copied(tmp_path)
    file = release / "guideline.yaml"
    whole = file.read_text()
    with serving(tmp_path, CONTENT=str(content), WORKERS="1") as server:
        file.write_text("- [")
        server.process.send_signal(signal.SIGUSR2)
        until(lambda: str(file) in server.log.read_text() and len(masters(server)) == 1, "the first upgrade failed")
        file.write_text(whole.replace("disclaimer: >-\n", "disclaimer: >-\n  Changed.\n"))
        server.process.send_signal(signal.SIGUSR2)
        until(lambda: len(workers(server)) == 2, "the new master has a worker")
        (old, new) = masters(server)
        try:
            server.process.send_signal(signal.SIGTERM)  # the old one ends, gracefully
            while server.process.poll() is None:
                assert server.get("/livez")[0] == 200
            answer = json.loads(server.get(ONE, {"Content-Type": "application/json"}, BODY)[2])
            assert answer["disclaimer"].startswith("Changed.")
            assert old == server.process.pid
        finally:
            os.kill(new, signal.SIGTERM)
            until(lambda: not listening(server), "the new master has ended")


def listening(server: Server) -> bool:
    try:
        connect(server).close()
    except ConnectionError:  # refused, or reset by a socket that is just being closed
        return False
    return True


# ---- the log


def test_a_log_that_cannot_be_written_costs_its_lines_and_nothing_else(
    tmp_path: Path, ask: Callable[..., dict], free_port: int
) -> None:
    """The disk is full from the start: the lines of the start are lost too."""
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            [GUNICORN, "--config", "python:service.server", "service:create_app()"],
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


# ---- the same answer from every process


def test_a_permalink_is_answered_by_any_process_and_after_a_restart(tmp_path: Path) -> None:
    """The first of them has another address, another clock and other settings; no state is shared."""
    answers = []
    for number, environment in enumerate(
        ({"CLOCK_OFFSET_DAYS": "400", "WORKERS": "1"}, {"PUBLIC_URL": "https://guideline.example"})
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with serving(folder, **environment) as server:
            headers = {"Content-Type": "application/json"}
            posted = server.get(ONE, headers, BODY)[2]
            link = json.loads(posted)["links"]["self"]
            answers += [posted, *(server.get(link)[2] for _ in range(8))]
    assert len(set(answers)) == 1
