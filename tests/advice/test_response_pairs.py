"""The response axis of D2: all 64 pairs of parts, an overall alone, beside one part, and beside two."""

import csv
from itertools import product
from pathlib import Path

import pytest

with (Path(__file__).parents[1] / "data" / "response_pairs.csv").open(newline="") as file:
    PAIRS = {(row["primary"], row["distant"]): row["axis"] for row in csv.DictReader(file)}
DE_NOVO = {"metastatic_status": "M1", "presentation": "de_novo", "primary_tumour": "in_situ", "complications": "none"}
VALUES = ["CR", "PR", "SD", "NON_CR_NON_PD", "PD", "NE", "not_started", "unknown"]
CATEGORY = {"CR", "PR", "SD", "NON_CR_NON_PD", "PD"}
STATED = [value for value in VALUES if value != "unknown"]
CONFLICT = "overall_progression_elsewhere"

ALONE = {
    "CR": "CR_ALL",
    "PR": "PR",
    "SD": "SD",
    "NON_CR_NON_PD": "SD",
    "PD": "PD_SITE_UNKNOWN",
    "NE": "NOT_EVALUABLE",
    "not_started": "NOT_STARTED",
    "unknown": "UNKNOWN",
    "responded": "PR",
}

# D2, "overall with ONE stated part": overall -> the axis for a part CR, PR, SD, PD, NE, not_started, first of the
# primary, then of the distant disease. Where a part is refused the rule stands instead of an axis.
WITH_ONE_PART = {
    "CR": {
        "primary": "CR_ALL V05 V05 V05 CR_ALL V04",
        "distant": "CR_ALL V05 V05 V05 CR_ALL V04",
    },
    "PR": {
        "primary": "PR PR SD PD_SITE_UNKNOWN NOT_EVALUABLE V04",
        "distant": "CR_DISTANT PR SD PD_DISTANT NOT_EVALUABLE V04",
    },
    "SD": {
        "primary": "SD SD SD PD_SITE_UNKNOWN NOT_EVALUABLE V04",
        "distant": "CR_DISTANT SD SD PD_DISTANT NOT_EVALUABLE V04",
    },
    "PD": {
        "primary": "PD_SITE_UNKNOWN PD_SITE_UNKNOWN PD_SITE_UNKNOWN PD_SITE_UNKNOWN PD_SITE_UNKNOWN V04",
        "distant": "PD_SITE_UNKNOWN PD_SITE_UNKNOWN PD_SITE_UNKNOWN PD_DISTANT PD_SITE_UNKNOWN V04",
    },
    "NE": {
        "primary": "NOT_EVALUABLE NOT_EVALUABLE NOT_EVALUABLE PD_SITE_UNKNOWN NOT_EVALUABLE NOT_STARTED",
        "distant": "NOT_EVALUABLE NOT_EVALUABLE NOT_EVALUABLE PD_DISTANT NOT_EVALUABLE NOT_STARTED",
    },
    "unknown": {
        "primary": "UNKNOWN UNKNOWN UNKNOWN PD_SITE_UNKNOWN NOT_EVALUABLE NOT_STARTED",
        "distant": "UNKNOWN UNKNOWN UNKNOWN PD_DISTANT NOT_EVALUABLE NOT_STARTED",
    },
    "not_started": {
        "primary": "V04 V04 V04 V04 NOT_STARTED NOT_STARTED",
        "distant": "V04 V04 V04 V04 NOT_STARTED NOT_STARTED",
    },
}
WITH_ONE_PART["NON_CR_NON_PD"] = WITH_ONE_PART["SD"]
COLUMNS = ["CR", "PR", "SD", "PD", "NE", "not_started"]
ONE_PART = {
    (overall, part, value): rows[part].split()[COLUMNS.index("SD" if value == "NON_CR_NON_PD" else value)]
    for overall, rows in WITH_ONE_PART.items()
    for part in ("primary", "distant")
    for value in STATED
}


def answered(post, response, axis):
    """Ask and compare: an axis, or the V-rule that refuses."""
    status, answer = post({**DE_NOVO, "chemotherapy_response": response})
    if axis.startswith("V"):
        assert status == 422, answer
        assert axis in {error.get("rule") for error in answer["errors"]}
        assert all(error["pointer"].startswith("/chemotherapy_response") for error in answer["errors"])
    else:
        assert status == 200, answer
        assert answer["because"]["derived"]["response_axis"] == axis
    return answer


def test_the_table_of_pairs_is_whole():
    assert set(PAIRS) == set(product(VALUES, VALUES))
    assert len(ONE_PART) == len(VALUES) * 2 * len(STATED)


@pytest.mark.parametrize(("pair", "axis"), list(PAIRS.items()), ids=["+".join(pair) for pair in PAIRS])
def test_d2_two_parts_give_the_axis_of_the_pair(post, pair, axis):
    primary, distant = pair
    expected = "V04" if axis == "REFUSED_V04" else axis
    answer = answered(post, {"primary": primary, "distant": distant}, expected)
    left_out = {name: value for name, value in zip(("primary", "distant"), pair, strict=True) if value != "unknown"}
    again = answered(post, left_out, expected)
    assert again.get("decision_id") == answer.get("decision_id"), "unknown and missing are the same"


@pytest.mark.parametrize(("overall", "axis"), list(ALONE.items()))
def test_d2_an_overall_alone_gives_its_axis_in_both_forms(post, overall, axis):
    answer = answered(post, overall, axis)
    assert answered(post, {"overall": overall}, axis)["decision_id"] == answer["decision_id"]
    assert (overall == "CR") == ("overall_complete_response_alone" in [item["code"] for item in answer["warnings"]])
    named = {item["fact"] for item in answer["missing_facts"] if item["decisive"]}
    # Beside an overall CR or not_started no distant response is left that is not refused and would change anything.
    assert ("chemotherapy_response.distant" in named) == (overall not in {"CR", "not_started"})


@pytest.mark.parametrize("overall", ["PR", "SD", "NON_CR_NON_PD"])
def test_d2_an_overall_response_alone_names_the_distant_response_as_decisive(post, overall):
    answer = answered(post, overall, ALONE[overall])
    (named,) = [item for item in answer["missing_facts"] if item["fact"] == "chemotherapy_response.distant"]
    assert named["decisive"]
    assert named["would_become"]["CR"]["code"] == "OPEN_QUESTION_DISTANT_CR"
    limited = post({**DE_NOVO, "chemotherapy_response": overall, "metastatic_extent": "oligometastatic"})[1]
    (named,) = [item for item in limited["missing_facts"] if item["fact"] == "chemotherapy_response.distant"]
    assert named["would_become"]["CR"]["code"] == "MDT_SELECTED_OLIGO_NED"


@pytest.mark.parametrize(("case", "axis"), list(ONE_PART.items()), ids=["-".join(case) for case in ONE_PART])
def test_d2_an_overall_beside_one_stated_part_gives_the_axis_of_the_table(post, case, axis):
    overall, part, value = case
    answer = answered(post, {"overall": overall, part: value}, axis)
    codes = [item["code"] for item in answer.get("warnings", [])]
    if overall == "CR" and axis == "CR_ALL":
        assert ("overall_complete_response_alone" in codes) == (value == "NE")
    if not axis.startswith("V"):
        assert answer["data_conflicts"] == []


@pytest.mark.parametrize("overall", ["PR", "SD", "NON_CR_NON_PD", "NE"])
def test_d2_an_overall_never_overrides_two_stated_parts(post, overall):
    for (primary, distant), axis in PAIRS.items():
        if "unknown" in (primary, distant):
            continue
        refused = axis == "REFUSED_V04" or ("not_started" in (primary, distant) and overall != "NE")
        answer = answered(
            post, {"overall": overall, "primary": primary, "distant": distant}, "V04" if refused else axis
        )
        assert answer.get("data_conflicts", []) == []


def test_d2_an_overall_progression_that_neither_part_shows_is_progression_of_unknown_site_and_is_told(post):
    for (primary, distant), axis in PAIRS.items():
        if "unknown" in (primary, distant):
            continue
        body = {"overall": "PD", "primary": primary, "distant": distant}
        if axis == "REFUSED_V04" or "not_started" in (primary, distant):
            answered(post, body, "V04")
        elif "PD" in (primary, distant):
            assert answered(post, body, axis)["data_conflicts"] == []
        else:
            answer = answered(post, body, "PD_SITE_UNKNOWN")
            assert [item["rule"] for item in answer["data_conflicts"]] == [CONFLICT]


@pytest.mark.parametrize(("primary", "distant"), [pair for pair in PAIRS if "unknown" not in pair])
def test_v05_an_overall_complete_response_with_anything_less_in_a_part_is_refused(post, primary, distant):
    less = (CATEGORY - {"CR"}) & {primary, distant}
    status, answer = post(
        {**DE_NOVO, "chemotherapy_response": {"overall": "CR", "primary": primary, "distant": distant}}
    )
    rules = {error.get("rule") for error in answer.get("errors", [])}
    assert ("V05" in rules) == bool(less)
    assert ("V04" in rules) == ("not_started" in (primary, distant))
    assert (status == 422) == bool(rules)


@pytest.mark.parametrize("part", ["overall", "primary", "distant"])
def test_d2_responded_is_read_as_pr_wherever_it_stands(post, part):
    other = {"overall": {}, "primary": {"distant": "PR"}, "distant": {"primary": "PR"}}[part]
    answer = answered(post, {part: "responded", **other}, "PR")
    assert "response_category_unstated" in [item["code"] for item in answer["warnings"]]


@pytest.mark.parametrize("part", ["overall", "primary", "distant"])
def test_not_responded_is_refused_with_the_question(post, part):
    status, problem = post({**DE_NOVO, "chemotherapy_response": {part: "not_responded"}})
    assert status == 422
    assert problem["errors"][0]["pointer"] == f"/chemotherapy_response/{part}"
    assert "table or progressive" in problem["errors"][0]["detail"]


RESPONSES = ["CR", "PR", "SD", "PD"]
BEFORE_AND_AFTER = [("not_started", response) for response in RESPONSES] + [
    (response, "not_started") for response in RESPONSES
]
CONTRADICTIONS = [
    *({"primary": primary, "distant": distant} for primary, distant in BEFORE_AND_AFTER),
    *({"overall": "CR", part: less} for part in ("primary", "distant") for less in ("PR", "SD", "not_started")),
    *({"overall": whole, part: "not_started"} for part in ("primary", "distant") for whole in ("PR", "SD")),
    *({"overall": "not_started", part: found} for part in ("primary", "distant") for found in ("CR", "PR", "SD")),
]


@pytest.mark.parametrize("response", CONTRADICTIONS, ids=str)
def test_d2_a_response_that_contradicts_itself_is_unknown_where_an_emergency_has_it_answered(post, response):
    emergency = {"complications": {"sepsis_signs": "present"}}
    status, answer = post({"metastatic_status": "M1", "chemotherapy_response": response, **emergency})
    assert (status, answer["recommendations"][0]["code"]) == (200, "EMERGENCY_PATHWAY")
    assert answer["because"]["derived"]["response_axis"] == "UNKNOWN"
