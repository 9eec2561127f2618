"""The body of POST /cds-services/{id}/feedback (§feedback), as the specification has it: no vendor's dialect."""

import datetime as dt
import re
from collections.abc import Iterator

from tests.conformance.rules.violation import Json, Member, Violation, coding, items, members, nothing_empty, pointer

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]00:00)")
ITEM = (
    Member("card", "string", required=True, rule="§feedback.card"),
    Member("outcome", "string", required=True, rule="§feedback.outcome"),
    Member("outcomeTimestamp", "string", required=True, rule="§feedback.outcomeTimestamp"),
    Member("acceptedSuggestions", "array", required=False, rule="§feedback.acceptedSuggestions"),
    Member("overrideReason", "object", required=False, rule="§feedback.overrideReason"),
)
REASON = (
    Member("reason", "object", required=False, rule="§feedback.reason"),
    Member("userComment", "string", required=False, rule="§feedback.userComment"),
)


def feedback(body: Json) -> Iterator[Violation]:
    """The rules of feedback on cards."""
    yield from nothing_empty(body)
    yield from members(body, "", (Member("feedback", "array", required=True, rule="§feedback"),), "§feedback")
    for item, at in items(body, "", "feedback"):
        yield from members(item, at, ITEM, "§feedback")
        if isinstance(item, dict):
            yield from _item(item, at)


def _item(item: dict[str, Json], at: str) -> Iterator[Violation]:
    outcome, moment = item.get("outcome"), item.get("outcomeTimestamp")
    if isinstance(outcome, str) and outcome not in {"accepted", "overridden"}:
        yield Violation(pointer(at, "outcome"), "§feedback.outcome", "An outcome is accepted or overridden.")
    if outcome == "accepted" and "acceptedSuggestions" not in item:
        yield Violation(
            pointer(at, "acceptedSuggestions"), "§feedback.acceptedSuggestions", "accepted names its suggestions."
        )
    if isinstance(moment, str) and not _moment(moment):
        yield Violation(
            pointer(at, "outcomeTimestamp"), "§feedback.outcomeTimestamp", "A timestamp is of RFC 3339, in UTC."
        )
    for accepted, below in items(item, at, "acceptedSuggestions"):
        table = (Member("id", "string", required=True, rule="§feedback.acceptedSuggestions"),)
        yield from members(accepted, below, table, "§feedback.acceptedSuggestions")
    if "overrideReasons" in item:
        yield Violation(
            pointer(at, "overrideReasons"),
            "§feedback.overrideReason",
            "In feedback the name is overrideReason, one object.",
        )
    reason = item.get("overrideReason")
    if isinstance(reason, dict):
        place = pointer(at, "overrideReason")
        yield from members(reason, place, REASON, "§feedback.overrideReason")
        if isinstance(reason.get("reason"), dict):
            yield from coding(reason["reason"], pointer(place, "reason"))


def _moment(text: str) -> bool:
    if not TIMESTAMP.fullmatch(text):
        return False
    try:
        dt.datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True
