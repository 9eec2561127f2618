"""The cache in the process: bounded, and never an answer to another question."""

import dataclasses
import datetime as dt
import gzip
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service import create_app
from service.cache.near import ENTRY, Near
from service.facts import identifier
from service.settings import Settings
from tests.conftest import NOON

ONE = "/v1/recommendations"
FACTS = {"metastatic_status": "M1", "presentation": "de_novo", "complications": "none"}
DATED = {**FACTS, "chemotherapy_response": {"overall": "PR", "assessed_on": "2026-11-01"}}


class Clock:
    """A clock that a test moves."""

    now = NOON

    def __call__(self) -> dt.datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> FlaskClient:
    return create_app(Settings(clock=clock, log_level="error")).test_client()


def post(client: FlaskClient, facts: Any = FACTS, query: str = "", **headers: str) -> TestResponse:
    return client.post(ONE + query, data=json.dumps(facts), headers={"Content-Type": "application/json", **headers})


def hit(response: TestResponse) -> bool:
    return {"near; hit": True, "near; fwd=miss": False}[response.headers["Cache-Status"]]


def test_the_same_question_is_answered_from_it_with_the_same_bytes_and_headers(app: Flask, client: FlaskClient) -> None:
    first, second = post(client), post(client)
    assert (hit(first), hit(second)) == (False, True)
    assert first.data == second.data == app.test_client().post(ONE, json=FACTS).data
    differ = {"X-Request-ID", "Cache-Status"}
    told = [{k: v for k, v in each.headers.items() if k not in differ} for each in (first, second)]
    assert told[0] == told[1]


def test_another_body_with_the_same_facts_finds_the_same_answer(client: FlaskClient) -> None:
    first, second = post(client), post(client, {**FACTS, "ecog": None})
    assert hit(second)
    assert first.data == second.data


def test_the_permalink_finds_it_and_not_modified_is_said_without_a_body(client: FlaskClient) -> None:
    posted = post(client)
    link = posted.get_json()["links"]["self"]
    got = client.get(link)
    assert hit(got)
    assert got.data == posted.data
    again = client.get(link, headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_each_view_is_another_answer(client: FlaskClient) -> None:
    seen = [post(client, query=f"?view={view}") for view in ("full", "brief", "row", "row")]
    assert [hit(each) for each in seen] == [False, False, False, True]
    assert len({each.data for each in seen}) == 3


def test_a_fact_that_grows_old_overnight_is_judged_anew(clock: Clock, client: FlaskClient) -> None:
    """The same bytes ask something else tomorrow: an assessment is too old after 120 days."""
    today, again = post(client, DATED), post(client, DATED)
    assert (hit(today), hit(again)) == (False, True)
    clock.now = NOON + dt.timedelta(days=400)
    later = post(client, DATED)
    assert not hit(later)
    assert later.headers["Decision-Id"] != today.headers["Decision-Id"]
    assert later.headers["Evidence-Review"] == "overdue"
    assert post(client).headers["Evidence-Review"] == "overdue"


def test_what_is_refused_is_refused_again(client: FlaskClient) -> None:
    assert post(client).status_code == 200
    assert post(client, **{"Content-Type": "text/plain"}).status_code == 415
    assert post(client, query="?view=wide").status_code == 400
    assert post(client, query="?release=1999").status_code == 404
    assert post(client, Host="stranger.example").status_code == 421
    for _ in range(2):
        assert post(client, {"hat": 1}).status_code == 422


def test_compressed_and_plain_are_one_answer(client: FlaskClient) -> None:
    plain = post(client)
    for _ in range(2):
        small = post(client, **{"Accept-Encoding": "gzip"})
        assert hit(small)
        assert small.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(small.data) == plain.data
        assert small.headers["ETag"] == plain.headers["ETag"]
    assert "Content-Encoding" not in post(client).headers
    assert post(client).data == plain.data


def test_a_query_that_is_wrong_beside_an_emergency_is_answered_in_full_each_time(client: FlaskClient) -> None:
    bleeding = {"complications": {"bleeding": {"grade": 4}}}
    first, second = (post(client, bleeding, "?view=wide") for _ in range(2))
    assert first.data == second.data
    assert "evidence" in second.get_json()


def test_what_was_asked_is_kept_as_a_digest_however_long_its_query(app: Flask) -> None:
    """Or the keys would outgrow NEAR_CACHE_BYTES, which weighs values."""
    service = create_app(dataclasses.replace(app.config["SETTINGS"], near_cache_bytes=100_000))
    assert hit(post(service.test_client(), query="?pad=" + "x" * 3000)) is False
    assert hit(post(service.test_client(), query="?pad=" + "x" * 3000)) is True
    kept = service.config["CACHE"].near._kept
    assert kept
    assert all(len(key) < 200 for key in kept)


def test_it_is_bounded_in_bytes_and_the_least_used_goes_first() -> None:
    near = Near(10 * (1000 + ENTRY))
    for number in range(10):
        near.put(number, b"x" * 1000)
    assert near.get(0) is not None
    near.put(10, b"x" * 1000)
    assert [number for number in range(11) if near.get(number) is None] == [1]
    near.put("large", b"x" * 8000)
    assert sum(near.get(number) is not None for number in range(11)) < 6
    near.put("too large", b"x" * 100_000)
    assert near.get("too large") is None
    assert near.get("large") is not None


def test_none_at_all_answers_the_same(app: Flask) -> None:
    settings = dataclasses.replace(app.config["SETTINGS"], near_cache_bytes=0)
    client = create_app(settings).test_client()
    first, second = post(client), post(client)
    assert (hit(first), hit(second)) == (False, False)
    assert first.data == second.data


CONDITIONS: dict[str, dict[str, str]] = {
    "the tag": {"If-None-Match": "{tag}"},
    "one of several": {"If-None-Match": '"other", {tag}'},
    "the tag said to be strong": {"If-None-Match": "{strong}"},
    "any": {"If-None-Match": "*"},
    "another": {"If-None-Match": 'W/"other"'},
    "only if it is another": {"If-None-Match": "{tag}", "If-Match": '"other"'},
    "no tag": {"If-None-Match": ""},
}


def test_a_link_that_is_near_is_told_as_unchanged_as_one_that_is_worked_out(app: Flask, client: FlaskClient) -> None:
    posted = client.post(ONE, json=FACTS)
    tag, link = posted.headers["ETag"], posted.get_json()["links"]["self"]
    differ = {"X-Request-ID", "Cache-Status", "Date"}
    for case, conditions in CONDITIONS.items():
        headers = {name: text.format(tag=tag, strong=tag.removeprefix("W/")) for name, text in conditions.items()}
        for method in ("GET", "HEAD"):
            near, far = (each.open(link, method=method, headers=headers) for each in (client, app.test_client()))
            assert near.headers["Cache-Status"] == "near; hit"
            assert (near.status_code, near.data) == (far.status_code, far.data), case
            told = [{name: text for name, text in each.headers.items() if name not in differ} for each in (near, far)]
            assert told[0] == told[1], case


def test_a_tag_makes_no_link_of_facts_that_do_not_hold(client: FlaskClient) -> None:
    """The check value of a decision_id is no secret: whoever makes one up can make up its tag."""
    posted = client.post(ONE, json=FACTS).headers["Decision-Id"]
    _, name, release, _, _ = posted.split("_")
    forged = identifier.write(name, release, "z" * 60)
    assert client.get(f"{ONE}/{forged}", headers={"If-None-Match": "*"}).status_code == 404
