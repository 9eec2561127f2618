"""The order hooks of CDS Hooks through the door: which drafts they speak about, and what they say."""

from typing import Any

import pytest

from service.knowledge.guideline import Guideline
from tests.api.asking import RESPONDER
from tests.cds_hooks.hooks import (
    BREAST_CANCER,
    DIABETES,
    EMERGENCY,
    MASTECTOMY,
    PATIENT,
    RADIOTHERAPY,
    SERVICES,
    Ask,
    call,
    concept,
    found,
    orders,
    record,
    service_request,
    told,
)

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
        (issue,) = hook(body, 413, SERVICES["patient-view"])["issue"]
        assert "600000 members and items" in issue["details"]["text"]


@pytest.mark.parametrize("name", [".", ".."])
def test_a_patient_id_is_no_part_of_a_path(hook: Ask, name: str) -> None:
    """`Patient/.` would be the list of all patients."""
    hook(call("patient-view", record(), context={"patientId": name}), 400)


def test_a_draft_among_the_options_is_said_to_be_one(
    hook: Ask, monkeypatch: pytest.MonkeyPatch, guideline: Guideline
) -> None:
    found(monkeypatch, RESPONDER | {"complications": {"ulceration": {"presence": "present", "grade": 3}}})
    (card,) = hook(call("order-sign", record(BREAST_CANCER), context=orders(MASTECTOMY)))
    assert card["summary"] == f"{guideline.rules['R05'].title}. Not known: response in the breast."
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
    found(monkeypatch, {}, subject=False)
    assert hook(call("order-sign", record(DIABETES), context=orders(RADIOTHERAPY))) == []


def test_an_order_of_ours_without_data_is_412(hook: Ask) -> None:
    assert "(Condition)" in told(hook(call("order-sign", context=orders(MASTECTOMY)), 412))
