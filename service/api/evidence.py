"""The evidence by itself: pooled and per study, and each study's file as it stands."""

from typing import Any

from flask import Blueprint, Response, request

from service.advice.evidence_query import describe_outcome, slug
from service.advice.registry import NotFoundError
from service.advice.render import named
from service.api.access import OPEN, scope
from service.api.json_out import CSV, public, public_json
from service.api.knowledge import knowledge, requested_guideline
from service.evidence.forest_lines import as_csv
from service.evidence.forest_plot import STYLE, STYLE_HASH, SVG, drawing
from service.evidence.study_file import displayable, study_name

blueprint = Blueprint("evidence", __name__)


@blueprint.get("/v1/studies")
@scope(OPEN)
def studies() -> Response:
    """All studies, in outline."""
    known = knowledge().library.studies
    return public_json({"studies": [_outline(name, study) for name, study in known.items()]})


@blueprint.get("/v1/studies/<study>")
@scope(OPEN)
def study_by(study: str) -> Response:
    """One study: its figures as they were read, without those that must not be shown."""
    found = knowledge().library.studies.get(study)
    if found is None:
        raise NotFoundError("There is no such study.")
    return public_json(_outline(study, found) | {"content": displayable(found)})


@blueprint.get("/v1/evidence")
@blueprint.get("/v1/guidelines/<guideline>/evidence")
@scope(OPEN)
def outcomes(guideline: str | None = None) -> Response:
    """Return every outcome of a guideline with its default pool and every study."""
    asked = requested_guideline(guideline)
    below = "/v1/evidence" if guideline is None else f"/v1/guidelines/{guideline}/evidence"
    listed = []
    for outcome in asked.evidence.outcomes:
        address = f"{below}/{slug(outcome)}"
        links = {"self": address}
        links |= {form: f"{address}.{form}" for form in ("svg", "csv") if outcome.measure is not None}
        listed.append(describe_outcome(asked, slug(outcome)) | {"links": links})
    return public_json({"guideline": named(asked), "outcomes": listed})


@blueprint.get("/v1/evidence/<outcome>")
@blueprint.get("/v1/guidelines/<guideline>/evidence/<outcome>")
@scope(OPEN)
def outcome_by(outcome: str, guideline: str | None = None) -> Response:
    """Return one outcome: the default pool, that of ?pool=, or that of the trials of ?trials=; every study."""
    return public_json(_requested_outcome(guideline, outcome))


@blueprint.get("/v1/evidence/<outcome>.svg")
@blueprint.get("/v1/guidelines/<guideline>/evidence/<outcome>.svg")
@scope(OPEN)
def forest_plot(outcome: str, guideline: str | None = None) -> Response:
    """Return the same as a forest plot."""
    response = public(Response(drawing(_ratios(guideline, outcome), style=STYLE), mimetype=SVG))
    policy = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'"
    response.headers["Content-Security-Policy"] = policy
    return response


@blueprint.get("/v1/evidence/<outcome>.csv")
@blueprint.get("/v1/guidelines/<guideline>/evidence/<outcome>.csv")
@scope(OPEN)
def forest_csv(outcome: str, guideline: str | None = None) -> Response:
    """Return the numbers of the forest plot."""
    return public(Response(as_csv(_ratios(guideline, outcome)), mimetype=CSV))


def _ratios(guideline: str | None, outcome: str) -> dict[str, Any]:
    """Return the requested outcome. Raises NotFoundError if it is told in words and has nothing to draw."""
    found = _requested_outcome(guideline, outcome)
    if found["measure"] is None:
        raise NotFoundError("This outcome is told in words, without ratios.")
    return found


def _requested_outcome(guideline: str | None, outcome: str) -> dict[str, Any]:
    """Return the outcome with the pool or the trials that the query names."""
    query = request.args
    trials = [trial for part in query.getlist("trials") for trial in part.split(",")] if "trials" in query else None
    return describe_outcome(requested_guideline(guideline), outcome, query.get("pool"), trials)


def _outline(name: str, study: Any) -> dict[str, Any]:
    citations = knowledge().library.citations.values()
    return {
        "id": name,
        "name": study_name(name, study),
        "design": study.get("design"),
        "read_in": study.get("read_in"),
        "citations": [citation.id for citation in citations if citation.study == name],
        "links": {"self": f"/v1/studies/{name}"},
    }
