"""The page behind a permalink: one answer, printable, with release, digest and sources."""

from collections.abc import Mapping
from pathlib import Path

from flask import Blueprint, Response, render_template, request

from service.api.access import OPEN, scope
from service.api.knowledge import knowledge, overdue, settings
from service.api.problems import Problem
from service.api.recommendations import recalled

blueprint = Blueprint("web", __name__, template_folder="templates")

FOLDER = Path(__file__).parent / "assets"
ASSETS = {"page.css": "text/css"}
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@blueprint.get("/decisions/<decision_id>")
@scope(OPEN)
def decision(decision_id: str) -> Response:
    """The answer of a decision_id as a page."""
    answer = recalled(decision_id)
    guideline = answer.advice.guideline
    page = render_template(
        "decision.html",
        answer=knowledge().renderer(answer).read(answer, "full"),
        stated=_stated(answer.advice.stated, guideline.vocabulary.nothing),
        release=guideline.release,
        overdue=overdue(guideline, settings().today()),
        open_to_all=settings().auth == "none",
    )
    response = Response(page, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.get("/assets/<name>")
@scope(OPEN)
def asset(name: str) -> Response:
    """A file that the pages use."""
    if name not in ASSETS:
        raise Problem("not-found", "There is no such file.")
    response = Response((FOLDER / name).read_bytes(), mimetype=ASSETS[name])
    response.headers["Cache-Control"] = "public, max-age=300"
    response.add_etag()
    response.make_conditional(request)
    return response


def _stated(stated: Mapping[str, str], nothing: Mapping[str, str]) -> dict[str, str]:
    """What the caller said, in the bands that the tables read."""
    return {name: value for name, value in stated.items() if value != nothing[name] and not name.endswith(".count")}
