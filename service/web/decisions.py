"""The page behind a permalink: one answer, printable, with release, digest and sources."""

from flask import Blueprint, Response

from service.advice.registry import carry_over
from service.api.access import PERMALINKS, scope
from service.api.knowledge import knowledge, settings
from service.web.answer import shown_answer
from service.web.page import PERMALINK, page

blueprint = Blueprint("decisions", __name__)


@blueprint.get("/decisions/<decision_id>")
@scope(PERMALINKS)
def decision(decision_id: str) -> Response:
    """The answer of a decision_id as a page."""
    answer = knowledge().recall(decision_id)
    guideline = answer.advice.guideline
    newest = knowledge().newest(guideline.release.id).guideline
    return page(
        "decision.html",
        here="decision",
        keep=PERMALINK,
        guideline=guideline,
        shown=shown_answer(answer),
        explorable=carry_over(answer, newest) is not None,
        curl=f"curl -s {settings().public_url}/v1/recommendations/{answer.decision_id}",
    )
