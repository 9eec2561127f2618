"""What a resource must be to count for a claim: each predicate returns why it does not, or an empty text.

A predicate that only narrows the search drops a resource without a word (SILENT).
"""

from collections.abc import Callable, Mapping

from service.fhir.reading import Reading
from service.fhir.record import Item
from service.knowledge.extraction import ClaimSource

SILENT = "-"
"""The reason of what is dropped and not reported."""


def current(_: Reading, item: Item, __: ClaimSource) -> str:
    """Require a Condition that is not history."""
    return SILENT if item.past else ""


def confirmed(_: Reading, item: Item, __: ClaimSource) -> str:
    """Require a Condition that is not only suspected."""
    return SILENT if item.tentative else ""


def not_inactive(_: Reading, item: Item, __: ClaimSource) -> str:
    """Require a Condition that is not inactive; one in remission counts."""
    return SILENT if item.clinical == "inactive" else ""


def of_subject(reading: Reading, item: Item, __: ClaimSource) -> str:
    """Require a Condition that is the cancer itself."""
    return "" if item in reading.subject.own else SILENT


def about_subject(reading: Reading, item: Item, __: ClaimSource) -> str:
    """Require that a focus, where there is one, is the cancer."""
    return reading.why_not_about(item) if item.resource.get("focus") else ""


def on_side(reading: Reading, item: Item, source: ClaimSource) -> str:
    """Require the side of the tumour, as far as both are known."""
    on_its_side = reading.subject.on_its_side(reading.sides(item))
    return "" if on_its_side else f"{source.proof_of} of the other {reading.organ}"


PREDICATES: Mapping[str, Callable[[Reading, Item, ClaimSource], str]] = {
    "current": current,
    "confirmed": confirmed,
    "not_inactive": not_inactive,
    "of_subject": of_subject,
    "about_subject": about_subject,
    "on_side": on_side,
}
"""The predicates by the names that extraction.yaml uses (PREDICATES of service/knowledge/extraction.py)."""
