"""Presentation, sites and extent: as the disease was when metastasis was found."""

import pytest

from tests.fhir.building import CM, CM0, GM, bundle, cancer, condition, given, observation, procedure, reasons, us

CLINICAL_M = "21907-1"


def status(found) -> str | None:
    return found.facts.get("metastatic_status")


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
