"""Worked cases asked of the release that they belong to, and what an answer has otherwise than its case expects."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.advice.question import Answer, Questioner
from service.advice.render import Renderer
from service.facts.json_body import parse
from service.knowledge.cases import Case

JsonObject = Mapping[str, Any]
LEAD = ("rule", "code", "direction", "strength", "certainty", "urgency", "statement")
"""Members of the leading recommendation that a case may state."""


def case_body(case: Case) -> str:
    """Return the JSON text that a case sends."""
    return case.body if case.body is not None else json.dumps(case.facts)


def failing_cases(questioner: Questioner, renderer: Renderer, today: dt.date) -> Iterator[tuple[Case, list[str]]]:
    """Ask every worked case of a release; yield those whose answer is another, with the differences.

    A case may state a day, which must not lie ahead: before the day of the release's evidence it is asked on that.
    """
    today = max(today, questioner.guideline.release.evidence_date)
    for case in questioner.guideline.cases:
        result = questioner.ask(parse(case_body(case).encode()), today)
        if isinstance(result, Answer):
            differences = differences_of_answer(renderer.read(result, "full"), case.expect)
        else:
            faults = [(fault.pointer, fault.rule) for fault in result.faults]
            differences = differences_of_refusal(faults, result.urgent.code if result.urgent else None, case.expect)
        if differences:
            yield case, differences


def differences_of_refusal(
    faults: Sequence[tuple[str, str | None]], urgent: str | None, expect: JsonObject
) -> list[str]:
    """Return what a refusal has otherwise than expected. `faults`: pointer and rule of each."""
    if "status" not in expect:
        return ["it is refused: " + ", ".join(f"{pointer or '/'} {rule or ''}".strip() for pointer, rule in faults)]
    found = [
        f"no fault {wanted}"
        for wanted in expect.get("faults", [])
        if not any(
            pointer == wanted.get("pointer", pointer) and rule == wanted.get("rule", rule) for pointer, rule in faults
        )
    ]
    return found + _unequal("urgent", urgent, expect.get("urgent"))


def differences_of_answer(answer: JsonObject, expect: JsonObject) -> list[str]:
    """Return what an answer in the view full has otherwise than expected."""
    if "status" in expect:
        return ["it is answered and not refused"]
    lead, *others = answer["recommendations"]
    found = [line for name in LEAD if name in expect for line in _unequal(name, lead[name], expect[name])]
    derived = answer["because"]["derived"]
    for name, value in expect.get("derived", {}).items():
        found += _unequal(name, derived.get(name), value)
    statement = lead["statement"]
    found += [
        f"the statement has no {text!r}" for text in expect.get("statement_contains", []) if text not in statement
    ]
    found += [f"the statement has {text!r}" for text in expect.get("statement_lacks", []) if text in statement]
    for name in ("warnings", "must_check"):
        text = json.dumps(answer[name], ensure_ascii=False).lower()
        found += [f"{name}: no {part!r}" for part in expect.get(f"{name}_contain", []) if part.lower() not in text]
    return [*found, *_of_missing(answer, expect), *_of_members(answer, expect), *_of_supporting(others, expect)]


def _of_missing(answer: JsonObject, expect: JsonObject) -> Iterator[str]:
    missing = {item["fact"]: item for item in answer["missing_facts"]}
    for fact in expect.get("decisive", []):
        if fact not in missing or not missing[fact]["decisive"]:
            yield f"{fact} is not among the decisive missing facts"
    for fact, outcomes in expect.get("would_become", {}).items():
        codes = {value: other["code"] for value, other in missing.get(fact, {}).get("would_become", {}).items()}
        for value, code in outcomes.items():
            yield from _unequal(f"{fact} {value}", codes.get(value), code)


def _of_members(answer: JsonObject, expect: JsonObject) -> Iterator[str]:
    named = {
        "modifiers": [item["id"] for item in answer["modifiers"]],
        "data_conflicts": [item["rule"] for item in answer["data_conflicts"]],
        "refused": [item["pointer"] for item in answer["refused"]],
        "citations": answer["recommendations"][0]["citations"],
    }
    for member, present in named.items():
        yield from (f"{member}: no {name}" for name in expect.get(member, []) if name not in present)


def _of_supporting(others: Sequence[JsonObject], expect: JsonObject) -> Iterator[str]:
    if expect.get("supporting") == [] and others:
        yield "there is a supporting recommendation"
    for wanted in expect.get("supporting", []):
        texts = wanted.get("statement_contains", [])
        texts = [texts] if isinstance(texts, str) else texts
        if not any(o["rule"] == wanted["rule"] and all(text in o["statement"] for text in texts) for o in others):
            yield f"no supporting recommendation {wanted}"


def _unequal(name: str, found: Any, expected: Any) -> list[str]:
    return [] if found == expected else [f"{name} is {found!r}, expected {expected!r}"]
