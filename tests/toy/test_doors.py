"""Every door of every guideline: three of them side by side, each asked by its own id."""

import html
import json
import re
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.api.limits import Limits
from service.security.overload import Streams, Work
from service.security.rate import Limiter, Requester
from tests.api.asking import BATCH, JSON, NDJSON, ONE, SEPSIS, is_problem, send
from tests.conftest import GUIDELINE

UMBRELLA, COAT = "toy-umbrella", "toy-coat"
IDS = (GUIDELINE, UMBRELLA, COAT)
WET = {"forecast": "rain", "hazards": "none", "walk_minutes": 30}
OVERHEAD = {"hazards": {"lightning": {"overhead": True}}}
FACTS: dict[str, list[Any]] = {
    GUIDELINE: [{}, {"metastatic_status": "M1"}, {"hat": 1}, SEPSIS],
    UMBRELLA: [{}, WET, {"hat": 1}, OVERHEAD],
    COAT: [{}, {"temperature": "cold"}, {"hat": 1}, {"temperature": "warm"}],
}
DOORS = ("facts", "evidence", "rules", "decision-table", "hazards", "source-attributes")
FORM = "application/x-www-form-urlencoded"
FORM_OVERHEAD = {"hazards.lightning.overhead": "true"}

each_guideline = pytest.mark.parametrize("guideline", IDS)


@pytest.fixture
def client(several: Flask) -> FlaskClient:
    return several.test_client()


def v1(guideline: str) -> str:
    return f"/v1/guidelines/{guideline}"


def read(client: FlaskClient, path: str) -> dict:
    response = client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def text(client: FlaskClient, path: str) -> str:
    response = client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def said(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def decision_id(client: FlaskClient, guideline: str, facts: dict) -> str:
    return send(client, facts, f"{v1(guideline)}/recommendations").headers["Decision-Id"]


# ---- JSON


@each_guideline
@pytest.mark.parametrize("door", DOORS)
def test_each_guideline_has_each_door(client: FlaskClient, guideline: str, door: str) -> None:
    assert read(client, f"{v1(guideline)}/{door}")


@pytest.mark.parametrize("door", ["/facts", "/evidence", "/evidence/overall-survival", "/evidence/local-control.svg"])
def test_a_door_without_an_id_is_that_of_the_setting(client: FlaskClient, door: str) -> None:
    without, named = client.get(f"/v1{door}"), client.get(f"{v1(GUIDELINE)}{door}")
    assert without.status_code == named.status_code == 200
    assert without.data.replace(b"/v1/evidence", f"{v1(GUIDELINE)}/evidence".encode()) == named.data


@each_guideline
def test_the_facts_are_those_of_the_guideline(client: FlaskClient, guideline: str) -> None:
    vocabulary = read(client, f"{v1(guideline)}/facts")
    assert vocabulary["guideline"]["id"] == guideline
    first = {GUIDELINE: "metastatic_status", UMBRELLA: "forecast", COAT: "temperature"}
    assert vocabulary["facts"][0]["name"] == first[guideline]


def test_the_outcomes_of_each_guideline_are_listed_with_their_pool_or_why_there_is_none(client: FlaskClient) -> None:
    listed = {guideline: read(client, f"{v1(guideline)}/evidence")["outcomes"] for guideline in IDS}
    assert [outcome["id"] for outcome in listed[GUIDELINE]] == ["overall_survival", "local_control", "quality_of_life"]
    assert [outcome["id"] for outcome in listed[UMBRELLA]] == ["dry_hair", "dry_ears"]
    assert listed[COAT] == []
    for outcome in (*listed[GUIDELINE], *listed[UMBRELLA]):
        is_in_words = outcome["measure"] is None  # statements only: there is nothing to pool
        assert (outcome["pooled"] is None) == (is_in_words or bool(outcome["pooled_reason"]))
        assert read(client, outcome["links"]["self"]) | {"links": outcome["links"]} == outcome
        forms = {"svg", "csv"} & {*outcome["links"]}
        assert forms == (set() if is_in_words else {"svg", "csv"})
        for form in forms:
            assert client.get(outcome["links"][form]).status_code == 200


def test_an_outcome_is_found_in_its_own_guideline_only(client: FlaskClient) -> None:
    assert read(client, f"{v1(UMBRELLA)}/evidence/dry-ears?trials=brim_heavy,toy_hat")["pooled"]["id"] == "chosen"
    for path in (f"{v1(GUIDELINE)}/evidence/dry-ears", "/v1/evidence/dry-ears", f"{v1(COAT)}/evidence/dry-ears"):
        for form in ("", ".svg", ".csv"):
            is_problem(client.get(f"{path}{form}"), 404, "not-found")
    two_strata = f"{v1(UMBRELLA)}/evidence/dry-ears?trials=brim_light,brim_heavy"
    assert "count twice" in is_problem(client.get(two_strata), 400, "bad-request")["detail"]


def test_a_source_names_the_rules_of_every_guideline_that_cite_it(client: FlaskClient) -> None:
    storm = read(client, "/v1/citations/TOY-STORM")
    assert (storm["cited_by"], storm["cited_by_guideline"]) == ([], {UMBRELLA: ["U01", "U02"]})
    assert storm["supports"]
    shipped = read(client, "/v1/citations/BADWE15")
    assert shipped["cited_by_guideline"] == {GUIDELINE: shipped["cited_by"]}


def test_an_unknown_guideline_is_404_at_every_door(several: Flask, client: FlaskClient) -> None:
    rules = [rule for rule in several.url_map.iter_rules() if "<guideline>" in rule.rule]
    assert len(rules) > 15
    samples = {"guideline": "none", "rule": "R01", "outcome": "overall-survival"}
    for rule in rules:
        path = re.sub(r"<(\w+)>", lambda part: samples[part[1]], rule.rule)
        if "GET" in rule.methods:
            is_problem(client.get(path), 404, "not-found")
        else:
            for media in (JSON, FORM, NDJSON):
                is_problem(client.post(path, data="{}", content_type=media), 404, "not-found")


@each_guideline
def test_a_release_that_is_not_there_is_404(client: FlaskClient, guideline: str) -> None:
    for door in DOORS:
        is_problem(client.get(f"{v1(guideline)}/{door}?release=2001-01-01"), 404, "not-found")


# ---- many patients


@each_guideline
@pytest.mark.parametrize("media", [JSON, NDJSON])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_batch_answers_each_patient_as_if_asked_alone(
    client: FlaskClient, guideline: str, media: str, *, chunked: bool
) -> None:
    facts, lines = FACTS[guideline], media == NDJSON
    body = "\n".join(map(json.dumps, facts)) if lines else json.dumps(facts)
    coding = {"Transfer_Encoding": "chunked"} if chunked and lines else {}
    response = send(client, body, f"{v1(guideline)}/recommendations/batch?view=full", media, **coding)
    assert (response.status_code, response.mimetype) == (200, media)
    items = [json.loads(line) for line in response.data.splitlines()] if lines else response.get_json()
    assert [item["status"] for item in items] == [200, 200, 422, 200]
    for item, patient in zip(items, facts, strict=True):
        alone = send(client, patient, f"{v1(guideline)}/recommendations").get_json()
        assert item.get("answer", {}) == alone or item["problem"]["errors"] == alone["errors"]


def test_a_batch_without_an_id_is_that_of_the_setting(client: FlaskClient) -> None:
    assert send(client, FACTS[GUIDELINE][:2], BATCH).data == (
        send(client, FACTS[GUIDELINE][:2], f"{v1(GUIDELINE)}/recommendations/batch").data
    )


def test_a_wrong_content_type_is_told_with_a_body_of_the_guideline_asked(client: FlaskClient) -> None:
    for door in ("recommendations", "recommendations/batch"):
        response = client.post(f"{v1(COAT)}/{door}", data="{}")
        detail = is_problem(response, 415)["detail"]
        assert "metastatic" not in detail
        assert f"{v1(COAT)}/{door}" in detail


def test_lines_are_answered_while_they_come_whichever_guideline_is_asked(
    serving: Callable, several_content: Path
) -> None:
    with serving(CONTENT=str(several_content), GUIDELINE=GUIDELINE, WORKERS="1") as server:
        for guideline, rule in ((UMBRELLA, "U03"), (COAT, "K1")):
            patient = {UMBRELLA: WET, COAT: {"temperature": "cold"}}[guideline]
            items = list(_talk(server.port, f"{v1(guideline)}/recommendations/batch", patient, 3))
            assert [(item["index"], item["answer"]["rule"]) for item in items] == [(0, rule), (1, rule), (2, rule)]


def _talk(port: int, path: str, patient: dict, times: int) -> Iterator[dict]:
    """Send a line, await its answer, send the next."""
    line = json.dumps(patient).encode() + b"\n"
    chunk = f"{len(line):x}\r\n".encode() + line + b"\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {NDJSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + chunk)
        answer = HTTPResponse(connection, method="POST")
        answer.begin()
        for time in range(times):
            yield json.loads(answer.readline())
            connection.sendall(chunk if time + 1 < times else b"0\r\n\r\n")
        assert answer.read() == b""


@pytest.fixture
def exhausted(several: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A client that has sent as many requests as it may."""
    limiter = Limiter(1, 3600, b"secret", now=lambda: 1_800_000_000.0)
    assert limiter.hit(Requester("127.0.0.1", is_known=False)) == 0
    monkeypatch.setitem(several.config, "LIMITS", Limits(Work(32), Streams(32), limiter, 0))
    return several.test_client()


def test_an_emergency_of_any_guideline_passes_the_rate_limit_at_every_door(exhausted: FlaskClient) -> None:
    one, many = f"{v1(UMBRELLA)}/recommendations", f"{v1(UMBRELLA)}/recommendations/batch"
    lines = "\n".join(map(json.dumps, (WET, OVERHEAD)))
    for response in (
        send(exhausted, OVERHEAD, one),
        send(exhausted, [WET, OVERHEAD], many),
        send(exhausted, lines, many, NDJSON),
        send(exhausted, lines, many, NDJSON, Transfer_Encoding="chunked"),
        exhausted.post(f"/guidelines/{UMBRELLA}/explore", data=FORM_OVERHEAD),
    ):
        assert response.status_code == 200
        assert "GO_INSIDE_NOW" in response.get_data(as_text=True)
    is_problem(send(exhausted, WET, one), 429)
    is_problem(send(exhausted, [WET], many), 429)
    is_problem(exhausted.post(f"/guidelines/{UMBRELLA}/explore", data={"forecast": "rain"}), 429)
    # What is an emergency to one guideline is none to another.
    is_problem(send(exhausted, OVERHEAD, ONE), 429)
    is_problem(send(exhausted, OVERHEAD, f"{v1(COAT)}/recommendations"), 429)


# ---- pages


def pages_of(client: FlaskClient, guideline: str) -> dict[str, str]:
    """The pages of a guideline, by address."""
    home, name = f"/guidelines/{guideline}", decision_id(client, guideline, FACTS[guideline][1])
    rule = read(client, f"{v1(guideline)}/rules")["rules"][0]["id"]
    evidence = f"{home}/evidence"
    paths = (home, f"{home}/rules/{rule}", f"{home}/explore", f"/explore/{name}", f"/decisions/{name}", evidence)
    return {path: text(client, path) for path in (*paths, f"{evidence}?decision={name}")}


def test_the_guidelines_are_listed_with_question_sign_off_and_links(client: FlaskClient) -> None:
    page = text(client, "/guidelines")
    for listed in read(client, "/v1/guidelines")["guidelines"]:
        told = read(client, listed["links"]["self"])
        for words in (told["title"], told["question"], told["sign_off"]):
            assert words in said(page)
    assert re.findall(r'class="button" href="([^"]+)"', page) == [
        "/",
        f"/guidelines/{COAT}/explore",
        f"/guidelines/{UMBRELLA}/explore",
    ]


@each_guideline
def test_every_page_keeps_to_its_guideline_and_says_which(client: FlaskClient, guideline: str) -> None:
    title = read(client, v1(guideline))["title"]
    home = f"/guidelines/{guideline}"
    explorer, evidence = ("/", "/evidence") if guideline == GUIDELINE else (f"{home}/explore", f"{home}/evidence")
    shared = ("/explore/", "/decisions/", "/evidence/studies/", "/assets/", "/v1/citations/", "/v1/studies/")
    files = f"/v1{evidence}/"
    for path, page in pages_of(client, guideline).items():
        assert f'class="brand" href="{explorer}"' in page, path
        assert title in said(page), path
        for address in re.findall(r'(?:href|action)="(/[^"#?]*)', page):
            exact = address in {explorer, evidence, home, v1(guideline), "/guidelines", "/docs"}
            assert exact or address.startswith((f"{home}/", f"{v1(guideline)}/", files, *shared)), (path, address)


@each_guideline
def test_every_link_of_every_page_leads_somewhere(client: FlaskClient, guideline: str) -> None:
    for path, page in pages_of(client, guideline).items():
        for address in set(re.findall(r'(?:href|src|action)="(/[^"#]*)', page)):
            assert client.get(html.unescape(address)).status_code == 200, (path, address)
        assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page)), path


@each_guideline
def test_the_explorer_of_a_guideline_answers_as_its_api(client: FlaskClient, guideline: str) -> None:
    answer = send(client, FACTS[guideline][1], f"{v1(guideline)}/recommendations").get_json()
    field, value = next(iter(FACTS[guideline][1].items()))
    page = client.post(f"/guidelines/{guideline}/explore", data={field: value}).get_data(as_text=True)
    alone = send(client, {field: value}, f"{v1(guideline)}/recommendations").get_json()
    assert alone["recommendations"][0]["statement"] in said(page)
    door = "/v1/recommendations" if guideline == GUIDELINE else f"{v1(guideline)}/recommendations"
    assert f"8000{door} " in page
    for path in (f"/explore/{answer['decision_id']}", f"/decisions/{answer['decision_id']}"):
        resumed = text(client, path)
        assert answer["recommendations"][0]["statement"] in said(resumed)
        assert f'action="{"/" if guideline == GUIDELINE else f"/guidelines/{guideline}/explore"}"' in resumed


@each_guideline
def test_a_decision_of_any_guideline_can_be_explored_further(client: FlaskClient, guideline: str) -> None:
    name = decision_id(client, guideline, {})
    page = text(client, f"/decisions/{name}")
    assert f'href="/explore/{name}"' in page
    missing = send(client, {}, f"{v1(guideline)}/recommendations").get_json()["missing_facts"]
    assert len(re.findall('class="open-fact"', page)) == len(missing)


def test_an_emergency_takes_over_the_explorer_of_any_guideline(client: FlaskClient) -> None:
    page = client.post(f"/guidelines/{UMBRELLA}/explore", data=FORM_OVERHEAD).get_data(as_text=True)
    assert 'role="alert"' in page
    assert "GO_INSIDE_NOW" in page


def test_the_evidence_page_of_a_guideline_shows_its_own_outcomes(client: FlaskClient) -> None:
    page = text(client, f"/guidelines/{UMBRELLA}/evidence?dry-ears=brim_heavy&dry-ears=toy_hat")
    assert 'id="dry-ears"' in page
    assert 'id="overall-survival"' not in page
    assert f'action="/guidelines/{UMBRELLA}/evidence#dry-ears"' in page
    assert f'href="{v1(UMBRELLA)}/evidence/dry-ears.svg?trials=brim_heavy,toy_hat"' in page
    assert "jcog1017" not in page
    assert "toy_hat" not in text(client, "/evidence")
    assert "no figures" in text(client, f"/guidelines/{COAT}/evidence")


def test_the_evidence_page_of_a_guideline_shows_no_study_that_it_does_not_use(
    client: FlaskClient, several_content: Path
) -> None:
    library = client.application.config["KNOWLEDGE"].library
    shown = {study: text(client, f"/guidelines/{study}/evidence") for study in (UMBRELLA, COAT)}
    shown[GUIDELINE] = text(client, "/evidence")
    assert (several_content / "studies" / "tbcrc013.yaml").exists()  # which no release names
    for guideline, page in shown.items():
        own = {study for release in library.guidelines[guideline].values() for study in release.studies}
        assert set(re.findall(r'href="/evidence/studies/(\w+)"', page)) == own
        assert f">{library.newest(guideline).release.title}</a>, and of no other." in page


def test_the_list_of_guidelines_is_the_page_of_none(client: FlaskClient, app: Flask) -> None:
    page = text(client, "/guidelines")
    assert "SHA-256" not in page
    assert "<span>All guidelines</span>" in page
    assert page.count("Not signed off.") == len(IDS)
    assert "SHA-256" in text(app.test_client(), "/guidelines")


def test_a_patient_stands_beside_the_trials_of_its_own_guideline_only(client: FlaskClient) -> None:
    wet = decision_id(client, UMBRELLA, WET)
    page = text(client, f"/guidelines/{UMBRELLA}/evidence?decision={wet}")
    assert "it rains" in page
    assert ">fits<" in page
    for path in ("/evidence", f"/guidelines/{COAT}/evidence"):
        problem = is_problem(client.get(f"{path}?decision={wet}"), 404, "not-found")
        assert f"/guidelines/{UMBRELLA}/evidence" in problem["detail"]


def test_a_study_names_the_guidelines_that_use_it(client: FlaskClient) -> None:
    page = text(client, "/evidence/studies/toy_brim")
    assert f'Used by <a href="/guidelines/{UMBRELLA}">Taking an umbrella</a>.' in page
    assert f'href="/guidelines/{UMBRELLA}/evidence#dry-hair"' in page
    assert f'href="/guidelines/{UMBRELLA}/rules/U03"' in page
    assert f'Used by <a href="/guidelines/{GUIDELINE}">' in text(client, "/evidence/studies/jcog1017")


def test_the_navigation_leads_to_all_guidelines_where_there_are_several(client: FlaskClient, app: Flask) -> None:
    link = '<a href="/guidelines">All guidelines</a>'
    assert all(link in page for guideline in IDS for page in pages_of(client, guideline).values())
    alone = app.test_client()
    assert all(link not in text(alone, path) for path in ("/", "/evidence", f"/guidelines/{GUIDELINE}", "/docs"))


# ---- the contract


def test_the_contract_holds_the_request_schema_of_each_guideline(client: FlaskClient) -> None:
    document = read(client, "/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    schemas = document["components"]["schemas"]
    names = {GUIDELINE: "Facts", UMBRELLA: f"Facts_{UMBRELLA}", COAT: f"Facts_{COAT}"}
    for guideline, facts in FACTS.items():
        validator = Draft202012Validator(
            {"$ref": f"#/components/schemas/{names[guideline]}", "components": document["components"]}
        )
        assert [validator.is_valid(patient) for patient in facts] == [True, True, False, True]
        assert schemas[names[guideline]]["additionalProperties"] is False
    of_any = document["paths"][f"{v1('{guideline}')}/recommendations"]["post"]["requestBody"]["content"][JSON]
    assert {part["$ref"].rpartition("/")[2] for part in of_any["schema"]["anyOf"]} == set(names.values())
    for guideline in (UMBRELLA, COAT):
        one = document["paths"][f"{v1(guideline)}/recommendations"]["post"]
        own = one["requestBody"]["content"][JSON]
        assert own["schema"]["$ref"].endswith(names[guideline])
        assert one["responses"].keys() >= {"200", "404", "422", "429"}
        for example in own["examples"].values():
            assert send(client, example["value"], f"{v1(guideline)}/recommendations").status_code == 200
        assert "post" in document["paths"][f"{v1(guideline)}/recommendations/batch"]


def test_the_contract_of_several_guidelines_names_each_operation_once(client: FlaskClient) -> None:
    paths = read(client, "/openapi.json")["paths"]
    names = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(names) == len(set(names))


# ---- a fact of another guideline, or of a newer release

BLEEDING = {"complications": {"bleeding": {"presence": "present", "grade": 4}}}
HOME = f"The guideline {GUIDELINE} knows it: /v1/guidelines/{GUIDELINE}/recommendations."
AWAY = f"The guideline {UMBRELLA} knows it: /v1/guidelines/{UMBRELLA}/recommendations."


def refused_by(client: FlaskClient, guideline: str, facts: Any, query: str = "") -> dict:
    return is_problem(client.post(f"{v1(guideline)}/recommendations{query}", json=facts), 422, "refused-facts")


@pytest.mark.parametrize(
    ("asked", "pointer", "hint", "urgent"),
    [
        ((UMBRELLA, {"forecast": "rain", **BLEEDING}), "/complications", HOME, "EMERGENCY_PATHWAY"),
        ((COAT, {"bleeding": "present"}), "/bleeding", HOME, "URGENT_LOCAL_CONTROL"),
        ((COAT, {"metastatic_status": "M1"}), "/metastatic_status", HOME, None),
        ((GUIDELINE, OVERHEAD), "/hazards", AWAY, "GO_INSIDE_NOW"),
        ((GUIDELINE, {"hazards": ["lightning"]}), "/hazards", AWAY, "WAIT_UNDER_A_ROOF"),
        ((GUIDELINE, {"complications": ["lightning"]}), "/complications/0", AWAY, None),
        ((GUIDELINE, {"complications": {"hail": "present"}}), "/complications/hail", AWAY, None),
        ((GUIDELINE, {"forecast": "rain"}), "/forecast", AWAY, None),
        ((GUIDELINE, {"hat": 1}), "/hat", "", None),
    ],
)
def test_a_fact_of_another_guideline_is_refused_with_its_name_and_its_urgency(
    client: FlaskClient, asked: tuple[str, Any], pointer: str, hint: str, urgent: str | None
) -> None:
    problem = refused_by(client, *asked)
    (error,) = problem["errors"]
    assert (error["pointer"], error["detail"].endswith(hint)) == (pointer, True)
    assert ("knows it" in error["detail"]) == bool(hint)
    assert problem.get("urgent", {}).get("code") == urgent


def test_the_urgency_of_the_guideline_itself_comes_first(client: FlaskClient) -> None:
    problem = refused_by(client, UMBRELLA, {"hazards": ["lightning"], **BLEEDING})
    assert problem["urgent"]["code"] == "WAIT_UNDER_A_ROOF"
    assert HOME in problem["errors"][0]["detail"]


def test_a_batch_and_its_lines_say_who_knows_a_fact(client: FlaskClient) -> None:
    (row,) = client.post(f"{v1(COAT)}/recommendations/batch", json=[BLEEDING]).get_json()
    line = send(client, BLEEDING, f"{v1(COAT)}/recommendations/batch", NDJSON).get_json(force=True)
    for told in (row, line):
        assert HOME in told["problem"]["errors"][0]["detail"]
        assert told["problem"]["urgent"]["code"] == "EMERGENCY_PATHWAY"


def test_a_fact_of_a_newer_release_is_refused_with_its_name(client: FlaskClient) -> None:
    problem = refused_by(client, GUIDELINE, {"last_weeks_of_life": True}, "?release=2026-11-23")
    assert problem["errors"][0]["detail"].endswith("Release 2026-12-01 of this guideline knows it.")
    assert "urgent" not in problem
