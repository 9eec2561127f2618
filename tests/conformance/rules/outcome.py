"""What anything but 200 carries: an OperationOutcome (SHOULD since 3.0)."""

from collections.abc import Iterator

from tests.conformance.rules.violation import Json, Member, Violation, items, members, nothing_empty, pointer

RULE = "§http-response.OperationOutcome"
SEVERITIES = frozenset({"fatal", "error", "warning", "information"})
TABLE = (
    Member("resourceType", "string", required=True, rule=RULE),
    Member("issue", "array", required=True, rule=RULE),
)
ISSUE = (
    Member("severity", "string", required=True, rule=RULE),
    Member("code", "string", required=True, rule=RULE),
    Member("diagnostics", "string", required=False, rule=RULE),
    Member("details", "object", required=False, rule=RULE),
)


def outcome(body: Json) -> Iterator[Violation]:
    """The rules of the body of an answer that is no success."""
    for found in _outcome(body):
        yield Violation(found.pointer, RULE, found.detail, must=False)


def _outcome(body: Json) -> Iterator[Violation]:
    yield from nothing_empty(body)
    yield from members(body, "", TABLE, RULE)
    if isinstance(body, dict) and body.get("resourceType") not in {None, "OperationOutcome"}:
        yield Violation("/resourceType", RULE, "The body must be an OperationOutcome.")
    for issue, at in items(body, "", "issue"):
        yield from members(issue, at, ISSUE, RULE)
        if isinstance(issue, dict):
            if issue.get("severity", "error") not in SEVERITIES:
                yield Violation(pointer(at, "severity"), RULE, f"severity is one of {', '.join(sorted(SEVERITIES))}.")
            if not issue.keys() & {"diagnostics", "details"}:
                yield Violation(at, RULE, "An issue says what is wrong in details or diagnostics.")
