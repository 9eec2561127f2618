"""The evidence through the door: pools, studies, what must not be shown, and how a patient compares."""

import json

import pytest
from flask.testing import FlaskClient

from tests.api.asking import RESPONDER


def read(client: FlaskClient, path: str) -> dict:
    response = client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def test_overall_survival_shows_the_default_pool_with_its_interval_and_heterogeneity(client: FlaskClient) -> None:
    found = read(client, "/v1/evidence/overall-survival")
    pool = found["pooled"]
    assert pool["id"] == "five_trials_mf5y"
    assert {name: round(pool["random"][name], 2) for name in ("hr", "ci_low", "ci_high")} == {
        "hr": 0.93, "ci_low": 0.75, "ci_high": 1.16,
    }  # fmt: skip
    assert round(pool["i2"]) == 55
    assert pool["derived"] is True
    assert {study["ci_level"] for study in found["studies"] if study["study"] in {"e2108_jco_2022", "jcog1017"}} == {90}
    (abcsg,) = [study for study in found["studies"] if study["study"] == "abcsg28_2019"]
    assert abcsg["hr"] > 1


def test_another_pool_is_shown_when_asked_for(client: FlaskClient) -> None:
    found = read(client, "/v1/evidence/overall-survival?pool=after_systemic_therapy_tata_e2108_jcog")
    assert found["pooled"]["random"]["hr"] == pytest.approx(0.979, abs=0.001)
    assert "Tata Memorial as a whole (some of its women were randomised before drugs)" in found["pooled"]["title"]
    assert client.get("/v1/evidence/overall-survival?pool=none-such").status_code == 404
    assert client.get("/v1/evidence/none-such").status_code == 404


def test_local_control_is_not_pooled_and_says_why(client: FlaskClient) -> None:
    found = read(client, "/v1/evidence/local-control")
    assert found["pooled"] is None
    assert any("Not pooled" in note for note in found["notes"])
    assert len(found["published"]) >= 3


def test_the_ten_year_report_is_flagged_and_argued(client: FlaskClient) -> None:
    (study,) = [
        item for item in read(client, "/v1/evidence/overall-survival")["studies"] if item["study"] == "mf07_01_2021_10y"
    ]
    assert "interval narrower than 265 women allow" in study["caveats"]
    assert study["argued"]


def test_a_study_shows_no_figure_that_must_not_be_shown(client: FlaskClient) -> None:
    studies = read(client, "/v1/studies")["studies"]
    assert len(studies) >= 20
    for study in studies:
        text = json.dumps(read(client, study["links"]["self"]))
        assert '"display": "never"' not in text, study["id"]
    assert client.get("/v1/studies/none-such").status_code == 404


def test_an_answer_carries_its_evidence_and_how_the_patient_compares(client: FlaskClient) -> None:
    answer = client.post("/v1/recommendations", json=RESPONDER).get_json()
    assert set(answer["evidence"]) == {"overall_survival", "local_control", "quality_of_life"}
    tata = next(item for item in answer["applicability"] if item["study"] == "tata_lancet_oncol_2015")
    assert "metastatic at first diagnosis" in tata["matches"]
    assert "up to 65 years old" in tata["unknown"]
    older = client.post("/v1/recommendations", json={**RESPONDER, "age_years": 70}).get_json()
    tata = next(item for item in older["applicability"] if item["study"] == "tata_lancet_oncol_2015")
    assert "up to 65 years old" in tata["mismatches"]


def test_bone_only_disease_is_a_mismatch_for_jcog1017(client: FlaskClient) -> None:
    answer = client.post("/v1/recommendations", json={**RESPONDER, "metastatic_extent": "bone_only"}).get_json()
    jcog = next(item for item in answer["applicability"] if item["study"] == "jcog1017")
    assert "at least one measurable metastasis" in jcog["mismatches"]


def test_the_reasons_quote_the_pools_with_their_intervals(client: FlaskClient) -> None:
    answer = client.post("/v1/recommendations", json=RESPONDER).get_json()
    text = " ".join(reason["text"] for reason in answer["recommendations"][0]["certainty_reasons"])
    assert "HR 0.98, 95% CI 0.83-1.15; Hartung-Knapp 0.71-1.35" in text
    assert "our calculation" in text
