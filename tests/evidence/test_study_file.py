"""What a study's file says of itself is checked, and found where it stands."""

import pytest

from service.evidence.study_file import misdirected_ratios, people_analysed, study_faults

STUDY = {
    "n_randomised": {"value": "200"},
    "arms": {"first": {"n": "100"}, "second": {"n": "100"}},
    "survival": {"hr": "0.80", "favours": "FIRST"},
    "subgroups": [{"name": "old", "survival": {"hr": "1.20", "favours": "SECOND"}}],
}
SIDES = {"FIRST": "below", "SECOND": "above"}


def test_arms_sum_to_those_randomised() -> None:
    assert list(study_faults({"toy": STUDY})) == []
    (fault,) = study_faults({"toy": {**STUDY, "n_randomised": {"value": "201"}}})
    assert fault == "toy: the arms sum to 200, not 201"


@pytest.mark.parametrize("labels", ["words", ["words"], {"os": {"value": "survival"}}, {"os": None}])
def test_labels_that_are_no_words_are_a_fault_with_their_study(labels: object) -> None:
    (fault,) = study_faults({"toy": {**STUDY, "labels": labels}})
    assert fault == "toy/labels: labels map an id to its words"


def test_a_ratio_agrees_with_the_arm_that_it_is_said_to_favour() -> None:
    assert list(misdirected_ratios({"toy": STUDY}, SIDES)) == []
    turned = {"toy": {**STUDY, "survival": {"hr": "0.80", "favours": "SECOND"}}}
    assert list(misdirected_ratios(turned, SIDES)) == ["toy/survival: a hazard ratio of 0.80 does not favour SECOND"]
    assert len(list(misdirected_ratios({"toy": STUDY}, {"FIRST": "above", "SECOND": "below"}))) == 2


def test_a_ratio_that_favours_an_arm_of_another_guideline_is_not_judged() -> None:
    assert list(misdirected_ratios({"toy": STUDY}, {"THIRD": "above"})) == []


@pytest.mark.parametrize(
    ("groups", "people"),
    [
        ([], 200),
        ([{"name": "old", "n": "80"}, {"hr": "1.20"}], 80),
        ([{"n": "80"}, {"n": "70"}], 70),
        ([{"n": "80", "n_analysed": "75"}], 75),
        ([{"n": {"first": "40"}}], 200),
    ],
)
def test_the_people_of_an_effect_are_those_of_the_nearest_group(groups: list[dict], people: int) -> None:
    assert people_analysed(STUDY, groups) == people
