"""For people at a terminal: the knowledge checked, asked and listed, and the OpenAPI document written."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from flask import Flask

from service.settings import CONTENT
from tests.api.asking import RESPONDER
from tests.conftest import GUIDELINE, ROOT
from tests.content import copy_release, read_cases
from tests.toy.conftest import TOY, app_of


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=list(words))


def explain(app: Flask, folder: Path, facts: Any) -> Result:
    file = folder / "facts.json"
    file.write_bytes(facts if isinstance(facts, bytes) else json.dumps(facts).encode())
    return run(app, "guideline", "explain", str(file))


# ---- check


def test_check_says_what_has_been_proved(app: Flask) -> None:
    result = run(app, "guideline", "check")
    assert result.exit_code == 0
    assert GUIDELINE in result.stdout
    for text in (
        "rules 25",
        "gates 1,",
        "gates 10,",
        "cells 560",
        "gaps 0",
        "overlaps 0",
        "dead 0",
        "citations without locator 0",
        "review by 2027-05-23",
        "review by 2027-05-30",
    ):
        assert text in result.stdout, text
    counted = re.findall(r"worked cases (\d+), (\d+) answered as they say", result.stdout)
    releases = sorted((CONTENT / "guidelines" / GUIDELINE).iterdir())
    assert [tuple(map(int, pair)) for pair in counted] == [(len(read_cases(folder)),) * 2 for folder in releases]


def test_check_asks_the_worked_cases_and_fails_with_what_differs(tmp_path: Path) -> None:
    content = shutil.copytree(TOY, tmp_path / "content")
    rule = content / "guidelines/toy-umbrella/2026-02-01/rules/U03.yaml"
    rule.write_text(rule.read_text().replace("statement: Take an umbrella.", "statement: Take two umbrellas."))
    result = run(app_of(content, "toy-umbrella"), "guideline", "check")
    assert result.exit_code == 1
    assert "toy.yaml: Rain: statement is 'Take two umbrellas.', expected 'Take an umbrella.'" in result.stderr


def test_check_names_the_content_by_its_digest(app: Flask) -> None:
    digest = app.test_client().get(f"/v1/guidelines/{GUIDELINE}").get_json()["digest"]
    assert digest[:16] in run(app, "guideline", "check").stdout


# ---- explain


def test_explain_tells_each_step_the_recommendation_and_the_permalink(app: Flask, tmp_path: Path) -> None:
    result = explain(app, tmp_path, RESPONDER)
    answer = app.test_client().post("/v1/recommendations", json=RESPONDER).get_json()
    assert result.exit_code == 0
    lead = answer["recommendations"][0]
    for text in (
        "metastatic_axis: M1_DENOVO_POLY",
        "response_axis: PR",
        "complication_tier: C0",
        "R16",
        lead["code"],
        lead["statement"],
    ):
        assert text in result.stdout, text
    assert result.stdout.strip().endswith(answer["decision_id"])


def test_explain_names_what_is_missing_and_what_to_beware_of(app: Flask, tmp_path: Path) -> None:
    result = explain(
        app, tmp_path, {"metastatic_status": "M1", "chemotherapy_response": "responded", "complications": "none"}
    )
    assert result.exit_code == 0
    assert "missing_fact: presentation" in result.stdout
    assert "warning: responded does not say which category" in result.stdout


def test_explain_refuses_with_every_fault_and_a_code_that_a_script_can_see(app: Flask, tmp_path: Path) -> None:
    result = explain(
        app, tmp_path, {"metastatic_status": "M0", "presentation": "de_novo", "hat": "Rosalind", "age_years": "5"}
    )
    assert result.exit_code == 1
    assert result.stdout == ""
    for text in ("/hat", "/age_years", "/presentation: V01"):
        assert text in result.stderr, text
    assert "Rosalind" not in result.stderr


def test_explain_says_what_to_do_today_of_urgent_facts_that_it_refuses(app: Flask, tmp_path: Path) -> None:
    result = explain(app, tmp_path, {"metastatic_status": "M1", "complications": ["bleeding"], "hat": 1})
    assert result.exit_code == 1
    assert "URGENT_LOCAL_CONTROL" in result.stderr


def test_explain_answers_an_emergency_whatever_else_is_wrong(app: Flask, tmp_path: Path) -> None:
    result = explain(app, tmp_path, {"hat": 1, "complications": ["sepsis_signs", 5]})
    assert result.exit_code == 0
    assert "EMERGENCY_PATHWAY" in result.stdout


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"age_years": NaN}', b"[" * 100_000])
def test_explain_says_of_a_file_that_cannot_be_read_why(app: Flask, tmp_path: Path, body: bytes) -> None:
    result = explain(app, tmp_path, body)
    assert result.exit_code == 1
    assert "facts.json" in result.stderr
    assert "Traceback" not in result.output


def test_explain_needs_a_file_that_there_is(app: Flask, tmp_path: Path) -> None:
    for words in ((), (str(tmp_path / "none.json"),), (str(tmp_path),)):
        result = run(app, "guideline", "explain", *words)
        assert result.exit_code == 2
        assert "Usage" in result.stderr


@pytest.fixture(scope="module")
def toys() -> Flask:
    """Two guidelines, of which the coat is the default."""
    return app_of(TOY, "toy-coat")


def test_explain_answers_by_the_default_guideline_or_by_the_one_that_is_named(toys: Flask, tmp_path: Path) -> None:
    assert "toy-coat" in explain(toys, tmp_path, {"temperature": "cold"}).stdout
    file = tmp_path / "facts.json"
    file.write_text('{"forecast": "rain", "hazards": "none"}')
    result = run(toys, "guideline", "explain", "--guideline", "toy-umbrella", str(file))
    assert result.exit_code == 0, result.output
    assert "wetness: WET" in result.stdout
    assert "toy-umbrella" in result.stdout


def test_explain_says_when_there_is_no_such_guideline(toys: Flask, tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_text("{}")
    result = run(toys, "guideline", "explain", "--guideline", "none-such", str(file))
    assert result.exit_code == 2
    for text in ("--guideline", "toy-coat", "toy-umbrella"):
        assert text in result.stderr, text


COMMANDS = [
    ("guideline", "explain"),
    ("guideline", "cases"),
    ("cohort", "run"),
    ("cohort", "export"),
    ("cohort", "columns"),
    ("hooks", "call"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_that_ask_one_guideline_have_the_same_option(app: Flask, command: tuple[str, str]) -> None:
    text = run(app, *command, "--help").stdout
    assert "--guideline ID" in text
    assert "--id" not in text


def test_the_name_of_the_option_in_the_first_version_still_works(toys: Flask, tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_text("{}")
    result = run(toys, "guideline", "explain", "--id", "toy-umbrella", str(file))
    assert result.exit_code == 0, result.output
    assert "toy-umbrella" in result.stdout
    columns = run(toys, "cohort", "columns", "--id", "toy-umbrella")
    assert columns.stdout == run(toys, "cohort", "columns", "--guideline", "toy-umbrella").stdout
    assert "forecast\tForecast" in columns.stdout


# ---- cases


def test_cases_lists_every_worked_case_with_its_expectation(app: Flask) -> None:
    result = run(app, "guideline", "cases")
    known = [case for release in (CONTENT / "guidelines" / GUIDELINE).iterdir() for case in read_cases(release)]
    assert result.exit_code == 0
    assert result.stdout.count("    -> ") == len(known)
    assert all(case.name in result.stdout for case in known)


def test_cases_can_be_limited_to_a_rule(app: Flask) -> None:
    few, all_of_them = run(app, "guideline", "cases", "--rule", "R16").stdout, run(app, "guideline", "cases").stdout
    assert 0 < few.count("    -> ") < all_of_them.count("    -> ")
    assert "-> R16" in few
    assert run(app, "guideline", "cases", "--rule", "R99").stdout == ""


def test_cases_can_be_limited_to_a_guideline(toys: Flask) -> None:
    everything, coats = run(toys, "guideline", "cases"), run(toys, "guideline", "cases", "--guideline", "toy-coat")
    assert "-> U03" in everything.stdout
    assert "-> U03" not in coats.stdout
    assert "-> K1" in coats.stdout
    assert run(toys, "guideline", "cases", "--guideline", "none-such").exit_code == 2


# ---- openapi, and the real command


def test_openapi_writes_yaml_and_nothing_else(app: Flask) -> None:
    result = run(app, "openapi")
    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["openapi"].startswith("3.1")
    assert result.stdout.endswith("\n")
    assert not result.stdout.endswith("\n\n")


def flask(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as people type it."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "service", *words],
        cwd=ROOT,
        env={**os.environ, "HOST": "127.0.0.1", "PORT": "8000", **environment},
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )


def test_the_real_command_writes_its_result_apart_from_its_log() -> None:
    ended = flask("guideline", "check")
    assert ended.returncode == 0, ended.stderr
    assert "gaps 0" in ended.stdout
    assert "AUTH=none" not in ended.stdout
    assert "Traceback" not in ended.stderr


def test_the_real_command_fails_where_the_knowledge_is_broken(tmp_path: Path) -> None:
    (tmp_path / "guidelines").mkdir()
    ended = flask("guideline", "check", CONTENT=str(tmp_path))
    assert ended.returncode != 0
    assert str(tmp_path) in ended.stderr


def test_content_that_does_not_load_is_told_without_a_traceback(tmp_path: Path) -> None:
    content = copy_release(tmp_path / "content")
    rule = next(content.glob("guidelines/*/*/rules/R16.yaml"))
    rule.write_text(rule.read_text().replace("direction: against", "direction: agianst"))
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "service", "guideline", "check"],
        cwd=ROOT,
        env={**os.environ, "CONTENT": str(content)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "rules/R16.yaml: /direction: Must be one of" in done.stderr
    assert "Traceback" not in done.stderr
