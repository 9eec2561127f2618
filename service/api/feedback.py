"""What clinicians did with the cards, and the counts by which a committee finds a bad rule."""

import re
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, request

from service.api.access import CDS, FEEDBACK, scope
from service.api.body import FHIR_JSON, JSON, parse_json, read_body
from service.api.cds_services import door, offered
from service.api.here import this_app
from service.api.json_out import fresh, json_response
from service.api.knowledge import settings
from service.api.problems import Problem, unavailable
from service.cds_hooks.feedback import Outcome, read_feedback
from service.cds_hooks.feedback_store import UNATTRIBUTED, Count, Entry, FeedbackStore, NotKeptError
from service.facts.refusal import FaultsError, repeated_keys
from service.knowledge.cards import Cards

blueprint = Blueprint("feedback", __name__)

OUTCOME = {"card": "<uuid>", "outcome": "overridden", "outcomeTimestamp": "2026-11-23T10:05:31Z"}
OTHER = "other"
"""A reason that is not one of those offered. What the client calls it is not repeated: it may be anything."""
REASON, SUGGESTION = "reason:", "suggestion:"


@blueprint.post("/cds-services/<service>/feedback")
@scope(CDS)
def feedback(service: str) -> Response:
    """Keep and count outcomes; a repeated one counts once. Acknowledged when they are on the server's disk."""
    _, cards, _ = offered(service)
    tree = parse_json(read_body(settings().max_body_bytes, JSON, FHIR_JSON, example={"feedback": [OUTCOME]}))
    if repeated := repeated_keys(tree):
        raise FaultsError(repeated)
    outcomes = read_feedback(tree)
    now = settings().now()
    try:
        store().record([_entry(outcome, service, cards) for outcome in outcomes], int(now.timestamp()), f"{now:%Y-%m}")
    except NotKeptError:
        raise _not_kept() from None
    return fresh(Response(b"", 200, mimetype=JSON))


@blueprint.get("/v1/feedback/summary")
@scope(FEEDBACK)
def summary() -> Response:
    """Acceptances, overrides and their reasons by rule and release; `?month=YYYY-MM` for one month."""
    month = request.args.get("month")
    if month is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise Problem("bad-request", "month is written YYYY-MM.")
    try:
        counts = [count for count in store().counts() if month in {None, count.month}]
    except NotKeptError:
        raise _not_kept() from None
    rules = sorted({count.rule for count in counts} - {UNATTRIBUTED})
    body: dict[str, Any] = {"month": month} if month is not None else {}
    body |= {
        "rules": [
            {"guideline": rule[0], "release": rule[1], "rule": rule[2], **_counted(counts, rule)} for rule in rules
        ],
        "unattributed": _counted(counts, UNATTRIBUTED),
    }
    return fresh(json_response(body))


def store() -> FeedbackStore:
    """The store of the running application."""
    found: FeedbackStore = this_app().config["FEEDBACK_STORE"]
    return found


def _entry(outcome: Outcome, service: str, cards: Cards) -> Entry:
    """The outcome, attributed by what its card's UUID says of itself."""
    uuids = door().uuids
    named = uuids.read(outcome.card)
    if named is not None and named.suggestion is not None:
        named = None  # a suggestion on a card is no card
    known = cards.override_reasons.codes
    counts = [f"{REASON}{reason if reason in known else OTHER}" for reason in outcome.reasons]
    taken = [uuids.read(suggestion) for suggestion in outcome.suggestions]
    counts += [f"{SUGGESTION}{each.suggestion}" for each in taken if each is not None and each.suggestion is not None]
    return Entry(
        card=outcome.card if named is None else outcome.card.lower(),
        outcome=outcome.outcome,
        at=outcome.at,
        service=service,
        rule=UNATTRIBUTED if named is None else (named.guideline, named.release, named.rule),
        counts=tuple(dict.fromkeys(counts)),
        comment=outcome.comment,
    )


def _counted(counts: Iterable[Count], rule: tuple[str, str, str]) -> dict[str, Any]:
    of_rule: dict[str, int] = {}
    for count in counts:
        if count.rule == rule:
            of_rule[count.what] = of_rule.get(count.what, 0) + count.number
    counted: dict[str, Any] = {"accepted": of_rule.get("accepted", 0), "overridden": of_rule.get("overridden", 0)}
    for name, prefix in (("reasons", REASON), ("suggestions", SUGGESTION)):
        counted[name] = {what.removeprefix(prefix): n for what, n in of_rule.items() if what.startswith(prefix)}
    return counted


def _not_kept() -> Problem:
    detail = "Feedback needs an append-only state Redis (REDIS_STATE_URL), and cannot reach one."
    return unavailable(detail)
