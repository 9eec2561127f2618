"""One patient of a request: the answer, or the problem that lists every fault."""

from typing import Any

from flask import request

from service.advice.question import Answer, Questioner, Refused
from service.advice.render import VIEWS
from service.api.knowledge import settings
from service.api.problems import Problem, listed
from service.facts.json_body import Json


def answer_patient(questioner: Questioner, tree: Json) -> Answer:
    """Return the answer for a parsed body. Raises Problem with every fault of a refused one."""
    result = questioner.ask(tree, settings().today())
    if isinstance(result, Refused):
        raise refusal(result)
    return result


def refusal(refused: Refused) -> Problem:
    """Return the problem that lists every fault, and what to do today if the facts are urgent."""
    extra: dict[str, Any] = {}
    if refused.urgent is not None:
        extra["urgent"] = {"code": refused.urgent.code, "statement": refused.urgent.statement}
    number = len(refused.faults)
    detail = f"{number} fault{'s' if number != 1 else ''}: " + " ".join(
        f"{fault.pointer or '/'} {fault.detail}" for fault in refused.faults[:3]
    )
    return Problem("refused-facts", detail, listed(refused.faults), extra)


def requested_view(default: str) -> str:
    """Return the view that the query names. Raises Problem for an unknown one."""
    view = request.args.get("view", default)
    if view not in VIEWS:
        raise Problem("bad-request", f"There is no such view. Known: {', '.join(VIEWS)}.")
    return view
