"""Distant metastasis: its status, when it was found, and where it was then; one test a rule."""

import pytest

from tests.fhir.building import (
    CHEST_WALL,
    CM,
    CM0,
    CM1,
    GM,
    ICD10,
    LOINC,
    OLD,
    SCT,
    bundle,
    cancer,
    concept,
    condition,
    given,
    observation,
    procedure,
    reasons,
    us,
)

CLINICAL_M, PATHOLOGIC_M = "21907-1", "21901-4"
STAGE_GROUP = "21908-9"
DIAGNOSED = "2026-01-10"


def status(found) -> str | None:
    return found.facts.get("metastatic_status")


@pytest.mark.parametrize(
    ("system", "code"),
    [(CM, "C79.51"), (CM, "C78.7"), (CM, "C7800"), (ICD10, "C78.0"), (GM, "C79.3"), (SCT, "94222008"),
     (SCT, "128462008"), (SCT, "315004001"), (CM, "C77.2"), (SCT, "94408005"), (CM, "C80.0")],
)  # fmt: skip
def test_a_distant_secondary_is_m1(read, system: str, code: str) -> None:
    assert status(read(us(), cancer(), condition(code, "2026-01-20", system))) == "M1"


@pytest.mark.parametrize(
    ("system", "code"),
    [(CM, "C77.3"), (ICD10, "C77.3"), (SCT, "94181007"), (SCT, "94338000"), (CM, "C77.0"), (CM, "C77.1"), (CM, "C77.8"),
     (CM, "C77.9"), (CM, "C77"), (CM, "C79.81"), (SCT, "145501000119108"), (SCT, "94253005"), (SCT, "94544002"),
     (CM, "C79.2"), (CM, "J91.0"), (SCT, "1287652008"), (SCT, "315006004"), (SCT, "285605009")],
)  # fmt: skip
def test_regional_indeterminate_and_foreign_secondaries_are_not_m1_and_are_told(read, system: str, code: str) -> None:
    found = read(us(), cancer(), condition(code, "2026-01-20", system))
    assert status(found) is None
    assert reasons(found, code)


@pytest.mark.parametrize(
    ("site", "expected"),
    [("68171009", None), ("76752008", None), (CHEST_WALL, None), ("272673000", "M1"), ("999000", None)],
)
def test_a_generic_secondary_is_placed_by_its_body_site(read, site: str, expected: str | None) -> None:
    assert status(read(us(), cancer(), condition("128462008", "2026-01-20", bodySite=[concept(site)]))) == expected


@pytest.mark.parametrize(
    ("code", "system", "value", "expected"),
    [
        (CLINICAL_M, LOINC, (SCT, CM0), "M0"),
        (CLINICAL_M, LOINC, (SCT, "1229902004"), "M0(i+)"),
        (CLINICAL_M, LOINC, (SCT, "30893008"), "M0"),
        (CLINICAL_M, "https://loinc.org", (SCT, CM1), "M1"),
        (PATHOLOGIC_M, LOINC, (SCT, "1229916009"), "M1"),
        (CLINICAL_M, LOINC, (SCT, "55440008"), "M1"),
        ("399387003", SCT, (SCT, CM1), "M1"),
        (CLINICAL_M, LOINC, (OLD, "cM0"), "M0"),
        (CLINICAL_M, LOINC, (OLD, "cM1"), "M1"),
        (STAGE_GROUP, LOINC, (SCT, "1222837003"), "M1"),
        (STAGE_GROUP, LOINC, (OLD, "4"), "M1"),
        (STAGE_GROUP, LOINC, (SCT, "258228008"), "M1"),
        ("399537006", SCT, (SCT, "1222769001"), "M0"),
        ("97509-4", LOINC, (SCT, "399409002"), "M1"),
        ("44667-4", LOINC, (SCT, "272673000"), "M1"),
        ("44667-4", LOINC, (SCT, "260413007"), None),
        ("85343-2", LOINC, (SCT, CM1), None),
        ("21908-9", LOINC, (SCT, "369792005"), None),
    ],
)  # fmt: skip
def test_staging_observations_of_every_generation(read, code, system, value, expected) -> None:
    found = read(us(), cancer(), observation(code, concept(value), DIAGNOSED, system))
    assert status(found) == expected


@pytest.mark.parametrize(("said", "expected"), [("IV", "M1"), ("Stage IV", "M1"), ("cM0", "M0"), ("metastatic?", None)])
def test_the_whole_text_of_a_stage_is_read_where_there_is_no_code(read, said: str, expected: str | None) -> None:
    found = read(us(), cancer(), observation(STAGE_GROUP, {"text": said}, DIAGNOSED))
    assert status(found) == expected


def test_a_grade_at_the_condition_is_no_stage(read) -> None:
    grade = {"summary": {"text": "4"}, "type": concept("371469007")}
    assert status(read(us(), cancer(stage=[grade]))) is None


@pytest.mark.parametrize(("code", "expected"), [("1222837003", "M1"), ("1222806003", None)])
@pytest.mark.parametrize("kind", [None, "897275008", "260998006"])
def test_the_stage_at_the_condition(read, code: str, expected: str, kind: str | None) -> None:
    stage = {"summary": concept(code)} | ({"type": concept(kind)} if kind else {})
    assert status(read(us(), cancer(stage=[stage]))) == expected


def test_a_stage_below_iv_at_the_condition_has_the_date_of_its_assessment(read) -> None:
    stage = {"summary": concept("1222806003"), "assessment": [{"reference": "Observation/stage"}]}
    found = read(us(), cancer(stage=[stage]), observation("99999-9", None, "2026-01-12", id="stage"))
    assert status(found) == "M0"
    assert found.provenance["metastatic_status"]["date"] == "2026-01-12"


def test_the_stage_at_another_condition_is_not_this_cancers(read) -> None:
    kidney = condition("431857002", "2020-01-01", stage=[{"summary": {"text": "IV"}}])
    assert status(read(us(), cancer(), kidney)) is None


def test_a_stage_at_the_condition_has_no_date_of_its_own(read) -> None:
    """The onset is that of the diagnosis: a stage IV written there later must not become de novo."""
    found = read(us(), cancer(stage=[{"summary": concept("1222837003")}]))
    assert status(found) == "M1"
    assert "presentation" not in found.facts


def test_an_older_m0_beside_a_newer_secondary_is_m1_and_the_runner_up_is_told(read) -> None:
    found = read(us(), cancer(), observation(CLINICAL_M, CM0, DIAGNOSED), condition("C79.51", "2026-02-11", CM))
    assert status(found) == "M1"
    assert found.provenance["metastatic_status"]["resource"] == "Condition/c-C79.51-2026-02-11"
    assert found.provenance["metastatic_status"]["runner_up"]["value"] == "M0"
    assert found.provenance["metastatic_status"]["runner_up"]["why"] == "it is older"


def test_a_later_m0_does_not_take_stage_iv_back(read) -> None:
    found = read(us(), cancer(), observation(CLINICAL_M, CM1, DIAGNOSED), observation(CLINICAL_M, CM0, "2026-08-01"))
    assert status(found) == "M1"


@pytest.mark.parametrize("on", ["2026-01-10", "2026-01-20", "2026-01", "2026"])
def test_m1_and_m0_close_together_are_a_conflict(read, on: str) -> None:
    found = read(us(), cancer(), observation(CLINICAL_M, CM1, DIAGNOSED), observation(PATHOLOGIC_M, CM0, on))
    assert status(found) is None
    assert [each["fact"] for each in found.data_conflicts] == ["metastatic_status"]
    assert set(found.data_conflicts[0]["values"]) == {"M1", "M0"}
    assert "presentation" not in found.facts


def test_preliminary_stands_back_for_final(read) -> None:
    first = observation(CLINICAL_M, CM1, DIAGNOSED, status="preliminary")
    assert status(read(us(), cancer(), first)) == "M1"
    assert status(read(us(), cancer(), first, observation(CLINICAL_M, CM0, DIAGNOSED))) == "M0"
    assert status(read(us(), cancer(), first, observation(CLINICAL_M, CM0, "2026-01-20"))) == "M0"


def test_a_preliminary_m1_after_a_final_m0_is_no_m1_and_forbids_m0(read) -> None:
    later = observation(CLINICAL_M, CM1, "2026-06-01", status="preliminary")
    found = read(us(), cancer(), later, observation(CLINICAL_M, CM0, DIAGNOSED))
    assert status(found) is None
    assert found.data_conflicts[0]["fact"] == "metastatic_status"


@pytest.mark.parametrize("why", ["entered-in-error", "cancelled"])
def test_a_withdrawn_observation_is_no_evidence(read, why: str) -> None:
    found = read(us(), cancer(), observation(CLINICAL_M, CM1, DIAGNOSED, status=why))
    assert status(found) is None
    assert reasons(found, "21907") == [f"its status is {why}"]


def test_a_reason_in_place_of_a_value_is_no_value(read) -> None:
    url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    by_extension = observation(CLINICAL_M, {"extension": [{"url": url, "valueCode": "not-asked"}]}, DIAGNOSED)
    by_code = observation(
        CLINICAL_M, concept("unknown", system="http://terminology.hl7.org/CodeSystem/data-absent-reason"), DIAGNOSED
    )
    for each in (by_extension, by_code):
        assert status(read(us(), cancer(), each)) is None


def test_the_future_is_no_evidence(read) -> None:
    found = read(us(), cancer(), condition("C79.51", "2026-11-25", CM))
    assert status(found) is None
    assert reasons(found, "C79.51") == ["is dated in the future"]
    assert status(read(us(), cancer(), condition("C79.51", "2026-11-24", CM))) == "M1"


@pytest.mark.parametrize("clinical", ["remission", "resolved", "inactive"])
def test_a_secondary_in_remission_is_history_and_forbids_m0(read, clinical: str) -> None:
    gone = condition("C79.51", "2026-03-01", CM, clinical=clinical)
    assert status(read(us(), cancer(), gone)) is None
    found = read(us(), cancer(), gone, observation(CLINICAL_M, CM0, DIAGNOSED))
    assert status(found) is None
    assert found.data_conflicts[0]["fact"] == "metastatic_status"


@pytest.mark.parametrize(("on", "expected"), [("2026-02-01", "M0"), ("2026-09-01", None)])
def test_nodes_of_an_unknown_kind_long_after_an_m0_make_it_doubtful(read, on: str, expected: str | None) -> None:
    found = read(us(), cancer(), observation(CLINICAL_M, CM0, DIAGNOSED), condition("C77.9", on, CM))
    assert status(found) == expected


def test_axillary_nodes_never_doubt_an_m0(read) -> None:
    found = read(us(), cancer(), observation(CLINICAL_M, CM0, DIAGNOSED), condition("C77.3", "2026-09-01", CM))
    assert status(found) == "M0"


def test_a_condition_coded_as_distant_and_as_breast_is_torn(read) -> None:
    found = read(us(), cancer(), condition(concept("94225005", (CM, "C79.81")), "2026-01-20"))
    assert status(found) is None
    assert found.data_conflicts[0]["fact"] == "metastatic_status"


def test_another_cancer_makes_a_metastasis_ambiguous_unless_it_is_tied(read) -> None:
    lung = condition("C34.90", "2025-01-01", CM, id="lung")
    url = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-primary-cancer-condition"

    def tied(to: str) -> list:
        return [{"url": url, "valueReference": {"reference": f"Condition/{to}"}}]

    brain = condition("C79.31", "2026-01-20", CM)
    assert status(read(us(), cancer(), lung, brain)) is None
    assert status(read(us(), cancer(), lung, brain | {"extension": tied("lung")})) is None
    assert status(read(us(), cancer(), lung, brain | {"extension": tied("cancer")})) == "M1"
    assert status(read(us(), cancer(), lung, condition("315004001", "2026-01-20"))) == "M1"
    assert status(read(us(), cancer(), lung, observation(CLINICAL_M, CM1, DIAGNOSED))) is None
    focused = observation(CLINICAL_M, CM1, DIAGNOSED, focus=[{"reference": "Condition/cancer"}])
    assert status(read(us(), cancer(), lung, focused)) == "M1"


def test_a_stage_whose_focus_is_another_condition_is_not_this_cancers(read) -> None:
    other = observation(CLINICAL_M, CM1, DIAGNOSED, focus=[{"reference": "Condition/else"}])
    found = read(us(), cancer(), other)
    assert status(found) is None
    assert reasons(found, "21907") == ["its focus is not the breast cancer"]


M0_ON = "2026-03-01"


def seen(on: str = M0_ON) -> dict:
    return observation(CLINICAL_M, CM0, on)


def test_m0_stands_alone(read) -> None:
    assert status(read(us(), cancer(), seen())) == "M0"
    assert status(read(us(), cancer(), seen("2025-12-11"))) == "M0", "staged 30 days before the diagnosis is dated"


@pytest.mark.parametrize(
    "doubt",
    [
        condition("C79.51", "2026-02-01", CM, clinical="remission"),
        condition("C79.51", "2026-02-01", CM, clinical="resolved"),
        condition("1287652008", "2021-01-01"),
        condition({"text": "bone metastases"}, "2026-05-01"),
        condition("14799000", "2026-05-01"),
        condition("C79.51", "2026-05-01", CM, modifierExtension=[{"url": "http://example.org/x"}]),
        observation("44667-4", "68171009", "2026-05-01"),
        cancer("2026-04-01", code="C50.911", id="right"),
    ],
)
def test_no_m0_where_anything_may_be_a_metastasis(read, doubt: dict) -> None:
    """M0 is advice on a cure: nobody who has, or had, a metastasis may be told of it."""
    found = read(us(), cancer(), seen(), doubt)
    assert status(found) is None
    assert "metastatic_status" in {each["fact"] for each in found.data_conflicts}


def test_no_m0_where_pages_are_missing(read) -> None:
    pages = {
        "resourceType": "Bundle",
        "entry": [{"resource": each} for each in (us(), cancer(), seen())],
        "link": [{"relation": "next", "url": "http://example.org"}],
    }
    found = read(pages)
    assert status(found) is None
    assert "read" in found.data_conflicts[0]["detail"]


def test_a_bare_number_or_numeral_without_a_type_is_no_stage(read) -> None:
    for text, expected in (("4", None), ("Stage 4", "M1"), ("IV", None)):
        assert status(read(us(), cancer(stage=[{"summary": {"text": text}}]))) == expected


@pytest.mark.parametrize("code", ["16260631000119101", "94264008", "94432003"])
def test_a_place_that_may_be_regional_proves_nothing(read, code: str) -> None:
    assert status(read(us(), cancer(), condition(code, "2026-05-01"))) is None


# ---- de novo or recurrent


@pytest.mark.parametrize(
    ("diagnosed", "found_on", "expected"),
    [
        ("2026-01-10", "2026-05-12", "de_novo"),  # 122 days
        ("2026-01-10", "2026-05-13", "recurrent"),
        ("2026-01-10", "2025-12-20", "de_novo"),
        ("2024-01-10", "2026-05-13", "recurrent"),
        ("2026-01", "2026-02", "de_novo"),
        ("2026-01", "2026-05", None),
        ("2024", "2026", "recurrent"),
        ("2026", "2026-11-01", None),
        (None, "2026-05-13", None),
        ("2026-01-10", None, None),
        ("2026-01-10", "2020-01-01", None),
    ],
)
def test_presentation_by_the_dates(read, diagnosed: str | None, found_on: str | None, expected: str | None) -> None:
    found = read(us(), cancer(diagnosed), condition("C79.51", found_on, CM))
    assert found.facts.get("presentation") == expected


def test_the_first_evidence_counts_not_the_newest(read) -> None:
    early, late = condition("C79.51", "2026-02-01", CM), condition("C78.7", "2026-10-01", CM)
    assert read(us(), cancer(), late, early).facts["presentation"] == "de_novo"


def test_a_day_of_recording_only_bounds_the_diagnosis(read) -> None:
    recorded = cancer(None, recordedDate="2026-01-10")
    soon, late = condition("C79.51", "2026-02-01", CM), condition("C79.51", "2026-09-01", CM)
    assert "presentation" not in read(us(), recorded, soon).facts
    assert read(us(), recorded, late).facts["presentation"] == "recurrent"


def test_what_shows_that_a_diagnosis_is_older_is_named(read) -> None:
    """Found by the fuzzer: the reason stood beside the diagnosis that has a day of its own."""
    again = cancer("2026-01-05", id="again", clinical="recurrence")
    found = read(us(), cancer(), again, condition("C79.51", "2026-02-01", CM))
    assert "presentation" not in found.facts
    assert "may be older" in reasons(found, "again")[0]
    assert not reasons(found, "Condition/cancer")


def test_an_asserted_date_is_a_day_of_diagnosis(read) -> None:
    asserted = {"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime": "2026-01-10"}
    found = read(us(), cancer(None, extension=[asserted]), condition("C79.51", "2026-02-01", CM))
    assert found.facts["presentation"] == "de_novo"


def test_a_recurrence_is_no_first_diagnosis(read) -> None:
    found = read(us(), cancer(clinical="recurrence"), condition("C79.51", "2026-02-01", CM))
    assert "presentation" not in found.facts


def test_of_two_tumours_of_two_sides_both_must_agree(read) -> None:
    right = condition("C50.911", "2015-01-01", CM)
    assert "presentation" not in read(us(), cancer(), right, condition("C79.51", "2026-02-01", CM)).facts
    again = condition("C50.912", "2020-01-01", CM)
    assert read(us(), cancer(), again, condition("C79.51", "2026-02-01", CM)).facts["presentation"] == "recurrent"


# ---- sites and extent


def test_bone_only_when_all_sites_are_bone(read) -> None:
    found = read(us(), cancer(), condition("C79.51", "2026-01-20", CM), condition("94602001", "2026-01-22"))
    assert found.facts["metastatic_sites"] == ["bone"]
    assert found.facts["metastatic_extent"] == "bone_only"


@pytest.mark.parametrize(
    "more",
    [
        condition("C78.7", "2026-01-22", CM),
        condition("C79.52", "2026-01-22", CM),
        condition("C77.9", "2026-01-22", CM),
        condition("128462008", "2026-01-22"),
        condition("C79.5", "2026-01-22", GM),
    ],
    ids=["liver", "marrow", "nodes", "no site", "bone or marrow"],
)
def test_anything_else_or_unclear_is_not_bone_only(read, more) -> None:
    found = read(us(), cancer(), condition("C79.51", "2026-01-20", CM), more)
    assert status(found) == "M1"
    assert "metastatic_extent" not in found.facts


def test_few_sites_are_not_oligometastatic(read) -> None:
    found = read(us(), cancer(), condition("C78.7", "2026-01-20", CM))
    assert found.facts["metastatic_sites"] == ["liver"]
    assert "metastatic_extent" not in found.facts
    assert "lesion_count" not in found.facts


def test_sites_are_those_when_metastasis_was_found(read) -> None:
    bone, brain = condition("C79.51", "2026-01-20", CM), condition("C79.31", "2026-10-01", CM)
    found = read(us(), cancer(), bone, brain)
    assert found.facts["metastatic_sites"] == ["bone"]
    assert any("found later" in reason for reason in reasons(found, "C79.31"))


def test_sites_are_those_before_systemic_therapy(read) -> None:
    bone, liver = condition("C79.51", "2026-01-20", CM), condition("C78.7", "2026-03-01", CM)
    assert read(us(), cancer(), bone, liver).facts["metastatic_sites"] == ["bone", "liver"]
    assert read(us(), cancer(), bone, liver, given("56946", "2026-02-01")).facts["metastatic_sites"] == ["bone"]


def test_no_sites_without_m1(read) -> None:
    close = observation(CLINICAL_M, CM0, "2026-01-20")
    found = read(bundle(us(), cancer(), condition("C79.51", "2026-01-20", CM), close))
    assert not {"metastatic_sites", "metastatic_extent", "presentation"} & set(found.facts)


@pytest.mark.parametrize(
    "earlier",
    [
        procedure("428571003", "2015-03-01"),
        condition("Z85.3", "2015-03-01", CM),
        observation("21908-9", "1222766008", "2018-03-01"),
        given("10324", "2016-03-01"),
    ],
)
def test_evidence_of_an_earlier_cancer_forbids_de_novo(read, earlier: dict) -> None:
    """An onset of this year may be that of a recurrence; only de novo disease is what the trials were about."""
    disease = condition("C78.7", "2026-01-20", CM)
    assert read(us(), cancer(), disease).facts["presentation"] == "de_novo"
    found = read(us(), cancer(), disease, earlier)
    assert "presentation" not in found.facts
    (conflict,) = [each for each in found.data_conflicts if each["fact"] == "presentation"]
    assert any(earlier["id"] in label for label in conflict["resources"])


def test_a_metastasis_with_only_a_day_of_recording_may_be_older(read) -> None:
    recorded = condition("C79.51", None, CM, recordedDate="2026-06-01")
    assert "presentation" not in read(us(), cancer(), recorded).facts
    assert read(us(), cancer(), recorded | {"recordedDate": "2026-02-01"}).facts["presentation"] == "de_novo"
