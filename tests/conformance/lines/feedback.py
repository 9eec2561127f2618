"""F: feedback, in the specification's form and in the dialects of real clients."""

import datetime as dt
import uuid
from typing import Any

from tests.conformance.checklist import DISCOVERY, Target, has_status, line, require
from tests.conformance.lines.calls import cards_of
from tests.conformance.wire import Reply


def now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(target: Target) -> dict[str, Any]:
    """A card as it was just shown."""
    cards = cards_of(target.ask(target.body()))
    require(cards, "no card was shown")
    return cards[0]


def accepted(card: dict[str, Any]) -> dict[str, Any]:
    chosen = [{"id": one["uuid"]} for one in card.get("suggestions", ())[:1]] or [{"id": str(uuid.uuid4())}]
    return {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": chosen, "outcomeTimestamp": now()}


def overridden(card: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": now(), **more}


def taken(reply: Reply) -> str:
    has_status(reply, 200, 204)
    require("no-store" in reply.headers.get("cache-control", ""), "Cache-Control: no-store is missing")
    return str(reply.status)


def refused(target: Target, *bodies: Any) -> str:
    """Each of the bodies is 400."""
    for body in bodies:
        reply = target.call("POST", f"{target.address}/feedback", body)
        require(reply.status == 400, f"{str(body)[:120]}: {reply.says()}")
    return f"{len(bodies)} bodies refused with 400"


@line("F1", "S", "feedback: accepted")
def is_accepted(target: Target) -> str:
    return taken(target.feedback(accepted(shown(target))))


@line("F2", "S", "feedback: overridden")
def is_overridden(target: Target) -> str:
    return taken(target.feedback(overridden(shown(target))))


@line("F3", "S", "feedback: overridden with a reason and a comment")
def with_reason(target: Target) -> str:
    card = shown(target)
    require(card.get("overrideReasons"), "the card offers no overrideReasons")
    reason = card["overrideReasons"][0]
    return taken(target.feedback(overridden(card, overrideReason={"reason": reason, "userComment": "Already done."})))


@line("F4", "h", "feedback as the sandbox sends it: a reason with a code alone")
def sandbox(target: Target) -> str:
    return taken(target.feedback(overridden(shown(target), overrideReason={"reason": {"code": "patient-refused"}})))


@line("F5", "h", "feedback as Epic sends it: overrideReasons as one object, keys of its own, a card that is no UUID")
def epic(target: Target) -> str:
    reasons = {
        "reason": {"code": "declined", "system": "urn:oid:1.2.3", "display": "Declined"},
        "userComment": "See notes.",
        "extension": {"com.epic.cdshooks.override-reason.id": "4"},
    }
    first = overridden(shown(target), overrideReasons=reasons, extension={"com.epic.cdshooks.trigger": "60"})
    return taken(target.feedback(first, {**first, "card": "BPA-4711"}))


@line("F6", "S", "feedback in a batch, with duplicates")
def batch(target: Target) -> str:
    items = [accepted(shown(target)), overridden(shown(target)), overridden({"uuid": str(uuid.uuid4())})]
    taken(target.feedback(*items, *items))
    return taken(target.feedback(*items))


@line("F7", "h", "malformed feedback is 400")
def malformed(target: Target) -> str:
    return refused(target, b"{", b"", b"[]", b"null", b'"x"')


@line("F8", "h", "feedback without its member is 400")
def no_member(target: Target) -> str:
    return refused(target, {}, {"cards": []})


@line("F9", "h", "feedback that is no array of objects is 400")
def no_array(target: Target) -> str:
    return refused(target, {"feedback": {}}, {"feedback": "x"}, {"feedback": None}, {"feedback": ["x"]})


@line("F10", "h", "feedback without card or outcome is 400")
def no_card(target: Target) -> str:
    right = overridden({"uuid": str(uuid.uuid4())})
    wrong = [{key: value for key, value in right.items() if key != name} for name in ("card", "outcome")]
    return refused(target, *({"feedback": [one]} for one in wrong), {"feedback": [right | {"card": 7}]})


@line("F11", "h", "an outcome that does not exist is 400")
def no_outcome(target: Target) -> str:
    right = overridden({"uuid": str(uuid.uuid4())})
    return refused(target, *({"feedback": [right | {"outcome": value}]} for value in ("ignored", "", 7, None)))


@line("F12", "h", "feedback to an unknown service is 404")
def unknown(target: Target) -> str:
    body = {"feedback": [overridden({"uuid": str(uuid.uuid4())})]}
    return has_status(target.call("POST", f"{DISCOVERY}/no-such-service/feedback", body), 404).says()
