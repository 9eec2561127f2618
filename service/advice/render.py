"""Advice as JSON: the full answer, and what the briefer views leave out."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import orjson

from service.advice.advice import Advice
from service.advice.missing import Missing
from service.advice.question import Answer
from service.advice.recommendation import Outcome, Recommendation
from service.engine.bounded_memo import BoundedMemo
from service.engine.compile import CompiledTable, Point
from service.engine.trace import step
from service.evidence.applicability import Applicability
from service.evidence.kept_json import kept_json
from service.evidence.outcome_json import outcome_json
from service.knowledge.guideline import Guideline
from service.knowledge.model import Change, Citation, Cited, Clause, Option, Statement

VIEWS = ("full", "brief", "row")
KEPT = 2_000
"""Parts kept for each guideline, at a few hundred bytes."""
Member: TypeAlias = Any
"""A JSON value, or one that is written already (orjson.Fragment)."""


class Renderer:
    """Writes the answers of one guideline. What many answers share is written once, the rest each time."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self._named = kept_json(named(guideline))
        evidence = guideline.evidence
        self._evidence_date = guideline.release.evidence_date
        self._applicability = Applicability(evidence.populations, guideline.chain.features)
        self._beside = evidence.citations
        self._unused = {name: kept_json(citation(source)) for name, source in guideline.citations.items()}
        self._whole: WeakKeyDictionary[Recommendation, orjson.Fragment] = WeakKeyDictionary()
        self._short: WeakKeyDictionary[Outcome, orjson.Fragment] = WeakKeyDictionary()
        self._parts = BoundedMemo[Hashable, orjson.Fragment](KEPT)

    def write(self, answer: Answer, view: str) -> bytes:
        """The answer as the view shows it, as JSON."""
        if view == "row":
            return orjson.dumps(row(answer))
        return orjson.dumps(self._full(answer) if view == "full" else self._brief(answer))

    def read(self, answer: Answer, view: str) -> dict[str, Any]:
        """The same as plain values."""
        values: dict[str, Any] = orjson.loads(self.write(answer, view))
        return values

    def _full(self, answer: Answer) -> dict[str, Member]:
        shown, advice = self._brief(answer), answer.advice
        listed = advice.cited
        shown["citations"] += [self._unused[name] for name in self._beside if name not in listed]
        shown["applicability"] = self._applicability.at(advice.decision.point)
        shown["evidence"] = self._part(("evidence", advice.lead.rule.id), lambda: self._outcomes(advice.lead.rule.id))
        spoken = "communication", advice.lead.rule.id, advice.lead.key_message
        shown["communication"] = self._part(spoken, lambda: _communication(advice))
        return shown

    def _outcomes(self, rule: str) -> dict[str, Any]:
        """Every outcome with the pool that the rule rests on."""
        outcomes = self.guideline.evidence.outcomes
        return {outcome.id: outcome_json(outcome, self._evidence_date, rule) for outcome in outcomes}

    def _brief(self, answer: Answer) -> dict[str, Member]:
        """Without evidence, applicability and communication."""
        advice = answer.advice
        guideline, decision, rule = advice.guideline, advice.decision, advice.lead.rule
        return {
            "decision_id": answer.decision_id,
            "guideline": self._named,
            "summary": advice.summary,
            "recommendations": [self._recommendation(item) for item in advice.recommendations],
            "because": {
                "derived": {axis: decision.point[axis] for axis in guideline.release.axes},
                "trace": self._trace(advice),
                "nearest": self._part(("nearest", guideline.table.cell(decision.point)), lambda: _nearest(advice)),
            },
            "missing_facts": [self._missing(item) for item in advice.missing],
            "must_check": advice.must_check,
            "what_would_change": self._part(
                ("changes", rule.id, tuple(item.change for item in advice.lead.what_would_change)),
                lambda: _what_would_change(guideline, advice.lead.what_would_change),
            ),
            "modifiers": [{"id": entry.id, "title": entry.title, "notes": entry.notes} for entry in advice.notes],
            "warnings": [{"code": c.id, "facts": c.at, "detail": c.detail} for c in advice.warnings],
            "data_conflicts": [_conflict(clause) for clause in advice.data_conflicts],
            "refused": [{"pointer": fault.pointer, "code": fault.code} for fault in answer.refused],
            "citations": [
                self._citation(name, used) if used else self._unused[name] for name, used in advice.cited.items()
            ],
            "dissent": self._part(("dissent", rule.id), lambda: list(map(_statement, advice.told[0]))),
            "open_questions": self._part(("open questions", rule.id), lambda: list(map(_statement, advice.told[1]))),
            "disclaimer": guideline.release.disclaimer,
            "links": {
                "self": f"/v1/recommendations/{answer.decision_id}",
                "page": f"/decisions/{answer.decision_id}",
            },
        }

    def _recommendation(self, item: Recommendation) -> Member:
        found = self._whole.get(item)
        if found is None:
            found = self._whole[item] = kept_json(_recommendation(self.guideline, item))
        return found

    def _trace(self, advice: Advice) -> list[Member]:
        point, gate = advice.decision.point, advice.gate
        steps = [self._step(table, point) for table in advice.tables]
        return steps if gate is None else [*steps, gate]

    def _step(self, table: CompiledTable, point: Point) -> Member:
        return self._part(("step", table.table.name, table.cell(point)), lambda: step(table, point))

    def _citation(self, name: str, used: tuple[Cited, ...]) -> Member:
        return self._part(used, lambda: citation(self.guideline.citations[name], used))

    def _part(self, key: Hashable, make: Callable[[], Any]) -> orjson.Fragment:
        """What many answers share, by all that it depends on."""
        found = self._parts.get(key)
        if found is None:
            found = self._parts.remember(key, kept_json(make()))
        return found

    def _missing(self, item: Missing) -> dict[str, Member]:
        would_become = {value: self._other(other) for value, other in item.would_become.items()}
        pairs = [{"facts": pair.stated, "becomes": self._other(pair.outcome)} for pair in item.together]
        told = {"fact": item.fact, "decisive": item.decisive, "would_become": would_become}
        return told | ({"together": pairs} if pairs else {})

    def _other(self, item: Outcome) -> Member:
        """What an answer would become, in short."""
        found = self._short.get(item)
        if found is None:
            found = self._short[item] = kept_json(
                {
                    "code": item.rule.code,
                    "direction": item.rule.direction,
                    "strength": item.rule.strength,
                    "certainty": item.certainty,
                    "statement": item.statement,
                    "citations": list(dict.fromkeys(cited.id for cited in item.citations)),
                }
            )
        return found


def row(answer: Answer) -> dict[str, Any]:
    """One line of a table of patients."""
    rule, grades = answer.advice.decision.rule, answer.advice.grades
    return {
        "decision_id": answer.decision_id,
        "rule": rule.id,
        "code": rule.code,
        "direction": rule.direction,
        "strength": rule.strength,
        "certainty": grades.certainty,
        "urgency": grades.urgency,
        "warnings": [warning.id for warning in answer.advice.warnings],
    }


def words_of(answer: Answer) -> dict[str, Any]:
    """Return what a reader of the answer is told in words: what a row leaves out."""
    lead, *others = answer.advice.recommendations
    options = answer.advice.guideline.options
    return {
        "statement": lead.statement,
        "supporting": [other.statement for other in others],
        "options": [options[offered.id].text for offered in lead.options],
        "must_check": list(answer.advice.must_check),
        "key_message": lead.key_message,
    }


def named(guideline: Guideline) -> dict[str, Any]:
    """Which release answered."""
    release = guideline.release
    return {
        "id": release.id,
        "release": release.release,
        "digest": guideline.digest,
        "evidence_date": release.evidence_date.isoformat(),
        "review_by": release.review_by.isoformat(),
        "sign_off": release.sign_off,
    }


def citation(source: Citation, used: Iterable[Cited] = ()) -> dict[str, Any]:
    """A source with what it supports, and where in it that stands."""
    used = list(used)
    return {
        "id": source.id,
        "title": source.title or source.source,
        "authors": source.authors,
        "journal": source.journal,
        "year": source.year,
        "doi": source.doi,
        "pmid": source.pmid,
        "registry": source.registry,
        "url": source.url,
        "supports": "; ".join(dict.fromkeys(item.supports for item in used)) or None,
        "locator": "; ".join(dict.fromkeys(item.locator for item in used)) or None,
        "read_in": source.read_in,
        "verified": source.verified,
        "note": source.note,
    }


def _recommendation(guideline: Guideline, item: Recommendation) -> dict[str, Any]:
    rule = item.rule
    return {
        "code": rule.code,
        "rule": rule.id,
        "title": rule.title,
        "statement": item.statement,
        "label": item.label,
        "direction": rule.direction,
        "strength": rule.strength,
        "certainty": item.certainty,
        "certainty_reasons": [{"domain": reason.domain, "text": reason.text} for reason in item.certainty_reasons],
        "urgency": item.urgency,
        "time_critical": item.time_critical,
        "intent": rule.intent,
        "provenance": list(item.provenance),
        "options": [
            {
                "id": offered.id,
                "kind": guideline.options[offered.id].kind,
                "text": guideline.options[offered.id].text,
                "benefit": guideline.options[offered.id].benefit,
                "harm": guideline.options[offered.id].harm,
                "unknown": guideline.options[offered.id].unknown,
                **_timing(guideline.options[offered.id]),
                "note": offered.note,
                "citations": list(guideline.options[offered.id].citations),
            }
            for offered in item.options
        ],
        "removed": [{"kind": removed.kind, "because": list(removed.because)} for removed in item.removed],
        "decision_aid": item.decision_aid,
        "citations": list(dict.fromkeys(cited.id for cited in item.citations)),
    }


def _timing(option: Option) -> dict[str, str]:
    return {} if option.timing is None else {"when": option.timing}


def _what_would_change(guideline: Guideline, changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [
        {"change": item.change, "becomes": [guideline.rules[other].code for other in item.becomes]} for item in changes
    ]


def _conflict(clause: Clause) -> dict[str, Any]:
    return {"rule": clause.id, "facts": list(clause.at), "detail": clause.detail}


def _nearest(advice: Advice) -> list[dict[str, Any]]:
    guideline = advice.guideline
    return [
        {
            "rule": near.row,
            "code": guideline.rules[near.row].code,
            "title": guideline.rules[near.row].title,
            "feature": near.feature,
            "stated": near.stated,
            "needed": near.needed,
        }
        for near in advice.nearest
    ]


def _communication(advice: Advice) -> dict[str, Any] | None:
    """What to say to the patient."""
    communication, rule = advice.guideline.communication, advice.lead.rule
    if communication is None:
        return None
    heard = {"heard": list(map(_statement, advice.heard))} if communication.heard else {}
    return heard | {
        "key_message": advice.lead.key_message,
        "not_abandonment": communication.not_abandonment_by_rule.get(rule.id, communication.not_abandonment),
        "triggers_to_return": list(communication.triggers_to_return),
        "uncertainty": communication.uncertainty if rule.id in communication.uncertainty_rules else None,
        "numbers_on_request": communication.numbers_on_request if rule.id in communication.uncertainty_rules else None,
        "ask_patient": list(communication.ask_patient),
        "avoid": list(communication.avoid),
    }


def _statement(statement: Statement) -> dict[str, Any]:
    return {"text": statement.text, "citations": list(statement.citations)}
