"""What is not known, and what each of its values would make of the answer: found by trying them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from service.advice.decision import Decision, contradictions, decide
from service.advice.recommendation import Recommendation, recommend
from service.engine.vocabulary import UNKNOWN
from service.knowledge.guideline import Guideline
from service.knowledge.vocabulary import (
    Choice,
    Date,
    Fact,
    Finding,
    Findings,
    Flag,
    Members,
    Number,
    Record,
)

Trial = tuple[str, Mapping[str, str]]
"""A value as the caller would send it, and the features that it sets."""


@dataclass(frozen=True)
class Missing:
    """A fact that is not known. Decisive: at least one of its values changes the code."""

    fact: str
    decisive: bool
    would_become: Mapping[str, Recommendation]


def missing_facts(decision: Decision, given: Recommendation, stated: Mapping[str, str]) -> tuple[Missing, ...]:
    """The unknown facts that would change the answer: those that the rule asks for first, then the decisive ones."""
    if decision.emergency:
        return ()
    found = [
        missing
        for fact, trials in _open_facts(decision, stated)
        if (missing := _tried(decision.guideline, given, stated, fact, trials)) is not None
    ]
    asked = {fact: index for index, fact in enumerate(decision.rule.asks)}
    return tuple(sorted(found, key=lambda item: (asked.get(item.fact, len(asked)), not item.decisive)))


def _tried(
    guideline: Guideline, given: Recommendation, stated: Mapping[str, str], fact: str, trials: list[Trial]
) -> Missing | None:
    would_become = {}
    for value, features in trials:
        trial = decide(guideline, {**stated, **features})
        if trial.emergency or not contradictions(trial):
            would_become[value] = recommend(trial)
    if all(_same(given, other) for other in would_become.values()):
        return None
    decisive = any(other.rule.code != given.rule.code for other in would_become.values())
    return Missing(fact, decisive, would_become)


def _same(one: Recommendation, other: Recommendation) -> bool:
    return (one.rule.code, one.statement, one.certainty) == (other.rule.code, other.statement, other.certainty)


def _open_facts(decision: Decision, stated: Mapping[str, str]) -> Iterator[tuple[str, list[Trial]]]:
    for fact in decision.guideline.vocabulary.facts.values():
        yield from _open_fact(fact, stated, decision.point)


def _open_fact(fact: Fact, stated: Mapping[str, str], point: Mapping[str, str]) -> Iterator[tuple[str, list[Trial]]]:
    match fact:
        case Record():
            for member in fact.members.values():
                yield from _open_fact(member, stated, point)
        case Findings():
            yield from _open_findings(fact, stated, point)
        case Members():
            if stated[f"{fact.path}.count"] == UNKNOWN:
                yield fact.path, [(name, _only(fact, name)) for name in fact.values]
        case Choice():
            if stated[fact.path] == UNKNOWN:
                offered = (name for name, value in fact.values.items() if value.offered)
                yield fact.path, [(name, {fact.path: name}) for name in offered]
        case Number() | Flag():
            if stated[fact.path] == UNKNOWN:
                yield fact.path, _each_value(fact)
        case Date():
            if stated[fact.path] == UNKNOWN:
                yield fact.path, [(band, {fact.path: band}) for band in (fact.recent, "older")]
        case _:
            pass


def _open_findings(
    fact: Findings, stated: Mapping[str, str], point: Mapping[str, str]
) -> Iterator[tuple[str, list[Trial]]]:
    presences = [stated[finding.presence] for finding in fact.findings.values()]
    clear = all(point.get(finding.tier) in (UNKNOWN.upper(), "ABSENT") for finding in fact.findings.values())
    if clear and any(presence == UNKNOWN for presence in presences):
        yield fact.path, [("none", {finding.presence: "absent" for finding in fact.findings.values()})]
    for finding in fact.findings.values():
        yield from _open_finding(finding, stated, present=point.get(finding.tier) not in (UNKNOWN.upper(), "ABSENT"))


def _open_finding(
    finding: Finding, stated: Mapping[str, str], *, present: bool
) -> Iterator[tuple[str, list[Trial]]]:
    if present:
        if stated[finding.grade] == UNKNOWN and finding.ctcae is not None:
            yield finding.grade, [(grade, {finding.grade: grade}) for grade in ("1", "2", "3", "4")]
        for flag in finding.flags.values():
            if stated[flag.path] == UNKNOWN:
                yield flag.path, _each_value(flag)
    elif stated[finding.presence] == UNKNOWN:
        yield finding.path, [(presence, {finding.presence: presence}) for presence in ("absent", "present")]


def _each_value(fact: Fact) -> list[Trial]:
    (feature,) = fact.features
    return [(value, {fact.path: value}) for value in feature.values if value != UNKNOWN]


def _only(fact: Members, listed: str) -> dict[str, str]:
    point = {f"{fact.path}.{name}": "listed" if name == listed else "not_listed" for name in fact.values}
    return point | {f"{fact.path}.count": "1"}
