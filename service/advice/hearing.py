"""What a recommendation depends on: found once a rule, so that what cannot matter to a patient is not tried."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from operator import itemgetter

from service.engine.compile import Point
from service.engine.table import Box
from service.knowledge.guideline import Guideline
from service.knowledge.model import Effect, Rule, boxes_in
from service.knowledge.vocabulary import Findings


class Hearing:
    """How one rule listens to the features of a point.

    `read` gives the values of all that the recommendation is made of, `said` of what chooses the rule and words and
    grades its sentence: two points that agree there are told the same, though perhaps with other options or checks.
    """

    def __init__(self, rule: Rule, guideline: Guideline) -> None:
        self.read = _values(guideline, _names(_boxes(rule, guideline, lambda _: True)))
        wording = list(_boxes(rule, guideline, _changes_words))
        heard = _names(wording) | _choosing(guideline)
        self.said = _values(guideline, heard)
        idle = frozenset(_idle(guideline, heard, wording))
        self.askable = tuple(
            fact
            for fact in guideline.vocabulary.askable
            if isinstance(fact, Findings) or any(not changes.items() <= idle for _, changes in fact.statable)
        )


def _values(guideline: Guideline, names: AbstractSet[str]) -> Callable[[Point], object]:
    ordered = [name for name in guideline.chain.features if name in names]
    return itemgetter(*ordered) if ordered else lambda _: ()


def _names(boxes: Iterable[Box]) -> set[str]:
    return {name for box in boxes for name in box}


def _choosing(guideline: Guideline) -> set[str]:
    """The features that choose the rule and the trigger."""
    gates = _names(box for rule in guideline.gates.items for box in rule.when)
    axes = {feature.name for feature in guideline.table.table.inputs}
    tier = guideline.release.tier
    return gates | axes | {feature for _, feature in guideline.finding_tiers} | ({tier} if tier else set())


def _boxes(rule: Rule, guideline: Guideline, counts: Callable[[Effect], bool]) -> Iterator[Box]:
    """The boxes that wording and grading look into, themselves or through the modifiers whose effects count."""
    said = [box for part in (rule.statements, rule.additions, rule.grades) for box in boxes_in(part)]
    for table in reversed(guideline.wording.tables):
        if table.table.name in _names(said):
            said += [box for _, box in table.table.entries]
    yield from said
    named = _names(said)
    removals = any(name.startswith("removed.") for name in named)
    for modifier in guideline.modifiers.items:
        touching = [effect for effect in modifier.effects if not effect.rules or rule.id in effect.rules]
        touching = [effect for effect in touching if counts(effect) or (removals and effect.remove)]
        if touching or f"modifier.{modifier.id}" in named:
            for when in (modifier.when, *(effect.when for effect in touching)):
                yield from when


def _changes_words(effect: Effect) -> bool:
    return bool(effect.lowers_certainty or effect.prefix or effect.adds or effect.ends)


def _idle(guideline: Guideline, heard: AbstractSet[str], boxes: Iterable[Box]) -> Iterator[tuple[str, str]]:
    """Stated features with the values that nothing heard tells from the first one."""
    accepting: dict[str, list[frozenset[str]]] = {}
    for box in boxes:
        for name, accepted in box.items():
            accepting.setdefault(name, []).append(accepted)
    choosing = _choosing(guideline)
    for feature in (*guideline.vocabulary.features, *guideline.vocabulary.counted):
        if feature.name in choosing or not heard.isdisjoint(guideline.chain.following(feature.name)):
            continue
        fits = [[value in accepted for accepted in accepting.get(feature.name, ())] for value in feature.values]
        yield from ((feature.name, value) for value, own in zip(feature.values, fits, strict=True) if own == fits[0])
