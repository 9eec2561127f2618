"""The evidence for people: forest plots, trials taken in and out, whom they enrolled; each study as it was read."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from markupsafe import Markup

from service.advice.evidence_query import citing_rules, describe_outcome, slug
from service.advice.registry import NotFoundError
from service.advice.render import citation
from service.api.access import OPEN, scope
from service.api.json_out import PUBLIC
from service.api.knowledge import knowledge, settings
from service.evidence.forest_plot import drawing
from service.evidence.outcomes import EvidenceError
from service.evidence.study_file import displayable, study_name
from service.knowledge.guideline import Guideline
from service.web.answer import answer_of
from service.web.page import PERMALINK, addresses_of, page
from service.web.reading import study_rows

blueprint = Blueprint("evidence_pages", __name__)

FITS = {"matches": "fits", "mismatches": "does not fit", "unknown": "not known"}


@blueprint.get("/evidence")
@blueprint.get("/guidelines/<guideline>/evidence")
@scope(OPEN)
def evidence(guideline: str | None = None) -> Response:
    """Return every outcome with its forest plot and its trials to choose, and whom they enrolled beside one patient."""
    asked = knowledge().newest(guideline or settings().guideline).guideline
    decision_id = request.args.get("decision")
    answer = knowledge().recall(decision_id) if decision_id else None
    if answer is not None and answer.advice.guideline.release.id != asked.release.id:
        other = addresses_of(answer.advice.guideline).evidence
        raise NotFoundError(f"This decision is of another guideline, whose evidence is at {other}.")
    compared = () if answer is None else answer_of(answer)["applicability"]
    return page(
        "evidence.html",
        here="evidence",
        guideline=asked,
        keep=PERMALINK if answer else PUBLIC,
        outcomes=[_outcome(asked, slug(outcome)) for outcome in asked.evidence.outcomes],
        criteria=_criteria(asked, compared),
        populations=[_study(each.study) | {"citation": each.citation} for each in asked.evidence.populations],
        compared=compared,
        decision_id=decision_id,
        studies=[_study(name) for name in _studies_beside(asked)],
    )


@blueprint.get("/evidence/studies/<study>")
@scope(OPEN)
def study_page(study: str) -> Response:
    """Return one study: its figures as they were read, its sources, and the guidelines that use it, where in them."""
    content = knowledge().library.studies.get(study)
    if content is None:
        raise NotFoundError("There is no such study.")
    uses = [
        use for newest in knowledge().newest_of_each(settings().guideline) if (use := _use(newest.guideline, study))
    ]
    sources = {source.id for source in knowledge().library.citations.values() if source.study == study}
    cited = sources | {line["line"]["citation"] for use in uses for line in use["lines"]}
    guideline = uses[0]["guideline"] if uses else knowledge().newest(settings().guideline).guideline
    return page(
        "study.html",
        here="evidence",
        guideline=guideline,
        study=_study(study),
        rows=study_rows(displayable(content), guideline.evidence),
        known={name: _study(name)["name"] for name in knowledge().library.studies},
        uses=uses,
        citations=[citation(knowledge().library.citations[name]) for name in sorted(cited)],
    )


def _use(guideline: Guideline, study: str) -> dict[str, Any] | None:
    """Return where a guideline shows or cites a study; None where it does neither."""
    if study not in guideline.studies:
        return None
    outcomes = [
        describe_outcome(guideline, slug(outcome)) | {"slug": slug(outcome)} for outcome in guideline.evidence.outcomes
    ]
    lines = [
        {"outcome": outcome["title"], "slug": outcome["slug"], "line": line, "kind": kind}
        for outcome in outcomes
        for kind in ("studies", "published")
        for line in outcome[kind]
        if line["study"] == study
    ]
    sources = {source.id for source in guideline.citations.values() if source.study == study}
    rules = citing_rules(guideline, sources | {line["line"]["citation"] for line in lines})
    populations = (population for population in guideline.evidence.populations if population.study == study)
    return {
        "guideline": guideline,
        "addresses": addresses_of(guideline),
        "lines": lines,
        "population": next(populations, None),
        "rules": [guideline.rules[rule] for rule in rules],
    }


def _studies_beside(guideline: Guideline) -> list[str]:
    """Return the studies that a release of the guideline uses; all of the library where there is no other guideline."""
    library = knowledge().library
    own = {study for release in library.guidelines[guideline.release.id].values() for study in release.studies}
    return [study for study in library.studies if study in own or len(library.guidelines) == 1]


def _outcome(guideline: Guideline, name: str) -> dict[str, Any]:
    """Return what the page shows of an outcome; a choice that cannot be pooled is shown with the reason."""
    checked = request.args.getlist(name)
    trials = [trial for part in checked for trial in part.split(",")] if any(checked) else None
    query = ""
    try:
        body = describe_outcome(guideline, name, trials=trials)
        query = f"?{urlencode({'trials': ','.join(body['chosen'])}, safe=',')}" if trials else ""
    except EvidenceError as error:
        body = describe_outcome(guideline, name) | {
            "chosen": trials,
            "pooled": None,
            "pooled_reason": f"{error}.",
        }
    address = addresses_of(guideline).evidence
    return body | {
        "slug": name,
        "page": address,
        "files": {form: f"/v1{address}/{name}.{form}{query}" for form in ("svg", "csv")},
        "json": f"/v1{address}/{name}{query}",
        **(_plots(body) if body["measure"] else {}),
        "same": {one: other for pair in body["same_trial"] for one, other in (pair, reversed(pair))},
    }


def _plots(body: Mapping[str, Any]) -> dict[str, Markup]:
    """Return the forest plot for a wide page and for a narrow one."""
    return {
        "plot": Markup(drawing(body)),  # noqa: S704 - made by ElementTree, which escapes  # nosec B704
        "plot_narrow": Markup(drawing(body, narrow=True)),  # noqa: S704 - likewise  # nosec B704
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
