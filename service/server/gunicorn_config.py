"""Configure gunicorn: ``gunicorn --config python:service.server.gunicorn_config 'service:create_app()'``.

Gunicorn takes every module-level name here that is one of its settings, and reads this module in its master only.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import encodings.idna  # noqa: F401 - werkzeug loads it in a worker's first request, when no file may be free
import gc
import os
import resource
import shutil
import socket
import struct
import tempfile
from pathlib import Path
from typing import Any

from service.server.connection import READ_SECONDS
from service.server.metrics import share_between_processes
from service.settings import SettingsError, from_environment


def _count_together() -> None:
    """Let the processes of this master count in one folder, which goes when it ends."""
    folder, master = Path(tempfile.mkdtemp(prefix="guideline-metrics-")), os.getpid()

    def remove() -> None:
        if os.getpid() == master:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # where prometheus-client looks
    share_between_processes(folder)


def when_ready(server: Any) -> None:
    """Give the listeners their bounds, which accepted connections inherit on Linux; set the knowledge aside."""
    for listener in server.LISTENERS:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", READ_SECONDS, 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    # The knowledge lives as long as the process: workers share its pages, and no collection walks it (45 ms measured).
    gc.collect()
    gc.freeze()
    gc.enable()


def post_worker_init(worker: Any) -> None:
    """Let a worker open its files while there are any to be had."""
    metrics = worker.wsgi.config.get("METRICS")  # the benchmark serves other applications with this configuration
    if metrics is not None:
        with contextlib.suppress(OSError):  # a worker that does not begin would end the master
            metrics.begin()


def _give_memory_back() -> None:
    """Keep glibc from learning to keep long bodies on its heaps, where what outlives them holds their pages.

    It raises its threshold for memory of its own, which goes back to the system, to the longest that was ever freed,
    and gives each thread a heap. Three workers settled at 340 MiB after 9,000 hostile requests, with this at 165 MiB.
    """
    with contextlib.suppress(OSError, AttributeError):  # musl has no mallopt, and no such habit
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 256 * 1024)
        mallopt(M_ARENA_MAX, 2)


def _connection_limit(threads: int) -> int:
    """Return how many connections a worker may have: fewer than MOST_CONNECTIONS where few files may be open.

    Raises SettingsError where that leaves fewer than one for each thread.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    limit = files - OTHER_FILES - threads * FILES_OF_A_THREAD
    if limit < threads:
        needed = files - limit + threads
        reason = f"a process may open {files} files (ulimit -n), but THREADS={threads} needs {needed}; raise the one "
        raise SettingsError(f"{reason}or lower the other")
    return min(MOST_CONNECTIONS, limit)


MOST_CONNECTIONS = 800
OTHER_FILES, FILES_OF_A_THREAD = 64, 4
"""16 are open in a new worker; a thread may have two connections to Redis, half of them three for a FHIR server."""
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
SEND_BUFFER_BYTES = 128 * 1024
"""Linux doubles it. By default a connection whose client does not read takes up to 4 MB of the kernel's memory."""

gc.disable()  # until the knowledge is set aside: next to nothing that is loaded becomes garbage
_settings = from_environment()
_count_together()
_give_memory_back()

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
proc_name = "oncology-guideline-service"

worker_class = "service.server.worker.Worker"
workers = _settings.workers
threads = _settings.threads  # made when needed; more than computing needs, for some wait for Redis or FHIR servers
# The knowledge is loaded and proved once, then shared. So a HUP reloads nothing: use USR2 or a restart.
preload_app = True
max_requests = 20_000  # a bound on what a slow leak can become
max_requests_jitter = 2_000  # so that the workers do not restart together
timeout = 30  # for a worker's loop that hangs; a request does not count
graceful_timeout = 8  # less than the ten seconds that compose gives before it kills
keepalive = 15
worker_connections = _connection_limit(_settings.threads)
# The heartbeat must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() and os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - memory, where there is any  # nosec B108

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# No proxy is believed: the application asks for no caller's address.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}

control_socket_disable = True  # it fails on read-only images, and nothing here uses it
accesslog = None  # paths can hold facts; the application logs the route's template
errorlog = "-"
loglevel = "info" if _settings.log_level == "debug" else _settings.log_level  # its debug lines hold paths
