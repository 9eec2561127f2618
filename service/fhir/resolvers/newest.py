"""Facts of one value: the newest final claim, any claim, or the newest quantity in a known unit."""

from collections.abc import Callable, Iterator

from service.facts.json_body import Json
from service.fhir.claims import Claim, claim_of, newest, resolve_newest, set_fact, typed
from service.fhir.predicates import PREDICATES, SILENT
from service.fhir.quantities import read_amount, read_components, read_measurements, settle_bound
from service.fhir.reading import Reading
from service.fhir.record import Item, Match
from service.fhir.resolution import Resolution
from service.fhir.resources import texts
from service.knowledge.extraction import AnyOf, ClaimSource, Newest, Quantity, ValueSource
from service.knowledge.vocabulary import Number

NEWEST = "the newest final value"


def resolve_newest_fact(reading: Reading, source: Newest) -> Resolution:
    """State the newest final claim, unless it is too old to say something about today."""
    resolution = Resolution()
    claims: list[Claim] = []
    for claim_source in source.claims:
        for item, match in _selected(reading, claim_source, resolution):
            value = _value(reading, claim_source, item, match)
            if value is None:
                resolution.ignore(item.label, f"{source.path}: {source.unread}")
                continue
            element = "code" if claim_source.value is None else item.value[0]
            typed_value = typed(reading.fact(source.path), value)
            claims.append(claim_of(typed_value, item, element, match, claim_source.why))
        if claim_source.value is not None and claim_source.resource == "Observation":
            claims += _claims_of_components(reading, source, claim_source, claim_source.value, resolution)
    _state_newest(reading, resolution, source.path, claims, source.valid)
    for passed_over in source.passed_over:
        for item in reading.record.listed("Observation", passed_over.list):
            if any(match.category in passed_over.categories for match in item.hits[passed_over.list]):
                resolution.ignore(item.label, passed_over.reason)
    return resolution


def _claims_of_components(
    reading: Reading, source: Newest, claim_source: ClaimSource, value_source: ValueSource, resolution: Resolution
) -> Iterator[Claim]:
    """Yield a claim for each component that states a value; report what does not count."""
    for component in read_components(reading.record, claim_source.list, claim_source.categories):
        item, value = component.item, _read_value(reading, value_source, component.value)
        reason = _why_not(reading, claim_source, item) or ("" if value else f"{source.path}: {source.unread}")
        if value is not None and not reason:
            typed_value = typed(reading.fact(source.path), value)
            yield claim_of(typed_value, item, component.element, component.match, claim_source.why)
        elif reason != SILENT:
            resolution.ignore(item.label, reason)


def resolve_any(reading: Reading, source: AnyOf) -> Resolution:
    """State the fact where any claim says so; the last one is named."""
    resolution = Resolution()
    claims: list[Claim] = []
    for claim_source in source.claims:
        for item, match in _selected(reading, claim_source, resolution):
            value = _value(reading, claim_source, item, match)
            if value is None:
                continue
            if source.valid is not None and _is_stale(reading, item, days := reading.days(source.valid)):
                resolution.ignore(item.label, source.stale.format(days=days))
                continue
            claims.append(claim_of(value, item, "code", match, claim_source.why))
    if claims:
        set_fact(resolution, source.path, claims[-1], claims, typed(reading.fact(source.path), claims[-1].value))
    return resolution


def resolve_quantity(reading: Reading, source: Quantity) -> Resolution:
    """State the newest final quantity in the unit of the fact, unless one not older contradicts itself."""
    resolution, fact = Resolution(), reading.fact(source.path)
    claims: list[Claim] = []
    doubts: list[Claim] = []
    for measurement in read_measurements(reading.record, source.list, (source.category,)):
        item = measurement.item
        amount = read_amount(measurement.value, source.units, _scale(source), source.least, source.greatest)
        if amount.doubt:
            doubts.append(claim_of(amount.text, item, measurement.element, measurement.match, amount.doubt))
            continue
        number = settle_bound(amount, fact.band, source.least, source.greatest) if isinstance(fact, Number) else None
        if number is None:
            reason = f"the bound {amount.text} does not settle it" if amount.comparator else source.unread
            resolution.ignore(item.label, f"{source.path}: {reason}")
            continue
        why = f"the newest final value, which is a bound: {amount.text}" if amount.comparator else NEWEST
        claims.append(claim_of(number, item, measurement.element, measurement.match, why))
    if not _has_doubt(reading, resolution, source, claims, doubts):
        _state_newest(reading, resolution, source.path, claims, source.valid)
    return resolution


def _scale(source: Quantity) -> Callable[[float, str], float]:
    return lambda number, unit: round(number * source.units[unit], 3)


def _has_doubt(
    reading: Reading, resolution: Resolution, source: Quantity, claims: list[Claim], doubts: list[Claim]
) -> bool:
    """Report measurements that contradict themselves; return whether one may be the newest."""
    final = [claim for claim in claims if not claim.preliminary]
    latest = newest(final or claims) if claims else None
    days = reading.days(source.valid)
    current = {
        doubt: None
        for doubt in doubts
        if not (final and doubt.preliminary)
        and not _is_stale(reading, doubt.item, days)
        and not (latest and doubt.is_before(latest))
    }
    for doubt in doubts:
        if doubt not in current:
            resolution.ignore(doubt.item.label, f"{source.path}: {doubt.value}: {doubt.why}")
    for doubt in current:
        detail = f"{doubt.why[0].upper()}{doubt.why[1:]}: the fact stays unknown. Ask for the value and its unit."
        resolution.conflict(source.path, [doubt.value], [doubt.item], detail)
    return bool(current)


def _selected(reading: Reading, source: ClaimSource, resolution: Resolution) -> Iterator[tuple[Item, Match]]:
    """Yield each resource that a claim is made of, with the first code of each value; report what does not count."""
    categories = source.categories or tuple(source.gives)
    for item in reading.record.listed(source.resource, source.list):
        matches = [match for match in item.hits[source.list] if match.category in categories]
        if not matches or (source.at and reading.places(item).isdisjoint(source.at)):
            continue
        reason = _why_not(reading, source, item)
        if not reason:
            by_value = {source.gives.get(match.category): match for match in reversed(matches)}
            yield from ((item, match) for match in reversed(by_value.values()))
        elif reason != SILENT:
            resolution.ignore(item.label, reason)


def _why_not(reading: Reading, source: ClaimSource, item: Item) -> str:
    if source.statuses and item.status not in source.statuses:
        return f"no proof of {source.proof_of}: its status is {item.status or 'missing'}"
    reasons = (PREDICATES[name](reading, item, source) for name in source.keep)
    return next((reason for reason in reasons if reason), "")


def _value(reading: Reading, source: ClaimSource, item: Item, match: Match) -> str | None:
    """Return the value that a resource states; None where it cannot be read."""
    if source.value is None:
        return source.gives[match.category]
    value = item.value[1]
    return _read_value(reading, source.value, item.resource.get("interpretation") if value is None else value)


def _read_value(reading: Reading, source: ValueSource, value: Json) -> str | None:
    number = value.get("value") if isinstance(value, dict) else value
    if source.integer and isinstance(number, int | float):
        return _integer(source, number)
    categories = reading.record.categories(source.list, value) & source.gives.keys()
    if not categories and source.words:
        categories = reading.record.categories_of_texts(source.list, texts(value)) & source.gives.keys()
    if len(categories) != 1:
        return None
    return source.gives.get(categories.pop())


def _integer(source: ValueSource, number: Json) -> str | None:
    least, greatest = source.integer
    if isinstance(number, bool) or not isinstance(number, int | float) or number not in range(least, greatest + 1):
        return None
    return str(int(number))


def _is_stale(reading: Reading, item: Item, days: int) -> bool:
    return item.day is None or (reading.record.today - item.day.last).days > days


def _state_newest(reading: Reading, resolution: Resolution, path: str, claims: list[Claim], valid: str | None) -> None:
    chosen = resolve_newest(resolution, path, claims)
    if chosen is None:
        return
    if valid is not None and _is_stale(reading, chosen.item, days := reading.days(valid)):
        resolution.ignore(chosen.item.label, f"{path}: undated or more than {days} days old: not today's")
        return
    set_fact(resolution, path, chosen, claims)
