"""Figures of the studies that cannot be right do not load."""

import pytest

from service.evidence.outcomes import Arm, EvidenceError, Outcome, read_outcome

STUDY = {
    "short_name": "Toy",
    "read_in": "abstract",
    "n_randomised": {"value": "200"},
    "overall_survival": {"hr": "0.80", "ci_low": "0.60", "ci_high": "1.07", "ci_level": "95"},
    "odd": {"hr": "0.80", "ci_low": "0.60", "ci_high": "1.07", "ci_level": "95", "interval": "prediction"},
    "uncaveated": {"display": "with_caveat"},
    "hidden": {"hr": "0.5", "ci_low": "0.4", "ci_high": "0.6", "ci_level": "95", "display": "never"},
    "arms": {"hr": "0.5"},
    "subgroups": [
        {"name": "old", "n": "120", "survival": {"hr": "0.70", "ci_low": "0.47", "ci_high": "1.04", "ci_level": "95"}},
    ],
}
TRIAL = {"study": "toy", "effect": "overall_survival", "citation": "TOY"}
TRIAL |= dict.fromkeys(("id", "stratum", "timing", "group", "argued", "caveat"))
OUTCOME = {"id": "os", "title": "t", "measure": "m", "direction": "d", "default": None, "notes": []}
OUTCOME |= {"trials": [TRIAL], "pools": [], "published": [], "favours": {"below": "A", "above": "B"}}
OUTCOME |= {"pooled_reason": "one trial", "statements": [], "interactions": []}
ARMS = {"A": Arm("A", "one thing", "below"), "B": Arm("B", "another", "above")}


def outcome(entry: dict, studies: dict) -> Outcome:
    return read_outcome(entry, studies, ARMS, {"late": "Late"})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"study": "nobody"}, "no such study"),
        ({"effect": "nothing"}, "no such figure"),
        ({"effect": "hidden"}, "display: never"),
        ({"effect": "arms"}, "needs hr, ci_low, ci_high and ci_level"),
        ({"effect": "overall_survival/hr"}, "no such figure"),
        ({"effect": "subgroups/young/survival"}, "no such figure"),
        ({"effect": "subgroups"}, "no such figure"),
        ({"effect": "odd"}, "an interval is credible, or the member is left out"),
        ({"effect": "uncaveated"}, "without a caveat|needs hr"),
        ({"timing": "early"}, "no such timing: early"),
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


def test_a_stratum_is_judged_by_its_own_people() -> None:
    entry = {**OUTCOME, "trials": [TRIAL | {"id": "old", "effect": "subgroups/old/survival", "stratum": "old"}]}
    (trial,) = outcome(entry, {"toy": STUDY}).trials
    assert (trial.id, trial.study, trial.people) == ("old", "toy", 120)
    few = {**STUDY, "subgroups": [STUDY["subgroups"][0] | {"n": "30"}]}
    with pytest.raises(EvidenceError, match="old: the interval is narrower than 30 people allow"):
        outcome(entry, {"toy": few})


OTHER = TRIAL | {"study": "other"}
TWO = {**OUTCOME, "trials": [TRIAL, OTHER]}
POOLS = [{"id": "both", "title": "both", "trials": ["toy", "other"], "caveat": None}]
POOLED = {**TWO, "pools": POOLS, "default": "both", "pooled_reason": None}


def registered(*numbers: str) -> dict:
    return {**STUDY, "registry_ids": {"values": list(numbers)}}


def test_an_outcome_without_a_pool_in_the_content_is_not_pooled_on_demand() -> None:
    studies = {"toy": registered("A"), "other": registered("B")}
    assert outcome(TWO, studies).pool_of({"toy", "other"}) is None
    found = outcome(POOLED, studies)
    assert found.pool_of({"toy", "other"}) is found.pools[0]
    assert found.pool_of({"toy"}) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"default": "none"}, "no such pool: none"),
        ({"pools": [{**POOLS[0], "trials": ["toy", "nobody"]}]}, "pool both: not among the trials: nobody"),
        ({"default": None}, "either a pool is the default, or pooled_reason says why none is shown"),
        ({"pooled_reason": "both at once"}, "either a pool is the default, or pooled_reason says why"),
        ({"favours": {"below": "A", "above": "C"}}, "favours: no such arm: C"),
        ({"trials": [TRIAL, OTHER, TRIAL]}, "toy stands twice among the trials"),
    ],
)
def test_an_outcome_whose_names_do_not_fit_together_is_an_error(change: dict, text: str) -> None:
    studies = {"toy": registered("A"), "other": registered("B")}
    assert outcome(POOLED, studies).shown is not None
    with pytest.raises(EvidenceError, match=text):
        outcome(POOLED | change, studies)


def test_two_reports_with_a_registry_number_in_common_are_in_no_pool() -> None:
    studies = {"toy": registered("A", "B"), "other": registered("B")}
    assert [(one.id, two.id) for one, two in outcome(TWO, studies).same_trial] == [("toy", "other")]
    with pytest.raises(EvidenceError, match="count twice"):
        outcome(POOLED, studies)
    assert outcome(TWO, {"toy": STUDY, "other": STUDY}).same_trial == ()
