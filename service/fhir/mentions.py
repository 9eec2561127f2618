"""Codes that name a disease in elements that state none: a report's conclusion, the reason of a treatment, a value."""

from collections.abc import Iterator
from dataclasses import dataclass

from service.facts.json_body import Json
from service.fhir.dates import Day
from service.fhir.record import Item, Record
from service.fhir.resources import Coding, codings, objects

NAMING = ("reasonCode", "reason", "conclusionCode", "problem", "finding", "event")
"""Elements by which a resource names what is the matter."""
BILLING = ("diagnosis", "indication", "activity", "item")
"""Elements by which a bill, a stay or a plan does so."""
DATED = (
    "effectiveDateTime", "effectivePeriod", "performedDateTime", "performedPeriod", "occurrenceDateTime",
    "occurrencePeriod", "period", "date", "issued", "authoredOn", "authored", "started", "created", "recordedDate",
)  # fmt: skip
OF_OTHERS = frozenset({"FamilyMemberHistory", "Condition", "Observation", "Patient"})
"""Types that are read elsewhere, or tell of somebody else."""
DEEPEST = 6
"""Levels below such an element at which a code may stand."""


@dataclass(frozen=True)
class Mention:
    """Codes by which a resource names a disease."""

    item: Item
    element: str
    codes: tuple[Coding, ...]
    day: Day | None


def mentions_in(record: Record, name: str) -> Iterator[Mention]:
    """Yield the elements of other resources, and the evidence of Conditions, that hold a code of a list."""
    for kind, items in record.items.items():
        if kind not in OF_OTHERS:
            for item in items:
                if name in item.hits:
                    yield Mention(item, "code", item.codes, _day(record, item))
                yield from _elements(record, item, name, (*NAMING, *BILLING))
    for item in record.of("Condition"):
        yield from _elements(record, item, name, ("evidence",))


def _elements(record: Record, item: Item, name: str, elements: tuple[str, ...]) -> Iterator[Mention]:
    for element in elements:
        if element in item.resource:
            codes = tuple(_codes(item.resource[element]))
            if codes and name in record.hits(codes):
                yield Mention(item, element, codes, _day(record, item))


def _day(record: Record, item: Item) -> Day | None:
    return item.day or record.dates.first_of(item.resource, *DATED)[1]


def value_mentions(record: Record, name: str, presence: str, absent: str) -> Iterator[Mention]:
    """Yield the Observations whose code or value is in a list, unless the value says absent."""
    for item in record.of("Observation"):
        if "valueCodeableConcept" not in item.resource and name not in item.hits:
            continue
        concept = item.value_concept
        if name not in item.hits and name not in concept.hits:
            continue
        if item.value[1] is False or any(match.category == absent for match in concept.hits.get(presence, ())):
            continue
        yield Mention(item, item.value[0] or "code", (*item.codes, *concept.codes), item.day)


def _codes(value: Json, level: int = 0) -> Iterator[Coding]:
    """Yield every code below an element, whatever the member that holds it."""
    if level > DEEPEST:
        return
    for element in objects(value):
        if "coding" in element or "code" in element:
            yield from codings(element)
        for name, child in element.items():
            if name != "coding" and isinstance(child, dict | list):
                yield from _codes(child, level + 1)
