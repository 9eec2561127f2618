"""Facts from FHIR: a record in, the body of a question out, with where each fact comes from."""

from typing import Any

from flask import Blueprint, Response

from service.api.access import ADVICE, scope
from service.api.json_out import fresh, json_response
from service.api.knowledge import knowledge, requested_guideline, settings
from service.api.problems import Problem
from service.api.record_body import requested_record, subject_json
from service.fhir.extract import Extraction, count_resources, extract
from service.fhir.record import Record
from service.fhir.subject import read_subject

blueprint = Blueprint("extract", __name__)


@blueprint.post("/v1/facts/extract")
@scope(ADVICE)
def extract_facts() -> Response:
    """Read the facts of the guideline that the setting GUIDELINE names."""
    return _extract(settings().guideline)


@blueprint.post("/v1/guidelines/<guideline>/facts/extract")
@scope(ADVICE)
def extract_facts_by(guideline: str) -> Response:
    """Read the facts of one guideline, of its newest release or the one that the query names."""
    return _extract(guideline)


def _extract(name: str) -> Response:
    guideline = requested_guideline(name)
    record = requested_record()
    try:
        extraction = extract(record, guideline)
    except LookupError:
        raise Problem("not-found", "This guideline reads no FHIR records.") from None
    legacy = guideline.extraction.legacy_member if guideline.extraction is not None else None
    body: dict[str, Any] = {"facts": extraction.facts, "provenance": extraction.provenance}
    if legacy is not None:
        body[legacy] = subject_json(extraction.subject)
    body |= {
        "ignored": extraction.ignored,
        "data_conflicts": extraction.data_conflicts,
        "patient": extraction.patient,
        "other_patients": extraction.other_patients,
        "subjects": _subjects(record, name, extraction),
        "resources": count_resources(record, [extraction]),
    }
    return fresh(json_response(body))


def _subjects(record: Record, name: str, extraction: Extraction) -> dict[str, bool | str]:
    """Return for each guideline that reads records whether this one shows its cancer."""
    subjects = {}
    for questioner in knowledge().newest_of_each(settings().guideline):
        guideline = questioner.guideline
        if guideline.extraction is not None:
            own = guideline.release.id == name
            shown = extraction.subject if own else read_subject(record, guideline.extraction)[0].present
            subjects[guideline.release.id] = subject_json(shown)
    return subjects
