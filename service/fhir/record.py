"""One patient's record: its usable resources, what points where, and what each code is in the lists.

A record is read once, whatever the number of guidelines that read facts out of it: each coding is looked up once in
the index of all code lists, each date is parsed once.
"""

import datetime as dt
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from service.facts.json_body import Json
from service.fhir.dates import DateReader, Day
from service.fhir.resolution import Resolution
from service.fhir.resources import (
    Coding,
    Entry,
    Resource,
    choice,
    codings,
    extension_codings,
    extensions,
    local,
    objects,
    reference,
    string,
    texts,
    word,
)
from service.fhir.statuses import ACTIVE, HISTORY, NO_STATUSES, TENTATIVE, WITHDRAWN, Statuses, read_statuses
from service.knowledge.terminology import Concept as ListedConcept
from service.knowledge.terminology import Terminology

T = TypeVar("T")

RECORDED = ("recordedDate", "dateRecorded")
"""Elements that say when something was written down: it may have begun long before."""
MEDICATED = frozenset(
    ("MedicationAdministration", "MedicationStatement", "MedicationUsage", "MedicationRequest", "MedicationDispense")
)
"""Types whose code is that of their medication."""
DROPPED = WITHDRAWN | {"cancelled", "not-done"}
FINAL = frozenset({"final", "amended", "corrected"})
ENCOUNTER_DIAGNOSIS = "encounter-diagnosis"
"""Category of a Condition that one encounter was about: it is closed with the encounter."""


class lazy(Generic[T]):  # noqa: N801 - it stands where property would
    """A property worked out once, without the lock that functools.cached_property takes before Python 3.12."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.name = make, make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> T:
        """Return the value, which from now on stands in the instance."""
        value = instance.__dict__[self.name] = self.make(instance)
        return value


@dataclass(frozen=True, slots=True)
class Match:
    """A code of a resource that stands in a list."""

    coding: Coding
    concept: ListedConcept

    @property
    def category(self) -> str:
        """Its category there."""
        return self.concept.category


Hits = Mapping[str, tuple[Match, ...]]
"""List -> the codes that stand in it, in the order sent."""


@dataclass(frozen=True, eq=False, slots=True)
class Concept:
    """A CodeableConcept of the record: its codes, its texts, and what the codes are in each list."""

    codes: tuple[Coding, ...]
    texts: tuple[str, ...]
    hits: Hits
    is_foreign: bool = False
    """Whether every code is of a system that is not read."""


NOTHING = Concept((), (), {})


@dataclass(eq=False)
class Item:
    """A resource of the patient, with what every resolver asks of it. Never changed once it is read."""

    record: "Record" = field(repr=False)
    """A weak reference: with its last reader a record then goes at once, and is no work for the garbage collector."""
    resource: Resource
    type: str
    id: str
    label: str
    concept: Concept
    """Its code, or that of its medication."""

    def __post_init__(self) -> None:
        """Bring near what is read most."""
        self.codes, self.hits = self.concept.codes, self.concept.hits

    @lazy
    def dated(self) -> tuple[str, Day | None]:
        """The element that its date was read from, and that date; empty and None without one."""
        return self.record.dates.of(self.resource, self.type)

    @lazy
    def element(self) -> str:
        """The element that its date was read from; empty without a date."""
        return self.dated[0]

    @lazy
    def day(self) -> Day | None:
        """Its date."""
        return self.dated[1]

    @lazy
    def statuses(self) -> Statuses:
        """The statuses of a Condition in FHIR's words."""
        return read_statuses(self.record.terminology, self.resource) if self.type == "Condition" else NO_STATUSES

    @lazy
    def clinical(self) -> str:
        """Its clinicalStatus as a word; empty if it says none."""
        return self.statuses.clinical

    @lazy
    def verification(self) -> str:
        """Its verificationStatus as a word; empty if it says none."""
        return self.statuses.verification

    @lazy
    def status(self) -> str:
        """Its status as a word; empty if it says none."""
        return word(self.resource.get("status"))

    @lazy
    def past(self) -> bool:
        """Whether a Condition is history (in remission, resolved or inactive), or an AdverseEvent is over."""
        if self.type == "AdverseEvent":
            return word(self.resource.get("outcome")) == "resolved" or bool(extensions(self.resource, "resolved-date"))
        if self.clinical in HISTORY | ACTIVE:
            return self.clinical in HISTORY
        has_ended = any(name.startswith("abatement") and value is not False for name, value in self.resource.items())
        return has_ended and not self.closed_with_encounter

    @lazy
    def closed_with_encounter(self) -> bool:
        """Whether a Condition was closed on the day of its encounter, which says nothing about the disease."""
        if all(coding.code.lower() != ENCOUNTER_DIAGNOSIS for coding in codings(self.resource.get("category"))):
            return False
        dates, resource = self.record.dates, self.resource
        period = resource.get("abatementPeriod")
        closing_day = dates.day(period.get("end") if isinstance(period, dict) else resource.get("abatementDateTime"))
        if closing_day is None or closing_day.first != closing_day.last:
            return False
        encounter = self.record.resolve(resource.get("encounter") or resource.get("context"))
        stay = encounter.resource.get("period") if encounter is not None else None
        ends = [dates.day(stay.get("end"))] if isinstance(stay, dict) else []
        days = [self.day, dates.first_of(resource, *RECORDED)[1], *ends]
        return any(day is not None and day.overlaps(closing_day) for day in days)

    @lazy
    def potential(self) -> bool:
        """Whether an AdverseEvent did not happen."""
        return word(self.resource.get("actuality")) == "potential"

    @lazy
    def tentative(self) -> bool:
        """Whether a Condition is only suspected."""
        return self.verification in TENTATIVE

    @lazy
    def final(self) -> bool:
        """Whether an Observation is final."""
        return self.status in FINAL

    @lazy
    def value(self) -> tuple[str, Json]:
        """Its value[x], with the name of the element."""
        return choice(self.resource, "value")

    @lazy
    def value_concept(self) -> Concept:
        """The codes and texts of its value."""
        return self.record.concept(self.value[1])

    @lazy
    def code_texts(self) -> tuple[str, ...]:
        """The texts of its code."""
        return self.record.concept(self.resource.get("code")).texts

    @lazy
    def event(self) -> Concept:
        """What happened, of an AdverseEvent: `code` in R5, `event` in R4, `type` in STU3."""
        events = (self.resource.get(name) for name in ("code", "event", "type"))
        return self.record.concept(next((event for event in events if event is not None), None))

    @lazy
    def site(self) -> Concept:
        """The codes and texts of its body site."""
        return self.record.concept(self.resource.get("bodySite"))

    @lazy
    def links(self) -> list["Item"]:
        """The Conditions that it points at: due to, related to, evidence, reason."""
        return self.record.find_links(self.resource)


class Record:
    """The usable resources of one patient. Immutable once read, but for its memos."""

    def __init__(self, terminology: Terminology, today: dt.date) -> None:
        self.weak = cast("Record", weakref.proxy(self))
        """The record for what it holds itself."""
        self.terminology = terminology
        self.today = today
        # Tomorrow is not in the future: the host may be east of UTC.
        self.dates = DateReader(today + dt.timedelta(days=1))
        self.remarks = Resolution()
        """What the record itself made impossible to use, for whichever guideline."""
        self.patient: str | None = None
        self.others: list[str] = []
        self.items: dict[str, list[Item]] = {}
        self.measurements: dict[Concept, list[Entry]] = {}
        """Observations that state a number of what stands in no list, and nothing else, by their code."""
        self.unusable: list[Item] = []
        """Resources that could not be read: they may say anything, and prove nothing."""
        self.whole = True
        """False where a query failed, a page is missing, or whose a resource is, or whether it holds, is not known."""
        self.complete = True
        """False where it is not whole, or something in it could not be read."""
        self.conditions = 0
        """How many Conditions of the patient there were, refuted ones included."""
        self.sent: list[tuple[Entry, bool]] = []
        """Each resource that was sent, whosever it is, and whether a code list touches it or it is the Patient."""
        self.replaced: list[str] = []
        """Labels of the versions for which a newer one stands, or that were deleted."""
        self._by_url: dict[str, Item] = {}
        self._by_id: dict[tuple[str, str], Item] = {}
        self._by_bare_id: dict[str, Item] = {}
        self._listed: dict[tuple[str, str], list[Item]] = {}
        self._hits: dict[tuple[Coding, ...], Hits] = {(): {}}
        self._concepts: dict[tuple[Json, ...], Concept] = {}
        self._categories: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}
        self._systems: dict[str, str | None] = {}

    def lose_part(self) -> None:
        """Note that a part is missing: what it holds is unknown."""
        self.whole = self.complete = False

    def of(self, *types: str) -> Iterator[Item]:
        """Yield the usable resources of these types, in the order sent."""
        for name in types:
            yield from self.items.get(name, ())

    @lazy
    def components(self) -> dict[str, list[tuple[Item, Resource, tuple[Match, ...]]]]:
        """The components of usable Observations that have a code in a list, by list, with those codes."""
        components: dict[str, list[tuple[Item, Resource, tuple[Match, ...]]]] = {}
        for item in self.of("Observation"):
            for component in objects(item.resource["component"]) if "component" in item.resource else ():
                for name, matches in self.concept(component.get("code")).hits.items():
                    components.setdefault(name, []).append((item, component, matches))
        return components

    def listed(self, type_: str, name: str) -> Sequence[Item]:
        """Return the usable resources of a type that have a code in a list, in the order sent."""
        return self._listed.get((type_, name), ())

    def resolve(self, value: Json) -> Item | None:
        """Return the resource of this patient that a Reference names, if it was sent."""
        text = reference(value)
        kind, ident = local(text)
        item = self._by_url.get(text) or (self._by_id.get((kind, ident)) if kind else self._by_bare_id.get(ident))
        if item is not None or kind not in {"", "Observation"}:
            return item
        return self._measurements_by_name.get(text) or self._measurements_by_name.get(ident)

    @lazy
    def _measurements_by_name(self) -> dict[str, Item]:
        """The measurements by address and by id: next to nothing ever refers to one."""
        by_name: dict[str, Item] = {}
        for entry in (entry for entries in self.measurements.values() for entry in entries):
            item = self.item(entry)
            for name in (entry.full_url, local(entry.full_url)[1], item.id):
                by_name.setdefault(name, item)
        by_name.pop("", None)
        return by_name

    def item(self, entry: Entry, label: str = "") -> Item:
        """Return a resource with what every resolver asks of it."""
        resource, kind = entry.resource, entry.type
        medication = resource.get("medicationCodeableConcept") if kind in MEDICATED else None
        concept = self.concept(resource.get("code") if medication is None else medication)
        return Item(self.weak, resource, kind, string(resource.get("id")), label or entry.label, concept)

    def hits(self, codes: tuple[Coding, ...]) -> Hits:
        """Return what the codes are in each list that knows any of them."""
        hits = self._hits.get(codes)
        if hits is None:
            by_list: dict[str, list[Match]] = {}
            for coding in codes:
                for name, concept in self.terminology.find(coding.system, coding.code).items():
                    by_list.setdefault(name, []).append(Match(coding, concept))
            hits = self._hits[codes] = {name: tuple(matches) for name, matches in by_list.items()}
        return hits

    def system(self, address: str) -> str | None:
        """Return the name of a code system by any of its addresses; None where it is not known."""
        try:
            return self._systems[address]
        except KeyError:
            name = self._systems[address] = self.terminology.system(address)
            return name

    def concept(self, value: Json) -> Concept:
        """Return a CodeableConcept, a Coding or a list of them; what has one code or none is read once a record."""
        if value is None:
            return NOTHING
        key = _key(value)
        if key is None:
            return self._read_concept(value)
        try:
            return self._concepts[key]
        except KeyError:
            new_concept = self._concepts[key] = self._read_concept(value)
            return new_concept
        except TypeError:  # a list where a text belongs
            return self._read_concept(value)

    def _read_concept(self, value: Json) -> Concept:
        codes = tuple(codings(value))
        hits = self.hits(codes)
        is_foreign = not hits and all(self.system(coding.system) is None for coding in codes)
        return Concept(codes, tuple(texts(value)), hits, is_foreign)

    def match(self, name: str, codes: Iterable[Coding]) -> tuple[Match, ...]:
        """Return the codes that stand in a list."""
        return self.hits(tuple(codes)).get(name, ())

    def categories(self, name: str, concept: Json) -> set[str]:
        """Return the categories of a concept's codes in a list."""
        return {match.category for match in self.concept(concept).hits.get(name, ())}

    def categories_of_texts(self, name: str, phrases: Iterable[str]) -> set[str]:
        """Return the categories of a list of which any of the texts is a word."""
        code_list = self.terminology[name]
        return {category for text in phrases if (category := code_list.category_of_word(text))}

    def category_of_extension(self, name: str, url: str) -> str | None:
        """Return the category of an extension in a list: its address is a code system and a code."""
        base, _, code = url.partition("|")[0].rpartition("/")
        concept = self.terminology.find(base, code).get(name)
        return None if concept is None else concept.category

    def categories_within(self, name: str, phrases: Iterable[str]) -> frozenset[str]:
        """Return the categories of a list of which a word stands somewhere in any of the texts."""
        key = name, tuple(phrases)
        categories = self._categories.get(key)
        if categories is None:
            categories = self._categories[key] = self.terminology[name].categories_within(key[1])
        return categories

    def sides(self, places: str, site: Json, code: Json = None) -> set[str]:
        """Return the sides that a body site states, or an extension of it or of a code."""
        if site is None and code is None:
            return set()
        matches = self.concept(site).hits.get(places, ())
        if extension_codes := extension_codings(site, code):
            matches += self.match(places, extension_codes)
        return both_sides(match.concept.side for match in matches if match.concept.side)

    def find_links(self, resource: Resource) -> list[Item]:
        """Return the Conditions that a resource points at; one that was withdrawn says nothing of it."""
        pointers = [
            value for entry in extensions(resource, "") for name, value in entry.items() if name == "valueReference"
        ]
        evidence = resource.get("evidence")
        for entry in evidence if isinstance(evidence, list) else []:
            detail = entry.get("detail") if isinstance(entry, dict) else None
            pointers += detail if isinstance(detail, list) else [detail]
        for name in ("reasonReference", "focus", "partOf", "derivedFrom"):
            value = resource.get(name)
            pointers += value if isinstance(value, list) else [value]
        targets = (self.resolve(pointer) for pointer in pointers if isinstance(pointer, dict))
        conditions = [target for target in targets if target is not None and target.type == "Condition"]
        return [condition for condition in conditions if DROPPED.isdisjoint((condition.status, condition.verification))]

    def add(self, item: Item) -> None:
        """Take up a resource that may be used."""
        self.items.setdefault(item.type, []).append(item)
        for name in item.hits:
            self._listed.setdefault((item.type, name), []).append(item)

    def index(self, item: Item, full_url: str) -> None:
        """Let references find the resource."""
        if full_url:
            self._by_url.setdefault(full_url, item)
            self._by_bare_id.setdefault(local(full_url)[1], item)
        if item.id:
            self._by_id.setdefault((item.type, item.id), item)
            self._by_bare_id.setdefault(item.id, item)


def both_sides(sides: Iterable[str | None]) -> set[str]:
    """Return left and right, with bilateral as both."""
    distinct = {side for side in sides if side}
    return (distinct - {"bilateral"}) | ({"left", "right"} if "bilateral" in distinct else set())


def _key(value: Json) -> tuple[Json, ...] | None:
    """Return what tells a concept of at most one code from any other; None for one of several, or of an odd form."""
    if not isinstance(value, dict):
        return None
    coding, text = value.get("coding"), value.get("text")
    if coding is None:
        key = text, "coding" in value, value.get("system"), value.get("code"), value.get("display")
    elif isinstance(coding, list) and len(coding) == 1 and isinstance(coding[0], dict):
        only = coding[0]
        key = text, True, only.get("system"), only.get("code"), only.get("display")
    else:
        return None
    return key
