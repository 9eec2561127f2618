"""Which pages of other origins may call (CORS): exact origins, on every route, method and status."""

import re
from collections.abc import Callable, Collection

from flask import Flask, Response
from flask_cors import CORS

METHODS = ("GET", "HEAD", "POST")
REQUEST_HEADERS = ("authorization", "content-type")
EXPOSED = ("Decision-Id", "ETag", "Guideline-Release", "X-Request-ID", "Retry-After")
PREFLIGHT_SECONDS = 600


def register(app: Flask, origins: Collection[str], vary: Callable[[Response, str], Response]) -> None:
    """Allow these origins, and let `vary` say to caches that the answer depends on the origin."""
    if not origins:
        return
    CORS(
        app,
        # As patterns to the end: the library takes a text with brackets (an IPv6 address) for a pattern of its own,
        # and a pattern for a beginning.
        origins=[re.compile(rf"{re.escape(origin)}\Z") for origin in origins],
        methods=METHODS,
        allow_headers=REQUEST_HEADERS,
        expose_headers=EXPOSED,
        max_age=PREFLIGHT_SECONDS,
        always_send=False,
        vary_header=False,  # it would be left out where no origin is sent
    )
    app.after_request(lambda response: vary(response, "Origin"))
