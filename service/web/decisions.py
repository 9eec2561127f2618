"""The page behind a permalink: one answer, printable, with release, digest and sources."""

from flask import Blueprint, Response

from service.api.access import OPEN, scope
from service.api.knowledge import settings
from service.api.recommendations import recalled
from service.web.answer import shown_answer
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
        shown=shown_answer(answer),
        explorable=guideline.release.id == settings().guideline,
        curl=f"curl -s {settings().public_url}/v1/recommendations/{answer.decision_id}",
    )
