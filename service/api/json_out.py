"""JSON answers: one way to write them."""

import gzip
from typing import Any

import orjson
from flask import Response, request

from service.api.here import this_request

CSV = "text/csv"
PUBLIC = "public, max-age=300"
"""Cache-Control of what shows knowledge and no patient."""
GZIP_OVER = 1000
"""Answers over this many bytes are compressed for a caller that accepts it."""


def json_response(body: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """Write the body as JSON."""
    return Response(orjson.dumps(body), status, mimetype=mimetype)


def fresh(response: Response) -> Response:
    """The answer, which no cache outside may keep."""
    response.headers["Cache-Control"] = "no-store"
    return response


def public(response: Response) -> Response:
    """Let anyone keep an answer for five minutes and ask whether it is still the same."""
    response.headers["Cache-Control"] = PUBLIC
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response


def public_json(body: Any) -> Response:
    """Write the body as JSON that anyone may keep for five minutes."""
    return public(json_response(body))


def vary(response: Response, name: str) -> Response:
    """The answer, which says to caches that it depends on this header of the request."""
    said = response.headers.get("Vary")
    if said is None:
        response.headers.add("Vary", name)
    elif name not in said:
        response.headers["Vary"] = f"{said}, {name}"
    return response


def accepts_gzip() -> bool:
    """Whether the caller takes gzip."""
    asked = this_request()
    return "HTTP_ACCEPT_ENCODING" in asked.environ and bool(asked.accept_encodings["gzip"])


def compress(response: Response) -> Response:
    """Compress a large answer where the caller accepts gzip. The same bytes in give the same bytes out."""
    vary(response, "Accept-Encoding")
    if (
        not accepts_gzip()
        or response.direct_passthrough
        or response.is_streamed
        or "Content-Encoding" in response.headers
        or len(response.data) <= GZIP_OVER
    ):
        return response
    response.data = gzipped(response.data)
    response.headers["Content-Encoding"] = "gzip"
    return response


def gzipped(data: bytes) -> bytes:
    """The data, compressed; the same at any time."""
    return gzip.compress(data, compresslevel=5, mtime=0)
