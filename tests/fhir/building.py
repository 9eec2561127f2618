"""FHIR resources of invented patients, in the fewest words; every test says only what it is about."""

import datetime as dt
from typing import Any

TODAY = dt.date(2026, 11, 23)
SCT, LOINC, CM = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm"
ICD10, GM = "http://hl7.org/fhir/sid/icd-10", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
RXNORM, ATC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc"
NCIT, OLD = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "http://cancerstaging.org"
MEDDRA = "http://www.meddra.org"
US = {"reference": "Patient/us"}
BREAST, LEFT, RIGHT, CHEST_WALL = "76752008", "80248007", "73056007", "78904004"
IMPROVED, STABLE, WORSENED = "268910001", "359746009", "271299001"
CM0, CM1 = "1229901006", "1229903009"
GRADE = "http://hl7.org/fhir/us/ctcae/StructureDefinition/ctcae-grade"

Resource = dict[str, Any]


def days_ago(number: int) -> str:
    return (TODAY - dt.timedelta(days=number)).isoformat()


def concept(
    *codes: str | tuple[str, str] | tuple[str, str, str], system: str = SCT, text: str | None = None
) -> Resource:
    """A CodeableConcept: codes of the system, or (system, code) or (system, code, display)."""
    pairs = [(system, code) if isinstance(code, str) else code for code in codes]
    found: Resource = {"coding": [dict(zip(("system", "code", "display"), pair, strict=False)) for pair in pairs]}
    return found | ({"text": text} if text else {})


def us(**more: Any) -> Resource:
    return {"resourceType": "Patient", "id": "us", "gender": "female", "birthDate": "1970-05-01", **more}


def condition(
    code: Any, on: str | None = None, system: str = SCT, clinical: str | None = "active", **more: Any
) -> Resource:
    found: Resource = {
        "resourceType": "Condition",
        "id": f"c-{code if isinstance(code, str) else 'x'}-{on}",
        "subject": US,
        "code": concept(code, system=system) if isinstance(code, str) else code,
    }
    if clinical:
        found["clinicalStatus"] = concept(clinical, system="http://terminology.hl7.org/CodeSystem/condition-clinical")
    if on:
        found["onsetDateTime"] = on
    return found | more


def cancer(on: str | None = "2026-01-10", code: str = "C50.912", system: str = CM, **more: Any) -> Resource:
    """The primary: left breast, first diagnosed on 2026-01-10."""
    return condition(code, on, system, **{"id": "cancer", **more})


def observation(
    code: Any, value: Any, on: str | None = None, system: str = LOINC, status: str | None = "final", **more: Any
) -> Resource:
    """An Observation; a text is a SNOMED code, anything else the value of its type."""
    found: Resource = {
        "resourceType": "Observation",
        "id": f"o-{code if isinstance(code, str) else 'x'}-{on}-{status}",
        "subject": US,
        "code": concept(code, system=system) if isinstance(code, str) else code,
    }
    if status:
        found["status"] = status
    if on:
        found["effectiveDateTime"] = on
    if isinstance(value, bool):
        found["valueBoolean"] = value
    elif isinstance(value, int):
        found["valueInteger"] = value
    elif isinstance(value, str):
        found["valueCodeableConcept"] = concept(value)
    elif isinstance(value, dict):
        found["valueQuantity" if "value" in value else "valueCodeableConcept"] = value
    return found | more


def given(
    code: str, on: str | None, system: str = RXNORM, kind: str = "MedicationAdministration", **more: Any
) -> Resource:
    found: Resource = {
        "resourceType": kind,
        "id": f"m-{code}-{on}",
        "status": "completed",
        "subject": US,
        "medicationCodeableConcept": concept(code, system=system),
    }
    if on:
        found["effectiveDateTime"] = on
    return found | more


def procedure(code: str, on: str | None, site: str | None = None, status: str = "completed", **more: Any) -> Resource:
    found: Resource = {
        "resourceType": "Procedure",
        "id": f"p-{code}-{on}",
        "status": status,
        "subject": US,
        "code": concept(code),
    }
    if on:
        found["performedDateTime"] = on
    if site:
        found["bodySite"] = [concept(site)]
    return found | more


def bundle(*resources: Resource, **more: Any) -> Resource:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources], **more}


def reasons(extraction: Any, label: str = "") -> list[str]:
    """Why resources were not used; of one resource if it is named."""
    return [each["reason"] for each in extraction.ignored if label in each["resource"]]
