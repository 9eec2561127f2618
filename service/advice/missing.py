"""What is not known, and what each of its values would make of the answer: found by trying them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from service.advice.decision import Decision, emergency
from service.advice.recommendation import Outcome, Recommendation
from service.advice.trials import Trial
from service.advice.wordings import After, Wordings
from service.engine.table import is_inside


@dataclass(frozen=True)
class Missing:
    """A fact that is not known. Decisive: at least one of its values changes the code."""

    fact: str
    decisive: bool
    would_become: Mapping[str, Outcome]


def missing_facts(decision: Decision, given: Recommendation, wordings: Wordings) -> tuple[Missing, ...]:
    """The unknown facts that would change the answer: those that the rule asks for first, then the decisive ones.

    A finding of the screen that is not known is always among them, even where it would change nothing.
    """
    if decision.emergency:
        return ()
    found = []
    screened = decision.guideline.vocabulary.screened
    for fact, trials in _worth_a_look(decision, wordings):
        would_become = {trial.value: outcome for trial, outcome in trials if _possible(decision, trial)}
        if fact in screened or any(not _same(given, other) for other in would_become.values()):
            decisive = any(other.rule.code != given.rule.code for other in would_become.values())
            found.append(Missing(fact, decisive, would_become))
    order = {fact: index for index, fact in enumerate(decision.rule.asks)}
    return tuple(sorted(found, key=lambda item: (order.get(item.fact, len(order)), not item.decisive)))


def _worth_a_look(decision: Decision, wordings: Wordings) -> Iterator[tuple[str, list[tuple[Trial, Outcome]]]]:
    """The unknown facts with what each value leads to, without those that change nothing: they are the most."""
    point, screened, after = decision.point, decision.guideline.vocabulary.screened, After(decision, wordings)
    hearing = wordings.hearing[decision.rule.id]
    for fact in hearing.askable:
        if fact.is_open(point):
            moved, trials = fact.trials(point)
            if fact.path not in screened and hearing.heard.isdisjoint(moved):
                continue
            outcomes = [after.outcome(trial.moved) for trial in trials]
            if fact.path in screened or any(outcome is not after.now for outcome in outcomes):
                yield fact.path, list(zip(trials, outcomes, strict=True))


def _possible(decision: Decision, trial: Trial) -> bool:
    """Whether the fact can have this value: the others do not contradict, so that only what it moves is looked at."""
    if not (trial.implausible or trial.contradicted):
        return True
    point = {**decision.point, **trial.moved}
    if is_inside(trial.implausible, point):
        return False
    return emergency(decision.guideline, point) or not is_inside(trial.contradicted, point)


def _same(one: Recommendation, other: Outcome) -> bool:
    return (one.rule.code, one.statement, one.certainty) == (other.rule.code, other.statement, other.certainty)
