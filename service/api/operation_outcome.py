"""A problem as FHIR tells it: the OperationOutcome that CDS Hooks 3.0 asks for on every answer that is no success.

It is sent as application/json: CDS Hooks speaks JSON both ways, and some of its clients parse by no other type.
"""

from collections.abc import Mapping
from typing import Any

ROUTES = "/cds-services"
ISSUES: Mapping[int, str] = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    408: "timeout",
    412: "required",
    413: "too-long",
    415: "not-supported",
    429: "throttled",
    500: "exception",
    503: "transient",
}
"""Status to a code of FHIR's IssueType."""


def answers(path: str) -> bool:
    """Whether errors at this path are OperationOutcomes."""
    return path == ROUTES or path.startswith(f"{ROUTES}/")


def outcome(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The OperationOutcome of a problem: an issue for the whole, and one for each fault with its place."""
    code = ISSUES.get(problem["status"], "processing")
    issues = [_issue(code, f"{problem['title']}: {problem['detail']}")]
    issues += [_issue(code, fault["detail"], fault["pointer"]) for fault in problem["errors"]]
    return {"resourceType": "OperationOutcome", "issue": issues}


def _issue(code: str, text: str, place: str = "") -> dict[str, Any]:
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return issue | ({"diagnostics": f"At {place}"} if place else {})
