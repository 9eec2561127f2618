"""A gunicorn worker of which no slow client can hold a thread or the loop (docs/adr/0005, 0016).

The loop reads every request, never waiting, and gives it to a thread once it is whole. What the kernel does not take
of an answer at once the loop sends, and the next request of the connection is read after that. There is no TLS here: a
proxy ends it.

It is made on `gunicorn.workers.base.Worker`, which gunicorn offers for this; tests/server/test_gunicorn_insides.py
lists what else of gunicorn it uses.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from gunicorn.http import RequestParser, errors, wsgi
from gunicorn.workers import base

from service.server.connection import READ_BYTES, READ_SECONDS, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LARGE_REQUEST_BYTES = 4096
"""One patient has some hundreds of bytes. More are a batch, a record or a call, which may take long."""
UNREAD_BYTES = 64 * 2**20
"""Of requests that have begun and are not answered."""
UNSENT_BYTES = 64 * 2**20
"""Of answers that their clients have not read; beyond that the slowest readers are given up."""
FAST_BYTES_PER_SECOND = 10**6
"""But none of those that read so fast."""
SWEEP_SECONDS = 0.1
"""Between two looks at which connections are late."""
SWEEP_CONNECTIONS = 40
"""Given up in one sweep at most, so that their 408s delay nobody."""
RETIRING_SECONDS = 0.5
"""For which a worker that has had its number of requests waits for a client."""
STOPPING_IDLE_SECONDS = 2
"""For which a worker that ends keeps an idle connection: a request may be on its way."""


class Worker(base.Worker):  # type: ignore[misc] # gunicorn ships no types
    """One loop that reads and writes, and threads that answer."""

    alive: bool
    """Whether it takes requests. Gunicorn's handlers of signals clear it."""

    def init_process(self) -> None:
        """Prepare the process, and run. Called by gunicorn after the fork."""
        self.connections: set[Connection] = set()
        self.threads = ThreadPoolExecutor(self.cfg.threads)
        self.poller = selectors.DefaultSelector()
        self.answered: SimpleQueue[tuple[Connection, bool]] = SimpleQueue()
        self.large_limit = max(self.cfg.threads // 2 + 1, self.cfg.threads * 3 // 4)
        """Threads that large requests and streams may have: the others are for health and single patients."""
        self.large_requests: set[Connection] = set()
        self.large_queue: deque[Connection] = deque()
        self.is_listening = False
        self.listen_after = self.swept_at = 0.0
        super().init_process()

    def run(self) -> None:
        """Serve until the worker or its master is to end; then let requests under way end."""
        self.poller.register(self.PIPE[0], selectors.EVENT_READ, self._collect_answered)
        while self.alive and self.ppid == os.getppid():
            has_place = len(self.connections) < self.cfg.worker_connections
            self._listen(enabled=has_place and time.monotonic() >= self.listen_after)
            self._turn()
        self.alive = False
        self._listen(enabled=False)
        end = time.monotonic() + self.cfg.graceful_timeout
        while self._has_work() and time.monotonic() < end:
            self._turn()
        self.threads.shutdown(wait=False)
        for listener in self.sockets:
            listener.close()

    # ---- in the loop

    def _has_work(self) -> bool:
        """Return whether the worker that is to end still owes an answer.

        Its successor begins after it. So one that ends for its number of requests waits for no slow client.
        """
        if self.nr < self.max_requests:
            return bool(self.connections)
        since = time.monotonic() - RETIRING_SECONDS
        return any(not each.is_waiting or each.since > since for each in self.connections)

    def _turn(self) -> None:
        self.notify()
        for key, _ in self.poller.select(SWEEP_SECONDS if self.connections or not self.is_listening else 1):
            key.data(key.fileobj)
        self._sweep()

    def _listen(self, *, enabled: bool) -> None:
        if enabled == self.is_listening:
            return
        self.is_listening = enabled
        for listener in self.sockets:
            if enabled:
                listener.settimeout(0)
                self.poller.register(listener, selectors.EVENT_READ, self._accept)
            else:
                self.poller.unregister(listener)

    def _accept(self, listener: Any) -> None:
        """Accept a connection; while all places are taken, in the place of the one that has waited longest."""
        if len(self.connections) >= self.cfg.worker_connections - 1:
            self._turn_away(self.connections)
        try:
            connection = Connection(*listener.accept())
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:  # no file is free, for example: a worker that ended for it would cost all requests
            self.log.warning("a connection was not accepted: %s", error.strerror)
            if not self._turn_away(self.connections):
                self.listen_after = time.monotonic() + SWEEP_SECONDS
            return
        self.connections.add(connection)
        self._read(connection)

    def _read(self, connection: Connection) -> None:
        """Read what there is; give the request to a thread once it is whole, else wait for more."""
        try:
            has_ended = connection.read()
            has_request = not connection.is_closing and connection.has_request()
        except OSError:
            self._close(connection)
            return
        if has_request or (has_ended and connection.received and not connection.is_closing):
            # A thread reads on only what is too long for the loop, a stream, or where nothing more can come.
            framing = connection.framing
            reads_on = has_ended or framing.is_oversized or framing.is_stream
            self._hand_over(connection, time.monotonic() + READ_SECONDS if reads_on else 0)
        elif has_ended:
            self._close(connection)
        else:
            self._wait(connection, selectors.EVENT_READ, self._read)
            if len(connection.received) > READ_BYTES:
                self._bound_unread_bytes()

    def _bound_unread_bytes(self) -> None:
        if sum(len(each.received) + len(each.request) for each in self.connections) > UNREAD_BYTES:
            self._turn_away(each for each in self.connections if len(each.received) > READ_BYTES)

    def _hand_over(self, connection: Connection, deadline: float) -> None:
        connection.take_request(deadline)
        if connection.framing.is_stream or len(connection.request) > LARGE_REQUEST_BYTES:
            self.large_queue.append(connection)
            self._begin_large_requests()
        else:
            self.threads.submit(self._serve, connection)

    def _begin_large_requests(self) -> None:
        while self.large_queue and len(self.large_requests) < self.large_limit:
            connection = self.large_queue.popleft()
            self.large_requests.add(connection)
            self.threads.submit(self._serve, connection)

    def _collect_answered(self, pipe: int) -> None:
        """Take back the connections whose requests the threads have answered."""
        os.read(pipe, READ_BYTES)
        with contextlib.suppress(Empty):
            while True:
                connection, stays_open = self.answered.get_nowait()
                connection.since = time.monotonic()
                self.large_requests.discard(connection)
                if not stays_open:
                    connection.is_closing = True
                    connection.received.clear()
                self._send(connection)
        self._begin_large_requests()

    def _send(self, connection: Connection) -> None:
        """Send what is left of an answer; then go on with the next request, or part."""
        try:
            if not connection.unsent.send(connection):
                self._wait(connection, selectors.EVENT_WRITE, self._send)
                return
            if connection.is_closing:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
            return
        connection.begin()
        self._read(connection)

    def _wait(self, connection: Connection, event: int, then: Callable[[Connection], None]) -> None:
        connection.is_waiting = True
        self.poller.register(connection, event, partial(self._resume, then))

    def _resume(self, then: Callable[[Connection], None], connection: Connection) -> None:
        if connection.is_waiting:  # it may have been given up since it became ready
            self._stop_waiting(connection)
            then(connection)

    def _stop_waiting(self, connection: Connection) -> None:
        connection.is_waiting = False
        self.poller.unregister(connection)

    def _sweep(self) -> None:
        """Give late clients up: with a 408 where a request has begun, else without a word."""
        now = time.monotonic()
        if now < self.swept_at + SWEEP_SECONDS:
            return
        self.swept_at = now
        idle_seconds = self.cfg.keepalive if self.alive else STOPPING_IDLE_SECONDS
        if not self.alive:
            for connection in self.connections:
                connection.is_worker_ending = True
        late = [each for each in self.connections if each.is_waiting and each.time_limit(idle_seconds) <= now]
        for connection in late[:SWEEP_CONNECTIONS]:
            self._stop_waiting(connection)
            if connection.received and not connection.unsent.size:
                self._hand_over(connection, 0)  # the application finds the end missing, and answers in its own form
            else:
                self._close(connection)
        self._bound_unsent_bytes(now)

    def _bound_unsent_bytes(self, now: float) -> None:
        readers = [each for each in self.connections if each.unsent.size]
        excess = sum(each.unsent.size for each in readers) - UNSENT_BYTES
        if excess <= 0 or len(readers) == 1:  # one answer alone may be longer
            return
        for connection in sorted(readers, key=lambda each: each.unsent.rate(now)):
            if excess <= 0 or connection.unsent.rate(now) >= FAST_BYTES_PER_SECOND:
                return
            if connection.is_waiting:
                excess -= connection.unsent.size
                self._stop_waiting(connection)
                self._close(connection)

    def _turn_away(self, connections: Iterable[Connection]) -> bool:
        """Close the one of these that has waited longest, before all others one that has had its last answer."""
        waiting = (each for each in connections if each.is_waiting)
        connection = min(waiting, key=lambda each: (not each.is_closing, each.since), default=None)
        if connection is None:
            return False
        self._stop_waiting(connection)
        if connection.received and not connection.unsent.size:
            connection.refuse(503, "There are too many unfinished requests, of which this is the oldest.")
        self._close(connection)
        return True

    def _close(self, connection: Connection) -> None:
        if connection.unsent.size:
            connection.abort()
        connection.give_back()
        self.connections.discard(connection)
        connection.close()

    # ---- in a thread

    def _serve(self, connection: Connection) -> None:
        stays_open = False
        try:
            stays_open = self._answer(connection)
        finally:
            self.answered.put((connection, stays_open))
            with contextlib.suppress(BlockingIOError):  # so full a pipe wakes the loop anyway
                os.write(self.PIPE[1], b"\0")

    def _answer(self, connection: Connection) -> bool:
        """Answer one request; return whether the connection can have another."""
        request = None
        try:
            request = next(RequestParser(self.cfg, connection, connection.address))
            return self._respond(request, connection)
        except (OSError, StopIteration, errors.NoMoreData):
            if connection.is_late and request is None:
                connection.refuse(408, "The head of the request did not arrive in time.")
        except Exception as error:  # noqa: BLE001 - whatever it is, this client gets an answer and the others theirs
            self._refuse(connection, error)
        return False

    def _respond(self, request: Any, connection: Connection) -> bool:
        if request.version >= (1, 1) and all(name != "HOST" for name, _ in request.headers):
            raise errors.InvalidHeader("HOST")  # RFC 9112, 3.2 wants a 400, which gunicorn leaves to applications
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        response, environ = wsgi.create(request, connection, connection.address, connection.server, self.cfg)
        environ["wsgi.multithread"] = True
        try:
            body = self.wsgi(environ, response.start_response)
        except OSError as error:
            # It is the application's, such as too many open files, and not the connection's, which awaits an answer.
            raise RuntimeError("the application failed") from error
        try:
            for part in body:
                self._close_after(response, connection)
                response.write(part)
            self._close_after(response, connection)
            response.close()
        except OSError:
            raise
        except Exception as error:
            if not response.headers_sent:
                raise
            self.log.warning("an answer broke off: %s", type(error).__name__)
            return False
        finally:
            if hasattr(body, "close"):
                body.close()
        return connection.framing.is_exact and not response.should_close()

    def _close_after(self, response: Any, connection: Connection) -> None:
        """Have the answer say that the connection ends, where the next request cannot be found or is not for us.

        That of a stream ends too, but not before its client has written all: some stop writing when they read this.
        """
        can_continue = connection.framing.is_exact or connection.framing.is_stream
        if not self.alive or not can_continue or connection.is_late:
            response.force_close()

    def _refuse(self, connection: Connection, error: Exception) -> None:
        """Refuse a request that cannot be parsed. The log and the answer repeat none of its words."""
        status, detail = FAULTS.get(type(error), UNREADABLE) if isinstance(error, errors.ParseException) else FAILED
        self.log.warning("request refused with %s: %s", status, type(error).__name__)
        connection.refuse(status, detail)


UNREADABLE = (400, "The request cannot be read.")
FAILED = (500, "The service failed.")
FAULTS: dict[type[Exception], tuple[int, str]] = {
    errors.InvalidRequestLine: (400, "The request line is malformed."),
    errors.InvalidRequestMethod: (400, "The method is malformed."),
    errors.InvalidHTTPVersion: (400, "The HTTP version is not one that is spoken here."),
    errors.InvalidHeader: (400, "A header is malformed, is missing, or contradicts another."),
    errors.InvalidHeaderName: (400, "The name of a header is malformed."),
    errors.ObsoleteFolding: (400, "A header goes on over several lines."),
    errors.ExpectationFailed: (417, "Of all expectations only 100-continue can be met."),
    errors.LimitRequestLine: (414, "The request line is too long."),
    errors.LimitRequestHeaders: (431, "There are too many headers, or they are too long."),
    errors.UnsupportedTransferCoding: (501, "Of all transfer codings only chunked is understood."),
}
"""What does not parse: status, and what is wrong with it in words that repeat nothing."""
