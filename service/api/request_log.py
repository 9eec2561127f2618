"""One line of JSON a request: route by template, outcome, release, rule, time. Never facts, never paths."""

import random
import re
import time
from functools import partial

import structlog
from flask import Flask, Response

from service.api.here import noted, this_request
from service.api.metrics import metrics
from service.server import logs

_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")
"""W3C Trace Context, level 1: version, trace, parent, flags. What is not of this form is not logged."""


def register(app: Flask) -> None:
    """Give each request an id and log it when it is answered."""
    app.before_request(_begin)
    app.after_request(partial(_end, structlog.get_logger()))


def _begin() -> None:
    sent, here = this_request().environ, noted()
    given = sent.get("HTTP_X_REQUEST_ID", "")
    here.request_id = given if _GOOD_ID.fullmatch(given) else _new_id()
    here.began = time.perf_counter()
    logs.begin(request_id=here.request_id)
    trace = _TRACEPARENT.fullmatch(sent.get("HTTP_TRACEPARENT", ""))
    if trace:
        logs.tell(trace_id=trace[1], parent_id=trace[2])


def _new_id() -> str:
    """No secret, so not asked of the kernel: for that a thread would let others run first."""
    return f"{random.getrandbits(128):032x}"  # an id, no secret  # nosec B311


def _end(log: structlog.typing.FilteringBoundLogger, response: Response) -> Response:
    asked, here = this_request(), noted()
    headers = response.headers
    headers.add("X-Request-ID", here.request_id)
    route, method = "-", "-"
    if asked.url_rule is not None:
        route, method = asked.url_rule.rule, asked.method
    seconds = time.perf_counter() - here.began
    metrics().request(route, method, response.status_code, seconds)
    try:
        log.info(
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
        logs.end()
    return response
