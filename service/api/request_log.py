"""One line of JSON a request: route by template, outcome, release, rule, time. Never facts, never paths."""

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

from service.api.metrics import metrics

_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
"""W3C Trace Context, level 1: version, trace, parent, flags. What is not of this form is not logged."""


def register(app: Flask) -> None:
    """Give each request an id and log it when it is answered."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    structlog.contextvars.clear_contextvars()  # a thread serves many; nothing of one request may be told of the next
    headers = request.headers
    here = g._get_current_object()  # noqa: SLF001 - a proxy looks for it each time
    given = headers.get("X-Request-ID", "")
    here.request_id = given if _GOOD_ID.fullmatch(given) else str(uuid.uuid4())
    here.began = time.perf_counter()
    structlog.contextvars.bind_contextvars(request_id=here.request_id)
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if trace:
        structlog.contextvars.bind_contextvars(trace_id=trace[1], parent_id=trace[2])


def _end(response: Response) -> Response:
    rule, headers = request.url_rule, response.headers
    here = g._get_current_object()  # noqa: SLF001 - see above
    headers["X-Request-ID"] = here.request_id
    route, method = "-", "-"
    if rule is not None:
        route, method = rule.rule, request.method
    seconds = time.perf_counter() - here.began
    metrics().request(route, method, response.status_code, seconds)
    try:
        structlog.get_logger().info(
            "answered",
            method=method,
            route=route,
            status=response.status_code,
            ms=round(seconds * 1000, 2),
            release=headers.get("Guideline-Release"),
            rule=here.get("rule"),
            cache=here.get("cache"),
            bytes=response.content_length,
        )
    finally:
        structlog.contextvars.clear_contextvars()
    return response
