"""What the service knows: guidelines, rules, the decision table, the request vocabulary, the sources."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from service.advice.decision_table import cells, columns
from service.advice.evidence_query import citing_rules
from service.advice.registry import NotFoundError, find_rule
from service.advice.render import citation, named
from service.api.access import OPEN, scope
from service.api.body import JSON
from service.api.json_out import CSV, public, public_json, vary
from service.api.knowledge import knowledge, overdue, requested_comparison, requested_guideline, settings
from service.api.problems import Problem
from service.cohort import parquet
from service.engine.table import Box
from service.knowledge.guideline import Guideline
from service.knowledge.model import Release, Rule
from service.knowledge.vocabulary import (
    Choice,
    Code,
    Date,
    Fact,
    Finding,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    Value,
)

blueprint = Blueprint("guidelines", __name__)


@blueprint.get("/v1/guidelines")
@scope(OPEN)
def guidelines() -> Response:
    """All guidelines, the newest release of each."""
    library = knowledge().library
    found = (library.newest(name) for name in library.guidelines)
    return public_json({"guidelines": [_outline(guideline) for guideline in found if guideline is not None]})


@blueprint.get("/v1/guidelines/<guideline>")
@scope(OPEN)
def guideline_by(guideline: str) -> Response:
    """One guideline: releases, changelog, intended use, limits, sign-off."""
    asked = requested_guideline(guideline)
    release = asked.release
    releases = knowledge().library.guidelines[guideline]
    return public_json(
        _outline(asked)
        | {
            "question": release.question,
            "developer": release.developer,
            "funding": release.funding,
            "sign_off_note": release.sign_off_note,
            "intended_use": release.intended_use,
            "intended_users": list(release.intended_users),
            "not_for": list(release.not_for),
            "limits": list(release.limits),
            "disclaimer": release.disclaimer,
            "releases": [
                {"release": name, "digest": each.digest, "changes": list(each.release.changes)}
                for name, each in sorted(releases.items(), reverse=True)
            ],
            "axes": {axis: list(asked.chain.features[axis].values) for axis in release.axes},
            "modifiers": [{"id": item.id, "title": item.title} for item in asked.modifiers.items],
            "contradictions": sorted({clause.id for clause in asked.contradictions.items}),
            "worked_cases": len(asked.cases),
        }
        | _context(release)
    )


def _context(release: Release) -> dict[str, Any]:
    """Return what the page of the guideline says around its question; nothing where the release says nothing."""
    told = [{"text": each.text, "citations": list(each.citations)} for each in release.context]
    return {"context": told} if told else {}


@blueprint.get("/v1/guidelines/<guideline>/rules")
@scope(OPEN)
def rules(guideline: str) -> Response:
    """All rules of a guideline."""
    asked = requested_guideline(guideline)
    return public_json({"rules": [_rule(asked, rule) for rule in asked.rules.values()]})


@blueprint.get("/v1/guidelines/<guideline>/rules/<rule>")
@scope(OPEN)
def rule_by(guideline: str, rule: str) -> Response:
    """One rule, by its id or its code."""
    asked = requested_guideline(guideline)
    return public_json(_rule(asked, find_rule(asked, rule)))


@blueprint.get("/v1/guidelines/<guideline>/decision-table")
@scope(OPEN)
def decision_table(guideline: str) -> Response:
    """Every cell of the decision table with its rule, as JSON or CSV, or Parquet where the extra for cohorts is."""
    asked = requested_guideline(guideline)
    forms = [JSON, CSV, *([parquet.MIMETYPE] if parquet.installed() else [])]
    form = request.accept_mimetypes.best_match(forms) if request.accept_mimetypes else JSON
    if form is None:
        raise Problem("not-acceptable", f"The decision table comes as {' or '.join(forms)}.")
    rows = list(cells(asked))
    if form == JSON:
        response = public_json({"columns": columns(asked), "cells": rows})
    elif form == parquet.MIMETYPE:
        response = public(Response(parquet.parquet(columns(asked), rows), mimetype=form))
    else:
        response = _table_csv(asked)
    vary(response, "Accept")
    return response


@blueprint.get("/v1/guidelines/<guideline>/decision-table.csv")
@scope(OPEN)
def decision_table_csv(guideline: str) -> Response:
    """The same as CSV, for a link that cannot say what it accepts."""
    return _table_csv(requested_guideline(guideline))


@blueprint.get("/v1/guidelines/<guideline>/diff")
@scope(OPEN)
def diff(guideline: str) -> Response:
    """Return which patients get another answer from ?to= than from ?from=: by default the newest and the one before."""
    _, _, comparison = requested_comparison(guideline)
    return public_json(comparison)


@blueprint.get("/v1/guidelines/<guideline>/source-attributes")
@scope(OPEN)
def source_attributes(guideline: str) -> Response:
    """The 13 source attributes of ONC 170.315(b)(11)(iv)(A)."""
    asked = requested_guideline(guideline)
    attributes = asked.release.source_attributes
    return public_json(
        {"guideline": named(asked), "source_attributes": [{"name": n, "value": v} for n, v in attributes.items()]}
    )


@blueprint.get("/v1/guidelines/<guideline>/hazards")
@scope(OPEN)
def hazards(guideline: str) -> Response:
    """What could go wrong, what stands against it, and the tests of that."""
    found = requested_guideline(guideline).release.hazards
    shown = [{"id": h.id, "hazard": h.hazard, "controls": list(h.controls), "tests": list(h.tests)} for h in found]
    return public_json({"hazards": shown})


@blueprint.get("/v1/facts")
@blueprint.get("/v1/guidelines/<guideline>/facts")
@scope(OPEN)
def facts(guideline: str | None = None) -> Response:
    """Return the request vocabulary: what may be said, what each word means, its codes."""
    asked = requested_guideline(guideline)
    return public_json(
        {
            "guideline": named(asked),
            "facts": [_fact(name, fact) for name, fact in asked.vocabulary.facts.items()],
        }
    )


@blueprint.get("/v1/citations")
@scope(OPEN)
def citations() -> Response:
    """The catalogue of sources."""
    return public_json({"citations": [citation(source) for source in knowledge().library.citations.values()]})


@blueprint.get("/v1/citations/<source>")
@scope(OPEN)
def citation_by(source: str) -> Response:
    """Return one source, and the rules of each guideline that cite it."""
    found = knowledge().library.citations.get(source)
    if found is None:
        raise NotFoundError("There is no such citation.")
    guidelines = [newest.guideline for newest in knowledge().newest_of_each(settings().guideline)]
    used = [
        item
        for guideline in guidelines
        for rule in guideline.rules.values()
        for item in rule.sources
        if item.id == source
    ]
    cited_by = {guideline.release.id: citing_rules(guideline, [source]) for guideline in guidelines}
    return public_json(
        citation(found, used)
        | {
            "cited_by": cited_by[settings().guideline],
            "cited_by_guideline": {guideline: rules for guideline, rules in cited_by.items() if rules},
        }
    )


def _outline(guideline: Guideline) -> dict[str, Any]:
    late = overdue(guideline, settings().today())
    return named(guideline) | {
        "title": guideline.release.title,
        "evidence_review": "overdue" if late else "current",
        "links": {"self": f"/v1/guidelines/{guideline.release.id}"},
    }


def _table_csv(guideline: Guideline) -> Response:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(guideline))
    writer.writeheader()
    writer.writerows(cells(guideline))
    return public(Response(text.getvalue(), mimetype=CSV))


def _rule(guideline: Guideline, rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "code": rule.code,
        "title": rule.title,
        "gate": rule.id in guideline.release.gates,
        "when": [_box(guideline, box) for box in rule.when],
        "statement": rule.statement,
        "statements": [
            {
                "name": each.name,
                "when": [_box(guideline, box) for box in each.when],
                "statement": each.statement,
                "citations": [cited.id for cited in each.citations or rule.citations],
            }
            for each in rule.statements
        ],
        "additions": [
            {"name": each.name, "when": [_box(guideline, box) for box in each.when], "append": each.append}
            for each in rule.additions
        ],
        "grades": [
            {
                "when": [_box(guideline, box) for box in each.when],
                "certainty": each.certainty or rule.certainty,
                "urgency": each.urgency or rule.urgency,
                "citations": [cited.id for cited in each.citations or rule.citations],
            }
            for each in rule.grades
        ],
        "direction": rule.direction,
        "strength": rule.strength,
        "certainty": rule.certainty,
        "certainty_reasons": [{"domain": reason.domain, "text": reason.text} for reason in rule.certainty_reasons],
        "urgency": rule.urgency,
        "time_critical": rule.time_critical,
        "intent": rule.intent,
        "provenance": list(rule.provenance),
        "options": [offer.id for offer in rule.options],
        "must_check": [check.text for check in rule.must_check],
        "what_would_change": [
            {"change": each.change, "becomes": list(each.becomes)} for each in rule.what_would_change
        ],
        "key_message": rule.key_message,
        "citations": [citation(guideline.citations[each.id], [each]) for each in rule.citations],
    }


def _box(guideline: Guideline, box: Box) -> dict[str, list[str]]:
    """The values in the order of the feature, so that the same content always reads the same."""
    known = guideline.chain.features | guideline.wording.features
    return {
        name: [value for value in known[name].values if value in accepted] if name in known else sorted(accepted)
        for name, accepted in box.items()
    }


def _fact(name: str, fact: Fact) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": name,
        "path": fact.path,
        "title": fact.title,
        "meaning": fact.meaning,
        "note": fact.note,
        "source": fact.source,
        "codes": _codes(fact.codes),
    }
    match fact:
        case Choice() | Members():
            shown["values"] = {word: _value(value) for word, value in fact.values.items()}
        case Number():
            shown |= {"minimum": fact.minimum, "maximum": fact.maximum, "unit": fact.unit, "bands": list(fact.bands)}
        case Flag():
            shown["asserts"] = fact.asserts
        case Date():
            shown["within_days"] = fact.within_days
        case Record():
            shown["members"] = [_fact(part, member) for part, member in fact.members.items()]
        case Findings():
            shown["screen"] = list(fact.screen)
            shown["types"] = [_fact(part, finding) for part, finding in fact.findings.items()]
        case Finding():
            shown["ctcae"] = None if fact.ctcae is None else {
                "version": "5.0",
                "term": fact.ctcae.term,
                "meddra": fact.ctcae.meddra,
                "lowest": fact.ctcae.lowest,
                "highest": fact.ctcae.highest,
                "grades": dict(fact.ctcae.grades),
            }  # fmt: skip
            shown["flags"] = [_fact(part, flag) for part, flag in fact.flags.items()]
        case _:
            pass
    return shown


def _value(value: Value) -> Mapping[str, Any]:
    return {"meaning": value.meaning, "synonyms": list(value.synonyms), "codes": _codes(value.codes)}


def _codes(codes: Iterable[Code]) -> list[dict[str, str]]:
    return [{"system": code.system, "code": code.code, "display": code.display} for code in codes]
