"""Every worked case of every release, asked through the API. The cases are written by hand beside the rules."""

import json

import pytest
from flask import Flask

from service.knowledge.cases import Case, read_cases
from service.settings import CONTENT

CASES = [
    (folder.parent.name, folder.name, case)
    for folder in sorted((CONTENT / "guidelines").glob("*/*/"))
    for case in read_cases(folder)
]


@pytest.mark.parametrize(
    ("guideline", "release", "case"), CASES, ids=[f"{release}: {case.file}: {case.name}" for _, release, case in CASES]
)
def test_case(app: Flask, guideline: str, release: str, case: Case) -> None:
    body = case.body if case.body is not None else json.dumps(case.facts)
    response = app.test_client().post(
        f"/v1/guidelines/{guideline}/recommendations?release={release}", data=body, content_type="application/json"
    )
    answer = response.get_json()
    assert response.status_code == case.expect.get("status", 200), answer
    if response.status_code == 422:
        refused(answer, case.expect)
    else:
        answered(answer, case.expect)
        recalled(app, answer)


def refused(problem: dict, expect: dict) -> None:
    told = [(error["pointer"], error.get("rule")) for error in problem["errors"]]
    for fault in expect.get("faults", []):
        assert any(
            pointer == fault.get("pointer", pointer) and rule == fault.get("rule", rule) for pointer, rule in told
        ), (fault, told)
    assert (problem.get("urgent") or {}).get("code") == expect.get("urgent")


def answered(answer: dict, expect: dict) -> None:
    lead, *rest = answer["recommendations"]
    for member in ("rule", "code", "direction", "strength", "certainty", "urgency", "statement"):
        assert lead[member] == expect.get(member, lead[member])
    derived = answer["because"]["derived"]
    assert derived == {**derived, **expect.get("derived", {})}
    for text in expect.get("statement_contains", []):
        assert text in lead["statement"]
    for text in expect.get("statement_lacks", []):
        assert text not in lead["statement"]
    for member in ("warnings", "must_check"):
        for text in expect.get(f"{member}_contain", []):
            assert text.lower() in json.dumps(answer[member]).lower()
    missing_as_expected(answer, expect)
    members_as_expected(answer, expect)
    supporting_as_expected(rest, expect)


def missing_as_expected(answer: dict, expect: dict) -> None:
    missing = {item["fact"]: item for item in answer["missing_facts"]}
    for fact in expect.get("decisive", []):
        assert missing[fact]["decisive"]
    for fact, outcomes in expect.get("would_become", {}).items():
        codes = {value: other["code"] for value, other in missing[fact]["would_become"].items()}
        assert codes == {**codes, **outcomes}


def members_as_expected(answer: dict, expect: dict) -> None:
    named = {
        "modifiers": [item["id"] for item in answer["modifiers"]],
        "data_conflicts": [item["rule"] for item in answer["data_conflicts"]],
        "refused": [item["pointer"] for item in answer["refused"]],
        "citations": answer["recommendations"][0]["citations"],
    }
    for member, present in named.items():
        assert set(expect.get(member, [])) <= set(present), member


def supporting_as_expected(rest: list[dict], expect: dict) -> None:
    if expect.get("supporting") == []:
        assert not rest
    for wanted in expect.get("supporting", []):
        texts = wanted.get("statement_contains", [])
        texts = [texts] if isinstance(texts, str) else texts
        assert any(
            item["rule"] == wanted["rule"] and all(text in item["statement"] for text in texts) for item in rest
        ), wanted


def recalled(app: Flask, answer: dict) -> None:
    """The permalink gives the same answer; only what could not be read is not in it."""
    again = app.test_client().get(answer["links"]["self"])
    assert again.get_json() == answer | {"refused": []}
