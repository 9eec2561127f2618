"""Draft orders: which of them are about the breast tumour.

Drafts are read as clients really send them: a Bundle without a type, `"coding": [{}]`, no intent, no code at all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.facts.json_body import Json
from service.knowledge.cards import OrderKind, Orders
from service.knowledge.terminology import Terminology

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
    for entry in _listed(bundle.get("entry")):
        resource = entry.get("resource") if isinstance(entry, dict) else None
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
    meant, texts = _concept(terminology, "procedures", order.get("code"))
    sites, named = _concepts(terminology, "body_sites", order.get("bodySite"))
    breast = bool(sites & set(BREAST)) or any(_says(text, orders.breast_words) for text in (*named, *texts))
    elsewhere = not breast and bool(named or sites - {SIDE_ONLY})
    words = [text for text in texts if not _says(text, orders.not_phrases)]
    for kind in orders.kinds:
        coded = bool(meant & set(kind.means)) or (breast and bool(meant & set(kind.means_at_breast)))
        if coded and kind.elsewhere_too and elsewhere:
            return None
        if coded or any(_says(text, kind.phrases) for text in words):
            return Draft(kind, coded, sited=breast or not kind.elsewhere_too)
    return None


def _concepts(terminology: Terminology, name: str, value: Json) -> tuple[set[str], list[str]]:
    """What one CodeableConcept or several mean by a code list, and their texts."""
    meant: set[str] = set()
    texts: list[str] = []
    for concept in _listed(value):
        more, said = _concept(terminology, name, concept)
        meant |= more
        texts += said
    return meant, texts


def _concept(terminology: Terminology, name: str, value: Json) -> tuple[set[str], list[str]]:
    if not isinstance(value, dict):
        return set(), []
    codings = [coding for coding in _listed(value.get("coding")) if isinstance(coding, dict)]
    meant = {means for coding in codings if (means := _means(terminology, name, coding)) is not None}
    texts = [value.get("text"), *(coding.get("display") for coding in codings)]
    return meant, [text for text in texts if isinstance(text, str)]


def _means(terminology: Terminology, name: str, coding: Mapping[str, Any]) -> str | None:
    system, code = coding.get("system"), coding.get("code")
    key = terminology.key(system, code) if isinstance(system, str) and isinstance(code, str) else None
    found = terminology[name].find(*key) if key is not None else None
    return None if found is None else found.means


def _says(text: str, phrases: Iterable[str]) -> bool:
    return any(re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE) for phrase in phrases)


def _listed(value: Json) -> list[Any]:
    """A list; a single value, as some send it, stands for a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]
