"""Bodies of random patients for any guideline, made from its vocabulary: a tenth of the facts each, or more."""

import random
from collections.abc import Iterator
from typing import Any

from service.knowledge.vocabulary import (
    Choice,
    Fact,
    Finding,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    ReferenceDate,
    Vocabulary,
)

LEVELS = (0.15, 0.35, 0.6, 0.9)
"""How much is stated of a patient, drawn once a patient, so that sparse and full patients are met."""


def random_patients(vocabulary: Vocabulary, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield this many bodies, the same for the same seed. Some contradict themselves and are refused."""
    draw = random.Random(seed)  # no secret
    for _ in range(count):
        level = draw.choice(LEVELS)
        yield _members(vocabulary.facts, level, draw)


def _members(facts: dict[str, Fact], level: float, draw: random.Random) -> dict[str, Any]:
    stated = {
        path.rpartition(".")[2]: _value(fact, level, draw) for path, fact in facts.items() if draw.random() < level
    }
    return {name: value for name, value in stated.items() if value is not None}


def _value(fact: Fact, level: float, draw: random.Random) -> Any:  # noqa: PLR0911 # one a kind of fact
    match fact:
        case Choice():
            return draw.choice([name for name, value in fact.values.items() if value.offered])
        case Flag():
            return draw.choice((True, False))
        case Number():
            value = draw.choice([max(fact.minimum, lower) for lower in fact.bands.values()])
            return int(value) if fact.whole else value
        case Members():
            return draw.sample(list(fact.values), draw.choice((1, 1, 1, 2, min(3, len(fact.values)))))
        case Record():
            return _members(dict(fact.members), level, draw) or None
        case Findings():
            return _findings(fact, draw)
        case ReferenceDate():
            return None
        case _:
            return "2026-11-01"


def _findings(group: Findings, draw: random.Random) -> Any:
    if draw.random() < 0.5:
        return "none"
    some = draw.sample(list(group.findings.values()), draw.choice((1, 1, 2, 3)))
    absent = [name for name in group.screen if all(finding.name != name for finding in some) and draw.random() < 0.6]
    return {finding.name: _finding(finding, draw) for finding in some} | dict.fromkeys(absent, "absent")


def _finding(finding: Finding, draw: random.Random) -> dict[str, Any]:
    entry: dict[str, Any] = {"presence": "present"}
    if finding.ctcae is not None and draw.random() < 0.8:
        entry["grade"] = draw.choice((1, 2, 3, 4))
    return entry | {name: draw.choice((True, False)) for name in finding.flags if draw.random() < 0.3}
