"""One patient of a request: the answer, or the problem that lists every fault."""

from dataclasses import replace
from typing import Any

from flask import request

from service.advice.elsewhere import with_hints
from service.advice.question import Answer, Questioner, Refused, Urgent
from service.advice.render import VIEWS
from service.api.body import parse_json
from service.api.knowledge import knowledge, settings
from service.api.problems import Problem, listed
from service.facts.json_body import Json


def answer_patient(questioner: Questioner, tree: Json) -> Answer:
    """Return the answer for a parsed body. Raises Problem with every fault of a refused one."""
    today = settings().today()
    result = questioner.ask(tree, today)
    if isinstance(result, Refused):
        raise refusal(with_hints(knowledge(), questioner, tree, result, today))
    return result


def read_patients(questioner: Questioner, body: bytes, most: int = 1) -> Json:
    """Return the JSON of some bytes. Raises Problem for what is none, with what to do today if it can be told.

    `most`: patients of a list, of which each may be urgent.
    """
    try:
        return parse_json(body)
    except Problem as problem:
        urgent = questioner.urgent_in_unreadable(body, settings().today(), most)
        raise replace(problem, extra=urgent_json(urgent)) from None


def urgent_json(urgent: Urgent | None) -> dict[str, Any]:
    """Return the member of a problem that says what to do today; none where nothing is urgent."""
    return {} if urgent is None else {"urgent": {"code": urgent.code, "statement": urgent.statement}}


def refusal(refused: Refused) -> Problem:
    """Return the problem that lists every fault, and what to do today if the facts are urgent."""
    number = len(refused.faults)
    detail = f"{number} fault{'s' if number != 1 else ''}: " + " ".join(
        f"{fault.pointer or '/'} {fault.detail}" for fault in refused.faults[:3]
    )
    return Problem("refused-facts", detail, listed(refused.faults), urgent_json(refused.urgent))


def requested_view(default: str) -> str:
    """Return the view that the query names. Raises Problem for an unknown one."""
    view = request.args.get("view", default)
    if view not in VIEWS:
        raise Problem("bad-request", f"There is no such view. Known: {', '.join(VIEWS)}.")
    return view
