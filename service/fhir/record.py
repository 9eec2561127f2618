"""One patient's part of what was sent: whose each resource is, what points where, and what may be used at all."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from service.facts.json_body import Json
from service.fhir.ownership import meant, ownerless_count, owners
from service.fhir.resources import (
    SHOWN,
    Coding,
    Day,
    Entry,
    Resource,
    bundles,
    choice,
    codings,
    entries,
    extensions,
    failed,
    has_more,
    local,
    reference,
    string,
    texts,
    type_of,
    when,
    word,
)
from service.knowledge.terminology import Concept, Terminology

DATES = {
    "Condition": ("onsetDateTime", "onsetPeriod", "assertedDate", "recordedDate", "dateRecorded"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"),
    "Procedure": ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod", "occurenceDateTime", "occurencePeriod"),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod"),
    "MedicationUsage": ("effectiveDateTime", "effectivePeriod"),
    "AdverseEvent": ("date", "detected", "recordedDate"),
}
RECORDED = ("recordedDate", "dateRecorded")
"""Elements that say when something was written down: it may have begun long before."""

DROPPED = {"entered-in-error", "refuted", "cancelled", "not-done"}
FINAL = {"final", "amended", "corrected"}
PRELIMINARY = {"preliminary", "unknown", ""}
HISTORY = {"inactive", "remission", "resolved"}
ACTIVE = {"active", "recurrence", "relapse"}
TENTATIVE = {"unconfirmed", "provisional", "differential"}
AHEAD = dt.timedelta(days=1)
"""A date up to a day ahead is not in the future: the host may be east of UTC."""


@dataclass(frozen=True, eq=False)
class Item:
    """A resource of the patient, with what every reader asks of it."""

    resource: Resource
    type: str
    id: str
    label: str
    codes: tuple[Coding, ...]
    element: str
    """The element that its date was read from; empty without a date."""
    day: Day | None

    @cached_property
    def clinical(self) -> str:
        """Its clinicalStatus as a word; empty if it says none."""
        return word(self.resource.get("clinicalStatus"))

    @cached_property
    def status(self) -> str:
        """Its status as a word; empty if it says none."""
        return word(self.resource.get("status"))

    @cached_property
    def past(self) -> bool:
        """Whether a Condition is history: in remission, resolved or inactive."""
        ended = any(name.startswith("abatement") and value is not False for name, value in self.resource.items())
        return self.clinical in HISTORY or (ended and self.clinical not in ACTIVE)

    @cached_property
    def tentative(self) -> bool:
        """Whether a Condition is only suspected."""
        return word(self.resource.get("verificationStatus")) in TENTATIVE

    @cached_property
    def final(self) -> bool:
        """Whether an Observation is final."""
        return self.status in FINAL

    @cached_property
    def value(self) -> tuple[str, Json]:
        """Its value[x], with the name of the element."""
        return choice(self.resource, "value")


@dataclass(frozen=True)
class Match:
    """A code of a resource that stands in a list."""

    coding: Coding
    concept: Concept

    @property
    def means(self) -> str:
        """What it means there."""
        return self.concept.means


@dataclass
class Notes:
    """What is found on the way: facts with their provenance, conflicts, and what was not used."""

    facts: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, dict[str, Any]] = field(default_factory=dict)
    ignored: list[dict[str, str]] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def ignore(self, label: str, reason: str) -> None:
        """Say once what was not used and why."""
        if (label, reason) not in self._told:
            self._told.add((label, reason))
            self.ignored.append({"resource": label, "reason": reason})

    def conflict(self, fact: str, values: Iterable[Any], items: Iterable[Item], detail: str) -> None:
        """Say that sources disagree; the fact stays unknown."""
        self.conflicts.append(
            {
                "fact": fact,
                "values": list(dict.fromkeys(values)),
                "resources": list(dict.fromkeys(item.label for item in items)),
                "detail": detail,
            }
        )


@dataclass
class Record:
    """The usable resources of one patient."""

    terminology: Terminology
    notes: Notes
    today: dt.date
    patient: str | None = None
    others: list[str] = field(default_factory=list)
    items: dict[str, list[Item]] = field(default_factory=dict)
    unread: list[Item] = field(default_factory=list)
    """Resources that could not be read: they may say anything, and prove nothing."""
    deceased: bool = False
    complete: bool = True
    """False where a query failed, a page is missing or something could not be read."""
    conditions: int = 0
    """How many Conditions of the patient there were, refuted ones included."""
    _by_url: dict[str, Item] = field(default_factory=dict)
    _by_id: dict[tuple[str, str], Item] = field(default_factory=dict)
    _by_bare_id: dict[str, Item] = field(default_factory=dict)
    _sought: dict[tuple[str, tuple[Coding, ...]], tuple[Match, ...]] = field(default_factory=dict)
    _said: dict[tuple[str, tuple[str, ...]], frozenset[str]] = field(default_factory=dict)

    def of(self, *types: str) -> Iterator[Item]:
        """The usable resources of these types, in the order sent."""
        for name in types:
            yield from self.items.get(name, ())

    def resolve(self, value: Json) -> Item | None:
        """The resource of this patient that a Reference names, if it was sent."""
        text = reference(value)
        kind, ident = local(text)
        return self._by_url.get(text) or (self._by_id.get((kind, ident)) if kind else self._by_bare_id.get(ident))

    def match(self, name: str, found: Iterable[Coding]) -> tuple[Match, ...]:
        """The codes that stand in a list."""
        sought = (name, tuple(found))
        matches = self._sought.get(sought)
        if matches is None:  # the same few codes come again and again
            concepts = ((each, self.terminology.concept(name, each.system, each.code)) for each in sought[1])
            matches = tuple(Match(each, concept) for each, concept in concepts if concept is not None)
            self._sought[sought] = matches
        return matches

    def said(self, name: str, words: Iterable[str]) -> frozenset[str]:
        """The meanings in a list of which a word stands somewhere in any of the texts."""
        sought = (name, tuple(words))
        found = self._said.get(sought)
        if found is None:
            found = self._said[sought] = frozenset(self.terminology[name].meant(sought[1]))
        return found

    def sides(self, concept: Json) -> set[str]:
        """The sides that a concept states: in its codes, or in the laterality extensions of its body site."""
        found = self.match("body_sites", codings(concept))
        for each in (*extensions(concept, "mcode-laterality-qualifier"), *extensions(concept, "mcode-laterality")):
            found += self.match("body_sites", codings(each.get("valueCodeableConcept")))
        return both({match.concept.side for match in found if match.concept.side})

    def index(self, item: Item, full_url: str) -> None:
        """Let references find the resource."""
        if full_url:
            self._by_url.setdefault(full_url, item)
            self._by_bare_id.setdefault(local(full_url)[1], item)
        if item.id:
            self._by_id.setdefault((item.type, item.id), item)
            self._by_bare_id.setdefault(item.id, item)


def both(sides: Iterable[str | None]) -> set[str]:
    """Left and right, with bilateral as both."""
    found = {side for side in sides if side}
    return (found - {"bilateral"}) | ({"left", "right"} if "bilateral" in found else set())


def read_record(terminology: Terminology, resources: Sequence[Json], patient: str | None, today: dt.date) -> Record:
    """Sort what was sent: one patient's resources into the record, everything else into its notes."""
    record = Record(terminology, Notes(), today)
    sent = list(entries(list(resources)))
    for bundle in bundles(list(resources)):
        if has_more(bundle):
            record.complete = False
            record.notes.ignore("Bundle", "this is one page of several; the other pages were not sent")
    owned = owners(sent)
    who = meant(owned, patient)
    record.patient = who.patient
    if who.tied:
        record.complete = False
        names = [f"Patient/{owner}"[:SHOWN] for owner in who.tied]
        detail = "As many resources are of one patient as of the other: name the patient. Nothing was read."
        record.notes.conflicts.append({"fact": "patient", "values": names, "resources": names, "detail": detail})
    others: dict[str, None] = {}
    ownerless = ownerless_count(owned, who, patient)
    for entry, owner in owned:
        label = _label(entry)
        if owner and not who.owns(owner):
            others[(owner if "/" in owner else f"Patient/{owner}")[:SHOWN]] = None
            record.notes.ignore(label, "belongs to another patient")
        elif not owner and not _shared(entry.resource) and not ownerless:
            record.notes.ignore(label, "names no patient")
        else:
            _keep(record, entry, label)
    record.others = list(others)
    return record


def _shared(resource: Resource) -> bool:
    """Whether a resource belongs to nobody: a drug, an outcome, what is no resource at all."""
    return type_of(resource) not in DATES


def _label(entry: Entry) -> str:
    kind, ident = type_of(entry.resource), string(entry.resource.get("id"))
    if not kind:
        return entry.place or "request"
    return f"{kind}/{ident or entry.full_url or entry.place}"[:SHOWN]


def _keep(record: Record, entry: Entry, label: str) -> None:
    resource, notes = entry.resource, record.notes
    kind = type_of(resource)
    if not kind or kind == "Bundle":
        record.complete = False
        notes.ignore(label, "is nested too deeply" if kind else "is no FHIR resource: it has no resourceType")
        return
    if failed(resource):
        record.complete = False
        notes.ignore(label, "a query failed (OperationOutcome): what it would have found is unknown")
        return
    element, date = _dated(resource, kind)
    coded = (
        resource.get("medicationCodeableConcept") if kind.startswith("Medication") and kind != "Medication" else None
    )
    codes = tuple(codings(resource.get("code") if coded is None else coded))
    item = Item(resource, kind, string(resource.get("id")), label, codes, element, date)
    record.index(item, entry.full_url)
    record.conditions += kind == "Condition"
    if kind in DATES and not _usable(record, item):
        return
    record.items.setdefault(kind, []).append(item)


def _dated(resource: Resource, kind: str) -> tuple[str, Day | None]:
    if kind == "Condition":
        element, date = when(resource, "onsetDateTime", "onsetPeriod")
        asserted = extensions(resource, "condition-assertedDate")
        if date is None and asserted:
            element, date = when(asserted[0], "valueDateTime")
            element = "extension(assertedDate)" if date else ""
        return (element, date) if date else when(resource, *DATES[kind][2:])
    return when(resource, *DATES.get(kind, ()))


def _usable(record: Record, item: Item) -> bool:
    """Whether the resource may be evidence at all; what may not is told."""
    told = [item.status, word(item.resource.get("verificationStatus"))]
    refused = next((each for each in told if each in DROPPED), "")
    reason = ""
    if refused:
        reason = f"its status is {refused}"
    elif item.resource.get("modifierExtension"):
        reason = "has a modifier extension, which may turn what it says into the contrary"
        record.complete = False
    elif item.day is not None and item.day.first > record.today + AHEAD:
        reason = "is dated in the future"
        record.complete = False
    elif not item.codes and item.type in {"Condition", "Observation", "Procedure"}:
        said = bool(texts(item.resource.get("code")))
        reason = "says what it is in text only: text is not read" if said else "has no code that can be read"
        if item.type == "Condition":
            record.complete = False
    if reason:
        record.notes.ignore(item.label, reason)
    if reason and not refused:
        record.unread.append(item)
    return not reason
