"""The real gunicorn: refusals at start, a graceful stop, upgrades, and one answer from every process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import GUIDELINE, ROOT, Server, serving, until
from tests.content import copy_release
from tests.sockets import BODY, ONE, connect, head, listening, open_files, rest


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
        [sys.executable, "-m", "gunicorn", "--config", "python:service.server.gunicorn_config", "service:create_app()"],
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


def test_too_few_open_files_for_its_threads_are_refused_at_start_and_named() -> None:
    with open_files(100):
        code, lines = started()
    assert code != 0
    assert "ulimit -n" in lines[-1]
    assert "THREADS=32" in lines[-1]


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
    """The shipped content, to be changed: its folder, and that of its newest release."""
    content = copy_release(folder / "content")
    return content, max((content / "guidelines" / GUIDELINE).iterdir())


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
