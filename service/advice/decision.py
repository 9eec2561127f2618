"""Which rule holds for a point, and what the modifiers do there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from service.engine.compile import Point
from service.knowledge.guideline import Guideline, holds
from service.knowledge.model import Clause, Effect, Modifier, Rule

NO_TRIGGER = "none"


@dataclass(frozen=True)
class Decision:
    """The rule that holds, and the finding whose tier led to it. `point` has all derived features."""

    guideline: Guideline
    point: Mapping[str, str]
    rule: Rule
    trigger: str

    @cached_property
    def modifiers(self) -> tuple[Modifier, ...]:
        """The modifiers of this patient, in the order of the content."""
        return tuple(self.guideline.modifiers.at(self.point))

    @property
    def emergency(self) -> bool:
        """Whether the facts amount to an emergency."""
        return emergency(self.guideline, self.point)

    @property
    def urgent(self) -> bool:
        """Whether the facts need attention today."""
        return self.tier is not None and self.tier == self.guideline.release.urgent_tier

    @property
    def tier(self) -> str | None:
        """How grave the findings are together; None in a guideline without findings."""
        name = self.guideline.release.tier
        return None if name is None else self.point[name]


def decide(guideline: Guideline, stated: Point) -> Decision:
    """Derive, pass the gates, look up the one rule. The point must have every stated feature."""
    return decided(guideline, guideline.chain.derive(stated))


def decided(guideline: Guideline, point: Point) -> Decision:
    """The same for a point that has every derived feature too."""
    leading = triggers(guideline, point)
    tier = guideline.release.tier
    lead = leading[0][0] if leading and tier is not None and leading[0][1] == point[tier] else NO_TRIGGER
    gate = next(guideline.gates.at(point), None)
    rule = gate or guideline.rules[guideline.table.decide(point).output]
    return Decision(guideline, point, rule, lead)


def emergency(guideline: Guideline, point: Point) -> bool:
    """Whether a point that has every derived feature is an emergency."""
    release = guideline.release
    return release.tier is not None and point[release.tier] == release.emergency_tier


def contradictions(decision: Decision) -> list[Clause]:
    """The contradictions among the facts."""
    return list(decision.guideline.contradictions.at(decision.point))


def triggers(guideline: Guideline, point: Point) -> list[tuple[str, str]]:
    """The findings that are present with their tiers: the highest first, of equal tier in the order of the facts."""
    tier = guideline.release.tier
    if tier is None:
        return []
    rank = guideline.tier_rank
    present = [(name, own) for name, feature in guideline.finding_tiers if (own := point[feature]) in rank]
    return sorted(present, key=lambda item: rank[item[1]])


def supporting(decision: Decision) -> list[Decision]:
    """What each further finding would lead to by itself, where the leading tier lets it be heard."""
    guideline, tier = decision.guideline, decision.guideline.release.tier
    heard = guideline.release.supporting.get(decision.tier or "", [])
    silenced = _silenced(decision)
    found = []
    for name, own in triggers(guideline, decision.point):
        if tier is None or name == decision.trigger or own not in heard or name in silenced:
            continue
        point = {**decision.point, tier: own}
        rule = guideline.rules[guideline.table.decide(point).output]
        found.append(replace(decision, point=point, rule=rule, trigger=name))
    return found


def _silenced(decision: Decision) -> frozenset[str]:
    """Return the findings that the release leaves without a supporting recommendation beside this answer."""
    findings = [finding.name for finding in decision.guideline.findings]
    return frozenset(
        name
        for silence in decision.guideline.release.unheard
        if (not silence.rules or decision.rule.id in silence.rules) and holds(silence.when, decision.point)
        for name in silence.findings or findings
    )


def effects(decision: Decision) -> list[tuple[Modifier, Effect]]:
    """What the modifiers of this patient do under this rule, in the order of the content."""
    return [
        (modifier, effect)
        for modifier in decision.modifiers
        for effect in modifier.effects
        if (not effect.rules or decision.rule.id in effect.rules)
        and (not effect.directions or decision.rule.direction in effect.directions)
        and holds(effect.when, decision.point)
    ]


def wording_point(decision: Decision, applied: list[tuple[Modifier, Effect]]) -> dict[str, str]:
    """The point with what sentences may read as well: modifiers, removed kinds, the trigger."""
    guideline = decision.guideline
    point = {**decision.point, **guideline.unmodified, "trigger": decision.trigger}
    point |= {f"modifier.{modifier.id}": "true" for modifier in decision.modifiers}
    point |= {f"removed.{kind}": "true" for _, effect in applied for kind in effect.remove}
    return guideline.wording.derive(point)
