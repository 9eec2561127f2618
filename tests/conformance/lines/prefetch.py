"""P: prefetch in all its meanings."""

import json
import re
from typing import Any

from tests.conformance import rules
from tests.conformance.charts import ONCOLOGICAL, OTHER, body_of, required_keys
from tests.conformance.checklist import DISCOVERY, Target, has_status, line, no_violation, require
from tests.conformance.lines.calls import cards_of, shown
from tests.conformance.wire import Reply


def outcome(severity: str, code: str = "processing", text: str = "The search failed.") -> dict[str, Any]:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "details": {"text": text}}],
    }


def in_bundle(resource: dict[str, Any], mode: str = "outcome", total: int = 0) -> dict[str, Any]:
    entry = [{"search": {"mode": mode}, "resource": resource}]
    return {"resourceType": "Bundle", "type": "searchset", "total": total, "entry": entry}


def of_type(target: Target, kind: str) -> str:
    """The key that asks for this type."""
    found = [key for key, asked in required_keys(target.service).items() if asked == kind]
    require(found, f"no template asks for {kind}")
    return found[0]


def with_key(target: Target, value: Any, kind: str = "Condition", chart: str = ONCOLOGICAL) -> Reply:
    """Ask with one key changed; `...` leaves it out."""
    body = target.body(chart)
    prefetch = body["prefetch"] | {of_type(target, kind): value}
    return target.ask(body | {"prefetch": {key: found for key, found in prefetch.items() if found is not ...}})


def silent(target: Target, value: Any) -> None:
    """Where the search for Conditions found nothing, a patient without a sign of cancer is shown nothing."""
    require(not cards_of(with_key(target, value, chart=OTHER)), "a patient without Conditions was shown a card")


def is_412(reply: Reply) -> str:
    has_status(reply, 412)
    no_violation(rules.outcome(reply.json), must_only=False)
    return reply.says()


@line("P1", "S", "no prefetch and no FHIR server is 412")
def no_prefetch(target: Target) -> str:
    said = ""
    for service in target.services:
        body = body_of(service)
        del body["prefetch"]
        said = is_412(target.call("POST", f"{DISCOVERY}/{service['id']}", body))
    return said


@line("P2", "S", "an empty prefetch is 412")
def empty_prefetch(target: Target) -> str:
    return is_412(target.ask(target.body(prefetch={})))


@line("P3", "S", "a prefetch without a required key is 412 that names it; without optional keys the card names them")
def key_absent(target: Target) -> str:
    for kind in ("Patient", "Condition"):
        reply = with_key(target, ..., kind)
        is_412(reply)
        named = reply.body.decode().lower()
        require(of_type(target, kind).lower() in named or kind.lower() in named, f"{kind} not named: {reply.says()}")
    body, needed = target.body(), required_keys(target.service)
    bare = {key: value for key, value in body["prefetch"].items() if key in needed}
    cards = cards_of(target.ask(body | {"prefetch": bare}))
    kinds = {re.split(r"[/?]", text)[0] for key, text in target.service["prefetch"].items() if key not in needed}
    said = json.dumps(cards)
    require(not [kind for kind in kinds if kind not in said], f"of {sorted(kinds)} not all are named in {said[:400]}")
    return f"412 names Patient and Condition, a card {', '.join(sorted(kinds))}"


@line("P4", "S", "a key that is null means no data, and is answered")
def null_keys(target: Target) -> str:
    body = target.body()
    optional = [key for key in body["prefetch"] if key not in required_keys(target.service)]
    for nulled in (*([key] for key in optional), optional, [of_type(target, "Condition")], list(body["prefetch"])):
        cards_of(target.ask(body | {"prefetch": {**body["prefetch"], **dict.fromkeys(nulled)}}))
    silent(target, None)
    return f"{len(optional)} optional keys one by one and together, Conditions, all"


@line("P5", "s", "an OperationOutcome with an error is not 'no data'")
def failed_query(target: Target) -> str:
    said = ""
    for severity in ("error", "fatal"):
        for value in (outcome(severity), in_bundle(outcome(severity)), in_bundle(outcome(severity), mode="match")):
            said = is_412(with_key(target, value))
    return said


@line("P6", "h", "an empty search as Epic answers it is empty, not failed")
def epic_empty(target: Target) -> str:
    empty = in_bundle(outcome("warning", "processing", "Resource request returns no results."))
    for value in (empty, {"resourceType": "Bundle", "type": "searchset", "total": 0}):
        silent(target, value)
    body = target.body()
    for key in body["prefetch"]:
        if key not in required_keys(target.service):
            body["prefetch"][key] = empty
    shown(target.ask(body))
    return "200, cards: [] for Conditions, cards for the optional keys"


@line("P7", "h", "a page of a longer answer is not taken for the whole")
def paged(target: Target) -> str:
    body, key = target.body(OTHER), of_type(target, "Condition")
    page = body["prefetch"][key] | {"link": [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]}
    reply = target.ask(body | {"prefetch": body["prefetch"] | {key: page}})
    if reply.status == 412:
        return is_412(reply)
    require(cards_of(reply), "200 without a card: the breast cancer may stand on the next page")
    return f"a card that says so: {reply.json['cards'][0]['summary']}"


@line("P8", "h", "keys that were not asked for are ignored, keys typed otherwise are known by their resources")
def extra_keys(target: Target) -> str:
    body = target.body()
    more = {"allergies": None, "unheardOf": {"resourceType": "Basic", "id": "x"}}
    shown(target.ask(body | {"prefetch": body["prefetch"] | more}))
    otherwise = {f"epic-{key}": value for key, value in body["prefetch"].items()}
    return shown(target.ask(body | {"prefetch": otherwise}))


@line("P9", "h", "a value of another type is 400")
def wrong_type(target: Target) -> str:
    for value in ("x", 7, True, [], ["x"]):
        reply = with_key(target, value)
        require(reply.status == 400, f"{value!r}: {reply.says()}")
    has_status(with_key(target, {"no": "resourceType"}), 400, 412)
    for prefetch in ("x", 7, ["x"]):
        has_status(target.ask(target.body(prefetch=prefetch)), 400)
    return "8 bodies refused with 400, an object that is no resource with 400 or 412"
