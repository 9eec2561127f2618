"""The contract as OpenAPI 3.1, made from the marshmallow schemas, the route table and the loaded knowledge."""

import copy
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from service.advice.question import Answer, Questioner, Refused
from service.advice.render import Renderer
from service.api import cds_schemas, schemas
from service.api.access import OPEN, scopes_by_route
from service.api.body import JSON
from service.api.here import this_app
from service.api.knowledge import knowledge, settings
from service.api.openapi_parts import problems, query, ref
from service.api.openapi_paths import BATCH_BY_GUIDELINE, ONE_BY_GUIDELINE, asking_many, asking_one, paths
from service.api.problems import KINDS, listed
from service.api.problems import MIMETYPE as PROBLEM
from service.settings import VERSION

DESCRIPTION = """\
{question}

Decision support for health-care professionals, with its reasons and sources. {sign_off_note}

No field is required: a missing fact is unknown, never absent. A body in which any readable part amounts to an
emergency is answered 200, whatever else is wrong with it.

Where the operator asks for it (AUTH=clients), the operations that name a scope need a token or key that has it."""

EXTENSION = "openapi document"
"""Key of the made document among the extensions of the application."""
FACTS = "Facts"
"""Name of the request schema of the guideline that the setting GUIDELINE names; the others add their ids to it."""
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


def contract() -> dict[str, Any]:
    """Return the document of the running application, made when it is first asked for."""
    extensions: dict[str, Any] = this_app().extensions
    if EXTENSION not in extensions:
        newest = knowledge().newest_of_each(settings().guideline)
        extensions[EXTENSION] = document(newest, scopes_by_route(this_app()))
    made: dict[str, Any] = extensions[EXTENSION]
    return made


RECORDS = (schemas.ExtractionOut, schemas.RecordAnswersOut)


def document(questioners: Sequence[Questioner], scopes: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return the OpenAPI document of these guidelines, the default first; `scopes` by method and path.

    Its examples are worked cases of the content, and their answers are computed.
    """
    default, *others = [(_facts_name(questioner, questioners[0]), questioner) for questioner in questioners]
    release = default[1].guideline.release
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
    for name, questioner in (default, *others):
        spec.components.schema(name, schema=questioner.schema)
    outgoing = (schemas.AnswerOut, schemas.RowOut, schemas.ProblemOut, *RECORDS, *cds_schemas.ALL)
    for schema in outgoing:
        spec.components.schema(_named(schema), schema=schema)
    if (extraction := default[1].guideline.extraction) is not None and extraction.legacy_member is not None:
        spec.components.schemas["Extraction"]["properties"][extraction.legacy_member] = schemas.SHOWN
    for name, response in _responses(default[1]).items():
        spec.components.response(name, response)
    for path, operations in paths(_patient(default), _patient(default, *others)).items():
        spec.path(path=path, operations=_guarded(path, operations, scopes))
    for other in others:
        for template, operations in _own_operations(*other).items():
            path = template.replace("{guideline}", other[1].guideline.release.id)
            spec.path(path=path, operations=_guarded(template, operations, scopes))
    for name, scheme in SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    return spec.to_dict()


def _facts_name(questioner: Questioner, default: Questioner) -> str:
    """Return the name of a guideline's request schema."""
    return FACTS if questioner is default else f"{FACTS}_{questioner.guideline.release.id}"


def _own_operations(facts: str, questioner: Questioner) -> dict[str, dict[str, Any]]:
    """Return the operations that ask one guideline, by the template of their path.

    The templates stand for every guideline; these have the request schema and the examples of one.
    """
    guideline = questioner.guideline.release
    one = asking_one(_patient((facts, questioner)), _advice(questioner))
    many = asking_many(f"#/components/schemas/{facts}")
    return {
        ONE_BY_GUIDELINE: {
            "post": one
            | {
                "operationId": f"recommend_{guideline.id}",
                "summary": f"Ask about one patient: {guideline.title}",
                "parameters": [*one["parameters"], query("release", None)],
                "responses": one["responses"] | problems("not-found"),
            }
        },
        BATCH_BY_GUIDELINE: {
            "post": many
            | {"operationId": f"recommendBatch_{guideline.id}", "summary": f"Ask about many: {guideline.title}"}
        },
    }


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


def _patient(*asked: tuple[str, Questioner]) -> dict[str, Any]:
    """Return the request body of one patient of any of these guidelines, each with the name of its request schema."""
    examples = {
        f"{questioner.guideline.release.id}: {case.example}" if number else case.example: {"value": case.facts}
        for number, (_, questioner) in enumerate(asked)
        for case in questioner.guideline.cases
        if case.example and not case.refused
    }
    schemas_of_facts = [ref(name) for name, _ in asked]
    schema = schemas_of_facts[0] if len(asked) == 1 else {"anyOf": schemas_of_facts}
    return {"required": True, "content": {JSON: {"schema": schema, "examples": examples}}}


def _responses(questioner: Questioner) -> dict[str, dict[str, Any]]:
    results = _examples(questioner)
    refused = next((result for result in results if isinstance(result, Refused)), None)
    problem: dict[str, Any] = {"schema": ref("Problem")}
    if refused is not None:
        problem["example"] = _problem_of(refused)
    return {
        "Advice": _advice(questioner),
        "RefusedFacts": {"description": KINDS["refused-facts"].title, "content": {PROBLEM: problem}},
    }


def _advice(questioner: Questioner) -> dict[str, Any]:
    """Return the answer 200 with an example in two views, computed for the first example of the guideline."""
    answer = next((result for result in _examples(questioner) if isinstance(result, Answer)), None)
    content: dict[str, Any] = {"schema": {"anyOf": [ref("Answer"), ref("Row")]}}
    if answer is not None:
        renderer = Renderer(questioner.guideline)
        content["examples"] = {view: {"value": renderer.read(answer, view)} for view in ("full", "row")}
    headers = ("Decision-Id", "Guideline-Release", "ETag")
    return {
        "description": "Advice",
        "headers": {name: {"schema": {"type": "string"}} for name in headers},
        "content": {JSON: content},
    }


def _examples(questioner: Questioner) -> list[Answer | Refused]:
    """Return what the examples of a guideline are answered."""
    return [questioner.ask(case.facts, dt.date.max) for case in questioner.guideline.cases if case.example]


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
