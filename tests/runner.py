"""The embedded servers with a command or the service beside them, as `make run` starts them."""

import contextlib
import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from redis import Redis

from tests.conftest import GUNICORN, ROOT, Server, some_free_port, until

VARIABLES = ("REDIS_URL", "REDIS_STATE_URL")
URLS = f"import os, sys; print(*(os.environ.get(name, '') for name in {VARIABLES}), flush=True); sys.stdin.read()"
KIND = {"redis-server", "valkey-server"}
WITHOUT_URLS = {name: value for name, value in os.environ.items() if name not in VARIABLES}


class Runner:
    """The process that runs a command beside its servers."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process, self._errors = process, errors

    @property
    def log(self) -> str:
        """Standard error."""
        return self._errors.read_text()

    def servers(self) -> dict[str, int]:
        """Process ids of the servers by name."""
        pids = [int(pid) for pid in children(self.process.pid) if name(int(pid)) in KIND]
        for pid in pids:  # between its start and its title it has no command line
            until(lambda pid=pid: socket_of(pid) or not alive(pid), "a server has its title or is dead")
        return {socket.stem: pid for pid in pids if (socket := socket_of(pid))}

    def client(self, server: str) -> Redis:
        """Connect to a server that answers."""
        client = Redis.from_url(f"unix://{socket_of(self.servers()[server])}")
        until(lambda: answers(client), f"the {server} server answers")
        return client


def socket_of(pid: int) -> Path | None:
    """The socket of a server, from its command line or the title that it gives itself; None if it is dead."""
    found = re.search(rb"/[^\0 ]+\.sock", Path(f"/proc/{pid}/cmdline").read_bytes())
    return Path(found[0].decode()) if found else None


def answers(client: Redis) -> bool:
    with contextlib.suppress(Exception):
        return bool(client.ping())
    return False


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextlib.contextmanager
def beside(folder: Path, *command: str, script: Path | None = None, **environment: str) -> Iterator[Runner]:
    """Run a command as `make run` does. Without one, a program that prints its two URLs and waits."""
    errors = folder.with_name(f"{folder.name}-{some_free_port()}.log")
    with (
        errors.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-P", str(script or "service/cache/embedded.py"), str(folder),
             *(command or (sys.executable, "-c", URLS))],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, text=True,
            start_new_session=True,  # a signal to its group is not one to the tests
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell's background ignores it
            env={**WITHOUT_URLS, **environment},
        ) as process,
    ):  # fmt: skip
        try:
            yield Runner(process, errors)
        finally:
            process.terminate()
            process.wait(timeout=30)


def urls(runner: Runner) -> dict[str, str]:
    """The two addresses that the command was told; after that the servers are started."""
    assert runner.process.stdout
    return dict(zip(VARIABLES, runner.process.stdout.readline().rstrip("\n").split(" "), strict=True))


@contextlib.contextmanager
def service(folder: Path, script: Path | None = None, **environment: str) -> Iterator[tuple[Server, Runner]]:
    """Gunicorn as `make run` starts it, beside the servers."""
    port = some_free_port()
    command = [GUNICORN, "--config", "python:service.server.gunicorn_config", "service:create_app()"]
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "WORKERS": "1", "LOG_LEVEL": "error", **environment}
    with beside(folder, *command, script=script, **settings) as runner:
        server = Server(runner.process, port, Path())
        until(lambda: runner.process.poll() is not None or ready(server), "the service is ready")
        yield server, runner


def ready(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.get("/readyz")[0] == 200
    return False


def states(server: Server) -> tuple[str, str, str]:
    """What /readyz says of all, of the cache and of the state."""
    status, _, body = server.get("/readyz")
    assert status == 200
    said = json.loads(body)
    return said["status"], said["parts"]["cache"]["status"], said["parts"]["state"]["status"]


def fill(cache: Redis) -> None:
    """Write eight times as much as the cache may hold, each value with a time to live."""
    for number in range(800):
        cache.set(f"answer {number}", b"x" * 1_000_000, ex=3600)


PATH = "/cds-services/mbc-primary-lrt-patient-view"
JSON = {"Content-Type": "application/json"}
FIRST = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def comment_on(server: Server, *comments: str, first: int = 0) -> int:
    """Send comments on a card, each of a moment of its own from the `first` second on; gives the status."""
    example = (ROOT / "docs" / "examples" / "patient-view.json").read_bytes()
    (card,) = json.loads(server.get(PATH, JSON, example)[2])["cards"]
    outcomes = [
        {
            "card": card["uuid"],
            "outcome": "overridden",
            "outcomeTimestamp": f"{FIRST + dt.timedelta(seconds=first + number):%Y-%m-%dT%H:%M:%SZ}",
            "overrideReason": {"userComment": comment},
        }
        for number, comment in enumerate(comments)
    ]
    return server.get(f"{PATH}/feedback", JSON, json.dumps({"feedback": outcomes}, ensure_ascii=False).encode())[0]
