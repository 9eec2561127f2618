"""FHIR records of an invented patient, of a wanted size: a breast cancer in M1, and what else an EHR holds."""

import copy
import datetime as dt
import json
import uuid
from collections.abc import Iterator
from itertools import count
from typing import Any

from bench.serving import ROOT
from bench.today import TODAY

CALL: dict[str, Any] = json.loads((ROOT / "docs" / "examples" / "patient-view.json").read_text())
"""The call of the documents: the patient, three conditions, the stage."""
PATIENT = CALL["context"]["patientId"]
OTHER = (
    ("8867-4", "Heart rate", "/min", 72),
    ("29463-7", "Body weight", "kg", 68),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 124),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12),
    ("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 240),
)
"""Observations that fill a record."""


def patient_views(size: int, *, same_chart: bool) -> Iterator[bytes]:
    """Patient-view calls with a record of about so many bytes, each with another hookInstance.

    The record is the same, or each time the one of another birthday and other measurements.
    """
    call = copy.deepcopy(CALL)
    observations = call["prefetch"]["observations"]
    for number in count():
        if len(json.dumps(call)) >= size:
            break
        observations["entry"].append({"resource": _observation(number)})
        observations["total"] += 1
    filled = [each["resource"] for each in observations["entry"] if each["resource"]["id"].startswith("filler-")]
    born = dt.date(1940, 1, 1)
    for number in count():
        call["hookInstance"] = str(uuid.UUID(int=number, version=4))
        if not same_chart:
            call["prefetch"]["patient"]["birthDate"] = (born + dt.timedelta(days=number % 15_000)).isoformat()
            for each in filled:
                each["valueQuantity"]["value"] = number
        yield json.dumps(call).encode()


def bundle(size: int) -> bytes:
    """A Bundle of at least so many bytes."""
    found = [CALL["prefetch"]["patient"]]
    for name in ("conditions", "observations"):
        found += [entry["resource"] for entry in CALL["prefetch"][name]["entry"]]
    length = sum(len(json.dumps(each)) for each in found)
    for number in count():
        if length >= size:
            break
        found.append(_observation(number))
        length += len(json.dumps(found[-1])) + 16
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in found]}
    ).encode()


def _observation(number: int) -> dict[str, Any]:
    code, display, unit, value = OTHER[number % len(OTHER)]
    return {
        "resourceType": "Observation",
        "id": f"filler-{number}",
        "status": "final",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]},
        "effectiveDateTime": (TODAY - dt.timedelta(days=20 + number % 300)).isoformat(),
        "valueQuantity": {
            "value": value + number % 7,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }
