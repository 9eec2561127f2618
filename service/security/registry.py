"""CLIENTS_FILE in use: read at the start, read again when it changes, and never lost to a broken edit."""

import fcntl
import hashlib
import hmac
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from service.security.clients_file import Clients, ClientsFileError, parse_clients, read_text

LOOK_SECONDS = 1.0
"""The file is looked at when it is needed, but not more often than this."""
PROMISED_SECONDS = 5.0
"""A change of the file holds for every request after this time."""

Stamp = tuple[int, int, int, int] | None
"""What tells one state of the file from another; None where there is none."""


class Registry:
    """The clients and keys of the newest good file.

    A process that finds the file broken takes the newest good text that any process of this server read: what it read
    itself may be older (a new worker has what its master read at the start), and a key revoked since is good there.
    """

    def __init__(self, file: Path, tick: Callable[[], float] = time.monotonic) -> None:
        """Read the file. Raises ClientsFileError: at the start there is no good one."""
        self._file, self._tick = file, tick
        self._lock = threading.Lock()
        self._stamp = _stamp(file)
        text = read_text(file)
        self._clients = parse_clients(text, file)
        self._newest = _SharedText(text)
        self._next_look = tick() + LOOK_SECONDS
        self.fault = ""
        """Why the file as it is now is not in use; empty when it is."""

    def clients(self) -> Clients:
        """Return what holds now. One caller looks whether the file changed; others wait only if that is overdue."""
        if self._is_due() and self._lock.acquire(blocking=self._is_due(PROMISED_SECONDS - LOOK_SECONDS)):
            try:
                if self._is_due():  # or another thread has just looked
                    self._look()
                    self._next_look = self._tick() + LOOK_SECONDS
            finally:
                self._lock.release()
        return self._clients

    def _is_due(self, seconds: float = 0) -> bool:
        return self._tick() >= self._next_look + seconds

    def _look(self) -> None:
        stamp = _stamp(self._file)
        if stamp == self._stamp and not self.fault:
            return
        log = structlog.get_logger()
        with self._newest.locked():
            try:
                text = read_text(self._file)
                self._clients = parse_clients(text, self._file)
            except ClientsFileError as error:
                self._clients = self._newest_good()
                fault = "; ".join(error.faults[:3])
                if fault != self.fault:
                    log.error("CLIENTS_FILE is broken; the newest good one stays in use", faults=error.faults)  # noqa: TRY400 - a traceback would say nothing more
                self.fault = fault
            else:
                self._newest.write(text)
                self.fault = ""
                log.info(
                    "CLIENTS_FILE was read again", clients=len(self._clients.clients), keys=len(self._clients.keys)
                )
        self._stamp = stamp

    def _newest_good(self) -> Clients:
        """Return what the newest good text names; nobody where a process died while it wrote that text."""
        try:
            return parse_clients(self._newest.read(), self._file)
        except ClientsFileError:
            return Clients({}, {})


class _SharedText:
    """A text in memory that a process shares with those forked from it. Whoever reads or writes it holds the lock."""

    def __init__(self, text: str) -> None:
        self._memory = open(os.memfd_create("clients"), "r+b", buffering=0)  # noqa: PTH123, SIM115 - closed with this object
        weakref.finalize(self, self._memory.close)
        self.write(text)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out; the kernel takes the lock away from a process that dies."""
        fcntl.lockf(self._memory, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._memory, fcntl.LOCK_UN)

    def write(self, text: str) -> None:
        """Replace the text."""
        content = text.encode()
        whole = hashlib.sha256(content).digest() + content
        os.pwrite(self._memory.fileno(), whole, 0)
        os.ftruncate(self._memory.fileno(), len(whole))

    def read(self) -> str:
        """Return the text; an empty one if it was not written to its end."""
        descriptor = self._memory.fileno()
        whole = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        digest, content = whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
        return content.decode() if hmac.compare_digest(hashlib.sha256(content).digest(), digest) else ""


DIGEST_BYTES = hashlib.sha256().digest_size


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
