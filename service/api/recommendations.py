"""One patient: facts in, advice out; and the permalink that asks the same again."""

import hashlib
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from service.advice.question import Answer, Questioner, Refused
from service.advice.render import VIEWS, rendered
from service.api.access import ADVICE, OPEN, scope
from service.api.body import read_json
from service.api.json_out import json_response
from service.api.knowledge import knowledge, overdue, settings
from service.api.problems import Problem, listed
from service.facts import identifier
from service.facts.json_body import Json
from service.knowledge.guideline import Guideline
from service.settings import VERSION

blueprint = Blueprint("recommendations", __name__)

LANGUAGE = "en"
BATCH = "batch"
"""No decision_id: that address takes a POST."""


@blueprint.post("/v1/recommendations")
@scope(ADVICE)
def recommend() -> Response:
    """Ask the guideline that the setting GUIDELINE names."""
    return _asked(settings().guideline)


@blueprint.post("/v1/guidelines/<guideline>/recommendations")
@scope(ADVICE)
def recommend_by(guideline: str) -> Response:
    """Ask one guideline."""
    return _asked(guideline)


@blueprint.get("/v1/recommendations/<decision_id>")
@scope(OPEN)
def recall(decision_id: str) -> Response:
    """Ask again what a decision_id encodes."""
    if decision_id == BATCH:
        raise MethodNotAllowed(["POST"])
    answer = recalled(decision_id)
    guideline = answer.advice.guideline
    view, release = view_asked("full"), request.args.get("release", guideline.release.release)
    if release == "latest":
        return _latest(guideline, answer, view)
    if release != guideline.release.release:
        raise Problem("bad-request", "A permalink knows its own release; ?release=latest asks the newest one.")
    response = _answered(answer, view)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


def recalled(decision_id: str) -> Answer:
    """The answer that a decision_id encodes, or the problem that says why there is none."""
    named = identifier.read(decision_id)
    if named is None:
        raise Problem("not-found", "This is not a decision_id: it does not decode, or its check value is wrong.")
    questioner = knowledge().questioners.get((named.guideline, named.release))
    if questioner is None:
        raise Problem("gone", "The release of the guideline that this decision_id names is no longer loaded.")
    answer = questioner.recall(named.facts)
    if answer is None:
        raise Problem("not-found", "This is not a decision_id: the facts that it encodes are not valid.")
    return answer


def ask(questioner: Questioner, tree: Json) -> Answer:
    """The answer, or the problem that lists every fault."""
    result = questioner.ask(tree, settings().today())
    if isinstance(result, Refused):
        raise refusal(result)
    return result


def refusal(refused: Refused) -> Problem:
    """The problem that lists every fault, and what to do today if that is urgent."""
    extra: dict[str, Any] = {}
    if refused.urgent is not None:
        extra["urgent"] = {"code": refused.urgent.code, "statement": refused.urgent.statement}
    number = len(refused.faults)
    detail = f"{number} fault{'s' if number != 1 else ''}: " + " ".join(
        f"{fault.pointer or '/'} {fault.detail}" for fault in refused.faults[:3]
    )
    return Problem("refused-facts", detail, listed(refused.faults), extra)


def _asked(guideline: str) -> Response:
    newest = knowledge().newest(guideline)
    tree = read_json(settings().max_body_bytes)
    try:
        shown = view_asked("full")
        questioner = knowledge().release(guideline, request.args.get("release", "latest"))
    except Problem as problem:
        # An emergency is never answered with an error, not even about the query string.
        answer, shown = _emergency(newest, tree, problem), "full"
    else:
        answer = _asked_of(questioner, newest, tree)
    response = _answered(answer, shown)
    response.headers["Cache-Control"] = "no-store"
    return response


def _asked_of(questioner: Questioner, newest: Questioner, tree: Json) -> Answer:
    try:
        return ask(questioner, tree)
    except Problem as problem:
        if questioner is newest:
            raise
        return _emergency(newest, tree, problem)


def _emergency(newest: Questioner, tree: Json, problem: Problem) -> Answer:
    """The answer of the newest release if it is an emergency, else the problem."""
    result = newest.ask(tree, settings().today())
    if isinstance(result, Refused) or not result.advice.decision.emergency:
        raise problem
    return result


def _answered(answer: Answer, view: str, **beside: Any) -> Response:
    guideline = answer.advice.guideline
    response = json_response(rendered(answer, view) | beside)
    response.headers["Decision-Id"] = answer.decision_id
    response.headers["Guideline-Release"] = guideline.release.release
    response.headers["Content-Language"] = LANGUAGE
    response.vary.add("Accept-Language")
    if overdue(guideline, settings().today()):
        response.headers["Evidence-Review"] = "overdue"
    if not answer.refused:
        # Weak: a gzipped answer has the same meaning, not the same bytes.
        parts = (answer.decision_id, guideline.digest, view, LANGUAGE, VERSION)
        response.set_etag(hashlib.sha256("|".join(parts).encode()).hexdigest()[:32], weak=True)
    return response


def _latest(asked: Guideline, old: Answer, view: str) -> Response:
    """The same facts by the newest release, with what changed. The facts pass through both vocabularies by name."""
    newest = knowledge().newest(asked.release.id)
    vocabulary = newest.guideline.vocabulary
    values = {feature.name: feature.values for feature in (*vocabulary.features, *vocabulary.counted)}
    stated = {n: v for n, v in old.advice.stated.items() if v != asked.vocabulary.nothing[n]}
    new = None
    if all(value in values.get(name, ()) for name, value in stated.items()):
        new = newest.recall(newest.encoder.encode({**vocabulary.nothing, **stated}))
    if new is None:
        raise Problem("not-found", "The newest release does not know these facts; ask again with a new request.")
    before, after = rendered(old, "row"), rendered(new, "row")
    changed = [
        {"member": name, "before": before[name], "after": after[name]}
        for name in before
        if name != "decision_id" and before[name] != after[name]
    ]
    response = _answered(new, view, changed=changed)
    del response.headers["ETag"]
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def view_asked(default: str) -> str:
    """The view that the query asks for."""
    view = request.args.get("view", default)
    if view not in VIEWS:
        raise Problem("bad-request", f"There is no such view. Known: {', '.join(VIEWS)}.")
    return view
