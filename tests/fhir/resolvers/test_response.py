"""The response: only after the first dose of the current line, only before the next step; improved is no category."""

import pytest

from tests.fhir.building import (
    CM,
    IMPROVED,
    LEFT,
    LOINC,
    NCIT,
    SCT,
    STABLE,
    WORSENED,
    cancer,
    concept,
    condition,
    given,
    observation,
    procedure,
    reasons,
    us,
)

PROGRESSION, RESPONSE, REGISTRY = "97509-4", "88040-1", "21976-6"
LETROZOLE, PACLITAXEL = "72965", "56946"
DOSE, ON = "2026-03-01", "2026-09-01"
CHEMO = given(PACLITAXEL, DOSE, kind="MedicationStatement", status="active")


def response(found) -> str | None:
    stated = found.facts.get("chemotherapy_response")
    return None if stated is None else stated["overall"]


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        (PROGRESSION, concept(IMPROVED), "responded"),
        (RESPONSE, concept(IMPROVED), "responded"),
        (PROGRESSION, concept("385633008"), "responded"),
        (PROGRESSION, concept("103338009"), "responded"),
        (PROGRESSION, concept(STABLE), "SD"),
        (PROGRESSION, concept(WORSENED), "PD"),
        (PROGRESSION, concept("709137006"), None),
        (PROGRESSION, concept("399409002"), None),
        (REGISTRY, concept(IMPROVED), None),
        (PROGRESSION, concept("C35571", system=NCIT), "PD"),
        (PROGRESSION, {"text": "PR"}, "PR"),
        (PROGRESSION, {"text": "Complete response"}, "CR"),
        (PROGRESSION, {"text": "NON-CR/NON-PD"}, "NON_CR_NON_PD"),
        (PROGRESSION, {"text": "she is feeling much better, PR"}, None),
    ],
)
def test_values_of_a_course(read, code: str, value: dict, expected: str | None) -> None:
    found = read(us(), cancer(), CHEMO, observation(code, value, ON))
    assert response(found) == expected
    if expected:
        assert found.facts["chemotherapy_response"]["assessed_on"] == ON


def test_a_recist_observation_is_known_by_its_method_or_its_code(read) -> None:
    by_method = observation("99999-9", {"text": "SD"}, ON, method=concept("C111544", system=NCIT))
    by_code = observation(concept("C111544", system=NCIT), {"text": "SD"}, ON)
    for each in (by_method, by_code):
        assert response(read(us(), cancer(), CHEMO, each)) == "SD"
    assert response(read(us(), cancer(), CHEMO, observation("99999-9", {"text": "SD"}, ON))) is None


def test_recist_is_preferred_to_a_status_of_about_the_same_day(read) -> None:
    found = read(
        us(),
        cancer(),
        CHEMO,
        observation(PROGRESSION, {"text": "SD"}, "2026-08-20"),
        observation(PROGRESSION, IMPROVED, ON),
    )
    assert response(found) == "SD"
    assert found.provenance["chemotherapy_response"]["runner_up"]["value"] == "responded"
    later = observation(PROGRESSION, WORSENED, "2026-10-15")
    assert response(read(us(), cancer(), CHEMO, observation(PROGRESSION, {"text": "SD"}, "2026-06-01"), later)) == "PD"


def test_the_newest_assessment_counts(read) -> None:
    found = read(
        us(), cancer(), CHEMO, observation(PROGRESSION, STABLE, ON), observation(PROGRESSION, IMPROVED, "2026-06-01")
    )
    assert response(found) == "SD"
    assert found.provenance["chemotherapy_response"]["runner_up"]["why"] == "it is older"


def test_two_assessments_of_one_day_that_disagree_are_a_conflict(read) -> None:
    found = read(us(), cancer(), CHEMO, observation(PROGRESSION, STABLE, ON), observation(PROGRESSION, WORSENED, ON))
    assert response(found) is None
    assert found.data_conflicts[0]["fact"] == "chemotherapy_response"


@pytest.mark.parametrize(
    ("on", "counts"), [("2026-02-28", False), (DOSE, False), ("2026-03-02", True), ("2026", False), (None, False)]
)
def test_only_after_the_first_dose(read, on: str | None, counts) -> None:
    found = read(us(), cancer(), CHEMO, observation(PROGRESSION, STABLE, on))
    assert (response(found) == "SD") is counts
    assert bool(reasons(found, "o-97509")) is not counts


def test_without_systemic_therapy_improved_says_nothing_about_it(read) -> None:
    found = read(us(), cancer(), observation(PROGRESSION, IMPROVED, ON))
    assert response(found) is None
    assert "no systemic therapy" in reasons(found, "o-97509")[0]


def test_an_order_does_not_make_it_a_response(read) -> None:
    ordered = given(PACLITAXEL, DOSE, kind="MedicationRequest", authoredOn=DOSE)
    assert response(read(us(), cancer(), ordered, observation(PROGRESSION, IMPROVED, ON))) is None


@pytest.mark.parametrize("drug", [LETROZOLE, "1601374", "224905", "1547545", "1597582"])
def test_a_response_to_any_class_of_therapy(read, drug: str) -> None:
    assert response(read(us(), cancer(), given(drug, "2026-08-01"), observation(PROGRESSION, STABLE, ON))) == "SD"


def test_a_new_line_makes_older_assessments_history(read) -> None:
    second = given(LETROZOLE, "2026-10-01")
    assert response(read(us(), cancer(), CHEMO, second, observation(PROGRESSION, WORSENED, ON))) is None
    assert response(read(us(), cancer(), CHEMO, second, observation(PROGRESSION, STABLE, "2026-11-01"))) == "SD"


def test_after_surgery_a_status_describes_what_is_left(read) -> None:
    gone = procedure("172043006", "2026-08-01", LEFT)
    found = read(us(), cancer(), CHEMO, gone, observation(PROGRESSION, IMPROVED, ON))
    assert response(found) is None
    assert "after an operation" in reasons(found, "o-97509")[0]
    assert response(read(us(), cancer(), CHEMO, gone, observation(PROGRESSION, IMPROVED, "2026-07-01"))) == "responded"


def test_an_operation_before_the_current_line_is_not_its_next_step(read) -> None:
    first = cancer("2020-01-10")
    gone, bone = procedure("172043006", "2020-03-01", LEFT), condition("C79.51", "2026-02-20", CM)
    assert response(read(us(), first, gone, bone, CHEMO, observation(PROGRESSION, STABLE, ON))) == "SD"


def test_therapy_from_long_before_the_metastases_is_not_the_current_one(read) -> None:
    adjuvant, bone = given(LETROZOLE, "2020-06-01"), condition("C79.51", "2026-02-20", CM)
    found = read(us(), cancer("2020-01-10"), adjuvant, bone, observation(PROGRESSION, WORSENED, ON))
    assert response(found) is None
    assert "long before" in reasons(found, "o-97509")[0]


def test_a_status_of_another_condition_is_not_this_cancers(read) -> None:
    other = observation(PROGRESSION, WORSENED, ON, focus=[{"reference": "Condition/lung"}])
    assert response(read(us(), cancer(), CHEMO, other)) is None
    ours = observation(PROGRESSION, WORSENED, ON, focus=[{"reference": "Condition/cancer"}])
    assert response(read(us(), cancer(), CHEMO, ours)) == "PD"


def test_preliminary_counts_only_without_a_final_one(read) -> None:
    early = observation(RESPONSE, WORSENED, ON, status="preliminary")
    assert response(read(us(), cancer(), CHEMO, early)) == "PD"
    later = observation(RESPONSE, STABLE, "2026-09-02")
    assert response(read(us(), cancer(), CHEMO, early, later)) == "SD"
    assert response(read(us(), cancer(), CHEMO, early, later | {"effectiveDateTime": "2026-08-01"})) is None


def test_the_german_overall_assessment(read) -> None:
    base = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/"
    for code, expected in (("V", "CR"), ("T", "PR"), ("K", "SD"), ("P", "PD"), ("B", None), ("D", None)):
        value = concept(code, system=f"{base}mii-cs-onko-verlauf-gesamtbeurteilung")
        assert response(read(us(), cancer(), CHEMO, observation("396432002", value, ON, SCT))) == expected


def test_a_date_of_a_month_is_taken_at_its_first_day(read) -> None:
    found = read(us(), cancer(), CHEMO, observation(PROGRESSION, STABLE, "2026-09", LOINC))
    assert found.facts["chemotherapy_response"] == {"overall": "SD", "assessed_on": "2026-09-01"}


MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-verlauf-gesamtbeurteilung"


@pytest.mark.parametrize(
    "contrary",
    [
        observation(RESPONSE, {"text": "Progressive disease in liver"}, "2026-09-10"),
        observation(RESPONSE, "709137006", "2026-09-10"),
        observation(RESPONSE, concept((MII, "D")), "2026-09-10"),
        observation(RESPONSE, concept((MII, "Y")), "2026-09-10"),
        observation(RESPONSE, "709137006", None),
        observation(RESPONSE, WORSENED, "2026-09-10", status="preliminary"),
        observation(RESPONSE, WORSENED, "2026-09-10", bodySite=concept("10200004")),
        condition("C79.31", "2026-11-01", CM),
    ],
)
def test_nothing_newer_may_say_otherwise(read, contrary: dict) -> None:
    """An against must not rest on a response that may be over."""
    disease = condition("C78.7", "2026-01-20", CM)
    found = read(us(), cancer(), disease, CHEMO, observation(RESPONSE, IMPROVED, ON), contrary)
    assert response(found) is None
    (conflict,) = [each for each in found.data_conflicts if each["fact"] == "chemotherapy_response"]
    assert any(contrary["id"] in label for label in conflict["resources"])


@pytest.mark.parametrize(
    "harmless",
    [
        observation(RESPONSE, "709137006", "2026-08-10"),
        condition("C78.7", "2026-11-01", CM, id="again"),
        condition("C79.31", "2026-06-01", CM),
    ],
)
def test_what_is_older_or_known_does_not_touch_a_response(read, harmless: dict) -> None:
    disease = condition("C78.7", "2026-01-20", CM)
    assert response(read(us(), cancer(), disease, CHEMO, observation(RESPONSE, IMPROVED, ON), harmless)) == "responded"


def test_a_category_and_a_later_status_that_contradict_are_both_told(read) -> None:
    partial = observation(RESPONSE, {"text": "PR"}, ON)
    found = read(us(), cancer(), CHEMO, partial, observation(PROGRESSION, WORSENED, "2026-09-26"))
    assert response(found) is None
    assert found.data_conflicts[0]["values"] == ["PR", "PD"]


def test_a_response_of_one_place_is_not_the_whole(read) -> None:
    found = read(us(), cancer(), CHEMO, observation(RESPONSE, IMPROVED, ON, bodySite=concept(LEFT)))
    assert response(found) is None
    assert "one place" in reasons(found, RESPONSE)[0]


def test_a_line_ends_half_a_year_after_its_last_dose(read) -> None:
    dose = given(PACLITAXEL, "2026-03-01")
    assert response(read(us(), cancer(), dose, observation(PROGRESSION, STABLE, "2026-08-28"))) == "SD"
    found = read(us(), cancer(), dose, observation(PROGRESSION, STABLE, "2026-08-29"))
    assert response(found) is None
    assert "180 days" in reasons(found, PROGRESSION)[0]
    within = observation(PROGRESSION, IMPROVED, "2026-06-01")
    both = read(us(), cancer(), dose, within, observation(PROGRESSION, STABLE, "2026-10-01"))
    assert response(both) is None
    assert both.data_conflicts[0]["fact"] == "chemotherapy_response"
    again = read(us(), cancer(), dose, within, observation(PROGRESSION, IMPROVED, "2026-10-01"))
    assert again.facts["chemotherapy_response"]["assessed_on"] == "2026-06-01"


def test_progression_after_its_last_dose_ends_a_line(read) -> None:
    dose, worse = given(PACLITAXEL, "2026-07-01"), observation(PROGRESSION, WORSENED, "2026-09-01")
    assert response(read(us(), cancer(), dose, worse)) == "PD"
    found = read(us(), cancer(), dose, worse, observation(PROGRESSION, STABLE, "2026-11-01"))
    assert response(found) is None
    assert found.data_conflicts
    assert response(read(us(), cancer(), CHEMO, worse, observation(PROGRESSION, STABLE, "2026-11-01"))) == "SD"
