"""The CDS services of discovery: those of each guideline, and one for each hook that asks all guidelines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from service.knowledge.cards import SHARED_SERVICES, Cards, PrefetchItem, ServiceText
from service.knowledge.guideline import Guideline

SPECIFICATION = "2.0.1"
"""Of CDS Hooks. Version 3.0 asks for it in discovery, 2.0.1 allows it."""

VIEW_DESCRIPTION = (
    "For a patient with a cancer that one of the loaded guidelines is about: the advice of each such guideline, at most"
    " one card a guideline, the most urgent first. No card for other patients."
)
ORDER_DESCRIPTION = (
    "When a treatment that one of the loaded guidelines is about is {event} for a patient with its cancer: whether the"
    " draft fits the advice, at most one card a guideline. It never blocks an order, and says nothing about other"
    " orders."
)
SHARED_TEXTS = (
    ServiceText(SHARED_SERVICES["patient-view"], "patient-view", "Oncology guidelines", VIEW_DESCRIPTION),
    ServiceText(
        SHARED_SERVICES["order-select"],
        "order-select",
        "Oncology guidelines, while a treatment is being ordered",
        ORDER_DESCRIPTION.format(event="selected"),
    ),
    ServiceText(
        SHARED_SERVICES["order-sign"],
        "order-sign",
        "Oncology guidelines, before a treatment is signed",
        ORDER_DESCRIPTION.format(event="about to be signed"),
    ),
)
"""The services that ask all guidelines."""


@dataclass(frozen=True)
class HookService:
    """A CDS service, and the guidelines that answer it, ordered by id."""

    text: ServiceText
    usage_requirements: str
    prefetch: tuple[PrefetchItem, ...]
    guidelines: tuple[Guideline, ...]

    @property
    def is_shared(self) -> bool:
        """Whether the service asks all guidelines."""
        return self.text.id in SHARED_SERVICES.values()

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the discovery response."""
        return {
            "id": self.text.id,
            "hook": self.text.hook,
            "title": self.text.title,
            "description": self.text.description,
            "prefetch": {item.id: item.query for item in self.prefetch},
            "usageRequirements": self.usage_requirements,
            "version": SPECIFICATION,
        }


def hook_services(guidelines: Iterable[Guideline]) -> dict[str, HookService]:
    """Return the services by id: first those of each guideline, then the shared ones. Both are empty without cards."""
    answering = [(guideline, cards) for guideline in sorted(guidelines, key=_id) if (cards := guideline.cards)]
    services = [
        HookService(text, cards.usage_requirements, cards.prefetch, (guideline,))
        for guideline, cards in answering
        for text in cards.services
    ]
    if answering:
        services += _shared_services(answering)
    return {service.text.id: service for service in services}


def _shared_services(answering: list[tuple[Guideline, Cards]]) -> Iterator[HookService]:
    requirements = " ".join(dict.fromkeys(cards.usage_requirements for _, cards in answering))
    prefetch = union_of_prefetch(cards for _, cards in answering)
    guidelines = tuple(guideline for guideline, _ in answering)
    for text in SHARED_TEXTS:
        yield HookService(text, requirements, prefetch, guidelines)


def union_of_prefetch(all_cards: Iterable[Cards]) -> tuple[PrefetchItem, ...]:
    """Return each key once. An item is required if a guideline requires it.

    Loading has proved that a key has the same query in every guideline.
    """
    items: dict[str, PrefetchItem] = {}
    for cards in all_cards:
        for item in cards.prefetch:
            other = items.setdefault(item.id, item)
            required, within = other.required or item.required, other.within or item.within
            items[item.id] = replace(other, required=required, within=within)
    return tuple(items.values())


def _id(guideline: Guideline) -> str:
    return guideline.release.id
