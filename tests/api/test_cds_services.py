"""CDS Hooks through the door: discovery, calls, cards, and errors that are never "nothing to say"."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from service.knowledge.guideline import Guideline
from tests.api.asking import RESPONDER, is_outcome
from tests.ehr.hooks import (
    ADA,
    ADDRESS,
    BREAST_CANCER,
    DIABETES,
    MASTECTOMY,
    PATIENT,
    RADIOTHERAPY,
    SERVICES,
    bundle,
    call,
    check_answer,
    check_card,
    concept,
    empty_members,
    found,
    no_results,
    orders,
    outcome,
    record,
    resource,
    service_request,
)

EMERGENCY = {"complications": {"sepsis_signs": "present"}}
CANARY = "Rosalind-4711"
Ask = Callable[..., Any]


@pytest.fixture
def hook(client: FlaskClient) -> Ask:
    """POST a call; gives its cards, or with a status the OperationOutcome."""

    def post(body: Any, status: int = 200, service: str | None = None, **options: Any) -> Any:
        name = service or SERVICES.get(body.get("hook", "") if isinstance(body, dict) else "", SERVICES["patient-view"])
        sent = {"content_type": "application/json"} | options
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        response = client.post(f"{ADDRESS}{name}", data=data, **sent)
        if status != 200:
            return is_outcome(response, status)
        assert response.status_code == 200, response.get_data(as_text=True)
        assert response.mimetype == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        return check_answer(response.get_json())

    return post


def told(body: dict[str, Any]) -> str:
    """All that an OperationOutcome says."""
    return " ".join(f"{issue['details']['text']} {issue.get('diagnostics', '')}" for issue in body["issue"])


# ---- discovery


def test_discovery_lists_a_service_for_each_hook(client: FlaskClient) -> None:
    response = client.get("/cds-services")
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    services = response.get_json()["services"]
    assert {service["hook"]: service["id"] for service in services} == SERVICES
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
    assert card["summary"] == guideline.rules["R16"].title
    assert card["indicator"] == "info"
    detail = card["detail"]
    assert "against, conditional, moderate, routine" in detail
    assert "https://doi.org/10.1016/S1470-2045%2815%2900135-7" in detail
    assert "2015" in detail
    assert "metastatic\\_status: M1 (Observation/obs-1, 2026-01-20)" in detail
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
    assert "Pregnancy: joint oncology-obstetric board first." in card["summary"]


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
    assert "evidence was to be reviewed has passed (2027-05-23)" in card["detail"]


def test_what_the_record_says_is_no_markdown(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A display in the record must not become a link or HTML on the clinician's screen."""
    bad = "[click](http://evil.example) <img src=x> **no**\n# head"
    found(monkeypatch, RESPONDER, data_conflicts=[{"fact": "ecog", "values": ["1"], "resources": [bad], "detail": bad}])
    (card,) = hook(call(prefetch=record(BREAST_CANCER)))
    assert "\\[click\\](http://evil.example) \\<img src=x\\> \\*\\*no\\*\\* \\# head" in card["detail"]


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
    found(monkeypatch, {}, breast_cancer=None)
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
        found(monkeypatch, {}, breast_cancer=unsure)
        assert "(Condition): partial" in told(hook(call(prefetch=prefetch), 412))


@pytest.mark.parametrize("prefetch", [None, {"conditions": bundle(BREAST_CANCER)}, {"conditions": outcome("error")}])
def test_an_emergency_is_shown_whatever_else_is_missing(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, prefetch: Any
) -> None:
    for sure in (True, None):
        found(monkeypatch, EMERGENCY, breast_cancer=sure)
        (card,) = hook(call(prefetch=prefetch))
        assert card["indicator"] == "critical"
        assert "the patient (Patient): not sent" in card["detail"]


# ---- order hooks


OTHER_ORDERS = [
    {"resourceType": "MedicationRequest", "id": "order-1", "status": "draft"},  # no intent, no medication
    service_request({"coding": [{}]}),
    service_request({"coding": [{"code": "428571003"}]}),  # a code without its system
    {"resourceType": "ServiceRequest", "id": "order-1"},
    service_request(concept("122548005", display="Biopsy of breast")),
    service_request(concept("234262008", display="Excision of axillary lymph node (procedure)")),
    service_request(concept("392022002", display="Excision of mass (procedure)")),
    service_request({"text": "Physiotherapy after mastectomy"}),
    service_request({"text": "Bone scan"}),
    service_request(MASTECTOMY["code"], doNotPerform=True),
    {**MASTECTOMY, "status": "revoked"},
    {**MASTECTOMY, "subject": {"reference": "Patient/another"}},
    service_request(RADIOTHERAPY["code"], bodySite=[concept("272673000", display="Bone structure")]),
    service_request(RADIOTHERAPY["code"], bodySite=[{"text": "lumbar spine"}]),
]


@pytest.mark.parametrize("order", OTHER_ORDERS)
@pytest.mark.parametrize("name", ["order-select", "order-sign"])
def test_other_orders_bring_no_card(hook: Ask, name: str, order: dict[str, Any]) -> None:
    """And need no data: no 412 interrupts the ordering of an antibiotic."""
    assert hook(call(name, context=orders(order, select=name == "order-select"))) == []


OURS = [
    (MASTECTOMY, "surgery", []),
    ({**MASTECTOMY, "status": "active"}, "surgery", []),  # signed again
    ({**MASTECTOMY, "subject": {"reference": f"https://fhir.example/r4/Patient/{PATIENT}"}}, "surgery", []),
    ({k: v for k, v in MASTECTOMY.items() if k != "subject"}, "surgery", []),
    ({**MASTECTOMY, "resourceType": "ProcedureRequest"}, "surgery", []),
    (service_request({"text": "Simple mastectomy, left"}), "surgery", ["recognised by its text"]),
    (
        service_request({"coding": [{"code": "X1", "system": "urn:local", "display": "LUMPECTOMY"}]}),
        "surgery",
        ["its text"],
    ),
    (
        service_request(concept("392022002"), bodySite=[concept("80248007", display="Left breast structure")]),
        "surgery",
        [],
    ),
    (RADIOTHERAPY, "radiotherapy", ["names no site"]),
    (
        service_request(RADIOTHERAPY["code"], bodySite=concept("76752008", display="Breast structure")),
        "radiotherapy",
        [],
    ),
    (service_request(RADIOTHERAPY["code"], bodySite=[{"text": "Chest wall, left"}]), "radiotherapy", []),
]


@pytest.fixture
def responder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extraction finds the trial's responder, for whom local treatment is not advised."""
    found(monkeypatch, RESPONDER)


@pytest.mark.usefixtures("responder")
@pytest.mark.parametrize(("order", "kind", "doubts"), OURS)
@pytest.mark.parametrize("name", ["order-select", "order-sign"])
def test_a_draft_of_local_treatment_is_compared_with_the_advice(
    hook: Ask, name: str, order: dict[str, Any], kind: str, doubts: list[str]
) -> None:
    (card,) = hook(call(name, record(BREAST_CANCER), context=orders(order, select=name == "order-select")))
    assert card["summary"].startswith("Differs from the draft order: No routine local treatment")
    assert card["indicator"] == "warning", "never critical: an order is never blocked"
    assert f"The drafted breast {kind} differs from this advice" in card["detail"]
    for doubt in ("recognised by its text", "names no site"):
        assert (doubt in card["detail"]) == any(each in doubt for each in doubts)


def test_only_the_orders_selected_count(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, RESPONDER)
    context = orders(MASTECTOMY, service_request({"text": "Bone scan"}, "order-2"))
    for chosen, cards in (("ServiceRequest/order-1", 1), ("ServiceRequest/order-2", 0), ("order-1", 0)):
        context["selections"] = [chosen]
        assert len(hook(call("order-select", record(BREAST_CANCER), context=context))) == cards


def test_drafts_are_bounded(hook: Ask) -> None:
    context = orders(*[MASTECTOMY] * 501)
    (_, issue) = hook(call("order-sign", record(BREAST_CANCER), context=context), 400)["issue"]
    assert issue["diagnostics"] == "At /context/draftOrders/entry"
    assert hook(call("order-sign", record(BREAST_CANCER), context=orders(*[MASTECTOMY] * 500)))


def test_a_call_of_millions_of_members_is_refused_at_once(hook: Ask) -> None:
    for body in ('{"hook": [' + "0," * 700_000 + "0]}", "{" + '"a":0,' * 700_000 + '"a":0}'):
        (_, issue) = hook(body, 400, SERVICES["patient-view"])["issue"]
        assert "at most 600000 members" in issue["details"]["text"]


@pytest.mark.parametrize("name", [".", ".."])
def test_a_patient_id_is_no_part_of_a_path(hook: Ask, name: str) -> None:
    """`Patient/.` would be the list of all patients."""
    hook(call("patient-view", record(), context={"patientId": name}), 400)


def test_a_draft_among_the_options_is_said_to_be_one(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, guideline: Guideline
) -> None:
    found(monkeypatch, RESPONDER | {"complications": {"ulceration": {"presence": "present", "grade": 3}}})
    (card,) = hook(call("order-sign", record(BREAST_CANCER), context=orders(MASTECTOMY)))
    assert card["summary"] == guideline.rules["R05"].title
    assert "The drafted breast surgery is among the options of this advice" in card["detail"]
    assert "if what is to be checked allows it: Surgery, only if it can be excised completely" in card["detail"]


ULCER = RESPONDER | {"complications": {"ulceration": {"presence": "present", "grade": 3}}}
PAIN = RESPONDER | {"complications": {"pain": {"presence": "present", "grade": 3, "controlled": False}}}


@pytest.mark.parametrize(
    ("facts", "drafted", "begins", "said"),
    [
        (ULCER, RADIOTHERAPY, "", "The drafted breast radiotherapy is among the options of this advice"),
        (
            ULCER | {"chemotherapy_response": "unknown"},
            MASTECTOMY,
            "Differs",
            "decided once the response of the distant disease",
        ),
        (ULCER | {"chemotherapy_response": "unknown"}, RADIOTHERAPY, "", "is among the options of this advice"),
        (
            ULCER | {"chemotherapy_response": "not_started"},
            MASTECTOMY,
            "Differs",
            "Surgery only if the other measures fail",
        ),
        (ULCER | {"chemotherapy_response": {"distant": "PD"}}, MASTECTOMY, "Differs", "it does not come first: "),
        (PAIN, MASTECTOMY, "Differs", "has other options for this patient"),
        (PAIN, RADIOTHERAPY, "", "Assessment on the same day comes first"),
    ],
)
def test_a_draft_is_held_against_the_options_of_this_patient(  # noqa: PLR0917 - fixtures and parameters
    hook: Ask, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], drafted: Any, begins: str, said: str
) -> None:
    """The same rule puts surgery first for one patient and last for another."""
    found(monkeypatch, facts)
    (card,) = hook(call("order-sign", record(BREAST_CANCER), context=orders(drafted)))
    assert said in card["detail"]
    assert card["summary"].startswith("Differs") == bool(begins)


def test_a_draft_that_is_no_option_for_the_patient_is_said_to_be_none(
    hook: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ulcer = RESPONDER | {"complications": {"ulceration": {"presence": "present", "grade": 3}}}
    found(monkeypatch, ulcer | {"closure_possible": False})
    (card,) = hook(call("order-sign", record(BREAST_CANCER), context=orders(MASTECTOMY)))
    assert "For this patient breast surgery is not an option" in card["detail"]
    assert card["summary"].startswith("Differs from the draft order")


def test_a_draft_is_not_called_wrong_where_the_guideline_does_not_apply(
    hook: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trials must never be used to withhold curative surgery."""
    found(monkeypatch, {"metastatic_status": "M0"})
    (card,) = hook(call("order-sign", record(BREAST_CANCER), context=orders(MASTECTOMY)))
    assert "Differs" not in card["summary"]
    assert "this guideline does not judge the drafted breast surgery" in card["detail"]


def test_an_emergency_is_critical_also_beside_a_draft(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, EMERGENCY | {"ecog": 4})
    (card,) = hook(call("order-sign", record(BREAST_CANCER), context=orders(MASTECTOMY)))
    assert card["indicator"] == "critical"
    assert card["summary"].startswith("Use the local emergency pathway now")


def test_an_order_for_the_other_breast_is_not_about_this_tumour(hook: Ask) -> None:
    left, right = MASTECTOMY, service_request(concept("429400009", display="Mastectomy of right breast (procedure)"))
    assert len(hook(call("order-sign", record(BREAST_CANCER), context=orders(left)))) == 1
    assert hook(call("order-sign", record(BREAST_CANCER), context=orders(right))) == []
    sideless = {**BREAST_CANCER, "code": concept("C50.919", "http://hl7.org/fhir/sid/icd-10-cm")}
    assert len(hook(call("order-sign", record(sideless), context=orders(right)))) == 1


def test_an_order_for_a_patient_without_breast_cancer_brings_no_card(
    hook: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, {}, breast_cancer=False)
    assert hook(call("order-sign", record(DIABETES), context=orders(RADIOTHERAPY))) == []


def test_an_order_of_ours_without_data_is_412(hook: Ask) -> None:
    assert "(Condition)" in told(hook(call("order-sign", context=orders(MASTECTOMY)), 412))


# ---- bodies


def without(name: str) -> dict[str, Any]:
    body = call(prefetch={"patient": ADA, "conditions": bundle()})
    del body[name]
    return body


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"hook": None}, "/hook"),
        ({"hook": "order-sign"}, "/hook"),
        ({"hook": 5}, "/hook"),
        ({"hookInstance": None}, "/hookInstance"),
        ({"hookInstance": ""}, "/hookInstance"),
        ({"hookInstance": 7}, "/hookInstance"),
        ({"context": None}, "/context"),
        ({"context": []}, "/context"),
        ({"context": {"patientId": PATIENT}}, "/context/userId"),
        ({"context": {"userId": "Practitioner/a"}}, "/context/patientId"),
        ({"context": {"userId": "Practitioner/a", "patientId": f"Patient/{PATIENT}"}}, "/context/patientId"),
        ({"context": {"userId": "Practitioner/a", "patientId": "../x?y"}}, "/context/patientId"),
        ({"context": {"userId": "Practitioner/a", "patientId": 7}}, "/context/patientId"),
        ({"prefetch": []}, "/prefetch"),
        ({"prefetch": "x"}, "/prefetch"),
        ({"fhirServer": 5}, "/fhirServer"),
        ({"fhirAuthorization": {"access_token": "x"}}, "/fhirServer"),
        ({"fhirAuthorization": "x", "fhirServer": "https://fhir.example"}, "/fhirAuthorization"),
    ],
)
def test_a_call_that_is_none_is_400_with_the_place(hook: Ask, change: dict[str, Any], place: str) -> None:
    body = call(prefetch={"patient": ADA, "conditions": bundle()}) | change
    assert f"At {place}" in told(hook(body, 400, SERVICES["patient-view"]))


def test_a_call_that_names_no_patient_and_brings_nothing_lacks_a_datum(hook: Ask) -> None:
    """As an example of the specification does: 412 that names it, for no rule is broken by what is there."""
    body = call()
    del body["context"]["patientId"]
    assert "At /context/patientId" in told(hook(body, 412, SERVICES["patient-view"]))


@pytest.mark.parametrize(
    ("name", "context", "place"),
    [
        ("order-select", {}, "/context/draftOrders"),
        ("order-select", orders(MASTECTOMY), "/context/selections"),
        ("order-select", orders(MASTECTOMY) | {"selections": "x"}, "/context/selections"),
        ("order-sign", {}, "/context/draftOrders"),
        ("order-sign", {"draftOrders": []}, "/context/draftOrders"),
        ("order-sign", {"draftOrders": {"resourceType": "ServiceRequest"}}, "/context/draftOrders"),
    ],
)
def test_an_order_hook_needs_its_context(hook: Ask, name: str, context: dict[str, Any], place: str) -> None:
    assert f"At {place}" in told(hook(call(name, context=context), 400))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'"x"', b"null", b"\xff", b'{"hook": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_object_of_json_is_400(hook: Ask, body: bytes) -> None:
    hook(body, 400)


def test_deep_json_is_400_and_no_failure(hook: Ask) -> None:
    hook(b'{"hook": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", 400)


def test_a_repeated_key_is_400(hook: Ask) -> None:
    """The last of two values would win in silence."""
    body = json.dumps(call(prefetch={"patient": ADA, "conditions": bundle(BREAST_CANCER)}))
    twice = body.replace('"conditions":', '"conditions": {"resourceType": "Bundle"}, "conditions":')
    assert "At /prefetch/conditions" in told(hook(twice, 400))


def test_a_body_over_the_limit_is_413_and_one_of_four_megabytes_is_read(hook: Ask) -> None:
    large = call(prefetch={"patient": ADA, "conditions": bundle(), "photo": {"data": "x" * 4_000_000}})
    assert hook(large) == []
    large["prefetch"]["photo"]["data"] *= 3
    hook(large, 413)


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "application/fhir+json"])
def test_json_may_be_called_by_its_names(hook: Ask, media: str) -> None:
    assert hook(call(prefetch={"patient": ADA, "conditions": bundle()}), content_type=media) == []


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_415(hook: Ask, media: str) -> None:
    said = told(hook(call(), 415, content_type=media))
    assert '"hook": "patient-view"' in said, "the right curl is in the text"


@pytest.mark.parametrize(
    "more",
    [
        {"extension": {"com.epic.cdshooks.request.bpa-trigger-action": "60", "x.y": {"z": [1]}}},
        {"extension": "text"},
        {"unknown": {"a": 1}, "_note": None},
        {"hookInstance": "d1577c69-dfbe-44ad-ba6d-3b2va"},
        {"hookInstance": "2cb0e9f4-c8ab-11ef-9cd2-0242ac120002"},
        {"fhirServer": "https://ehr.example/fhir"},
        {"fhirServer": "not a url"},
        {"fhirServer": "https://ehr.example/fhir", "fhirAuthorization": {"token_type": "Bearer"}},
        {"fhirServer": None, "fhirAuthorization": None},
    ],
)
def test_what_others_add_is_passed_over(hook: Ask, more: dict[str, Any]) -> None:
    assert hook(call(prefetch={"patient": ADA, "conditions": bundle()}) | more) == []


@pytest.mark.parametrize("name", ["userId", "encounterId"])
def test_context_ids_may_have_any_form_that_clients_send(hook: Ask, name: str) -> None:
    body = call(prefetch={"patient": ADA, "conditions": bundle()}, context={name: "PractitionerRole/x_1"})
    assert hook(body) == []


WORDS = [
    "resourceType",
    "Bundle",
    "entry",
    "resource",
    "code",
    "coding",
    "system",
    "subject",
    "link",
    "relation",
    "next",
]
NAMES = st.sampled_from([*WORDS, "id", "status", "issue", "severity", "total", "bodySite", "reference", "text", "url"])
NUMBERS = st.integers(-2, 99) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=5),
    st.sampled_from([*WORDS, "Condition", "Patient", "ServiceRequest", "OperationOutcome", "C50.9", "Patient/pat-1"]),
    st.sampled_from([ADA, BREAST_CANCER, MASTECTOMY, bundle(BREAST_CANCER), no_results()]),
)  # fmt: skip
ANYTHING = st.recursive(LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=5))
RESOURCES = st.dictionaries(NAMES, ANYTHING, max_size=6).map(lambda given: {"resourceType": "Bundle"} | given)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(data=st.data())
def test_nothing_that_is_sent_is_a_failure_inside(client: FlaskClient, data: st.DataObject) -> None:
    """Whatever stands in a prefetch or a draft: an answer, or a refusal with its reason."""
    keys = st.sampled_from(["patient", "conditions", "staging", "x"])
    prefetch = data.draw(st.dictionaries(keys, ANYTHING | RESOURCES))
    name = data.draw(st.sampled_from(sorted(SERVICES)))
    context = {"draftOrders": data.draw(RESOURCES), "selections": data.draw(st.lists(st.text(max_size=4), max_size=2))}
    given = {"patient": ADA, "conditions": bundle(BREAST_CANCER)} | prefetch
    response = client.post(f"{ADDRESS}{SERVICES[name]}", json=call(name, given, context=context))
    if response.status_code == 200:
        for card in response.get_json()["cards"]:
            check_card(card)
    else:
        assert is_outcome(response, response.status_code)
        assert response.status_code in {400, 412}


# ---- errors


def test_an_unknown_service_is_404(hook: Ask, client: FlaskClient) -> None:
    for name in ("no-such", "mbc-primary-lrt", "MBC-PRIMARY-LRT-PATIENT-VIEW"):
        hook(call(), 404, service=name)
    is_outcome(client.post("/cds-services/a/b/c"), 404)


def test_another_method_is_405_with_those_allowed(client: FlaskClient) -> None:
    response = client.get(f"{ADDRESS}{SERVICES['patient-view']}")
    is_outcome(response, 405)
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


class LeakyError(RuntimeError):
    """Its message repeats what the caller sent."""


@pytest.mark.parametrize("part", ["gather", "extract", "advice_card", "read_call"])
def test_a_failure_inside_is_never_nothing_to_say(hook: Ask, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """200 without cards means "no guidance"; broken is something else."""

    def broken(*_: object, **__: object) -> None:
        raise LeakyError(CANARY)

    found(monkeypatch, RESPONDER)
    monkeypatch.setattr(f"service.api.cds_services.{part}", broken)
    with capture_logs() as lines:
        body = hook(call(prefetch=record(BREAST_CANCER)), 500)
    assert CANARY not in json.dumps(body)
    assert CANARY not in repr(lines)
    assert body["issue"][0]["code"] == "exception"


def test_facts_that_are_refused_are_a_failure_and_no_silence(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, {"hat": 1})
    hook(call(prefetch=record(BREAST_CANCER)), 500)


def test_no_log_line_holds_anything_of_the_patient(hook: Ask, client: FlaskClient) -> None:
    body = call(prefetch=record(BREAST_CANCER))
    body = json.loads(json.dumps(body).replace(PATIENT, CANARY))
    body["fhirServer"] = f"https://{CANARY}.example"
    body["fhirAuthorization"] = {"access_token": CANARY, "token_type": "Bearer"}
    with capture_logs() as lines:
        assert client.post(f"{ADDRESS}{SERVICES['patient-view']}", json=body).get_json()["cards"]
        bad = copy.deepcopy(body)
        bad["context"]["patientId"] = f"{CANARY}/{CANARY}"
        assert CANARY not in json.dumps(hook(bad, 400))
    assert CANARY not in repr(lines)
