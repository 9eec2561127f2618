"""The explorer: a form for the facts of one patient, and the answer to what it says, beside it.

The facts travel in the body of a POST to the page's own address, never in a URL; nothing is kept. With script the same
page is asked for again and its live parts are taken over, so that there is one way in which an answer is made.
"""

import json
import shlex
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Response, g, request

from service.advice.question import Answer, Questioner, Refused
from service.advice.registry import NotFoundError, carry_over
from service.api.access import OPEN, PERMALINKS, scope
from service.api.body import read_body
from service.api.json_out import PUBLIC
from service.api.knowledge import knowledge, settings
from service.api.metrics import metrics
from service.api.problems import Problem
from service.knowledge.guideline import Guideline
from service.knowledge.vocabulary import Vocabulary
from service.knowledge.words import Words
from service.web.answer import Shown, shown_answer
from service.web.form import SET, Filled, amended, body_of, filled_from, placed, sections
from service.web.page import FRESH, PERMALINK, page

blueprint = Blueprint("explorer", __name__)

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 1000
OWN = {"same-origin", "none"}
"""What a browser says in Sec-Fetch-Site of a form of ours, or of an address that somebody typed."""


@dataclass(frozen=True)
class Example:
    """A worked case that a visitor can start from."""

    title: str
    address: str


@blueprint.get("/", strict_slashes=False)
@blueprint.get("/guidelines/<guideline>/explore")
@scope(OPEN)
def start(guideline: str | None = None) -> Response:
    """Return the form, nothing stated, and the answer to that."""
    return _page(_newest(guideline), Filled(), PUBLIC)


@blueprint.post("/", strict_slashes=False)
@blueprint.post("/guidelines/<guideline>/explore")
@scope(OPEN)
def ask(guideline: str | None = None) -> Response:
    """Return the answer to what the form says; `set` states one fact more."""
    newest = _newest(guideline)
    return _page(newest, _sent(newest), FRESH)


@blueprint.get("/explore/<decision_id>")
@scope(PERMALINKS)
def resume(decision_id: str) -> Response:
    """Return the form with the facts of a decision_id, for the newest release of its guideline."""
    answer = knowledge().recall(decision_id)
    newest = _newest(answer.advice.guideline.release.id)
    stated = carry_over(answer, newest.guideline)
    if stated is None:
        raise NotFoundError("The newest release of this guideline does not know these facts.")
    return _page(newest, filled_from(newest.guideline.vocabulary, stated), PERMALINK)


def _newest(guideline: str | None) -> Questioner:
    return knowledge().newest(guideline or settings().guideline)


def _sent(newest: Questioner) -> Filled:
    """Return the form that was sent, from a page of ours as far as the browser says."""
    said = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "null")
    # Under our own referrer policy a browser sends the Origin null; what it says itself comes first.
    if said not in OWN if said else origin != "null" and origin.partition("://")[2] != request.host:
        raise Problem("forbidden", "This form is answered only to the service's own page.")
    if request.mimetype != FORM:
        raise Problem(
            "unsupported-media-type", f"The Content-Type must be {FORM}; for JSON there is /v1/recommendations."
        )
    vocabulary = newest.guideline.vocabulary
    test = partial(_has_emergency, newest)
    return _read(vocabulary, read_body(settings().max_body_bytes, FORM, emergency=test))


def _read(vocabulary: Vocabulary, body: bytes) -> Filled:
    """Return what the form says, with the fact more that `set` states."""
    try:
        filled = Filled(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Problem("bad-request", f"This is no form in UTF-8 of at most {MOST_FIELDS} fields.") from None
    change = filled.get(SET)
    return amended(vocabulary, filled, change) if change else filled


def _has_emergency(newest: Questioner, body: bytes) -> bool:
    """Whether the form says an emergency, which is answered however much there is to do."""
    vocabulary, today = newest.guideline.vocabulary, settings().today()
    try:
        facts = body_of(vocabulary, _read(vocabulary, body), today)
    except Problem:
        return False
    return newest.emergency_in(facts, today)


def _page(questioner: Questioner, filled: Filled, keep: str) -> Response:
    guideline, today = questioner.guideline, settings().today()
    body = body_of(guideline.vocabulary, filled, today)
    result = questioner.ask(body, today)
    words = Words(guideline)
    faults = result.faults if isinstance(result, Refused) else result.refused
    form = sections(words, filled, faults)
    shown: Shown | None = None
    if isinstance(result, Answer):
        shown = shown_answer(result)
        g.rule = result.advice.lead.rule.id
        metrics().answer(*guideline.key, g.rule)
    context: dict[str, Any] = {
        "form": form,
        "faults": placed(faults, words, form),
        "shown": shown,
        "urgent": result.urgent if isinstance(result, Refused) else None,
        "curl": curl_of(guideline, body),
        "examples": _examples(questioner) if not body else [],
        "stated": bool(body),
    }
    # 200 also where the facts are refused: every other status is a problem, and the page is what was asked for.
    return page("explorer.html", here="explorer", keep=keep, guideline=guideline, **context)


def curl_of(guideline: Guideline, body: Any) -> str:
    """Return the call of the API that gives what is shown."""
    sent = shlex.quote(json.dumps(body, indent=2, ensure_ascii=False))
    name = guideline.release.id
    path = "/v1/recommendations" if name == settings().guideline else f"/v1/guidelines/{name}/recommendations"
    return f"curl -s {settings().public_url}{path} \\\n  -H 'Content-Type: application/json' \\\n  -d {sent}"


def _examples(questioner: Questioner) -> list[Example]:
    """Return the worked cases that the guideline shows as examples."""
    cases = [case for case in questioner.guideline.cases if case.example and case.facts and not case.refused]
    answers = ((case, questioner.ask(case.facts, settings().today())) for case in cases)
    return [
        Example(case.name, f"/explore/{answer.decision_id}") for case, answer in answers if isinstance(answer, Answer)
    ]
