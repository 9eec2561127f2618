"""R, E and X: a call of a service, faults in it, and what must be put up with."""

import copy
import json
import uuid
from typing import Any

from tests.conformance import rules
from tests.conformance.archive import bodies, recorded
from tests.conformance.charts import CHARTS, OTHER, body_of
from tests.conformance.checklist import (
    DISCOVERY,
    JSON,
    Target,
    has_status,
    line,
    no_violation,
    require,
)
from tests.conformance.wire import Reply

TOO_LARGE = b'{"x":"' + b"x" * 24_000_000 + b'"}'
DEEP = b'{"hook":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def cards_of(reply: Reply) -> list[dict[str, Any]]:
    """The cards of a valid answer."""
    found: list[dict[str, Any]] = has_status(reply, 200).json["cards"]
    no_violation(rules.response(reply.json))
    return found


def shown(reply: Reply) -> str:
    """A valid answer with a card at least."""
    count = len(cards_of(reply))
    require(count, "no card was shown")
    return f"{count} card{'' if count == 1 else 's'}"


def refused(reply: Reply, *statuses: int) -> str:
    """Refused with one of the statuses, by a body that the service itself wrote."""
    has_status(reply, *statuses)
    return reply.says()


# ---- R


@line("R1", "S", "an answer is 200 with cards, for every service and patient")
def has_cards(target: Target) -> str:
    seen = []
    for service in target.services:
        for chart in CHARTS:
            path = f"{DISCOVERY}/{service['id']}"
            reply = has_status(target.call("POST", path, body_of(service, chart)), 200)
            require(isinstance(reply.json.get("cards"), list), f"no list of cards: {reply.says()}")
            require(not reply.json["cards"] if chart == OTHER else reply.json["cards"], f"{chart}: {reply.says()}")
            seen.append(len(reply.json["cards"]))
    return f"{len(seen)} calls, cards {seen}"


@line("R2", "S", "cards, suggestions, actions, links and codings have their whole structure")
def structure(target: Target) -> str:
    count = 0
    for service in target.services:
        for chart in CHARTS:
            reply = target.call("POST", f"{DISCOVERY}/{service['id']}", body_of(service, chart))
            no_violation(rules.response(has_status(reply, 200).json), must_only=False)
            count += len(reply.json["cards"])
    require(count, "no card was shown")
    return f"{count} cards without a violated rule"


@line("R3", "h", "every card and suggestion has a uuid")
def uuids(target: Target) -> str:
    cards = cards_of(target.ask(target.body()))
    named = [one for card in cards for one in (card, *card.get("suggestions", ()))]
    require(named, "no card was shown")
    require(all("uuid" in one for one in named), "a card or suggestion has no uuid")
    return f"{len(named)} uuids"


@line("R4", "h", "uuids are fresh in every answer")
def fresh(target: Target) -> str:
    body, seen = target.body(), set()
    for _ in range(3):
        cards = cards_of(target.ask(body))
        named = [one["uuid"] for card in cards for one in (card, *card.get("suggestions", ()))]
        require(seen.isdisjoint(named), "a uuid came twice")
        seen.update(named)
    require(seen, "no card was shown")
    return f"{len(seen)} different uuids in 3 answers to one body"


@line("R5", "S", "an answer is JSON")
def is_json(target: Target) -> str:
    reply = has_status(target.ask(target.body()), 200)
    require(reply.mimetype == JSON, f"Content-Type {reply.headers.get('content-type')}")
    return reply.headers["content-type"]


@line("R6", "h", "an answer is not to be stored, nor is an error")
def no_store(target: Target) -> str:
    for reply in (target.ask(target.body()), target.ask(target.body(hook=...)), target.feedback()):
        require("no-store" in reply.headers.get("cache-control", ""), f"Cache-Control missing on {reply.says()}")
    return "Cache-Control: no-store"


# ---- E


@line("E1", "h", "a missing hook is 400")
def no_hook(target: Target) -> str:
    return refused(target.ask(target.body(hook=...)), 400)


@line("E2", "h", "a missing hookInstance is 400")
def no_instance(target: Target) -> str:
    return refused(target.ask(target.body(hookInstance=...)), 400)


@line("E3", "h", "a hookInstance that is no UUID is answered")
def strange_instance(target: Target) -> str:
    return shown(target.ask(target.body(hookInstance="d1577c69-dfbe-44ad-ba6d-3b2va")))


@line("E4", "h", "a missing context is 400")
def no_context(target: Target) -> str:
    return refused(target.ask(target.body(context=...)), 400)


@line("E5", "h", "a missing or malformed field of the context is 400")
def context_fields(target: Target) -> str:
    tried = []
    for service in target.services:
        right = body_of(service)
        needed = [member.name for member in rules.HOOKS[service["hook"]].context if member.required]
        for name, value in [*((each, ...) for each in needed), ("patientId", 7), ("patientId", "Patient/p1")]:
            body = copy.deepcopy(right)
            body["context"][name] = value
            body["context"] = {key: found for key, found in body["context"].items() if found is not ...}
            reply = target.call("POST", f"{DISCOVERY}/{service['id']}", body)
            require(reply.status == 400, f"{service['id']}, {name} {value}: {reply.says()}")
            tried.append(f"{service['hook']} {name}")
    return f"{len(tried)} bodies refused with 400"


@line("E6", "h", "a hook that the service is not advertised for is 400")
def other_hook(target: Target) -> str:
    for hook in ("encounter-start", "PATIENT-VIEW", 7, "", None):
        has_status(target.ask(target.body(hook=hook)), 400)
    return "5 hooks refused with 400"


@line("E7", "h", "a malformed body is 400")
def malformed(target: Target) -> str:
    twice = json.dumps(target.body())[:-1].encode() + b', "context": {}}'
    for body in (b"{", b"", b"hook=patient-view", b'{"hook": NaN}', b"\xff\xfe{}", twice):
        has_status(target.ask(body), 400)
    return "6 bodies refused with 400"


@line("E8", "h", "an array as body is 400")
def array(target: Target) -> str:
    for body in (b"[]", b"[{}]", b'"hook"', b"7", b"null"):
        has_status(target.ask(body), 400)
    return "5 bodies refused with 400"


@line("E9", "h", "an unknown service is 404")
def unknown(target: Target) -> str:
    return refused(target.call("POST", f"{DISCOVERY}/no-such-service", target.body()), 404)


@line("E10", "h", "GET of a service is 405 with Allow")
def get(target: Target) -> str:
    reply = has_status(target.call("GET", target.address), 405)
    require("POST" in reply.headers.get("allow", ""), f"Allow: {reply.headers.get('allow')}")
    return f"405, Allow: {reply.headers['allow']}"


@line("E11", "h", "a wrong or missing media type is 415")
def media_type(target: Target) -> str:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        has_status(target.ask(target.body(), {"Content-Type": kind}), 415)
    return "4 types refused with 415"


@line("E12", "S", "fhirAuthorization needs fhirServer")
def authorization_alone(target: Target) -> str:
    granted = {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "scope": "a", "subject": "s"}
    return refused(target.ask(target.body(fhirAuthorization=granted)), 400)


@line("E13", "h", "a body that is too large is 413")
def too_large(target: Target) -> str:
    return f"{len(TOO_LARGE)} bytes: {refused(target.ask(TOO_LARGE), 413)}"


@line("E14", "h", "a body that is nested too deep is refused")
def deep(target: Target) -> str:
    return refused(target.ask(DEEP), 400, 413, 422)


@line("E*o", "s", "every error carries an OperationOutcome")
def outcomes(target: Target) -> str:
    nowhere = f"{DISCOVERY}/no-such-service"
    errors = {
        "400 hook": target.ask(target.body(hook=...)),
        "400 JSON": target.ask(b"{"),
        "400 feedback": target.call("POST", f"{target.address}/feedback", b"[]"),
        "404": target.call("POST", nowhere, target.body()),
        "404 feedback": target.call("POST", f"{nowhere}/feedback", {"feedback": []}),
        "405": target.call("GET", target.address),
        "405 discovery": target.call("POST", DISCOVERY, {}),
        "412": target.ask(target.body(prefetch=...)),
        "413": target.ask(TOO_LARGE),
        "415": target.ask(target.body(), {"Content-Type": "text/plain"}),
        **({"401": target.ask(target.body(), token=None)} if target.party else {}),
    }
    for name, reply in errors.items():
        require(str(reply.status) == name[:3], f"{name}: {reply.says()}")
        require(reply.mimetype in {JSON, "application/fhir+json"}, f"{name}: {reply.says()}")
        no_violation(rules.outcome(reply.json), must_only=False)
    return ", ".join(errors)


# ---- X


@line("X1", "S", "extensions and unknown fields are put up with")
def extensions(target: Target) -> str:
    epic = "com.epic.cdshooks.request"
    body = target.body(
        extension={f"{epic}.bpa-trigger-action": "60", f"{epic}.epic-version": "11.0", f"{epic}.criteria-id": [1, {}]},
        unheardOf={"of": ["anything", None]},
    )
    body["context"] = {**body["context"], "extension": {"com.example.x": None}, "unheardOf": 1}
    return shown(target.ask(body))


@line("X2", "S", "a hookInstance of version 1 is answered")
def version_1(target: Target) -> str:
    return shown(target.ask(target.body(hookInstance=str(uuid.uuid1()))))


@line("X3", "h", "application/json with a charset is answered")
def charset(target: Target) -> str:
    for kind in ("application/json; charset=utf-8", "application/json;charset=UTF-8"):
        shown(target.ask(target.body(), {"Content-Type": kind}))
    return "two spellings"


@line("X4", "h", "application/fhir+json is answered")
def fhir_json(target: Target) -> str:
    for kind in ("application/fhir+json", "application/fhir+json; charset=utf-8; fhirVersion=4.0"):
        shown(target.ask(target.body(), {"Content-Type": kind}))
    return "two spellings"


@line("X5", "h", "every archived public request is 200 and valid, or 412 that names the datum")
def archive(target: Target) -> str:
    answered: dict[int, int] = {}
    for name, body in (*bodies(), *(recorded(target.archive) if target.archive else ())):
        service = next((each for each in target.services if each["hook"] == body["hook"]), None)
        reply = target.call("POST", f"{DISCOVERY}/{(service or target.service)['id']}", body)
        if service is None:
            require(reply.status == 400, f"{name}: {reply.says()}")
        elif reply.status == 200:
            no_violation(rules.response(reply.json))
        else:
            has_status(reply, 412)
            no_violation(rules.outcome(reply.json), must_only=False)
        answered[reply.status] = answered.get(reply.status, 0) + 1
    return ", ".join(f"{status}: {count}" for status, count in sorted(answered.items()))
