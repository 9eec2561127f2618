"""What was given and what was done: an order is not a given drug, the other breast is not this one."""

import pytest

from service.knowledge.terminology import load_terminology
from service.settings import CONTENT
from tests.fhir.building import (
    ATC,
    BREAST,
    CHEST_WALL,
    CM,
    LEFT,
    RIGHT,
    RXNORM,
    SCT,
    US,
    cancer,
    concept,
    condition,
    days_ago,
    given,
    procedure,
    reasons,
    us,
)

ATC_ASPIRIN = (ATC, "N02BA01")
PACLITAXEL, TRASTUZUMAB, LETROZOLE, PALBOCICLIB, PEMBROLIZUMAB = "56946", "224905", "72965", "1601374", "1547545"
ON = "2026-10-01"


def therapy(found) -> str | None:
    return found.facts.get("systemic_therapy")


@pytest.mark.parametrize(
    ("drugs", "expected"),
    [
        ([PACLITAXEL], "chemotherapy"),
        ([PACLITAXEL, TRASTUZUMAB], "chemo_plus_anti_her2"),
        ([LETROZOLE], "endocrine"),
        ([LETROZOLE, PALBOCICLIB], "endocrine_plus_cdk46"),
        ([PEMBROLIZUMAB], "immunotherapy"),
        ([TRASTUZUMAB], "anti_her2"),
        ([PACLITAXEL, PEMBROLIZUMAB], "chemo_plus_immunotherapy"),
    ],
)
def test_the_class_of_the_current_line(read, drugs: list[str], expected: str) -> None:
    assert therapy(read(us(), cancer(), *(given(drug, ON) for drug in drugs))) == expected


@pytest.mark.parametrize(
    ("coded", "expected"),
    [
        (concept(("", "")) | {"text": "paclitaxel"}, None),
        (concept((RXNORM, "583214")), "chemotherapy"),
        (concept((RXNORM, "1234567", "Doxorubicin hydrochloride 2 MG/ML")), "chemotherapy"),
        (concept((RXNORM, "1234567", "ado-trastuzumab emtansine 100 MG Injection")), "antibody_drug_conjugate"),
        (concept((SCT, "387374002")), "chemotherapy"),
        (concept((ATC, "L01CD01")), "chemotherapy"),
        (concept((ATC, "L02BG04")), "endocrine"),
        (concept((ATC, "L01FF02")), "immunotherapy"),
        (concept((RXNORM, "314231", "Simvastatin 10 MG Oral Tablet")), None),
    ],
)
def test_drugs_by_ingredient_product_name_and_class(read, coded: dict, expected: str | None) -> None:
    assert therapy(read(us(), cancer(), given("x", ON, medicationCodeableConcept=coded))) == expected


@pytest.mark.parametrize(
    ("kind", "status", "counts"),
    [
        ("MedicationAdministration", "completed", True),
        ("MedicationAdministration", "in-progress", True),
        ("MedicationAdministration", "not-done", False),
        ("MedicationAdministration", "entered-in-error", False),
        ("MedicationAdministration", "stopped", True),
        ("MedicationAdministration", "on-hold", True),
        ("MedicationAdministration", "unknown", False),
        ("MedicationStatement", "active", True),
        ("MedicationStatement", "completed", True),
        ("MedicationStatement", "intended", False),
        ("MedicationStatement", "stopped", True),
        ("MedicationStatement", "on-hold", True),
        ("MedicationStatement", "recorded", True),
        ("MedicationStatement", "draft", False),
        ("MedicationStatement", "not-taken", False),
        ("MedicationRequest", "active", False),
        ("MedicationRequest", "completed", False),
    ],
)
def test_only_a_given_drug_counts_and_the_others_are_told(read, kind: str, status: str, counts) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, ON, kind=kind, status=status))
    assert (therapy(found) == "chemotherapy") is counts
    assert bool(reasons(found, kind)) is not counts


def test_none_in_the_record_is_never_not_started(read) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, ON, kind="MedicationRequest"))
    assert not {"chemotherapy_response", "systemic_therapy"} & set(found.facts)


def test_a_drug_that_another_resource_names(read) -> None:
    inside = given(
        "", ON, contained=[{"resourceType": "Medication", "id": "m", "code": concept(PACLITAXEL, system=RXNORM)}]
    )
    inside |= {"medicationReference": {"reference": "#m"}}
    del inside["medicationCodeableConcept"]
    assert therapy(read(us(), cancer(), inside)) == "chemotherapy"
    beside = {**inside, "contained": [], "medicationReference": {"reference": "Medication/m"}}
    assert therapy(read(us(), cancer(), beside, inside["contained"][0])) == "chemotherapy"
    assert therapy(read(us(), cancer(), beside)) is None


def test_chemotherapy_as_a_procedure(read) -> None:
    assert therapy(read(us(), cancer(), procedure("367336001", ON))) == "chemotherapy"
    for begun in ("in-progress", "stopped", "on-hold", "suspended", "aborted"):
        assert therapy(read(us(), cancer(), procedure("367336001", ON, status=begun))) == "chemotherapy"
    found = read(us(), cancer(), procedure("367336001", ON, status="preparation"))
    assert therapy(found) is None
    assert reasons(found, "Procedure")


def test_the_newest_line_is_the_current_one(read) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, "2026-02-01"), given(LETROZOLE, "2026-07-01"))
    assert therapy(found) == "endocrine"
    assert found.provenance["systemic_therapy"]["date"] == "2026-07-01"


def test_a_drug_that_goes_on_stays_in_the_new_line(read) -> None:
    herceptin = given(TRASTUZUMAB, None, effectivePeriod={"start": "2026-02-01", "end": "2026-11-01"})
    found = read(us(), cancer(), herceptin, given(PACLITAXEL, "2026-07-01"))
    assert therapy(found) == "chemo_plus_anti_her2"


def test_an_undated_drug_leaves_the_line_unknown(read) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, ON), given(LETROZOLE, None))
    assert therapy(found) is None
    assert reasons(found, LETROZOLE)


# ---- surgery and radiotherapy


def primary(found) -> str | None:
    return found.facts.get("primary_tumour")


@pytest.mark.parametrize(
    ("code", "site", "expected"),
    [
        ("428571003", None, "resected"),
        ("172043006", LEFT, "resected"),
        ("172043006", None, "resected"),
        ("64368001", LEFT, "resected"),
        ("392022002", LEFT, "resected"),
        ("392022002", None, None),
        ("429400009", None, None),
        ("172043006", RIGHT, None),
        ("122548005", LEFT, None),
        ("234262008", LEFT, None),
        ("396487001", LEFT, None),
    ],
)
def test_operations_that_remove_the_primary(read, code: str, site: str | None, expected: str | None) -> None:
    assert primary(read(us(), cancer(), procedure(code, "2026-03-01", site))) == expected


@pytest.mark.parametrize("status", ["preparation", "not-done", "entered-in-error", "in-progress"])
def test_an_operation_that_was_not_done_removes_nothing(read, status: str) -> None:
    assert primary(read(us(), cancer(), procedure("428571003", "2026-03-01", status=status))) is None


@pytest.mark.parametrize(("code", "expected"), [("Z90.12", "resected"), ("Z90.13", "resected"), ("Z90.11", None)])
def test_an_absent_breast(read, code: str, expected: str | None) -> None:
    assert primary(read(us(), cancer(), condition(code, "2026-03-01", CM))) == expected


def test_an_operation_before_the_diagnosis_did_not_remove_this_tumour(read) -> None:
    assert primary(read(us(), cancer(), procedure("172043006", "2020-03-01", LEFT))) is None


def test_after_a_recurrence_nothing_is_said_of_the_primary(read) -> None:
    found = read(us(), cancer(clinical="recurrence"), procedure("428571003", "2026-03-01"))
    assert primary(found) is None
    assert reasons(found, "Procedure")


def test_of_two_tumours_one_operation_removes_one(read) -> None:
    right = condition("C50.911", "2026-01-10", CM)
    assert primary(read(us(), cancer(), right, procedure("428571003", "2026-03-01"))) is None


def test_no_operation_in_the_record_says_nothing_of_the_primary(read) -> None:
    assert primary(read(us(), cancer())) is None


@pytest.mark.parametrize(
    ("site", "known"),
    [(BREAST, True), (CHEST_WALL, True), (LEFT, True), (RIGHT, None), ("272673000", None), (None, None)],
)
def test_radiotherapy_of_the_chest(read, site: str | None, known) -> None:
    found = read(us(), cancer(), procedure("1287742003", "2026-03-01", site))
    assert found.facts.get("prior_chest_radiotherapy") is known


def test_an_order_of_a_plan_is_told(read) -> None:
    order = {"resourceType": "MedicationRequest", "id": "order", "subject": US, "status": "active", "intent": "order",
             "medicationCodeableConcept": concept(PACLITAXEL, system=RXNORM)}  # fmt: skip
    assert reasons(read(us(), cancer(), order)) == ["an order or a plan is not a given drug"]


@pytest.mark.parametrize(
    ("code", "counts"),
    [("M06.9", False), ("C83.30", False), ("C79.51", True), ("Z51.11", True), ("C50.912", True)],
)
def test_a_drug_counts_for_the_reason_it_is_given_for(read, code: str, *, counts: bool) -> None:
    reason = {"reasonCode": [concept((CM, code))]}
    found = read(us(), cancer(), given(PACLITAXEL, ON, **reason))
    assert (therapy(found) == "chemotherapy") is counts
    linked = {"reasonReference": [{"reference": "Condition/reason"}]}
    why = condition(concept((CM, code)), "2026-01-12", id="reason")
    found = read(us(), cancer(), why, given(PACLITAXEL, ON, **linked))
    assert (therapy(found) == "chemotherapy") is counts
    assert counts or reasons(found, PACLITAXEL)


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"taken": "n"}, False),
        ({"taken": "y"}, True),
        ({"wasNotTaken": True}, False),
    ],
)
def test_a_drug_that_was_not_taken(read, more: dict, *, counts: bool) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, ON, kind="MedicationStatement", **more))
    assert (therapy(found) == "chemotherapy") is counts
    assert bool(reasons(found, PACLITAXEL)) is not counts


@pytest.mark.parametrize(
    ("drug", "more", "told"),
    [
        (concept("9999999", system=RXNORM), {}, True),
        (concept("1", system="http://example.org/drugs"), {}, True),
        ({}, {}, True),
        (concept(ATC_ASPIRIN), {}, False),
        (concept((RXNORM, "314231", "Simvastatin 10 MG Oral Tablet")), {}, False),
        (concept((RXNORM, "9999999", "Novumab")), {}, False),
        (concept((RXNORM, "9999999", "Novumab")), {"reasonReference": [{"reference": "Condition/cancer"}]}, True),
        (concept("9999999", system=RXNORM), {"status": "not-done"}, False),
    ],
)
def test_a_given_drug_that_no_list_and_no_name_tells_is_told(read, drug: dict, more: dict, *, told: bool) -> None:
    found = read(us(), cancer(), given("x", ON, medicationCodeableConcept=drug, **more))
    assert therapy(found) is None
    assert any("drug" in reason for reason in reasons(found, "m-x")) is told


def test_a_line_ends_half_a_year_after_its_last_dose(read) -> None:
    assert therapy(read(us(), cancer(), given(PACLITAXEL, days_ago(180)))) == "chemotherapy"
    found = read(us(), cancer(), given(PACLITAXEL, days_ago(181)))
    assert therapy(found) is None
    assert "has ended" in reasons(found, PACLITAXEL)[0]
    ongoing = given(PACLITAXEL, days_ago(400), kind="MedicationStatement", status="active")
    assert therapy(read(us(), cancer("2024-01-01"), ongoing)) == "chemotherapy"


DRUGS = load_terminology(CONTENT / "terminology", "")["drugs"].codes
SYSTEMS = {"rxnorm": RXNORM, "snomed": SCT, "atc": ATC}
OF_CLASS = {
    "endocrine": "endocrine",
    "chemotherapy": "chemotherapy",
    "immunotherapy": "immunotherapy",
    "unspecified": None,
    "anti_her2": "anti_her2",
    "conjugate": "antibody_drug_conjugate",
    "parp": "parp_inhibitor",
}


@pytest.mark.parametrize("listed", DRUGS, ids=lambda listed: f"{listed.system}-{listed.code}")
def test_each_listed_code_is_read_without_its_name(read, listed) -> None:
    found = read(us(), cancer(), given(listed.code, ON, SYSTEMS[listed.system]))
    assert therapy(found) == OF_CLASS.get(listed.category, "other")
