"""The evidence by itself: pooled and per study, and each study's file as it stands."""

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from service.api.access import OPEN, scope
from service.api.guidelines import CSV, kept, public
from service.api.knowledge import knowledge, settings
from service.api.problems import Problem
from service.evidence.forest_lines import as_csv
from service.evidence.forest_plot import STYLE, STYLE_HASH, SVG, drawing
from service.evidence.outcome_json import outcome_detail
from service.evidence.outcomes import EvidenceError, Outcome, PooledOutcome
from service.evidence.study_file import study_name

blueprint = Blueprint("evidence", __name__)


@blueprint.get("/v1/studies")
@scope(OPEN)
def studies() -> Response:
    """All studies, in outline."""
    known = knowledge().library.studies
    return public({"studies": [_outline(name, study) for name, study in known.items()]})


@blueprint.get("/v1/studies/<study>")
@scope(OPEN)
def study_by(study: str) -> Response:
    """One study: its figures as they were read, without those that must not be shown."""
    found = knowledge().library.studies.get(study)
    if found is None:
        raise Problem("not-found", "There is no such study.")
    return public(_outline(study, found) | {"content": shown(found)})


@blueprint.get("/v1/evidence/<outcome>")
@scope(OPEN)
def outcome_by(outcome: str) -> Response:
    """One outcome: the default pool, the one asked for by ?pool=, or that of the trials of ?trials=; every study."""
    return public(told(outcome, request.args))


@blueprint.get("/v1/evidence/<outcome>.svg")
@scope(OPEN)
def forest_plot(outcome: str) -> Response:
    """The same as a forest plot."""
    response = kept(Response(drawing(told(outcome, request.args), style=STYLE), mimetype=SVG))
    policy = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'"
    response.headers["Content-Security-Policy"] = policy
    return response


@blueprint.get("/v1/evidence/<outcome>.csv")
@scope(OPEN)
def forest_csv(outcome: str) -> Response:
    """The numbers of the forest plot."""
    return kept(Response(as_csv(told(outcome, request.args)), mimetype=CSV))


def told(name: str, asked: MultiDict[str, str]) -> dict[str, Any]:
    """What /v1/evidence/{name} answers to this query. Raises Problem."""
    guideline = knowledge().newest(settings().guideline).guideline
    outcomes = {each.id.replace("_", "-"): each for each in guideline.evidence.outcomes}
    found = outcomes.get(name)
    if found is None:
        raise Problem("not-found", f"There is no such outcome. Known: {', '.join(outcomes)}.")
    chosen, pool = _chosen(found, asked)
    return outcome_detail(found, guideline.release.evidence_date, chosen, pool)


def _chosen(outcome: Outcome, asked: MultiDict[str, str]) -> tuple[list[str], PooledOutcome | None]:
    """The trials asked for, in the order of the content, and their pool."""
    if "trials" not in asked:
        pool = _named(outcome, asked.get("pool", outcome.default))
        trials = outcome.trials if pool is None else pool.trials
        return [trial.id for trial in trials], pool
    if "pool" in asked:
        raise Problem("bad-request", "Ask for a pool or for trials, not for both.")
    names = {name for part in asked.getlist("trials") for name in part.split(",")}
    known = [trial.id for trial in outcome.trials]
    if not names <= set(known):
        raise Problem("not-found", f"There is no such trial. Known: {', '.join(known)}.")
    try:
        pool = outcome.pool_of(names)
    except EvidenceError as error:
        raise Problem("bad-request", f"{error}.") from None
    return [name for name in known if name in names], pool


def _named(outcome: Outcome, name: str | None) -> PooledOutcome | None:
    pools = {pool.id: pool for pool in outcome.pools}
    if name is not None and name not in pools:
        raise Problem("not-found", f"There is no such pool. Known: {', '.join(pools)}.")
    return None if name is None else pools[name]


def shown(part: Any) -> Any:
    """The part without any group that is marked `display: never`."""
    if isinstance(part, dict):
        return {name: shown(value) for name, value in part.items() if not _hidden(value)}
    return [shown(item) for item in part if not _hidden(item)] if isinstance(part, list) else part


def _hidden(part: Any) -> bool:
    return isinstance(part, dict) and part.get("display") == "never"


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
