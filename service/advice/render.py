"""Advice as JSON values: the full answer, and what the briefer views leave out."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.advice.advice import Advice
from service.advice.evidence import applicability, cited, evidence
from service.advice.missing import Missing
from service.advice.question import Answer
from service.advice.recommendation import Recommendation
from service.knowledge.guideline import Guideline
from service.knowledge.model import Citation, Cited, Clause, Statement

VIEWS = ("full", "brief", "row")


def rendered(answer: Answer, view: str) -> dict[str, Any]:
    """The answer as the view shows it."""
    if view == "row":
        return row(answer)
    return full(answer) if view == "full" else brief(answer)


def row(answer: Answer) -> dict[str, Any]:
    """One line of a table of patients."""
    lead = answer.advice.lead
    return {
        "decision_id": answer.decision_id,
        "rule": lead.rule.id,
        "code": lead.rule.code,
        "direction": lead.rule.direction,
        "strength": lead.rule.strength,
        "certainty": lead.certainty,
        "urgency": lead.urgency,
        "warnings": [warning.id for warning in answer.advice.warnings],
    }


def full(answer: Answer) -> dict[str, Any]:
    """Everything."""
    guideline = answer.advice.guideline
    shown = brief(answer)
    listed = {each["id"] for each in shown["citations"]}
    shown["citations"] += [citation(guideline.citations[name]) for name in cited(guideline) if name not in listed]
    return shown | {
        "applicability": applicability(guideline, answer.advice.decision.point),
        "evidence": evidence(guideline),
        "communication": _communication(answer.advice),
    }


def brief(answer: Answer) -> dict[str, Any]:
    """Without evidence, applicability and communication."""
    advice = answer.advice
    guideline, decision = advice.guideline, advice.decision
    dissent, questions = advice.told
    return {
        "decision_id": answer.decision_id,
        "guideline": named(guideline),
        "summary": advice.summary,
        "recommendations": [_recommendation(guideline, item) for item in advice.recommendations],
        "because": {
            "derived": {axis: decision.point[axis] for axis in guideline.release.axes},
            "trace": [
                {"table": s.table, "title": s.title, "row": s.row, "inputs": dict(s.inputs), "output": s.output}
                for s in advice.trace
            ],
            "nearest": [
                {
                    "rule": near.row,
                    "code": guideline.rules[near.row].code,
                    "title": guideline.rules[near.row].title,
                    "feature": near.feature,
                    "stated": near.stated,
                    "needed": list(near.needed),
                }
                for near in advice.nearest
            ],
        },
        "missing_facts": [_missing(item) for item in advice.missing],
        "must_check": list(advice.must_check),
        "what_would_change": [
            {"change": item.change, "becomes": [guideline.rules[rule].code for rule in item.becomes]}
            for item in advice.lead.rule.what_would_change
        ],
        "modifiers": [
            {"id": modifier.id, "title": modifier.title, "notes": list(notes)} for modifier, notes in advice.notes
        ],
        "warnings": [{"code": c.id, "facts": list(c.at), "detail": c.detail} for c in advice.warnings],
        "data_conflicts": [_conflict(clause) for clause in advice.data_conflicts],
        "refused": [{"pointer": fault.pointer, "code": fault.code} for fault in answer.refused],
        "citations": [citation(guideline.citations[name], used) for name, used in advice.cited],
        "dissent": [_statement(statement) for statement in dissent],
        "open_questions": [_statement(statement) for statement in questions],
        "disclaimer": guideline.release.disclaimer,
        "links": {
            "self": f"/v1/recommendations/{answer.decision_id}",
            "page": f"/decisions/{answer.decision_id}",
        },
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
        "time_critical": rule.time_critical,
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
                "note": offered.note,
                "citations": list(guideline.options[offered.id].citations),
            }
            for offered in item.options
        ],
        "removed": [{"kind": removed.kind, "because": list(removed.because)} for removed in item.removed],
        "decision_aid": item.decision_aid,
        "citations": list(dict.fromkeys(cited.id for cited in item.citations)),
    }


def _missing(item: Missing) -> dict[str, Any]:
    would_become: Mapping[str, Any] = {
        value: {
            "code": other.rule.code,
            "direction": other.rule.direction,
            "strength": other.rule.strength,
            "certainty": other.certainty,
            "statement": other.statement,
            "citations": list(dict.fromkeys(cited.id for cited in other.citations)),
        }
        for value, other in item.would_become.items()
    }
    return {"fact": item.fact, "decisive": item.decisive, "would_become": would_become}


def _conflict(clause: Clause) -> dict[str, Any]:
    return {"rule": clause.id, "facts": list(clause.at), "detail": clause.detail}


def _communication(advice: Advice) -> dict[str, Any] | None:
    """What to say to the patient."""
    communication, rule = advice.guideline.communication, advice.lead.rule
    if communication is None:
        return None
    return {
        "key_message": advice.lead.key_message,
        "not_abandonment": communication.not_abandonment,
        "triggers_to_return": list(communication.triggers_to_return),
        "uncertainty": communication.uncertainty if rule.id in communication.uncertainty_rules else None,
        "numbers_on_request": communication.numbers_on_request if rule.id in communication.uncertainty_rules else None,
        "ask_patient": list(communication.ask_patient),
        "avoid": list(communication.avoid),
    }


def _statement(statement: Statement) -> dict[str, Any]:
    return {"text": statement.text, "citations": list(statement.citations)}
