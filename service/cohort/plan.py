"""What is joined with what, until a patient's row is there: a guideline compiled for any relational engine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from service.cohort.relations import WORD, Relation, Sieve, cells, first_of, needed, relations_of
from service.engine.table import Box, Table
from service.engine.vocabulary import Feature
from service.knowledge.guideline import Guideline
from service.knowledge.model import CERTAINTIES, URGENCIES, Effect, Modifier, Rule
from service.knowledge.vocabulary import REPEATED

RULE, GRADE, TRIGGER = "rule", "grade", "trigger"
OWN = "own"
"""The grade of a rule whose own grading holds."""
LIMB_DIGITS = 9
LIMB = 62**LIMB_DIGITS
"""The number of a decision_id in limbs of nine digits, so that its parts add up within 64 bits."""
TIER_BITS = 8
NONE = "none"


@dataclass(frozen=True)
class Outcome:
    """What a rule says with one of its gradings, lowered by so many levels, and at least so urgent."""

    rule: Rule
    certainty: str
    urgency: str


class Plan:
    """One release of a guideline as relations, sieves and outcomes. Made once; immutable."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        vocabulary = guideline.vocabulary
        self.stated = (*vocabulary.features, *vocabulary.counted)
        features = {feature.name: feature for feature in self.stated}
        tables = [table.table for table in guideline.chain.tables]
        for table in (*tables, *_further(guideline)):
            features[table.name] = Feature(table.name, table.outputs)
            if table not in tables:
                tables.append(table)
        self.features = features
        self.contradictions = Sieve("contradictions", _placed_contradictions(guideline))
        self.warnings = Sieve("warnings", ((c.id, box) for c in guideline.warnings.items for box in c.when))
        self.lowering = Sieve("lowering", _effects(guideline, "lowers_certainty"))
        self.messages = Sieve("messages", _effects(guideline, "warning"))
        self.floors = Sieve("floors", _effects(guideline, "urgency_at_least"))
        collecting = (self.contradictions, self.warnings, self.lowering, self.messages, self.floors)
        read = frozenset((RULE, GRADE, *self._tier, *(name for sieve in collecting for name in sieve.features)))
        tables = needed(tables, read)
        read = frozenset(
            (*(name for sieve in collecting for name in sieve.features), *(f.name for t in tables for f in t.inputs))
        )
        self.relations, large = relations_of(self.stated, tables, read)
        self.large = {
            table.name: Sieve(table.name, ((row.output, box) for row, box in table.entries)) for table in large
        }
        self.sieves = (*collecting, *self.large.values())

    @property
    def _tier(self) -> tuple[str, ...]:
        return (self.guideline.release.tier,) if self.guideline.release.tier else ()

    @cached_property
    def weights(self) -> dict[str, int]:
        """Stated feature -> what one step of its value adds to the number of the decision_id."""
        weights, weight = {}, 1
        for feature in self.guideline.vocabulary.features:
            weights[feature.name] = weight
            weight *= len(feature.values)
        return weights

    @cached_property
    def limbs(self) -> int:
        """Limbs of the largest number."""
        number, count = cells(self.guideline.vocabulary.features), 0
        while number:
            number, count = number // LIMB, count + 1
        return count

    @cached_property
    def columns(self) -> dict[str, dict[str, list[int]]]:
        """What each relation gives: relation -> column -> a value for each of its rows."""
        found = {relation.name: self._columns(relation) for relation in self.relations}
        # Adding nothing and taking no box away, half of the columns would be carried past every patient for nothing.
        idle = {
            f"{name}{part}": 0
            for name, parts in (("id", self.limbs), ("unknown", -(-len(self.weights) // WORD)))
            for part in range(parts)
        }
        for sieve in (self.contradictions, self.warnings, self.lowering, self.floors):
            idle |= {f"{sieve.name}{word}": bits for word, bits in enumerate(sieve.bits({}))}
        for column, nothing in idle.items():
            having = [columns for columns in found.values() if column in columns]
            for columns in sorted(having, key=lambda columns: set(columns[column]) == {nothing})[1:]:
                if set(columns[column]) == {nothing}:
                    del columns[column]
        return found

    def _columns(self, relation: Relation) -> dict[str, list[int]]:
        points = list(relation.points())
        at_home = [{name: point[name] for name in relation.home} for point in points]
        columns: dict[str, list[int]] = {}
        for table in relation.derives:
            rank = {value: number for number, value in enumerate(table.outputs)}
            columns[table.name] = [rank[point[table.name]] for point in points]
        if any(name in self.weights for name in relation.home):
            numbers = [self._number(point) for point in at_home]
            for limb in range(self.limbs):
                columns[f"id{limb}"] = [number // LIMB**limb % LIMB for number in numbers]
            columns |= _words("unknown", [self._unknown(point) for point in at_home])
        if any(name in self._finding_tiers for name in relation.home):
            columns["tiers"] = [self._tiers(point) for point in at_home]
        for sieve in self.sieves:
            if sieve.features & set(relation.home):
                columns |= _words(sieve.name, [sieve.bits(point) for point in at_home])
        if self.messages.features & set(relation.home) and not self._follows.isdisjoint(relation.home):
            base = [{n: v for n, v in point.items() if n not in self._follows} for point in at_home]
            columns |= _words("apart", [self.messages.bits(point) for point in base])
        return columns

    @property
    def _follows(self) -> frozenset[str]:
        """What is another's in a recommendation that supports the first."""
        return frozenset((RULE, *self._tier))

    @cached_property
    def _finding_tiers(self) -> frozenset[str]:
        return frozenset(name for _, name in self.guideline.finding_tiers)

    def _number(self, point: Mapping[str, str]) -> int:
        return sum(
            self.features[name].values.index(value) * self.weights[name]
            for name, value in point.items()
            if name in self.weights
        )

    def _unknown(self, point: Mapping[str, str]) -> tuple[int, ...]:
        """Bits of the stated features of which nothing is said."""
        nothing, bits = self.guideline.vocabulary.nothing, self._own_bits
        found = sum(bits[name] for name, value in point.items() if name in bits and value == nothing[name])
        return tuple(found >> start & ((1 << WORD) - 1) for start in range(0, len(bits), WORD))

    @cached_property
    def _own_bits(self) -> dict[str, int]:
        return {name: 1 << place for place, name in enumerate(self.weights)}

    def _tiers(self, point: Mapping[str, str]) -> int:
        rank = self.guideline.tier_rank
        return sum(
            1 << (TIER_BITS * rank[value])
            for name, value in point.items()
            if name in self._finding_tiers and value in rank
        )

    @cached_property
    def heard(self) -> tuple[str, ...]:
        """Tiers that a supporting recommendation may have; none where no warning could come of it."""
        tiers = {tier for follow in self.guideline.release.supporting.values() for tier in follow}
        return tuple(tier for tier in self.guideline.tier_rank if tier in tiers and self.messages.words)

    @cached_property
    def axes(self) -> tuple[Feature, ...]:
        """The axes of the decision table."""
        return tuple(self.features[name] for name in self.guideline.release.axes)

    def supporting(self) -> dict[str, list[int]]:
        """For each point of the axes: the boxes of `messages` that fit the rule of each further tier that is heard."""
        release, columns = self.guideline.release, dict[str, list[int]]()
        points = list(Relation("supporting", self.axes).points())
        for tier in self.heard:
            rank = self.guideline.tier_rank[tier]
            found = []
            for point in points:
                further = {**point, release.tier or "": tier}
                rule = self.guideline.table.decide(further).output
                heard = tier in release.supporting.get(point[release.tier or ""], ())
                bits = self.messages.bits({RULE: rule, release.tier or "": tier})
                found.append(bits if heard else tuple(0 for _ in bits))
            columns |= _words(f"support{rank}_", found)
        return columns

    @cached_property
    def urgency_floors(self) -> tuple[str, ...]:
        """Urgencies below which no answer falls where a modifier says so: none of them first, then the least urgent."""
        return tuple(urgency for urgency in reversed(URGENCIES) if urgency in {URGENCIES[-1], *self.floors.masks})

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """For each rule, the fastest, each grade, each number of levels down and each least urgency: what is said."""
        found = []
        for floor, lowered in product(self.urgency_floors, range(len(CERTAINTIES))):
            for grade in self.features[GRADE].values:
                for name in self.features[RULE].values:
                    rule = self.guideline.rules[name]
                    own, _, place = grade.partition(" ")
                    grading = rule.grades[int(place)] if own == name else None
                    certainty = (grading.certainty if grading else None) or rule.certainty
                    if certainty != NONE:
                        level = min(CERTAINTIES.index(certainty) + lowered, len(CERTAINTIES) - 1)
                        certainty = CERTAINTIES[level]
                    urgency = (grading.urgency if grading else None) or rule.urgency
                    found.append(Outcome(rule, certainty, min(urgency, floor, key=URGENCIES.index)))
        return tuple(found)


def _words(name: str, rows: list[tuple[int, ...]]) -> dict[str, list[int]]:
    return {f"{name}{word}": [bits[word] for bits in rows] for word in range(len(rows[0]))}


def _further(guideline: Guideline) -> Iterator[Table]:
    """What follows on the chain, as tables too: rule, trigger, modifiers, removed kinds, words about them, grade."""
    features = dict(guideline.chain.features)

    def known(table: Table) -> Table:
        features[table.name] = Feature(table.name, table.outputs)
        return table

    gates = [(rule.id, box) for rule in guideline.gates.items for box in rule.when]
    rows = [(row.output, box) for row, box in guideline.table.table.entries]
    yield known(first_of(RULE, (*gates, *rows), features))
    tier = guideline.release.tier
    if tier is not None:
        # Only a finding of the worst tier leads; of several the first in the order of the facts.
        leading = [
            (name, {own: frozenset({value}), tier: frozenset({value})})
            for name, own in guideline.finding_tiers
            for value in features[own].values
            if value in guideline.tier_rank
        ]
        yield known(first_of(TRIGGER, leading, features, NONE))
    for modifier in guideline.modifiers.items:
        yes = [("true", box) for box in modifier.when]
        yield known(first_of(f"modifier.{modifier.id}", yes, features, "false"))
    for kind in guideline.kinds:
        yes = [("true", box) for modifier, effect in _all(guideline) if kind in effect.remove
               for box in _boxes(guideline, modifier, effect)]  # fmt: skip
        yield known(first_of(f"removed.{kind}", yes, features, "false"))
    for worded in guideline.wording.tables:
        yield known(worded.table)
    graded = [
        (f"{rule.id} {place}", {**box, RULE: frozenset({rule.id})})
        for rule in guideline.rules.values()
        if any(grading.certainty or grading.urgency for grading in rule.grades)
        for place, grading in enumerate(rule.grades)
        for box in grading.when or ({},)
    ]
    yield known(first_of(GRADE, graded, features, OWN))


def _all(guideline: Guideline) -> Iterator[tuple[Modifier, Effect]]:
    return ((modifier, effect) for modifier in guideline.modifiers.items for effect in modifier.effects)


def _effects(guideline: Guideline, member: str) -> Iterator[tuple[str, Box]]:
    for modifier, effect in _all(guideline):
        label = getattr(effect, member)
        if label:
            yield from ((label, box) for box in _boxes(guideline, modifier, effect))


def _boxes(guideline: Guideline, modifier: Modifier, effect: Effect) -> Iterator[Box]:
    """Where an effect holds, the rule being one more feature."""
    rules = frozenset(
        rule.id
        for rule in guideline.rules.values()
        if (not effect.rules or rule.id in effect.rules)
        and (not effect.directions or rule.direction in effect.directions)
    )
    under = {} if len(rules) == len(guideline.rules) else {RULE: rules}
    for one in modifier.when:
        for other in effect.when or ({},):
            both = {
                name: one.get(name, accepted) & other.get(name, accepted) for name, accepted in {**one, **other}.items()
            }
            if all(both.values()) and (rules or not under):
                yield {**both, **under}


def _placed_contradictions(guideline: Guideline) -> Iterator[tuple[str, Box]]:
    """Yield each contradiction with the pointer of each member that it is about, in one label, and its boxes."""
    for clause in guideline.contradictions.items:
        for box in clause.when:
            if REPEATED.name not in box:  # which only a body can be
                yield from ((f"{clause.id} /{path.replace('.', '/')}", box) for path in clause.at)
