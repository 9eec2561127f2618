"""Dates as FHIR states them: a year or a month counts as all its days, and comparisons say what is certain."""

import calendar
import datetime as dt
import re
from dataclasses import dataclass

from service.facts.json_body import Json
from service.fhir.resources import Resource


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


def parse_day(text: str) -> Day | None:
    """Return a date, dateTime or instant as a Day; None for what is no date."""
    found = _DATE.match(text.strip())
    if found is None:
        return None
    year, month, date = found.groups()
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
    """Reads the dates of one record, each distinct text once. Not shared between records: dates are patient data."""

    def __init__(self) -> None:
        self._days: dict[str, Day | None] = {}

    def day(self, value: Json) -> Day | None:
        """Return the Day of a JSON value; None for what is no date."""
        if not isinstance(value, str):
            return None
        try:
            return self._days[value]
        except KeyError:
            found = self._days[value] = parse_day(value)
            return found

    def first_of(self, resource: Resource, *elements: str) -> tuple[str, Day | None]:
        """Return the first of these elements that holds a date, and that date; a Period counts by its start."""
        for element in elements:
            value = resource.get(element)
            if value is not None:
                found = self.day(value.get("start") if isinstance(value, dict) else value)
                if found is not None:
                    return element, found
        return "", None
