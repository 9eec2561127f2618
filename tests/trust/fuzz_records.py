"""FHIR records: valid ones made from the code lists, then damaged anywhere; and what must be true of what is read."""

import copy
import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from flask import Flask

from service.fhir.extract import Extraction, extract
from service.fhir.record_reader import read_record
from service.knowledge.library import Library
from service.knowledge.terminology import Concept, Terminology
from tests.conftest import GUIDELINE
from tests.fhir.building import TODAY, bundle
from tests.trust.fuzz_cases import CANARY, call, holds, readable, refused, written
from tests.trust.fuzz_extraction import OTHER, places, sound, unordered, without_one

DOOR = "/v1/facts/extract"
PATIENT = "us"
CONDITIONS = ("breast_cancer", "breast_cancer", "metastases", "metastases", "complications", "tumour_traits")
MEDICATIONS = ("MedicationAdministration", "MedicationStatement", "MedicationRequest", "MedicationDispense")
STATUSES = (
    "final",
    "final",
    "final",
    "amended",
    "preliminary",
    "entered-in-error",
    "cancelled",
    "unknown",
    "completed",
)
VALUES = ("values", "disease_status", "staging", "presence", "tumour_traits")
CLINICAL = ("active", "active", "recurrence", "relapse", "inactive", "remission", "resolved")
VERIFIED = ("confirmed", "confirmed", "unconfirmed", "provisional", "differential", "refuted", "entered-in-error")
FREE_TEXT = ("name", "text", "note", "valueString")
Chance = random.Random
Resource = dict[str, Any]


def record(chance: Chance, terminology: Terminology) -> list[Resource]:
    """Resources of one patient, some of them of another."""
    made: list[Resource] = [{"resourceType": "Patient", "id": PATIENT, "gender": chance.choice(["female", "male"])}]
    made[0] |= {"birthDate": _day(chance, 20_000, 40_000), "name": [{"family": CANARY, "given": [CANARY]}]}
    for number in range(chance.choice([1, 2, 3, 5, 8, 12])):
        each = chance.choice([_condition, _condition, _observation, _observation, _medication, _procedure, _event])(
            chance, terminology
        )
        each |= {"id": f"r{number}", "subject": {"reference": f"Patient/{PATIENT}"}}
        if chance.random() < 0.08:
            each["subject"] = {"reference": f"Patient/{OTHER}"}
        if chance.random() < 0.2:
            each |= {"text": {"status": "generated", "div": f"<div>{CANARY}</div>"}, "note": [{"text": CANARY}]}
        if chance.random() < 0.3:
            target = f"Condition/r{chance.randrange(12)}"
            each[chance.choice(["focus", "reasonReference", "evidence", "partOf"])] = [{"reference": target}]
        made.append(each)
    return made


def _day(chance: Chance, first: int = 0, last: int = 1500) -> str:
    day = TODAY - dt.timedelta(chance.choice([0, 1, 119, 121, 122, 123, chance.randint(first, last)]))
    text = day.isoformat()
    return chance.choice((text,) * 6 + (text[:7], text[:4], f"{text}T10:00:00+02:00"))


def _concept(chance: Chance, terminology: Terminology, *names: str) -> Resource:
    concept = chance.choice(terminology[chance.choice(names)].codes)
    coding = _coding(terminology, concept)
    more = [_coding(terminology, chance.choice(terminology[chance.choice(names)].codes))] * (chance.random() < 0.1)
    return {"coding": [coding, *more]}


def _coding(terminology: Terminology, concept: Concept) -> Resource:
    uri = next(uri for uri, name in terminology.systems.items() if name == concept.system)
    return {"system": uri, "code": concept.code, "display": concept.display}


def _status(word: str) -> Resource:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": word}]}


def _condition(chance: Chance, terminology: Terminology) -> Resource:
    made = {"resourceType": "Condition", "code": _concept(chance, terminology, *CONDITIONS)}
    made["clinicalStatus"] = _status(chance.choice(CLINICAL))
    if chance.random() < 0.5:
        made["verificationStatus"] = _status(chance.choice(VERIFIED))
    if chance.random() < 0.4:
        made["bodySite"] = [_concept(chance, terminology, "body_sites")]
    made[chance.choice(["onsetDateTime", "onsetDateTime", "recordedDate", "dateRecorded"])] = _day(chance)
    if chance.random() < 0.1:
        made["abatementDateTime"] = _day(chance)
    return made


def _observation(chance: Chance, terminology: Terminology) -> Resource:
    code = _concept(chance, terminology, "observations", "staging", "disease_status", "complications")
    made = {"resourceType": "Observation", "status": chance.choice(STATUSES), "code": code}
    made["effectiveDateTime"] = _day(chance)
    kind = chance.randrange(5)
    if kind < 2:
        made["valueCodeableConcept"] = _concept(chance, terminology, *VALUES)
    elif kind == 2:
        unit = chance.choice(["10*9/L", "10*3/uL", "g/dL", "g/L", "mmol/L", "%", "/uL", ""])
        number = chance.choice([0, 1, 2.5, 8, 49.9, 50, 120, 250_000])
        made["valueQuantity"] = {"value": number, "unit": unit, "code": unit}
    elif kind == 3:
        made["valueInteger"] = chance.randint(0, 5)
    else:
        made["valueString"] = chance.choice(["positive", "negative", "Progression", "stage IV", "2", CANARY])
    return made


def _medication(chance: Chance, terminology: Terminology) -> Resource:
    kind = chance.choice(MEDICATIONS)
    made = {
        "resourceType": kind,
        "status": chance.choice(["completed", "active", "stopped", "not-done", "in-progress"]),
    }
    made["medicationCodeableConcept"] = _concept(chance, terminology, "drugs")
    start = _day(chance)
    made |= chance.choice([{"effectiveDateTime": start}, {"effectivePeriod": {"start": start, "end": _day(chance)}}])
    return made


def _procedure(chance: Chance, terminology: Terminology) -> Resource:
    made = {"resourceType": "Procedure", "status": chance.choice(["completed", "completed", "not-done", "in-progress"])}
    made |= {"code": _concept(chance, terminology, "procedures"), "performedDateTime": _day(chance)}
    if chance.random() < 0.5:
        made["bodySite"] = [_concept(chance, terminology, "body_sites")]
    return made


def _event(chance: Chance, terminology: Terminology) -> Resource:
    made = {"resourceType": "AdverseEvent", "actuality": "actual", "date": _day(chance)}
    made["event"] = _concept(chance, terminology, "complications")
    return made


# ---- damage


Place = tuple[Any, Any]
"""An object or a list, and a key of it."""
RUBBISH: tuple[Any, ...] = (
    None, True, False, 0, -1, 3.7, 10**30, 2**63, 1e308, "", " ", "unknown", CANARY, "\u0000", "\u202e", "#", "/",
    "a/b", "Patient/", "urn:uuid:", "urn:oid:1.2", "http://[", "//", "?", [], {}, [[]], [{}], [None], {"": None},
    {"coding": {}}, {"coding": [None]}, {"coding": [{"code": 7}]}, {"reference": 7}, {"reference": "#x"},
    {"start": "2026"}, {"value": "8", "unit": None}, {"value": 10**400}, {"extension": [{"url": 3}]}, "0000-01-01",
    "9999-12-31", "2026-13-40", "2026-02-30T99:99", "1e9", "\u0662\u0660\u0662\u0666-01-01", "Bundle", "Condition",
    "Patient", "OperationOutcome",
)  # fmt: skip


def _replace(chance: Chance, at: Place) -> None:
    at[0][at[1]] = copy.deepcopy(chance.choice(RUBBISH))


def _remove(_: Chance, at: Place) -> None:
    del at[0][at[1]]


def _wrap(chance: Chance, at: Place) -> None:
    value = at[0][at[1]]
    for _ in range(chance.choice([1, 1, 2, 5, 70])):
        value = [value] if chance.random() < 0.5 else {chance.choice(["coding", "extension", "x"]): value}
    at[0][at[1]] = value


def _unwrap(_: Chance, at: Place) -> None:
    value = at[0][at[1]]
    if isinstance(value, list) and value:
        at[0][at[1]] = value[0]
    elif isinstance(value, dict) and value:
        at[0][at[1]] = next(iter(value.values()))


def _rename(chance: Chance, at: Place) -> None:
    if isinstance(at[0], dict):
        name = chance.choice(
            [at[1].lower(), f"_{at[1]}", at[1] + "x", "extension", "modifierExtension", "value", "code"]
        )
        at[0][name] = at[0].pop(at[1])


def _twice(_: Chance, at: Place) -> None:
    if isinstance(at[0], list):
        at[0].append(copy.deepcopy(at[0][at[1]]))


def _garble(chance: Chance, at: Place) -> None:
    value = at[0][at[1]]
    if isinstance(value, str) and value:
        index = chance.randrange(len(value))
        at[0][at[1]] = value[:index] + chance.choice(["", "x", " ", "\u00e9", "0", "|", "/"]) + value[index + 1 :]
    elif isinstance(value, int | float):
        at[0][at[1]] = chance.choice([-value, value * 1000, value % 7, str(value)[:50], value + 2**64])


def _swap(chance: Chance, at: Place) -> None:
    """With a neighbour."""
    other = chance.choice(list(at[0].keys()) if isinstance(at[0], dict) else range(len(at[0])))
    at[0][at[1]], at[0][other] = at[0][other], at[0][at[1]]


DAMAGE: dict[str, Callable[[Chance, Place], None]] = {
    "replaced": _replace,
    "removed": _remove,
    "wrapped": _wrap,
    "unwrapped": _unwrap,
    "renamed": _rename,
    "twice": _twice,
    "garbled": _garble,
    "swapped": _swap,
}


def damaged(chance: Chance, sound: Any, counts: Counter) -> Any:
    """The same with some damage anywhere; what is given is not sound afterwards."""
    held = [sound]
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4, 9])):
        found = places(held)
        if not found or not held:
            break
        kind = chance.choice(list(DAMAGE))
        counts[f"damage: {kind}"] += 1
        DAMAGE[kind](chance, chance.choice(found))
    return held[0] if held else None


# ---- one case


def case(app: Flask, chance: Chance, counts: Counter) -> None:
    """Make a record, read it, and judge what was read."""
    library: Library = app.config["KNOWLEDGE"].library
    terminology = library.terminology
    resources = damaged(chance, record(chance, terminology), counts)
    resources = resources if isinstance(resources, list) else [resources]
    patient = PATIENT if chance.random() < 0.5 else None
    _keep_secrets(resources)
    found = extracted(library, resources, patient)
    counts["facts found"] += len(found.facts)
    counts["records with facts"] += bool(found.facts)
    sound(app, found, resources)
    if patient and chance.random() < 0.3:
        order = chance.sample(resources, len(resources))
        other = extracted(library, order, patient)
        holds(unordered(other.facts) == unordered(found.facts), "the order of the resources says nothing", (order,))
    if chance.random() < 0.5 and resources:
        index = chance.randrange(len(resources))
        less = extracted(library, resources[:index] + resources[index + 1 :], patient)
        without_one(terminology, (found, less), (resources, patient, index))
    if chance.random() < 0.05:
        _through_the_door(app, chance, (resources, patient), counts)


def extracted(library: Library, resources: list[Any], patient: str | None) -> Extraction:
    """Read resources for the shipped guideline."""
    return extract(read_record(library.terminology, resources, patient, TODAY), library.newest(GUIDELINE))


def _keep_secrets(value: Any) -> None:
    """Take the canary out of every place but names and free text, which are repeated nowhere."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        if key in FREE_TEXT:
            continue
        if isinstance(value[key], str):
            value[key] = value[key].replace(CANARY, "x")
        else:
            _keep_secrets(value[key])


def _through_the_door(app: Flask, chance: Chance, asked: tuple[list[Any], str | None], counts: Counter) -> None:
    """The same over HTTP, in each of its shapes, with damage around the resources too."""
    resources, patient = asked
    whole: Any = bundle(*resources)
    shape = chance.choice([whole, whole, resources, {"patient": patient, "bundle": whole}])
    shape = damaged(chance, copy.deepcopy(shape), counts)
    _keep_secrets(shape)
    text = written(shape)
    if chance.random() < 0.1:
        text = text.replace('"id"', chance.choice(['"id":1,"id"', '"\\ud800"', '"id":NaN,"id"']), 1)
    body = text.encode()
    kind = chance.choice(["application/json", "application/fhir+json"])
    status, headers, answer = call(app, "POST", DOOR, body, kind=kind)
    counts[str(status)] += 1
    holds(
        (status == 400) == (not readable(body)), "400 is for what cannot be read, and for nothing else", (status, body)
    )
    holds(CANARY.encode() not in answer, "no name and no free text is repeated", (answer, body))
    if status != 200:
        holds(status in {400, 422}, "a record is read, or refused with 400 or 422", (status, body))
        refused(status, headers, answer, body)
