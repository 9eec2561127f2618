"""One patient's record: its usable resources, what points where, and what each code is in the lists.

A record is read once, whatever the number of guidelines that read facts out of it: each coding is looked up once in
the index of all code lists, each date is parsed once.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from service.facts.json_body import Json
from service.fhir.dates import DateReader, Day
from service.fhir.resolution import Resolution
from service.fhir.resources import (
    Coding,
    Resource,
    choice,
    codings,
    extensions,
    local,
    objects,
    reference,
    texts,
    word,
)
from service.knowledge.terminology import Concept as ListedConcept
from service.knowledge.terminology import Terminology

T = TypeVar("T")

RECORDED = ("recordedDate", "dateRecorded")
"""Elements that say when something was written down: it may have begun long before."""
DROPPED = frozenset({"entered-in-error", "refuted", "cancelled", "not-done"})
FINAL = frozenset({"final", "amended", "corrected"})
HISTORY = frozenset({"inactive", "remission", "resolved"})
ACTIVE = frozenset({"active", "recurrence", "relapse"})
TENTATIVE = frozenset({"unconfirmed", "provisional", "differential"})


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


NOTHING = Concept((), (), {})


@dataclass(eq=False)
class Item:
    """A resource of the patient, with what every resolver asks of it. Never changed once it is read."""

    record: "Record" = field(repr=False)
    resource: Resource
    type: str
    id: str
    label: str
    concept: Concept
    """Its code, or that of its medication."""
    element: str
    """The element that its date was read from; empty without a date."""
    day: Day | None

    def __post_init__(self) -> None:
        """Bring near what is read most."""
        self.codes, self.hits = self.concept.codes, self.concept.hits

    @lazy
    def clinical(self) -> str:
        """Its clinicalStatus as a word; empty if it says none."""
        return word(self.resource.get("clinicalStatus"))

    @lazy
    def verification(self) -> str:
        """Its verificationStatus as a word; empty if it says none."""
        return word(self.resource.get("verificationStatus"))

    @lazy
    def status(self) -> str:
        """Its status as a word; empty if it says none."""
        return word(self.resource.get("status"))

    @lazy
    def past(self) -> bool:
        """Whether a Condition is history (in remission, resolved or inactive), or an AdverseEvent is over."""
        if self.type == "AdverseEvent":
            return word(self.resource.get("outcome")) == "resolved" or bool(extensions(self.resource, "resolved-date"))
        ended = any(name.startswith("abatement") and value is not False for name, value in self.resource.items())
        return self.clinical in HISTORY or (ended and self.clinical not in ACTIVE)

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
        self.terminology = terminology
        self.today = today
        self.dates = DateReader()
        self.remarks = Resolution()
        """What the record itself made impossible to use, for whichever guideline."""
        self.patient: str | None = None
        self.others: list[str] = []
        self.items: dict[str, list[Item]] = {}
        self.unusable: list[Item] = []
        """Resources that could not be read: they may say anything, and prove nothing."""
        self.complete = True
        """False where a query failed, a page is missing or something could not be read."""
        self.conditions = 0
        """How many Conditions of the patient there were, refuted ones included."""
        self.labels: list[tuple[str, bool]] = []
        """Each resource that was sent, whosever it is, and whether a code list touches it or it is the Patient."""
        self._by_url: dict[str, Item] = {}
        self._by_id: dict[tuple[str, str], Item] = {}
        self._by_bare_id: dict[str, Item] = {}
        self._listed: dict[tuple[str, str], list[Item]] = {}
        self._hits: dict[tuple[Coding, ...], Hits] = {(): {}}
        self._concepts: dict[tuple[Json, ...], Concept] = {}
        self._categories: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}

    def of(self, *types: str) -> Iterator[Item]:
        """Yield the usable resources of these types, in the order sent."""
        for name in types:
            yield from self.items.get(name, ())

    @lazy
    def components(self) -> dict[str, list[tuple[Item, Resource, tuple[Match, ...]]]]:
        """The components of usable Observations that have a code in a list, by list, with those codes."""
        found: dict[str, list[tuple[Item, Resource, tuple[Match, ...]]]] = {}
        for item in self.of("Observation"):
            for component in objects(item.resource["component"]) if "component" in item.resource else ():
                for name, matches in self.concept(component.get("code")).hits.items():
                    found.setdefault(name, []).append((item, component, matches))
        return found

    def listed(self, type_: str, name: str) -> Sequence[Item]:
        """Return the usable resources of a type that have a code in a list, in the order sent."""
        return self._listed.get((type_, name), ())

    def resolve(self, value: Json) -> Item | None:
        """Return the resource of this patient that a Reference names, if it was sent."""
        text = reference(value)
        kind, ident = local(text)
        return self._by_url.get(text) or (self._by_id.get((kind, ident)) if kind else self._by_bare_id.get(ident))

    def hits(self, codes: tuple[Coding, ...]) -> Hits:
        """Return what the codes are in each list that knows any of them."""
        found = self._hits.get(codes)
        if found is None:
            by_list: dict[str, list[Match]] = {}
            for coding in codes:
                for name, concept in self.terminology.find(coding.system, coding.code).items():
                    by_list.setdefault(name, []).append(Match(coding, concept))
            found = self._hits[codes] = {name: tuple(matches) for name, matches in by_list.items()}
        return found

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
            found = self._concepts[key] = self._read_concept(value)
            return found
        except TypeError:  # a list where a text belongs
            return self._read_concept(value)

    def _read_concept(self, value: Json) -> Concept:
        codes = tuple(codings(value))
        return Concept(codes, tuple(texts(value)), self.hits(codes))

    def match(self, name: str, codes: Iterable[Coding]) -> tuple[Match, ...]:
        """Return the codes that stand in a list."""
        return self.hits(tuple(codes)).get(name, ())

    def categories(self, name: str, concept: Json) -> set[str]:
        """Return the categories of a concept's codes in a list."""
        return {match.category for match in self.concept(concept).hits.get(name, ())}

    def categories_of_texts(self, name: str, phrases: Iterable[str]) -> set[str]:
        """Return the categories of a list of which any of the texts is a word."""
        listed = self.terminology[name]
        return {category for text in phrases if (category := listed.category_of_word(text))}

    def categories_within(self, name: str, phrases: Iterable[str]) -> frozenset[str]:
        """Return the categories of a list of which a word stands somewhere in any of the texts."""
        key = name, tuple(phrases)
        found = self._categories.get(key)
        if found is None:
            found = self._categories[key] = self.terminology[name].categories_within(key[1])
        return found

    def sides(self, places: str, concept: Json) -> set[str]:
        """Return the sides that a body site states: in its codes, or in its laterality extensions."""
        if concept is None:
            return set()
        found = self.concept(concept).hits.get(places, ())
        for each in (*extensions(concept, "mcode-laterality-qualifier"), *extensions(concept, "mcode-laterality")):
            found += self.match(places, codings(each.get("valueCodeableConcept")))
        return both_sides(match.concept.side for match in found if match.concept.side)

    def find_links(self, resource: Resource) -> list[Item]:
        """Return the Conditions that a resource points at."""
        pointers = [
            value for each in extensions(resource, "") for name, value in each.items() if name == "valueReference"
        ]
        evidence = resource.get("evidence")
        for each in evidence if isinstance(evidence, list) else []:
            detail = each.get("detail") if isinstance(each, dict) else None
            pointers += detail if isinstance(detail, list) else [detail]
        for name in ("reasonReference", "focus", "partOf", "derivedFrom"):
            value = resource.get(name)
            pointers += value if isinstance(value, list) else [value]
        targets = (self.resolve(pointer) for pointer in pointers if isinstance(pointer, dict))
        return [target for target in targets if target is not None and target.type == "Condition"]

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
    found = {side for side in sides if side}
    return (found - {"bilateral"}) | ({"left", "right"} if "bilateral" in found else set())


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


def first_object(value: Json) -> Resource:
    """Return the object, or the first of a list; an empty one where there is none."""
    return next(iter(objects(value)), {})
