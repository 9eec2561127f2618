"""The evidence by itself: pooled and per study, and each study's file as it stands."""

from typing import Any

from flask import Blueprint, Response, request

from service.advice.evidence import of_outcome, of_pool
from service.api.access import OPEN, scope
from service.api.guidelines import public
from service.api.knowledge import knowledge, settings
from service.api.problems import Problem

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
    """One outcome: the default pool or the one asked for by ?pool=, all pools, every study."""
    guideline = knowledge().newest(settings().guideline).guideline
    outcomes = {each.id.replace("_", "-"): each for each in guideline.evidence.outcomes}
    found = outcomes.get(outcome)
    if found is None:
        raise Problem("not-found", f"There is no such outcome. Known: {', '.join(outcomes)}.")
    pools = {pool.id: of_pool(pool) for pool in found.pools}
    asked = request.args.get("pool", found.default)
    if asked is not None and asked not in pools:
        raise Problem("not-found", f"There is no such pool. Known: {', '.join(pools)}.")
    chosen = None if asked is None else pools[asked]
    return public(of_outcome(found, guideline) | {"pooled": chosen, "pools": list(pools.values())})


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
        "name": study.get("short_name") or study.get("ref") or name,
        "design": study.get("design"),
        "read_in": study.get("read_in"),
        "citations": [citation.id for citation in citations if citation.study == name],
        "links": {"self": f"/v1/studies/{name}"},
    }
