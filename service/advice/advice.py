"""The whole answer for one patient: a function of the release and the normalised facts, and of nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from service.advice.decision import Decision, contradictions, supporting
from service.advice.missing import Missing, missing_facts
from service.advice.recommendation import (
    ModifierNotes,
    Outcome,
    Recommendation,
    Removed,
    first_unknown,
    modifier_notes,
    recommend,
)
from service.advice.wordings import Grades, Wordings
from service.engine.compile import CompiledTable
from service.engine.trace import Neighbour, Step, nearest
from service.knowledge.guideline import Guideline, holds
from service.knowledge.model import Cited, Clause, Statement


@dataclass(frozen=True)
class Advice:
    """Everything that can be said for one decision, each part worked out when a rendering first asks for it."""

    decision: Decision
    stated: Mapping[str, str]
    wordings: Wordings

    @cached_property
    def recommendations(self) -> tuple[Recommendation, ...]:
        """The one that answers the question, then those that support it."""
        found = [self._named_missing or self._worded]
        for other in self._supporting:
            further = self.wordings.of(other)
            if all(further.statement != given.statement for given in found):
                found.append(further)
        return tuple(found)

    @cached_property
    def _supporting(self) -> list[Decision]:
        return supporting(self.decision)

    @cached_property
    def grades(self) -> Grades:
        """Certainty, urgency and warnings of the one that answers the question, for who does not need its words."""
        return self.wordings.grades(self.decision)

    @cached_property
    def missing(self) -> tuple[Missing, ...]:
        """What is not known and would change the answer."""
        return missing_facts(self.decision, self._worded, self.wordings)

    @property
    def _worded(self) -> Recommendation:
        return self.wordings.of(self.decision)

    @property
    def _named_missing(self) -> Recommendation | None:
        """The recommendation with its decisive missing fact named, where its sentences name another one."""
        rule = self.decision.rule
        if rule.id not in self.guideline.named_missing:
            return None
        fact = next((item.fact for item in self.missing if item.decisive and item.fact in rule.asks), None)
        if fact is None or fact == first_unknown(self.decision):
            return None
        return recommend(self.decision, self.wordings.words.spoken, fact)

    @cached_property
    def must_check(self) -> tuple[str, ...]:
        """What has to be checked, each once."""
        of_rules = (text for given in self.recommendations for text in given.must_check)
        of_facts = (clause.detail for clause in self.guideline.checks.at(self.decision.point))
        return tuple(dict.fromkeys((*of_rules, *of_facts)))

    @cached_property
    def warnings(self) -> tuple[Clause, ...]:
        """What the caller should know about the facts sent, then what the modifiers warn of."""
        given = (self.grades, *map(self.wordings.grades, self._supporting))
        texts = dict.fromkeys(text for each in given for text in each.warnings)
        of_modifiers = (Clause(id="modifier", when=(), detail=text) for text in texts)
        return (*self.guideline.warnings.at(self.decision.point), *of_modifiers)

    @property
    def data_conflicts(self) -> tuple[Clause, ...]:
        """Facts that contradict each other (in an emergency) or disagree."""
        # Where there is no emergency, facts that contradict each other have been refused.
        contradicting = contradictions(self.decision) if self.decision.emergency else []
        return (*contradicting, *self.guideline.conflicts.at(self.decision.point))

    @property
    def notes(self) -> list[ModifierNotes]:
        """Return the modifiers that are listed, with what they say."""
        return modifier_notes(self.decision, self.recommendations)

    @property
    def tables(self) -> list[CompiledTable]:
        """The tables that were asked, without helpers and those of findings that are absent or not known."""
        guideline, point = self.guideline, self.decision.point
        tiers, ranks = guideline.tiers_of_findings, guideline.tier_rank
        tables = [
            table
            for table in guideline.chain.tables
            if table.table.name not in guideline.helpers
            and (table.table.name not in tiers or point[table.table.name] in ranks)
        ]
        return tables if self.gate else [*tables, guideline.table]

    @cached_property
    def gate(self) -> Step | None:
        """The gate that answered before the decision table was asked."""
        rule = self.decision.rule
        if rule.id in self.guideline.table.table.outputs:
            return None
        inputs = {name: self.decision.point[name] for box in rule.when for name in box}
        return Step("gates", "Gate before the decision table", rule.id, inputs, rule.id)

    @property
    def nearest(self) -> list[Neighbour]:
        """The rules that would hold but for one feature."""
        return nearest(self.guideline.table, self.decision.point)

    @property
    def guideline(self) -> Guideline:
        """The release that was asked."""
        return self.decision.guideline

    @property
    def lead(self) -> Recommendation:
        """The recommendation that answers the question."""
        return self.recommendations[0]

    @property
    def summary(self) -> str:
        """Return the answer in a few sentences that can stand alone, with the one fact that most needs to be known."""
        parts = [self.lead.statement, *(_left_out(removed) for removed in self.lead.removed)]
        if (item := self.most_wanted) is not None:
            parts += [f"Not known: {self.wordings.words.spoken(item.fact)}.", f"{self._consequences(item)}."]
        return " ".join(parts)

    @property
    def most_wanted(self) -> Missing | None:
        """The first decisive fact, of those that the rule asks for if there is one."""
        point, release = self.decision.point, self.guideline.release
        unasked = {name for part in release.unasked if holds(part.when, point) for name in part.facts}
        decisive = [item for item in self.missing if item.decisive and item.fact not in unasked]
        return min(decisive, key=lambda item: item.fact not in self.lead.rule.asks, default=None)

    def _consequences(self, item: Missing) -> str:
        """Return the values that would change the answer, in words, with the rules that they lead to."""
        titles = item.consequences(self.lead.rule.code, self.wordings.words)
        return "; ".join(f"If {' or '.join(values)}: {title}" for title, values in titles.items())

    @cached_property
    def cited(self) -> dict[str, tuple[Cited, ...]]:
        """Every source used, in order of first use, with what it supports where."""
        found: dict[str, dict[Cited, None]] = {}
        others = (other for item in self.missing for other in item.outcomes)
        said: tuple[Recommendation | Outcome, ...] = (*self.recommendations, *dict.fromkeys(others))
        for item in (item for each in said for item in each.citations):
            found.setdefault(item.id, {})[item] = None
        for name in (*self._beside, *self._of_options):
            found.setdefault(name, {})
        return {name: tuple(used) for name, used in found.items()}

    @cached_property
    def told(self) -> tuple[list[Statement], list[Statement]]:
        """The other opinion and the open questions that belong to the leading rule."""
        communication, rule = self.guideline.communication, self.lead.rule
        if communication is None:
            return [], []
        dissent = [statement for statement in communication.dissent if statement.id in rule.dissent]
        return dissent, [statement for statement in communication.open_questions if rule.id in statement.rules]

    @cached_property
    def heard(self) -> list[Statement]:
        """Return how a patient may hear the advice of the leading rule."""
        communication = self.guideline.communication
        statements = () if communication is None else communication.heard
        return [statement for statement in statements if self.lead.rule.id in statement.rules]

    @property
    def _beside(self) -> list[str]:
        statements = (*(item for several in self.told for item in several), *self.heard)
        return [name for statement in statements for name in statement.citations]

    @property
    def _of_options(self) -> list[str]:
        options = self.guideline.options
        offered = (each for given in self.recommendations for each in given.options)
        return [name for each in offered for name in options[each.id].citations]


def _left_out(removed: Removed) -> str:
    return f"Not an option for this patient: {removed.kind.replace('_', ' ')} ({'; '.join(removed.because)})."
