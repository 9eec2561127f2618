"""Dates as FHIR states them: a year or a month counts as all its days, and comparisons say what is certain."""

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from service.facts.json_body import Json
from service.fhir.resources import Resource, extensions

DATES: Mapping[str, tuple[str, ...]] = {
    "Condition": ("onsetDateTime", "onsetPeriod", "assertedDate", "recordedDate", "dateRecorded"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"),
    "Procedure": ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod", "occurenceDateTime", "occurencePeriod"),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod"),
    "MedicationUsage": ("effectiveDateTime", "effectivePeriod"),
    "AdverseEvent": ("date", "occurrenceDateTime", "occurrencePeriod", "detected", "recordedDate"),
}
"""Elements of a type that say when it was, in the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Day:
    """A date as far as it is known: 2018 is every day from its first to its last."""

    first: dt.date
    last: dt.date
    text: str

    def before(self, other: "Day") -> bool:
        """Return whether this certainly was earlier."""
        return self.last < other.first

    def overlaps(self, other: "Day") -> bool:
        """Return whether both may have been the same day."""
        return not self.before(other) and not other.before(self)

    def days_after(self, other: "Day") -> tuple[int, int]:
        """Return the fewest and most days from the other to this one; negative where this was earlier."""
        return (self.first - other.last).days, (self.last - other.first).days


ONGOING = Day(dt.date.max, dt.date.max, "ongoing")
"""The end of what has not ended yet."""
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:[T ].*)?)?)?\Z", re.DOTALL)


_PLAIN = re.compile(r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])(?=[T ]|\Z)")
"""A day that every month has."""


def parse_day(text: str) -> Day | None:
    """Return a date, dateTime or instant as a Day; None for what is no date."""
    match = _DATE.match(text.strip())
    if match is None:
        return None
    year, month, date = match.groups()
    try:
        first = dt.date(int(year), int(month or 1), int(date or 1))
        if date:
            last = first
        elif month:
            last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        else:
            last = dt.date(first.year, 12, 31)
    except ValueError:
        return None
    return Day(first, last, "-".join(part for part in (year, month, date) if part))


class DateReader:
    """Reads the dates of one record, each distinct text once. Not shared between records: dates are patient data.

    What is later than `last_day` is in the future.
    """

    def __init__(self, last_day: dt.date) -> None:
        self._last_day, self._last_text = last_day, str(last_day)
        self._days: dict[str, Day | None] = {}

    def day(self, value: Json) -> Day | None:
        """Return the Day of a JSON value; None for what is no date."""
        if not isinstance(value, str):
            return None
        try:
            return self._days[value]
        except KeyError:
            day = self._days[value] = parse_day(value)
            return day

    def first_of(self, resource: Resource, *elements: str) -> tuple[str, Day | None]:
        """Return the first of these elements that holds a date, and that date; a Period counts by its start."""
        for element in elements:
            value = resource.get(element)
            if value is not None:
                day = self.day(value.get("start") if isinstance(value, dict) else value)
                if day is not None:
                    return element, day
        return "", None

    def of(self, resource: Resource, kind: str) -> tuple[str, Day | None]:
        """Return the element that says when a resource of this type was, and that date."""
        if kind != "Condition":
            return self.first_of(resource, *DATES.get(kind, ()))
        element, date = self.first_of(resource, "onsetDateTime", "onsetPeriod")
        if date is None and (assertions := extensions(resource, "condition-assertedDate")):
            element, date = self.first_of(assertions[0], "valueDateTime")
            element = "extension(assertedDate)" if date else ""
        return (element, date) if date else self.first_of(resource, *DATES[kind][2:])

    def is_future(self, resource: Resource, kind: str) -> bool:
        """Return whether a resource certainly was after the last day. Most are told by their text, without a Day."""
        text = resource.get(DATES[kind][0])
        plain = _PLAIN.match(text) if isinstance(text, str) else None
        if plain is not None:
            return plain.group() > self._last_text
        day = self.of(resource, kind)[1]
        return day is not None and day.first > self._last_day
