"""Dates as FHIR states them: compared only where the order is certain."""

import datetime as dt

import pytest

from service.fhir.dates import DateReader, parse_day


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2018", dt.date(2018, 1, 1), dt.date(2018, 12, 31)),
        ("2018-02", dt.date(2018, 2, 1), dt.date(2018, 2, 28)),
        ("2018-12", dt.date(2018, 12, 1), dt.date(2018, 12, 31)),
        ("2018-03-16", dt.date(2018, 3, 16), dt.date(2018, 3, 16)),
        ("2018-03-16T10:00:00+02:00", dt.date(2018, 3, 16), dt.date(2018, 3, 16)),
        ("9999-12", dt.date(9999, 12, 1), dt.date(9999, 12, 31)),
    ],
)
def test_dates_as_far_as_they_are_known(text: str, first: dt.date, last: dt.date) -> None:
    day = parse_day(text)
    assert day is not None
    assert (day.first, day.last) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "2018-13", "2018-02-30", "0000", "18", "2018-3-1", "yesterday", None, 2018, ["2018"]]
)
def test_what_is_no_date(text: object) -> None:
    assert DateReader(dt.date.max).day(text) is None


def test_partial_dates_are_compared_safely() -> None:
    year, march, april = (parse_day(text) for text in ("2018", "2018-03", "2018-04-01"))
    assert march.before(april)
    assert not year.before(april)
    assert not april.before(year)
    assert year.overlaps(april)
    assert april.days_after(march) == (1, 31)
