"""Every error has one shape: application/problem+json (RFC 9457), with a JSON Pointer for each fault.

On CDS Hooks routes the same problem is told as an OperationOutcome; `Problem.response` is the one place that decides.
"""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestTimeout

from service.advice.registry import GoneError, NotFoundError
from service.api import operation_outcome
from service.api.json_out import fresh, json_response
from service.evidence.outcomes import EvidenceError
from service.facts.refusal import Fault, FaultsError

MIMETYPE = "application/problem+json"
RETRY_SECONDS = 5
"""After which a request may be sent again; with a token, a new one."""
MOST_FAULTS = 100
"""Faults told of one body; that there are more is the last entry. A sane body has fewer."""


@dataclass(frozen=True)
class Kind:
    """A kind of problem: what it is, why it comes about, what helps."""

    status: int
    title: str
    cause: str
    cure: str


KINDS: Mapping[str, Kind] = {
    "empty-body": Kind(400, "The body is empty", "Nothing was sent.", "Send a JSON object; {} is the empty question."),
    "unreadable-body": Kind(
        400, "The body cannot be read", "It is not UTF-8 text or not JSON (NaN and infinity are not JSON).",
        "Send well-formed JSON in UTF-8.",
    ),
    "bad-request": Kind(400, "Bad request", "The request is not well-formed.", "See the detail."),
    "unauthorised": Kind(
        401, "Who is calling?", "The token or key is missing or does not hold; the answer never says why.",
        "Send Authorization: Bearer with a token or key. An operator finds out more by `flask client check`.",
    ),
    "forbidden": Kind(
        403, "The caller may not ask for this",
        "The token or key is good, but its scopes do not include this; or a page elsewhere sent the explorer's form.",
        "Ask the operator for the scope that the detail names.",
    ),
    "not-found": Kind(404, "Not found", "There is nothing at this address.", "See /openapi.json for what there is."),
    "method-not-allowed": Kind(
        405, "Method not allowed", "This address does not take this method.", "Use one of those in the Allow header."
    ),
    "not-acceptable": Kind(
        406, "Not acceptable", "This resource does not exist in the form asked for.", "Ask for one of the forms named."
    ),
    "request-timeout": Kind(
        408, "The request did not arrive in time", "The body was sent too slowly.", "Send it again, without a pause."
    ),
    "gone": Kind(
        410, "This release is gone", "The release of the content that this id names is no longer loaded.",
        "Ask the question again.",
    ),
    "missing-data": Kind(
        412, "Data that the advice needs could not be had",
        "They were not prefetched, and the FHIR server did not give them or may not be asked.",
        "Prefetch what the detail names, or let the service read it: fhirServer, fhirAuthorization, FHIR_SERVERS.",
    ),
    "body-too-large": Kind(413, "The body is too large", "It is over the limit.", "Send less at once."),
    "unsupported-media-type": Kind(
        415, "Unsupported media type", "The Content-Type is missing or is not application/json.",
        "Send the header Content-Type: application/json.",
    ),
    "misdirected-request": Kind(
        421, "Misdirected request", "Without authentication only this machine's own names are served.",
        "Use localhost or 127.0.0.1, or set PUBLIC_URL.",
    ),
    "refused-facts": Kind(
        422, "The facts are refused", "A fact is unknown to the service, of the wrong type, or contradicts another.",
        "Correct each fault; every one of them is listed with a pointer.",
    ),
    "too-many-requests": Kind(
        429, "Too many requests", "The client sends more requests than it may.",
        "Try again after the seconds that the header Retry-After says.",
    ),
    "internal-error": Kind(
        500, "Internal error", "The service failed.", "Try again; report the X-Request-ID of the answer if it persists."
    ),
    "overloaded": Kind(
        503, "Too much to do", "There are more requests than can be answered in time.",
        "Try again after the seconds that the header Retry-After says.",
    ),
    "unavailable": Kind(
        503, "Unavailable for the moment", "Something that this request needs cannot be reached.",
        "Try again after the seconds that the header Retry-After says.",
    ),
}  # fmt: skip


@dataclass
class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """Raise it anywhere in a view to answer with this problem."""

    code: str
    detail: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The problem as a JSON object."""
        kind = KINDS[self.code]
        return {
            "type": f"/problems/{self.code}",
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
            "instance": _template(),
            "errors": self.errors,
            **self.extra,
        }

    def response(self) -> Response:
        """The problem as an answer; never cached."""
        if operation_outcome.answers(request.path):
            response = json_response(operation_outcome.outcome(self.body()), KINDS[self.code].status)
        else:
            response = json_response(self.body(), KINDS[self.code].status, MIMETYPE)
        response.headers.update(self.headers)
        return fresh(response)


def listed(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Faults as members of `errors`: all, or the first hundred and how many more there are."""
    rest = iter(faults)
    told = [
        {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}
        | ({"rule": fault.rule} if fault.rule else {})
        for fault in islice(rest, MOST_FAULTS)
    ]
    if more := sum(1 for _ in rest):
        told.append({"pointer": "", "code": "more_faults", "detail": f"There are {more} more faults."})
    return told


def malformed(faults: Sequence[Fault], code: str = "bad-request") -> Problem:
    """The problem of a body that is not what its route takes."""
    return Problem(code, " ".join(fault.detail for fault in faults[:3]), listed(faults))


def unavailable(detail: str) -> Problem:
    """The problem of something that this request needs and that cannot be reached for the moment."""
    return Problem("unavailable", detail, headers={"Retry-After": str(RETRY_SECONDS)})


LOOKUP_CODES: Mapping[type[Exception], str] = {
    NotFoundError: "not-found",
    GoneError: "gone",
    EvidenceError: "bad-request",
}
"""Errors of the layers below that a caller can bring about -> the kind of problem that each becomes."""
LOOKUP_ERRORS = tuple(LOOKUP_CODES)


def as_problem(error: Exception) -> Problem:
    """Return the problem that one of LOOKUP_ERRORS becomes; a problem stays itself."""
    if isinstance(error, Problem):
        return error
    code = next(code for kind, code in LOOKUP_CODES.items() if isinstance(error, kind))
    return Problem(code, f"{str(error).rstrip('.')}.")


def problem_kind(code: str) -> dict[str, Any]:
    """Return as JSON what a kind of problem means, why it comes about and what helps. Raises NotFoundError."""
    if code not in KINDS:
        raise NotFoundError(f"There is no such problem. Known: {', '.join(KINDS)}.")
    kind = KINDS[code]
    return {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "cause": kind.cause,
        "cure": kind.cure,
    }


def register(app: Flask) -> None:
    """Answer every error of the application as a problem, never as HTML, never with a stack trace."""
    app.register_error_handler(Problem, Problem.response)
    for kind in LOOKUP_ERRORS:
        app.register_error_handler(kind, lambda error: as_problem(error).response())
    app.register_error_handler(FaultsError, lambda error: malformed(error.faults).response())
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(Exception, _unexpected)


def _template() -> str:
    """The route as it is written, so that an id in the path (which holds facts) is not repeated; else the root."""
    return str(request.url_rule) if request.url_rule is not None else "/"


_BY_STATUS = {kind.status: code for code, kind in KINDS.items()}
"""Of several kinds with one status the last, which is the most general."""


def of_http(error: HTTPException) -> Problem:
    """The problem that an HTTP exception stands for."""
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    code = _BY_STATUS.get(status, "bad-request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal-error")
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if isinstance(error, RequestTimeout):
        headers["Connection"] = "close"
    return Problem(code, KINDS[code].cause, headers=headers)


def _http_problem(error: HTTPException) -> Response:
    return of_http(error).response()


def _unexpected(error: Exception) -> Response:
    # Type and places only: the message of an exception may repeat what the caller sent.
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    structlog.get_logger().error("failed", error=type(error).__name__, places=places[-8:])
    return Problem("internal-error", KINDS["internal-error"].cause).response()
