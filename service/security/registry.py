"""CLIENTS_FILE in use: read at the start, read again when it changes, and never lost to a broken edit."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from service.security.clients_file import Clients, ClientsFileError, read_clients

LOOK_SECONDS = 1.0
"""The file is looked at when it is needed, but not more often than this."""

Stamp = tuple[int, int, int, int] | None
"""What tells one state of the file from another; None where there is none."""


class Registry:
    """The clients and keys of the last good file."""

    def __init__(self, file: Path, tick: Callable[[], float] = time.monotonic) -> None:
        """Read the file. Raises ClientsFileError: at the start there is no last good one."""
        self._file, self._tick = file, tick
        self._lock = threading.Lock()
        self._stamp = _stamp(file)
        self._clients = read_clients(file)
        self._next_look = tick() + LOOK_SECONDS
        self.fault = ""
        """Why the file as it is now is not in use; empty when it is."""

    def clients(self) -> Clients:
        """What holds now. One caller looks whether the file changed; the others go on with what there is."""
        if self._tick() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._look()
                self._next_look = self._tick() + LOOK_SECONDS
            finally:
                self._lock.release()
        return self._clients

    def _look(self) -> None:
        stamp = _stamp(self._file)
        if stamp == self._stamp and not self.fault:
            return
        log = structlog.get_logger()
        try:
            self._clients = read_clients(self._file)
        except ClientsFileError as error:
            fault = "; ".join(error.faults[:3])
            if fault != self.fault:
                log.error("CLIENTS_FILE is broken; the last good one stays in use", faults=error.faults)  # noqa: TRY400 - a traceback would say nothing more
            self.fault = fault
        else:
            self.fault = ""
            log.info("CLIENTS_FILE was read again", clients=len(self._clients.clients), keys=len(self._clients.keys))
        self._stamp = stamp


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
