"""One patient: facts in, advice out; and the permalink that asks the same again."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from service.advice.question import Answer, Questioner, Refused
from service.advice.registry import NotFoundError, carry_over
from service.advice.render import row, words_of
from service.api.access import ADVICE, PERMALINKS, scope
from service.api.answers import Named, cache, question, respond, respond_once, unchanged
from service.api.body import emergency_in, read_body
from service.api.here import this_request
from service.api.json_out import fresh
from service.api.knowledge import knowledge, settings
from service.api.patient import answer_patient, read_patients, requested_view
from service.api.problems import Problem, as_problem
from service.facts.json_body import Json

blueprint = Blueprint("recommendations", __name__)

BATCH = "batch"
"""No decision_id: that address takes a POST."""
AGAIN = "private, no-cache"
"""A permalink may be kept by who asked, and is asked for again each time."""


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
@scope(PERMALINKS)
def recall(decision_id: str) -> Response:
    """Ask again what a decision_id encodes."""
    if decision_id == BATCH:
        raise MethodNotAllowed(["POST"])
    near = cache().near
    asked = question(decision_id, this_request().environ.get("QUERY_STRING"))
    named: Named | None = near.get(asked)
    if named is None:
        named = _permalink(decision_id)
        if named is None:
            return _latest(knowledge().recall(decision_id), requested_view("full"))
        near.put(asked, named)
    if (same := unchanged(named, AGAIN)) is not None:
        return same
    response = respond(named, lambda: knowledge().recall(decision_id), AGAIN)
    response.make_conditional(request)
    return response


def _permalink(decision_id: str) -> Named | None:
    """The answer that a permalink names; None where the newest release is asked instead."""
    named = knowledge().identify(decision_id)
    view, release = requested_view("full"), request.args.get("release", named.release)
    if release == "latest":
        return None
    if release != named.release:
        raise Problem("bad-request", "A permalink knows its own release; ?release=latest asks the newest one.")
    return Named(decision_id, named.guideline, named.release, view)


def _asked(guideline: str) -> Response:
    newest, stated, near = knowledge().newest(guideline), settings(), cache().near
    body = read_body(stated.max_body_bytes, emergency=emergency_in(newest))
    sent = this_request().environ
    # All that an answer to a body depends on: dated facts are judged against today.
    said = (sent["PATH_INFO"], sent.get("QUERY_STRING"), sent["CONTENT_TYPE"], stated.today().toordinal())
    asked = question(*said, body=body)
    known: Named | None = near.get(asked)
    if known is not None:
        return respond(known, lambda: knowledge().recall(known.decision_id))
    answer, shown = _worked_out(newest, read_patients(newest, body))
    if answer.refused:
        return fresh(respond_once(answer, shown))
    named = Named.of(answer, shown)
    response = respond(named, lambda: answer)
    near.put(asked, named)
    return response


def _worked_out(newest: Questioner, tree: Json) -> tuple[Answer, str]:
    """The answer, and the view in which it is shown."""
    try:
        view = requested_view("full")
        questioner = knowledge().release(newest.guideline.release.id, request.args.get("release", "latest"))
    except (Problem, NotFoundError) as error:
        # An emergency is never answered with an error, not even about the query string.
        return _emergency(newest, tree, as_problem(error)), "full"
    return _asked_of(questioner, newest, tree), view


def _asked_of(questioner: Questioner, newest: Questioner, tree: Json) -> Answer:
    try:
        return answer_patient(questioner, tree)
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


def _latest(old: Answer, view: str) -> Response:
    """The same facts by the newest release, with what changed."""
    newest = knowledge().newest(old.advice.guideline.release.id)
    stated = carry_over(old, newest.guideline)
    new = None if stated is None else newest.recall(newest.encoder.encode(stated))
    if new is None:
        raise Problem("not-found", "The newest release does not know these facts; ask again with a new request.")
    before, after = (row(answer) | words_of(answer) for answer in (old, new))
    changed = [
        {"member": name, "before": before[name], "after": after[name]}
        for name in before
        if name != "decision_id" and before[name] != after[name]
    ]
    response = respond_once(new, view, changed=changed)
    response.headers["Cache-Control"] = AGAIN
    return response
