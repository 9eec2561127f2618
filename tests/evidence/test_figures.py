import pytest

from service.evidence.effect import two_decimals
from service.evidence.figures import FigureError, with_figures
from service.knowledge.yaml_file import read_yaml
from tests.knowledge.conftest import TOY

STUDIES = {"toy_rain": read_yaml(TOY / "studies" / "toy_rain.yaml")}


def shown(path):
    return with_figures(f"{{figure:toy_rain/{path}}}", STUDIES)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("dryness", "HR 0.50, 95% CI 0.31-0.805"),
        ("dryness/dry_with", "80.5%"),
        ("wet_pct", "12.5%"),
        ("finding", "umbrellas keep people dry"),
        ("open_ended", "HR 0.70"),
        ("mood", "RR 1.20, 90% CI 1.00-1.44, the ratio has a 90% interval"),
        ("subgroups/short people", "OR 1.25, exploratory"),
        ("subgroups/short people/finding", "no difference, exploratory"),
    ],
)
def test_a_figure_is_shown_with_its_interval_level_and_caveat(path, words):
    assert shown(path) == words


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"years": "7.5"}, "7.5 years"),
        ({"days": "143", "ci_level": "95", "ci_low": "104.9", "ci_high": "181.1"}, "143 days, 95% CI 104.9-181.1"),
        ({"value": "4.3", "ci_level": "90", "ci_low": "1.9", "ci_high": "6.6"}, "4.3, 90% CI 1.9-6.6"),
        ({"months": "45", "ci_level": "95", "ci_low": "40.4", "ci_high": "49.6", "interval": "credible"},
         "45 months, 95% CrI 40.4-49.6"),
    ],
)  # fmt: skip
def test_a_median_is_shown_with_its_unit_and_interval(group, words):
    assert with_figures("{figure:study/median}", {"study": {"median": group}}) == words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("subgroups/tall people", "display: never"),
        ("subgroups/tall people/or", "display: never"),
        ("unlevelled", "without its level"),
        ("wetness", "no such figure"),
        ("dryness/hr/low", "no such figure"),
        ("subgroups/medium people", "no such figure"),
        ("subgroups/0", "no such figure"),
        ("broken", "neither a ratio nor a percentage"),
        ("subgroups", "neither a ratio nor a percentage"),
    ],
)
def test_a_figure_that_cannot_be_shown_is_an_error_that_says_why(path, words):
    with pytest.raises(FigureError, match=words):
        shown(path)


def test_a_figure_of_a_study_that_is_not_there_is_an_error_with_its_path():
    with pytest.raises(FigureError, match="nobody/overall_survival: no such figure"):
        with_figures("{figure:nobody/overall_survival}", STUDIES)


def test_a_study_that_is_never_displayed_shows_none_of_its_figures():
    hidden = {"hidden": {"display": "never", "effect": {"hr": "0.5"}}}
    with pytest.raises(FigureError, match="never"):
        with_figures("{figure:hidden/effect}", hidden)


def test_a_caveat_of_the_whole_study_goes_with_its_figures():
    caveat = {"early": {"display": "with_caveat", "caveat": "early report", "effect": {"hr": "0.5"}}}
    assert with_figures("{figure:early/effect}", caveat) == "HR 0.50, early report"


def test_the_bare_number_of_a_ratio_is_never_shown_without_its_interval():
    with pytest.raises(FigureError):
        shown("dryness/hr")


def test_figures_are_filled_in_wherever_text_stands_and_nothing_else_is_touched():
    data = {"a": ["x {figure:toy_rain/wet_pct} y {figure:toy_rain/wet_pct}", None, {"b": "{rule} {fact}"}], "c": "5"}
    assert with_figures(data, STUDIES) == {"a": ["x 12.5% y 12.5%", None, {"b": "{rule} {fact}"}], "c": "5"}


def test_the_data_given_is_left_alone():
    data = {"a": ["{figure:toy_rain/wet_pct}"]}
    with_figures(data, STUDIES)
    assert data == {"a": ["{figure:toy_rain/wet_pct}"]}


NUMBERS = {
    "pct_of_all": "7",
    "st_pct_below": "1",
    "difference_pct_points": "19.3",
    "response_pct": {"haemorrhage": "73", "n": "12", "note": "read off a curve"},
    "median": {"months": "19.2", "ci_low": "16", "ci_high": "22.46", "ci_level": "95"},
    "plain_median": {"months": "37"},
    "bayes": {"hr": "0.76", "ci_low": "0.51", "ci_high": "1.16", "ci_level": "95", "interval": "credible"},
    "odd": {"hr": "0.76", "ci_low": "0.51", "ci_high": "1.16", "ci_level": "95", "interval": "prediction"},
    "interaction": {"hr_ratio": "1.47", "ci_low": "1.11", "ci_high": "1.94", "ci_level": "95"},
}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("pct_of_all", "7%"),
        ("st_pct_below", "1%"),
        ("difference_pct_points", "19.3"),
        ("response_pct/haemorrhage", "73%"),
        ("response_pct/n", "12"),
        ("response_pct/note", "read off a curve"),
        ("median", "19.2 months, 95% CI 16-22.46"),
        ("plain_median", "37 months"),
        ("bayes", "HR 0.76, 95% CrI 0.51-1.16"),
        ("interaction", "ratio of HRs 1.47, 95% CI 1.11-1.94"),
    ],
)
def test_a_figure_is_shown_in_its_own_unit_and_with_its_own_kind_of_interval(path, words):
    assert with_figures(f"{{figure:toy/{path}}}", {"toy": NUMBERS}) == words


def test_a_kind_of_interval_that_has_no_word_is_an_error():
    with pytest.raises(FigureError, match="an interval is credible, or the member is left out"):
        with_figures("{figure:toy/odd}", {"toy": NUMBERS})


@pytest.mark.parametrize(("number", "text"), [(0.415, "0.42"), (0.405, "0.41"), (1.0, "1.00"), (2.675, "2.68")])
def test_what_we_round_ourselves_is_rounded_half_up_as_a_decimal(number, text):
    assert two_decimals(number) == text
