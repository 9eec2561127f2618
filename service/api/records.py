"""A FHIR record in, every answer out: read once, answered by each guideline whose cancer it shows."""

from typing import Any

import orjson
from flask import Blueprint, Response

from service.api.access import ADVICE, scope
from service.api.json_out import fresh, json_response
from service.api.knowledge import knowledge, settings
from service.api.patient import requested_view
from service.api.problems import Problem
from service.api.record_body import parse_record, requested_record, subject_json
from service.fhir.evaluation import RecordEvaluation, RecordEvaluations, evaluate_all
from service.fhir.extract import count_resources
from service.fhir.record import Record

blueprint = Blueprint("records", __name__)

CANCER_UNKNOWN = (
    "Whether this record shows the cancer of this guideline is not known. An emergency is answered all the same."
)


@blueprint.post("/v1/records/recommendations")
@scope(ADVICE)
def recommend() -> Response:
    """Answer a record by every guideline whose cancer it shows, the most urgent answer first."""
    record = requested_record(_is_emergency)
    evaluations = _evaluate(record)
    try:
        view = requested_view("full")
    except Problem:
        if not any(evaluation.is_emergency for evaluation in evaluations.answers):
            raise
        view = "full"
    ignored = {
        (remark["resource"], remark["reason"]): remark
        for extraction in evaluations.extractions.values()
        for remark in extraction.ignored
    }
    extractions = evaluations.extractions
    body: dict[str, Any] = {
        "patient": record.patient,
        "other_patients": record.others,
        "ignored": list(ignored.values()),
        "resources": count_resources(record, extractions.values()),
        "subjects": {name: subject_json(extraction.subject) for name, extraction in extractions.items()},
        "answers": [_answer(evaluation, view) for evaluation in evaluations.answers],
    }
    return fresh(json_response(body))


def _evaluate(record: Record) -> RecordEvaluations:
    default = settings().guideline
    return evaluate_all(record, knowledge().newest_of_each(default), default)


def _is_emergency(body: bytes) -> bool:
    """Return whether a record amounts to an emergency for any guideline."""
    try:
        record = parse_record(body)
    except Problem:
        return False
    return any(evaluation.is_emergency for evaluation in _evaluate(record).answers)


def _answer(evaluation: RecordEvaluation, view: str) -> dict[str, Any]:
    extraction, answer = evaluation.extraction, evaluation.answer
    told: dict[str, Any] = {
        "guideline": evaluation.guideline.release.id,
        "facts": extraction.facts,
        "provenance": extraction.provenance,
        "data_conflicts": extraction.data_conflicts,
        "answer": orjson.Fragment(knowledge().renderer(answer).write(answer, view)),
    }
    if extraction.subject is None:
        told["remark"] = CANCER_UNKNOWN
    return told
