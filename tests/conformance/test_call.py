"""`python -m tests.conformance call`: a dry run that names each rule of CDS Hooks that is violated."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.conformance.call import command
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
        file.write_text(json.dumps(body))
        return str(file)

    return write


def call(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(command, list(words))


def test_a_right_call_violates_no_rule(app: Flask, written) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert result.exit_code == 0, result.output
    assert json.dumps(RESPONSE, indent=2) in result.stdout
    for title in ("discovery", "request", "response"):
        assert f"{title}: no rules violated\n" in result.stdout


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
        (Said(412, OUTCOME, "application/fhir+json"), 0, "response: no rules violated"),
        (Said(400, "<h1>Bad</h1>", "text/html"), 0, "SHOULD §http-response.OperationOutcome  /  "),
        (Said(500, OUTCOME), 1, "response: no rules violated"),
        (Said(200, RESPONSE, "text/plain"), 1, "SHALL  §use-of-json  /  "),
    ],
)
def test_an_answer_of_any_status_is_held_to_its_rules(app: Flask, written, said: Said, code: int, shown: str) -> None:
    with standing_in(service(said)) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert shown in result.stdout
    assert result.exit_code == code


@pytest.mark.parametrize("recorded", [{"context": CONTEXTS["order-sign"]}, CONTEXTS["order-sign"]])
def test_a_completed_context_violates_no_rule(app: Flask, written, recorded) -> None:
    with standing_in(service(Said(body=RESPONSE))) as there:
        result = call(app, written(recorded, "order-sign-1.context.json"), "--url", there.url)
    assert "request: no rules violated" in result.stdout


def test_feedback_is_held_to_its_rules(app: Flask, written) -> None:
    late = spoilt(FEEDBACK, "/feedback/0/outcomeTimestamp", DELETED)
    for body, code in ((FEEDBACK, 0), (late, 1)):
        with standing_in(service(Said(204, ""))) as there:
            result = call(app, written(body), "--service", ID, "--url", there.url)
        assert result.exit_code == code, result.output


def test_a_discovery_that_violates_a_rule_fails(app: Flask, written) -> None:
    wrong = spoilt(DISCOVERY, "/services/0/description", DELETED)
    with standing_in(service(Said(body=RESPONSE), Said(body=wrong))) as there:
        result = call(app, written(VIEW), "--url", there.url)
    assert "discovery: 1 rule violated\n  SHALL  §response.description  /services/0/description" in result.stdout
    assert result.exit_code == 1


@pytest.mark.parametrize("name", ["patient-view", "order-select"])
def test_our_own_answers_violate_no_rule(app: Flask, name: str) -> None:
    result = call(app, str(ROOT / "docs" / "examples" / f"{name}.json"))
    assert result.exit_code == 0, result.output
    assert "discovery: no rules violated\nrequest: no rules violated\nresponse: no rules violated\n" in result.stdout


def test_the_command_of_the_guide_is_one() -> None:
    words = [sys.executable, "-m", "tests.conformance", "call", "docs/examples/patient-view.json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "response: no rules violated" in done.stdout
