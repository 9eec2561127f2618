"""Every worked case of every release, asked of that release through the API. The cases are written by hand."""

from pathlib import Path

import pytest
from flask import Flask

from service.advice.case_check import case_body, differences_of_answer, differences_of_refusal
from service.knowledge.cases import Case
from service.settings import CONTENT
from tests.content import read_cases

CASES = [(folder, case) for folder in sorted((CONTENT / "guidelines").glob("*/*/")) for case in read_cases(folder)]


@pytest.mark.parametrize(
    ("folder", "case"),
    CASES,
    ids=[f"{folder.parent.name} {folder.name} {case.file}: {case.name}" for folder, case in CASES],
)
def test_case(app: Flask, folder: Path, case: Case) -> None:
    response = app.test_client().post(
        f"/v1/guidelines/{folder.parent.name}/recommendations?release={folder.name}",
        data=case_body(case),
        content_type="application/json",
    )
    answer = response.get_json()
    assert response.status_code == case.expect.get("status", 200), answer
    if response.status_code == 422:
        refused(answer, case.expect)
    else:
        answered(answer, case.expect)
        assert answer["guideline"]["release"] == folder.name
        recalled(app, answer)


def refused(problem: dict, expect: dict) -> None:
    faults = [(error["pointer"], error.get("rule")) for error in problem["errors"]]
    assert differences_of_refusal(faults, (problem.get("urgent") or {}).get("code"), expect) == []


def answered(answer: dict, expect: dict) -> None:
    assert differences_of_answer(answer, expect) == []


def recalled(app: Flask, answer: dict) -> None:
    """The permalink gives the same answer; only what could not be read is not in it."""
    again = app.test_client().get(answer["links"]["self"])
    assert again.get_json() == answer | {"refused": []}
