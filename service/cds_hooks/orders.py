"""Recognise the draft orders that a guideline is about.

Clients send a Bundle without a type, `"coding": [{}]`, no intent or no code at all. All of this is read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from service.cds_hooks.code_categories import find_concepts
from service.fhir.record import both_sides
from service.fhir.resources import objects, texts
from service.knowledge.cards import OrderContent, OrderKind
from service.knowledge.terminology import Terminology

REQUEST_TYPES = ("ServiceRequest", "ProcedureRequest")
VOID_STATUSES = ("revoked", "entered-in-error")


@dataclass(frozen=True)
class Draft:
    """A draft order of a kind that the guideline is about.

    `has_code`: a code and not only the text shows the kind. `has_site`: the order names the site of the guideline, or
    its kind has no other site.
    """

    kind: OrderKind
    has_code: bool
    has_site: bool
    sides: frozenset[str]

    def may_be_on(self, sides: frozenset[str]) -> bool:
        """Return whether the order may be for a tumour on these sides. An unknown side may be any side."""
        return not sides or not self.sides or bool(sides & self.sides)


def select_drafts(
    content: OrderContent,
    terminology: Terminology,
    bundle: Mapping[str, Any],
    selections: Iterable[str] | None,
    patient: str,
) -> list[Draft]:
    """Return the drafts for this patient that the guideline is about, at most one of each kind.

    With `selections`, only the orders that they reference are read.
    """
    references = None if selections is None else {"/".join(name.split("/")[-2:]) for name in selections}
    drafts: dict[str, Draft] = {}
    for order in _orders(bundle):
        if references is not None and f"{order.get('resourceType')}/{order.get('id')}" not in references:
            continue
        if order.get("status") in VOID_STATUSES or order.get("doNotPerform") is True or not _is_for(order, patient):
            continue
        draft = _read_draft(content, terminology, order)
        if draft is not None:
            drafts.setdefault(draft.kind.id, draft)
    return list(drafts.values())


def _orders(bundle: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for entry in objects(bundle.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict) and resource.get("resourceType") in REQUEST_TYPES:
            yield resource


def _is_for(order: Mapping[str, Any], patient: str) -> bool:
    """Return whether the order is for this patient. An order without a subject is."""
    subject = order.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    if not isinstance(reference, str) or reference.startswith(("#", "urn:")):
        return True
    return reference.split("/_history/")[0].split("/")[-1] == patient


def _read_draft(content: OrderContent, terminology: Terminology, order: Mapping[str, Any]) -> Draft | None:
    site, code_texts, site_texts = content.site, texts(order.get("code")), texts(order.get("bodySite"))
    procedures = find_concepts(terminology, content.code_lists.procedures, order.get("code"))
    places = find_concepts(terminology, content.code_lists.places, order.get("bodySite"))
    procedure_categories = {concept.category for concept in procedures}
    place_categories = {concept.category for concept in places}
    words = [_remove(text, site.diagnosis_phrases) for text in (*code_texts, *site_texts)]
    has_site = not place_categories.isdisjoint(site.categories) or any(_contains(text, site.words) for text in words)
    has_other_place = bool(site_texts or place_categories.difference(site.laterality_categories))
    is_elsewhere = not has_site and (has_other_place or any(_contains(text, site.other_site_words) for text in words))
    sides = [side for side, names in content.side_words.items() if any(_contains(text, names) for text in words)]
    all_sides = frozenset(both_sides([*sides, *(concept.side for concept in (*procedures, *places))]))
    kind_texts = [text for text in code_texts if not _contains(text, content.excluded_phrases)]
    for kind in content.kinds:
        categories = (*kind.categories, *(kind.categories_at_site if has_site else ()))
        has_code = not procedure_categories.isdisjoint(categories)
        if has_code and kind.also_at_other_sites and is_elsewhere:
            return None
        phrases = (*kind.phrases, *(kind.phrases_at_site if has_site else ()))
        if has_code or any(_contains(text, phrases) for text in kind_texts):
            return Draft(kind, has_code, has_site or not kind.also_at_other_sites, all_sides)
    return None


def _remove(text: str, phrases: Iterable[str]) -> str:
    for phrase in phrases:
        text = _pattern(phrase).sub("", text)
    return text


def _contains(text: str, phrases: Iterable[str]) -> bool:
    return any(_pattern(phrase).search(text) for phrase in phrases)


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    """Return the pattern of a phrase as whole words.

    Cached without a limit: the phrases come from the content, and the cache of `re` would be searched for each draft.
    """
    return re.compile(rf"\b{re.escape(phrase)}\b", re.IGNORECASE)
