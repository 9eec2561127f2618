"""Measurements of a record: Observations and their components, with the number in the unit of a fact.

What contradicts itself is a doubt and never a number: a unit that differs from its code, or a number that no person
can have.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from service.facts.json_body import Json
from service.fhir.record import Item, Match, Record
from service.fhir.resources import choice, first_object, string
from service.knowledge.extraction import fold_unit

LARGEST = 10**9
"""A JSON integer may be too large to be multiplied."""
BELOW, ABOVE = frozenset(("<", "<=")), frozenset((">", ">="))
"""Comparators of a Quantity."""
STEP = 0.001
"""What is subtracted from a bound that is not reached."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value with the code that says what was measured."""

    item: Item
    match: Match
    element: str
    value: Json


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in the unit of a fact, or a doubt about it; neither where it cannot be read."""

    number: float | None = None
    comparator: str = ""
    text: str = ""
    """The quantity as it was sent, where there is a doubt or a comparator."""
    doubt: str = ""


UNREAD = Amount()


def read_measurements(record: Record, name: str, categories: Collection[str]) -> Iterator[Measurement]:
    """Yield each value whose code is of these categories: that of an Observation, or of a component of one."""
    for item in record.listed("Observation", name):
        if match := _of_categories(item.hits[name], categories):
            yield Measurement(item, match, *item.value)
    yield from read_components(record, name, categories)


def read_components(record: Record, name: str, categories: Collection[str]) -> Iterator[Measurement]:
    """Yield the value of each component whose code is of these categories."""
    for item, component, matches in record.components.get(name, ()):
        if match := _of_categories(matches, categories):
            element, value = choice(component, "value")
            yield Measurement(item, match, f"component.{element or 'value'}", value)


def _of_categories(matches: Iterable[Match], categories: Collection[str]) -> Match | None:
    return next((match for match in matches if match.category in categories), None)


def read_amount(
    value: Json, units: Collection[str], scale: Callable[[float, str], float], least: float, greatest: float
) -> Amount:
    """Return a Quantity in the unit of a fact.

    `scale` converts a number of a unit; `least` and `greatest` are what a person can have.
    """
    quantity = first_object(value)
    number, comparator = quantity.get("value"), string(quantity.get("comparator"))
    if isinstance(number, bool) or not isinstance(number, int | float) or comparator not in {"", *BELOW, *ABOVE}:
        return UNREAD
    unit_texts = {string(quantity.get("code")): None, string(quantity.get("unit")): None}
    names = [name for unit in unit_texts if (name := unit.lower()) in units or (name := fold_unit(unit)) in units]
    if not names:
        return UNREAD
    amounts = [scale(number, unit) for unit in names] if abs(number) <= LARGEST else [math.inf]
    doubt = ""
    if amounts[0] != amounts[-1]:
        doubt = "the unit and its code are not the same unit"
    elif not least <= amounts[0] <= greatest:
        doubt = "no person can have this value"
    if not doubt and not comparator:
        return Amount(amounts[0])
    number_text = str(number) if abs(number) <= LARGEST else "more than 10^9"
    text = f"{comparator}{number_text} {' | '.join(unit for unit in unit_texts if unit)}"
    return Amount(text=text, doubt=doubt) if doubt else Amount(amounts[0], comparator, text)


def settle_bound(amount: Amount, band: Callable[[float], str], least: float, greatest: float) -> float | None:
    """Return a number that stands for an amount; None where its comparator leaves more than one band open."""
    number = amount.number
    if number is None or not amount.comparator:
        return number
    if amount.comparator in ABOVE:
        return number if band(number) == band(greatest) else None
    if band(number) == band(least):
        return number
    under = max(least, round(number - STEP, 3))
    return under if amount.comparator == "<" and band(under) == band(least) else None
