"""What is not known, and what each of its values would make of the answer: found by trying them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.advice.decision import Decision, decided, emergency
from service.advice.recommendation import Outcome, Recommendation, Wordings
from service.engine.compile import Point
from service.engine.vocabulary import UNKNOWN
from service.knowledge.guideline import Guideline, inside
from service.knowledge.vocabulary import Fact, Finding, Findings, Stated

GRADES_OF_THE_LIVING = ("1", "2", "3", "4")


@dataclass(frozen=True)
class Missing:
    """A fact that is not known. Decisive: at least one of its values changes the code."""

    fact: str
    decisive: bool
    would_become: Mapping[str, Outcome]


def missing_facts(
    decision: Decision, given: Recommendation, stated: Mapping[str, str], wordings: Wordings
) -> tuple[Missing, ...]:
    """The unknown facts that would change the answer: those that the rule asks for first, then the decisive ones.

    A finding of the screen that is not known is always among them, even where it would change nothing.
    """
    if decision.emergency:
        return ()
    guideline, point = decision.guideline, decision.point
    hearing = wordings.hearing[decision.rule.id]
    choice, outcome = hearing.choice(point), hearing.outcome(point)
    found = []
    for fact, values in _open_facts(hearing.askable, decision, stated):
        asked = fact in guideline.vocabulary.screened
        trials = [(value, changes, guideline.chain.amend(point, changes)) for value, changes in values]
        # Most values change nothing that is said, and need no closer look.
        if not asked and all(
            hearing.choice(trial) == choice and hearing.outcome(trial) == outcome for _, _, trial in trials
        ):
            continue
        possible = [(value, trial) for value, changes, trial in trials if _possible(guideline, trial, changes)]
        would_become = {value: wordings.outcome(decided(guideline, trial)) for value, trial in possible}
        if asked or any(not _same(given, other) for other in would_become.values()):
            decisive = any(other.rule.code != given.rule.code for other in would_become.values())
            found.append(Missing(fact, decisive, would_become))
    order = {fact: index for index, fact in enumerate(decision.rule.asks)}
    return tuple(sorted(found, key=lambda item: (order.get(item.fact, len(order)), not item.decisive)))


def _possible(guideline: Guideline, point: Point, changes: Iterable[str]) -> bool:
    """Whether these features can have their values: the others do not contradict, so that only these are looked at."""
    if any(inside(guideline.implausible_by[name], point) for name in changes):
        return False
    return emergency(guideline, point) or not any(inside(guideline.contradicted_by[name], point) for name in changes)


def _same(one: Recommendation, other: Outcome) -> bool:
    return (one.rule.code, one.statement, one.certainty) == (other.rule.code, other.statement, other.certainty)


def _open_facts(
    facts: Iterable[Fact], decision: Decision, stated: Mapping[str, str]
) -> Iterator[tuple[str, Sequence[Stated]]]:
    for fact in facts:
        if isinstance(fact, Findings):
            yield from _open_findings(fact, decision, stated)
        elif stated[fact.first] == UNKNOWN:
            yield fact.path, fact.statable


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
