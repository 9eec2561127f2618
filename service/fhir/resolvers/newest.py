"""Facts of one value: the newest final claim, any claim, or the newest quantity in a known unit."""

from collections.abc import Iterator

from service.facts.json_body import Json
from service.fhir.claims import Claim, claim_of, resolve_newest, set_fact, typed
from service.fhir.predicates import PREDICATES, SILENT
from service.fhir.reading import Reading
from service.fhir.record import Item, Match
from service.fhir.resolution import Resolution
from service.fhir.resources import first_object, string, texts
from service.knowledge.extraction import AnyOf, ClaimSource, Newest, Quantity, ValueSource

LARGEST = 10**9
"""A JSON integer may be too large to be multiplied."""


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
    _state_newest(reading, resolution, source.path, claims, source.valid)
    for passed_over in source.passed_over:
        for item in reading.record.listed("Observation", passed_over.list):
            if any(match.category in passed_over.categories for match in item.hits[passed_over.list]):
                resolution.ignore(item.label, passed_over.reason)
    return resolution


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
    """State the newest final quantity in the unit of the fact."""
    resolution = Resolution()
    claims: list[Claim] = []
    for item in reading.record.listed("Observation", source.list):
        match = next((each for each in item.hits[source.list] if each.category == source.category), None)
        if match is None:
            continue
        element, value = item.value
        number = _in_unit(source, value)
        if number is None:
            resolution.ignore(item.label, f"{source.path}: {source.unread}")
            continue
        claims.append(claim_of(number, item, element, match, "the newest final value"))
    _state_newest(reading, resolution, source.path, claims, source.valid)
    return resolution


def _selected(reading: Reading, source: ClaimSource, resolution: Resolution) -> Iterator[tuple[Item, Match]]:
    """Yield each resource that a claim is made of, with the first code of each value; report what does not count."""
    wanted = source.categories or tuple(source.gives)
    for item in reading.record.listed(source.resource, source.list):
        matches = [match for match in item.hits[source.list] if match.category in wanted]
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
    return _read_value(reading, source.value, item.value[1])


def _read_value(reading: Reading, source: ValueSource, value: Json) -> str | None:
    if source.integer and not (isinstance(value, dict) and "coding" in value):
        return _integer(source, value.get("value") if isinstance(value, dict) else value)
    categories = reading.record.categories(source.list, value) & source.gives.keys()
    if not categories and source.words:
        listed = reading.record.terminology[source.list]
        categories = {word for text in texts(value) if (word := listed.category_of_word(text))}
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


def _in_unit(source: Quantity, value: Json) -> float | None:
    quantity = first_object(value)
    number = quantity.get("value")
    if isinstance(number, bool) or not isinstance(number, int | float) or quantity.get("comparator"):
        return None
    if not 0 <= number <= LARGEST:
        return None
    names = (string(quantity.get(name)).lower().replace("µ", "u").replace("μ", "u") for name in ("code", "unit"))
    factor = next((source.units[name] for name in names if name in source.units), None)
    if factor is None or not source.least <= number * factor <= source.greatest:
        return None
    return round(number * factor, 3)
