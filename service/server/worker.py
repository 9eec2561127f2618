"""Gunicorn's threaded worker, of which no slow client can hold a thread or the loop.

Measured on gunicorn 27:

- its threads wait for ever on a request that is sent half: eight such requests stop two workers of four threads;
- a client that sends one byte now and then never runs into a time-out a read;
- a thread waits up to five seconds on a connection that has sent nothing yet;
- the worker's only loop waits up to two seconds for each client that does not hang up after its last answer.

So the loop itself reads every request, never waiting, and a thread is given a connection once its request is there.
There is no TLS here: a proxy ends it.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers import gthread

from service.server.request_framing import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

READ_SECONDS = 5  # from the first byte of a request to its last
WRITE_SECONDS = 10  # for one write to a client that does not read
LINGER_SECONDS = 1  # for a client to hang up after its last answer, so that no reset cuts the answer short
LINGER_BYTES = 2**20  # and what it may send meanwhile
READ_BYTES = 65_536  # at a time, so that nobody has the loop for long
HELD_BYTES = 64 * 2**20  # of requests that have begun and are not answered
SWEEP_SECONDS = 0.1  # between two looks at who is late
SWEPT = 40  # at a time at most, so that their 408s delay nobody


class ReadTimeoutError(TimeoutError):
    """The client took too long to send its request. ``service.api.timeouts`` makes it a 408."""

    def __init__(self) -> None:
        # With this number gunicorn closes the connection without a traceback in the log.
        super().__init__(errno.ECONNRESET, "the request was not sent in time")


class Client(socket.socket):
    """A client's connection: what the loop has read of its request, and how it stands with it."""

    asked = False
    """Whether the head of the request now being read was whole, so that whoever answers it says what is late."""
    late = False
    deadline = float("inf")
    """When a thread stops reading what the loop has not read. Each line of a stream puts it off."""
    whole = False
    """Whether the loop has seen the end of the request that a thread has."""
    told_to_go_on = False
    """Whether the loop has sent the 100 Continue that this request asks for."""
    waiting = False
    """Whether the loop waits for what it sends."""
    parting = False
    """Whether it has had its last answer, and is only waited for to hang up."""
    ending = False
    """Whether the worker takes no more requests: a stream would keep its successor waiting."""
    drained = 0
    when_sent: Callable[[], None] | None = None
    """What gives back the memory that its answer is counted with, once that is sent or given up."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.held = bytearray()
        """What the loop has read and no thread has taken yet."""
        self.begin()

    def begin(self) -> None:
        """Be ready for the next request."""
        self.give_back()
        self.arrival, self.told_to_go_on, self.since = Arrival(), False, time.monotonic()
        self.streaming = False
        """Whether a thread answers its request while it comes."""

    def give_back(self) -> None:
        """Give back what its answer was counted with."""
        give_back, self.when_sent = self.when_sent, None
        if give_back is not None:
            give_back()

    @property
    def idle(self) -> bool:
        """Whether it asks nothing."""
        return not self.held and not self.parting

    def read_on(self) -> bool:
        """Read what there is now; whether there is an end to it. Raises OSError."""
        try:
            data = super().recv(READ_BYTES)
        except BlockingIOError:
            data = None
        if self.parting:
            self.drained += len(data or b"")
            return data == b"" or self.drained > LINGER_BYTES
        if data and not self.held:
            self.since = time.monotonic()
        self.held += data or b""
        self.whole = bool(self.held) and self.arrival.whole(self.held)
        if self.arrival.awaits_go_ahead and not self.whole and not self.told_to_go_on:
            self.told_to_go_on = True
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return data == b""

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read what the loop has read; after that neither beyond the deadline nor longer than SO_RCVTIMEO."""
        if self.held:
            data = bytes(self.held[:bufsize])
            del self.held[:bufsize]
            return data
        if time.monotonic() > self.deadline:
            self.late = True
            raise ReadTimeoutError
        try:
            return super().recv(bufsize, flags)
        except BlockingIOError:  # what SO_RCVTIMEO raises
            self.late = True
            raise ReadTimeoutError from None

    def go_on(self, seconds: float) -> bool:
        """Have so many seconds more for the next part of a stream, unless the worker is about to end."""
        self.streaming = True
        if not self.ending:
            self.deadline = time.monotonic() + seconds
        return not self.ending

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send, but give a client up that does not read for SO_SNDTIMEO."""
        try:
            super().sendall(data, flags)
        except BlockingIOError:
            raise ConnectionResetError(errno.ECONNRESET, "the client does not read its answer") from None


class Worker(gthread.ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """Gunicorn's threaded worker, of which no client can hold a thread or the loop for long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conns: set[Any] = set()
        self.swept_at = 0.0

    # ---- in the loop

    def accept(self, listener: Any) -> None:
        """Accept a connection; while all places are taken, in the place of who has kept us waiting longest."""
        if self.nr_conns >= self.worker_connections - 1:
            self._turn_away(self.conns)
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:
        """Read what there is; give the connection to a thread once its request is whole, else wait for more."""
        if not isinstance(conn.sock, Client):
            conn.sock = Client(conn.sock.detach())
            self.conns.add(conn)
        client: Client = conn.sock
        try:
            client.settimeout(0)
            ended = client.read_on()
        except OSError:
            ended = True
            client.held.clear()
        if client.held and (client.whole or ended):
            # A thread reads on only what is too long for the loop, a stream, or where nothing more can come.
            reads = ended or client.arrival.sure or client.arrival.long or client.arrival.streams
            self._hand_over(conn, time.monotonic() + READ_SECONDS if reads else 0)
        elif ended:
            self._close(conn)
        else:
            self._wait(conn)
            if len(client.held) > READ_BYTES and sum(len(each.sock.held) for each in self.conns) > HELD_BYTES:
                self._turn_away(each for each in self.conns if len(each.sock.held) > READ_BYTES)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Go on with what the client has sent already or sends next; or part."""
        client: Client = conn.sock
        client.begin()
        if not fs.cancelled() and fs.exception() is None and fs.result():
            client.held[:0] = conn.parser.unreader.take_buffered()
        else:
            client.parting = True
            client.held.clear()
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
        self.enqueue_req(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait no longer than until somebody may be late."""
        super().wait_for_and_dispatch_events(min(timeout, SWEEP_SECONDS) if self.conns else timeout)

    def murder_pending(self) -> None:
        """Give up waiting: with a 408 for who has begun to ask, without a word for who has not."""
        now = time.monotonic()
        if now < self.swept_at + SWEEP_SECONDS:
            return
        self.swept_at = now
        ahead = 0
        if not self.alive:
            ahead = self.cfg.keepalive - gthread.STOP_KEEPALIVE_LINGER
            for conn in self.conns:
                conn.sock.ending = True
        late = [each for each in self.conns if each.sock.waiting and each.timeout <= now + ahead * each.sock.idle]
        for conn in late[:SWEPT]:
            self._wait_no_more(conn)
            if conn.sock.held:
                self._hand_over(conn, 0)  # who answers finds that nothing more comes, and says so in its own way
            else:
                self._close(conn)

    def _hand_over(self, conn: Any, deadline: float) -> None:
        conn.sock.deadline, conn.sock.asked, conn.data_ready = deadline, False, True
        super().enqueue_req(conn)

    def _wait(self, conn: Any) -> None:
        client: Client = conn.sock
        seconds = LINGER_SECONDS if client.parting else self.cfg.keepalive if client.idle else READ_SECONDS
        conn.timeout, client.waiting = client.since + seconds, True
        self.poller.register(client, selectors.EVENT_READ, partial(self._go_on, conn))

    def _go_on(self, conn: Any, client: Client) -> None:
        if client.waiting:  # it may have been given up since it was found to be readable
            self._wait_no_more(conn)
            self.enqueue_req(conn)

    def _wait_no_more(self, conn: Any) -> None:
        conn.sock.waiting = False
        self.poller.unregister(conn.sock)

    def _turn_away(self, conns: Iterable[Any]) -> None:
        """Of these, the one that has kept us waiting longest; before all others one that has had its answer."""
        waiting = (each for each in conns if each.sock.waiting)
        conn = min(waiting, key=lambda each: (not each.sock.parting, each.sock.since), default=None)
        if conn is not None:
            self._wait_no_more(conn)
            if conn.sock.held:
                _refuse(conn.sock, 503, "There are too many unfinished requests, of which this is the oldest.")
            self._close(conn)

    def _close(self, conn: Any) -> None:
        conn.sock.give_back()
        self.conns.discard(conn)
        self.nr_conns -= 1
        conn.close()

    # ---- in a thread

    def handle(self, conn: Any) -> Any:
        """Serve one request."""
        answer = super().handle(conn)
        if answer is False and conn.sock.late and not conn.sock.asked:
            _refuse(conn.sock, 408, "The head of the request did not arrive in time.")
        return answer

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer; a connection whose request did not come whole is closed, and the answer says so."""
        client: Client = conn.sock
        client.asked = True
        if req.version >= (1, 1) and all(name != "HOST" for name, _ in req.headers):
            raise errors.InvalidHeader("HOST")  # RFC 9112, 3.2 wants a 400, which gunicorn leaves to the application
        if client.told_to_go_on:
            req._expected_100_continue = False  # noqa: SLF001 - or it would be told again
        asked, whole = req.should_close, client.whole and client.arrival.sure
        req.should_close = lambda: client.late or not (whole or client.streaming) or asked()
        goes_on = super().handle_request(req, conn)
        if client.streaming and goes_on:
            goes_on, req.should_close = req.body.reader.parser is None, asked  # which it is at the end of the chunks
        return goes_on

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse what does not parse. Gunicorn's own would repeat the caller's words in the log and in the answer."""
        del req, addr
        status, fault = FAULTS.get(type(exc), UNREADABLE) if isinstance(exc, errors.ParseException) else FAILED
        self.log.warning("request refused with %s: %s", status, type(exc).__name__)
        _refuse(client, status, fault)


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


def _refuse(client: Any, status: int, fault: str) -> None:
    with contextlib.suppress(OSError):
        util.write_error(client, status, HTTPStatus(status).phrase, fault)
