"""How much is taken on: so many requests a client, no more than can be done, and no more than there is memory for.

An emergency is answered anyway.

Who asks too often, or while there is too much to do, is refused; but a small body is read first, and where it amounts
to an emergency, its request goes on as any other.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Flask, g, request

from service.api.here import noted, this_app, this_request
from service.api.problems import RETRY_SECONDS, Problem
from service.facts.json_body import parsing_bytes
from service.security.address import address
from service.security.overload import Memory, Streams, Work
from service.security.rate import Limiter, Requester
from service.server import logs
from service.settings import MEMORY_BYTES

ALWAYS = ("operations.livez", "operations.readyz", "metrics.exposed")
"""Whoever watches the service sees it when it matters."""
SMALL = 65_536
"""Bytes of a body that is searched for an emergency. A patient has some hundreds."""

EmergencyTest = Callable[[bytes], bool]
"""Whether a body amounts to an emergency; it may be any."""


@dataclass(frozen=True)
class Limits:
    """What create_app hands in."""

    work: Work
    streams: Streams
    limiter: Limiter | None
    hops: int
    memory: Memory = field(default_factory=lambda: Memory(MEMORY_BYTES))


def register(app: Flask) -> None:
    """Check each request: after who is calling is known, before its token is spent and its view is called."""
    app.before_request(_begin)
    app.teardown_request(_end)


def admit(body: bytes, emergency: EmergencyTest | None) -> None:
    """Let a request in whose body is there, or raise the problem that it is refused with."""
    here, limits, size = noted(), _limits(), parsing_bytes(body)
    refusal = here.get("refusal") or _too_much(limits) or (None if hold(size) else no_memory())
    if refusal is not None:
        if not _an_emergency(body, emergency):
            raise refusal
        logs.tell(let_in="emergency")
        here.refusal = refusal  # which still holds for the other patients of a batch
        _spend_token()
        hold(size, anyway=True)
    here.at_work = limits.work.begin()


def refusal() -> Problem | None:
    """What a request was refused with that was let in for an emergency: every patient that is none is refused so."""
    refused: Problem | None = g.get("refusal")
    return refused


def refusal_of_stream() -> Problem | None:
    """What a request is refused with whose body is not there yet: of a stream every line that is no emergency."""
    return refusal() or _too_much(_limits())


def most(limit: int) -> int:
    """Bytes to read of a body that may have so many: where the request is refused anyway, enough for an emergency."""
    return min(limit, SMALL) if "refusal" in noted() else limit


def expect(length: int | None) -> None:
    """Hold memory for a body of so many bytes that is to be read; of one that comes in chunks nobody knows the length.

    Raises Problem where there is too little. A small body is read all the same: it may be an emergency.
    """
    if length is not None and length > SMALL and not hold(2 * length):
        raise no_memory()


def expect_answer(size: int, body: bytes, emergency: EmergencyTest) -> bool:
    """Hold memory for an answer of so many bytes beside what the request holds; False where there is too little.

    Raises Problem in that case, unless the body amounts to an emergency.
    """
    if hold(noted().get("memory", 0) + size):
        return True
    if not _an_emergency(body, emergency):
        raise no_memory()
    logs.tell(let_in="emergency")
    return False


def hold(size: int, *, anyway: bool = False) -> bool:
    """Hold so many bytes of memory for this request, all told, until its answer is sent; False for too few left."""
    here = noted()
    held = here.get("memory", 0)
    if size > held:
        if not _limits().memory.take(size - held, anyway=anyway):
            return False
        here.memory = size
    return True


def no_memory() -> Problem:
    """Return what a request is refused with for which there is too little memory."""
    logs.tell(limited="memory")
    detail = "What is under way takes all the memory that there is for requests. Small emergencies are answered."
    return Problem("overloaded", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def hold_stream() -> Callable[[], None] | None:
    """Let a stream begin, at work for as long as it lasts: gives what ends it. None where too many are open."""
    limits, client = _limits(), _requester().name
    _spend_token()
    if not limits.streams.begin(client):
        return None
    mark = limits.work.begin()

    def end() -> None:
        limits.work.end(mark)
        limits.streams.end(client)

    return end


def too_often() -> Problem | None:
    """Count this request; the problem where its sender sent more than it may: the client, or its address."""
    limiter = _limits().limiter
    seconds = limiter.hit(_requester()) if limiter is not None else 0
    if not seconds:
        return None
    logs.tell(limited="rate")
    detail = f"More requests than one client may send. Try again in {seconds} second{'s' if seconds != 1 else ''}."
    return Problem("too-many-requests", detail, headers={"Retry-After": str(seconds)})


def take_back() -> None:
    """Uncount this request: whoever sent it is not the client whose token it shows."""
    limiter = _limits().limiter
    if limiter is not None:
        limiter.take_back(_requester())


def _begin() -> None:
    asked, limits = this_request(), _limits()
    if asked.endpoint is not None and asked.endpoint not in ALWAYS and asked.method != "OPTIONS":
        refusal = too_often()
        if asked.method != "POST":
            refusal = refusal or _too_much(limits)
            if refusal is None:
                g.at_work = limits.work.begin()
        # A body is still to be read: what of it there is counts as work from then on (`admit`).
        elif refusal is not None and (asked.content_length or 0) <= SMALL:
            g.refusal = refusal
            return
        if refusal is not None:
            raise refusal
    _spend_token()


def _spend_token() -> None:
    """Have the token spent that this request shows; one that is refused for its number can be sent again with it."""
    spend = g.pop("spend", None)
    if spend is not None:
        spend()


def _end(_: BaseException | None) -> None:
    g.pop("refusal", None)
    mark = g.pop("at_work", None)
    if mark is not None:
        _limits().work.end(mark)
    held = g.pop("memory", 0)
    if held:
        give_back = partial(_limits().memory.give_back, held)
        connection: Any = request.environ.get("gunicorn.socket")
        if hasattr(connection, "when_sent"):  # a test's has not
            connection.when_sent = give_back
        else:
            give_back()


def _limits() -> Limits:
    found: Limits = this_app().config["LIMITS"]
    return found


def _requester() -> Requester:
    """Who asks: as authenticated, else by address."""
    caller = g.get("caller")
    if caller:
        return Requester(caller, is_known=True)
    forwarded = request.headers.get("X-Forwarded-For", "")
    return Requester(address(request.remote_addr or "", forwarded, _limits().hops), is_known=False)


def _too_much(limits: Limits) -> Problem | None:
    if not limits.work.overloaded():
        return None
    logs.tell(limited="load")
    detail = "There is more to do than can be done in time. Emergencies are answered."
    return Problem("overloaded", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def _an_emergency(body: bytes, emergency: EmergencyTest | None) -> bool:
    return emergency is not None and len(body) <= SMALL and emergency(body)
