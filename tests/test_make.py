"""The two commands of a stranger: `make run` serves, and says in one line what is wrong when it cannot."""

import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trust.record import PARTS

ROOT = Path(__file__).parents[1]


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Our own lines; make itself adds one that ends in `Error 1`."""
    return [line for line in done.stderr.splitlines() if "***" not in line]


def test_make_run_serves_and_stops_on_ctrl_c(until: Callable[..., None], free_port: int) -> None:
    with subprocess.Popen(
        ["make", "run", f"PORT={free_port}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            until(lambda: process.poll() is not None or answers(free_port), "make run answers", 90)
            assert process.poll() is None
        finally:
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    assert not answers(free_port)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = make("run", f"PORT={port}")
    assert done.returncode != 0
    (line,) = said(done)
    assert str(port) in line


@pytest.mark.parametrize("python", ["python-that-is-not-there"])
def test_a_missing_python_is_said_in_one_line(python: str) -> None:
    done = make("run", f"PYTHON={python}")
    assert done.returncode != 0
    (line,) = said(done)
    assert "3.11" in line


def test_a_python_that_is_too_old_is_said_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    # Runs what it is given after pretending to be 3.8: what the Makefile's own check reads is sys.version_info.
    old.write_text("#!/bin/sh\nexec python3 -c 'import sys; sys.version_info = (3, 8, 0); exec(sys.argv[2])' \"$@\"\n")
    old.chmod(0o755)
    done = make("run", f"PYTHON={old}")
    assert done.returncode != 0
    (line,) = said(done)
    assert "3.8" in line
    assert "3.11" in line


def test_a_host_open_to_others_without_auth_is_refused_at_start(free_port: int) -> None:
    done = make("run", f"PORT={free_port}", HOST="0.0.0.0")  # noqa: S104 - the refusal is what is tested
    assert done.returncode != 0
    assert "AUTH" in done.stderr + done.stdout


def test_every_target_is_phony_and_listed_by_help() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = {
        "help",
        "run",
        "test",
        "bench",
        "conformance",
        "trust",
        "lint",
        "check",
        "openapi",
        "lock",
        "secrets",
        "clean",
    }
    targets |= {f"trust-{part}" for part in PARTS}
    (phony,) = [line for line in text.splitlines() if line.startswith(".PHONY:")]
    assert targets <= set(phony.split())
    assert all(f"make {target}" in make("help").stdout for target in targets)
