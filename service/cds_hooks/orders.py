"""Draft orders: which of them are about the breast tumour.

Drafts are read as clients really send them: a Bundle without a type, `"coding": [{}]`, no intent, no code at all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from service.facts.json_body import Json
from service.fhir.record import both
from service.fhir.resources import codings, objects, texts
from service.knowledge.cards import OrderKind, Orders
from service.knowledge.terminology import Concept, Terminology

REQUESTS = ("ServiceRequest", "ProcedureRequest")
VOID = ("revoked", "entered-in-error")
BREAST = ("breast", "chest_wall")
SIDE_ONLY = "side"


@dataclass(frozen=True)
class Draft:
    """A draft order of a kind that the guideline is about. `coded`: by a code; `sited`: it names the breast."""

    kind: OrderKind
    coded: bool
    sited: bool
    sides: frozenset[str]

    def may_be_on(self, sides: frozenset[str]) -> bool:
        """Whether it may be for a tumour on these sides; an unknown side may be any."""
        return not sides or not self.sides or bool(sides & self.sides)


def relevant_drafts(
    orders: Orders, terminology: Terminology, bundle: Mapping[str, Any], selections: Iterable[str] | None, patient: str
) -> list[Draft]:
    """The drafts that are breast surgery or breast radiotherapy for this patient, one a kind.

    With `selections` only the orders named there count.
    """
    chosen = None if selections is None else {"/".join(name.split("/")[-2:]) for name in selections}
    found: dict[str, Draft] = {}
    for order in _orders(bundle):
        if chosen is not None and f"{order.get('resourceType')}/{order.get('id')}" not in chosen:
            continue
        if order.get("status") in VOID or order.get("doNotPerform") is True or not _of(order, patient):
            continue
        draft = _read(orders, terminology, order)
        if draft is not None:
            found.setdefault(draft.kind.id, draft)
    return list(found.values())


def _orders(bundle: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in objects(bundle.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") in REQUESTS:
            yield resource


def _of(order: Mapping[str, Any], patient: str) -> bool:
    """Whether the order is for this patient. One that names nobody is."""
    subject = order.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    if not isinstance(reference, str) or reference.startswith(("#", "urn:")):
        return True
    return reference.split("/_history/")[0].split("/")[-1] == patient


def _read(orders: Orders, terminology: Terminology, order: Mapping[str, Any]) -> Draft | None:
    named, sites = texts(order.get("code")), texts(order.get("bodySite"))
    procedures = _found(terminology, "procedures", order.get("code"))
    places = _found(terminology, "body_sites", order.get("bodySite"))
    meant, placed = {each.means for each in procedures}, {each.means for each in places}
    said = [_without(text, orders.diagnosis_phrases) for text in (*named, *sites)]
    breast = bool(placed & set(BREAST)) or any(_says(text, orders.breast_words) for text in said)
    other_site = any(_says(text, orders.elsewhere_words) for text in said)
    elsewhere = not breast and bool(other_site or sites or placed - {SIDE_ONLY})
    worded = [side for side, words in orders.side_words.items() if any(_says(text, words) for text in said)]
    sides = frozenset(both([*worded, *(each.side for each in (*procedures, *places))]))
    words = [text for text in named if not _says(text, orders.not_phrases)]
    for kind in orders.kinds:
        coded = bool(meant & set(kind.means)) or (breast and bool(meant & set(kind.means_at_breast)))
        if coded and kind.elsewhere_too and elsewhere:
            return None
        phrases = (*kind.phrases, *(kind.phrases_at_breast if breast else ()))
        if coded or any(_says(text, phrases) for text in words):
            return Draft(kind, coded, breast or not kind.elsewhere_too, sides)
    return None


def _found(terminology: Terminology, name: str, concept: Json) -> list[Concept]:
    found = (terminology.concept(name, coding.system, coding.code) for coding in codings(concept))
    return [each for each in found if each is not None]


def _without(text: str, phrases: Iterable[str]) -> str:
    """The text without the diagnosis that an order may name: it is no site."""
    for phrase in phrases:
        text = re.sub(rf"\b{re.escape(phrase)}\b", "", text, flags=re.IGNORECASE)
    return text


def _says(text: str, phrases: Iterable[str]) -> bool:
    return any(_pattern(phrase).search(text) for phrase in phrases)


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    """Of a phrase of the content; there are some dozens, and re itself would look each up again for each draft."""
    return re.compile(rf"\b{re.escape(phrase)}\b", re.IGNORECASE)
