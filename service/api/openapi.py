"""The contract as OpenAPI 3.1, made from the marshmallow schemas, the route table and the loaded knowledge."""

import copy
import datetime as dt
from collections.abc import Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from service.advice.question import Answer, Questioner, Refused
from service.advice.render import VIEWS, rendered
from service.api import cds_schemas, schemas
from service.api.access import OPEN
from service.api.problems import KINDS, listed
from service.knowledge.guideline import Guideline
from service.settings import VERSION

JSON, CSV, NDJSON, PROBLEM = "application/json", "text/csv", "application/x-ndjson", "application/problem+json"
FHIR_JSON = "application/fhir+json"

DESCRIPTION = """\
{question}

Decision support for health-care professionals, with its reasons and sources. {sign_off_note}

No field is required: a missing fact is unknown, never absent. A body in which any readable part amounts to an
emergency is answered 200, whatever else is wrong with it.

Where the operator asks for it (AUTH=clients), the operations that name a scope need a token or key that has it."""

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
    for path, operations in _paths(_patient(questioner.guideline)).items():
        spec.path(path=path, operations=_guarded(path, operations, scopes))
    for name, scheme in SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    return spec.to_dict()


def _guarded(path: str, operations: dict[str, Any], scopes: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The operations with the scope that each needs, and the answers that come of it."""
    guarded = {}
    for method, operation in operations.items():
        needed = scopes.get((method.upper(), path), OPEN)
        guarded[method] = operation
        if needed != OPEN:
            security = [{scheme: [needed]} for scheme in SECURITY_SCHEMES]
            guarded[method] = operation | {
                "security": security,
                "responses": _refused(operation) | operation["responses"],
            }
    return guarded


def _refused(operation: dict[str, Any]) -> dict[str, Any]:
    """What those get who may not call, in the shape that this operation's errors have."""
    shape = operation["responses"][str(KINDS["misdirected-request"].status)]["content"]
    kinds = (KINDS[code] for code in ("unauthorised", "forbidden", "unavailable"))
    return {str(kind.status): {"description": kind.title, "content": copy.deepcopy(shape)} for kind in kinds}


def _named(schema: Any) -> str:
    name: str = getattr(schema, "__name__", type(schema).__name__)
    return name.removesuffix("Out")


def _paths(patient: dict[str, Any]) -> dict[str, dict[str, Any]]:
    asked: dict[str, Any] = {
        "tags": ["one patient"],
        "parameters": [_query("view", list(VIEWS))],
        "requestBody": patient,
        "responses": {
            "200": {"$ref": "#/components/responses/Advice"},
            **_problems("unreadable-body", "misdirected-request", "body-too-large"),
            **_problems("unsupported-media-type", "request-timeout"),
            "422": {"$ref": "#/components/responses/RefusedFacts"},
        },
    }
    guideline, release = _in_path("guideline"), _query("release", None)
    return {
        "/v1/recommendations": {
            "post": asked | {"operationId": "recommend", "summary": "Ask about one patient"},
        },
        "/v1/guidelines/{guideline}/recommendations": {
            "post": asked
            | {
                "operationId": "recommendBy",
                "summary": "Ask one guideline about one patient",
                "parameters": [guideline, *asked["parameters"], release],
                "responses": asked["responses"] | _problems("not-found"),
            },
        },
        "/v1/recommendations/{decision_id}": {
            "get": {
                "operationId": "recall",
                "tags": ["one patient"],
                "summary": "Ask again what a decision_id encodes",
                "parameters": [_in_path("decision_id"), _query("view", list(VIEWS)), release],
                "responses": {
                    **_ok("The same bytes as the POST that gave this id", {"anyOf": [_ref("Answer"), _ref("Row")]}),
                    "304": {"description": "Not modified"},
                    # 405 where the id is "batch": that address takes a POST.
                    **_problems("bad-request", "not-found", "method-not-allowed", "gone", "misdirected-request"),
                },
            }
        },
        "/v1/recommendations/batch": {"post": _batch()},
        "/v1/guidelines": {"get": _known("guidelines", "All guidelines")},
        "/v1/guidelines/{guideline}": {
            "get": _known("guideline", "Releases, changelog, intended use, limits, sign-off", guideline, release)
        },
        "/v1/guidelines/{guideline}/rules": {"get": _known("rules", "All rules", guideline, release)},
        "/v1/guidelines/{guideline}/rules/{rule}": {
            "get": _known("rule", "One rule, by id or code", guideline, _in_path("rule"), release)
        },
        "/v1/guidelines/{guideline}/decision-table": {
            "get": _table(_known("decisionTable", "Every cell with its rule", guideline, release))
        },
        "/v1/guidelines/{guideline}/source-attributes": {
            "get": _known("sourceAttributes", "The 13 source attributes", guideline, release)
        },
        "/v1/guidelines/{guideline}/hazards": {"get": _known("hazards", "The hazard log", guideline, release)},
        "/v1/facts/extract": {"post": _extract()},
        "/v1/facts": {"get": _known("facts", "The request vocabulary with definitions and codes")},
        "/v1/citations": {"get": _known("citations", "The catalogue of sources")},
        "/v1/citations/{source}": {"get": _known("citation", "One source", _in_path("source"))},
        "/v1/studies": {"get": _known("studies", "All studies")},
        "/v1/studies/{study}": {"get": _known("study", "One study with its figures as read", _in_path("study"))},
        "/v1/evidence/{outcome}": {
            "get": _known("evidence", "One outcome, pooled and per study", _in_path("outcome"), _query("pool", None))
        },
        "/decisions/{decision_id}": {"get": _page("page", "The answer as a page", "text/html", "decision_id")},
        "/assets/{name}": {"get": _page("asset", "A file that the pages use", "text/css", "name")},
        "/cds-services": {"get": _discovery()},
        "/cds-services/{service}": {"post": _hook()},
        "/cds-services/{service}/feedback": {"post": _feedback()},
        "/v1/feedback/summary": {
            "get": _known("feedbackSummary", "What became of the cards, by rule and release", _query("month", None))
            | {"responses": _summary()}
        },
        "/livez": {"get": _known("livez", "The process answers", tag="operations")},
        "/readyz": {"get": _known("readyz", "The knowledge is loaded", tag="operations")},
        "/version": {"get": _known("version", "Versions of the service and its knowledge", tag="operations")},
        "/metrics": {"get": _text(_known("metrics", "What the service counts, for Prometheus", tag="operations"))},
        "/openapi.json": {"get": _known("openapi", "This document", tag="operations")},
        "/problems/{code}": {"get": _known("problem", "What a problem type means", _in_path("code"), tag="operations")},
    }


def _patient(guideline: Guideline) -> dict[str, Any]:
    examples = {case.example: {"value": case.facts} for case in guideline.cases if case.example and not case.refused}
    return {"required": True, "content": {JSON: {"schema": _ref("Facts"), "examples": examples}}}


def _responses(questioner: Questioner) -> dict[str, dict[str, Any]]:
    shown = [case.facts for case in questioner.guideline.cases if case.example]
    results = [questioner.ask(facts, dt.date.max) for facts in shown]
    answer = next((result for result in results if isinstance(result, Answer)), None)
    refused = next((result for result in results if isinstance(result, Refused)), None)
    headers = ("Decision-Id", "Guideline-Release", "ETag")
    advice: dict[str, Any] = {"schema": {"anyOf": [_ref("Answer"), _ref("Row")]}}
    problem: dict[str, Any] = {"schema": _ref("Problem")}
    if answer is not None:
        advice["examples"] = {view: {"value": rendered(answer, view)} for view in ("full", "row")}
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


def _batch() -> dict[str, Any]:
    answered = {
        "type": "object",
        "required": ["index", "status"],
        "properties": {
            "index": {"type": "integer"},
            "status": {"type": "integer"},
            "answer": {"anyOf": [_ref("Row"), _ref("Answer")]},
            "problem": _ref("Problem"),
        },
    }
    # Not items: Facts here, because a bad patient is answered by itself and never spoils the others.
    patients = {"type": "array", "items": {"description": "The facts of one patient, as in #/components/schemas/Facts"}}
    return {
        "operationId": "recommendBatch",
        "tags": ["many patients"],
        "summary": "Ask about many patients",
        "parameters": [_query("view", ["row", "brief", "full"])],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": patients},
                NDJSON: {"schema": {"type": "string"}},
            },
        },
        "responses": {
            "200": {
                "description": "An answer or a problem for each, in the same order",
                "content": {
                    JSON: {"schema": {"type": "array", "items": answered}},
                    NDJSON: {"schema": {"type": "string"}},
                },
            },
            **_problems(
                "unreadable-body", "misdirected-request", "body-too-large", "unsupported-media-type", "request-timeout"
            ),
            **_problems("refused-facts"),
        },
    }


def _extract() -> dict[str, Any]:
    resource = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"type": "string"}}}
    bundle = {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": "Bundle"}, "entry": {"type": "array", "items": {"type": "object"}}},
    }
    named = {
        "type": "object",
        "required": ["bundle"],
        "properties": {"patient": {"type": ["string", "null"], "description": "Id of the Patient"}, "bundle": bundle},
        "additionalProperties": False,
    }
    record = {"anyOf": [bundle, {"type": "array", "items": resource}, named]}
    return {
        "operationId": "extract",
        "tags": ["one patient"],
        "summary": "Read the facts of one patient out of FHIR R4 resources",
        "requestBody": {"required": True, "content": {media: {"schema": record} for media in (JSON, FHIR_JSON)}},
        "responses": {
            **_ok("Facts, each with where it comes from, and what was not used", _ref("Extraction")),
            **_problems("unreadable-body", "not-found", "misdirected-request", "body-too-large"),
            **_problems("unsupported-media-type", "request-timeout", "refused-facts"),
        },
    }


def _discovery() -> dict[str, Any]:
    return {
        "operationId": "cdsServices",
        "tags": ["CDS Hooks"],
        "summary": "CDS Hooks 2.0.1: what can be called, and what to prefetch for it",
        "parameters": [],
        "responses": {**_ok("The services", _ref("CdsServices")), **_outcomes("misdirected-request")},
    }


def _hook() -> dict[str, Any]:
    return {
        "operationId": "callCdsService",
        "tags": ["CDS Hooks"],
        "summary": "CDS Hooks 2.0.1: answer a hook with a card, or with none where there is nothing to say",
        "parameters": [_in_path("service")],
        "requestBody": _fhir_or_json(_ref("HookCall")),
        "responses": {
            **_ok("At most one card", _ref("CdsCards")),
            **_outcomes("bad-request", "not-found", "request-timeout", "missing-data", "body-too-large"),
            **_outcomes("unsupported-media-type", "misdirected-request"),
        },
    }


def _feedback() -> dict[str, Any]:
    return {
        "operationId": "feedback",
        "tags": ["CDS Hooks"],
        "summary": "CDS Hooks 2.0.1: what became of cards; a repeated outcome counts once",
        "parameters": [_in_path("service")],
        "requestBody": _fhir_or_json(_ref("HookFeedback")),
        "responses": {
            "200": {"description": "Kept and counted; empty"},
            **_outcomes("bad-request", "not-found", "request-timeout", "body-too-large", "unsupported-media-type"),
            **_outcomes("misdirected-request", "unavailable"),
        },
    }


def _summary() -> dict[str, Any]:
    return {
        **_ok("Counts", _ref("FeedbackSummary")),
        **_problems("bad-request", "misdirected-request", "unavailable"),
    }


def _fhir_or_json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": schema}, FHIR_JSON: {"schema": schema}}}


def _outcomes(*codes: str) -> dict[str, Any]:
    return {
        str(KINDS[code].status): {
            "description": KINDS[code].title,
            "content": {JSON: {"schema": _ref("OperationOutcome")}},
        }
        for code in codes
    }


def _known(operation: str, summary: str, *parameters: dict[str, Any], tag: str = "what it knows") -> dict[str, Any]:
    absent = _problems("not-found") if parameters else {}
    return {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "responses": {**_ok(summary, {"type": "object"}), **absent, **_problems("misdirected-request")},
    }


def _page(operation: str, summary: str, mimetype: str, parameter: str) -> dict[str, Any]:
    page = _known(operation, summary, _in_path(parameter), tag="pages")
    page["responses"]["200"]["content"] = {mimetype: {"schema": {"type": "string"}}}
    page["responses"] |= _problems("gone") if parameter == "decision_id" else {}
    return page


def _text(operation: dict[str, Any]) -> dict[str, Any]:
    operation["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    return operation


def _table(operation: dict[str, Any]) -> dict[str, Any]:
    operation["responses"]["200"]["content"][CSV] = {"schema": {"type": "string"}}
    operation["responses"] |= _problems("not-acceptable")
    return operation


def _ok(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"200": {"description": description, "content": {JSON: {"schema": schema}}}}


def _problems(*codes: str) -> dict[str, Any]:
    return {
        str(KINDS[code].status): {
            "description": KINDS[code].title,
            "content": {PROBLEM: {"schema": _ref("Problem")}},
        }
        for code in codes
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(name: str, values: list[str] | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({"enum": values} if values else {})
    return {"name": name, "in": "query", "required": False, "schema": schema}
