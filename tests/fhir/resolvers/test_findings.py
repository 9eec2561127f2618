"""Complications of the primary: no public data show them, and none may be lost."""

import pytest

from tests.fhir.building import (
    BREAST,
    CHEST_WALL,
    CM,
    GRADE,
    LEFT,
    MEDDRA,
    RIGHT,
    SCT,
    US,
    cancer,
    concept,
    condition,
    days_ago,
    observation,
    procedure,
    reasons,
    us,
)

BLEEDING, ULCER, CELLULITIS, PAIN, SEPSIS = "52297004", "46742003", "75817003", "53430007", "91302008"
ON = "2026-11-01"


def complications(found) -> dict:
    return found.facts.get("complications", {})


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (SCT, BLEEDING, {"bleeding": "present"}),
        (SCT, PAIN, {"pain": "present"}),
        (CM, "N64.4", {"pain": "present"}),
        (SCT, CELLULITIS, {"infection": "present"}),
        (SCT, "28432003", {"infection": "present"}),
        (SCT, "7079009", {"infection": "present"}),
        (CM, "N61.0", {"infection": "present"}),
        (CM, "N61.1", {"infection": "present"}),
        (CM, "L98.441", {"ulceration": "present"}),
        (CM, "L98.443", {"ulceration": {"presence": "present", "grade": 4}}),
        (CM, "L98.444", {"ulceration": {"presence": "present", "grade": 4}}),
        (MEDDRA, "10055351", {"bleeding": "present"}),
    ],
)
def test_codes_that_say_the_breast_themselves(read, system: str, code: str, expected: dict) -> None:
    found = read(us(), cancer(), condition(code, ON, system))
    assert complications(found) == expected
    assert reasons(found) == []


@pytest.mark.parametrize(
    ("system", "code", "kind"),
    [
        (SCT, ULCER, "ulceration"),
        (SCT, "429040005", "ulceration"),
        (CM, "L98.499", "ulceration"),
        (SCT, "131148009", "bleeding"),
        (CM, "R58", "bleeding"),
        (SCT, "128045006", "infection"),
        (CM, "L03.313", "infection"),
        (SCT, "95347000", "chest_wall_necrosis"),
        (CM, "G89.3", "pain"),
        (SCT, SEPSIS, "sepsis_signs"),
        (CM, "A41.9", "sepsis_signs"),
        (CM, "R65.21", "sepsis_signs"),
    ],
)
def test_general_codes_need_the_breast_or_a_link_and_are_told_without(read, system: str, code: str, kind: str) -> None:
    alone = read(us(), cancer(), condition(code, ON, system))
    assert complications(alone) == {}
    told = [each["fact"] for each in alone.data_conflicts] if kind == "sepsis_signs" else reasons(alone, code)
    assert kind in told[0]
    for site in (BREAST, LEFT, CHEST_WALL):
        assert complications(read(us(), cancer(), condition(code, ON, system, bodySite=[concept(site)]))) == {
            kind: "present"
        }
    due = {
        "url": "http://hl7.org/fhir/StructureDefinition/condition-dueTo",
        "valueReference": {"reference": "Condition/cancer"},
    }
    assert complications(read(us(), cancer(), condition(code, ON, system, extension=[due]))) == {kind: "present"}
    evidence = [{"detail": [{"reference": "Condition/cancer"}]}]
    assert complications(read(us(), cancer(), condition(code, ON, system, evidence=evidence))) == {kind: "present"}


@pytest.mark.parametrize("code", ["290113009", "403458008"])
def test_hints_never_count_and_are_told(read, code: str) -> None:
    found = read(us(), cancer(), condition(code, ON))
    assert complications(found) == {}
    assert reasons(found, code)


@pytest.mark.parametrize("code", ["N64.52", "N64.59", "N64.89", "D62", "N64.1", "T81.49XA", "L58.9", "I97.2", "O91.1"])
def test_hints_and_effects_of_treatment_never_count_and_are_told(read, code: str) -> None:
    found = read(us(), cancer(), condition(code, ON, CM))
    assert complications(found) == {}
    assert reasons(found, code)


def test_sepsis_counts_beside_an_infection_of_the_breast(read) -> None:
    found = read(us(), cancer(), condition(SEPSIS, ON), condition(CELLULITIS, ON))
    assert complications(found) == {"infection": "present", "sepsis_signs": "present"}


def test_sepsis_of_these_days_counts_whatever_its_source(read) -> None:
    """The guideline's emergency counts any sepsis sign."""
    for sick in (
        condition(SEPSIS, days_ago(14)),
        condition(SEPSIS, None),
        condition(SEPSIS, days_ago(60), recordedDate=days_ago(3)),
        condition("R65.21", days_ago(1), CM),
        condition("A40.3", days_ago(1), CM),
        condition("76571007", days_ago(1)),
        condition("76571007", days_ago(1), clinical=None),
    ):
        found = read(us(), cancer(), sick)
        assert complications(found) == {"sepsis_signs": "present"}, sick
        assert "not stated" in found.provenance["complications.sepsis_signs"]["why"]


def test_an_older_sepsis_of_no_known_source_is_told_and_forbids_absent(read) -> None:
    well = observation(SEPSIS, value=False, on=days_ago(1), system=SCT)
    for sick in (condition(SEPSIS, days_ago(15)), condition(SEPSIS, None, clinical=None)):
        found = read(us(), cancer(), sick)
        assert complications(found) == {}
        (conflict,) = found.data_conflicts
        assert (conflict["fact"], conflict["values"]) == ("complications.sepsis_signs", ["present"])
        assert "emergency" in conflict["detail"]
        assert complications(read(us(), cancer(), sick, well)) == {}
    over = condition(SEPSIS, days_ago(15), clinical="resolved")
    assert complications(read(us(), cancer(), over, well)) == {"sepsis_signs": "absent"}


def test_the_other_breast_is_not_this_tumours(read) -> None:
    found = read(us(), cancer(), condition(BLEEDING, ON, bodySite=[concept(RIGHT)]))
    assert complications(found) == {}
    assert "other breast" in reasons(found, BLEEDING)[0]
    assert complications(read(us(), cancer(), condition("15866531000119109", ON))) == {}
    assert complications(read(us(), cancer(), condition("15866491000119109", ON))) == {"infection": "present"}


def test_an_unknown_side_counts(read) -> None:
    assert complications(read(us(), cancer(code="C50.919"), condition(BLEEDING, ON, bodySite=[concept(RIGHT)])))
    url = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-laterality-qualifier"
    right = concept(BREAST) | {"extension": [{"url": url, "valueCodeableConcept": concept("24028007")}]}
    assert not complications(read(us(), cancer(), condition(BLEEDING, ON, bodySite=[right])))


@pytest.mark.parametrize("clinical", ["inactive", "remission", "resolved"])
def test_what_is_over_is_history(read, clinical: str) -> None:
    found = read(us(), cancer(), condition(BLEEDING, ON, clinical=clinical))
    assert complications(found) == {}
    assert "history" in reasons(found, BLEEDING)[0]


@pytest.mark.parametrize("clinical", ["active", "recurrence", "relapse", None])
def test_what_is_active_or_does_not_say_counts(read, clinical: str | None) -> None:
    assert complications(read(us(), cancer(), condition(BLEEDING, ON, clinical=clinical))) == {"bleeding": "present"}


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_what_is_refuted_is_dropped_and_not_absent(read, status: str) -> None:
    found = read(us(), cancer(), condition(BLEEDING, ON, verificationStatus=concept(status)))
    assert complications(found) == {}
    assert reasons(found, BLEEDING)


def test_before_the_diagnosis_it_is_not_this_tumours(read) -> None:
    assert complications(read(us(), cancer(), condition(BLEEDING, "2025-06-01"))) == {}
    assert complications(read(us(), cancer(None, recordedDate="2026-01-10"), condition(BLEEDING, "2025-06-01")))
    assert complications(read(us(), cancer(), condition(BLEEDING, None))) == {"bleeding": "present"}


def test_a_later_mastectomy_on_that_side_ends_it(read) -> None:
    left, right = procedure("428571003", "2026-11-10"), procedure("429400009", "2026-11-10")
    found = read(us(), cancer(), condition(BLEEDING, ON), left)
    assert complications(found) == {}
    assert "removed afterwards" in reasons(found, BLEEDING)[0]
    assert complications(read(us(), cancer(), condition(BLEEDING, ON), right)) == {"bleeding": "present"}
    earlier = procedure("428571003", "2026-10-01")
    assert complications(read(us(), cancer(), condition(BLEEDING, ON), earlier)) == {"bleeding": "present"}


@pytest.mark.parametrize("looked", [(), (observation(BLEEDING, value=False, on=days_ago(3), system=SCT),)])
def test_where_the_cancer_came_back_an_operation_ends_no_complication(read, looked: tuple) -> None:
    """Found by the fuzzer: the record told that nobody knows of a tumour in place, and that it was removed."""
    found = read(
        us(), cancer(clinical="recurrence"), condition(BLEEDING, ON), procedure("428571003", "2026-11-10"), *looked
    )
    assert complications(found) == {}
    assert "primary_tumour" not in found.facts
    assert {each["fact"] for each in found.data_conflicts} == {"complications.bleeding"}
    assert any("came back" in each["detail"] for each in found.data_conflicts)


def test_what_is_unsure_about_one_finding_is_no_conflict_beside_another_that_is_stated(read) -> None:
    """A conflict leaves its fact unknown; found by chance in the suite: it stood beside a bleeding that was stated."""
    again = condition(BLEEDING, days_ago(3), id="again")
    removed = procedure("428571003", "2026-11-10")
    found = read(us(), cancer(clinical="recurrence"), condition(BLEEDING, ON, id="before"), again, removed)
    assert complications(found) == {"bleeding": "present"}
    assert found.data_conflicts == []
    assert any("stands beside another" in each["reason"] for each in found.ignored)


@pytest.mark.parametrize(("bled", "operated"), [(None, "2026-11-10"), (ON, None), ("2026-11", "2026-11-10")])
def test_where_the_order_is_not_known_it_is_a_conflict(read, bled: str | None, operated: str | None) -> None:
    found = read(us(), cancer(), condition(BLEEDING, bled), procedure("428571003", operated))
    assert complications(found) == {}
    assert found.data_conflicts[0]["fact"] == "complications.bleeding"


def test_absence_in_the_record_is_unknown(read) -> None:
    assert "complications" not in read(us(), cancer()).facts


@pytest.mark.parametrize("value", [False, "2667000", "260415000", "260385009"])
def test_an_examination_may_say_absent(read, value) -> None:
    found = read(us(), cancer(), observation(BLEEDING, value, days_ago(3), SCT))
    assert complications(found) == {"bleeding": "absent"}


def test_an_old_or_undated_examination_does_not_say_that_it_is_absent_today(read) -> None:
    for on in (days_ago(43), None):
        found = read(us(), cancer(), observation(BLEEDING, value=False, on=on, system=SCT))
        assert complications(found) == {}
        assert reasons(found, "o-5229")
    assert complications(read(us(), cancer(), observation(BLEEDING, value=False, on=days_ago(42), system=SCT)))


def test_no_sepsis_needs_no_body_site(read) -> None:
    assert complications(read(us(), cancer(), observation(SEPSIS, value=False, on=days_ago(1), system=SCT))) == {
        "sepsis_signs": "absent"
    }


def test_an_observation_may_say_present(read) -> None:
    assert complications(read(us(), cancer(), observation(BLEEDING, value=True, on=ON, system=SCT))) == {
        "bleeding": "present"
    }
    assert complications(read(us(), cancer(), observation(BLEEDING, "52101004", ON, SCT))) == {"bleeding": "present"}


@pytest.mark.parametrize("value", [None, {"text": "none seen"}, "261665006"])
def test_an_observation_without_a_readable_value_is_told(read, value) -> None:
    found = read(us(), cancer(), observation(BLEEDING, value, ON, SCT))
    assert complications(found) == {}
    assert "neither present nor absent" in reasons(found, "o-5229")[0]


def test_components_of_an_examination(read) -> None:
    part = [{"code": concept(BLEEDING), "valueBoolean": True}, {"code": concept(CELLULITIS), "valueBoolean": False}]
    found = read(us(), cancer(), observation("32422-8", None, days_ago(2), component=part))
    assert complications(found) == {"bleeding": "present", "infection": "absent"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"valueInteger": 3}, {"presence": "present", "grade": 3}),
        ({"valueInteger": 0}, "absent"),
        ({"valueInteger": 5}, None),
        ({"extension": [{"url": GRADE, "valueCodeableConcept": concept("4", system="http://hl7.org/fhir/us/ctcae/CodeSystem/ctcae-grade-code-system")}]},
         {"presence": "present", "grade": 4}),
        ({"extension": [{"url": GRADE, "valueInteger": 2}]}, {"presence": "present", "grade": 2}),
        ({"component": [{"code": concept("x"), "valueInteger": 2}]}, {"presence": "present", "grade": 2}),
    ],
)  # fmt: skip
def test_ctcae_grades(read, more: dict, expected) -> None:
    found = read(us(), cancer(), observation("10055351", None, days_ago(1), MEDDRA, **more))
    assert complications(found).get("bleeding") == expected


def test_a_number_of_another_scale_is_no_grade(read) -> None:
    other = [{"code": concept("x"), "valueCodeableConcept": concept("4", system="http://example.org/ctcae-grade-like")}]
    found = read(us(), cancer(), observation(BLEEDING, value=True, on=ON, system=SCT, component=other))
    assert complications(found) == {"bleeding": {"presence": "present", "grade": 4}}
    other = [{"code": concept("x"), "valueCodeableConcept": concept("4", system="http://example.org/pain-scale")}]
    found = read(us(), cancer(), observation(BLEEDING, value=True, on=ON, system=SCT, component=other))
    assert complications(found) == {"bleeding": "present"}


@pytest.mark.parametrize(
    "value", [{"valueInteger": 4}, {"valueCode": "4"}, {"valueCodeableConcept": {"coding": [{"code": "4"}]}}]
)
def test_a_grade_in_its_extension_needs_no_code_system(read, value: dict) -> None:
    """Grade 4 is an emergency; it must not be lost for want of a system."""
    graded = condition(BLEEDING, ON, extension=[{"url": GRADE, **value}])
    assert complications(read(us(), cancer(), graded)) == {"bleeding": {"presence": "present", "grade": 4}}


def test_the_worst_grade_of_the_newest_day(read) -> None:
    third = condition(BLEEDING, ON, extension=[{"url": GRADE, "valueInteger": 3}], id="g3")
    second = condition(BLEEDING, ON, extension=[{"url": GRADE, "valueInteger": 2}], id="g2")
    assert complications(read(us(), cancer(), second, third)) == {"bleeding": {"presence": "present", "grade": 3}}


def test_the_newest_of_two_examinations(read) -> None:
    bled, dry = (
        observation(BLEEDING, value=True, on="2026-11-01", system=SCT),
        observation(BLEEDING, value=False, on="2026-11-15", system=SCT),
    )
    found = read(us(), cancer(), bled, dry)
    assert complications(found) == {"bleeding": "absent"}
    assert found.provenance["complications.bleeding"]["runner_up"]["value"] == "present"
    assert complications(read(us(), cancer(), dry, condition(BLEEDING, "2026-11-20"))) == {"bleeding": "present"}


def test_present_wins_on_one_day_and_the_contradiction_is_told(read) -> None:
    dry = observation(BLEEDING, value=False, on=ON, system=SCT)
    for bled in (condition(BLEEDING, ON), condition(BLEEDING, None)):
        found = read(us(), cancer(), bled, dry)
        assert complications(found) == {"bleeding": "present"}
        (conflict,) = found.data_conflicts
        assert (conflict["fact"], conflict["values"]) == ("complications.bleeding", ["present", "absent"])


def test_a_grade_outweighs_absent_in_one_resource(read) -> None:
    torn = observation(BLEEDING, "2667000", ON, SCT, extension=[{"url": GRADE, "valueInteger": 4}])
    found = read(us(), cancer(), torn)
    assert complications(found) == {"bleeding": {"presence": "present", "grade": 4}}
    assert found.data_conflicts[0]["values"] == ["present", "absent"]


def test_preliminary_counts_for_present_and_never_for_absent(read) -> None:
    dry = observation(BLEEDING, value=False, on="2026-11-10", system=SCT)
    early = observation("10055351", 4, "2026-11-22", MEDDRA, status="preliminary")
    assert complications(read(us(), cancer(), dry, early)) == {"bleeding": {"presence": "present", "grade": 4}}
    assert complications(read(us(), cancer(), dry | {"status": "preliminary"})) == {}


def test_an_active_condition_beside_a_newer_examination_is_unknown(read) -> None:
    dry = observation(ULCER, value=False, on="2026-10-20", system=SCT, bodySite=concept(LEFT))
    ulcer = condition(ULCER, "2026-07-01", bodySite=[concept(LEFT)], recordedDate="2026-11-22")
    for each in (ulcer, ulcer | {"recordedDate": "2026-07-01"}, {**ulcer, "clinicalStatus": None}):
        found = read(us(), cancer(), dry, each)
        assert complications(found) == {}
        assert found.data_conflicts[0]["fact"] == "complications.ulceration"
    over = condition(ULCER, "2026-07-01", bodySite=[concept(LEFT)], clinical="resolved")
    assert complications(read(us(), cancer(), dry, over)) == {"ulceration": "absent"}


def test_what_is_old_is_to_be_examined_again(read) -> None:
    for old, recent in (
        (
            observation(BLEEDING, value=True, on=days_ago(121), system=SCT),
            observation(BLEEDING, value=True, on=days_ago(120), system=SCT),
        ),
        (
            condition(BLEEDING, days_ago(121), clinical=None),
            condition(BLEEDING, days_ago(120), clinical=None),
        ),
    ):
        found = read(us(), cancer(), old)
        assert complications(found) == {}
        assert "examine again" in found.data_conflicts[0]["detail"]
        assert complications(read(us(), cancer(), recent)) == {"bleeding": "present"}
    assert complications(read(us(), cancer(), condition(BLEEDING, days_ago(200)))) == {"bleeding": "present"}


def test_granulomatous_mastitis_is_no_proof_of_an_infection(read) -> None:
    assert complications(read(us(), cancer(), condition("N61.22", ON, CM))) == {}


def adverse_event(code: str, on: str | None = days_ago(1), grade: int | None = None, **more: object) -> dict:
    event = {"resourceType": "AdverseEvent", "id": f"ae-{code}", "actuality": "actual", "subject": US,
             "event": concept(code, system=MEDDRA)}  # fmt: skip
    graded = {"extension": [{"url": GRADE, "valueInteger": grade}]} if grade is not None else {}
    return event | ({"date": on} if on else {}) | graded | more


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (adverse_event("10055351"), {"bleeding": "present"}),
        (adverse_event("10055351", grade=2), {"bleeding": {"presence": "present", "grade": 2}}),
        (adverse_event("10040047", grade=4), {"sepsis_signs": {"presence": "present", "grade": 4}}),
        (adverse_event("10006259", grade=4), {"infection": {"presence": "present", "grade": 4}}),
        (adverse_event("10048831", grade=4), {"chest_wall_necrosis": {"presence": "present", "grade": 4}}),
        (
            adverse_event("10055351") | {"event": None, "code": concept("10055351", system=MEDDRA)},
            {"bleeding": "present"},
        ),
        (adverse_event("10006259", grade=3), {}),
        (adverse_event("10048831"), {}),
        (adverse_event("10006298", grade=3), {}),
        (adverse_event("10048038", grade=4), {}),
        (adverse_event("10055351", grade=0), {}),
        (adverse_event("10055351", grade=5), {}),
        (adverse_event("10055351", actuality="potential"), {}),
        (adverse_event("10055351", outcome=concept("resolved")), {}),
        (adverse_event("10055351", on="2025-06-01"), {}),
        (adverse_event("10040047", on=days_ago(15)), {}),
    ],
)
def test_an_adverse_event_that_names_an_emergency_is_present(read, event: dict, expected: dict) -> None:
    found = read(us(), cancer(), event)
    assert complications(found) == expected
    assert bool(expected) or reasons(found, "AdverseEvent")
    assert not found.data_conflicts


def test_any_other_adverse_event_is_of_the_treatment_and_told(read) -> None:
    nausea = adverse_event("10028813")
    assert "treatment" in reasons(read(us(), cancer(), nausea), "AdverseEvent")[0]


def test_bleeding_without_a_known_cancer_is_told(read) -> None:
    for other in ((), (condition("I10", system=CM),)):
        found = read(us(), condition(BLEEDING, ON), *other)
        assert complications(found) == {}
        assert "no breast cancer" in reasons(found, BLEEDING)[0]


def test_text_about_a_complication_is_told(read) -> None:
    found = read(us(), cancer(), condition({"text": "No bleeding from the breast"}, ON))
    assert complications(found) == {}
    assert "text" in reasons(found)[0]


def test_a_hint_beside_the_code_does_not_hide_it(read) -> None:
    found = read(us(), cancer(), condition(concept((CM, "N64.59"), (SCT, BLEEDING)), ON))
    assert complications(found) == {"bleeding": "present"}


def test_a_value_may_name_the_finding(read) -> None:
    symptom = observation("75325-1", BLEEDING, ON)
    assert complications(read(us(), cancer(), symptom)) == {"bleeding": "present"}
    graded = observation("75325-1", concept((MEDDRA, "10055351")), ON, extension=[{"url": GRADE, "valueInteger": 4}])
    assert complications(read(us(), cancer(), graded)) == {"bleeding": {"presence": "present", "grade": 4}}
    assert complications(read(us(), cancer(), observation("75325-1", ULCER, ON))) == {}
    ulcer = observation("75325-1", ULCER, ON, bodySite=concept(LEFT))
    assert complications(read(us(), cancer(), ulcer)) == {"ulceration": "present"}


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("Encounter", "reasonCode"),
        ("ServiceRequest", "reasonCode"),
        ("DiagnosticReport", "conclusionCode"),
        ("Flag", "code"),
    ],
)
def test_a_complication_named_elsewhere_is_told(read, kind: str, member: str) -> None:
    named = {"resourceType": kind, "id": "x", "subject": US, member: [concept(BLEEDING)]}
    found = read(us(), cancer(), named)
    assert complications(found) == {}
    assert "bleeding" in reasons(found, kind)[0]


def test_a_modifier_extension_may_negate_and_is_told(read) -> None:
    negated = condition(BLEEDING, ON, modifierExtension=[{"url": "http://example.org/negated", "valueBoolean": True}])
    found = read(us(), cancer(), negated)
    assert complications(found) == {}
    assert "modifier extension" in reasons(found, BLEEDING)[0]


def test_an_abatement_ends_what_does_not_say_that_it_is_active(read) -> None:
    for over in ({"abatementDateTime": "2026-11-10"}, {"abatementString": "last week"}):
        assert complications(read(us(), cancer(), condition(BLEEDING, ON, clinical=None, **over))) == {}
        assert complications(read(us(), cancer(), condition(BLEEDING, ON, **over))) == {"bleeding": "present"}
    still = condition(BLEEDING, ON, clinical=None, abatementBoolean=False)
    assert complications(read(us(), cancer(), still)) == {"bleeding": "present"}


YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"valueString": "Yes"}, "present"),
        ({"valueString": " no "}, "absent"),
        ({"valueString": "present"}, "present"),
        ({"valueString": "no longer, but yes last week"}, None),
        ({"valueCodeableConcept": concept(("http://example.org/yes-no", "1", "Yes"))}, "present"),
        ({"valueCodeableConcept": concept(("http://example.org/yes-no", "1"))}, None),
        ({"valueCodeableConcept": {"text": "Absent"}}, "absent"),
        ({"valueCodeableConcept": concept("Y", system=YES_NO)}, "present"),
        ({"valueCodeableConcept": concept("N", system=YES_NO)}, "absent"),
        ({"interpretation": [concept("POS", system=INTERPRETATION)]}, "present"),
        ({"interpretation": concept("NEG", system=INTERPRETATION)}, "absent"),
        ({"interpretation": [concept("H", system=INTERPRETATION)]}, None),
        ({"valueBoolean": False, "interpretation": [concept("POS", system=INTERPRETATION)]}, "present"),
    ],
)
def test_yes_and_no_in_words_and_other_codes(read, more: dict, expected: str | None) -> None:
    found = read(us(), cancer(), observation(BLEEDING, None, days_ago(1), SCT, **more))
    assert complications(found).get("bleeding") == expected
    assert expected or reasons(found, "o-5229")


def test_what_a_value_and_its_interpretation_contradict_is_told(read) -> None:
    torn = observation(BLEEDING, value=False, on=days_ago(1), system=SCT,
                       interpretation=[concept("POS", system=INTERPRETATION)])  # fmt: skip
    assert read(us(), cancer(), torn).data_conflicts[0]["values"] == ["present", "absent"]


@pytest.mark.parametrize("site", ["24142002", "76365002", "77831004", "33564002", "19100000", "110501003"])
def test_a_part_of_the_breast_is_the_breast(read, site: str) -> None:
    assert complications(read(us(), cancer(), condition("131148009", ON, bodySite=[concept(site)]))) == {
        "bleeding": "present"
    }


def test_a_part_of_the_other_breast_is_not(read) -> None:
    assert complications(read(us(), cancer(), condition("131148009", ON, bodySite=[concept("110496004")]))) == {}
