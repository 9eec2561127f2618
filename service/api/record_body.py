"""The body of a request that holds a FHIR record, and what the doors tell of one in the same words."""

from collections.abc import Sequence

from service.api.body import FHIR_JSON, JSON, parse_record_json, read_body
from service.api.knowledge import knowledge, settings
from service.api.limits import EmergencyTest
from service.api.problems import Problem, listed
from service.facts.json_body import MAX_RECORD, Json, pointer
from service.facts.refusal import Fault, repeated_keys
from service.fhir.record import Record
from service.fhir.record_reader import read_record
from service.fhir.resources import type_of

TIMES_ONE = 8
"""How many times the body of one patient a record may have."""
EXAMPLE = {"resourceType": "Bundle", "type": "collection", "entry": []}
SHAPES = 'a FHIR R4 Bundle, a resource, a list of resources, or {"patient": "<id>", "bundle": {...}}'
MAX_ID_CHARACTERS = 256


def requested_record(emergency: EmergencyTest | None = None) -> Record:
    """Return the record in the body. Raise Problem for what cannot be read as one."""
    if not knowledge().library.terminology:
        raise Problem("not-found", "This content has no code lists, so nothing can be read from FHIR.")
    limit = settings().max_body_bytes * TIMES_ONE
    body = read_body(limit, JSON, FHIR_JSON, example=EXAMPLE, emergency=emergency, most_items=MAX_RECORD)
    return parse_record(body)


def parse_record(body: bytes) -> Record:
    """Return the record in some bytes. Raise Problem for what cannot be read as one."""
    document = parse_record_json(body)
    if document.has_repeats:
        rule = knowledge().newest(settings().guideline).guideline.repeated_key_rule
        detail = "A key stands more than once; which value holds cannot be told."
        raise Problem("refused-facts", detail, listed(repeated_keys(document.tree, rule)))
    resources, patient = _resources(document.tree)
    return read_record(knowledge().library.terminology, resources, patient, settings().today())


def subject_json(subject: bool | None) -> bool | str:  # noqa: FBT001 - the value itself
    """Return whether a record shows a cancer, as JSON: true, false or "unknown"."""
    return "unknown" if subject is None else subject


def _resources(tree: Json) -> tuple[Sequence[Json], str | None]:
    """Return the resources and the patient named. Raise Problem with what is wrong with the shape."""
    patient, at = None, ""
    if isinstance(tree, dict) and "resourceType" not in tree and {"patient", "bundle"} & tree.keys():
        faults = [
            Fault(pointer(name), "unknown_member", 'Beside "patient" and "bundle" nothing is read.')
            for name in sorted(tree.keys() - {"patient", "bundle"})
        ]
        patient = tree.get("patient")
        if patient is not None and not (isinstance(patient, str) and 0 < len(patient.strip()) <= MAX_ID_CHARACTERS):
            faults.append(Fault("/patient", "wrong_type", "Must be the id of a Patient, as text."))
        if faults:
            raise Problem("refused-facts", "The request around the bundle is not understood.", listed(faults))
        tree, at = tree.get("bundle"), "/bundle"
    if type_of(tree):
        return [tree], patient
    if isinstance(tree, list) and (not tree or any(type_of(item) for item in tree)):
        return tree, patient
    where = f"{at}/resourceType" if isinstance(tree, dict) else at
    raise Problem("refused-facts", f"Send {SHAPES}.", listed([Fault(where, "wrong_type", f"Must be {SHAPES}.")]))
