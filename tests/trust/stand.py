"""A service under test: gunicorn with several workers, its Redis, and what can be done to both while it serves."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import GUNICORN, ROOT, RedisServer, Server, some_free_port, until

WORKERS = 3
SECRET = "of the trust runs, long enough to be one, known to nobody else"  # noqa: S105 - of the tests only
ENVIRONMENT = {
    "HOST": "127.0.0.1",
    "WORKERS": str(WORKERS),
    "SERVICE_SECRET": SECRET,
    "RATE_LIMIT": "off",  # the load is one client
    # Room for some fifty full answers only, so that Redis is asked all the time.
    "NEAR_CACHE_BYTES": str(1 << 20),
}


class Service(Server):
    """Gunicorn, which may be stopped, started again at its address, and upgraded."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = some_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"gunicorn-{self.port}.log"
        self.environment = ENVIRONMENT | {"PORT": str(self.port)} | environment
        self.headers: dict[str, str] = {}
        self.size = int(self.environment["WORKERS"])

    def start(self, log: Path | None = None) -> None:
        """Start it and wait for all workers."""
        with (log or self.log).open("ab") as out:
            self.process = subprocess.Popen(
                [GUNICORN, "--config", "python:service.server.gunicorn_config", "service:create_app()"],
                cwd=ROOT,
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment},
            )
        self.master = self.process.pid
        until(lambda: self.process.poll() is not None or self.ready(), "the service is ready")
        assert self.process.poll() is None, self.log.read_text()[-2000:]

    def ready(self) -> bool:
        """Whether it answers and has all its workers."""
        with contextlib.suppress(OSError):
            return self.get("/readyz")[0] == 200 and len(self.workers()) >= self.size
        return False

    def workers(self) -> list[int]:
        """Its workers, not a master that is to follow it."""
        return [pid for pid in _children(self.master) if pid not in self.followers()]

    def followers(self) -> list[int]:
        """Masters that it started when it heard USR2."""
        return [pid for pid in _children(self.master) if _environment(pid).get("GUNICORN_PID") == str(self.master)]

    def stop(self) -> None:
        """TERM, and wait."""
        os.kill(self.master, signal.SIGTERM)
        until(lambda: not _alive(self.master, self.process), "the service has stopped")

    def upgrade(self) -> None:
        """USR2, and TERM to the old master once the new one serves."""
        old = self.master
        os.kill(old, signal.SIGUSR2)
        until(lambda: any(len(_children(pid)) >= self.size for pid in self.followers()), "the new master serves")
        (self.master,) = self.followers()
        until(lambda: len(_children(self.master)) >= self.size, "the new master has its workers")
        os.kill(old, signal.SIGTERM)
        until(lambda: not _alive(old, self.process), "the old master has ended")

    def kill_worker(self) -> set[int]:
        """Kill one worker -9; the clients' ports of the connections that died with it."""
        victim = self.workers()[0]
        os.kill(victim, signal.SIGSTOP)
        ports = _ports(victim, self.port)
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in self.workers() and len(self.workers()) == self.size, "another worker is there")
        return ports

    def counted(self, sample: str) -> float:
        """A sample of /metrics; 0 before it is first counted."""
        text = self.get("/metrics", self.headers)[2].decode()
        found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0

    def lookups(self, outcome: str) -> float:
        """How often Redis gave this."""
        return self.counted(f'guideline_cache_lookups_total{{cache="redis",outcome="{outcome}"}}')

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            self.stop()
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def service(folder: Path, **environment: str) -> Iterator[Service]:
    """A service, for as long as the block lasts."""
    running = Service(folder, environment)
    try:
        running.start()
        yield running
    finally:
        running.close()


@contextlib.contextmanager
def redis() -> Iterator[RedisServer]:
    """A Redis, for as long as the block lasts."""
    server = RedisServer()
    try:
        yield server
    finally:
        server.close()


def empty(server: RedisServer) -> None:
    """Throw away what it kept, while it is down."""
    for kept in server.folder.iterdir():
        if kept.is_dir():
            shutil.rmtree(kept)
        elif not kept.is_socket():
            kept.unlink()


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _environment(pid: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return {}


def _alive(pid: int, process: subprocess.Popen[bytes]) -> bool:
    if pid == process.pid:
        return process.poll() is None
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _ports(pid: int, listening: int) -> set[int]:
    """The other ends of the connections that a process holds."""
    held = set()
    for name in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            held.add(str(name.readlink()).removeprefix("socket:[").removesuffix("]"))
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        local, remote, inode = words[1], words[2], words[9]
        if int(local.split(":")[1], 16) == listening and inode in held:
            ports.add(int(remote.split(":")[1], 16))
    return ports - {0}


def seconds(number: float) -> None:
    """Let the load go on: it is the length of a measurement, no synchronisation."""
    time.sleep(number)
