"""Figures of the studies that cannot be right do not load."""

import pytest

from service.evidence.outcomes import EvidenceError, arms_that_do_not_add_up, directions_that_disagree, outcome

STUDY = {
    "short_name": "Toy",
    "read_in": "abstract",
    "n_randomised": {"value": "200"},
    "arms": {"lrt": {"n": "100"}, "st": {"n": "100"}},
    "overall_survival": {"hr": "0.80", "ci_low": "0.60", "ci_high": "1.07", "ci_level": "95", "favours": "LRT"},
    "hidden": {"hr": "0.5", "ci_low": "0.4", "ci_high": "0.6", "ci_level": "95", "display": "never"},
}
TRIAL = {"study": "toy", "effect": "overall_survival", "citation": "TOY", "timing": "upfront"}
TRIAL |= {"argued": None, "caveat": None}
OUTCOME = {"id": "os", "title": "t", "measure": "m", "direction": "d", "default": None, "notes": []}
OUTCOME |= {"trials": [TRIAL], "pools": [], "published": [], "favours": None}


def test_arms_sum_to_those_randomised() -> None:
    assert list(arms_that_do_not_add_up({"toy": STUDY})) == []
    (fault,) = arms_that_do_not_add_up({"toy": {**STUDY, "n_randomised": {"value": "201"}}})
    assert fault == "toy: the arms sum to 200, not 201"


def test_a_ratio_agrees_with_whom_it_is_said_to_favour() -> None:
    assert list(directions_that_disagree({"toy": STUDY})) == []
    turned = {**STUDY, "overall_survival": {**STUDY["overall_survival"], "favours": "ST"}}
    (fault,) = directions_that_disagree({"toy": turned})
    assert fault == "toy/overall_survival: a hazard ratio of 0.80 does not favour ST"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"study": "nobody"}, "no such study"),
        ({"effect": "nothing"}, "no such figure"),
        ({"effect": "hidden"}, "display: never"),
        ({"effect": "arms"}, "needs hr, ci_low, ci_high and ci_level"),
    ],
)
def test_an_effect_that_cannot_be_shown_or_be_right_is_an_error(change: dict, text: str) -> None:
    assert outcome(OUTCOME, {"toy": STUDY}).trials[0].interval.ratio == 0.8
    with pytest.raises(EvidenceError, match=text):
        outcome({**OUTCOME, "trials": [TRIAL | change]}, {"toy": STUDY})


@pytest.mark.parametrize("size", [{"value": "20"}, {"value": "200", "n_analysed": "20"}])
def test_an_interval_too_narrow_for_the_people_of_its_study_is_an_error_unless_it_is_argued(size: dict) -> None:
    small = {"toy": {**STUDY, "n_randomised": size}}
    with pytest.raises(EvidenceError, match="narrower than 20 people allow"):
        outcome(OUTCOME, small)
    argued = TRIAL | {"argued": "the case is argued here"}
    assert outcome({**OUTCOME, "trials": [argued]}, small).trials[0].argued == "the case is argued here"


OTHER = TRIAL | {"study": "other"}
TWO = {**OUTCOME, "trials": [TRIAL, OTHER]}
POOL = {"id": "both", "title": "both", "trials": ["toy", "other"], "caveat": None}


def registered(*numbers: str) -> dict:
    return {**STUDY, "registry_ids": {"values": list(numbers)}}


def test_an_outcome_without_a_pool_in_the_content_is_not_pooled_on_demand() -> None:
    studies = {"toy": registered("A"), "other": registered("B")}
    assert outcome(TWO, studies).pool_of({"toy", "other"}) is None
    found = outcome({**TWO, "pools": [POOL]}, studies)
    assert found.pool_of({"toy", "other"}) is found.pools[0]
    assert found.pool_of({"toy"}) is None


def test_two_reports_with_a_registry_number_in_common_are_in_no_pool() -> None:
    studies = {"toy": registered("A", "B"), "other": registered("B")}
    assert [(one.study, two.study) for one, two in outcome(TWO, studies).same_trial] == [("toy", "other")]
    with pytest.raises(EvidenceError, match="count twice"):
        outcome({**TWO, "pools": [POOL]}, studies)
    assert outcome(TWO, {"toy": STUDY, "other": STUDY}).same_trial == ()
