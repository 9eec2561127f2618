"""What is not known, and what each of its values would make of the answer: found by trying them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.advice.decision import Decision, emergency
from service.advice.recommendation import Outcome, Recommendation
from service.advice.trials import OpenFact, Trial
from service.advice.wordings import After, Wordings
from service.engine.compile import Point
from service.engine.table import is_inside
from service.knowledge.words import Words


@dataclass(frozen=True)
class Missing:
    """A fact that is not known. Decisive: at least one of its values changes the code."""

    fact: str
    decisive: bool
    would_become: Mapping[str, Outcome]
    together: tuple["Together", ...] = ()
    """What it would make of the answer with a value of another fact, where neither alone does that."""

    @property
    def outcomes(self) -> Iterator[Outcome]:
        """Everything that it would make of the answer."""
        yield from self.would_become.values()
        yield from (pair.outcome for pair in self.together)

    def consequences(self, code: str, words: Words) -> dict[str, list[str]]:
        """Return the values that lead to another code, in words, by the title of the rule that they lead to."""
        titles = dict[str, list[str]]()
        for value, other in self.would_become.items():
            if other.rule.code != code:
                titles.setdefault(other.rule.title, []).append(words.value(self.fact, value))
        for pair in self.together:
            titles.setdefault(pair.outcome.rule.title, []).append(words.together(pair.stated))
        return titles


@dataclass(frozen=True)
class Together:
    """Values of several facts, and what they would make of the answer."""

    stated: Mapping[str, str]
    outcome: Outcome


def missing_facts(decision: Decision, given: Recommendation, wordings: Wordings) -> tuple[Missing, ...]:
    """The unknown facts that would change the answer: those that the rule asks for first, then the decisive ones.

    A finding of the screen that is not known is always among them, even where it would change nothing, and so is a
    fact that the rule always asks for.
    """
    if decision.emergency:
        return ()
    found = []
    always = _always(decision)
    for fact, trials in _worth_a_look(decision, wordings):
        would_become = {trial.value: outcome for trial, outcome in trials if _possible(decision, trial)}
        if fact in always or any(not _same(given, other) for other in would_become.values()):
            decisive = any(other.rule.code != given.rule.code for other in would_become.values())
            pairs = tuple(_tried_together(fact, decision, would_become, wordings))
            found.append(Missing(fact, decisive or bool(pairs), would_become, pairs))
    order = {fact: index for index, fact in enumerate(decision.rule.asks)}
    return tuple(sorted(found, key=lambda item: (order.get(item.fact, len(order)), not item.decisive)))


def _worth_a_look(decision: Decision, wordings: Wordings) -> Iterator[tuple[str, list[tuple[Trial, Outcome]]]]:
    """The unknown facts with what each value leads to, without those that change nothing: they are the most."""
    point, always, after = decision.point, _always(decision), After(decision, wordings)
    hearing = wordings.hearing[decision.rule.id]
    for fact in hearing.askable:
        if fact.is_open(point):
            moved, trials = fact.trials(point)
            if fact.path not in always and hearing.heard.isdisjoint(moved):
                continue
            outcomes = [after.outcome(trial.moved) for trial in trials]
            if fact.path in always or any(outcome is not after.now for outcome in outcomes):
                yield fact.path, list(zip(trials, outcomes, strict=True))


def _always(decision: Decision) -> frozenset[str]:
    """Return the facts that are listed wherever they are not known."""
    return decision.guideline.vocabulary.screened.union(*decision.rule.together)


def _tried_together(
    fact: str, decision: Decision, alone: Mapping[str, Outcome], wordings: Wordings
) -> Iterator[Together]:
    """Yield what values of the fact make of the answer with those of the facts that the rule asks for beside it."""
    code, askable = decision.rule.code, wordings.hearing[decision.rule.id].askable
    for first, *others in decision.rule.together:
        facts = [item for item in askable if item.path in others]
        if first != fact or not all(item.is_open(decision.point) for item in facts):
            continue
        reached = {code, *(outcome.rule.code for outcome in alone.values())}
        own = next(item for item in askable if item.path == fact)
        for stated, point in _combinations([own, *facts], decision.point):
            outcome = wordings.outcome(point)
            if len(stated) > 1 and outcome.rule.code not in reached and _plausible(decision, point):
                yield Together(stated, outcome)


def _combinations(facts: Sequence[OpenFact], point: Point) -> Iterator[tuple[dict[str, str], Point]]:
    """Yield each combination of values of the facts, with the point that it leads to."""
    if not facts:
        yield {}, point
        return
    first, *others = facts
    for trial in first.trials(point)[1]:
        for stated, reached in _combinations(others, {**point, **trial.moved}):
            yield {first.path: trial.value, **stated}, reached


def _plausible(decision: Decision, point: Point) -> bool:
    """Return whether a point contradicts nothing and is not stranger than that of the decision."""
    guideline = decision.guideline
    strange = set(guideline.implausible.at(point)) - set(guideline.implausible.at(decision.point))
    return not strange and (emergency(guideline, point) or not any(guideline.contradictions.at(point)))


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
