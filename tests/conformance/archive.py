"""Request bodies with the peculiarities of those that public clients were recorded to send; a folder of recorded ones.

The bodies here are our own: made-up patients, and of each client only what sets it apart.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from service.cli.hooks import complete
from tests.conformance.charts import DIABETES, LOINC, PERSON, SNOMED, coded
from tests.conformance.rules import HOOKS

Body = dict[str, Any]
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
PATIENT_ID = PERSON["id"]
GRANTED = {"access_token": "SAMPLE_TOKEN", "token_type": "Bearer", "expires_in": 300, "subject": "cds-service4"}
SUBJECT = {"reference": f"Patient/{PATIENT_ID}"}
DIET: Body = {"resourceType": "NutritionOrder", "id": "diet-1", "status": "draft", "patient": SUBJECT}
DRUG: Body = {"resourceType": "MedicationRequest", "id": "request-123", "status": "draft", "subject": SUBJECT}


def orders(*resources: Body, **members: Any) -> Body:
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources], **members}


def sent(hook: str, context: Body, **members: Any) -> Body:
    who = {"userId": "Practitioner/example", "patientId": PATIENT_ID}
    return {"hook": hook, "hookInstance": INSTANCE, "context": who | context, **members}


def bodies() -> Iterator[tuple[str, Body]]:
    """Name and body of each."""
    yield (
        "specification: a key that was not asked for",
        sent(
            "patient-view",
            {"encounterId": "89284"},
            fhirServer="http://hooks.example:9080",
            fhirAuthorization=GRANTED | {"scope": "user/Patient.read user/Observation.read"},
            prefetch={"patientToGreet": PERSON | {"active": True}},
        ),
    )
    no_patient = sent("patient-view", {}, extension={"com.example.timestamp": "2017-11-27T22:13:25Z"})
    del no_patient["context"]["patientId"]
    yield "specification: no patientId", no_patient
    yield (
        "ballot of 3.0: a page of orders, ids that are no FHIR ids",
        sent(
            "order-sign",
            {
                "userId": "PractitionerRole/123",
                "draftOrders": orders(DRUG | {"id": "draft\u2011rx\u20111"}, type="collection"),
            },
            prefetch={
                "orders": {
                    **orders(DRUG | {"id": "rx\u2011page\u20111"}, type="searchset"),
                    "total": 2,
                    "link": [{"relation": "next", "url": "https://ehr.example.org/fhir/MedicationRequest?_page=2"}],
                }
            },
        ),
    )
    yield (
        "sandbox: patient-view",
        sent(
            "patient-view",
            {},
            fhirServer="http://127.0.0.1:5101/fhir",
            prefetch={"patient": PERSON, "conditions": orders(DIABETES, type="searchset", total=1)},
        ),
    )
    yield (
        "sandbox: draftOrders without type, an order without intent and drug",
        sent(
            "order-select",
            {"selections": ["MedicationRequest/request-123"], "draftOrders": orders(DRUG)},
            prefetch={"patient": PERSON},
        ),
    )
    empty = {
        "resourceType": "ServiceRequest",
        "id": "example-request-id",
        "status": "draft",
        "intent": "plan",
        "code": {"coding": [{}]},
        "reasonCode": [],
        "subject": SUBJECT,
    }
    for hook in ("order-select", "order-sign"):
        yield (
            f"sandbox: an order with an empty coding, {hook}",
            sent(
                hook,
                {"selections": ["ServiceRequest/example-request-id"], "draftOrders": orders(empty)},
                prefetch={"patient": PERSON},
            ),
        )
    yield (
        "inferno: orders of another patient than the context's",
        sent(
            "order-select",
            {"patientId": "example", "selections": ["NutritionOrder/diet-1"], "draftOrders": orders(DIET, DRUG)},
            fhirServer="https://inferno.example/r4",
            fhirAuthorization=GRANTED | {"scope": "user/Patient.read"},
        ),
    )
    yield (
        "inferno: a hookInstance that is no UUID, a configuration, a bed",
        sent(
            "order-sign",
            {"draftOrders": orders({"resourceType": "DeviceRequest", "id": "e0250", "subject": SUBJECT}, DRUG)},
            extension={"davinci-crd.configuration": {"alt-drug": True}},
            prefetch={"patient": PERSON, "coverage": None},
        )
        | {"hookInstance": "d1577c69-dfbe-77ad-ba6d-3e05e953b2va"},
    )
    yield (
        "epic: a category that is no array, a requester without a reference",
        sent(
            "patient-view",
            {"userId": "PractitionerRole/eXyz"},
            fhirServer="https://epic.example/api/FHIR/R4",
            extension={"com.epic.cdshooks.request.bpa-trigger-action": "60"},
            prefetch={
                "patient": PERSON,
                "conditions": orders(DIABETES | {"category": DIABETES["category"][0]}, type="searchset"),
                "observations": orders(
                    {
                        "resourceType": "Observation",
                        "id": "o2",
                        "subject": SUBJECT,
                        "status": "final",
                        "code": coded(LOINC, "89247-1", "ECOG"),
                        "performer": [
                            {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]}
                        ],
                    }
                ),
            },
        )
        | {"hookInstance": "f8a4f6a0-8b4e-11ee-b9d1-0242ac120002"},
    )
    yield "hook library: patient-view", sent("patient-view", {"userId": "PractitionerRole/123"})
    both = {"selections": ["MedicationRequest/request-123"], "draftOrders": orders(DIET, DRUG, type="collection")}
    yield "hook library: order-select", sent("order-select", both)
    yield "hook library: order-sign", sent("order-sign", {"draftOrders": both["draftOrders"]})
    bed = coded(SNOMED, "183452005", "Emergency hospital admission")
    yield "a hook that is not served", sent("encounter-start", {"encounterId": "e1"}, extension={"com.example.x": bed})
    yield "a hook that nobody knows", sent("fancy-structure", {"list": [{"id": "123", "nested": [[1]]}]})


def recorded(folder: Path) -> Iterator[tuple[str, Body]]:
    """The recorded requests of a folder; a context alone becomes the request that its file is named after."""
    for file in sorted(folder.rglob("*.json")):
        body = complete(json.loads(file.read_text()), next((hook for hook in HOOKS if file.name.startswith(hook)), ""))
        if "feedback" not in body:
            yield str(file.relative_to(folder)), body
