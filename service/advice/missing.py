"""What is not known, and what each of its values would make of the answer: found by trying them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.advice.decision import Decision, amended, contradictions
from service.advice.recommendation import Recommendation, Wordings
from service.engine.vocabulary import UNKNOWN
from service.knowledge.vocabulary import Finding, Findings, Record, Stated

GRADES_OF_THE_LIVING = ("1", "2", "3", "4")


@dataclass(frozen=True)
class Missing:
    """A fact that is not known. Decisive: at least one of its values changes the code."""

    fact: str
    decisive: bool
    would_become: Mapping[str, Recommendation]


def missing_facts(
    decision: Decision, given: Recommendation, stated: Mapping[str, str], wordings: Wordings
) -> tuple[Missing, ...]:
    """The unknown facts that would change the answer: those that the rule asks for first, then the decisive ones.

    A finding of the screen that is not known is always among them, even where it would change nothing.
    """
    if decision.emergency:
        return ()
    screened = decision.guideline.vocabulary.screened
    found = []
    for fact, values in _open_facts(decision, stated):
        would_become = _tried(decision, values, wordings)
        if fact in screened or any(not _same(given, other) for other in would_become.values()):
            decisive = any(other.rule.code != given.rule.code for other in would_become.values())
            found.append(Missing(fact, decisive, would_become))
    asked = {fact: index for index, fact in enumerate(decision.rule.asks)}
    return tuple(sorted(found, key=lambda item: (asked.get(item.fact, len(asked)), not item.decisive)))


def _tried(decision: Decision, values: Sequence[Stated], wordings: Wordings) -> dict[str, Recommendation]:
    trials = ((value, amended(decision, features)) for value, features in values)
    return {value: wordings.of(trial) for value, trial in trials if _possible(trial)}


def _possible(trial: Decision) -> bool:
    if any(trial.guideline.implausible.at(trial.point)):
        return False
    return trial.emergency or not contradictions(trial)


def _same(one: Recommendation, other: Recommendation) -> bool:
    return (one.rule.code, one.statement, one.certainty) == (other.rule.code, other.statement, other.certainty)


def _open_facts(decision: Decision, stated: Mapping[str, str]) -> Iterator[tuple[str, Sequence[Stated]]]:
    for fact in decision.guideline.vocabulary.facts.values():
        if isinstance(fact, Findings):
            yield from _open_findings(fact, decision, stated)
        else:
            for single in fact.members.values() if isinstance(fact, Record) else (fact,):
                if single.statable and stated[single.features[0].name] == UNKNOWN:
                    yield single.path, single.statable


def _open_findings(
    fact: Findings, decision: Decision, stated: Mapping[str, str]
) -> Iterator[tuple[str, Sequence[Stated]]]:
    findings = fact.findings.values()
    present = [finding for finding in findings if decision.guideline.present(finding, decision.point)]
    if not present and any(stated[finding.presence] == UNKNOWN for finding in findings):
        yield fact.path, (("none", {finding.presence: "absent" for finding in findings}),)
    for finding in findings:
        if finding in present:
            yield from _open_details(finding, stated)
        elif stated[finding.presence] == UNKNOWN:
            yield finding.path, [(presence, {finding.presence: presence}) for presence in ("absent", "present")]


def _open_details(finding: Finding, stated: Mapping[str, str]) -> Iterator[tuple[str, Sequence[Stated]]]:
    if stated[finding.grade] == UNKNOWN and finding.ctcae is not None:
        yield finding.grade, [(grade, {finding.grade: grade}) for grade in GRADES_OF_THE_LIVING]
    for flag in finding.flags.values():
        if stated[flag.path] == UNKNOWN:
            yield flag.path, flag.statable
