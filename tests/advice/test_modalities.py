"""What is left of surgery and radiotherapy once the modifiers have spoken; wordings and headings of cards read it."""

import pytest

from service.advice.case_check import case_body
from service.knowledge.guideline import Guideline


@pytest.mark.parametrize(
    ("surgery", "radiotherapy", "left"),
    [
        ("false", "false", "open"),
        ("true", "false", "surgery_removed"),
        ("false", "true", "radiotherapy_removed"),
        ("true", "true", "both_removed"),
    ],
)
def test_what_is_removed_is_not_what_is_left(guideline: Guideline, surgery: str, radiotherapy: str, left: str) -> None:
    point = guideline.chain.derive(guideline.vocabulary.nothing) | guideline.unmodified | {"trigger": "none"}
    removed = {"removed.surgery": surgery, "removed.radiotherapy": radiotherapy}
    assert guideline.wording.derive(point | removed)["modalities"] == left


def test_who_can_have_neither_operation_nor_radiotherapy_is_told_why(post, guideline: Guideline) -> None:
    asked = [case for case in guideline.cases if any(("neither" in n or "both_removed" in n) for n in case.protects)]
    for case in asked:
        _, answer = post(case_body(case))
        told = {item["kind"]: item["because"] for item in answer["recommendations"][0]["removed"]}
        assert told.keys() == {"surgery", "radiotherapy"}, case.name
        assert all(told.values()), case.name
    assert {case.rule for case in asked} >= {"R05", "R06", "R07", "R11"}
