"""The contract as OpenAPI 3.1, made from the marshmallow schemas, the route table and the loaded knowledge."""

import copy
import datetime as dt
from collections.abc import Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from service.advice.question import Answer, Questioner, Refused
from service.advice.render import Renderer
from service.api import cds_schemas, schemas
from service.api.access import OPEN
from service.api.body import JSON
from service.api.openapi_parts import ref
from service.api.openapi_paths import paths
from service.api.problems import KINDS, listed
from service.api.problems import MIMETYPE as PROBLEM
from service.knowledge.guideline import Guideline
from service.settings import VERSION

DESCRIPTION = """\
{question}

Decision support for health-care professionals, with its reasons and sources. {sign_off_note}

No field is required: a missing fact is unknown, never absent. A body in which any readable part amounts to an
emergency is answered 200, whatever else is wrong with it.

Where the operator asks for it (AUTH=clients), the operations that name a scope need a token or key that has it."""

LIMITED = ("too-many-requests", "overloaded")
UNLIMITED = ("/livez", "/readyz", "/metrics")
SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A client's token (ES384 or RS384, aud the address called, used once) or an API key.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key: ogs_<id>_<secret>."},
}


def document(questioner: Questioner, scopes: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The OpenAPI document for the guideline that is asked by default; `scopes` by method and path.

    Its examples are worked cases of the content, and their answers are computed.
    """
    release = questioner.guideline.release
    spec = APISpec(
        title="Oncology guideline service",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin(schema_name_resolver=_named)],
        info={
            "description": DESCRIPTION.format(question=release.question, sign_off_note=release.sign_off_note),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        servers=[{"url": "/"}],
        jsonSchemaDialect="https://json-schema.org/draft/2020-12/schema",
    )
    spec.components.schema("Facts", schema=questioner.schema)
    outgoing = (schemas.AnswerOut, schemas.RowOut, schemas.ProblemOut, schemas.ExtractionOut, *cds_schemas.ALL)
    for schema in outgoing:
        spec.components.schema(_named(schema), schema=schema)
    for name, response in _responses(questioner).items():
        spec.components.response(name, response)
    for path, operations in paths(_patient(questioner.guideline)).items():
        spec.path(path=path, operations=_guarded(path, operations, scopes))
    for name, scheme in SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    return spec.to_dict()


def _guarded(path: str, operations: dict[str, Any], scopes: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The operations with the scope that each needs, and the answers that come of it."""
    guarded = {}
    for method, operation in operations.items():
        needed = scopes.get((method.upper(), path), OPEN)
        if path not in UNLIMITED:
            operation = operation | {"responses": _refused(operation, *LIMITED) | operation["responses"]}  # noqa: PLW2901
        if needed != OPEN:
            security = [{scheme: [needed]} for scheme in SECURITY_SCHEMES]
            refused = _refused(operation, "unauthorised", "forbidden", "unavailable")
            operation = operation | {"security": security, "responses": refused | operation["responses"]}  # noqa: PLW2901
        guarded[method] = operation
    return guarded


def _refused(operation: dict[str, Any], *codes: str) -> dict[str, Any]:
    """What those get who may not call, or not now, in the shape that this operation's errors have."""
    shape = operation["responses"][str(KINDS["misdirected-request"].status)]["content"]
    kinds = (KINDS[code] for code in codes)
    return {str(kind.status): {"description": kind.title, "content": copy.deepcopy(shape)} for kind in kinds}


def _named(schema: Any) -> str:
    name: str = getattr(schema, "__name__", type(schema).__name__)
    return name.removesuffix("Out")


def _patient(guideline: Guideline) -> dict[str, Any]:
    examples = {case.example: {"value": case.facts} for case in guideline.cases if case.example and not case.refused}
    return {"required": True, "content": {JSON: {"schema": ref("Facts"), "examples": examples}}}


def _responses(questioner: Questioner) -> dict[str, dict[str, Any]]:
    shown = [case.facts for case in questioner.guideline.cases if case.example]
    results = [questioner.ask(facts, dt.date.max) for facts in shown]
    answer = next((result for result in results if isinstance(result, Answer)), None)
    refused = next((result for result in results if isinstance(result, Refused)), None)
    headers = ("Decision-Id", "Guideline-Release", "ETag")
    advice: dict[str, Any] = {"schema": {"anyOf": [ref("Answer"), ref("Row")]}}
    problem: dict[str, Any] = {"schema": ref("Problem")}
    if answer is not None:
        advice["examples"] = {
            view: {"value": Renderer(questioner.guideline).read(answer, view)} for view in ("full", "row")
        }
    if refused is not None:
        problem["example"] = _problem_of(refused)
    return {
        "Advice": {
            "description": "Advice",
            "headers": {name: {"schema": {"type": "string"}} for name in headers},
            "content": {JSON: advice},
        },
        "RefusedFacts": {"description": KINDS["refused-facts"].title, "content": {PROBLEM: problem}},
    }


def _problem_of(refused: Refused) -> dict[str, Any]:
    kind = KINDS["refused-facts"]
    return {
        "type": "/problems/refused-facts",
        "title": kind.title,
        "status": kind.status,
        "detail": " ".join(fault.detail for fault in refused.faults),
        "instance": "/v1/recommendations",
        "errors": listed(refused.faults),
    }
