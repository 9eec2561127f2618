"""The evidence pages: the traps said aloud, nothing shown that must not be, the patient beside each trial."""

import re

import pytest
from flask.testing import FlaskClient

from tests.api.asking import RESPONDER


def test_two_reports_of_one_trial_are_not_pooled_without_script_either(client: FlaskClient) -> None:
    query = "overall-survival=mf07_01_2018&overall-survival=mf07_01_2021_10y"
    page = client.get(f"/evidence?{query}").get_data(as_text=True)
    assert "count twice" in page
    assert "lead-figure" not in page


def test_the_traps_are_said_aloud(client: FlaskClient) -> None:
    page = client.get("/evidence").get_data(as_text=True)
    for trap in ("report 90% intervals", "ABCSG-28 printed its ratio", "narrower than 265 women allow"):
        assert trap in page


def test_what_must_not_be_shown_is_on_no_page(client: FlaskClient) -> None:
    hidden = 0
    for name, study in client.application.config["KNOWLEDGE"].library.studies.items():
        page = client.get(f"/evidence/studies/{name}").get_data(as_text=True)
        for key, part in study.items():
            if isinstance(part, dict) and part.get("display") == "never":
                hidden += 1
                label = key.replace("_", " ").capitalize()
                assert f"<h3>{label}</h3>" not in page, name
    assert hidden


@pytest.mark.parametrize("study", ["tata_lancet_oncol_2015", "abcsg28_2019", "reinhorn_2021"])
def test_a_figure_leads_to_its_study_and_its_citation(client: FlaskClient, study: str) -> None:
    assert f'href="/evidence/studies/{study}"' in client.get("/evidence").get_data(as_text=True)
    page = client.get(f"/evidence/studies/{study}").get_data(as_text=True)
    assert "https://doi.org/" in page
    assert "hazard ratio" in page.lower()


def test_the_patient_in_hand_stands_beside_each_trial(client: FlaskClient) -> None:
    answer = client.post("/v1/recommendations", json={**RESPONDER, "age_years": 70, "sex": "female"}).get_json()
    response = client.get(f"/evidence?decision={answer['decision_id']}")
    page = response.get_data(as_text=True)
    assert response.headers["Cache-Control"] == "private, no-cache"
    cells = re.findall(r'<th scope="row">([^<]+)</th>((?:<td.*?</td>)+)</tr>', page)
    told = {name: re.sub(r"<[^>]+>", "|", row) for name, row in cells}
    assert "does not fit" in told["up to 65 years old"]
    assert told["women"].count("|fits|") == 5
    for population in answer["applicability"]:
        for kind, word in (("matches", "fits"), ("mismatches", "does not fit"), ("unknown", "not known")):
            for criterion in population[kind]:
                assert f"|{word}|" in told[criterion]
