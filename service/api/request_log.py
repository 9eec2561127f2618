"""One line of JSON a request: route by template, outcome, time. Never facts, never paths."""

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


def register(app: Flask) -> None:
    """Give each request an id and log it when it is answered."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _GOOD_ID.fullmatch(given) else str(uuid.uuid4())
    g.began = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    structlog.get_logger().info(
        "answered",
        method=request.method if request.url_rule is not None else "-",
        route=str(request.url_rule) if request.url_rule is not None else "-",
        status=response.status_code,
        ms=round((time.perf_counter() - g.began) * 1000, 2),
        release=response.headers.get("Guideline-Release"),
        bytes=response.content_length,
    )
    structlog.contextvars.clear_contextvars()
    return response
