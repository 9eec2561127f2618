"""Many patients: an array in, an array out, in the same order. A bad patient never spoils its neighbours."""

from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from typing import Any

import orjson
from flask import Blueprint, Response, request

from service.advice.question import Answer, Questioner
from service.api import limits
from service.api.access import ADVICE, OPEN, scope
from service.api.body import JSON, NDJSON, parse_json, read_body, refuse_compressed
from service.api.json_out import fresh
from service.api.knowledge import knowledge, settings
from service.api.patient import answer_patient, read_patients, requested_view, urgent_json
from service.api.problems import Problem
from service.api.stream import refused, stream, streamed, told
from service.facts.json_body import Json, parsing_bytes

blueprint = Blueprint("batch", __name__)

MORE = (
    "Lines (application/x-ndjson) that are sent chunked, without a Content-Length, are answered however many there are."
)

TIMES_ONE = 16
"""How many times the body of one patient a batch may have."""
ANSWER_BYTES = {"full": 98_304, "brief": 98_304, "row": 1024}
"""The most that an answer takes in each view, about. Where that is more than there is memory for, an emergency is
answered in the shortest."""
MEMBERS_EACH, FEW = 200, 1000
"""Members and items of a patient, averaged over the most patients of a batch, or FEW; the fullest patient has about a
hundred. Each unknown one costs time and a fault."""


@blueprint.route("/v1/recommendations/batch", methods=["OPTIONS"], provide_automatic_options=False)
@scope(OPEN)
def methods() -> Response:
    """Tell what can be done here. Of itself the framework would add the methods of the permalinks, which look alike."""
    response = Response()
    response.headers.clear()
    response.headers["Allow"] = "OPTIONS, POST"
    return response


@blueprint.post("/v1/recommendations/batch", provide_automatic_options=False)
@scope(ADVICE)
def batch() -> Response:
    """Answer each patient by the guideline that the setting GUIDELINE names."""
    return _answer_patients(settings().guideline)


@blueprint.post("/v1/guidelines/<guideline>/recommendations/batch")
@scope(ADVICE)
def batch_by(guideline: str) -> Response:
    """Answer each patient by one guideline."""
    return _answer_patients(guideline)


def _answer_patients(guideline: str) -> Response:
    """Answer each patient: {index, status, answer | problem}. The view is `row` unless another is asked for."""
    newest = knowledge().newest(guideline)
    if request.mimetype == NDJSON and streamed():
        refuse_compressed()
        refusal = limits.refusal_of_stream()
        return stream(_line_answer(newest, refusal), NDJSON, refusal)
    test, most = partial(_has_emergency, newest), settings().max_batch
    limit, items = settings().max_body_bytes * TIMES_ONE, MEMBERS_EACH * max(most, FEW)
    body = read_body(limit, JSON, NDJSON, emergency=test, most_items=items)
    is_lines = request.mimetype == NDJSON
    patients: list[Any] = _lines(body) if is_lines else _items(newest, read_patients(newest, body, most))
    if len(patients) > most:
        raise Problem("body-too-large", f"A batch holds at most {most} patients. {MORE}")
    if is_lines:
        patients = [_read(newest, line) for line in patients]
    refusal = limits.refusal()
    view = _view(newest, patients)
    if not limits.expect_answer(ANSWER_BYTES[view] * len(patients), body, test):
        view, refusal = "row", refusal or limits.no_memory()
    answers = (_shown(index, _result(newest, patient, refusal), view) for index, patient in enumerate(patients))
    response = Response(_written(answers), mimetype=request.mimetype)
    if refusal is not None:
        response.headers.update(refusal.headers)
    return fresh(response)


def _written(answers: Iterable[dict[str, Any]]) -> bytes:
    """Return the answers in the form in which the patients came; of each no more is kept than its bytes."""
    start, between, end = (b"", b"\n", b"\n") if request.mimetype == NDJSON else (b"[", b",", b"]")
    written = BytesIO()
    written.write(start)
    for index, answer in enumerate(answers):
        written.write((between if index else b"") + orjson.dumps(answer))
    written.write(end)
    return written.getvalue()


def _has_emergency(newest: Questioner, body: bytes) -> bool:
    """Whether a patient among those of a body is an emergency."""
    today = settings().today()
    try:
        lines = request.mimetype == NDJSON
        patients = [_read(newest, line) for line in _lines(body)] if lines else _items(newest, parse_json(body))
    except Problem:
        return False
    return len(patients) <= settings().max_batch and any(newest.emergency_in(patient, today) for patient in patients)


def _lines(body: bytes) -> list[bytes]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    return lines or [parse_json(body)]  # which refuses an empty body


def _items(newest: Questioner, tree: Json) -> list[Json]:
    if not isinstance(tree, list):
        fault = {"pointer": "", "code": "wrong_type", "detail": "Must be a JSON array."}
        urgent = urgent_json(newest.urgent_in(tree, settings().today()))
        raise Problem("refused-facts", "A batch is a JSON array of patients.", [fault], urgent)
    return tree


def _read(newest: Questioner, line: bytes) -> Json | Problem:
    try:
        return read_patients(newest, line)
    except Problem as problem:
        return problem


def _result(newest: Questioner, patient: Json | Problem, refusal: Problem | None) -> Answer | Problem:
    """Answer a patient; one of a batch that is refused only in an emergency."""
    if refusal is not None and not newest.emergency_in(patient, settings().today()):
        return refusal
    if isinstance(patient, Problem):
        return patient
    try:
        return answer_patient(newest, patient)
    except Problem as problem:
        return problem


def _view(newest: Questioner, patients: list[Json | Problem]) -> str:
    """The view asked for; a misspelt one is refused, unless an emergency among the patients has to be answered."""
    try:
        return requested_view("row")
    except Problem:
        today = settings().today()
        if any(newest.emergency_in(patient, today) for patient in patients):
            return "row"
        raise


def _line_answer(newest: Questioner, refusal: Problem | None) -> Callable[[int, bytes | None], bytes]:
    """What answers a line of a stream in the view asked for."""
    try:
        view = requested_view("row")
    except Problem as misspelt:
        # Nobody can know whether an emergency is still to come, and that is answered whatever else is wrong.
        refusal, view = refusal or misspelt, "row"
    longest = settings().max_body_bytes

    def answer(index: int, line: bytes | None) -> bytes:
        if line is None:
            return told(index, Problem("body-too-large", f"A line may have {longest} bytes."))
        if len(line) > limits.SMALL and not limits.hold(parsing_bytes(line)):
            return told(index, limits.no_memory())
        result = _result(newest, _read(newest, line), refusal)
        return orjson.dumps(_shown(index, result, view), option=orjson.OPT_APPEND_NEWLINE)

    return answer


def _shown(index: int, result: Answer | Problem, view: str) -> dict[str, Any]:
    if isinstance(result, Problem):
        return refused(index, result)
    return {"index": index, "status": 200, "answer": orjson.Fragment(knowledge().renderer(result).write(result, view))}
