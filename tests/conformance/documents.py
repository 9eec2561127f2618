"""Documents that keep every rule of CDS Hooks 2.0.1, and a way to spoil one."""

import copy
from typing import Any

DELETED = object()

DISCOVERY: dict[str, Any] = {
    "services": [
        {
            "hook": "patient-view",
            "title": "Local treatment",
            "description": "Says what the evidence says.",
            "id": "local-treatment",
            "version": "2.0.1",
            "usageRequirements": "Adults.",
            "prefetch": {
                "patient": "Patient/{{context.patientId}}",
                "user": "Practitioner/{{userPractitionerId}}",
                "conditions": "Condition?patient={{context.patientId}}&code:in=http://example.org/vs&_count=100",
                "recent": "Observation?patient={{context.patientId}}&date=ge2025-01-01&_sort=-date&_id=a",
            },
            "extension": {"com.example.note": "any value"},
        },
        {"hook": "order-sign", "title": "On signing", "description": "The same.", "id": "local-treatment"},
    ]
}
REQUEST: dict[str, Any] = {
    "hook": "order-select",
    "hookInstance": "d07c991e-6687-11ee-a470-5325eb19c0cf",
    "fhirServer": "https://ehr.example/fhir",
    "fhirAuthorization": {
        "access_token": "opaque",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/Patient.read",
        "subject": "service",
        "patient": "p1",
    },
    "context": {
        "userId": "PractitionerRole/r1",
        "patientId": "p1",
        "encounterId": "e1",
        "selections": ["ServiceRequest/s1"],
        "draftOrders": {
            "resourceType": "Bundle",
            "entry": [{"resource": {"resourceType": "ServiceRequest", "id": "s1", "status": "draft"}}],
        },
    },
    "prefetch": {"patient": {"resourceType": "Patient", "id": "p1"}, "conditions": None},
    "extension": {"com.epic.cdshooks.request.fhir-version": "R4"},
}
CONTEXTS: dict[str, dict[str, Any]] = {
    "patient-view": {"userId": "Patient/p1", "patientId": "p1"},
    "order-sign": {"userId": "Practitioner/u", "patientId": "p1", "draftOrders": {"resourceType": "Bundle"}},
    "order-dispatch": {"patientId": "p1", "dispatchedOrders": ["ServiceRequest/s1"], "performer": "Organization/o"},
    "encounter-start": {"userId": "Practitioner/u", "patientId": "p1", "encounterId": "e1"},
    "appointment-book": {"userId": "RelatedPerson/u", "patientId": "p1", "appointments": {"resourceType": "Bundle"}},
    "problem-list-item-create": {
        "userId": "Practitioner/u",
        "patientId": "p1",
        "conditions": {"resourceType": "Bundle"},
    },
    "allergyintolerance-create": {
        "userId": "Practitioner/u",
        "patientId": "p1",
        "allergyIntolerance": {"resourceType": "AllergyIntolerance"},
    },
    "medication-refill": {"patientId": "p1", "medications": {"resourceType": "Bundle"}},
}
RESPONSE: dict[str, Any] = {
    "cards": [
        {
            "uuid": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
            "summary": "s" * 139,
            "detail": "**Why** and 3 < 4.",
            "indicator": "warning",
            "source": {
                "label": "A guideline",
                "url": "https://guideline.example/",
                "icon": "https://guideline.example/icon.png",
                "topic": {"code": "lrt", "system": "https://guideline.example/topics"},
            },
            "suggestions": [
                {
                    "label": "Refer",
                    "uuid": "e56e1945-20b3-4393-8503-a1a20fd73152",
                    "isRecommended": True,
                    "actions": [
                        {
                            "type": "create",
                            "description": "Refer to the tumour board",
                            "resource": {"resourceType": "ServiceRequest", "intent": "proposal"},
                        }
                    ],
                },
                {
                    "label": "Take back",
                    "uuid": "324ee2be-1153-4e2b-824b-fcdea4e8a18b",
                    "isRecommended": True,
                    "actionSelectionBehavior": "all",
                    "actions": [
                        {"type": "delete", "description": "Take the order back", "resourceId": "ServiceRequest/s1"},
                        {
                            "type": "update",
                            "description": "Change the order",
                            "resource": {"resourceType": "ServiceRequest", "id": "s2"},
                        },
                    ],
                },
            ],
            "selectionBehavior": "any",
            "overrideReasons": [
                {"code": "declined", "system": "https://guideline.example/reasons", "display": "Patient declined"}
            ],
            "links": [
                {"label": "The decision", "url": "https://guideline.example/decisions/1", "type": "absolute"},
                {
                    "label": "App",
                    "url": "https://app.example/launch",
                    "type": "smart",
                    "appContext": "x",
                    "autolaunchable": True,
                },
            ],
        }
    ],
    "systemActions": [
        {"type": "update", "description": "Note", "resource": {"resourceType": "ServiceRequest", "id": "s1"}}
    ],
    "extension": {"com.example.x": "y"},
}
OUTCOME: dict[str, Any] = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "required", "diagnostics": "hook is missing."}],
}
FEEDBACK: dict[str, Any] = {
    "feedback": [
        {
            "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}],
            "outcomeTimestamp": "2026-11-23T10:05:31.5Z",
        },
        {
            "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": "declined", "system": "https://x.example"}, "userComment": "No."},
            "outcomeTimestamp": "2026-11-23T10:06:31+00:00",
        },
    ]
}
MINIMAL_DISCOVERY = {"services": [{"hook": "some-hook", "title": "T", "description": "D.", "id": "x"}]}
MINIMAL_REQUEST = {"hook": "patient-view", "hookInstance": REQUEST["hookInstance"], "context": CONTEXTS["patient-view"]}
MINIMAL_RESPONSE: dict[str, Any] = {
    "cards": [
        {"summary": "s", "indicator": "info", "source": {"label": "l"}},
        {
            "summary": "s",
            "indicator": "critical",
            "source": {"label": "l", "topic": {"code": "c", "system": "s"}},
            "suggestions": [{"label": "l", "isRecommended": True}, {"label": "m"}],
            "selectionBehavior": "at-most-one",
            "links": [{"label": "l", "url": "http://x.example", "type": "smart"}],
        },
    ]
}
MINIMAL_OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "fatal", "code": "exception", "details": {"text": "Broken."}}],
}
MINIMAL_FEEDBACK: dict[str, Any] = {
    "feedback": [
        {"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-11-23T10:05:31Z", **more}
        for more in (
            {},
            {"overrideReason": {"userComment": "x"}},
            {"overrideReason": {"reason": {"code": "c", "system": "s"}}},
        )
    ]
}


def spoilt(document: Any, pointer: str, value: Any = DELETED) -> Any:
    """The document with another value at a pointer, or without what is there."""
    if not pointer:
        return value
    copied = copy.deepcopy(document)
    *way, last = pointer[1:].split("/")
    holder = copied
    for step in way:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    if isinstance(holder, list):
        holder[int(last)] = value
    elif value is DELETED:
        del holder[last]
    else:
        holder[last] = value
    return copied
