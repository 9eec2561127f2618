"""Fever within six weeks of chemotherapy: an emergency, so it is stated when it is so and never denied."""

import datetime as dt

from service.fhir.claims import Claim, state
from service.fhir.record import AHEAD, Record
from service.fhir.resources import Resource, objects, string
from service.fhir.therapy import Therapy

FEVER_FACT = "fever_within_6_weeks_of_chemotherapy"
FEVER = 38.0
"""Degrees Celsius."""
CHEMOTHERAPY_DAYS = 42
CELSIUS, FAHRENHEIT = {"cel", "°c", "degc", "deg c", "degrees c"}, {"[degf]", "°f", "degf", "deg f", "degrees f"}
HOTTEST = 45.0
"""Beyond it a temperature is no patient's."""


def read_fever(record: Record, therapy: Therapy) -> None:
    """State fever_within_6_weeks_of_chemotherapy where a temperature of today or yesterday says so."""
    recent = record.today - dt.timedelta(days=CHEMOTHERAPY_DAYS)
    if therapy.last_chemotherapy is None or therapy.last_chemotherapy < recent:
        return
    claims = []
    for item in record.of("Observation"):
        matches = [each for each in record.match("observations", item.codes) if each.means == "temperature"]
        if not matches or item.day is None or item.day.last < record.today - AHEAD:
            continue
        element, value = item.value
        if not FEVER <= _celsius(next(iter(objects(value)), {})) <= HOTTEST:
            continue
        what = f"{FEVER} C or more within a day, and chemotherapy within {CHEMOTHERAPY_DAYS} days"
        claims.append(Claim("true", item, f"Observation.{element}", matches[0].coding.token, item.day, what))
    if claims:
        state(record.notes, FEVER_FACT, claims[-1], claims, value=True)


def _celsius(quantity: Resource) -> float:
    """Degrees Celsius; 0 for what has no known unit."""
    number = quantity.get("value")
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1000:  # noqa: PLR2004
        return 0.0
    units = {string(quantity.get(name)).lower() for name in ("code", "unit")}
    if units & FAHRENHEIT:
        return round((number - 32) / 1.8, 2)
    return float(number) if units & CELSIUS else 0.0
