"""Lines answered while they come: a stream of patients, of which no more is held than what has just arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from flask import Response, current_app, request, stream_with_context
from werkzeug.exceptions import HTTPException

from service.api.json_out import fresh
from service.api.knowledge import settings
from service.api.limits import SMALL
from service.api.problems import KINDS, Problem, of_http, unavailable

if TYPE_CHECKING:
    from threading import BoundedSemaphore

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
    open_streams: BoundedSemaphore = current_app.config["STREAMS"]
    if not open_streams.acquire(blocking=False):
        raise unavailable("As many streams are open as this server takes at once.")
    response = Response(stream_with_context(_answers(answer, refusal)), mimetype=mimetype)
    response.call_on_close(open_streams.release)
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
    rest, skipping, size = b"", False, 0
    body.go_on(LINE_SECONDS)
    while True:
        piece = body.arrived()
        size += len(piece)
        if refusal is not None and size > SMALL:
            raise refusal
        *whole, rest = (rest + piece).split(b"\n") if piece else (rest, b"")
        lines: list[bytes | None] = []
        for line in whole:
            if skipping or len(line) > longest:
                lines.append(None)
                skipping = False
            elif line.strip():
                lines.append(line)
        if len(rest) > longest:
            rest, skipping = b"", True
        if lines:
            yield lines
            body.go_on(LINE_SECONDS)
        if not piece:
            return
