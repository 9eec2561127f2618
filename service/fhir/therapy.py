"""What was given and what was done: the current line of systemic therapy, surgery of the primary, radiotherapy.

An order or a plan is not a given drug. Nothing in the record is no proof of nothing given, so `not_started` is never
stated.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from service.fhir.cancer import BREAST, Cancer, linked, no_malignancy
from service.fhir.claims import Claim, state
from service.fhir.record import Item, Match, Record
from service.fhir.resources import Day, codings, day, objects, texts, type_of

TAKEN = {
    "MedicationAdministration": {"completed", "in-progress"},
    "MedicationStatement": {"active", "completed"},
    "MedicationUsage": {"recorded"},
}
ORDERS = ("MedicationRequest", "MedicationDispense", "CarePlan", "RequestGroup", "ServiceRequest")
NEW_LINE_DAYS = 28
"""A drug that begins later than this after a line began, or in a pause as long as COURSE_DAYS, begins a new line."""
COURSE_DAYS = 180
OTHER_CANCER = "given for another cancer"
NO_CANCER = "given for a reason that is no cancer of the breast"
ONGOING = Day(dt.date.max, dt.date.max, "ongoing")
BY_NAME = ("other", "anti_her2", "cdk46", "endocrine", "immunotherapy", "chemotherapy")
"""Conjugates first: their names hold those of antibodies."""


@dataclass(frozen=True)
class Dose:
    """A systemic drug that was given."""

    drug: str
    kind: str
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
    earlier_removals: list[Item] = field(default_factory=list)
    """Operations on that side, those before the diagnosis included."""
    removals: list[tuple[Item, set[str]]] = field(default_factory=list)
    """Operations that removed the primary or its breast, with their sides."""

    last_chemotherapy: dt.date | None = None
    """The last day on which chemotherapy was given, for whatever cancer; today where it is still given."""

    _last: dict[frozenset[str], tuple[Item | None, bool]] = field(default_factory=dict)

    def last_removal(self, sides: frozenset[str]) -> tuple[Item | None, bool]:
        """The latest dated operation that can have been on these sides, and whether one has no date."""
        if sides not in self._last:
            found = [each for each, side in self.removals if not sides or not side or sides & side]
            dated = [each for each in found if each.day is not None]
            self._last[sides] = max(dated, key=_first, default=None), len(dated) < len(found)
        return self._last[sides]

    @cached_property
    def next_step(self) -> tuple[Day | None, bool]:
        """The first operation that was not before the current line, and whether one has no date."""
        days = [each.day for each, _ in self.removals if each.day is not None]
        since = [each for each in days if not self.line or not each.before(self.line[0].day)]
        return min(since, key=lambda each: each.first, default=None), len(days) < len(self.removals)


def _first(item: Item) -> dt.date:
    return item.day.first if item.day else dt.date.min


def read_therapy(record: Record, cancer: Cancer) -> Therapy:
    """Read the therapy, and state systemic_therapy, primary_tumour and prior_chest_radiotherapy."""
    therapy = Therapy()
    doses: list[Dose] = []
    for dose in (*_drugs(record, therapy), *_procedures(record, therapy)):
        reason = _not_for_breast_cancer(record, cancer, dose)
        if dose.kind == "chemotherapy" and reason != NO_CANCER:
            given = min(_ending(dose).last, record.today)
            therapy.last_chemotherapy = max(therapy.last_chemotherapy or given, given)
        if reason:
            record.notes.ignore(dose.item.label, reason)
        else:
            doses.append(dose)
    _lines(therapy, doses)
    _orders(record)
    _surgery(record, cancer, therapy)
    _radiotherapy(record, cancer)
    kinds = {dose.kind for dose in therapy.line}
    if kinds and not therapy.undated:
        last = max(therapy.line, key=lambda dose: dose.day.first)
        what = f"the current line of systemic therapy began on {therapy.line[0].day.text}"
        claims = [
            Claim(dose.kind, dose.item, dose.element, dose.code, dose.day, what) for dose in (last, *therapy.line)
        ]
        state(record.notes, "systemic_therapy", claims[0], claims[:1], _class(kinds))
    return therapy


def drug_of(record: Record, item: Item) -> tuple[str, str, str | None] | None:
    """Name, class and code of an anticancer drug; None for any other. A product is known by its ingredients' names."""
    found, said = list(item.codes), texts(item.resource.get("medicationCodeableConcept"))
    medication = _medication(record, item)
    if medication is not None:
        found += codings(medication.get("code"))
        said += texts(medication.get("code"))
    matches = record.match("drugs", found)
    if matches:
        match = matches[0]
        return match.concept.display.lower(), match.means, match.coding.token
    for text in said:
        for kind in BY_NAME:
            name = record.terminology["drugs"].contains_word(text, kind)
            if name and found:
                return name, kind, found[0].token
            if name:
                record.notes.ignore(item.label, "names an anticancer drug in text only: text is not read")
                return None
    return None


def _medication(record: Record, item: Item) -> dict[str, object] | None:
    """The Medication that a resource refers to, contained or sent beside it."""
    pointer = item.resource.get("medicationReference")
    inside = pointer.get("reference") if isinstance(pointer, dict) else None
    for each in objects(item.resource.get("contained")) if isinstance(inside, str) else ():
        if type_of(each) == "Medication" and f"#{each.get('id')}" == inside:
            return each
    found = record.resolve(pointer)
    return found.resource if found is not None and found.type == "Medication" else None


def _drugs(record: Record, therapy: Therapy) -> Iterator[Dose]:
    for item in record.of(*TAKEN):
        known = drug_of(record, item)
        if known is None:
            continue
        denied = item.resource.get("notGiven") is True or item.resource.get("wasNotGiven") is True
        if denied or item.status not in TAKEN[item.type]:
            record.notes.ignore(item.label, f"no proof of a given drug: its status is {item.status or 'missing'}")
        elif item.day is None:
            therapy.undated = True
            record.notes.ignore(item.label, "a drug given on an unknown date: no response can be tied to it")
        else:
            name, kind, code = known
            yield Dose(name, kind, item.day, item, f"{item.type}.medication", code)


def _not_for_breast_cancer(record: Record, cancer: Cancer, dose: Dose) -> str:
    """Why a drug is not one for this cancer; empty if it is, or if its reason does not tell."""
    about = linked(record, dose.item)
    codes = [each for name in ("reasonCode", "reason") for each in codings(dose.item.resource.get(name))]
    listed = {match.means for match in record.match("breast_cancer", codes)}
    own = any(each in cancer.own for each in about) or bool(listed & BREAST)
    if own or not (about or codes) or record.match("metastases", codes):
        return ""
    if any(each in cancer.foreign for each in about) or "other_primary" in listed:
        return OTHER_CANCER
    # A reason may also be an encounter for chemotherapy, or a metastasis; any other known diagnosis is no cancer.
    codes += [coding for each in about for coding in each.codes]
    tied = any(record.match(name, codes) for name in ("breast_cancer", "metastases", "procedures", "tumour_traits"))
    return "" if tied or not all(no_malignancy(record, coding) for coding in codes) else NO_CANCER


def _procedures(record: Record, therapy: Therapy) -> Iterator[Dose]:
    for item in record.of("Procedure"):
        matches = [each for each in record.match("procedures", item.codes) if each.means == "chemotherapy"]
        if not matches:
            continue
        if item.status != "completed":
            record.notes.ignore(item.label, f"no proof of chemotherapy: its status is {item.status or 'missing'}")
        elif item.day is None:
            therapy.undated = True
            record.notes.ignore(item.label, "chemotherapy on an unknown date: no response can be tied to it")
        else:
            yield Dose("chemotherapy", "chemotherapy", item.day, item, "Procedure.code", matches[0].coding.token)


def _lines(therapy: Therapy, doses: list[Dose]) -> None:
    """Cut the doses into lines: a new drug begins one, and so does a drug that comes back after half a year."""
    last: dict[str, Day] = {}
    line: list[Dose] = []
    for dose in sorted(doses, key=lambda each: (each.day.first, each.day.last)):
        before = last.get(dose.drug) or (last.get(dose.kind) if dose.drug == "chemotherapy" else None)
        pause = before is None or dose.day.days_after(before)[0] > COURSE_DAYS
        if not line or (pause and dose.day.days_after(line[0].day)[0] > NEW_LINE_DAYS):
            carried = {each.drug: each for each in line if not _ending(each).before(dose.day)}
            line = [dose, *carried.values()]
            therapy.starts.append(dose.day)
            therapy.first_doses.append(dose)
        else:
            line.append(dose)
        last[dose.drug] = last[dose.kind] = _ending(dose)
    therapy.line = line


def _ending(dose: Dose) -> Day:
    """The last day of a drug; one that is being taken has none yet."""
    for name in ("effectivePeriod", "performedPeriod", "occurrencePeriod", "occurencePeriod"):
        period = dose.item.resource.get(name)
        ended = day(period.get("end")) if isinstance(period, dict) else None
        if ended is not None and not ended.before(dose.day):
            return ended
    return ONGOING if dose.item.status in {"active", "in-progress"} else dose.day


def _class(kinds: set[str]) -> str:
    """The class of a line, as the guideline names them."""
    if kinds == {"chemotherapy", "anti_her2"}:
        return "chemo_plus_anti_her2"
    if kinds == {"endocrine", "cdk46"}:
        return "endocrine_plus_cdk46"
    alone = next(iter(kinds))
    return alone if len(kinds) == 1 and alone in {"chemotherapy", "endocrine", "immunotherapy"} else "other"


def _orders(record: Record) -> None:
    for item in record.of(*ORDERS):
        if drug_of(record, item) is not None:
            record.notes.ignore(item.label, "an order or a plan is not a given drug")


def _surgery(record: Record, cancer: Cancer, therapy: Therapy) -> None:
    claims = []
    for item in record.of("Procedure", "Condition"):
        matches = record.match("procedures", item.codes)
        removing = [each for each in matches if _removes(record, item, each)]
        if not removing:
            continue
        if item.type == "Procedure" and item.status != "completed":
            record.notes.ignore(item.label, f"no proof of an operation: its status is {item.status or 'missing'}")
            continue
        sides = record.sides(item.resource.get("bodySite")) | _sides_of(removing)
        if not cancer.on_its_side(sides):
            record.notes.ignore(item.label, "an operation of the other breast")
            continue
        therapy.earlier_removals.append(item)
        if cancer.before_diagnosis(item.day):
            record.notes.ignore(item.label, "an operation before the diagnosis")
            continue
        therapy.removals.append((item, sides))
        what = "the primary was removed"
        claims.append(Claim("resected", item, f"{item.type}.code", removing[0].coding.token, item.day, what))
    if not claims:
        return
    unsided = [each for each in therapy.removals if len(cancer.sides) > 1 and each[1] != cancer.sides]
    if cancer.recurred or unsided:
        for item, _ in therapy.removals:
            reason = (
                "the cancer came back: whether a tumour is in place is not known"
                if cancer.recurred
                else ("both breasts had a tumour: whether one is in place is not known")
            )
            record.notes.ignore(item.label, reason)
        return
    state(record.notes, "primary_tumour", claims[0], claims)


def _sides_of(matches: list[Match]) -> set[str]:
    found = {match.concept.side for match in matches if match.concept.side}
    return {"left", "right"} if "bilateral" in found else {side for side in found if side}


def _removes(record: Record, item: Item, match: Match) -> bool:
    if match.means == "excision_of_mass":
        places = {each.means for each in record.match("body_sites", codings(item.resource.get("bodySite")))}
        return item.type == "Procedure" and "breast" in places
    if item.type == "Condition":
        return match.means == "absence_of_breast" and not item.tentative
    return match.means in {"mastectomy", "excision"}


def _radiotherapy(record: Record, cancer: Cancer) -> None:
    claims = []
    for item in record.of("Procedure"):
        matches = [each for each in record.match("procedures", item.codes) if each.means == "radiotherapy"]
        sites = record.match("body_sites", codings(item.resource.get("bodySite")))
        if not matches or not {each.means for each in sites} & {"breast", "chest_wall"}:
            continue
        if item.status not in {"completed", "in-progress"}:
            record.notes.ignore(item.label, f"no proof of radiotherapy: its status is {item.status or 'missing'}")
        elif not cancer.on_its_side(record.sides(item.resource.get("bodySite"))):
            record.notes.ignore(item.label, "radiotherapy of the other breast")
        else:
            what = "radiotherapy of the breast or the chest wall"
            claims.append(Claim("true", item, "Procedure.code", matches[0].coding.token, item.day, what))
    if claims:
        state(record.notes, "prior_chest_radiotherapy", claims[-1], claims, value=True)
