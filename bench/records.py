"""FHIR records of an invented patient, of a wanted size: a breast cancer in M1, and what else an EHR holds."""

import copy
import datetime as dt
import json
import uuid
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from bench.build import ROOT
from bench.today import TODAY

CALL: dict[str, Any] = json.loads((ROOT / "docs" / "examples" / "patient-view.json").read_text())
"""The call of the documents: the patient, three conditions, the stage."""
PATIENT = CALL["context"]["patientId"]
Kind = tuple[str, str, str, float]
"""Of an observation: LOINC code, display, unit, typical value."""
OTHER: tuple[Kind, ...] = (
    ("8867-4", "Heart rate", "/min", 72),
    ("29463-7", "Body weight", "kg", 68),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 124),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12),
    ("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 240),
)
"""Observations that fill a record."""
LABORATORY: tuple[Kind, ...] = (
    ("2951-2", "Sodium", "mmol/L", 140),
    ("2823-3", "Potassium", "mmol/L", 4),
    ("2075-0", "Chloride", "mmol/L", 102),
    ("2345-7", "Glucose", "mg/dL", 95),
    ("3094-0", "Urea nitrogen", "mg/dL", 14),
    ("17861-6", "Calcium", "mg/dL", 9),
    ("1742-6", "Alanine aminotransferase", "U/L", 25),
    ("1920-8", "Aspartate aminotransferase", "U/L", 22),
)
"""Laboratory values that no code list of the content names."""
LABORATORY_VALUES = 200


def patient_views(size: int, *, same_chart: bool) -> Iterator[bytes]:
    """Patient-view calls with a record of about so many bytes, each with another hookInstance.

    The record is the same, or each time the one of another birthday and other measurements.
    """
    call = copy.deepcopy(CALL)
    fillers = (_observation(number, OTHER) for number in count())
    while len(json.dumps(call)) < size:
        _add(call, next(fillers))
    return _calls(call, same_chart=same_chart)


def laboratory_views() -> Iterator[bytes]:
    """Return patient-view calls of about 60 kB: a breast cancer beside 200 laboratory values that no code list names.

    Each call has another birthday and other values.
    """
    call = copy.deepcopy(CALL)
    for number in range(LABORATORY_VALUES):
        result = _observation(number, LABORATORY)
        del result["valueQuantity"]["system"], result["valueQuantity"]["code"]
        _add(call, result)
    return _calls(call, same_chart=False)


def records(size: int) -> Iterator[bytes]:
    """Return Bundles of about so many bytes, each with another birthday and other measurements."""
    for body in patient_views(size, same_chart=False):
        prefetch = json.loads(body)["prefetch"]
        entries = [{"resource": prefetch["patient"]}, *prefetch["conditions"]["entry"]]
        entries += prefetch["observations"]["entry"]
        yield json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def _add(call: dict[str, Any], resource: dict[str, Any]) -> None:
    """Add an observation to a call."""
    observations = call["prefetch"]["observations"]
    observations["entry"].append({"resource": resource})
    observations["total"] += 1


def _calls(call: dict[str, Any], *, same_chart: bool) -> Iterator[bytes]:
    """Return the call again and again, each time with another hookInstance and, if wanted, another chart."""
    resources = [entry["resource"] for entry in call["prefetch"]["observations"]["entry"]]
    fillers = [resource for resource in resources if resource["id"].startswith("filler-")]
    first_birthday = dt.date(1940, 1, 1)
    for number in count():
        call["hookInstance"] = str(uuid.UUID(int=number, version=4))
        if not same_chart:
            birthday = first_birthday + dt.timedelta(days=number % 15_000)
            call["prefetch"]["patient"]["birthDate"] = birthday.isoformat()
            for filler in fillers:
                filler["valueQuantity"]["value"] = number
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
        found.append(_observation(number, OTHER))
        length += len(json.dumps(found[-1])) + 16
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in found]}
    ).encode()


def _observation(number: int, kinds: Sequence[Kind]) -> dict[str, Any]:
    code, display, unit, value = kinds[number % len(kinds)]
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
