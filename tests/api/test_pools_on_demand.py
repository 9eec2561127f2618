"""A pool of any choice of trials: the same arithmetic, labelled as ours, and what must not be pooled is refused."""

import math
from itertools import combinations

import pytest
from flask.testing import FlaskClient

from service.evidence.effect import Interval
from service.evidence.pooling import pooled
from tests.api.asking import is_problem

OS = "/v1/evidence/overall-survival"
FIVE, TEN = "mf07_01_2018", "mf07_01_2021_10y"


def read(client: FlaskClient, path: str) -> dict:
    response = client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def subsets(client: FlaskClient) -> list[tuple[str, ...]]:
    names = [study["study"] for study in read(client, OS)["studies"]]
    chosen = [subset for size in range(2, len(names) + 1) for subset in combinations(names, size)]
    return [subset for subset in chosen if not {FIVE, TEN} <= set(subset)]


def test_every_choice_of_trials_is_pooled_as_its_own_intervals_say(client: FlaskClient) -> None:
    studies = {study["study"]: study for study in read(client, OS)["studies"]}
    found = subsets(client)
    assert len(found) > 30
    for subset in found:
        pool = read(client, f"{OS}?trials={','.join(subset)}")["pooled"]
        chosen = [studies[name] for name in subset]
        mine = pooled([Interval(s["hr"], s["ci_low"], s["ci_high"], s["ci_level"]) for s in chosen])
        for name in ("fixed", "random"):
            interval = getattr(mine, name)
            assert pool[name]["hr"] == pytest.approx(interval.ratio, abs=0.0015)
            assert pool[name]["ci_low"] == pytest.approx(interval.low, abs=0.0015)
            assert pool[name]["ci_high"] == pytest.approx(interval.high, abs=0.004)
        assert pool["i2"] == pytest.approx(mine.i2, abs=0.2)
        assert {each["study"] for each in pool["weights"]} == set(subset)
        assert math.isclose(sum(each["random"] for each in pool["weights"]), 100, abs_tol=0.3)
        assert pool["derived"] is True


def test_a_pool_of_the_guideline_is_that_pool_however_its_trials_are_named(client: FlaskClient) -> None:
    for pool in read(client, OS)["pools"]:
        names = [each["study"] for each in pool["weights"]]
        assert read(client, f"{OS}?trials={','.join(reversed(names))}")["pooled"] == pool
        assert read(client, f"{OS}?{'&'.join(f'trials={name}' for name in names)}")["pooled"] == pool


def test_a_choice_of_the_reader_is_said_to_be_no_pool_of_the_guideline(client: FlaskClient) -> None:
    found = read(client, f"{OS}?trials=jcog1017,{FIVE},abcsg28_2019")
    assert found["chosen"] == ["jcog1017", FIVE, "abcsg28_2019"]
    assert found["pooled"]["id"] == "chosen"
    assert "no pool of the guideline" in found["pooled"]["caveat"]
    assert found["pooled"]["title"].startswith("3 trials chosen")


def test_the_interval_that_is_narrower_than_its_people_allow_is_named_in_every_pool_that_has_it(
    client: FlaskClient,
) -> None:
    for subset in subsets(client):
        caveat = read(client, f"{OS}?trials={','.join(subset)}")["pooled"]["caveat"] or ""
        assert ("narrower than 265 women allow" in caveat) == (TEN in subset), subset
        assert "90%" not in caveat


def test_two_trials_have_no_hartung_knapp_interval(client: FlaskClient) -> None:
    assert read(client, f"{OS}?trials=e2108_jco_2022,abcsg28_2019")["pooled"]["hartung_knapp"] is None
    assert read(client, f"{OS}?trials=e2108_jco_2022,abcsg28_2019,jcog1017")["pooled"]["hartung_knapp"] is not None


def test_one_trial_shows_itself_and_no_pool(client: FlaskClient) -> None:
    found = read(client, f"{OS}?trials=jcog1017")
    assert found["pooled"] is None
    assert found["chosen"] == ["jcog1017"]
    assert "jcog1017" in {study["study"] for study in found["studies"]}


def test_two_reports_of_one_trial_are_never_pooled(client: FlaskClient) -> None:
    """Its people would count twice."""
    assert read(client, OS)["same_trial"] == [[FIVE, TEN]]
    for more in ("", ",jcog1017"):
        problem = is_problem(client.get(f"{OS}?trials={FIVE},{TEN}{more}"), 400, "bad-request")
        assert "count twice" in problem["detail"]


def test_an_outcome_that_the_content_does_not_pool_is_not_pooled_on_demand(client: FlaskClient) -> None:
    assert read(client, "/v1/evidence/local-control?trials=jcog1017")["pooled"] is None


@pytest.mark.parametrize("form", ["", ".svg", ".csv"])
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("trials=", 404, "not-found"),
        ("trials=nobody", 404, "not-found"),
        ("trials=jcog1017,nobody", 404, "not-found"),
        ("trials=cochrane_2018,jcog1017", 404, "not-found"),
        ("pool=nothing", 404, "not-found"),
        ("pool=five_trials_mf5y&trials=jcog1017", 400, "bad-request"),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(
    client: FlaskClient, form: str, query: str, status: int, code: str
) -> None:
    is_problem(client.get(f"{OS}{form}?{query}"), status, code)


def test_which_way_a_ratio_points_is_said(client: FlaskClient) -> None:
    for outcome in ("overall-survival", "local-control"):
        found = read(client, f"/v1/evidence/{outcome}")["favours"]
        assert found == {"below": "local treatment", "above": "systemic therapy alone"}
