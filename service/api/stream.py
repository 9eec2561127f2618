"""Lines answered while they come: a stream of patients, of which no more is held than what has just arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from flask import Response, request, stream_with_context
from werkzeug.exceptions import HTTPException

from service.api.json_out import fresh
from service.api.knowledge import settings
from service.api.limits import SMALL, hold_stream
from service.api.problems import KINDS, Problem, of_http, unavailable

if TYPE_CHECKING:
    from service.api.timeouts import Body

WRITTEN = 65_536
"""Bytes of answers that are written together, at most; fewer when no more lines have come."""
LINE_SECONDS = 5
"""In which a client sends the rest of a line, and begins the next."""
Answer = Callable[[int, bytes | None], bytes]
"""The answer to a line by its number; None stands for a line that is too long."""


def streamed() -> bool:
    """Whether the body comes without a length, so that nobody can know how much there will be."""
    return request.headers.get("Transfer-Encoding", "").strip().lower() == "chunked"


def stream(answer: Answer, mimetype: str, refusal: Problem | None = None) -> Response:
    """The answers to the lines of the body, each as soon as it is there; the body is read no faster than that.

    A client that does not read is not read from. One that breaks off or dawdles is told so by a last line; so is one
    that is refused (each line of it by `answer`) and sends more than is searched for an emergency.
    """
    end = hold_stream()
    if end is None:
        raise unavailable("As many streams are open as this server takes at once, or as one client may have.")
    response = Response(stream_with_context(_answers(answer, refusal)), mimetype=mimetype)
    response.call_on_close(end)
    return fresh(response)


def _answers(answer: Answer, refusal: Problem | None) -> Iterator[bytes]:
    index = 0
    try:
        for lines in _arriving(request.environ["wsgi.input"], settings().max_body_bytes, refusal):
            written, size = [], 0
            for line in lines:
                written.append(_answered(answer, index, line))
                index, size = index + 1, size + len(written[-1])
                if size > WRITTEN:
                    yield b"".join(written)
                    written, size = [], 0
            yield b"".join(written)
    except Problem as problem:
        yield told(index, problem)
    except HTTPException as error:
        yield told(index, of_http(error))


def refused(index: int, problem: Problem) -> dict[str, Any]:
    """A patient who has no answer, among those who have."""
    return {"index": index, "status": KINDS[problem.code].status, "problem": problem.body()}


def told(index: int, problem: Problem) -> bytes:
    """The same as a line."""
    return orjson.dumps(refused(index, problem), option=orjson.OPT_APPEND_NEWLINE)


def _answered(answer: Answer, index: int, line: bytes | None) -> bytes:
    try:
        return answer(index, line)
    except Exception as error:  # noqa: BLE001 - of one patient; the others are still to be answered
        structlog.get_logger().error("failed", error=type(error).__name__, place="a line of a stream")
        return told(index, Problem("internal-error", KINDS["internal-error"].cause))


def _arriving(body: Body, longest: int, refusal: Problem | None) -> Iterator[list[bytes | None]]:
    """The lines that have come whole, again and again until the body ends; None for one that is too long."""
    lines, left = _Lines(longest), SMALL
    goes_on = body.extend(LINE_SECONDS)
    while goes_on:
        piece = body.arrived()
        heard = piece if refusal is None else piece[:left]
        left -= len(heard)
        found = lines.of(heard, last=not piece)
        if found:
            yield found
        if not piece:
            return
        if refusal is not None and len(heard) < len(piece):
            raise refusal
        # Who is refused is searched for an emergency, once, and not kept company.
        if found and refusal is None:
            goes_on = body.extend(LINE_SECONDS)
    raise unavailable("This server is about to end. Send the rest, from this line on, to its successor.")


class _Lines:
    """Pieces of a body, cut at the ends of lines."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._too_long = False

    def of(self, piece: bytes, *, last: bool) -> list[bytes | None]:
        """The lines that end in this piece (at its end, if it is the last one), without empty ones."""
        first, *others = piece.split(b"\n")
        self._begun += first
        found = []
        for start in (*others, None) if last else others:
            found.append(None if self._too_long or len(self._begun) > self._longest else bytes(self._begun))
            self._begun, self._too_long = bytearray(start or b""), False
        if len(self._begun) > self._longest:
            self._begun, self._too_long = bytearray(), True
        return [line for line in found if line is None or line.strip()]
