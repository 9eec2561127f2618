"""Is it up, is it ready, what is it: for operators and probes."""

import platform
from typing import Any

from flask import Blueprint, Response
from redis import RedisError

from service.advice.render import named
from service.api.access import OPEN, authenticator, scope
from service.api.json_out import PUBLIC, fresh, json_response
from service.api.knowledge import knowledge, overdue, settings
from service.api.openapi import contract
from service.api.problems import problem_kind
from service.server.redis_client import connect
from service.settings import VERSION

blueprint = Blueprint("operations", __name__)


@blueprint.get("/livez")
@scope(OPEN)
def livez() -> Response:
    """The process answers."""
    return fresh(json_response({"status": "alive"}))


@blueprint.get("/readyz")
@scope(OPEN)
def readyz() -> Response:
    """The knowledge is loaded (or the process would not have started); what is less than well is named."""
    today = settings().today()
    late = [name for (name, _), each in knowledge().questioners.items() if overdue(each.guideline, today)]
    access = {"status": "ok", "detail": f"a key or token is needed, but not for {', '.join(_open_to_all())}"}
    if settings().auth == "none":
        access = {"status": "ok" if settings().loopback else "degraded", "detail": "AUTH=none: anyone who can reach it"}
    parts: dict[str, dict[str, Any]] = {
        "knowledge": {"status": "ok", "releases": [named(each.guideline) for each in knowledge().questioners.values()]},
        "evidence_review": {"status": "overdue" if late else "ok", "guidelines": late},
        "access": access,
        "cache": _redis(settings().redis_url),
        "state": _redis(settings().redis_state_url),
    }
    asked = authenticator()
    if asked is not None:
        parts |= asked.parts()
        parts |= {name: {"status": parts[name]["status"]} for name in ("cache", "state")}
    degraded = any(part["status"] != "ok" for part in parts.values())
    return fresh(json_response({"status": "degraded" if degraded else "ready", "parts": parts}))


@blueprint.get("/version")
@scope(OPEN)
def version() -> Response:
    """Versions of the service and of its knowledge."""
    releases = [named(each.guideline) for each in knowledge().questioners.values()]
    return fresh(json_response({"service": VERSION, "python": platform.python_version(), "guidelines": releases}))


@blueprint.get("/openapi.json")
@scope(OPEN)
def openapi() -> Response:
    """The contract as OpenAPI 3.1."""
    response = json_response(contract())
    response.headers["Cache-Control"] = PUBLIC
    return response


def problem(code: str) -> Response:
    """What a problem type means, why it comes about and what helps; 404 for an unknown one."""
    response = json_response(problem_kind(code))
    response.headers["Cache-Control"] = PUBLIC
    return response


def _open_to_all() -> list[str]:
    """What needs no key although callers are asked who they are; pages and permalinks compute answers."""
    return [
        "health",
        "knowledge",
        *(["pages, whose explorer answers"] if settings().pages else []),
        *(["permalinks, which answer again"] if settings().permalinks == "open" else []),
    ]


def _redis(url: str) -> dict[str, str]:
    """Whether a Redis answers. Without it answers are right all the same, so the service stays ready."""
    if not url:
        return {"status": "ok", "detail": "none is configured"}
    try:
        with connect(url) as server:
            server.ping()
    except (RedisError, OSError) as error:
        return {"status": "degraded", "detail": f"it does not answer ({type(error).__name__})"}
    return {"status": "ok", "detail": "it answers"}
