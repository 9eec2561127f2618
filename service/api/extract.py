"""Facts from FHIR: a record in, the body of a question out, with where each fact comes from."""

from collections.abc import Sequence

from flask import Blueprint, Response

from service.api.access import ADVICE, scope
from service.api.body import FHIR_JSON, JSON, parse_json, read_body
from service.api.json_out import fresh, json_response
from service.api.knowledge import knowledge, settings
from service.api.problems import Problem, listed
from service.facts.json_body import MAX_RECORD, Json, crowded, pointer
from service.facts.refusal import Fault, repeated_keys
from service.fhir.extract import extract
from service.fhir.resources import type_of

blueprint = Blueprint("extract", __name__)

TIMES_ONE = 8
"""How many times the body of one patient a record may have."""
EXAMPLE = {"resourceType": "Bundle", "type": "collection", "entry": []}
SHAPES = 'a FHIR R4 Bundle, a list of resources, or {"patient": "<id>", "bundle": {...}}'
LONGEST_ID = 256


@blueprint.post("/v1/facts/extract")
@scope(ADVICE)
def extract_facts() -> Response:
    """Read the facts of one patient out of FHIR resources."""
    terminology = knowledge().library.terminology
    if not terminology:
        raise Problem("not-found", "This content has no code lists, so nothing can be read from FHIR.")
    body = read_body(settings().max_body_bytes * TIMES_ONE, JSON, FHIR_JSON, example=EXAMPLE)
    tree = parse_json(body)
    if crowded(tree, MAX_RECORD):
        raise Problem("body-too-large", f"A record has at most {MAX_RECORD} members and items; send a part of it.")
    if twice := repeated_keys(tree, "V12"):
        raise Problem("refused-facts", "A key stands more than once; which value holds cannot be told.", listed(twice))
    resources, patient = _shape(tree)
    return fresh(json_response(extract(terminology, resources, patient, settings().today()).as_json()))


def _shape(tree: Json) -> tuple[Sequence[Json], str | None]:
    """The resources and the patient named, or the problem that lists what is wrong with the shape."""
    patient, at = None, ""
    if isinstance(tree, dict) and "resourceType" not in tree and {"patient", "bundle"} & tree.keys():
        faults = [
            Fault(pointer(name), "unknown_member", 'Beside "patient" and "bundle" nothing is read.')
            for name in sorted(tree.keys() - {"patient", "bundle"})
        ]
        patient = tree.get("patient")
        if patient is not None and not (isinstance(patient, str) and 0 < len(patient.strip()) <= LONGEST_ID):
            faults.append(Fault("/patient", "wrong_type", "Must be the id of a Patient, as text."))
        if faults:
            raise Problem("refused-facts", "The request around the bundle is not understood.", listed(faults))
        tree, at = tree.get("bundle"), "/bundle"
    if type_of(tree) == "Bundle":
        return [tree], patient
    if isinstance(tree, list) and (not tree or any(type_of(item) for item in tree)):
        return tree, patient
    where = f"{at}/resourceType" if isinstance(tree, dict) else at
    raise Problem("refused-facts", f"Send {SHAPES}.", listed([Fault(where, "wrong_type", f"Must be {SHAPES}.")]))
