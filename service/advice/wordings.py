"""What one guideline has said: kept by all that it depends on, which is the rule, the trigger and what they hear."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.advice.decision import Decision, decided
from service.advice.hearing import Hearing, choosing
from service.advice.recommendation import Outcome, Recommendation, outcome, recommend
from service.advice.trials import open_facts
from service.engine.bounded_memo import BoundedMemo
from service.engine.compile import Point, values_of
from service.knowledge.guideline import Guideline
from service.knowledge.words import Words

KEPT = 800
"""Recommendations kept for each guideline, at about 6 kB with their JSON."""
OUTCOMES = 8_000
"""The same in short, at about 300 bytes: ten patients who are heard differently have the same outcome."""
DISTINCT = 1_500
"""Outcomes that differ, at about 3 kB with their JSON."""
GRADED = 4_000
"""Grades without words, at about 300 bytes."""
CHOICES = 9_000
"""Which rule was chosen, at about 300 bytes."""


@dataclass(frozen=True)
class Grades:
    """How sure and how soon, and what the modifiers warn of: what a row tells of a recommendation beside its rule."""

    certainty: str
    urgency: str
    warnings: tuple[str, ...]


class _Hearings(dict[str, Hearing]):
    """Rule -> how it listens, found when it is first asked: most rules of an older release never are."""

    def __init__(self, guideline: Guideline, chooses: frozenset[str]) -> None:
        super().__init__()
        self._guideline, self._chooses = guideline, chooses
        self._facts = tuple(open_facts(guideline))

    def __missing__(self, rule: str) -> Hearing:
        found = self[rule] = Hearing(self._guideline.rules[rule], self._guideline, self._chooses, self._facts)
        return found


class Wordings:
    """Trying the values of missing facts asks for the same few recommendations again and again.

    Shared between threads: two may make the same one at once, which is the same value twice.
    """

    def __init__(self, guideline: Guideline) -> None:
        self._guideline = guideline
        self.words = Words(guideline)
        chooses = choosing(guideline)
        self.hearing = _Hearings(guideline, chooses)
        self._choice = values_of(sorted(chooses))
        self._chosen = BoundedMemo[object, tuple[str, str]](CHOICES)
        self._known = BoundedMemo[tuple[str, str, int], Recommendation](KEPT)
        self._outcomes = BoundedMemo[tuple[str, str, int], Outcome](OUTCOMES)
        self._distinct = BoundedMemo[tuple[object, ...], Outcome](DISTINCT)
        self._grades = BoundedMemo[tuple[str, str, int], Grades](GRADED)

    def of(self, decision: Decision) -> Recommendation:
        """The recommendation for this decision."""
        key = (decision.rule.id, decision.trigger, self.hearing[decision.rule.id].whole(decision.point))
        found = self._known.get(key)
        if found is None:
            found = self._known.remember(key, recommend(decision, self.words.spoken))
        return found

    def grades(self, decision: Decision) -> Grades:
        """The grades of the same, mostly without wording it: few facts move them."""
        key = (decision.rule.id, decision.trigger, self.hearing[decision.rule.id].grades(decision.point))
        found = self._grades.get(key)
        if found is None:
            whole = self.of(decision)  # who is told it whole has mostly had it worded already
            found = self._grades.remember(key, Grades(whole.certainty, whole.urgency, whole.warnings))
        return found

    def outcome(self, point: Point) -> Outcome:
        """In short what is recommended at a point: many recommendations that differ in their options have one outcome.

        The point has every derived feature.
        """
        choice = self._choice(point)
        chosen = self._chosen.get(choice)
        if chosen is None:
            decision = decided(self._guideline, point)
            chosen = self._chosen.remember(choice, (decision.rule.id, decision.trigger))
        return self.short((*chosen, self.hearing[chosen[0]].outcome(point)), point)

    def short(self, key: tuple[str, str, int], point: Point) -> Outcome:
        """The outcome with this rule, trigger and what the rule hears of the point."""
        found = self._outcomes.get(key)
        if found is None:
            short = outcome(decided(self._guideline, point), self.words.spoken)
            content = (short.rule.id, short.statement, short.certainty, short.urgency, short.citations)
            found = self._outcomes.remember(key, self._distinct.get(content) or self._distinct.remember(content, short))
        return found


class After:
    """What becomes of one decision when something moves in its point. For one thread."""

    def __init__(self, decision: Decision, wordings: Wordings) -> None:
        self._point, self._wordings = decision.point, wordings
        self._moving = dict(decision.point)
        self._chosen = decision.rule.id, decision.trigger
        self._hearing = wordings.hearing[decision.rule.id]
        self._heard = self._hearing.outcome(decision.point)
        self._but_for = self._hearing.but_for(decision.point)
        self.now = wordings.short((*self._chosen, self._heard), decision.point)

    def outcome(self, moved: Mapping[str, str]) -> Outcome:
        """The outcome then; the very same object where it stays."""
        if self._hearing.heard.isdisjoint(moved):
            return self.now
        # A point is long and a move is short: it is made in a copy and taken back.
        self._moving.update(moved)
        found = self._outcome(moved)
        for name in moved:
            self._moving[name] = self._point[name]
        return found

    def _outcome(self, moved: Mapping[str, str]) -> Outcome:
        hearing = self._hearing
        if not hearing.choosing.isdisjoint(moved):
            return self._wordings.outcome(self._moving)
        listened = [name for name in moved if name in self._but_for]
        if len(listened) == 1:  # as mostly: one AND instead of one for each feature
            heard = self._but_for[listened[0]] & hearing.masks[listened[0]][moved[listened[0]]]
        else:
            heard = hearing.outcome(self._moving)
        return self.now if heard == self._heard else self._wordings.short((*self._chosen, heard), self._moving)
