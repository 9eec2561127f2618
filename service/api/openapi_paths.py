"""Every operation: what it takes, what it answers, how it refuses."""

from typing import Any

from service.advice.render import VIEWS
from service.api.body import FHIR_JSON, JSON, NDJSON
from service.api.json_out import CSV
from service.api.openapi_parts import (
    HTML,
    also,
    drawn,
    fhir_or_json,
    form,
    in_path,
    known,
    may_be_busy,
    ok,
    outcomes,
    page,
    pooled,
    problems,
    query,
    ref,
    table,
)
from service.evidence.forest_plot import SVG

STREAMED = (
    f"Lines ({NDJSON}) that are sent chunked are answered while they come, however many there are: an item for each, "
    "in order, the last with status 400, 408, 429 or 503 where the stream ends before its time. Read while you write. "
    "Of a stream that is refused (429, 503 in its items) emergencies in its first 64 KiB are answered all the same; "
    "so are those of a refused batch of 64 KiB at most, which is then 200 with Retry-After, the others such items."
)


FACTS = "#/components/schemas/Facts"
ONE_BY_GUIDELINE = "/v1/guidelines/{guideline}/recommendations"
BATCH_BY_GUIDELINE = f"{ONE_BY_GUIDELINE}/batch"


def asking_one(patient: dict[str, Any], advice: dict[str, Any]) -> dict[str, Any]:
    """Return the operation that asks about one patient: the body that it takes, the answer 200 that it gives."""
    return {
        "tags": ["one patient"],
        "parameters": [query("view", list(VIEWS))],
        "requestBody": patient,
        "responses": {
            "200": advice,
            **problems("unreadable-body", "misdirected-request", "body-too-large"),
            **problems("unsupported-media-type", "request-timeout"),
            "422": {"$ref": "#/components/responses/RefusedFacts"},
        },
    }


def paths(patient: dict[str, Any], patient_of_any: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations by path.

    `patient` is the request body of one patient of the default guideline, `patient_of_any` that of any guideline.
    """
    advice = {"$ref": "#/components/responses/Advice"}
    guideline, release = in_path("guideline"), query("release", None)
    compared = (query("from", None), query("to", None))
    by_guideline = asking_one(patient_of_any, advice)
    many_by_guideline = asking_many(f"{FACTS} (of another guideline: Facts_ and its id)")
    return {
        "/v1/recommendations": {
            "post": asking_one(patient, advice) | {"operationId": "recommend", "summary": "Ask about one patient"},
        },
        ONE_BY_GUIDELINE: {
            "post": by_guideline
            | {
                "operationId": "recommendBy",
                "summary": "Ask one guideline about one patient",
                "parameters": [guideline, *by_guideline["parameters"], release],
                "responses": by_guideline["responses"] | problems("not-found"),
            },
        },
        "/v1/recommendations/{decision_id}": {
            "get": {
                "operationId": "recall",
                "tags": ["one patient"],
                "summary": "Ask again what a decision_id encodes",
                "parameters": [in_path("decision_id"), query("view", list(VIEWS)), release],
                "responses": {
                    **ok("The same bytes as the POST that gave this id", {"anyOf": [ref("Answer"), ref("Row")]}),
                    "304": {"description": "Not modified"},
                    # 405 where the id is "batch": that address takes a POST.
                    **problems("bad-request", "not-found", "method-not-allowed", "gone", "misdirected-request"),
                },
            }
        },
        "/v1/recommendations/batch": {
            "post": asking_many(FACTS) | {"operationId": "recommendBatch", "summary": "Ask about many patients"}
        },
        BATCH_BY_GUIDELINE: {
            "post": many_by_guideline
            | {
                "operationId": "recommendBatchBy",
                "summary": "Ask one guideline about many patients",
                "parameters": [guideline, *many_by_guideline["parameters"]],
                "responses": many_by_guideline["responses"] | problems("not-found"),
            }
        },
        "/v1/guidelines": {"get": known("guidelines", "All guidelines")},
        "/v1/guidelines/{guideline}": {
            "get": known("guideline", "Releases, changelog, intended use, limits, sign-off", guideline, release)
        },
        "/v1/guidelines/{guideline}/rules": {"get": known("rules", "All rules", guideline, release)},
        "/v1/guidelines/{guideline}/rules/{rule}": {
            "get": known("rule", "One rule, by id or code", guideline, in_path("rule"), release)
        },
        "/v1/guidelines/{guideline}/decision-table": {
            "get": table(known("decisionTable", "Every cell with its rule", guideline, release))
        },
        "/v1/guidelines/{guideline}/decision-table.csv": {
            "get": drawn(known("decisionTableCsv", "Every cell with its rule, as CSV", guideline, release), CSV)
        },
        "/v1/guidelines/{guideline}/diff": {
            "get": may_be_busy(known("diff", "Which patients another release answers otherwise", guideline, *compared))
        },
        "/v1/guidelines/{guideline}/source-attributes": {
            "get": known("sourceAttributes", "The 13 source attributes", guideline, release)
        },
        "/v1/guidelines/{guideline}/hazards": {"get": known("hazards", "The hazard log", guideline, release)},
        "/v1/facts/extract": {"post": _extract("extract", "Read the facts of one patient out of FHIR R4 resources")},
        "/v1/guidelines/{guideline}/facts/extract": {
            "post": _extract(
                "extractBy", "Read the facts that one guideline asks for out of FHIR resources", guideline, release
            )
        },
        "/v1/records/recommendations": {"post": _answer_record()},
        "/v1/facts": {"get": known("facts", "The request vocabulary with definitions and codes", release)},
        "/v1/guidelines/{guideline}/facts": {
            "get": known("factsBy", "The request vocabulary of one guideline", guideline, release)
        },
        "/v1/citations": {"get": known("citations", "The catalogue of sources")},
        "/v1/citations/{source}": {"get": known("citation", "One source", in_path("source"))},
        "/v1/studies": {"get": known("studies", "All studies")},
        "/v1/studies/{study}": {"get": known("study", "One study with its figures as read", in_path("study"))},
        **_evidence("/v1/evidence", release),
        **_evidence("/v1/guidelines/{guideline}/evidence", guideline, release, by="By"),
        "/decisions/{decision_id}": {"get": page("page", "The answer as a page", HTML, "decision_id")},
        "/evidence": {
            "get": drawn(known("evidencePage", "The evidence as a page", query("decision", None), tag="pages"), HTML)
        },
        "/guidelines/{guideline}/evidence": {
            "get": drawn(
                known("evidencePageBy", "The same of one guideline", guideline, query("decision", None), tag="pages"),
                HTML,
            )
        },
        "/evidence/studies/{study}": {"get": page("studyPage", "One study as a page", HTML, "study")},
        "/guidelines": {"get": page("guidelinesPage", "All guidelines as a page", HTML)},
        "/guidelines/{guideline}": {
            "get": drawn(known("guidelinePage", "A guideline as a page", guideline, release, tag="pages"), HTML)
        },
        "/guidelines/{guideline}/diff": {
            "get": may_be_busy(drawn(known("diffPage", "The same as a page", guideline, *compared, tag="pages"), HTML))
        },
        "/guidelines/{guideline}/rules/{rule}": {
            "get": drawn(known("rulePage", "A rule as a page", guideline, in_path("rule"), release, tag="pages"), HTML)
        },
        "/docs": {"get": drawn(known("docs", "This document, to read and to try", tag="pages"), HTML)},
        "/": {
            "get": page("explorer", "The explorer: a form and the answer to it", HTML),
            "post": form(page("explore", "The explorer's answer to its form", HTML)),
        },
        "/guidelines/{guideline}/explore": {
            "get": page("explorerBy", "The explorer of one guideline", HTML, "guideline"),
            "post": form(page("exploreBy", "The answer of one guideline's explorer to its form", HTML, "guideline")),
        },
        "/explore/{decision_id}": {
            "get": page("resume", "The explorer with the facts of a decision_id", HTML, "decision_id")
        },
        "/assets/{name}": {"get": page("asset", "A file that the pages use", "text/css", "name")},
        "/cds-services": {"get": _discovery()},
        "/cds-services/{service}": {"post": _hook()},
        "/cds-services/{service}/feedback": {"post": _feedback()},
        "/v1/feedback/summary": {
            "get": known("feedbackSummary", "What became of the cards, by rule and release", query("month", None))
            | {"responses": _summary()}
        },
        "/livez": {"get": known("livez", "The process answers", tag="operations")},
        "/readyz": {"get": known("readyz", "The knowledge is loaded", tag="operations")},
        "/version": {"get": known("version", "Versions of the service and its knowledge", tag="operations")},
        "/metrics": {
            "get": drawn(known("metrics", "What the service counts, for Prometheus", tag="operations"), "text/plain")
        },
        "/openapi.json": {"get": known("openapi", "This document", tag="operations")},
        "/problems/{code}": {
            "get": also(known("problem", "What a problem type means", in_path("code"), tag="operations"), HTML)
        },
    }


def _evidence(path: str, *parameters: dict[str, Any], by: str = "") -> dict[str, Any]:
    """Return the operations below a guideline's evidence. `by` ends their names."""
    return {
        path: {"get": known(f"outcomes{by}", "Every outcome, pooled and per study", *parameters)},
        f"{path}/{{outcome}}": {"get": pooled(f"evidence{by}", "One outcome, pooled and per study", JSON, *parameters)},
        f"{path}/{{outcome}}.svg": {"get": pooled(f"forestPlot{by}", "One outcome as a forest plot", SVG, *parameters)},
        f"{path}/{{outcome}}.csv": {
            "get": pooled(f"forestTable{by}", "The numbers of the forest plot", CSV, *parameters)
        },
    }


def asking_many(facts: str) -> dict[str, Any]:
    """Return the operation that asks about many patients, whose facts are as in the schema that `facts` names."""
    answered = {
        "type": "object",
        "required": ["index", "status"],
        "properties": {
            "index": {"type": "integer"},
            "status": {"type": "integer"},
            "answer": {"anyOf": [ref("Row"), ref("Answer")]},
            "problem": ref("Problem"),
        },
    }
    # Not items: Facts here, because a bad patient is answered by itself and never spoils the others.
    patients = {
        "type": "array",
        "items": {"description": f"The facts of one patient, as in #/components/schemas/{facts}"},
    }
    return {
        "tags": ["many patients"],
        "description": STREAMED,
        "parameters": [query("view", ["row", "brief", "full"])],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": patients},
                NDJSON: {"schema": {"type": "string", "description": "A body of a request on each line"}},
            },
        },
        "responses": {
            "200": {
                "description": "An answer or a problem for each, in the same order",
                "content": {
                    JSON: {"schema": {"type": "array", "items": answered}},
                    NDJSON: {"schema": {"type": "string", "description": "Such an item on each line"}},
                },
            },
            **problems(
                "unreadable-body", "misdirected-request", "body-too-large", "unsupported-media-type", "request-timeout"
            ),
            **problems("refused-facts"),
        },
    }


def _record() -> dict[str, Any]:
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
    record = {"anyOf": [bundle, resource, {"type": "array", "items": resource}, named]}
    return {
        "tags": ["one patient"],
        "requestBody": {"required": True, "content": {media: {"schema": record} for media in (JSON, FHIR_JSON)}},
        "responses": {
            **problems("unreadable-body", "not-found", "misdirected-request", "body-too-large"),
            **problems("unsupported-media-type", "request-timeout", "refused-facts"),
        },
    }


def _extract(name: str, summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    asked = _record()
    found = ok("Facts, each with where it comes from, and what was not used", ref("Extraction"))
    return asked | {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": found | asked["responses"],
    }


def _answer_record() -> dict[str, Any]:
    asked = _record()
    found = ok("The answers, the most urgent first", ref("RecordAnswers"))
    return asked | {
        "operationId": "recommendRecord",
        "summary": "Answer a FHIR record by every guideline whose cancer it shows",
        "parameters": [query("view", list(VIEWS))],
        "responses": found | asked["responses"] | problems("bad-request"),
    }


def _discovery() -> dict[str, Any]:
    return {
        "operationId": "cdsServices",
        "tags": ["CDS Hooks"],
        "summary": "CDS Hooks 2.0.1: what can be called, and what to prefetch for it",
        "parameters": [],
        "responses": {**ok("The services", ref("CdsServices")), **outcomes("misdirected-request")},
    }


def _hook() -> dict[str, Any]:
    return {
        "operationId": "callCdsService",
        "tags": ["CDS Hooks"],
        "summary": "CDS Hooks 2.0.1: answer a hook with a card, or with none where there is nothing to say",
        "parameters": [in_path("service")],
        "requestBody": fhir_or_json(ref("HookCall")),
        "responses": {
            **ok("At most one card", ref("CdsCards")),
            **outcomes("bad-request", "not-found", "request-timeout", "missing-data", "body-too-large"),
            **outcomes("unsupported-media-type", "misdirected-request"),
        },
    }


def _feedback() -> dict[str, Any]:
    return {
        "operationId": "feedback",
        "tags": ["CDS Hooks"],
        "summary": "CDS Hooks 2.0.1: what became of cards; a repeated outcome counts once",
        "parameters": [in_path("service")],
        "requestBody": fhir_or_json(ref("HookFeedback")),
        "responses": {
            "200": {"description": "Kept and counted; empty"},
            **outcomes("bad-request", "not-found", "request-timeout", "body-too-large", "unsupported-media-type"),
            **outcomes("misdirected-request", "unavailable"),
        },
    }


def _summary() -> dict[str, Any]:
    return {
        **ok("Counts", ref("FeedbackSummary")),
        **problems("bad-request", "misdirected-request", "unavailable"),
    }
