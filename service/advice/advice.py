"""The whole answer for one patient: a function of the release and the normalised facts, and of nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.advice.decision import Decision, contradictions, supporting
from service.advice.missing import Missing, missing_facts
from service.advice.recommendation import Recommendation, Removed, Wordings, notes
from service.engine.trace import Neighbour, Step, nearest, step
from service.knowledge.guideline import Guideline
from service.knowledge.model import Cited, Clause, Modifier, Statement

SUMMARISED = 2
"""Missing facts that a summary names of those that the rule asks for."""


@dataclass(frozen=True)
class Advice:
    """One plain value from which every rendering is made."""

    decision: Decision
    stated: Mapping[str, str]
    recommendations: tuple[Recommendation, ...]
    missing: tuple[Missing, ...]
    must_check: tuple[str, ...]
    warnings: tuple[Clause, ...]
    data_conflicts: tuple[Clause, ...]
    notes: tuple[tuple[Modifier, list[str]], ...]
    trace: tuple[Step, ...]
    nearest: tuple[Neighbour, ...]

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
        """One or two sentences that can stand alone; what each value of a decisive missing fact leads to."""
        decisive = [item for item in self.missing if item.decisive]
        asked = [item for item in decisive if item.fact in self.lead.rule.asks]
        said = [self.lead.statement, *(_left_out(removed) for removed in self.lead.removed)]
        if asked:
            said += map(_leading_to, asked[:SUMMARISED])
        elif decisive:
            more = f" (and {len(decisive) - 1} more, see missing_facts)" if len(decisive) > 1 else ""
            said.append(f"Not known, and would change this: {self._changing(decisive[0])}{more}.")
        return " ".join(said)

    def _changing(self, item: Missing) -> str:
        """The fact with the values that would change the code."""
        changing = {t: v for t, v in _outcomes(item).items() if t != self.lead.rule.title}
        told = "; ".join(f"{' or '.join(values)}: {title}" for title, values in changing.items())
        return f"{item.fact} ({told})"

    @property
    def cited(self) -> list[tuple[str, list[Cited]]]:
        """Every source used, in order of first use, with what it supports where."""
        found: dict[str, list[Cited]] = {}
        others = [other for item in self.missing for other in item.would_become.values()]
        for recommendation in (*self.recommendations, *others):
            for item in recommendation.citations:
                if item not in found.setdefault(item.id, []):
                    found[item.id].append(item)
        for name in (*self._beside, *self._of_options):
            found.setdefault(name, [])
        return list(found.items())

    @property
    def told(self) -> tuple[list[Statement], list[Statement]]:
        """The other opinion and the open questions that belong to the leading rule."""
        communication, rule = self.guideline.communication, self.lead.rule
        if communication is None:
            return [], []
        dissent = [statement for statement in communication.dissent if statement.id in rule.dissent]
        return dissent, [statement for statement in communication.open_questions if rule.id in statement.rules]

    @property
    def _beside(self) -> list[str]:
        return [name for statements in self.told for statement in statements for name in statement.citations]

    @property
    def _of_options(self) -> list[str]:
        options = self.guideline.options
        offered = (each for given in self.recommendations for each in given.options)
        return [name for each in offered for name in options[each.id].citations]


def advise(decision: Decision, stated: Mapping[str, str], wordings: Wordings) -> Advice:
    """Answer. `stated` is the normal form; the decision was made from it."""
    guideline, point = decision.guideline, decision.point
    lead = wordings.of(decision)
    recommendations = [lead]
    for other in supporting(decision):
        further = wordings.of(other)
        if all(further.statement != given.statement for given in recommendations):
            recommendations.append(further)
    effects_warn = [
        Clause(id="modifier", when=(), detail=text)
        for text in dict.fromkeys(text for given in recommendations for text in given.warnings)
    ]
    checks = [
        *(text for given in recommendations for text in given.must_check),
        *(clause.detail for clause in guideline.checks.at(point)),
    ]
    return Advice(
        decision=decision,
        stated=stated,
        recommendations=tuple(recommendations),
        missing=missing_facts(decision, lead, stated, wordings),
        must_check=tuple(dict.fromkeys(checks)),
        warnings=(*guideline.warnings.at(point), *effects_warn),
        data_conflicts=(*contradictions(decision), *guideline.conflicts.at(point)),
        notes=tuple(notes(decision)),
        trace=_trace(decision),
        nearest=tuple(nearest(guideline.table, point)),
    )


def _left_out(removed: Removed) -> str:
    return f"Not an option for this patient: {removed.kind.replace('_', ' ')} ({'; '.join(removed.because)})."


def _leading_to(item: Missing) -> str:
    outcomes = "; ".join(f"{' or '.join(values)}: {title}" for title, values in _outcomes(item).items())
    return f"If {item.fact} is {outcomes}."


def _outcomes(item: Missing) -> dict[str, list[str]]:
    """Title of the rule -> the values that lead to it."""
    outcomes: dict[str, list[str]] = {}
    for value, other in item.would_become.items():
        outcomes.setdefault(other.rule.title, []).append(value)
    return outcomes


def _trace(decision: Decision) -> tuple[Step, ...]:
    guideline, point = decision.guideline, decision.point
    quiet = {finding.tier for finding in guideline.findings if not guideline.present(finding, point)}
    steps = [each for each in guideline.chain.trace(point) if each.table not in quiet]
    if decision.rule.id in guideline.table.table.outputs:
        return (*steps, step(guideline.table, point))
    inputs = {name: point[name] for box in decision.rule.when for name in box}
    return (*steps, Step("gates", "Gate before the decision table", decision.rule.id, inputs, decision.rule.id))
