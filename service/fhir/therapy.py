"""What was given and what was done: the current line of systemic therapy, and operations that removed the primary.

An order or a plan is not a given drug. Nothing in the record is no proof of nothing given.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from service.fhir.dates import ONGOING, Day
from service.fhir.record import Item, Match, Record, both_sides
from service.fhir.resolution import Resolution
from service.fhir.resources import Coding, Resource, codings, objects, texts, type_of
from service.fhir.subject import Subject, is_no_malignancy
from service.knowledge.extraction import Extraction

BEGUN = frozenset({"completed", "in-progress", "stopped", "on-hold", "suspended", "aborted"})
"""Statuses of what was begun: it was given from its start on, whether or not it went on."""
TAKEN = {
    "MedicationAdministration": BEGUN,
    "MedicationStatement": {"active", "recorded", *BEGUN},
    "MedicationUsage": {"recorded"},
}
"""Types that tell of a given drug, with the statuses that prove it."""
GOING_ON = frozenset({"active", "in-progress"})
ORDERS = ("MedicationRequest", "MedicationDispense", "CarePlan", "RequestGroup", "ServiceRequest")
PERIODS = ("effectivePeriod", "performedPeriod", "occurrencePeriod", "occurencePeriod")
OTHER_CANCER = "given for another cancer"


@dataclass(frozen=True)
class Dose:
    """A systemic drug that was given; `drug` equals `drug_class` where only the class is known."""

    drug: str
    drug_class: str
    day: Day
    item: Item
    element: str
    code: str | None


@dataclass
class Therapy:
    """Systemic therapy and surgery of one patient."""

    line: list[Dose] = field(default_factory=list)
    """The doses of the current line, the first one first."""
    undated: bool = False
    """Whether something was given whose date is not known: no line can be told then."""
    starts: list[Day] = field(default_factory=list)
    """The first day of each line."""
    first_doses: list[Dose] = field(default_factory=list)
    """The first dose of each line."""
    last_given: dict[str, dt.date] = field(default_factory=dict)
    """Class -> the last day on which it was given, for whatever cancer; today where it is still given."""
    open_ended: dict[str, list[Item]] = field(default_factory=dict)
    """Class -> drugs that were given, for whatever cancer, and whose last day is not known."""
    earlier_removals: list[Item] = field(default_factory=list)
    """Operations on the tumour's side, those before the diagnosis included."""
    removals: list[tuple[Item, set[str], Match]] = field(default_factory=list)
    """Operations that removed the primary, with their sides and codes."""
    traces: list[Item] = field(default_factory=list)
    """Procedures that removed nothing and tell that there was a cancer."""
    unread: list[Item] = field(default_factory=list)
    """Drugs and operations that words name and no code tells: they may have been for this cancer."""
    line_end: Day | None = None
    """The last day of the current line; ONGOING while a drug of it is given."""

    _last: dict[frozenset[str], tuple[Item | None, bool]] = field(default_factory=dict)

    def last_removal(self, sides: frozenset[str]) -> tuple[Item | None, bool]:
        """Return the latest dated operation that can have been on these sides, and whether one has no date."""
        if sides not in self._last:
            removals = [item for item, side, _ in self.removals if not sides or not side or sides & side]
            dated = [item for item in removals if item.day is not None]
            self._last[sides] = max(dated, key=_first_day, default=None), len(dated) < len(removals)
        return self._last[sides]

    @cached_property
    def next_step(self) -> tuple[Day | None, bool]:
        """The first operation that was not before the current line, and whether one has no date."""
        days = [item.day for item, _, _ in self.removals if item.day is not None]
        since = [day for day in days if not self.line or not day.before(self.line[0].day)]
        return min(since, key=lambda day: day.first, default=None), len(days) < len(self.removals)


def _first_day(item: Item) -> dt.date:
    return item.day.first if item.day else dt.date.min


def read_therapy(record: Record, extraction: Extraction, subject: Subject) -> tuple[Therapy, Resolution]:
    """Read drugs, orders and operations."""
    reader = _TherapyReader(record, extraction, subject)
    reader.read()
    return reader.therapy, reader.resolution


class _TherapyReader:
    def __init__(self, record: Record, extraction: Extraction, subject: Subject) -> None:
        self.record, self.extraction, self.subject = record, extraction, subject
        self.source = extraction.therapy
        self.no_cancer = f"given for a reason that is no cancer of the {extraction.terms.organ}"
        self.therapy = Therapy()
        self.resolution = Resolution()

    def read(self) -> None:
        doses: list[Dose] = []
        for dose in (*self.drugs(), *self.courses()):
            reason = self.reason_against(dose.item)
            if reason != self.no_cancer:
                if self.is_open(dose.item):
                    self.leave_open(dose.item, dose.drug_class)
                day = min(self.end(dose).last, self.record.today)
                counted_class = self.source.unspecified.get(dose.drug_class, dose.drug_class)
                self.therapy.last_given[counted_class] = max(self.therapy.last_given.get(counted_class, day), day)
            if reason:
                self.resolution.ignore(dose.item.label, reason)
            else:
                doses.append(dose)
        self.cut_lines(doses)
        self.report_orders()
        self.read_removals()

    # ---- drugs

    def drugs(self) -> Iterator[Dose]:
        for item in self.record.of(*TAKEN):
            drug = self.drug_of(item)
            denied = self.is_denied(item)
            if drug is None:
                if not denied and item.status in TAKEN[item.type]:
                    self.report_unlisted(item)
                continue
            if denied or item.status not in TAKEN[item.type]:
                reason = f"no proof of a given drug: its status is {item.status or 'missing'}"
                self.resolution.ignore(item.label, reason)
            elif item.day is None:
                self.leave_undated(item, drug[1])
                reason = "a drug given on an unknown date: no response can be tied to it"
                self.resolution.ignore(item.label, reason)
            else:
                name, drug_class, code = drug
                yield Dose(name, drug_class, item.day, item, f"{item.type}.medication", code)

    def drug_of(self, item: Item) -> tuple[str, str, str | None] | None:
        """Return name, class and code of an anticancer drug; None for any other.

        A product is known by the names of its ingredients.
        """
        name = self.source.drugs.list
        codes, phrases = self.named(item)
        if matches := self.record.match(name, codes):
            match = matches[0]
            return match.concept.display.lower(), match.category, match.coding.token
        code_list = self.record.terminology[name]
        for text in phrases:
            for drug_class in self.source.drugs.by_name:
                word = code_list.word_within(text, drug_class)
                if word and codes:
                    return word, drug_class, codes[0].token
                if word:
                    reason = "names an anticancer drug in text only: text is not read"
                    self.resolution.ignore(item.label, reason)
                    if item.type in TAKEN:
                        self.therapy.unread.append(item)
                    return None
        return None

    def named(self, item: Item) -> tuple[Sequence[Coding], Sequence[str]]:
        """Return the codes and the texts that say which drug it is."""
        codes, phrases = item.codes, texts(item.resource.get("medicationCodeableConcept"))
        medication = self.medication(item)
        if medication is None:
            return codes, phrases
        return (*codes, *codings(medication.get("code"))), [*phrases, *texts(medication.get("code"))]

    def medication(self, item: Item) -> Resource | None:
        """Return the Medication that a resource refers to, contained or sent beside it."""
        pointer = item.resource.get("medicationReference")
        if pointer is None:
            return None
        inside = pointer.get("reference") if isinstance(pointer, dict) else None
        for contained in objects(item.resource.get("contained")) if isinstance(inside, str) else ():
            if type_of(contained) == "Medication" and f"#{contained.get('id')}" == inside:
                return contained
        medication = self.record.resolve(pointer)
        return medication.resource if medication is not None and medication.type == "Medication" else None

    def courses(self) -> Iterator[Dose]:
        source = self.source.courses
        for item in self.record.listed("Procedure", source.list):
            match = self.course_of(item)
            if match is None:
                continue
            drug_class = match.category
            name = drug_class.replace("_", " ")
            if item.status not in BEGUN:
                reason = f"no proof of {name}: its status is {item.status or 'missing'}"
                self.resolution.ignore(item.label, reason)
            elif item.day is None:
                self.leave_undated(item, drug_class)
                reason = f"{name} on an unknown date: no response can be tied to it"
                self.resolution.ignore(item.label, reason)
            else:
                yield Dose(drug_class, drug_class, item.day, item, "Procedure.code", match.coding.token)

    def course_of(self, item: Item) -> Match | None:
        """Return the code that tells the kind of drug; where none does, that of a group of kinds."""
        source = self.source.courses
        matches = (*item.hits[source.list], *self.record.match(source.list, codings(item.resource.get("category"))))
        order = [name for name in source.categories if name not in self.source.unspecified]
        order += self.source.unspecified
        courses = [match for match in matches if match.category in source.categories]
        return min(courses, key=lambda match: order.index(match.category), default=None)

    def leave_undated(self, item: Item, drug_class: str) -> None:
        """Take up a drug whose day is not known."""
        self.therapy.undated = True
        if self.reason_against(item) != self.no_cancer:
            self.leave_open(item, drug_class)

    def leave_open(self, item: Item, drug_class: str) -> None:
        """Take up a drug of which the last day is not known."""
        counted_class = self.source.unspecified.get(drug_class, drug_class)
        self.therapy.open_ended.setdefault(counted_class, []).append(item)

    def is_denied(self, item: Item) -> bool:
        """Return whether a resource says that its drug was not given."""
        resource = item.resource
        flags = (resource.get(name) for name in ("notGiven", "wasNotGiven", "wasNotTaken"))
        return any(flag is True for flag in flags) or resource.get("taken") == "n"

    def report_unlisted(self, item: Item) -> None:
        """Report a given drug that may be an anticancer drug, and that no list and no name tells."""
        codes, phrases = self.named(item)
        systems = {self.record.system(code.system) or "" for code in codes}
        code_list = self.record.terminology[self.source.drugs.list]
        if not systems.isdisjoint(code_list.classifications):
            return  # a code of a classification that stands in no class of the list is another drug
        if codes and not phrases:
            self.resolution.ignore(item.label, "its code is in no list of drugs, and no name says which drug it is")
        elif not phrases:
            self.resolution.ignore(item.label, "which drug it is cannot be read")
        elif self.is_for_this_cancer(item):
            self.resolution.ignore(item.label, "a drug given for this cancer that is in no list: it is not read")

    def reason_against(self, item: Item) -> str:
        """Return why a drug is not one for this cancer; empty if it is, or if its reason does not tell."""
        source, record = self.extraction.subject, self.record
        about, codes = item.links, self.reasons(item)
        if not (about or codes) or self.is_for_this_cancer(item) or record.match(source.metastases, codes):
            return ""
        categories = {match.category for match in record.match(source.list, codes)}
        if any(link in self.subject.foreign for link in about) or source.other in categories:
            return OTHER_CANCER
        # A reason may also be an encounter for treatment, or a metastasis; any other known diagnosis is no cancer.
        codes += [code for link in about for code in link.codes]
        hits = record.hits(tuple(codes))
        is_tied = any(name in hits for name in self.source.reasons)
        return "" if is_tied or not all(is_no_malignancy(record, source, code) for code in codes) else self.no_cancer

    def reasons(self, item: Item) -> list[Coding]:
        """Return the codes of the reasons of a treatment."""
        return [code for name in ("reasonCode", "reason") for code in codings(item.resource.get(name))]

    def is_for_this_cancer(self, item: Item) -> bool:
        """Return whether a treatment says that it is for this cancer."""
        source = self.extraction.subject
        categories = {match.category for match in self.record.match(source.list, self.reasons(item))}
        own = any(link in self.subject.own for link in item.links)
        return own or not categories.isdisjoint(source.own)

    def cut_lines(self, doses: list[Dose]) -> None:
        """Cut the doses into lines: a new drug begins one, and so does a drug that comes back after a long pause."""
        pause_days = self.extraction.days(self.source.course)
        new_line_days = self.extraction.days(self.source.new_line)
        last: dict[str, Day] = {}
        line: list[Dose] = []
        for dose in sorted(doses, key=lambda dose: (dose.day.first, dose.day.last)):
            before = last.get(dose.drug) or (last.get(dose.drug_class) if dose.drug == dose.drug_class else None)
            pause = before is None or dose.day.days_after(before)[0] > pause_days
            if not line or (pause and dose.day.days_after(line[0].day)[0] > new_line_days):
                continuing = {earlier.drug: earlier for earlier in line if not self.end(earlier).before(dose.day)}
                line = [dose, *continuing.values()]
                self.therapy.starts.append(dose.day)
                self.therapy.first_doses.append(dose)
            else:
                line.append(dose)
            last[dose.drug] = last[dose.drug_class] = self.end(dose)
        self.therapy.line = line
        self.therapy.line_end = max((self.end(dose) for dose in line), key=lambda day: day.last, default=None)

    def end(self, dose: Dose) -> Day:
        """Return the last day of a drug that is known; one that is being taken has none yet."""
        end_day = self.stated_end(dose.item)
        if end_day is not None and not end_day.before(dose.day):
            return end_day
        return ONGOING if dose.item.status in GOING_ON else dose.day

    def stated_end(self, item: Item) -> Day | None:
        """Return the end of the period in which a drug was given, if one is stated."""
        for name in PERIODS:
            period = item.resource.get(name)
            end_day = self.record.dates.day(period.get("end")) if isinstance(period, dict) else None
            if end_day is not None:
                return end_day
        return None

    def is_open(self, item: Item) -> bool:
        """Return whether a drug was given from a day on, is given no longer, and does not say until when."""
        return item.element in PERIODS and item.status not in GOING_ON and self.stated_end(item) is None

    def report_orders(self) -> None:
        for item in self.record.of(*ORDERS):
            if self.drug_of(item) is not None:
                self.resolution.ignore(item.label, "an order or a plan is not a given drug")

    # ---- operations

    def read_removals(self) -> None:
        organ, subject, therapy = self.extraction.terms.organ, self.subject, self.therapy
        for item in self.record.of("Procedure", "Condition"):
            matches = item.hits.get(self.source.removal.list, ())
            removing = [match for match in matches if self.removes(item, match.category)]
            if not removing:
                self.read_trace(item, matches)
                continue
            if item.type == "Procedure" and item.status != "completed":
                reason = f"no proof of an operation: its status is {item.status or 'missing'}"
                self.resolution.ignore(item.label, reason)
                continue
            resource = item.resource
            sides = self.record.sides(self.extraction.places.list, resource.get("bodySite"), resource.get("code"))
            sides |= both_sides(match.concept.side for match in removing)
            if not subject.on_its_side(sides):
                self.resolution.ignore(item.label, f"an operation of the other {organ}")
                continue
            therapy.earlier_removals.append(item)
            if subject.before_diagnosis(item.day):
                self.resolution.ignore(item.label, "an operation before the diagnosis")
                continue
            therapy.removals.append((item, sides, removing[0]))
        for item in self.record.unusable:
            if item.type == "Procedure":
                self.read_words(item)

    def read_trace(self, item: Item, matches: tuple[Match, ...]) -> None:
        """Keep a procedure that tells of a cancer although it removed none, or may have removed it."""
        source = self.source.removal
        if item.type != "Procedure" or item.status != "completed":
            return
        if not item.hits:
            self.read_words(item)
            return
        categories = {match.category for match in matches}
        places = {match.category for match in item.site.hits.get(self.extraction.places.list, ())}
        at_tumour = not places.isdisjoint(self.extraction.places.tumour)
        traces = {*source.traces, *(source.traces_at_tumour if at_tumour else ())}
        if categories & traces and self.subject.on_its_side(
            self.record.sides(self.extraction.places.list, item.resource.get("bodySite"))
        ):
            self.therapy.traces.append(item)

    def read_words(self, item: Item) -> None:
        """Keep a procedure whose words name an operation that no code of it tells."""
        source = self.source.removal
        words = self.record.terminology[source.list].categories_within(item.code_texts)
        if not words.isdisjoint((*source.procedures, *source.traces)):
            self.resolution.ignore(item.label, "an operation by its words, with a code that is not known: not read")
            self.therapy.unread.append(item)

    def removes(self, item: Item, category: str) -> bool:
        source = self.source.removal
        if category in source.at_organ:
            places = {match.category for match in item.site.hits.get(self.extraction.places.list, ())}
            return item.type == "Procedure" and not places.isdisjoint(self.extraction.places.organ)
        if item.type == "Condition":
            return category in source.conditions and not item.tentative
        return category in source.procedures
