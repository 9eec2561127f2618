"""What clinicians did with the cards, and the counts by which a committee finds a bad rule."""

import re
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, request

from service.api.access import CDS, FEEDBACK, scope
from service.api.body import FHIR_JSON, JSON, parse_json, read_body
from service.api.cds_services import cds, find_service
from service.api.here import this_app
from service.api.json_out import fresh, json_response
from service.api.knowledge import knowledge, settings
from service.api.problems import Problem, unavailable
from service.cds_hooks.card_uuid import CardReference
from service.cds_hooks.feedback import CardFeedback, read_feedback
from service.cds_hooks.feedback_store import UNATTRIBUTED, FeedbackCount, FeedbackEntry, FeedbackStore, StoreError
from service.cds_hooks.services import HookService
from service.facts.refusal import FaultsError, repeated_keys

blueprint = Blueprint("feedback", __name__)

OUTCOME = {"card": "<uuid>", "outcome": "overridden", "outcomeTimestamp": "2026-11-23T10:05:31Z"}
OTHER = "other"
"""Stands for a reason that the card does not offer. The code that the client sent is not stored: it may be any text."""
REASON, SUGGESTION = "reason:", "suggestion:"


@blueprint.post("/cds-services/<service>/feedback")
@scope(CDS)
def feedback(service: str) -> Response:
    """Store and count the feedback; a repetition counts once. Acknowledged when it is on the server's disk."""
    hook_service = find_service(service)
    tree = parse_json(read_body(settings().max_body_bytes, JSON, FHIR_JSON, example={"feedback": [OUTCOME]}))
    if repeated := repeated_keys(tree):
        raise FaultsError(repeated)
    entries = [_entry(item, hook_service) for item in read_feedback(tree)]
    now = settings().now()
    try:
        store().record(entries, int(now.timestamp()), f"{now:%Y-%m}")
    except StoreError:
        raise _unavailable() from None
    return fresh(Response(b"", 200, mimetype=JSON))


@blueprint.get("/v1/feedback/summary")
@scope(FEEDBACK)
def summary() -> Response:
    """Return acceptances, overrides and their reasons by rule and release; `?month=YYYY-MM` for one month."""
    month = request.args.get("month")
    if month is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise Problem("bad-request", "month is written YYYY-MM.")
    try:
        counts = [count for count in store().counts() if month in {None, count.month}]
    except StoreError:
        raise _unavailable() from None
    rules = sorted({count.rule for count in counts} - {UNATTRIBUTED})
    body: dict[str, Any] = {"month": month} if month is not None else {}
    body |= {
        "rules": [
            {"guideline": rule[0], "release": rule[1], "rule": rule[2], **_totals(counts, rule)} for rule in rules
        ],
        "unattributed": _totals(counts, UNATTRIBUTED),
    }
    return fresh(json_response(body))


def store() -> FeedbackStore:
    """Return the store of the running application."""
    feedback_store: FeedbackStore = this_app().config["FEEDBACK_STORE"]
    return feedback_store


def _entry(item: CardFeedback, service: HookService) -> FeedbackEntry:
    """Return the feedback, attributed to the guideline and rule that the UUID of its card names."""
    uuids = cds().uuids
    card = uuids.read(item.card)
    if card is not None and card.suggestion is not None:
        card = None  # the UUID names a suggestion, not a card
    offered = _reason_codes(card, service)
    counts = [f"{REASON}{reason if reason in offered else OTHER}" for reason in item.reasons]
    accepted = [uuids.read(suggestion) for suggestion in item.suggestions]
    counts += [
        f"{SUGGESTION}{reference.suggestion}"
        for reference in accepted
        if reference is not None and reference.suggestion is not None
    ]
    return FeedbackEntry(
        card=item.card if card is None else item.card.lower(),
        outcome=item.outcome,
        timestamp=item.timestamp,
        service=service.text.id,
        rule=UNATTRIBUTED if card is None else (card.guideline, card.release, card.rule),
        counts=tuple(dict.fromkeys(counts)),
        comment=item.comment,
    )


def _reason_codes(card: CardReference | None, service: HookService) -> set[str]:
    """Return the override reasons that the card offered. An unknown card may be of any guideline of the service."""
    release = None if card is None else knowledge().library.find(card.guideline, card.release)
    guidelines = service.guidelines if release is None else (release,)
    cards = (guideline.cards for guideline in guidelines)
    return {code for content in cards if content is not None for code in content.override_reasons.codes}


def _totals(counts: Iterable[FeedbackCount], rule: tuple[str, str, str]) -> dict[str, Any]:
    """Return the counters of a rule, summed over the months."""
    sums: dict[str, int] = {}
    for count in counts:
        if count.rule == rule:
            sums[count.what] = sums.get(count.what, 0) + count.number
    totals: dict[str, Any] = {"accepted": sums.get("accepted", 0), "overridden": sums.get("overridden", 0)}
    for name, prefix in (("reasons", REASON), ("suggestions", SUGGESTION)):
        totals[name] = {what.removeprefix(prefix): n for what, n in sums.items() if what.startswith(prefix)}
    return totals


def _unavailable() -> Problem:
    detail = "Feedback needs a state Redis (REDIS_STATE_URL) that is append-only, evicts nothing and has room."
    return unavailable(detail)
