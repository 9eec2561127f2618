"""Synthetic patients as FHIR R4, the little FHIR server that fills templates from them, and the context of each hook.

No real person: every name, date and number is made up.
"""

import copy
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

Resource = dict[str, Any]
PATIENT, ENCOUNTER, USER = "conf-p1", "conf-e1", "Practitioner/conf-u1"
SNOMED, LOINC, ICD10 = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10-cm"


def coded(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def of_patient(kind: str, name: str, **members: Any) -> Resource:
    return {"resourceType": kind, "id": name, "subject": {"reference": f"Patient/{PATIENT}"}, **members}


def condition(name: str, code: dict[str, Any], onset: str, **members: Any) -> Resource:
    return of_patient(
        "Condition",
        name,
        clinicalStatus=coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
        verificationStatus=coded(
            "http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"
        ),
        category=[
            coded("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item", "Problem List Item")
        ],
        code=code,
        onsetDateTime=onset,
        recordedDate=onset,
        **members,
    )


PERSON: Resource = {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1961-04-05"}
BREAST = condition("c1", coded(ICD10, "C50.911", "Malignant neoplasm of right female breast"), "2026-03-02")
BONE = condition("c2", coded(ICD10, "C79.51", "Secondary malignant neoplasm of bone"), "2026-03-20")
LIVER = condition("c3", coded(ICD10, "C78.7", "Secondary malignant neoplasm of liver"), "2026-03-20")
PACLITAXEL = of_patient(
    "MedicationAdministration",
    "m1",
    status="completed",
    medicationCodeableConcept=coded("http://www.nlm.nih.gov/research/umls/rxnorm", "56946", "paclitaxel"),
    effectiveDateTime="2026-04-10",
)
IMPROVED = of_patient(
    "Observation",
    "o1",
    status="final",
    code=coded(LOINC, "97509-4", "Cancer disease progression"),
    valueCodeableConcept=coded(SNOMED, "268910001", "Patient condition improved"),
    effectiveDateTime="2026-09-30",
)
BLEEDING = condition("c4", coded(SNOMED, "52297004", "Bleeding from breast"), "2026-10-20")
DIABETES = condition("c9", coded(SNOMED, "44054006", "Diabetes mellitus type 2"), "2018-12-30")

CHARTS: Mapping[str, tuple[Resource, ...]] = {
    "metastatic, responding": (PERSON, BREAST, BONE, LIVER, PACLITAXEL, IMPROVED),
    "metastatic, bleeding": (PERSON, BREAST, BONE, BLEEDING),
    "breast cancer, nothing more known": (PERSON, BREAST),
    "no breast cancer": (PERSON, DIABETES),
}
ONCOLOGICAL = "metastatic, responding"
OTHER = "no breast cancer"

MASTECTOMY = of_patient(
    "ServiceRequest", "s1", status="draft", intent="order", code=coded(SNOMED, "172043006", "Simple mastectomy")
)


def found(chart: tuple[Resource, ...], query: str) -> Resource | None:
    """What a FHIR server answers to a read or search; None where there is no such instance."""
    path, question, parameters = query.partition("?")
    kind, _, name = path.partition("/")
    if not question:
        return copy.deepcopy(next((one for one in chart if one["resourceType"] == kind and one["id"] == name), None))
    asked = dict(parse_qsl(parameters))
    hits = [one for one in chart if one["resourceType"] == kind and _matches(one, asked)]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(hits),
        **(
            {
                "entry": [
                    {"fullUrl": f"https://ehr.example/fhir/{kind}/{one['id']}", "resource": copy.deepcopy(one)}
                    for one in hits
                ]
            }
            if hits
            else {}
        ),
    }


def _matches(resource: Resource, asked: dict[str, str]) -> bool:
    for name, value in asked.items():
        if name in {"code", "category"} and not _has_code(resource.get(name), value):
            return False
        if name in {"patient", "subject"} and value.removeprefix("Patient/") != PATIENT:
            return False
    return True


def _has_code(concepts: Any, wanted: str) -> bool:
    listed = concepts if isinstance(concepts, list) else [concepts]
    codes = {(c.get("system"), c["code"]) for one in listed if one for c in one.get("coding", ())}
    for one in wanted.split(","):
        system, bar, code = one.rpartition("|")
        if any(code == c and (not bar or system == s) for s, c in codes):
            return True
    return False


def resolved(template: str, context: Mapping[str, Any]) -> str:
    """A template with its tokens replaced, as a client of 2.0.1 does it."""
    kind, _, name = str(context.get("userId", "")).partition("/")

    def value(token: re.Match[str]) -> str:
        word = token[1].strip()
        if word.startswith("context."):
            return str(context.get(word.removeprefix("context."), ""))
        return name if word == f"user{kind}Id" else ""

    return re.sub(r"\{\{(.*?)\}\}", value, template)


def prefetched(service: Mapping[str, Any], context: Mapping[str, Any], chart: tuple[Resource, ...]) -> dict[str, Any]:
    """Every template of a service run against a chart. A key without data is null."""
    return {key: found(chart, resolved(template, context)) for key, template in service.get("prefetch", {}).items()}


def context_of(hook: str) -> dict[str, Any]:
    """A right context of a hook that the checklist knows."""
    orders = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": copy.deepcopy(MASTECTOMY)}]}
    more = {
        "patient-view": {},
        "order-select": {"selections": ["ServiceRequest/s1"], "draftOrders": orders},
        "order-sign": {"draftOrders": orders},
    }
    return {"userId": USER, "patientId": PATIENT, "encounterId": ENCOUNTER, **more.get(hook, {})}


def body_of(service: Mapping[str, Any], chart: str = ONCOLOGICAL) -> dict[str, Any]:
    """A right request for a service."""
    context = context_of(service["hook"])
    return {
        "hook": service["hook"],
        "hookInstance": str(uuid.uuid4()),
        "context": context,
        "prefetch": prefetched(service, context, CHARTS[chart]),
    }


def required_keys(service: Mapping[str, Any]) -> dict[str, str]:
    """The prefetch keys without which there is no answer, by the type that each asks for."""
    kinds = {key: re.split(r"[/?]", template)[0] for key, template in service.get("prefetch", {}).items()}
    return {key: kind for key, kind in kinds.items() if kind in {"Patient", "Condition"}}
