"""The explorer without a browser: its form says what the API is asked, its page what the API answers."""

import datetime as dt
import html
import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from service import create_app
from service.advice.question import Answer, Questioner
from service.api.json_out import gzipped
from service.knowledge.guideline import Guideline
from service.knowledge.words import Words
from service.settings import Settings
from service.web.form import body_of, filled_from, sections
from service.web.page import POLICY, asset_of
from tests.api.asking import BODIES, RESPONDER
from tests.conftest import NOON

TODAY = NOON.date()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def said(page: str) -> str:
    """The text of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def send(client: FlaskClient, fields: Any, **headers: str) -> str:
    response = client.post("/", data=fields, headers=headers)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def curl(page: str) -> dict:
    """The body of the call that the page tells."""
    found = re.search(r'<code id="curl">(.*?)</code>', page, re.DOTALL)
    assert found
    words = shlex.split(html.unescape(found[1]).replace("\\\n", " "))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8000/v1/recommendations"]
    return json.loads(words[-1])


def test_nothing_stated_is_answered_as_the_empty_question(client: FlaskClient, ask: Callable[..., dict]) -> None:
    page = client.get("/").get_data(as_text=True)
    assert curl(page) == {}
    assert ask({})["recommendations"][0]["statement"] in said(page)


def test_unknown_is_chosen_everywhere_until_something_is_stated(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    groups = re.findall(r'role="radiogroup".*?</div>', page, re.DOTALL)
    assert len(groups) > 40
    for group in groups:
        assert re.findall(r'value="([^"]*)" checked', group) == [""]
    assert not re.findall(r'type="checkbox"[^>]* checked', page)


@pytest.mark.parametrize("name", BODIES)
def test_the_page_says_what_the_api_says(client: FlaskClient, ask: Callable[..., dict], name: str) -> None:
    answer = ask(BODIES[name])
    # That a list was empty is a fact about the form of a request, which no control has.
    explored = [] if name == "an empty list" else [f"/explore/{answer['decision_id']}"]
    for address in (answer["links"]["page"], *explored):
        page = client.get(address).get_data(as_text=True)
        text = said(page)
        for item in answer["recommendations"]:
            assert item["statement"] in text
            assert f"{item['rule']} {item['code']}" in text
            assert all(option["text"] in text for option in item["options"])
        for item in answer["missing_facts"]:
            for value, other in item["would_become"].items():
                assert f'name="set" value="{html.escape(item["fact"])}={html.escape(value)}"' in page
                assert f'value="{other["code"]}"' in page
        assert all(item["detail"] in text for item in (*answer["warnings"], *answer["data_conflicts"]))
        # Sources in these are links: a space more or less is no other text.
        told = "".join(text.split())
        assert all("".join(item["text"].split()) in told for item in (*answer["dissent"], *answer["open_questions"]))
        assert all(check in text for check in answer["must_check"])
        for source in answer["citations"]:
            assert source["id"] in text
            assert source["url"] is None or f'href="{html.escape(source["url"])}"' in page
            assert (source["locator"] or "") in text
        for member in ("digest", "release", "evidence_date", "review_by", "sign_off"):
            assert answer["guideline"][member] in text
        assert answer["disclaimer"] in text
        assert answer["communication"]["key_message"] in text


def test_every_worked_case_comes_back_through_the_form(guideline: Guideline) -> None:
    """The form can say whatever a decision_id holds, but for the form of a request and a day to come."""
    questioner, tried = Questioner(guideline), 0
    for case in guideline.cases:
        if case.body is not None or case.refused:
            continue
        answer = questioner.ask(case.facts, TODAY)
        assert isinstance(answer, Answer)
        stated = dict(answer.advice.stated)
        if stated["complications.form"] != "other" or stated["as_of"] != "not_future" or answer.refused:
            continue
        body = body_of(guideline.vocabulary, filled_from(guideline.vocabulary, stated), TODAY)
        again = questioner.ask(json.loads(json.dumps(body)), TODAY)
        assert isinstance(again, Answer), case.name
        assert again.decision_id == answer.decision_id, case.name
        tried += 1
    assert tried > 200


def test_each_control_sets_what_it_says_and_nothing_else(guideline: Guideline) -> None:
    """Each value of each control is accepted by the API, and found again in the facts that it understood."""
    questioner, words = Questioner(guideline), Words(guideline)
    blank = MultiDict[str, str]()

    def controls(parts: Any) -> Any:
        for part in parts:
            yield part
            yield from controls(part.parts)

    shown = [each for section in sections(words, blank) for each in controls(section.controls)]
    facts = {fact for section in words.pages.groups for fact in section.facts}
    assert facts == set(guideline.vocabulary.facts) - {"as_of"}
    seen = 0
    for control in shown:
        for option in control.options:
            if not option.value:
                continue
            body = body_of(guideline.vocabulary, MultiDict({control.name: option.value}), TODAY)
            result = questioner.ask(body, TODAY)
            if not isinstance(result, Answer):
                assert any(fault.rule for fault in result.faults), (control.name, option.value)
                continue
            stated = {k: v for k, v in result.advice.stated.items() if v != guideline.vocabulary.nothing[k]}
            named = f"{control.name}.{option.value}" if control.kind == "many" else control.name
            assert stated.get(named, option.value) in {option.value, "listed"}
            assert stated
            seen += 1
    assert seen > 120


def test_the_call_that_is_shown_gives_the_answer_that_is_shown(client: FlaskClient, ask: Callable[..., dict]) -> None:
    fields = {
        "metastatic_status": "M1",
        "presentation": "de_novo",
        "chemotherapy_response.overall": "PR",
        "chemotherapy_response.assessed_on": "older",
        "complications.bleeding.presence": "present",
        "complications.bleeding.grade": "2",
        "complications.bleeding.controlled_by_pressure": "true",
        "platelets_10e9_per_l": "<50",
        "metastatic_sites": ["bone", "liver"],
    }
    page = send(client, fields)
    body = curl(page)
    assert body == {
        "metastatic_status": "M1",
        "presentation": "de_novo",
        "chemotherapy_response": {"overall": "PR", "assessed_on": (TODAY - dt.timedelta(days=121)).isoformat()},
        "complications": {"bleeding": {"presence": "present", "grade": 2, "controlled_by_pressure": True}},
        "metastatic_sites": ["bone", "liver"],
        "platelets_10e9_per_l": 49,
    }
    answer = ask(body)
    assert answer["recommendations"][0]["statement"] in said(page)
    assert answer["links"]["page"] in page


def test_a_what_if_states_one_fact_more(client: FlaskClient) -> None:
    page = send(client, {"metastatic_status": "M1", "set": "complications=none"})
    assert curl(page) == {"metastatic_status": "M1", "complications": "none"}
    page = send(client, {"complications.pain.presence": "absent", "set": "complications.sepsis_signs=present"})
    assert curl(page) == {"complications": {"pain": "absent", "sepsis_signs": "present"}}
    assert 'class="alarm" role="alert"' in page
    page = send(client, {"set": "age_years=>65"})
    assert curl(page) == {"age_years": 66}


def test_none_takes_back_what_was_said_of_a_finding(client: FlaskClient) -> None:
    page = send(client, {"complications.bleeding.presence": "present", "complications.bleeding.grade": "3",
                         "set": "complications=none"})  # fmt: skip
    assert curl(page) == {"complications": "none"}


def test_a_contradiction_is_told_at_its_field_and_nothing_is_advised(
    client: FlaskClient, ask: Callable[..., dict]
) -> None:
    page = send(client, {"metastatic_status": "M0", "metastatic_sites": "bone"})
    (fault,) = ask({"metastatic_status": "M0", "metastatic_sites": ["bone"]}, 422)["errors"]
    place = re.search(r'id="e-metastatic_sites" data-live>(.*?)</div>', page, re.DOTALL)
    assert place
    assert fault["detail"] in said(place[1])
    assert 'href="#f-metastatic_sites"' in page
    assert "R04" not in said(page)


def test_a_refusal_that_is_urgent_says_so_first(client: FlaskClient, ask: Callable[..., dict]) -> None:
    fields = {"metastatic_status": "M0", "presentation": "de_novo", "complications.pain.presence": "present",
              "complications.pain.grade": "3"}  # fmt: skip
    page = send(client, fields)
    urgent = ask(curl(page), 422)["urgent"]["statement"]
    assert page.index('role="alert"') < page.index(html.escape(urgent, quote=False)) < page.index('id="facts"')


def test_an_emergency_is_answered_whatever_else_is_wrong(client: FlaskClient) -> None:
    page = send(client, {"complications.sepsis_signs.presence": "present", "age_years": "forty", "hat": "blue"})
    assert page.index('class="alarm" role="alert"') < page.index('id="facts"')
    assert "EMERGENCY_PATHWAY" in page
    assert "Must be a number" in said(page)
    assert "blue" not in said(page).replace(json.dumps(curl(page)["hat"]), "")


def test_what_was_sent_is_kept_where_it_is_refused(client: FlaskClient) -> None:
    assert curl(send(client, {"age_years": "forty", "hat": "x"})) == {"age_years": "forty", "hat": "x"}
    assert curl(send(client, {"age_years": "44"})) == {"age_years": 44}
    assert curl(send(client, {"haemoglobin_g_per_dl": "7.9"})) == {"haemoglobin_g_per_dl": 7.9}


def test_what_is_sent_is_escaped(client: FlaskClient) -> None:
    page = send(client, {"ecog": "<script>alert(1)</script>'\"", "<b>": "1"})
    assert "<script>alert" not in page
    assert "<b>" not in page


def test_an_answer_to_facts_is_kept_by_nobody(client: FlaskClient, ask: Callable[..., dict]) -> None:
    assert client.post("/", data={}).headers["Cache-Control"] == "no-store"
    assert client.get("/").headers["Cache-Control"] == "public, max-age=300"
    assert client.get(f"/explore/{ask(RESPONDER)['decision_id']}").headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "null"}, 200),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
def test_only_the_page_itself_sends_its_form(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/", data={"sex": "male"}, headers=headers).status_code == status


@pytest.mark.parametrize(
    "form",
    [
        "complications=x&complications.bleeding.presence=present",
        "complications.bleeding=x&complications.bleeding.presence=present",
        "complications.bleeding.presence=present&complications.bleeding=x",
        "chemotherapy_response=CR&chemotherapy_response.overall=PD",
        "set=complications%3Dx&complications.bleeding.presence=present",
        "complications.bleeding.presence=present&complications.bleeding.presence=absent",
    ],
)
def test_what_no_form_of_ours_says_is_refused_and_never_dropped(client: FlaskClient, form: str) -> None:
    page = client.post("/", data=form, headers=FORM)
    assert page.status_code == 200
    assert "No answer: see what has to be put right" in page.text
    grave = client.post("/", data=f"{form}&complications.sepsis_signs.presence=present", headers=FORM)
    assert "emergency" in grave.text.lower()
    assert "R01" in grave.text


def test_a_form_is_a_form_and_not_too_large(client: FlaskClient) -> None:
    assert client.post("/", json={}).status_code == 415
    assert client.post("/", data=b"a=" + b"b" * 1_048_577, headers=FORM).status_code == 413
    assert client.post("/", data=b"a=" + b"b" * 700_000, headers=FORM).status_code == 200


@pytest.mark.parametrize("path", ["/explore/nonsense", "/explore/1_x"])
def test_an_id_that_is_none_is_a_problem(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


def test_no_fact_is_in_an_address_and_nothing_comes_from_elsewhere(client: FlaskClient) -> None:
    page = send(client, {"metastatic_status": "M1", "complications.bleeding.presence": "present"})
    assert not re.findall(r'(?:href|action)="[^"]*\?(?!v=)', page)
    assert 'method="get"' not in page
    assert re.findall(r'(?:src|action)="(?!/)', page) == []
    assert " style=" not in page
    assert " on" not in re.sub(r">[^<]*<", "><", page).replace(' class="on"', "").replace("on-explorer", "")


def test_the_policy_of_every_page_lets_nothing_in(client: FlaskClient) -> None:
    assert client.get("/").headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert client.get("/").headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in client.get("/").headers


def test_the_first_page_weighs_little(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    files = [asset_of(name) for name in re.findall(r"/assets/([\w.]+)\?v=", page)]
    assert len(gzipped(page.encode())) + sum(len(file.small) for file in files) < 100_000


def test_a_file_asked_for_by_its_digest_may_be_kept_for_ever(client: FlaskClient) -> None:
    digest = asset_of("page.css").digest
    kept = client.get(f"/assets/page.css?v={digest}", headers={"Accept-Encoding": "gzip"})
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept.headers["Content-Encoding"] == "gzip"
    for query in ("", "?v=other"):
        assert client.get(f"/assets/page.css{query}").headers["Cache-Control"] == "public, max-age=300"
    again = client.get("/assets/page.css", headers={"If-None-Match": kept.headers["ETag"]})
    assert again.status_code == 304


def test_whatever_is_wrong_with_the_service_is_said_on_every_page(guideline: Guideline) -> None:
    late = dt.datetime(2028, 1, 1, tzinfo=dt.UTC)
    client = create_app(Settings(auth_stated=True, clock=lambda: late, log_level="error")).test_client()
    page = said(client.get("/").get_data(as_text=True))
    assert "This server asks nobody who they are (AUTH=none)." in page
    assert f"was to be reviewed by {guideline.release.review_by}" in page
    assert "The rules await clinical sign-off" in page


def test_who_asks_only_this_machine_is_not_told_that_it_is_open(client: FlaskClient) -> None:
    assert "AUTH=none" not in client.get("/").get_data(as_text=True)


def test_an_answer_on_a_page_is_counted_and_its_facts_are_not_logged(client: FlaskClient) -> None:
    send(client, {"metastatic_status": "M1"})
    counted = client.get("/metrics").get_data(as_text=True)
    assert re.search(r'rule="R13"', counted)
    assert "M1" not in counted
