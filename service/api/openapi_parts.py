"""The small parts that operations are put together from: schemas by name, parameters, answers."""

from typing import Any

from service.api.body import FHIR_JSON, JSON
from service.api.json_out import CSV
from service.api.problems import KINDS
from service.api.problems import MIMETYPE as PROBLEM
from service.cohort.parquet import MIMETYPE as PARQUET

HTML = "text/html"
TRIALS = "Ids of trials to pool instead, with commas between them; one alone is shown, and nothing pooled."


def fhir_or_json(schema: dict[str, Any]) -> dict[str, Any]:
    """A body that may come under either media type."""
    return {"required": True, "content": {JSON: {"schema": schema}, FHIR_JSON: {"schema": schema}}}


def outcomes(*codes: str) -> dict[str, Any]:
    """Refusals of a CDS Hooks route."""
    return {
        str(KINDS[code].status): {
            "description": KINDS[code].title,
            "content": {JSON: {"schema": ref("OperationOutcome")}},
        }
        for code in codes
    }


def known(operation: str, summary: str, *parameters: dict[str, Any], tag: str = "what it knows") -> dict[str, Any]:
    """An operation that reads what the service knows."""
    absent = problems("not-found") if parameters else {}
    return {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "responses": {**ok(summary, {"type": "object"}), **absent, **problems("misdirected-request")},
    }


def pooled(operation: str, summary: str, mimetype: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    """Return an operation that answers with an outcome and a pool of its trials."""
    trials = query("trials", None) | {"description": TRIALS}
    made = known(operation, summary, *parameters, in_path("outcome"), query("pool", None), trials)
    made["responses"] |= problems("bad-request")
    return made if mimetype == JSON else drawn(made, mimetype)


def drawn(operation: dict[str, Any], mimetype: str) -> dict[str, Any]:
    """The operation, answering with text of this type instead."""
    operation["responses"]["200"]["content"] = {mimetype: {"schema": {"type": "string"}}}
    return operation


def also(operation: dict[str, Any], mimetype: str) -> dict[str, Any]:
    """The operation, answering with text of this type too."""
    operation["responses"]["200"]["content"][mimetype] = {"schema": {"type": "string"}}
    return operation


def page(operation: str, summary: str, mimetype: str, parameter: str = "") -> dict[str, Any]:
    """An operation that answers with a file for people."""
    page = drawn(known(operation, summary, *([in_path(parameter)] if parameter else []), tag="pages"), mimetype)
    page["responses"] |= problems("gone") if parameter == "decision_id" else {}
    return page


def may_be_busy(operation: dict[str, Any]) -> dict[str, Any]:
    """The operation, refused while what it needs is being worked out for another request."""
    operation["responses"] |= problems("unavailable")
    return operation


def form(operation: dict[str, Any]) -> dict[str, Any]:
    """The page that answers to a form; one whose facts are refused gets the same page, saying what is wrong."""
    sent = {"schema": {"type": "object", "description": "Name of a control -> its value, as the page at / has them."}}
    operation["requestBody"] = {"required": True, "content": {"application/x-www-form-urlencoded": sent}}
    operation["responses"] |= problems(
        "bad-request", "forbidden", "body-too-large", "unsupported-media-type", "request-timeout"
    )
    return operation


def table(operation: dict[str, Any]) -> dict[str, Any]:
    """The operation, answering with CSV too, and with Parquet where it can be written."""
    operation["responses"] |= problems("not-acceptable")
    told = "Where the extra `cohort` is installed"
    operation["responses"]["200"]["content"][PARQUET] = {"schema": {"type": "string", "description": told}}
    return also(operation, CSV)


def ok(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The answer 200."""
    return {"200": {"description": description, "content": {JSON: {"schema": schema}}}}


def problems(*codes: str) -> dict[str, Any]:
    """Refusals of any other route."""
    return {
        str(KINDS[code].status): {
            "description": KINDS[code].title,
            "content": {PROBLEM: {"schema": ref("Problem")}},
        }
        for code in codes
    }


def ref(name: str) -> dict[str, str]:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def in_path(name: str) -> dict[str, Any]:
    """A parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def query(name: str, values: list[str] | None) -> dict[str, Any]:
    """A parameter in the query."""
    schema: dict[str, Any] = {"type": "string"} | ({"enum": values} if values else {})
    return {"name": name, "in": "query", "required": False, "schema": schema}
