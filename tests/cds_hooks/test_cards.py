"""What a card says, by trigger and state: never more than the guideline, and no reservation is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.asking import RESPONDER
from tests.cds_hooks.hooks import (
    ADDRESS,
    BREAST_CANCER,
    MASTECTOMY,
    RADIOTHERAPY,
    SERVICES,
    call,
    check_answer,
    found,
    orders,
    record,
    service_request,
)

Card = Callable[..., dict[str, Any]]
WOMAN = RESPONDER | {"sex": "female", "age_years": 70}
ULCER = WOMAN | {"complications": {"ulceration": {"presence": "present", "grade": 3}}}
RT_OPINION = "Ask for a radiation oncology opinion"
SAME_DAY = "Arrange same-day assessment"
STAGING = "Find out whether there is distant metastasis"


@pytest.fixture
def shown(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Card:
    """The one card for these facts, with drafts as they are signed."""

    def card(facts: dict[str, Any], *drafts: dict[str, Any]) -> dict[str, Any]:
        found(monkeypatch, facts)
        hook, context = ("order-sign", orders(*drafts)) if drafts else ("patient-view", {})
        body = call(hook, record(BREAST_CANCER), context=context)
        (one,) = check_answer(client.post(f"{ADDRESS}{SERVICES[hook]}", json=body).get_json())
        return one

    return card


def suffering(base: dict[str, Any] = WOMAN, **complications: Any) -> dict[str, Any]:
    return base | {"complications": complications}


def labels(card: dict[str, Any]) -> list[str]:
    return [each["label"] for each in card.get("suggestions", ())]


INFECTION = {"presence": "present", "grade": 3}
SORE = {"presence": "present", "grade": 2}
HURT = {"presence": "present", "grade": 3, "controlled": False}
MILD = {"presence": "present", "grade": 1}
BLEEDS = {"presence": "present", "grade": 3}
HEADINGS = [
    (suffering(infection=INFECTION), "Treat the infection today"),
    (suffering(infection=INFECTION, bleeding=BLEEDS), "Arrange same-day assessment to stop the bleeding"),
    (suffering(bleeding=BLEEDS), "Arrange same-day assessment to stop the bleeding"),
    (suffering(pain=HURT), "Relieve the pain today and look for its cause"),
    (suffering(infection=SORE, sepsis_signs="absent"), "Treat the infection first and recheck within days"),
    (suffering(lymphoedema=SORE), "Exclude deep-vein thrombosis and nodal progression"),
    (suffering(pain=MILD), "A mild symptom is not by itself a reason to operate or irradiate"),
    (
        suffering(WOMAN | {"chemotherapy_response": "SD"}, pain=MILD, impending_breakthrough="present"),
        "Consider planned local control before the skin breaks",
    ),
    (
        suffering(WOMAN | {"chemotherapy_response": "not_started"}, impending_breakthrough="present"),
        "Start systemic therapy, re-examine in 2-4 weeks",
    ),
    (suffering(impending_breakthrough="present"), "Re-examine in 2-4 weeks first"),
    (
        ULCER | {"closure_possible": False, "pregnant": True},
        "Treat the bleeding or open wound with wound care and haemostasis",
    ),
    (ULCER | {"chemotherapy_response": "unknown"}, "Treat the bleeding or ulcer with wound care and short-course"),
    (
        ULCER | {"chemotherapy_response": "unknown", "pregnant": True},
        "Treat the bleeding or ulcer with wound care first",
    ),
    (ULCER | {"primary_tumour": "resected"}, "Treat the bleeding or ulcerated chest wall or scar"),
    (WOMAN | {"chemotherapy_response": "not_started"}, "Systemic therapy first, then assess the response"),
]


@pytest.mark.parametrize(("facts", "begins"), HEADINGS)
def test_the_summary_follows_the_trigger_where_the_title_would_mislead(
    shown: Card, facts: dict[str, Any], begins: str
) -> None:
    card = shown(facts)
    assert card["summary"].startswith(begins)
    for suggestion in card["suggestions"]:
        (reason,) = suggestion["actions"][0]["resource"]["reasonCode"]
        assert reason["text"].startswith(begins)


# ---- suggestions


@pytest.mark.parametrize("grade", [2, 3])
def test_an_infection_brings_no_opinion_on_radiotherapy(shown: Card, grade: int) -> None:
    """Radiotherapy waits until the infection is controlled; the guideline does not offer it."""
    assert RT_OPINION not in labels(
        shown(suffering(infection={"presence": "present", "grade": grade}, sepsis_signs="absent"))
    )
    assert RT_OPINION in labels(shown(suffering(pain=HURT)))


def test_urgent_local_care_begins_with_assessment_on_the_same_day(shown: Card) -> None:
    card = shown(suffering(bleeding=BLEEDS))
    first = card["suggestions"][0]
    order = first["actions"][0]["resource"]
    assert (first["label"], order["priority"]) == (SAME_DAY, "stat")
    assert set(order["code"]) == {"text"}, "no code is made up"
    assert {RT_OPINION, "Refer urgently to the breast multidisciplinary team"} <= set(labels(card))
    assert STAGING not in labels(card)


def test_before_staging_reversible_measures_come_first(shown: Card) -> None:
    card = shown(suffering(WOMAN | {"metastatic_status": "unknown"}, bleeding=BLEEDS), RADIOTHERAPY)
    assert STAGING in labels(card)
    assert RT_OPINION not in labels(card)
    assert "Keep curative treatment possible, and stage." in card["summary"]
    assert "embolisation) come before the drafted breast radiotherapy (Haemostatic radiotherapy)" in card["detail"]


def test_an_urgent_curative_case_is_referred_urgently_and_with_curative_intent(shown: Card) -> None:
    card = shown({"metastatic_status": "M0", "complications": {"bleeding": BLEEDS}})
    (order,) = [each["actions"][0]["resource"] for each in card["suggestions"] if "curative-intent" in each["label"]]
    assert order["priority"] == "urgent"
    assert "curative-intent" in order["code"]["text"]
    assert "Refer to the breast multidisciplinary team" not in labels(card)


def test_severe_pain_is_no_routine_referral(shown: Card) -> None:
    card = shown(suffering(pain=HURT))
    assert {each["actions"][0]["resource"]["priority"] for each in card["suggestions"]}.isdisjoint({"routine"})


# ---- drafts


def drafted(card: dict[str, Any]) -> str:
    """What is said of the draft orders."""
    _, said = card["detail"].split("**The draft order**\n\n- ")
    return said.split("\n\n")[0]


REMARKS = [
    (ULCER | {"prior_chest_radiotherapy": True}, RADIOTHERAPY, "(re-irradiation review)"),
    (ULCER | {"prior_chest_radiotherapy": True}, RADIOTHERAPY, "Earlier radiotherapy to the chest is recorded"),
    (ULCER | {"anti_angiogenic_therapy": True}, MASTECTOMY, "wounds may heal badly and bleeding is more likely"),
    (ULCER | {"primary_tumour": "resected"}, MASTECTOMY, "By the record no breast tumour is in place"),
    (ULCER | {"patient_preference": "declines_local_treatment"}, MASTECTOMY, "has declined local treatment"),
    (ULCER | {"chemotherapy_response": "not_started"}, RADIOTHERAPY, "if it bleeds or does not settle"),
    (
        suffering(WOMAN | {"chemotherapy_response": {"distant": "PD"}}, pain=SORE),
        RADIOTHERAPY,
        "Change of systemic therapy is the first step.",
    ),
    (WOMAN | {"presentation": "recurrent", "pregnant": True}, RADIOTHERAPY, "it is not an option for this patient"),
    (WOMAN | {"presentation": "recurrent", "ecog": 4}, MASTECTOMY, "it is not an option for this patient"),
    ({"metastatic_status": "M0", "pregnant": True}, RADIOTHERAPY, "check the trimester"),
    (
        ULCER,
        MASTECTOMY,
        "To check first: Size and depth of the ulcer; Whether the wound could be closed; Earlier radiotherapy",
    ),
    (suffering(pain=SORE), MASTECTOMY, "to be considered if systemic and supportive measures fail"),
    (
        suffering(plexopathy="present"),
        RADIOTHERAPY,
        "Imaging of the plexus and a radiation-oncology opinion come before",
    ),
    (suffering(lymphoedema=SORE), RADIOTHERAPY, "radiotherapy only where nodal disease is the cause"),
    (
        {"metastatic_status": "M0", "inflammatory": True},
        MASTECTOMY,
        "this guideline does not judge the drafted breast surgery",
    ),
    (
        suffering(WOMAN | {"chemotherapy_response": "SD"}, impending_breakthrough="present"),
        RADIOTHERAPY,
        "re-examination in 2-4 weeks comes first",
    ),
    (
        WOMAN | {"metastatic_extent": "bone_only", "chemotherapy_response": "CR", "life_expectancy_under_1_year": True},
        RADIOTHERAPY,
        "not a candidate for an aggressive plan",
    ),
]


@pytest.mark.parametrize(("facts", "draft", "said"), REMARKS)
def test_what_the_answer_reserves_is_said_of_the_draft(
    shown: Card, facts: dict[str, Any], draft: dict[str, Any], said: str
) -> None:
    card = shown(facts, draft)
    assert said in drafted(card)
    assert "fits" not in drafted(card)
    assert not card["summary"].startswith("Differs")


DIFFERING = [
    (suffering(infection=INFECTION), RADIOTHERAPY, "wait until the infection is controlled"),
    (
        suffering(infection=SORE, sepsis_signs="absent"),
        MASTECTOMY,
        "treat the infection first; local tumour treatment only if it keeps",
    ),
    (suffering(pain=MILD), MASTECTOMY, "a mild symptom is not by itself a reason to operate or irradiate"),
    (ULCER | {"closure_possible": False, "pregnant": True}, MASTECTOMY, "(Closure of skin or chest wall not possible)"),
    (WOMAN | {"ecog": 4}, MASTECTOMY, "against local treatment of a quiet primary"),
    (WOMAN | {"ecog": 4}, MASTECTOMY, "(ECOG performance status 3 or 4)"),
    (suffering(lymphoedema=SORE), MASTECTOMY, "which has other options for this patient"),
    (WOMAN | {"chemotherapy_response": "not_started"}, MASTECTOMY, "which suggests systemic therapy first"),
    (
        suffering(WOMAN | {"pregnant": True}, ulceration=BLEEDS),
        RADIOTHERAPY,
        "is not an option as the record stands",
    ),
    (
        suffering(WOMAN | {"pregnant": True, "metastatic_status": "unknown"}, pain=SORE),
        RADIOTHERAPY,
        "is not an option as the record stands (Pregnant)",
    ),
    (
        WOMAN | {"metastatic_extent": "bone_only", "chemotherapy_response": "CR", "pregnant": True},
        RADIOTHERAPY,
        "(Preg",
    ),
]


@pytest.mark.parametrize(("facts", "draft", "said"), DIFFERING)
def test_a_draft_that_differs_is_told_why(shown: Card, facts: dict[str, Any], draft: dict[str, Any], said: str) -> None:
    card = shown(facts, draft)
    assert said in drafted(card)
    assert card["summary"].startswith("Differs from the draft order")


# ---- what is not known, what must be checked


def test_what_could_make_it_an_emergency_is_listed_first_and_never_cut(shown: Card) -> None:
    card = shown({"metastatic_status": "M1"})
    missing = card["detail"].split("**Not known, and it would change this**\n\n")[1].split("\n\n")[0].split("\n")
    grave = ["emergency pathway" in line for line in missing]
    assert grave == sorted(grave, reverse=True)
    assert sum("sepsis" in line for line in missing) == 1
    assert [line.split(" (")[0] for line in missing if "fever" in line.lower()] == FEVERS
    assert grave.count(False) >= 5


FEVERS = ["- Fever within six weeks of chemotherapy", "- Fever of 38.0 C or more now"]
PREGNANCY = "- Pregnancy: not known; check it before surgery or radiotherapy."


@pytest.mark.parametrize(
    ("facts", "drafts", "asked"),
    [
        (ULCER | {"age_years": 55}, [], True),
        (ULCER | {"age_years": 56}, [], False),
        ({name: value for name, value in ULCER.items() if name not in {"age_years", "sex"}}, [], True),
        (ULCER | {"age_years": 40, "sex": "male"}, [], False),
        (ULCER | {"age_years": 40, "pregnant": False}, [], False),
        (ULCER | {"age_years": 40, "pregnant": True}, [], False),
        (WOMAN | {"age_years": 40}, [], False),
        (WOMAN | {"age_years": 40}, [RADIOTHERAPY], True),
    ],
)
def test_an_unknown_pregnancy_is_to_be_checked_before_local_treatment(
    shown: Card, facts: dict[str, Any], drafts: list[dict[str, Any]], *, asked: bool
) -> None:
    assert (PREGNANCY in shown(facts, *drafts)["detail"]) == asked


def test_what_must_be_checked_is_never_cut(shown: Card) -> None:
    stable = {"presence": "present", "grade": 2, "haemodynamically_unstable": False, "controlled_by_pressure": True}
    card = shown(suffering(bleeding=stable))
    assert "- Anti-angiogenic drug" in card["detail"]


# ---- drafts in words


OURS = [
    "Mastectomy with reconstruction",
    "Skin-sparing mastectomy with immediate reconstruction",
    "Radiation treatment delivery left breast",
    "Chest wall radiotherapy",
    "Wide local excision left breast",
    "Bilateral mastectomy",
]
OTHERS = [
    service_request({"text": "right mastectomy"}),
    service_request({"text": "Wide local excision right breast"}),
    service_request({"text": "Delayed breast reconstruction following mastectomy"}),
    service_request({"text": "Whole brain radiotherapy for metastatic breast cancer"}),
    service_request({"text": "Wide local excision of melanoma, back"}),
    service_request(RADIOTHERAPY["code"] | {"text": "Stereotactic RT liver"}),
    service_request(RADIOTHERAPY["code"] | {"text": "Stereotactic RT liver, metastatic breast cancer"}),
    service_request(MASTECTOMY["code"], subject={"reference": "Patient/another"}),
]


@pytest.mark.parametrize("text", OURS)
def test_an_order_in_words_is_recognised(shown: Card, text: str) -> None:
    assert "recognised by its text" in drafted(shown(WOMAN, service_request({"text": text})))


@pytest.mark.parametrize("order", OTHERS)
def test_an_order_for_another_site_or_side_brings_no_card(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, order: dict[str, Any]
) -> None:
    found(monkeypatch, WOMAN)
    body = call("order-sign", record(BREAST_CANCER), context=orders(order))
    assert client.post(f"{ADDRESS}{SERVICES['order-sign']}", json=body).get_json() == {"cards": []}
