"""Many patients: an array in, an array out, in the same order. A bad patient never spoils its neighbours."""

from typing import Any

import orjson
from flask import Blueprint, Response, request

from service.advice.render import VIEWS, rendered
from service.api.access import ADVICE, scope
from service.api.body import JSON, parse_json, read_body
from service.api.json_out import json_response
from service.api.knowledge import knowledge, settings
from service.api.problems import KINDS, Problem
from service.api.recommendations import ask
from service.facts.json_body import Json

blueprint = Blueprint("batch", __name__)

NDJSON = "application/x-ndjson"
TIMES_ONE = 16
"""How many times the body of one patient a batch may have."""


@blueprint.post("/v1/recommendations/batch")
@scope(ADVICE)
def batch() -> Response:
    """Answer each patient: {index, status, answer | problem}. The view is `row` unless another is asked for."""
    view = request.args.get("view", "row")
    if view not in VIEWS:
        raise Problem("bad-request", f"There is no such view. Known: {', '.join(VIEWS)}.")
    body = read_body(settings().max_body_bytes * TIMES_ONE, JSON, NDJSON)
    if request.mimetype == NDJSON:
        lines = [line for line in body.split(b"\n") if line.strip()]
        _within_limit(lines)
        answered = [_line(index, line, view) for index, line in enumerate(lines)]
        return Response(b"".join(orjson.dumps(item) + b"\n" for item in answered), mimetype=NDJSON, headers=NO_STORE)
    tree = parse_json(body)
    if not isinstance(tree, list):
        raise Problem("refused-facts", "A batch is a JSON array of patients.", [NOT_A_LIST])
    _within_limit(tree)
    response = json_response([_patient(index, item, view) for index, item in enumerate(tree)])
    response.headers.update(NO_STORE)
    return response


NO_STORE = {"Cache-Control": "no-store"}
NOT_A_LIST = {"pointer": "", "code": "wrong_type", "detail": "Must be a JSON array."}


def _within_limit(items: list[Any]) -> None:
    if len(items) > settings().max_batch:
        raise Problem("body-too-large", f"A batch holds at most {settings().max_batch} patients.")


def _line(index: int, line: bytes, view: str) -> dict[str, Any]:
    try:
        return _patient(index, parse_json(line), view)
    except Problem as problem:
        return {"index": index, "status": KINDS[problem.code].status, "problem": problem.body()}


def _patient(index: int, tree: Json, view: str) -> dict[str, Any]:
    try:
        answer = ask(knowledge().newest(settings().guideline), tree)
    except Problem as problem:
        return {"index": index, "status": KINDS[problem.code].status, "problem": problem.body()}
    return {"index": index, "status": 200, "answer": rendered(answer, view)}
