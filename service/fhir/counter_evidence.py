"""What may be a finding and was not understood: text, a site in words, an unlisted code, a resource not read.

None of it is evidence. It only withdraws what an earlier examination says is absent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from service.facts.json_body import Json
from service.fhir.dates import Day
from service.fhir.findings import ABSENT, PRESENT, Finding, presence_of, read_findings
from service.fhir.mentions import NAMING
from service.fhir.reading import Reading
from service.fhir.record import DROPPED, RECORDED, Concept, Item
from service.fhir.resources import Resource, choice, objects, string
from service.knowledge.extraction import FindingsSource
from service.knowledge.terminology import CODED, HINT

READ = ("Condition", "Observation")
WRAPPED = ("itemCodeableConcept", "item", "concept", "value")
"""Elements in which they hold the concept itself: ClinicalImpression.finding, and references to concepts of R5."""
ASKED = ("item", "group", "question")
"""Elements of a QuestionnaireResponse that hold its questions."""
DATED = (
    "period", "actualPeriod", "effectiveDateTime", "effectivePeriod", "authored", "authoredOn", "date", "detected",
    "occurrenceDateTime", "occurrencePeriod", "performedDateTime", "performedPeriod", "issued", "recordedDate",
)  # fmt: skip
"""Elements that say when something was named."""
OVER = frozenset({"inactive"})
"""Statuses of a Flag that is no longer raised."""
LINKING = frozenset(
    ("extension", "evidence", "reasonReference", "focus", "partOf", "derivedFrom", "component", "bodySite")
)
"""Elements that may tell where or what an Observation is about, beside its code and value."""
ANY = ""
"""The kind of what may be any finding."""


class Location(Enum):
    """Where a resource is about, as far as can be told."""

    TUMOUR = "tumour"
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class CounterEvidence:
    """Something that may be a finding of a kind."""

    kind: str
    item: Item
    day: Day | None
    """The latest day it says; None where it holds whatever the day of an examination."""

    def concerns(self, kind: str, since: Day | None) -> bool:
        """Return whether it may be this kind, and is not older than an examination."""
        older = self.day is not None and since is not None and self.day.before(since)
        return self.kind in {kind, ANY} and not older


def latest_day(reading: Reading, item: Item) -> Day | None:
    """Return the latest day that a resource says: what began long ago may be recorded now."""
    recording_day = reading.record.dates.first_of(item.resource, *RECORDED)[1]
    days = [day for day in (item.day, recording_day) if day is not None]
    return max(days, key=lambda day: day.last, default=None)


@dataclass(frozen=True, eq=False)
class NamedEmergency:
    """An emergency that is named where no finding is read."""

    kind: str
    item: Item
    day: Day | None


class Places:
    """Where resources are about: by code of the body site, by a link to the cancer, by words."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.record = reading, reading.record
        places = reading.extraction.places
        self.name, self.tumour, self.side = places.list, frozenset(places.tumour), places.side

    def of(self, item: Item) -> Location:
        """Return where a resource is about."""
        places = self.reading.places(item)
        if places & self.tumour or any(link in self.reading.subject.own for link in item.links):
            return Location.TUMOUR
        phrases = (*item.site.texts, *item.code_texts)
        places_in_words = self.record.categories_within(self.name, phrases)
        if places_in_words & self.tumour:
            return Location.UNKNOWN
        elsewhere = places - {self.side} or places_in_words - {self.side}
        return Location.ELSEWHERE if elsewhere else Location.UNKNOWN

    def names_tumour(self, phrases: Sequence[str]) -> bool:
        """Return whether any of the texts holds a word of the tumour's places."""
        return not self.record.categories_within(self.name, phrases).isdisjoint(self.tumour)

    def names_elsewhere(self, phrases: Sequence[str]) -> bool:
        """Return whether the texts hold words of other places only."""
        places = self.record.categories_within(self.name, phrases) - {self.side}
        return bool(places) and places.isdisjoint(self.tumour)


class CounterEvidenceReader:
    """Reads the counter-evidence of one record."""

    def __init__(self, reading: Reading, source: FindingsSource, places: Places) -> None:
        self.reading, self.source, self.places = reading, source, places
        self.record, self.subject = reading.record, reading.extraction.subject
        self.lists = (source.list, *source.known)
        self.ignored: list[tuple[str, str]] = []
        """(resource, reason) of what names a finding and is not read."""
        self.emergencies: list[NamedEmergency] = []
        self.anywhere = frozenset(finding.finding for finding in source.anywhere)
        self._plain: dict[Concept, frozenset[str]] = {}
        """Code -> kinds, of Observations that say nothing beside it in words."""

    def read(self, findings: Mapping[Item, Sequence[Finding]]) -> Iterator[CounterEvidence]:
        """Yield what is not read as a finding and may be one; `findings` are those in the resources that count."""
        for item in self.record.of(*READ):
            yield from self.of_item(item, findings.get(item, ()), usable=True)
        for measurements in self.record.measurements.values():
            if self.kinds_by_words(self.record.item(measurements[0])):
                for item in map(self.record.item, measurements):
                    yield from self.of_item(item, (), usable=True)
        for item in self.record.unusable:
            if item.type in READ:
                yield from self.of_item(item, read_findings(self.record, self.source, item), usable=False)
        for name in (name for name in self.record.items if name not in READ):
            yield from self.of_others(name)

    def of_others(self, name: str) -> Iterator[CounterEvidence]:
        """Yield what resources of a type that states no finding may be."""
        for item in self.record.of(name):
            if kinds := self.named(item):
                day = self.record.dates.first_of(item.resource, *DATED)[1]
                yield from (CounterEvidence(kind, item, day) for kind in kinds)

    def of_item(self, item: Item, findings: Sequence[Finding], *, usable: bool) -> Iterator[CounterEvidence]:
        """Yield what one Condition or Observation may be."""
        if item.type == "Condition" and item.past:
            return
        present_kinds = {finding.kind for finding in findings if finding.presence != ABSENT}
        kinds = present_kinds if present_kinds and not usable else self.kinds(item, has_finding=bool(present_kinds))
        if kinds:
            day = latest_day(self.reading, item)
            for kind in kinds:
                yield CounterEvidence(kind, item, day)

    def kinds(self, item: Item, *, has_finding: bool) -> set[str] | frozenset[str]:
        """Return the findings that a resource may be about although no code says so."""
        if has_finding or any(name in item.hits for name in self.lists):
            return frozenset()
        if self.is_denied(item):
            return frozenset()
        if item.type != "Observation" or item.value_concept.texts or not LINKING.isdisjoint(item.resource):
            return self.kinds_by_words(item)
        kinds = self._plain.get(item.concept)
        if kinds is None:  # a record holds hundreds of measurements of few kinds
            kinds = self._plain[item.concept] = frozenset(self.kinds_by_words(item))
        return kinds

    def kinds_by_words(self, item: Item) -> set[str]:
        """Return the findings that the words of a resource name; ANY for a Condition at the tumour that names none."""
        location = self.places.of(item)
        if location is Location.ELSEWHERE:
            return set()
        phrases = (*item.code_texts, *item.value_concept.texts)
        at_tumour = location is Location.TUMOUR or self.places.names_tumour((*phrases, *item.site.texts))
        kinds = self.record.categories_within(self.source.list, phrases)
        if kinds and (at_tumour or not item.codes or not kinds.isdisjoint(self.anywhere)):
            return set(kinds)
        code_list = self.record.terminology[self.subject.list]
        cancer = any(code_list.word_within(text, self.subject.named) for text in phrases)
        unclear = at_tumour and not cancer and (not item.codes or not phrases) and item.type == "Condition"
        return {ANY} if unclear else set()

    def is_denied(self, item: Item) -> bool:
        """Return whether a value says no: the words of the code are then those of what was not found."""
        if item.value[1] is False:
            return True
        return presence_of(self.record, self.source, item.value_concept) == ABSENT

    # ---- other resources

    def named(self, item: Item) -> set[str]:
        """Return findings in a resource that is not read; report them, so that no emergency is lost in silence."""
        if item.status in DROPPED or item.past or (item.type == "Flag" and item.status in OVER):
            return set()
        kinds: dict[str, bool] = {}
        """Finding -> whether it can only be the tumour's, or counts anywhere."""
        for value in self.concepts(item):
            for kind, certain in self.kinds_of(value):
                kinds[kind] = kinds.get(kind, False) or certain
        if kinds and item.type != "AdverseEvent":
            reason = f"{next(iter(kinds))}: named where it is not read; it counts as a Condition or an Observation"
            self.ignored.append((item.label, reason))
            day = self.record.dates.first_of(item.resource, *DATED)[1]
            graver = (kind for kind, certain in kinds.items() if certain and self.source.emergencies.get(kind) == 1)
            self.emergencies += [NamedEmergency(kind, item, day) for kind in graver]
        return set(kinds)

    def concepts(self, item: Item) -> Iterator[Json]:
        """Yield the concepts and texts by which a resource names what is the matter."""
        if item.type == "QuestionnaireResponse":
            yield from self.affirmed(item.resource)
        if item.type in {"Flag", "AdverseEvent"} or self.source.list in item.hits:
            yield item.resource.get("code")
        for name in NAMING:
            value = item.resource.get(name)
            if value is not None:
                yield from _unwrapped(value)

    def affirmed(self, part: Resource) -> Iterator[Json]:
        """Yield the answers of a questionnaire that may name a finding, and the questions that were answered yes."""
        for question in (entry for name in ASKED for entry in objects(part.get(name))):
            for answer in objects(question.get("answer")):
                value = choice(answer, "value")[1]
                presence = presence_of(self.record, self.source, self.record.concept(value))
                if value is True or presence == PRESENT:
                    yield string(question.get("text"))
                elif isinstance(value, dict | str) and presence != ABSENT:
                    yield value
                yield from self.affirmed(answer)
            yield from self.affirmed(question)

    def kinds_of(self, value: Json) -> Iterator[tuple[str, bool]]:
        """Yield the findings of one concept or text, and whether each can only be the tumour's or counts anywhere."""
        concept = self.record.concept(value)
        if matches := concept.hits.get(self.source.list):
            for match in matches:
                if match.concept.proof != HINT:
                    yield match.category, match.concept.proof == CODED or match.category in self.anywhere
            return
        if any(name in concept.hits for name in self.lists) or self.places.names_elsewhere(concept.texts):
            return
        at_tumour = self.places.names_tumour(concept.texts)
        for kind in sorted(self.record.categories_within(self.source.list, concept.texts)):
            if at_tumour or not concept.codes or kind in self.anywhere:
                yield kind, at_tumour or kind in self.anywhere


def _unwrapped(value: Json) -> Iterator[Json]:
    """Yield the concepts of an element, whatever wraps them."""
    for holder in objects(value):
        inside = [holder[name] for name in WRAPPED if isinstance(holder.get(name), dict | list)]
        if not inside:
            yield holder
        for part in inside:
            yield from _unwrapped(part)
