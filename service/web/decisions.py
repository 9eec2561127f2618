"""The page behind a permalink: one answer, printable, with release, digest and sources."""

from collections.abc import Mapping

from flask import Blueprint, Response

from service.advice.render import full
from service.api.access import OPEN, scope
from service.api.recommendations import recalled
from service.web.page import PERMALINK, page

blueprint = Blueprint("decisions", __name__)


@blueprint.get("/decisions/<decision_id>")
@scope(OPEN)
def decision(decision_id: str) -> Response:
    """The answer of a decision_id as a page."""
    answer = recalled(decision_id)
    guideline = answer.advice.guideline
    return page(
        "decision.html",
        here="decision",
        keep=PERMALINK,
        guideline=guideline,
        answer=full(answer),
        stated=_stated(answer.advice.stated, guideline.vocabulary.nothing),
    )


def _stated(stated: Mapping[str, str], nothing: Mapping[str, str]) -> dict[str, str]:
    """What the caller said, in the bands that the tables read."""
    return {name: value for name, value in stated.items() if value != nothing[name] and not name.endswith(".count")}
