"""What is left of surgery and radiotherapy once the modifiers have spoken; wordings and headings of cards read it."""

import pytest

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
