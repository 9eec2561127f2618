"""CDS Hooks through the door: discovery, cards, and what is missing or failed and never "nothing to say"."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.knowledge.guideline import Guideline
from tests.api.asking import RESPONDER
from tests.cds_hooks.hooks import (
    ADA,
    ADDRESS,
    BREAST_CANCER,
    DIABETES,
    EMERGENCY,
    M1,
    MASTECTOMY,
    PATIENT,
    RADIOTHERAPY,
    SERVICES,
    SHARED,
    Ask,
    bundle,
    call,
    check_answer,
    concept,
    empty_members,
    found,
    no_results,
    orders,
    outcome,
    record,
    resource,
    told,
)

# ---- discovery


def test_discovery_lists_a_service_for_each_hook(client: FlaskClient) -> None:
    response = client.get("/cds-services")
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    services = response.get_json()["services"]
    assert [service["id"] for service in services] == [*SERVICES.values(), *SHARED.values()]
    for hook in SERVICES:
        assert [service["id"] for service in services if service["hook"] == hook] == [SERVICES[hook], SHARED[hook]]
    assert not list(empty_members(services))
    for service in services:
        assert re.fullmatch(r"[a-z0-9-]+", service["id"])
        assert {"title", "description", "usageRequirements", "prefetch"} <= set(service)
        assert service["version"] == "2.0.1"


def test_prefetch_templates_are_short_and_flat(client: FlaskClient) -> None:
    """Instance reads and searches by patient, code, _sort and _count; the only token is a context field."""
    for service in client.get("/cds-services").get_json()["services"]:
        for query in service["prefetch"].values():
            assert len(query) < 200
            assert re.findall(r"\{\{.*?\}\}", query) == ["{{context.patientId}}"]
            parameters = re.findall(r"[?&]([^=]+)=", query)
            assert set(parameters) <= {"patient", "code", "_sort", "_count"}


# ---- cards


def test_a_patient_without_breast_cancer_gets_no_card(hook: Ask) -> None:
    assert hook(call(prefetch={"patient": ADA, "conditions": bundle()})) == []


def test_a_survivor_and_a_patient_who_died_get_no_card(hook: Ask) -> None:
    over = BREAST_CANCER | {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    assert hook(call(prefetch=record(over))) == []
    assert len(hook(call("order-sign", record(over), context=orders(MASTECTOMY)))) == 1
    assert len(hook(call(prefetch=record(BREAST_CANCER)))) == 1
    died = record(BREAST_CANCER, patient=ADA | {"deceasedBoolean": True})
    assert hook(call(prefetch=died)) == []
    assert hook(call("order-sign", died, context=orders(MASTECTOMY))) == []


@pytest.mark.parametrize(
    "facts",
    [
        RESPONDER,
        {},
        EMERGENCY,
        {"metastatic_status": "M0"},
        RESPONDER | {"complications": {"ulceration": {"presence": "present", "grade": 3}, "odour": "present"}},
        RESPONDER | {"complications": {"bleeding": "present"}, "pregnant": True, "closure_possible": False},
        RESPONDER | {"primary_tumour": "resected"},
        RESPONDER | {"presentation": "recurrent"},
        RESPONDER | {"chemotherapy_response": "not_started", "pregnant": True, "visceral_crisis": True},
    ],
)
def test_every_card_keeps_the_rules(hook: Ask, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any]) -> None:
    found(monkeypatch, facts)
    assert len(hook(call(prefetch=record(BREAST_CANCER)))) == 1


def test_the_worked_cases_of_the_guideline_all_make_good_cards(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, guideline: Guideline
) -> None:
    """Each rule, with both kinds of order drafted."""
    rules = set()
    for case in guideline.cases:
        if case.refused or not isinstance(case.facts, dict):
            continue
        found(monkeypatch, case.facts)
        context = orders(MASTECTOMY, RADIOTHERAPY)
        (card,) = hook(call("order-sign", record(BREAST_CANCER), context=context))
        assert "draft order" in card["detail"]
        rules.add(case.rule)
    assert rules == set(guideline.rules)


def test_the_summary_is_the_title_of_the_rule_and_the_detail_says_why(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, guideline: Guideline
) -> None:
    found(
        monkeypatch,
        RESPONDER,
        provenance={"metastatic_status": {"resource": "Observation/obs-1", "date": "2026-01-20"}},
    )
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    assert card["summary"] == f"{guideline.rules['R16'].title}. Not known: response in the breast."
    assert card["indicator"] == "info"
    detail = card["detail"]
    assert "against, conditional, moderate, routine" in detail
    assert "https://doi.org/10.1016/S1470-2045%2815%2900135-7" in detail
    assert "2015" in detail
    assert "Metastatic status: M1 (Observation/obs-1, 2026-01-20)" in detail
    assert "await sign-off" in detail
    assert "not medical advice" in detail


def test_an_emergency_alone_is_critical(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, EMERGENCY)
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    assert card["indicator"] == "critical"
    assert "suggestions" not in card, "the pathway is not an order"
    found(monkeypatch, RESPONDER | {"complications": {"bleeding": {"presence": "present", "grade": 1}}})
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    assert card["indicator"] == "warning"


def test_a_removed_kind_is_named_in_the_summary_and_not_suggested(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Title and suggestion would else offer what is no option for the patient."""
    ulcer = RESPONDER | {"complications": {"ulceration": {"presence": "present", "grade": 3}}}
    found(monkeypatch, ulcer)
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    offered = {suggestion["label"] for suggestion in card["suggestions"]}
    assert "Ask for a radiation oncology opinion" in offered
    assert "Not an option" not in card["summary"]
    found(monkeypatch, ulcer | {"pregnant": True})
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    assert "radiotherapy" in card["summary"]
    assert "Not an option" in card["summary"]
    assert offered - {suggestion["label"] for suggestion in card["suggestions"]} == {
        "Ask for a radiation oncology opinion"
    }


def test_a_summary_is_never_cut(hook: Ask, monkeypatch: pytest.MonkeyPatch, guideline: Guideline) -> None:
    """What has no room is left to the detail, whole; the title, which has the negation, is always whole."""
    facts = RESPONDER | {"chemotherapy_response": "not_started", "pregnant": True, "visceral_crisis": True}
    found(monkeypatch, facts)
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    assert card["summary"].startswith(guideline.rules["R24"].title)
    assert "Pregnancy: joint oncology-obstetric board." in card["summary"]


def test_the_link_is_absolute_of_the_public_url_and_leads_to_the_answer(
    elsewhere: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, RESPONDER)
    client = elsewhere.test_client()
    response = client.post(f"{ADDRESS}{SERVICES['patient-view']}", json=call(prefetch=record(BREAST_CANCER)))
    (card,) = check_answer(response.get_json())
    (link,) = card["links"]
    assert link["url"].startswith("https://guideline.example/decisions/")
    assert card["source"]["url"].startswith("https://guideline.example/")
    page = client.get(link["url"].removeprefix("https://guideline.example"))
    assert page.status_code == 200


def test_every_card_and_suggestion_has_a_fresh_uuid(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, RESPONDER)
    cards = [hook(call(prefetch=record(BREAST_CANCER)))[0] for _ in range(5)]
    names = [card["uuid"] for card in cards] + [each["uuid"] for card in cards for each in card["suggestions"]]
    assert len(set(names)) == len(names) == 10
    for card in cards:
        del card["uuid"], card["suggestions"][0]["uuid"]
    assert all(card == cards[0] for card in cards), "topic and reasons are the same in every card"


def test_overdue_evidence_is_told_on_the_card(later: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, RESPONDER)
    response = later.test_client().post(
        f"{ADDRESS}{SERVICES['patient-view']}", json=call(prefetch=record(BREAST_CANCER))
    )
    (card,) = check_answer(response.get_json())
    assert "evidence was to be reviewed has passed (2027-05-30)" in card["detail"]


def test_what_the_record_says_is_no_markdown(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A display in the record must not become a link or HTML on the clinician's screen."""
    bad = "[click](http://evil.example) <img src=x> **no**\n# head"
    found(monkeypatch, RESPONDER, data_conflicts=[{"fact": "ecog", "values": ["1"], "resources": [bad], "detail": bad}])
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    text = card["detail"].replace("\u2060", "")
    assert "\\[click\\](http://evil.example) \\<img src=x\\> \\*\\*no\\*\\* \\# head" in text


AUTOLINK = re.compile(r"(?:https?|ftp)://|www\.|[\w.+-]+@[\w-]+\.|\w\.(?:example|com)\b", re.IGNORECASE)
"""What GitHub's Markdown (6.9, autolinks) and readers that know the ends of domains make a link of."""


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/a",
        "HTTPS://evil.example",
        "ftp://1.2.3.4",
        "www.evil.example",
        "WWW.evil.example",
        "evil.com",
        "a.b@evil.example",
        "mailto:a@evil.example",
    ],
)
def test_an_address_in_what_the_record_says_is_no_link(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Readers make links of bare addresses, which no backslash keeps them from: a joiner that is not seen does."""
    conflict = {"fact": "ecog", "values": ["1"], "resources": [address], "detail": f"ecog: see {address} for more"}
    provenance = {"metastatic_status": {"resource": f"Observation/{address}", "element": "x", "why": "x"}}
    found(monkeypatch, RESPONDER, data_conflicts=[conflict], provenance=provenance)
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    without_citations = re.sub(r"\]\(https?://[^)]*\)", "]", card["detail"])
    assert AUTOLINK.findall(without_citations) == []
    assert without_citations.replace("\u2060", "").count(address) == 2, "it is seen as it was sent"


def test_the_id_of_a_resource_is_no_link(hook: Ask) -> None:
    """FHIR lets an id be www.evil.example."""
    (card,) = hook(call(prefetch=record({**BREAST_CANCER, "id": "www.evil.example"}, {**M1, "id": "evil.com"})))
    assert {"www.evil.example", "evil.com"} & set(re.findall(r"\w+/([\w.]+)", card["detail"].replace("\u2060", "")))
    assert AUTOLINK.findall(re.sub(r"\]\(https?://[^)]*\)", "]", card["detail"])) == []


def test_what_was_not_used_is_counted(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = [{"resource": f"Observation/{n}", "reason": "free text"} for n in range(3)]
    found(monkeypatch, RESPONDER, ignored=ignored, other_patients=["Patient/other"])
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    assert "not used: 3." in card["detail"]
    assert "other patients that were not used: 1." in card["detail"]


# ---- uncertain, missing, failed


SUSPECTED = {**BREAST_CANCER, "verificationStatus": concept("unconfirmed", "condition-ver-status")}
IN_WORDS = resource("Condition", "cond-3", code={"text": "Ca. mammae links"})
RECEPTOR = resource("Observation", "obs-2", status="final", code=concept("16112-5", "http://loinc.org"))
LOCAL = resource(
    "Condition", "cond-4", code={"coding": [{"system": "urn:local", "code": "4711"}], "text": "Hypertension"}
)


@pytest.mark.parametrize("sent", [SUSPECTED, IN_WORDS, RECEPTOR])
def test_a_finding_without_a_sure_diagnosis_is_asked_about_and_not_passed_over(hook: Ask, sent: dict[str, Any]) -> None:
    (card,) = hook(call(prefetch=record(sent)))
    assert card["indicator"] == "info"
    assert "no advice is given" in card["summary"]
    assert "suggestions" not in card


@pytest.mark.parametrize("sent", [DIABETES, LOCAL])
def test_another_diagnosis_is_not_asked_about(hook: Ask, sent: dict[str, Any]) -> None:
    """Not even one whose code nobody here knows: else every patient would bring a card."""
    assert hook(call(prefetch=record(sent))) == []


def test_nothing_found_at_all_is_nothing_to_say(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, {}, subject=None)
    assert hook(call(prefetch=record())) == []


@pytest.mark.parametrize(
    ("prefetch", "named"),
    [
        (None, ["Patient", "Condition"]),
        ({}, ["Patient", "Condition"]),
        ({"conditions": bundle()}, ["Patient"]),
        ({"patient": ADA}, ["Condition"]),
        ({"patient": {**ADA, "id": "another"}, "conditions": bundle()}, ["Patient"]),
        ({"patient": ADA, "conditions": outcome("error")}, ["Condition"]),
        ({"patient": ADA, "conditions": outcome("fatal")}, ["Condition"]),
        ({"patient": ADA, "conditions": outcome("warning")}, ["Condition"]),
        ({"patient": ADA, "conditions": {"resourceType": "OperationOutcome"}}, ["Condition"]),
        ({"patient": ADA, "conditions": no_results("error")}, ["Condition"]),
        ({"patient": ADA, "conditions": bundle({"resourceType": "OperationOutcome"})}, ["Condition"]),
        ({"patient": ADA, "conditions": bundle({"resourceType": "OperationOutcome", "issue": [{}]})}, ["Condition"]),
        ({"patient": ADA, "conditions": {**bundle(), "entry": {}}}, ["Condition"]),
        ({"patient": ADA, "conditions": {"resourceType": "Bundle", "total": 7}}, ["Condition"]),
        ({"patient": ADA, "conditions": {}}, ["Condition"]),
        ({"patient": outcome("error"), "conditions": bundle()}, ["Patient"]),
        ({"patient": {"resourceType": "Practitioner", "id": PATIENT}, "conditions": bundle()}, ["Patient"]),
    ],
)
def test_a_missing_datum_is_412_that_names_it(hook: Ask, prefetch: Any, named: list[str]) -> None:
    """A failed query is not "no findings", an empty one is."""
    body = hook(call(prefetch=prefetch), 412)
    said = told(body)
    assert [name for name in ("Patient", "Condition") if f"({name})" in said] == named
    assert all(issue["code"] == "required" for issue in body["issue"])


@pytest.mark.parametrize(
    "prefetch",
    [
        {"patient": None, "conditions": None},
        dict.fromkeys(
            ["patient", "conditions", "observations", "staging", "procedures", "statements", "administrations"]
        ),
        {"patient": ADA, "conditions": bundle()},
        {"patient": ADA, "conditions": {"resourceType": "Bundle", "type": "searchset", "total": 0}},
        {"patient": ADA, "conditions": no_results()},
        {"patient": ADA, "conditions": no_results("information")},
        {"patient": bundle(ADA), "conditions": bundle()},
        {"user": ADA, "problems": bundle(DIABETES)},  # under any key
        {"-user": ADA, "conditions": bundle(), "list": [1], "number": 5},  # what nobody asked for may be anything
        {"patient": {"resourceType": "Practitioner", "id": "x"}, "toGreet": ADA, "conditions": bundle(DIABETES)},
    ],
)
def test_data_in_all_their_forms_are_answered(hook: Ask, prefetch: dict[str, Any]) -> None:
    assert hook(call(prefetch=prefetch)) == []


@pytest.mark.parametrize("key", ["patient", "conditions", "observations"])
@pytest.mark.parametrize("value", ["text", 5, True, [], [ADA]])
def test_a_prefetched_value_of_a_wrong_type_is_a_fault_of_the_client(hook: Ask, key: str, value: Any) -> None:
    body = hook(call(prefetch={"patient": ADA, "conditions": bundle(), key: value}), 400)
    assert f"/prefetch/{key}" in told(body)


def test_optional_data_that_are_missing_are_named_on_the_card(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, RESPONDER)
    prefetch = record(BREAST_CANCER)
    (card,) = hook(call(prefetch=prefetch))
    assert "Could not be read" not in card["detail"], "a whole search holds the narrower one"
    del prefetch["procedures"]
    prefetch["statements"] = outcome("error")
    prefetch["administrations"]["link"] = [{"relation": "next", "url": "https://fhir.example/r4?page=2"}]
    (card,) = hook(call(prefetch=prefetch))
    assert "procedures (Procedure): not sent" in card["detail"]
    assert "medication taken (MedicationStatement): the search failed" in card["detail"]
    assert "medication given (MedicationAdministration): only a part was sent" in card["detail"]


@pytest.mark.parametrize(
    "part",
    [
        {"link": [{"relation": "self", "url": "u"}, {"relation": "next", "url": "https://fhir.example/r4?page=2"}]},
        {"link": [{"relation": "next"}]},
        {"total": 40},
    ],
)
def test_a_part_of_the_diagnoses_shows_a_breast_cancer_but_not_that_there_is_none(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, part: dict[str, Any]
) -> None:
    prefetch = record(BREAST_CANCER)
    prefetch["conditions"] |= part
    found(monkeypatch, RESPONDER)
    (card,) = hook(call(prefetch=prefetch))
    assert "diagnoses (Condition): only a part was sent" in card["detail"]
    for unsure in (False, None):
        found(monkeypatch, {}, subject=unsure)
        assert "(Condition): partial" in told(hook(call(prefetch=prefetch), 412))


INCOMPLETE = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}
WITHHELD = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "suppressed"}]}


@pytest.mark.parametrize("said", [INCOMPLETE, WITHHELD])
def test_diagnoses_that_a_search_calls_incomplete_are_a_part(hook: Ask, said: dict[str, Any]) -> None:
    prefetch = record(DIABETES)
    prefetch["conditions"]["entry"].append({"resource": said, "search": {"mode": "outcome"}})
    assert "(Condition): partial" in told(hook(call(prefetch=prefetch), 412))
    prefetch = record(BREAST_CANCER)
    prefetch["conditions"]["entry"].append({"resource": said, "search": {"mode": "outcome"}})
    (card,) = hook(call(prefetch=prefetch))
    assert "diagnoses (Condition): only a part was sent" in card["detail"]


def test_a_query_that_was_refused_in_a_batch_has_failed(hook: Ask) -> None:
    prefetch = record(DIABETES)
    prefetch["conditions"]["entry"].append({"response": {"status": "403 Forbidden"}})
    assert "(Condition): failed" in told(hook(call(prefetch=prefetch), 412))


def test_an_incomplete_search_beside_the_diagnoses_brings_no_m0(hook: Ask) -> None:
    staged = M1 | {"valueCodeableConcept": concept("1229901006")}
    prefetch = record(BREAST_CANCER, staged)
    assert "Metastatic status: M0" in hook(call(prefetch=prefetch))[0]["detail"]
    prefetch["observations"]["total"] = 40
    assert "Metastatic status: M0" not in hook(call(prefetch=prefetch))[0]["detail"]


def test_a_diagnosis_that_names_its_patient_by_identifier_is_not_passed_over(hook: Ask) -> None:
    number = {"system": "https://hospital.example/mrn", "value": "4711"}
    named = BREAST_CANCER | {"subject": {"identifier": number}}
    for patient in (ADA | {"identifier": [number]}, ADA):
        (card,) = hook(call(prefetch=record(DIABETES, named, patient=patient)))
        assert card["indicator"] != "critical"


def test_of_a_diagnosis_in_two_items_the_newer_version_counts(hook: Ask) -> None:
    status = concept("refuted", "http://terminology.hl7.org/CodeSystem/condition-ver-status")
    refuted = BREAST_CANCER | {"meta": {"versionId": "2"}, "clinicalStatus": None, "verificationStatus": status}
    prefetch = record(BREAST_CANCER | {"meta": {"versionId": "1"}}) | {"problems": bundle(refuted)}
    assert hook(call(prefetch=prefetch)) == []


@pytest.mark.parametrize("prefetch", [None, {"conditions": bundle(BREAST_CANCER)}, {"conditions": outcome("error")}])
def test_an_emergency_is_shown_whatever_else_is_missing(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, prefetch: Any
) -> None:
    for sure in (True, None):
        found(monkeypatch, EMERGENCY, subject=sure)
        (card,) = hook(call(prefetch=prefetch))
        assert card["indicator"] == "critical"
        assert "the patient (Patient): not sent" in card["detail"]
