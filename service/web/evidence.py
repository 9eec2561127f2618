"""The evidence for people: forest plots, trials taken in and out, whom they enrolled; each study as it was read."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from service.advice.render import citation
from service.api.access import OPEN, scope
from service.api.evidence import shown, told
from service.api.knowledge import knowledge, settings
from service.api.problems import Problem
from service.api.recommendations import recalled
from service.evidence.forest_plot import drawing
from service.evidence.study_file import study_name
from service.knowledge.guideline import Guideline
from service.web.answer import answer_of
from service.web.page import KNOWLEDGE, PERMALINK, page
from service.web.reading import study_rows

blueprint = Blueprint("evidence_pages", __name__)

FITS = {"matches": "fits", "mismatches": "does not fit", "unknown": "not known"}


@blueprint.get("/evidence")
@scope(OPEN)
def evidence() -> Response:
    """Every outcome with its forest plot and its trials to choose; whom they enrolled, and one patient beside them."""
    guideline = knowledge().newest(settings().guideline).guideline
    outcomes = [_outcome(each.id.replace("_", "-")) for each in guideline.evidence.outcomes]
    decision_id = request.args.get("decision")
    answer = recalled(decision_id) if decision_id else None
    compared = () if answer is None else answer_of(answer)["applicability"]
    return page(
        "evidence.html",
        here="evidence",
        keep=PERMALINK if answer else KNOWLEDGE,
        outcomes=outcomes,
        criteria=_criteria(guideline, compared),
        populations=[_study(each.study) | {"citation": each.citation} for each in guideline.evidence.populations],
        compared=compared,
        decision_id=decision_id,
        studies=[_study(name) for name in knowledge().library.studies],
    )


@blueprint.get("/evidence/studies/<study>")
@scope(OPEN)
def study_page(study: str) -> Response:
    """One study: its figures as they were read, its sources, where it is used."""
    found = knowledge().library.studies.get(study)
    if found is None:
        raise Problem("not-found", "There is no such study.")
    guideline = knowledge().newest(settings().guideline).guideline
    sources = [each for each in knowledge().library.citations.values() if each.study == study]
    outcomes = [told(each.id.replace("_", "-"), MultiDict()) for each in guideline.evidence.outcomes]
    lines = [
        {"outcome": each["title"], "slug": each["id"].replace("_", "-"), "line": line, "kind": kind}
        for each in outcomes
        for kind in ("studies", "published")
        for line in each[kind]
        if line["study"] == study
    ]
    cited = {source.id for source in sources} | {each["line"]["citation"] for each in lines}
    return page(
        "study.html",
        here="evidence",
        study=_study(study),
        rows=study_rows(shown(found), guideline.evidence),
        known={name: _study(name)["name"] for name in knowledge().library.studies},
        lines=lines,
        population=next((each for each in guideline.evidence.populations if each.study == study), None),
        citations=[citation(knowledge().library.citations[name]) for name in sorted(cited)],
        rules=[rule for rule in guideline.rules.values() if cited & {source.id for source in rule.sources}],
    )


def _outcome(slug: str) -> dict[str, Any]:
    """What the page shows of an outcome; a choice that cannot be pooled is shown with the reason."""
    chosen = request.args.getlist(slug)
    asked = MultiDict({"trials": ",".join(chosen)} if any(chosen) else {})
    refused = False
    try:
        body = told(slug, asked)
    except Problem as problem:
        if problem.code != "bad-request":
            raise
        names = ",".join(chosen).split(",")
        body = told(slug, MultiDict()) | {"chosen": names, "pooled": None, "pooled_reason": problem.detail}
        refused = True
    query = f"?{urlencode({'trials': ','.join(body['chosen'])}, safe=',')}" if any(chosen) and not refused else ""
    return body | {
        "slug": slug,
        "files": {form: f"/v1/evidence/{slug}.{form}{query}" for form in ("svg", "csv")},
        "json": f"/v1/evidence/{slug}{query}",
        "plot": Markup(drawing(body)),  # noqa: S704 - made by ElementTree, which escapes  # nosec B704
        "plot_narrow": Markup(drawing(body, narrow=True)),  # noqa: S704 - likewise  # nosec B704
        "same": {one: other for pair in body["same_trial"] for one, other in (pair, reversed(pair))},
    }


def _study(name: str) -> dict[str, Any]:
    found = knowledge().library.studies[name]
    design = found.get("design")
    return {
        "id": name,
        "name": study_name(name, found),
        "title": (found.get("biblio") or {}).get("title"),
        "paper": found.get("biblio"),
        "design": design.get("value") if isinstance(design, Mapping) else design,
        "read_in": found.get("read_in"),
        "caveat": found.get("caveat"),
    }


def _criteria(guideline: Guideline, compared: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every criterion with a word for each trial: how the patient compares, or that the trial asked for it."""
    populations = guideline.evidence.populations
    names = dict.fromkeys(each.criterion for population in populations for each in population.criteria)
    by_study = {each["study"]: each for each in compared}
    table = []
    for name in names:
        cells = []
        for population in populations:
            asked = any(each.criterion == name for each in population.criteria)
            found = by_study.get(population.study, {})
            word = next((word for kind, word in FITS.items() if name in found.get(kind, ())), "asked for")
            cells.append(word if asked else None)
        table.append({"criterion": name, "cells": cells})
    return table
