"""Facts about treatment: the class of the current line, a removed primary, a measurement soon after a drug."""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import replace

from service.fhir.claims import Claim, claim_of, set_fact, typed
from service.fhir.counter_evidence import latest_day
from service.fhir.quantities import ABOVE, BELOW, read_amount, read_measurements
from service.fhir.reading import Reading
from service.fhir.resolution import Resolution
from service.fhir.statuses import ACTIVE
from service.knowledge.extraction import Line, Removal, Threshold


def resolve_line(reading: Reading, source: Line) -> Resolution:
    """State the class of the current line of systemic therapy, if all dates of it are known."""
    resolution, therapy = Resolution(), reading.therapy
    kinds = {dose.drug_class for dose in therapy.line}
    if not kinds or therapy.undated:
        return resolution
    end, days = therapy.line_end, reading.therapy_days
    if end is not None and (reading.record.today - end.last).days > days:
        reason = f"the last known dose of this line of therapy was more than {days} days ago: it has ended"
        for dose in therapy.line:
            resolution.ignore(dose.item.label, reason)
        return resolution
    if unclear := kinds & reading.extraction.therapy.unspecified.keys():
        for dose in therapy.line:
            if dose.drug_class in unclear:
                resolution.ignore(dose.item.label, "its code stands for several kinds of drugs: the class is not known")
        return resolution
    last = max(therapy.line, key=lambda dose: dose.day.first)
    why = f"the current line of systemic therapy began on {therapy.line[0].day.text}"
    claim = Claim(last.drug_class, last.item, last.element, last.code, last.day, why)
    sets = [*source.classes.items(), *((further.value, further.classes) for further in source.further)]
    value = next((name for name, classes in sets if kinds == set(classes)), source.otherwise)
    set_fact(resolution, source.path, claim, [claim], value)
    return resolution


def resolve_removal(reading: Reading, source: Removal) -> Resolution:
    """State that the primary was removed, unless the cancer came back or the other side had a tumour as well."""
    resolution, subject, removals = Resolution(), reading.subject, reading.therapy.removals
    unsided = len(subject.sides) > 1 and any(sides != subject.sides for _, sides, _ in removals)
    if subject.recurred or unsided:
        reason = (
            "the cancer came back: whether a tumour is in place is not known"
            if subject.recurred
            else f"both {reading.organ}s had a tumour: whether one is in place is not known"
        )
        for item, _, _ in removals:
            resolution.ignore(item.label, reason)
        return resolution
    value = typed(reading.fact(source.path), source.gives)
    claims = [claim_of(value, item, "code", match, source.why) for item, _, match in removals]
    if claims:
        set_fact(resolution, source.path, claims[0], claims)
    return resolution


def resolve_threshold(reading: Reading, source: Threshold) -> Resolution:
    """State true where a recent measurement reaches the bound and the drug, if any, was given not long before.

    It is never denied: the absence of a measurement proves nothing.
    """
    resolver = _Threshold(reading, source)
    resolver.resolve()
    return resolver.resolution


class _Threshold:
    def __init__(self, reading: Reading, source: Threshold) -> None:
        self.reading, self.source, self.record = reading, source, reading.record
        self.resolution = Resolution()
        self.days = 0 if source.given is None else reading.days(source.given)
        self.doubts: list[Claim] = []
        """Each with the detail of a conflict as its reason."""

    def resolve(self) -> None:
        source, therapy = self.source, self.reading.therapy
        last = None if source.drug is None else therapy.last_given.get(source.drug)
        is_recent = last is not None and last >= self.record.today - dt.timedelta(days=self.days)
        is_given = source.drug is None or is_recent
        open_ended = [] if source.drug is None else therapy.open_ended.get(source.drug, [])
        claims = list(self.diagnosed())
        if is_given or open_ended:
            claims = [*self.measured(), *claims]
        if is_given and claims:
            set_fact(self.resolution, source.path, claims[-1], claims, value=True)
        elif claims:
            items = [*(claim.item for claim in claims), *open_ended]
            detail = f"It is on record, but whether {source.drug} was given within {self.days} days is not: ask."
            self.resolution.conflict(source.path, [True], items, detail)
        if is_given or open_ended:
            self.doubts += self.suggested()
        for doubt in self.doubts:
            if is_given and claims:
                self.resolution.ignore(doubt.item.label, f"{source.path}: {doubt.value}: {doubt.why}")
            else:
                self.resolution.conflict(source.path, [doubt.value], [doubt.item], doubt.why)

    def measured(self) -> Iterator[Claim]:
        """Yield the measurements of the last days that reach the bound; report those that cannot be read."""
        source = self.source
        since = self.record.today - dt.timedelta(days=self.reading.days(source.valid))
        why = source.why.format(at_least=source.at_least, drug=source.drug, days=self.days)
        for measurement in read_measurements(self.record, source.list, (source.category,)):
            item = measurement.item
            if item.day is not None and item.day.last < since:
                continue
            amount = read_amount(measurement.value, source.units, self.scale, source.least, source.greatest)
            claim = claim_of(amount.text or "true", item, measurement.element, measurement.match, why)
            hot = amount.number is not None and amount.number >= source.at_least
            if amount.doubt and item.day is not None:
                self.doubts.append(replace(claim, why=f"{amount.doubt[0].upper()}{amount.doubt[1:]}: measure again."))
            elif amount.number is None:
                why_not = amount.doubt or "no value in a known form and unit"
                self.resolution.ignore(item.label, f"{source.path}: {why_not}")
            elif hot and item.day is None:
                self.resolution.ignore(item.label, f"{source.path}: measured on an unknown day")
            elif hot and amount.comparator not in BELOW:
                yield replace(claim, value="true")
            elif amount.comparator and (hot or amount.comparator in ABOVE):
                self.resolution.ignore(item.label, f"{source.path}: the bound {amount.text} does not settle it")

    def scale(self, number: float, unit: str) -> float:
        """Return a number in the unit of the bound."""
        offset, factor = self.source.units[unit]
        return float(number) if factor == 1 else round((number - offset) / factor, 2)

    def diagnosed(self) -> Iterator[Claim]:
        """Yield the diagnoses of the last days that say that the bound was reached."""
        source = self.source
        if source.diagnosed is not None:
            why = source.why_diagnosed.format(drug=source.drug, days=self.days)
            yield from self.events(source.diagnoses, self.reading.days(source.diagnosed), "true", why)

    def suggested(self) -> Iterator[Claim]:
        """Yield the diagnoses of the last days that may say so."""
        detail = "It is recorded without a measurement that can be read: measure."
        yield from self.events(self.source.suggests, self.reading.days(self.source.valid), "recorded", detail)

    def events(self, categories: Collection[str], days: int, value: str, why: str) -> Iterator[Claim]:
        """Yield a claim for each Condition and AdverseEvent of these categories that is not over and not older."""
        for item in self.record.of("Condition", "AdverseEvent"):
            concept, element = (item.event, "event") if item.type == "AdverseEvent" else (item.concept, "code")
            matches = concept.hits.get(self.source.list, ())
            match = next((candidate for candidate in matches if candidate.category in categories), None)
            if match is None or item.past or item.potential:
                continue
            day = latest_day(self.reading, item)
            if (day is None and item.clinical in ACTIVE) or (
                day is not None and self.record.today - day.last <= dt.timedelta(days=days)
            ):
                yield claim_of(value, item, element, match, why)
