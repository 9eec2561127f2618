"""Real servers on loopback: gunicorn as shipped with one worker on one core; the load has the other."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.build import CURRENT, Build
from bench.client import UnexpectedError, ask, request
from service.cache import embedded

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
OURS, FRAME, FLOOR = "service:create_app()", "bench.frame:create_app()", "bench.floor:app"
START_SECONDS = 60
UTIME, STIME = 11, 12
"""Places in /proc/PID/stat behind the name of the program."""
KEY = "ogs_bench_" + "k" * 43
"""The key that every call of the benchmark shows; it opens nothing but servers that the benchmark starts."""
SETTINGS = {
    "AUTH", "REDIS_URL", "REDIS_STATE_URL", "SERVICE_SECRET", "PUBLIC_URL", "CONTENT", "GUIDELINE", "GUIDELINES",
    "THREADS",
}  # fmt: skip
"""Settings of the service that the caller's environment may hold."""
CACHE_ONLY = {"appendonly": "no", "maxmemory": "512mb", "maxmemory-policy": "allkeys-lfu"}
"""Options of the cache's Redis in docker-compose.yml: it keeps nothing on disk."""


@dataclass(frozen=True)
class Server:
    """A gunicorn that serves."""

    process: subprocess.Popen[bytes]
    port: int
    started: float
    """Seconds from its start to its first answer."""

    def post(self, path: str, body: bytes, **headers: str) -> bytes:
        """Return the bytes of a request with the key."""
        return request("POST", path, self.port, body, X_API_Key=KEY, **headers)

    def workers(self) -> list[int]:
        """Process ids."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def processor_seconds(self) -> float:
        """Return the processor time that the workers have taken, to a hundredth of a second."""
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.workers()]
        return sum(int(fields[UTIME]) + int(fields[STIME]) for fields in stats) / TICKS_PER_SECOND

    def peak_mb(self) -> float:
        """The most memory that a worker had at once."""
        return max(_kilobytes(f"/proc/{pid}/status", "VmHWM") for pid in self.workers()) / 1024

    def pss_mb(self) -> float:
        """Memory of master and workers, pages that they share counted once."""
        pids = [self.process.pid, *self.workers()]
        return sum(_kilobytes(f"/proc/{pid}/smaps_rollup", "Pss") for pid in pids) / 1024


@contextlib.contextmanager
def serving(app: str, answer: bytes = b"{}", build: Build = CURRENT, **environment: str) -> Iterator[Server]:
    """Start gunicorn with this application of a build, wait until it answers, stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "answer").write_bytes(answer)
        (folder / "clients.json").write_text(json.dumps(_clients()))
        port = free_port()
        settings = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "WORKERS": "1",
            "RATE_LIMIT": "off",  # the load is one client
            "CLIENTS_FILE": str(folder / "clients.json"),
            "BENCH_ANSWER": str(folder / "answer"),
        }
        with (folder / "log").open("wb") as log:
            began = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603 - our own server, arguments of our own
                # A restart of the only worker in the middle of a round would be noise in one of the two.
                [*build.gunicorn, "--max-requests", "0", app],
                cwd=build.folder,
                stdout=log,
                stderr=log,
                env={**_clean(), **settings, **environment},
                preexec_fn=lambda: pin(0),  # noqa: PLW1509 - this process has one thread
            )
        probe = request("POST", "/floor", port, b"{}") if app == FLOOR else request("GET", "/readyz", port)
        try:
            while not _answers(port, probe):
                if process.poll() is not None or time.perf_counter() - began > START_SECONDS:
                    raise RuntimeError(f"{app} did not start: {(folder / 'log').read_text()[-2000:]}")
                time.sleep(0.002)
            yield Server(process, port, time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A Redis of its own, as the cache in docker-compose.yml; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="bench-redis-") as folder:
        server = embedded.Server("cache", Path(folder), Path(folder), CACHE_ONLY)
        server.watch()
        began = time.perf_counter()
        while server.process is None or not server.socket.exists():
            if time.perf_counter() - began > START_SECONDS:
                raise RuntimeError("no Redis starts here; standard error says why")
            time.sleep(0.002)
        pin(-1, server.process.pid)
        try:
            yield server.url
        finally:
            server.stop()


def pin(core: int, pid: int = 0) -> None:
    """Keep a process on one of the cores that there are (0 the first, -1 the last), where there are several."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[core]})


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _clients() -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(KEY.encode()).hexdigest()}"
    return {"clients": [], "keys": [{"id": "bench", "hash": digest, "scopes": ["advice", "cds"]}]}


def _clean() -> dict[str, str]:
    """Return the environment without the settings of the service."""
    return {name: value for name, value in os.environ.items() if name not in SETTINGS}


def _answers(port: int, probe: bytes) -> bool:
    with contextlib.suppress(OSError, UnexpectedError):
        ask(port, probe)
        return True
    return False


def _kilobytes(file: str, name: str) -> int:
    lines = Path(file).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
