"""Whether the patient has the cancer that a guideline is about, on which side, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from service.fhir.dates import Day
from service.fhir.record import RECORDED, Item, Match, Record, both_sides
from service.fhir.resolution import Resolution
from service.fhir.resources import Coding, codings, extensions, local, reference
from service.fhir.statuses import RECURRED
from service.knowledge.extraction import Extraction, Places, Strongest, SubjectSource

SUBJECT = "subject"
"""The path under which a conflict about the cancer itself is told."""
CLASSIFICATIONS = ("snomed", "icd10", "icd9")
"""Systems whose codes say what a condition is, so that one that is in no list is something else."""


@dataclass
class Subject:
    """The cancer of a guideline, as a record shows it."""

    items: list[Item] = field(default_factory=list)
    """The Conditions that are this cancer."""
    present: bool | None = None
    """None is unknown."""
    sides: set[str] = field(default_factory=set)
    diagnosed: tuple[Day, ...] = ()
    """The first diagnosis, one of each side where both had a tumour; empty is undated."""
    no_later_than: Day | None = None
    """Where only a day of recording or of a recurrence is known: the diagnosis is not later."""
    others: list[Item] = field(default_factory=list)
    """Primary cancers of other organs."""
    recurred: list[Item] = field(default_factory=list)
    doubtful: list[Item] = field(default_factory=list)
    """Conditions that may be a malignancy of any kind, and were not understood."""
    history: list[Item] = field(default_factory=list)
    """Personal histories of a cancer of this organ."""

    @cached_property
    def own(self) -> frozenset[Item]:
        """The Conditions that are this cancer."""
        return frozenset(self.items)

    @cached_property
    def foreign(self) -> frozenset[Item]:
        """The Conditions that are another cancer."""
        return frozenset(self.others)

    def before_diagnosis(self, day: Day | None) -> bool:
        """Return whether a day certainly was before every diagnosis."""
        return day is not None and bool(self.diagnosed) and all(day.before(diagnosis) for diagnosis in self.diagnosed)

    def on_its_side(self, sides: set[str]) -> bool:
        """Return whether something on these sides can be this tumour's; an unknown side can."""
        return not sides or not self.sides or bool(sides & self.sides)


def read_subject(record: Record, extraction: Extraction) -> tuple[Subject, Resolution]:
    """Read the primary Conditions."""
    reader = _SubjectReader(record, extraction)
    return reader.read(), reader.resolution


def is_about(record: Record, subject: Subject, item: Item, cancer: str) -> str:
    """Return why an Observation is not about this cancer; empty if its focus is the cancer, or the only one."""
    focus = item.resource.get("focus")
    targets = [target for target in (focus if isinstance(focus, list) else [focus]) if isinstance(target, dict)]
    targets = [target for target in targets if local(reference(target))[0] in {"", "Condition"}]
    if not targets:
        return "there is another cancer in the record, and it does not say which it is about" if subject.others else ""
    if any(record.resolve(target) in subject.own for target in targets):
        return ""
    return f"its focus is not the {cancer}"


def is_no_malignancy(record: Record, source: SubjectSource, coding: Coding) -> bool:
    """Return whether a code is certainly no malignancy: by a harmless list, its classification or its display."""
    if any(name in record.hits((coding,)) for name in source.harmless):
        return True
    system = record.system(coding.system) or ""
    words = record.terminology[source.list]
    is_named = bool(coding.display) and not words.word_within(coding.display, source.malignancy)
    return system.startswith(("icd10", "icd9")) or (system == "snomed" and is_named)


class _SubjectReader:
    def __init__(self, record: Record, extraction: Extraction) -> None:
        self.record = record
        self.source: SubjectSource = extraction.subject
        self.places: Places = extraction.places
        self.organ, self.cancer = extraction.terms.organ, extraction.terms.cancer
        self.member = extraction.legacy_member or SUBJECT
        self.stages = [fact.stages for fact in extraction.facts.values() if isinstance(fact, Strongest)]
        self.resolution = Resolution()

    def read(self) -> Subject:
        subject = Subject()
        kinds: dict[str, list[Item]] = {}
        for item in self.record.of("Condition"):
            kinds.setdefault(self.kind(item), []).append(item)
        subject.items, subject.others = kinds.get("own", []), kinds.get("other", [])
        for item in kinds.get("doubtful", ()):
            history = any(match.category in self.source.history for match in self.matches(item))
            (subject.history if history else subject.doubtful).append(item)
        # Metastases of no known primary may be those of this cancer.
        doubtful = kinds.get("doubtful") or (kinds.get("metastasis") and not subject.others)
        if subject.items:
            self.describe(subject)
        elif self.record.conditions and self.record.complete and not doubtful and not self.is_staged(subject):
            subject.present = False
        return subject

    def is_staged(self, subject: Subject) -> bool:
        """Return whether a cancer was staged of which the record shows no primary: it may be this one."""
        if subject.others:
            return False
        staging = [
            item
            for source in self.stages
            for item in self.record.listed("Observation", source.list)
            if any(match.category in source.weights for match in item.hits[source.list])
        ]
        for item in staging:
            self.resolution.ignore(item.label, "it stages a cancer that is not among the conditions")
        return bool(staging)

    def matches(self, item: Item) -> tuple[Match, ...]:
        return item.hits.get(self.source.list, ())

    def kind(self, item: Item) -> str:
        """Return own, other (a primary elsewhere), metastasis, doubtful (could be this cancer), or nothing of these."""
        source, matches = self.source, self.matches(item)
        categories = {match.category for match in matches}
        if categories.intersection(source.own):
            return self.own_kind(item, matches)
        if never := sorted(categories & source.never.keys()):
            for category in never:
                self.resolution.ignore(item.label, source.never[category])
            return "doubtful" if categories.intersection(source.history) else ""
        if source.metastases in item.hits:
            return "metastasis"
        if categories.intersection(source.needs_site):
            return self.kind_by_site(item)
        if source.other in categories:
            return "" if item.tentative else "other"
        is_harmless = any(name in item.hits for name in source.harmless)
        return "" if is_harmless or self.is_elsewhere(item) else "doubtful"

    def own_kind(self, item: Item, matches: Sequence[Match]) -> str:
        if item.tentative:
            self.resolution.ignore(item.label, f"{self.cancer} is only suspected")
            return "doubtful"
        if any(match.category == self.source.other for match in matches):
            codes = [match.coding.token for match in matches]
            detail = (
                f"One diagnosis is coded as a cancer of the {self.organ} and of another organ. "
                f"It was read as {self.cancer}."
            )
            self.resolution.conflict(self.member, codes, [item], detail)
        return "own"

    def kind_by_site(self, item: Item) -> str:
        """Return the kind of a malignancy without a site: its body site, its histology or its words say which."""
        if item.tentative:
            return "doubtful"
        source, record = self.source, self.record
        places = {match.category for match in item.site.hits.get(self.places.list, ())}
        histology = {
            match.category
            for extension in extensions(item.resource, "mcode-histology-morphology-behavior")
            for match in record.match(source.list, codings(extension.get("valueCodeableConcept")))
        }
        if places.intersection(self.places.organ) or histology.intersection(source.histology):
            return "own"
        code_list = record.terminology[source.list]
        if any(code_list.word_within(coding.display, source.named) for coding in item.codes):
            reason = f"the {self.organ} stands only in the display of a code for any malignancy; it was believed"
            self.resolution.ignore(item.label, reason)
            return "own"
        if places - {self.places.side} or any(code_list.word_within(text, source.other) for text in item.code_texts):
            return "other"
        self.resolution.ignore(item.label, "a malignancy whose site is not stated")
        return "doubtful"

    def is_elsewhere(self, item: Item) -> bool:
        """Return whether the codes say for certain that this is no malignancy of the organ."""
        names = [self.record.system(coding.system) or "" for coding in item.codes]
        systems = [name for name in names if name.startswith(CLASSIFICATIONS)]
        if not systems:
            self.resolution.ignore(item.label, "its code is of no code system that is read")
            return False
        code_list, texts = self.record.terminology[self.source.list], item.code_texts
        classified = any(system != "snomed" for system in systems)
        if classified or (texts and not any(code_list.word_within(text, self.source.malignancy) for text in texts)):
            return True
        self.resolution.ignore(item.label, "its code is in no list, and it may be a malignancy")
        return False

    def describe(self, subject: Subject) -> None:
        subject.present = True
        days: dict[frozenset[str], list[Day]] = {}
        bounds: list[Day] = []
        for item in subject.items:
            matches = self.matches(item)
            sides = both_sides(match.concept.side for match in matches)
            sides |= self.record.sides(self.places.list, item.resource.get("bodySite"), item.resource.get("code"))
            subject.sides |= sides
            again = item.clinical in RECURRED or any(match.category in self.source.recurrence for match in matches)
            if again:
                subject.recurred.append(item)
            if item.day is not None and (again or item.element in RECORDED):
                bounds.append(item.day)
            elif item.day is not None:
                days.setdefault(frozenset(sides), []).append(item.day)
        subject.no_later_than = min(bounds, key=lambda day: day.last, default=None)
        one_sided = [sides for sides in days if len(sides) == 1]
        every_day = [day for group in days.values() for day in group]
        groups = [days[sides] for sides in one_sided] if len(one_sided) > 1 else [every_day]
        subject.diagnosed = tuple(min(group, key=lambda day: (day.first, day.last)) for group in groups if group)
        bound = subject.no_later_than
        if bound is not None and any(bound.before(day) for day in subject.diagnosed):
            subject.diagnosed = ()  # known before its own onset: some date is wrong
