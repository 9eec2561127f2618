"""The page behind a permalink: the same content as the answer, for people, without script."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from flask import Flask

from service import create_app
from service.knowledge.guideline import Guideline
from service.settings import Settings
from tests.api.asking import RESPONDER

LATER = dt.datetime(2028, 1, 1, tzinfo=dt.UTC)


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize(
    "facts", [RESPONDER, {}, {"complications": ["sepsis_signs"]}, {"complications": ["bleeding", "infection"]}]
)
def test_a_page_says_what_the_answer_says(app: Flask, ask: Callable[..., dict], facts: dict) -> None:
    answer = ask(facts)
    response = app.test_client().get(answer["links"]["page"])
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    page = text(response.get_data(as_text=True)).replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")
    for item in answer["recommendations"]:
        assert item["statement"] in page
    for member in ("decision_id", "disclaimer"):
        assert answer[member] in page
    for source in answer["citations"]:
        assert source["id"] in page
    assert answer["guideline"]["digest"] in page
    assert answer["guideline"]["release"] in page


def test_a_page_has_no_script_but_a_file_of_ours_and_asks_no_other_host(app: Flask, ask: Callable[..., dict]) -> None:
    response = app.test_client().get(ask(RESPONDER)["links"]["page"])
    page = response.get_data(as_text=True)
    assert all(
        re.fullmatch(r'<script src="/assets/fold\.js[^"]*" defer>', tag) for tag in re.findall(r"<script[^>]*>", page)
    )
    assert "style=" not in page
    assert all(
        address.startswith(("/", "#")) for address in re.findall(r"(?:src|href)=\"(?!https?://)([^\"]+)\"", page)
    )
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    style = app.test_client().get("/assets/page.css")
    assert (style.status_code, style.mimetype) == (200, "text/css")


@pytest.mark.parametrize("path", ["/decisions/nonsense", "/assets/none.css", "/assets/..%2fdecisions.py"])
def test_what_is_not_there_is_a_problem(app: Flask, path: str) -> None:
    response = app.test_client().get(path)
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"


def test_a_page_says_when_the_evidence_is_overdue_and_the_answer_does_not(
    ask: Callable[..., dict], guideline: Guideline
) -> None:
    answer = ask(RESPONDER)
    client = create_app(Settings(clock=lambda: LATER, log_level="error")).test_client()
    assert f"was to be reviewed by {guideline.release.review_by}" in client.get(answer["links"]["page"]).get_data(
        as_text=True
    )
    assert client.get(answer["links"]["self"]).get_json() == answer


def test_pages_off_takes_them_away(ask: Callable[..., dict]) -> None:
    client = create_app(Settings(pages=False, log_level="error")).test_client()
    assert client.get(ask(RESPONDER)["links"]["page"]).status_code == 404
    assert client.get("/assets/page.css").status_code == 404
    assert client.get(ask(RESPONDER)["links"]["self"]).status_code == 200


def test_what_is_shown_is_escaped(app: Flask, ask: Callable[..., dict]) -> None:
    page = app.test_client().get(ask({**RESPONDER, "age_years": 70})["links"]["page"]).get_data(as_text=True)
    assert "&gt;65" in page
