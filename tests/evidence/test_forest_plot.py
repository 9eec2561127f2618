"""The forest plot says in ink what the JSON says in numbers, and nothing else."""

import csv
import io
import math
import re
from decimal import ROUND_HALF_UP, Decimal
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from service.evidence.forest_plot import drawing

NS = "{http://www.w3.org/2000/svg}"
QUESTIONS = [
    "overall-survival",
    "local-control",
    "overall-survival?pool=after_systemic_therapy_tata_e2108_jcog",
    "overall-survival?pool=five_trials_mf10y_as_published",
    "overall-survival?trials=mf07_01_2018,abcsg28_2019",
    "overall-survival?trials=e2108_jco_2022",
]


def asked(client: FlaskClient, question: str, form: str = "") -> object:
    name, _, query = question.partition("?")
    response = client.get(f"/v1/evidence/{name}{form}?{query}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return response


def lines(outcome: dict) -> dict[str, dict]:
    """What must be drawn: an interval by the id of its line."""
    drawn = {study["study"]: study for study in (*outcome["studies"], *outcome["published"])}
    pool = outcome["pooled"] or {}
    return drawn | {name: pool[name] for name in ("fixed", "random", "hartung_knapp") if pool.get(name)}


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - it is our own


def rows(svg: str) -> dict[str, ET.Element]:
    return {each.get("data-id"): each for each in parsed(svg).iter(f"{NS}g") if each.get("data-id")}


def text(row: ET.Element, kind: str) -> str:
    return next((each.text or "" for each in row.iter(f"{NS}text") if each.get("class") == kind), "")


def two(number: float) -> str:
    return str(Decimal(str(number)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("layout", ["wide", "narrow"])
def test_each_line_states_its_ratio_its_interval_and_its_level(client: FlaskClient, question: str, layout: str) -> None:
    outcome = asked(client, question).get_json()
    found = rows(drawing(outcome, narrow=layout == "narrow"))
    assert set(found) == set(lines(outcome))
    for name, told in lines(outcome).items():
        assert text(found[name], "ratio") == f"{two(told['hr'])} ({two(told['ci_low'])} to {two(told['ci_high'])})"
        assert text(found[name], "level") == f"{told['ci_level']:g}% CI"


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_file_states_the_weights_and_what_is_left_out(client: FlaskClient, question: str) -> None:
    outcome = asked(client, question).get_json()
    found = rows(asked(client, question, ".svg").get_data(as_text=True))
    weights = {each["study"]: each["random"] for each in (outcome["pooled"] or {}).get("weights", ())}
    for study in outcome["studies"]:
        said = text(found[study["study"]], "weight")
        if study["study"] in weights:
            assert said == f"{weights[study['study']]:.1f}%"
        else:
            assert said == ("" if study["study"] in outcome["chosen"] and not weights else "left out")
        assert text(found[study["study"]], "people") == str(study["people"])


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_drawn_lies_where_its_number_lies_on_the_scale(client: FlaskClient, question: str) -> None:
    outcome = asked(client, question).get_json()
    root = parsed(asked(client, question, ".svg").get_data(as_text=True))
    ticks = {float(each.text): float(each.get("x")) for each in root.iter(f"{NS}text") if each.get("class") == "tick"}
    assert min(ticks) < 1 < max(ticks)
    left, right = min(ticks), max(ticks)

    def ratio(x: float) -> float:
        share = (x - ticks[left]) / (ticks[right] - ticks[left])
        return math.exp(math.log(left) + share * (math.log(right) - math.log(left)))

    for name, row in rows(ET.tostring(root, encoding="unicode")).items():
        told = lines(outcome)[name]
        for shape in row.iter():
            if shape.tag == f"{NS}polygon":
                points = [float(pair.split(",")[0]) for pair in shape.get("points").split()]
                drawn = (ratio(points[0]), ratio(points[1]), ratio(points[2]))
                assert drawn == pytest.approx((told["ci_low"], told["hr"], told["ci_high"]), rel=0.01), name
            elif shape.tag == f"{NS}path":
                low, high = map(float, re.match(r"M([\d.]+) [\d.]+H([\d.]+)", shape.get("d")).groups())
                assert (ratio(low), ratio(high)) == pytest.approx((told["ci_low"], told["ci_high"]), rel=0.01), name
                assert bool(shape.get("stroke-dasharray")) == (told["ci_level"] != 95)
            elif shape.tag == f"{NS}rect":
                middle = float(shape.get("x")) + float(shape.get("width")) / 2
                assert ratio(middle) == pytest.approx(told["hr"], rel=0.01), name


def test_the_area_of_a_box_grows_with_its_weight(client: FlaskClient) -> None:
    outcome = asked(client, QUESTIONS[0]).get_json()
    found = rows(asked(client, QUESTIONS[0], ".svg").get_data(as_text=True))
    weighed = sorted((each["random"], each["study"]) for each in outcome["pooled"]["weights"])
    sides = [float(next(found[name].iter(f"{NS}rect")).get("width")) for _, name in weighed]
    assert sides == sorted(sides)
    assert sides[0] < sides[-1]


@pytest.mark.parametrize("question", QUESTIONS[:2])
def test_the_file_says_its_traps_and_its_directions_and_reads_aloud(client: FlaskClient, question: str) -> None:
    outcome = asked(client, question).get_json()
    root = parsed(asked(client, question, ".svg").get_data(as_text=True))
    said = " ".join(each.text or "" for each in root.iter(f"{NS}text"))
    for note in outcome["notes"]:
        assert note[:40] in said
    for study in (*outcome["studies"], *outcome["published"]):
        for caveat in study["caveats"]:
            assert f"{study['name']}: {caveat}."[:40] in said
    assert f"favours {outcome['favours']['below']}" in said
    assert f"favours {outcome['favours']['above']}" in said
    assert root.find(f"{NS}title").text.startswith(outcome["title"])
    description = root.find(f"{NS}desc").text
    for told in lines(outcome).values():
        assert f"{two(told['hr'])} ({two(told['ci_low'])} to {two(told['ci_high'])})" in description
    assert root.get("role") == "img"


def test_a_pool_on_the_plot_is_said_to_be_ours(client: FlaskClient) -> None:
    svg = asked(client, QUESTIONS[0], ".svg").get_data(as_text=True)
    assert "Pooled (our calculation)" in svg
    assert "I² 55.2%" in svg
    assert "Pooled (our calculation)" not in asked(client, "local-control", ".svg").get_data(as_text=True)


def test_the_file_stands_alone_in_light_and_dark_and_its_policy_lets_its_style_in(client: FlaskClient) -> None:
    response = asked(client, QUESTIONS[0], ".svg")
    svg = response.get_data(as_text=True)
    assert response.mimetype == "image/svg+xml"
    assert "prefers-color-scheme:dark" in svg
    assert "style-src 'sha256-" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert not re.search(r"<script|href=|src=|url\(", svg)
    assert response.headers["ETag"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_csv_has_the_numbers_of_the_json(client: FlaskClient, question: str) -> None:
    outcome = asked(client, question).get_json()
    response = asked(client, question, ".csv")
    assert response.mimetype == "text/csv"
    table = {line["id"]: line for line in csv.DictReader(io.StringIO(response.get_data(as_text=True)))}
    if outcome["pooled"] is None:
        assert table.pop("")["name"] == outcome["pooled_reason"]
    assert set(table) == set(lines(outcome))
    for name, told in lines(outcome).items():
        for member in ("hr", "ci_low", "ci_high", "ci_level"):
            assert float(table[name][member]) == told[member]
    for study in outcome["studies"]:
        assert table[study["study"]]["chosen"] == str(study["study"] in outcome["chosen"]).lower()
    for each in (outcome["pooled"] or {}).get("weights", ()):
        line = table[each["study"]]
        assert (float(line["weight_fixed"]), float(line["weight_random"])) == (each["fixed"], each["random"])
