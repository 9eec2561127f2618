"""`flask hooks call`: the request that a file records, the service it goes to, and the response."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.conformance.documents import CONTEXTS, DISCOVERY, FEEDBACK, OUTCOME, REQUEST, RESPONSE
from tests.conformance.stand_in import Asked, Said, standing_in
from tests.conftest import ROOT

VIEW = {"hook": "patient-view", "hookInstance": REQUEST["hookInstance"], "context": CONTEXTS["patient-view"]}
ID = "local-treatment"


def service(said: Said, discovery: Said | None = None) -> Callable[[Asked], Said]:
    return lambda asked: (discovery or Said(body=DISCOVERY)) if asked.method == "GET" else said


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    def write(body: Any, name: str = "body.json") -> str:
        file = tmp_path / name
        file.write_text(body if isinstance(body, str) else json.dumps(body))
        return str(file)

    return write


def call(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["hooks", "call", *words])


def test_a_call_shows_both_bodies(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(VIEW), "--url", there.url + "/", "--header", "Authorization: Bearer abc")
    assert result.exit_code == 0, result.output
    assert f"POST {there.url}/cds-services/{ID}\n" in result.stdout
    assert json.dumps(VIEW, indent=2) in result.stdout
    assert "200 OK (application/json)" in result.stdout
    assert json.dumps(RESPONSE, indent=2) in result.stdout
    assert [(asked.method, asked.path) for asked in there.asked] == [
        ("GET", "/cds-services"),
        ("POST", f"/cds-services/{ID}"),
    ]
    assert {asked.headers["authorization"] for asked in there.asked} == {"Bearer abc"}
    assert there.asked[1].json == VIEW
    assert there.asked[1].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("said", "code", "shown"),
    [
        (Said(412, OUTCOME, "application/fhir+json"), 1, "412 Precondition Failed (application/fhir+json)"),
        (Said(400, "<h1>Bad</h1>", "text/html"), 1, "400 Bad Request (text/html)\n<h1>Bad</h1>"),
        (Said(500, OUTCOME), 1, "500 Internal Server Error"),
        (Said(200, RESPONSE, "text/plain"), 0, "200 OK (text/plain)"),
        (Said(302, "", headers={"Location": "/elsewhere"}), 0, "302 Found"),
    ],
)
def test_any_answer_is_shown_and_an_error_status_is_exit_code_1(
    app: Flask, written, said: Said, code: int, shown: str
) -> None:
    with standing_in(service(said)) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert shown in result.stdout
    assert result.exit_code == code


@pytest.mark.parametrize("recorded", [{"context": CONTEXTS["order-sign"]}, CONTEXTS["order-sign"]])
def test_a_context_alone_is_completed_by_the_name_of_its_file(app: Flask, written, recorded) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(recorded, "order-sign-1.context.json"), "--url", there.url)
    assert result.exit_code == 0, result.output
    sent = there.asked[1].json
    assert sent["hook"] == "order-sign"
    assert sent["context"] == CONTEXTS["order-sign"]


def test_a_context_alone_takes_the_hook_of_the_service_named(app: Flask, written) -> None:
    one = {"services": DISCOVERY["services"][1:]}
    with standing_in(service(Said(body=RESPONSE), Said(body=one))) as there:
        call(app, written({"context": CONTEXTS["order-sign"]}), "--service", ID, "--url", there.url)
    assert there.asked[1].json["hook"] == "order-sign"


def test_feedback_goes_to_the_feedback_address(app: Flask, written) -> None:
    with standing_in(service(Said(204, ""))) as there:
        result = call(app, written(FEEDBACK), "--service", ID, "--url", there.url)
    assert there.asked[1].path == f"/cds-services/{ID}/feedback"
    assert there.asked[1].json == FEEDBACK
    assert result.exit_code == 0, result.output


def test_without_a_service_for_the_hook_those_there_are_are_listed(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(VIEW | {"hook": "order-select"}), "--url", there.url)
    assert result.exit_code == 1
    assert f"{ID} (patient-view)" in result.stderr
    assert len(there.asked) == 1


def test_where_discovery_is_refused_the_ids_of_our_own_content_are_used(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE), Said(401, OUTCOME))) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert "discovery: 401 Unauthorized" in result.stderr
    assert there.asked[1].path == "/cds-services/mbc-primary-lrt-patient-view"


SEVERAL = {
    "services": [
        {"id": f"{guideline}-patient-view", "hook": "patient-view", "description": "A chart is opened."}
        for guideline in ("all-guidelines", "another-guideline", "mbc-primary-lrt")
    ]
}


@pytest.mark.parametrize(
    ("words", "guideline"),
    [
        ([], "mbc-primary-lrt"),
        (["--guideline", "another-guideline"], "another-guideline"),
        (["--service", "all-guidelines-patient-view"], "all-guidelines"),
    ],
)
def test_of_several_guidelines_the_service_of_the_default_is_called_unless_one_is_named(
    app: Flask, written, words: list[str], guideline: str
) -> None:
    with standing_in(service(Said(body=RESPONSE), Said(body=SEVERAL))) as there:
        result = call(app, written(VIEW), "--url", there.url, *words)
    assert result.exit_code == 0, result.output
    assert there.asked[1].path == f"/cds-services/{guideline}-patient-view"


def test_a_guideline_without_services_has_none_to_call(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE), Said(body=SEVERAL))) as there:
        result = call(app, written(VIEW), "--url", there.url, "--guideline", "none-such")
    assert result.exit_code == 1
    assert "There is: none" in result.stderr
    assert len(there.asked) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--url", "file:///etc/hostname"], "--url"),
        (["--header", "no colon"], "--header"),
        (["--url", "http://127.0.0.1:1", "--service", "x"], "does not answer"),
    ],
)
def test_what_cannot_be_called_is_said_without_a_traceback(app: Flask, written, words: list[str], told: str) -> None:
    result = call(app, written(VIEW), *words)
    assert result.exit_code in {1, 2}
    assert told in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_file_that_is_no_json_is_named(app: Flask, written) -> None:
    result = call(app, written("{"))
    assert result.exit_code == 1
    assert "body.json" in result.stderr


@pytest.mark.parametrize("name", ["patient-view", "order-select"])
def test_without_an_address_the_call_stays_in_this_application(app: Flask, name: str) -> None:
    result = call(app, str(ROOT / "docs" / "examples" / f"{name}.json"))
    assert result.exit_code == 0, result.output
    assert f"POST http://127.0.0.1:8000/cds-services/mbc-primary-lrt-{name}\n" in result.stdout
    assert '"summary": ' in result.stdout
