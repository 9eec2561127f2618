"""Facts about treatment: the class of the current line, a removed primary, a measurement soon after a drug."""

import datetime as dt

from service.fhir.claims import Claim, claim_of, set_fact, typed
from service.fhir.reading import Reading
from service.fhir.resolution import Resolution
from service.fhir.resources import Resource, first_object, string
from service.knowledge.extraction import Line, Removal, Threshold

MEASURED_AT_MOST = 1000
"""No measurement with a threshold has a greater number, in whichever unit."""


def resolve_line(reading: Reading, source: Line) -> Resolution:
    """State the class of the current line of systemic therapy, if all dates of it are known."""
    resolution, therapy = Resolution(), reading.therapy
    kinds = {dose.drug_class for dose in therapy.line}
    if not kinds or therapy.undated:
        return resolution
    if unclear := kinds & reading.extraction.therapy.unspecified.keys():
        for dose in therapy.line:
            if dose.drug_class in unclear:
                resolution.ignore(dose.item.label, "its code stands for several kinds of drugs: the class is not known")
        return resolution
    last = max(therapy.line, key=lambda dose: dose.day.first)
    why = f"the current line of systemic therapy began on {therapy.line[0].day.text}"
    claim = Claim(last.drug_class, last.item, last.element, last.code, last.day, why)
    value = next((name for name, classes in source.classes.items() if kinds == set(classes)), source.otherwise)
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
    """State true where a measurement of the last days reaches the bound and the drug was given not long before.

    It is never denied: the absence of a measurement proves nothing.
    """
    resolution, today = Resolution(), reading.record.today
    given_days = reading.days(source.given)
    given = reading.therapy.last_given.get(source.drug)
    if given is None or given < today - dt.timedelta(days=given_days):
        return resolution
    since = today - dt.timedelta(days=reading.days(source.valid))
    why = source.why.format(at_least=source.at_least, drug=source.drug, days=given_days)
    claims = []
    for item in reading.record.listed("Observation", source.list):
        match = next((each for each in item.hits[source.list] if each.category == source.category), None)
        if match is None or item.day is None or item.day.last < since:
            continue
        element, value = item.value
        number = _in_unit(source, first_object(value))
        if number is not None and source.at_least <= number <= source.at_most:
            claims.append(claim_of("true", item, element, match, why))
    if claims:
        set_fact(resolution, source.path, claims[-1], claims, value=True)
    return resolution


def _in_unit(source: Threshold, quantity: Resource) -> float | None:
    """Return the number in the unit of the bound; None for what has no known unit."""
    number = quantity.get("value")
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= MEASURED_AT_MOST:
        return None
    stated = {string(quantity.get(name)).lower() for name in ("code", "unit")}
    scales = [source.units[name] for name in source.units if name in stated]
    if not scales:
        return None
    offset, factor = scales[-1]
    return float(number) if factor == 1 else round((number - offset) / factor, 2)
