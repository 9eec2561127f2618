"""`flask hooks call`: what was asked, what was answered, and each rule that either violates."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.conformance.documents import CONTEXTS, DELETED, DISCOVERY, FEEDBACK, OUTCOME, REQUEST, RESPONSE, spoilt
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


def test_a_right_call_shows_both_bodies_and_no_violation(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(VIEW), "--url", there.url + "/", "--header", "Authorization: Bearer abc")
    assert result.exit_code == 0, result.output
    assert f"POST {there.url}/cds-services/{ID}\n" in result.stdout
    assert json.dumps(VIEW, indent=2) in result.stdout
    assert "200 OK (application/json)" in result.stdout
    assert json.dumps(RESPONSE, indent=2) in result.stdout
    assert "request: no rules violated" in result.stdout
    assert "response: no rules violated" in result.stdout
    assert [(asked.method, asked.path) for asked in there.asked] == [
        ("GET", "/cds-services"),
        ("POST", f"/cds-services/{ID}"),
    ]
    assert {asked.headers["authorization"] for asked in there.asked} == {"Bearer abc"}
    assert there.asked[1].json == VIEW
    assert there.asked[1].headers["content-type"] == "application/json"


def test_each_violated_rule_of_the_response_is_named_with_its_place(app: Flask, written) -> None:
    wrong = spoilt(spoilt(RESPONSE, "/cards/0/detail", ""), "/cards/0/summary", "s" * 140)
    with standing_in(service(Said(body=wrong))) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert result.exit_code == 1
    assert "response: 2 rules violated\n  SHALL  I-3  /cards/0/detail  " in result.stdout
    assert "\n  SHALL  I-83  /cards/0/summary  " in result.stdout


def test_each_violated_rule_of_the_request_is_named_with_its_place(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(VIEW | {"prefetch": {"allergies": None}}), "--url", there.url)
    assert result.exit_code == 1
    assert "request: 1 rule violated\n  SHALL  §prefetch  /prefetch/allergies  " in result.stdout


def test_what_is_only_recommended_is_told_and_fails_nothing(app: Flask, written) -> None:
    said = Said(body=spoilt(RESPONSE, "/cards/0/detail", "<i>so</i>"))
    with standing_in(service(said)) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert result.exit_code == 0
    assert "\n  SHOULD §card-attributes.detail  /cards/0/detail  " in result.stdout


@pytest.mark.parametrize(
    ("said", "code", "shown"),
    [
        (Said(412, OUTCOME, "application/fhir+json"), 0, "412 Precondition Failed (application/fhir+json)"),
        (Said(400, "<h1>Bad</h1>", "text/html"), 0, "SHOULD §http-response.OperationOutcome  /  "),
        (Said(500, OUTCOME), 1, "500 Internal Server Error"),
        (Said(200, RESPONSE, "text/plain"), 1, "SHALL  §use-of-json  /  "),
        (Said(302, "", headers={"Location": "/elsewhere"}), 0, "302 Found"),
    ],
)
def test_any_answer_is_shown(app: Flask, written, said: Said, code: int, shown: str) -> None:
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
    assert "request: no rules violated" in result.stdout


def test_a_context_alone_takes_the_hook_of_the_service_named(app: Flask, written) -> None:
    one = {"services": DISCOVERY["services"][1:]}
    with standing_in(service(Said(body=RESPONSE), Said(body=one))) as there:
        call(app, written({"context": CONTEXTS["order-sign"]}), "--service", ID, "--url", there.url)
    assert there.asked[1].json["hook"] == "order-sign"


def test_feedback_goes_to_the_feedback_address(app: Flask, written) -> None:
    late = spoilt(FEEDBACK, "/feedback/0/outcomeTimestamp", DELETED)
    for body, code in ((FEEDBACK, 0), (late, 1)):
        with standing_in(service(Said(204, ""))) as there:
            result = call(app, written(body), "--service", ID, "--url", there.url)
        assert there.asked[1].path == f"/cds-services/{ID}/feedback"
        assert result.exit_code == code, result.output


def test_without_a_service_for_the_hook_those_there_are_are_listed(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(VIEW | {"hook": "order-select"}), "--url", there.url)
    assert result.exit_code == 1
    assert f"{ID} (patient-view)" in result.stderr
    assert len(there.asked) == 1


def test_a_discovery_that_is_refused_or_wrong_is_told(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE), Said(401, OUTCOME))) as there:
        result = call(app, written(VIEW), "--service", ID, "--url", there.url)
    assert "discovery: 401 Unauthorized" in result.stderr
    assert there.asked[1].path == f"/cds-services/{ID}"
    wrong = spoilt(DISCOVERY, "/services/0/description", DELETED)
    with standing_in(service(Said(body=RESPONSE), Said(body=wrong))) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert "discovery: §response.description  /services/0/description" in result.stderr


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
    assert "request: no rules violated\nresponse: no rules violated\n" in result.stdout
