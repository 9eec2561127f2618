"""What a recommendation depends on: found once a rule, so that what cannot matter to a patient is not tried."""

from collections.abc import Callable, Iterable, Iterator

from service.advice.trials import OpenFact
from service.engine.compile import CompiledTable, Point
from service.engine.table import Box, collect_table
from service.engine.vocabulary import UNKNOWN
from service.knowledge.guideline import Guideline
from service.knowledge.model import Change, Check, Effect, Rule, boxes_in
from service.knowledge.sentences import slots_in


class Hearing:
    """How one rule listens to a point. `askable` are the facts whose values could change the rule or its outcome."""

    def __init__(self, rule: Rule, guideline: Guideline, chooses: frozenset[str], facts: Iterable[OpenFact]) -> None:
        self._all = _table(_boxes(rule, guideline, lambda _: True, checked=True), guideline)
        self._outcome = _table(_boxes(rule, guideline, _changes_outcome), guideline)
        self._grades = _table(_boxes(rule, guideline, _changes_grades, worded=False), guideline)
        self.masks = self._outcome.masks
        self.choosing = chooses
        self.heard = self.choosing.union(self.masks)
        screened = guideline.vocabulary.screened
        self.askable = tuple(each for each in facts if each.path in screened or not self.heard.isdisjoint(each.reach))

    def whole(self, point: Point) -> int:
        """All that the rule's recommendation is made of: of two points of one number it is the same."""
        return self._all.fitting(point)

    def outcome(self, point: Point) -> int:
        """The same for its sentence, grades and sources only."""
        return self._outcome.fitting(point)

    def grades(self, point: Point) -> int:
        """The same for its grades and warnings only."""
        return self._grades.fitting(point)

    def but_for(self, point: Point) -> dict[str, int]:
        """Feature -> the outcome's number were that one not heard; its AND with a value's mask is the whole number."""
        return self._outcome.but_for(point)


def _table(boxes: Iterable[Box], guideline: Guideline) -> CompiledTable:
    """Says by a bit for each box whether a point lies in it."""
    features = guideline.chain.features
    distinct = {frozenset(box.items()): box for box in boxes}
    # Features of wordings (which modifiers hold, what was removed) follow from those of the boxes that are here.
    stated = [{name: box[name] for name in box if name in features} for box in distinct.values()]
    return CompiledTable(collect_table("hearing", [(str(index), (box,)) for index, box in enumerate(stated)], features))


def _names(boxes: Iterable[Box]) -> set[str]:
    return {name for box in boxes for name in box}


def choosing(guideline: Guideline) -> frozenset[str]:
    """The features that choose the rule and the trigger."""
    gates = _names(box for rule in guideline.gates.items for box in rule.when)
    axes = {feature.name for feature in guideline.table.table.inputs}
    tier = guideline.release.tier
    return frozenset(gates | axes | guideline.tiers_of_findings | ({tier} if tier else set()))


def _boxes(
    rule: Rule,
    guideline: Guideline,
    counts: Callable[[Effect], bool],
    *,
    worded: bool = True,
    checked: bool = False,
) -> Iterator[Box]:
    """The boxes that wording and grading look into, themselves or through the modifiers whose effects count."""
    prefixes = tuple(prefix for prefix in guideline.prefixes if not prefix.rules or rule.id in prefix.rules)
    touching = {
        modifier.id: tuple(effect for effect in modifier.effects if not effect.rules or rule.id in effect.rules)
        for modifier in guideline.modifiers.items
    }
    counted = {name: tuple(effect for effect in several if counts(effect)) for name, several in touching.items()}
    effects = tuple(effect for several in counted.values() for effect in several)
    # Checks and changes are in no outcome, so a fact that moves nothing else need not be tried.
    without = () if checked else (Check, Change)
    spoken = (rule.statements, rule.additions, rule.slots)
    own = (*spoken, rule.grades, rule.options, rule.must_check, rule.what_would_change)
    parts = (*own, prefixes, *map(_checked, effects)) if worded else (rule.grades,)
    said = list(boxes_in(parts, without))
    slots = set(slots_in((rule, prefixes, effects))) if worded else set()
    for table in reversed(guideline.wording.tables):
        if table.table.name in _names(said) | slots:
            said += [box for _, box in table.table.entries]
    if worded:
        asked = guideline.named_missing.get(rule.id, {}).values()
        yield from ({name: frozenset({UNKNOWN})} for name in asked)
    yield from said
    named = _names(said)
    removals = any(name.startswith("removed.") for name in named) or any(effect.offered for effect in effects)
    for modifier in guideline.modifiers.items:
        moving = [e for e in touching[modifier.id] if e in counted[modifier.id] or (removals and _moves_options(e))]
        if moving or f"modifier.{modifier.id}" in named:
            for when in (modifier.when, *(effect.when for effect in moving)):
                yield from when


def _checked(effect: Effect) -> tuple[Check, ...]:
    return (*effect.must_check_first, *effect.must_check)


def _moves_options(effect: Effect) -> bool:
    return bool(effect.remove or effect.offer_first or effect.offer_second)


def _changes_grades(effect: Effect) -> bool:
    return bool(effect.lowers_certainty or effect.warning or effect.urgency_at_least)


def _changes_outcome(effect: Effect) -> bool:
    graded = effect.lowers_certainty or effect.urgency_at_least
    return bool(graded or effect.prefix or effect.adds or effect.ends or effect.cite_first or effect.citations)
