"""How every page is made: one template around it, the same notices on it, and a policy that lets nothing in."""

import functools
import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response, render_template, request

from service.api.json_out import GZIP_OVER, PUBLIC, accepts_gzip, gzipped
from service.api.knowledge import knowledge, overdue, settings
from service.api.problems import Problem
from service.knowledge.guideline import Guideline

ASSETS = Path(__file__).parent / "assets"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PERMALINK = "private, no-cache"
"""Cache-Control of a page behind a decision_id."""
FRESH = "no-store"
"""Cache-Control of an answer to what was just sent."""
LASTING = "public, max-age=31536000, immutable"
"""Cache-Control of a file asked for by the digest of what it holds."""


@dataclass(frozen=True)
class Asset:
    """A file that the pages use, as it is sent."""

    content: bytes
    small: bytes
    mimetype: str
    digest: str


@functools.cache
def assets() -> dict[str, Path]:
    """Every file of the folder and of those below it (others' work, unchanged)."""
    return {path.name: path for path in sorted(ASSETS.rglob("*")) if path.suffix in TYPES}


def asset_of(name: str) -> Asset:
    """A file, read and compressed when it is first asked for: swagger-ui takes long, and few come for it."""
    with _first_use:  # or a crowd that comes first compresses it in every thread at once
        return _asset_of(name)


_first_use = threading.Lock()


@functools.cache
def _asset_of(name: str) -> Asset:
    path = assets()[name]
    content = path.read_bytes()
    return Asset(content, gzipped(content), TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])


def asset_url(name: str) -> str:
    """Address of a file that the pages use; it changes with the content, so that it may be kept for ever."""
    return f"/assets/{name}?v={asset_of(name).digest}"


def asset_response(name: str) -> Response:
    """A file that the pages use, or 404."""
    if name not in assets():
        raise Problem("not-found", "There is no such file.")
    asset = asset_of(name)
    small = len(asset.content) > GZIP_OVER and accepts_gzip()
    response = Response(asset.small if small else asset.content, content_type=asset.mimetype)
    if small:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = LASTING if request.args.get("v") == asset.digest else PUBLIC
    response.set_etag(asset.digest, weak=True)
    response.make_conditional(request)
    return response


@dataclass(frozen=True)
class Addresses:
    """Where the pages of one guideline stand."""

    guideline: str
    explorer: str
    evidence: str


def addresses_of(guideline: Guideline) -> Addresses:
    """Return the addresses of a guideline's pages; the shorter ones stand for the setting GUIDELINE."""
    home = f"/guidelines/{guideline.release.id}"
    if guideline.release.id == settings().guideline:
        return Addresses(home, "/", "/evidence")
    return Addresses(home, f"{home}/explore", f"{home}/evidence")


def page(template: str, *, here: str, keep: str = PUBLIC, **context: Any) -> Response:
    """Return a page for people. `here` is the part of the navigation that it belongs to; `keep` its Cache-Control.

    `guideline` is the one that the page speaks of, by default that of the setting GUIDELINE.
    """
    guideline = context.pop("guideline", None) or knowledge().newest(settings().guideline).guideline
    shown = render_template(
        template,
        here=here,
        guideline=guideline,
        addresses=addresses_of(guideline),
        several=len(knowledge().library.guidelines) > 1,
        asset=asset_url,
        overdue=overdue(guideline, settings().today()),
        open_to_all=settings().auth == "none" and settings().auth_stated,
        **context,
    )
    response = Response(shown, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = keep
    return response
