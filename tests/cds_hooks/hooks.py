"""CDS Hooks bodies for the tests: calls, prefetched records, draft orders; and what every card must fulfil."""

import copy
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fhirkit
import jsonschema_rs
import pytest

from service.fhir.extract import Extraction, extract

PATIENT = "pat-1"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
SERVICES = {hook: f"mbc-primary-lrt-{hook}" for hook in ("patient-view", "order-select", "order-sign")}
SHARED = {hook: f"oncology-{hook}" for hook in SERVICES}
"""The services that ask all guidelines."""
ADDRESS = "/cds-services/"
SCHEMA = Path(__file__).parents[1] / "data" / "fhir_r4_service_request.schema.json"
SERVICE_REQUEST = jsonschema_rs.Draft6Validator(json.loads(SCHEMA.read_text()))
"""HL7's own schema of FHIR R4."""


EMERGENCY = {"complications": {"sepsis_signs": "present"}}
CANARY = "Rosalind-4711"
Ask = Callable[..., Any]
"""The fixture `hook`."""


def resource(kind: str, name: str, **members: Any) -> dict[str, Any]:
    """A resource of the patient."""
    return {"resourceType": kind, "id": name, "subject": {"reference": f"Patient/{PATIENT}"}, **members}


def concept(code: str, system: str = SNOMED, display: str = "as coded") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def bundle(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A searchset."""
    entries = [{"resource": each, "search": {"mode": "match"}} for each in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(resources), "entry": entries, **members}


def outcome(severity: str) -> dict[str, Any]:
    issue = {"severity": severity, "code": "processing", "details": {"text": "Resource request returns no results."}}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def no_results(severity: str = "warning") -> dict[str, Any]:
    """How Epic says that a search found nothing."""
    entry = {"resource": outcome(severity), "search": {"mode": "outcome"}}
    return {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": [entry]}


ADA = {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1969-03-02", "active": True}
DIABETES = resource("Condition", "cond-1", code=concept("44054006"), onsetDateTime="2018-12-30")
BREAST_CANCER = resource(
    "Condition",
    "cond-2",
    code=concept("C50.412", ICD10CM, "Malignant neoplasm of upper-outer quadrant of left female breast"),
    onsetDateTime="2026-01-10",
    clinicalStatus=concept("active", "http://terminology.hl7.org/CodeSystem/condition-clinical"),
)
M1 = resource(
    "Observation",
    "obs-1",
    status="final",
    code=concept("21907-1", "http://loinc.org"),
    valueCodeableConcept=concept("1229903009"),
    effectiveDateTime="2026-01-20",
)


def record(*resources: dict[str, Any], patient: dict[str, Any] | None = ADA) -> dict[str, Any]:
    """A whole prefetch: every key that discovery asks for."""
    by_key: dict[str, Any] = {"patient": patient}
    kinds = {
        "conditions": "Condition",
        "observations": "Observation",
        "procedures": "Procedure",
        "statements": "MedicationStatement",
        "administrations": "MedicationAdministration",
    }
    for key, kind in kinds.items():
        by_key[key] = bundle(*(each for each in resources if each["resourceType"] == kind))
    return by_key


def call(hook: str = "patient-view", prefetch: Any = None, **members: Any) -> dict[str, Any]:
    """A call; `context` adds to the context, anything else to the call."""
    context = {"userId": "Practitioner/abc", "patientId": PATIENT, **members.pop("context", {})}
    body = {"hook": hook, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context, **members}
    return copy.deepcopy(body | ({} if prefetch is None else {"prefetch": prefetch}))


def service_request(code: dict[str, Any], name: str = "order-1", **members: Any) -> dict[str, Any]:
    return resource("ServiceRequest", name, status="draft", intent="order", code=code, **members)


def orders(*drafts: dict[str, Any], select: bool = False) -> dict[str, Any]:
    """The context of an order hook; the Bundle has no type, as the public sandbox sends it."""
    found: dict[str, Any] = {
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}
    }
    if select:
        found["selections"] = [f"{each['resourceType']}/{each['id']}" for each in drafts]
    return found


MASTECTOMY = service_request(concept("428571003", display="Mastectomy of left breast (procedure)"))
RADIOTHERAPY = service_request(concept("33195004", display="External beam radiation therapy procedure (procedure)"))


def check_answer(body: dict[str, Any], max_cards: int = 1) -> list[dict[str, Any]]:
    """Check what holds for every answer; gives the cards."""
    assert set(body) == {"cards"}
    assert len(body["cards"]) <= max_cards
    assert not list(empty_members(body["cards"]))
    for card in body["cards"]:
        check_card(card)
    return body["cards"]


def check_card(card: dict[str, Any]) -> None:
    """CDS Hooks 2.0.1, and what Epic demands beyond it."""
    required = {"uuid", "summary", "indicator", "detail", "source", "overrideReasons"}
    optional = {"suggestions", "selectionBehavior", "links"}
    assert required <= set(card) <= required | optional
    assert uuid.UUID(card["uuid"]).version == 4
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in {"info", "warning", "critical"}
    assert "<" not in card["detail"].replace("\\<", "")
    assert card["source"]["url"].startswith("http")
    assert card["source"]["topic"]["code"].isalnum()
    assert ("suggestions" in card) == ("selectionBehavior" in card)
    for suggestion in card.get("suggestions", ()):
        assert set(suggestion) == {"label", "uuid", "actions"}, "nothing is selected beforehand"
        assert uuid.UUID(suggestion["uuid"])
        (action,) = suggestion["actions"]
        assert set(action) == {"type", "description", "resource"}
        assert action["type"] == "create"
        check_proposal(action["resource"])
    for coding in card["overrideReasons"]:
        assert set(coding) == {"code", "system", "display"}
    for link in card.get("links", ()):
        assert set(link) == {"label", "url", "type"}
        assert link["type"] == "absolute"
        assert link["url"].startswith("http")


def check_proposal(order: dict[str, Any]) -> None:
    """A ServiceRequest that is valid FHIR R4 and binds nobody."""
    assert order["resourceType"] == "ServiceRequest"
    assert (order["status"], order["intent"]) == ("draft", "proposal")
    assert order["subject"] == {"reference": f"Patient/{PATIENT}"}
    assert list(SERVICE_REQUEST.iter_errors(order)) == []
    assert fhirkit.validate(order) == []
    assert fhirkit.parse(json.dumps(order)).issues == []


def empty_members(value: Any, place: str = "") -> Any:
    """Places of null, "", [] and {}, which CDS Hooks forbids."""
    if value is None or value in ("", [], {}):
        if place:
            yield place
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from empty_members(below, f"{place}/{name}")
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from empty_members(below, f"{place}/{index}")


def found(monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], **members: Any) -> None:
    """Let the extraction find these facts, whatever is sent: for tests of what is made of them. Sides are as sent."""
    told = {"subject": True, "patient": PATIENT} | members

    def found_instead(*sent: Any, **options: Any) -> Extraction:
        return Extraction(facts=facts, sides=extract(*sent, **options).sides, **told)

    monkeypatch.setattr("service.fhir.evaluation.extract", found_instead)


def told(body: dict[str, Any]) -> str:
    """All that an OperationOutcome says."""
    return " ".join(f"{issue['details']['text']} {issue.get('diagnostics', '')}" for issue in body["issue"])
