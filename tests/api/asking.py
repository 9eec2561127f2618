"""What the tests of the HTTP layer share: bodies, how to send them, and the one shape of a problem."""

import copy
import json
from typing import Any

import fhirkit
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

ONE = "/v1/recommendations"
BATCH = "/v1/recommendations/batch"
JSON, NDJSON, PROBLEM = "application/json", "application/x-ndjson", "application/problem+json"

RESPONDER = {
    "metastatic_status": "M1",
    "presentation": "de_novo",
    "metastatic_extent": "polymetastatic",
    "primary_tumour": "in_situ",
    "chemotherapy_response": "PR",
    "complications": "none",
}
THREE_PLAIN_FACTS = {"metastatic_status": "metastatic", "chemotherapy_response": "responded", "complications": "none"}
STABLE_BLEEDING = {"grade": 1, "haemodynamically_unstable": False, "controlled_by_pressure": True}
SEPSIS = {"complications": ["sepsis_signs"]}

BODIES: dict[str, dict[str, Any]] = {
    "nothing known": {},
    "the trial's responder": RESPONDER,
    "three plain facts": THREE_PLAIN_FACTS,
    "stable bleeding": RESPONDER | {"complications": {"bleeding": STABLE_BLEEDING}},
    "bleeding of unknown grade": RESPONDER | {"complications": ["bleeding"]},
    "an emergency": SEPSIS,
    "an emergency among contradictions": SEPSIS | {"metastatic_status": "M0", "presentation": "de_novo"},
    "an emergency beside rubbish": SEPSIS | {"age_years": "forty", "hat": 7},
    "no metastasis": {"metastatic_status": "M0"},
    "recurrent": {"metastatic_status": "recurrent_metastatic", "complications": "none"},
    "origin unknown": {"metastatic_status": "M1", "complications": "none"},
    "no primary to treat": RESPONDER | {"primary_tumour": "resected"},
    "distant complete response": RESPONDER | {"chemotherapy_response": {"primary": "PR", "distant": "CR"}},
    "an empty list": RESPONDER | {"complications": []},
    "dated": RESPONDER
    | {"as_of": "2026-11-01", "chemotherapy_response": {"overall": "PR", "assessed_on": "2026-10-01", "method": "ct"}},
    "modified": RESPONDER
    | {
        "age_years": 71,
        "ecog": 3,
        "sex": "male",
        "er_status": "positive",
        "her2_status": "low",
        "platelets_10e9_per_l": 49.5,
        "patient_preference": "requests_local_treatment",
        "closure_possible": False,
        "systemic_therapy": "endocrine",
    },
}


def send(client: FlaskClient, body: Any, path: str = ONE, content_type: str = JSON, **headers: str) -> TestResponse:
    """POST a body: text and bytes as they are, anything else as JSON. `X_Request_ID` becomes X-Request-ID."""
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data=data, content_type=content_type, headers=named)


def is_problem(response: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    """Check that the answer is a problem of the one shape (on CDS Hooks routes an OperationOutcome); gives its body."""
    if f"{response.request.path}/".startswith("/cds-services/"):
        return is_outcome(response, status)
    text = response.get_data(as_text=True)
    assert response.status_code == status, text[:500]
    assert response.mimetype == PROBLEM, text[:500]
    assert response.headers["Cache-Control"] == "no-store"
    problem = json.loads(text)
    return is_problem_body(problem, status, code)


def is_outcome(response: TestResponse, status: int) -> dict[str, Any]:
    """Check that the answer is a valid OperationOutcome with a readable text; gives its body."""
    text = response.get_data(as_text=True)
    assert response.status_code == status, text[:500]
    assert response.mimetype == JSON, text[:500]
    assert response.headers["Cache-Control"] == "no-store"
    outcome: dict[str, Any] = json.loads(text)
    assert outcome["resourceType"] == "OperationOutcome"
    assert fhirkit.validate(outcome) == []
    assert all(issue["severity"] == "error" and issue["details"]["text"] for issue in outcome["issue"])
    return outcome


def is_problem_body(problem: dict[str, Any], status: int, code: str | None = None) -> dict[str, Any]:
    """Check the members of a problem."""
    assert set(problem) - {"urgent"} == {"type", "title", "status", "detail", "instance", "errors"}
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert code is None or problem["type"] == f"/problems/{code}"
    assert all(isinstance(problem[name], str) and problem[name] for name in ("title", "detail", "instance"))
    for error in problem["errors"]:
        assert set(error) - {"rule"} == {"pointer", "code", "detail"}
        assert error["pointer"] == "" or error["pointer"].startswith("/")
        assert error["code"]
        assert error["detail"]
    return problem


def faults(problem: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The errors of a problem by their pointers."""
    return {error["pointer"]: error for error in problem["errors"]}


def contract(app: Flask) -> dict[str, Any]:
    """The served OpenAPI document."""
    response = app.test_client().get("/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.get_json()
    return found


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Validates against a schema of the document, and refuses members that the document does not name."""
    components = copy.deepcopy(document["components"])
    for component in components["schemas"].values():
        if "properties" in component:
            component["additionalProperties"] = False
    return Draft202012Validator({**schema, "components": components})


def named(document: dict[str, Any], name: str) -> Draft202012Validator:
    """Validates against one schema of the document."""
    return validator(document, {"$ref": f"#/components/schemas/{name}"})
