"""A guideline of another organ reads FHIR records: extraction, answers to a record, and CDS Hooks."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.knowledge.record_cases import RecordCase, read_record_cases
from tests.api.asking import contract, is_outcome, named
from tests.cds_hooks.hooks import PATIENT, call, check_answer, orders, service_request
from tests.conftest import RedisServer
from tests.other_organ.conftest import FOLDER, HOME, NOON, STOMACH, app_of

CASES = read_record_cases(FOLDER)
SUBJECT = {"true": True, "false": False, "unknown": "unknown"}
SHIPPED = "mbc-primary-lrt"
HOOKS = ("patient-view", "order-select", "order-sign")
KINDS = {
    "person": "Patient",
    "diseases": "Condition",
    "laboratory": "Observation",
    "operations": "Procedure",
    "medicines": "MedicationStatement",
}
"""Prefetch key -> type of resource, as the cards of this guideline ask for them."""

ICD10 = "http://hl7.org/fhir/sid/icd-10"
OPS = "http://fhir.de/CodeSystem/bfarm/ops"
GASTRECTOMY = service_request({"coding": [{"system": OPS, "code": "5-437"}]})
STENT = service_request({"text": "Gastric stent"})


def condition(name: str, code: str, since: str = "2026-04-01") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": ICD10, "code": code}]},
        "onsetDateTime": since,
        "subject": {"reference": f"Patient/{PATIENT}"},
    }


def examined(name: str, meddra: str) -> dict[str, Any]:
    """An examination that did not find one of the troubles."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://www.meddra.org", "code": meddra}]},
        "valueInteger": 0,
        "effectiveDateTime": "2026-05-08",
        "subject": {"reference": f"Patient/{PATIENT}"},
    }


PERSON = {"resourceType": "Patient", "id": PATIENT}
QUIET = [examined("blood", "10017789"), examined("hole", "10017815"), examined("outlet", "10029957")]
CANCER = condition("cancer", "C16.3", "2026-03-20")
STAGED = {
    "resourceType": "Observation",
    "id": "staged",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "21907-1"}]},
    "valueCodeableConcept": {"text": "M0"},
    "effectiveDateTime": "2026-05-08",
    "subject": {"reference": f"Patient/{PATIENT}"},
}
CONTAINED = [PERSON, CANCER, STAGED, *QUIET]
SPREAD = [PERSON, CANCER, condition("liver", "C78.7"), *QUIET]
PERFORATED = [PERSON, CANCER, condition("hole", "K25.5", "2026-05-09")]


# ---- extraction


def extracted(client: FlaskClient, resources: object) -> dict[str, Any]:
    response = client.post(f"{HOME}/facts/extract", json=resources)
    assert response.status_code == 200, response.get_data(as_text=True)
    body: dict[str, Any] = response.get_json()
    return body


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_worked_record_is_read_as_written(stomach: FlaskClient, case: RecordCase) -> None:
    assert case.today == NOON.date()
    found = extracted(stomach, case.resources)
    assert found["facts"] == case.expect["facts"]
    assert found["subjects"][STOMACH] == SUBJECT[case.expect["subject"]]
    told = json.dumps(found["ignored"]), json.dumps(found["data_conflicts"])
    assert [part for part in case.expect["ignored_contain"] if part not in told[0]] == []
    assert [part for part in case.expect["data_conflicts"] if part not in told[1]] == []
    assert [path for path in found["facts"] if not any(name.startswith(path) for name in found["provenance"])] == []


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_read_is_a_body_that_is_answered(stomach: FlaskClient, case: RecordCase) -> None:
    response = stomach.post(f"{HOME}/recommendations", json=extracted(stomach, case.resources)["facts"])
    assert response.status_code == 200, response.get_data(as_text=True)


def test_alone_it_is_the_one_that_extraction_without_an_id_reads_for(alone: Flask) -> None:
    client = alone.test_client()
    response = client.post("/v1/facts/extract", json=SPREAD)
    assert response.get_json()["facts"] == extracted(client, SPREAD)["facts"]
    assert response.get_json()["subjects"] == {STOMACH: True}


def test_no_reason_or_conflict_names_the_organ_of_another_guideline(stomach: FlaskClient) -> None:
    for case in CASES:
        assert "breast" not in json.dumps(extracted(stomach, case.resources)).lower()


# ---- every answer to a record


def answers(app: Flask, resources: object) -> dict[str, Any]:
    data = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]})
    response = app.test_client().post("/v1/records/recommendations", data=data, content_type="application/fhir+json")
    assert response.status_code == 200, response.get_data(as_text=True)
    body: dict[str, Any] = response.get_json()
    return body


def test_a_record_of_this_cancer_is_answered_by_this_guideline_alone(beside: Flask) -> None:
    found = answers(beside, SPREAD)
    assert found["subjects"] == {STOMACH: True, SHIPPED: False}
    (answer,) = found["answers"]
    assert answer["guideline"] == STOMACH
    assert answer["answer"]["recommendations"][0]["rule"] == "S4"


def test_a_record_of_both_cancers_is_answered_by_both_and_the_more_urgent_one_first(beside: Flask) -> None:
    both = [*PERFORATED, condition("other", "C50.9")]
    found = answers(beside, both)
    assert found["subjects"] == {STOMACH: True, SHIPPED: True}
    assert [answer["guideline"] for answer in found["answers"]] == [STOMACH, SHIPPED]
    assert found["answers"][0]["answer"]["recommendations"][0]["code"] == "TOY_EMERGENCY"


def test_a_record_of_neither_is_answered_by_none(beside: Flask) -> None:
    found = answers(beside, [PERSON, condition("sugar", "E11.9")])
    assert (found["subjects"], found["answers"]) == ({STOMACH: False, SHIPPED: False}, [])


UNKNOWN = condition("somewhere", "C80.9")
SEPSIS = {
    **condition("sepsis", "A41.9", "2026-05-09"),
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "A41.9"}]},
}


@pytest.mark.parametrize(
    ("emergency", "guideline"),
    [(SEPSIS, SHIPPED), (condition("hole", "K25.5", "2026-05-09"), STOMACH)],
    ids=["of both: the default answers", "of this one alone"],
)
def test_an_emergency_of_an_unknown_cancer_is_answered_once(
    beside: Flask, emergency: dict[str, Any], guideline: str
) -> None:
    found = answers(beside, [PERSON, UNKNOWN, emergency])
    assert found["subjects"] == {STOMACH: "unknown", SHIPPED: "unknown"}
    (answer,) = found["answers"]
    assert answer["guideline"] == guideline
    assert answer["answer"]["recommendations"][0]["urgency"] == "emergency"
    assert "not known" in answer["remark"]


@pytest.mark.parametrize("name", ["beside", "alone"])
def test_what_is_read_and_answered_keeps_the_contract(request: pytest.FixtureRequest, name: str) -> None:
    app = request.getfixturevalue(name)
    document = contract(app)
    for resources in (CONTAINED, SPREAD, PERFORATED, [PERSON, UNKNOWN, SEPSIS]):
        named(document, "Extraction").validate(extracted(app.test_client(), resources))
        named(document, "RecordAnswers").validate(answers(app, resources))
    assert {f"{HOME}/facts/extract", "/v1/guidelines/{guideline}/facts/extract"} & document["paths"].keys()


def test_alone_it_answers_alone(alone: Flask) -> None:
    found = answers(alone, CONTAINED)
    assert found["subjects"] == {STOMACH: True}
    assert [answer["answer"]["recommendations"][0]["rule"] for answer in found["answers"]] == ["S3"]


# ---- CDS Hooks


def prefetched(resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a record by the prefetch keys of this guideline."""
    by_key: dict[str, Any] = {}
    for key, kind in KINDS.items():
        entries = [{"resource": dict(each)} for each in resources if each["resourceType"] == kind]
        by_key[key] = (
            entries[0]["resource"]
            if kind == "Patient"
            else {"resourceType": "Bundle", "type": "searchset", "entry": entries}
        )
    return by_key


def cards(client: FlaskClient, hook: str, resources: list[dict[str, Any]], **context: Any) -> list[dict[str, Any]]:
    body = call(hook, prefetched(resources), context=context)
    response = client.post(f"/cds-services/{STOMACH}-{hook}", json=body)
    assert response.status_code == 200, response.get_data(as_text=True)
    return check_answer(response.get_json())


def test_its_services_are_listed_with_its_own_prefetch(stomach: FlaskClient) -> None:
    services = {service["id"]: service for service in stomach.get("/cds-services").get_json()["services"]}
    for hook in HOOKS:
        service = services[f"{STOMACH}-{hook}"]
        assert service["hook"] == hook
        assert set(service["prefetch"]) == set(KINDS)


@pytest.mark.parametrize(
    ("resources", "summary", "indicator"),
    [
        (CONTAINED, "Remove the stomach", "info"),
        (SPREAD, "Leave the stomach in place", "info"),
        (PERFORATED, "Use the emergency pathway of the stomach", "critical"),
        ([PERSON, CANCER, condition("outlet", "K31.1")], "Open the outlet of the stomach today", "warning"),
        ([PERSON, CANCER], "Ask about blood, pain and food first", "info"),
        ([PERSON, condition("somewhere", "C80.9")], "Is this a stomach cancer?", "info"),
    ],
)
def test_a_chart_is_answered_with_its_card(
    stomach: FlaskClient, resources: list[dict[str, Any]], summary: str, indicator: str
) -> None:
    (card,) = cards(stomach, "patient-view", resources)
    assert card["summary"].startswith(summary)
    assert card["indicator"] == indicator
    assert card["source"]["label"] == "Toy stomach service"
    assert card["source"]["topic"]["code"] == "toystomach"
    assert "breast" not in json.dumps(card).lower()


@pytest.mark.parametrize("code", ["E11.9", "C18.2", "D00.2"])
def test_other_charts_bring_no_card(stomach: FlaskClient, code: str) -> None:
    assert cards(stomach, "patient-view", [PERSON, condition("other", code)]) == []


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
@pytest.mark.parametrize(
    ("resources", "draft", "told"),
    [
        (CONTAINED, GASTRECTOMY, "The drafted removal of the stomach fits this advice."),
        (SPREAD, GASTRECTOMY, "The drafted removal of the stomach differs from this advice."),
        (SPREAD, STENT, "The drafted stent of the stomach is among the options."),
        (PERFORATED, GASTRECTOMY, "An emergency comes before the drafted removal of the stomach."),
    ],
)
def test_a_draft_is_compared_with_its_advice(
    stomach: FlaskClient, hook: str, resources: list[dict[str, Any]], draft: dict[str, Any], told: str
) -> None:
    (card,) = cards(stomach, hook, resources, **orders(draft, select=hook == "order-select"))
    assert told in card["detail"]
    assert card["summary"].startswith("Differs: ") == ("differs" in told)


def test_another_order_brings_no_card(stomach: FlaskClient) -> None:
    assert cards(stomach, "order-sign", SPREAD, **orders(service_request({"text": "Bone scan"}))) == []


def test_without_the_diseases_no_card_is_made(stomach: FlaskClient) -> None:
    body = call("patient-view", {"person": PERSON})
    outcome = is_outcome(stomach.post(f"/cds-services/{STOMACH}-patient-view", json=body), 412)
    assert "diseases (Condition)" in json.dumps(outcome)


def test_the_services_that_ask_all_guidelines_answer_with_its_card(beside: Flask) -> None:
    client = beside.test_client()
    services = {service["id"]: service for service in client.get("/cds-services").get_json()["services"]}
    service = services["oncology-patient-view"]
    prefetch = {
        key: prefetched(SPREAD)[next(name for name, kind in KINDS.items() if query.startswith(kind))]
        for key, query in service["prefetch"].items()
        if any(query.startswith(kind) for kind in KINDS.values())
    }
    response = client.post("/cds-services/oncology-patient-view", json=call("patient-view", prefetch))
    assert response.status_code == 200, response.get_data(as_text=True)
    (card,) = response.get_json()["cards"]
    assert card["summary"].startswith("Leave the stomach in place")


def test_the_services_of_the_shipped_guideline_say_nothing_of_this_cancer(beside: Flask) -> None:
    prefetch = {
        "patient": PERSON,
        "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": CANCER}]},
    }
    response = beside.test_client().post(f"/cds-services/{SHIPPED}-patient-view", json=call("patient-view", prefetch))
    assert response.get_json() == {"cards": []}


def test_a_card_of_it_takes_feedback_with_its_own_reasons(both: Path, redis_server: RedisServer) -> None:
    client = app_of(both, redis_state_url=redis_server.url, service_secret="x" * 40).test_client()
    (card,) = cards(client, "patient-view", SPREAD)
    assert [reason["code"] for reason in card["overrideReasons"]] == ["toy-reason", "not-now"]
    outcome = {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": card["overrideReasons"][0]},
        "outcomeTimestamp": "2026-05-10T12:00:00Z",
    }
    response = client.post(f"/cds-services/{STOMACH}-patient-view/feedback", json={"feedback": [outcome]})
    assert response.status_code == 200, response.get_data(as_text=True)
    rules = client.get("/v1/feedback/summary").get_json()["rules"]
    assert [(rule["guideline"], rule["rule"]) for rule in rules] == [(STOMACH, "S4")]
