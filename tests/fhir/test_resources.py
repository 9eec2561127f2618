"""The accessors: what is missing or of a wrong type reads as absent."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir import resources

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=10,
)


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
    day = resources.day(text)
    assert day is not None
    assert (day.first, day.last) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "2018-13", "2018-02-30", "0000", "18", "2018-3-1", "yesterday", None, 2018, ["2018"]]
)
def test_what_is_no_date(text: object) -> None:
    assert resources.day(text) is None


def test_partial_dates_are_compared_safely() -> None:
    year, march, april = (resources.day(text) for text in ("2018", "2018-03", "2018-04-01"))
    assert march.before(april)
    assert not year.before(april)
    assert not april.before(year)
    assert year.overlaps(april)
    assert april.days_after(march) == (1, 31)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/a", ("Patient", "a")),
        ("https://x.example/fhir/Patient/a/_history/2", ("Patient", "a")),
        ("urn:uuid:b", ("", "b")),
        ("a", ("", "a")),
        ("", ("", "")),
        ("/", ("", "")),
    ],
)
def test_references(text: str, expected: tuple[str, str]) -> None:
    assert resources.local(text) == expected


def test_statuses_as_words_and_as_concepts() -> None:
    assert resources.word("Active ") == "active"
    assert resources.word({"coding": [{"code": "active"}]}) == "active"
    assert resources.word(7) == ""


def test_values_and_reasons_for_none() -> None:
    assert resources.choice({"valueInteger": 0}, "value") == ("valueInteger", 0)
    assert resources.choice({"value": 3, "valued": 4, "valueX": None}, "value") == ("", None)


@settings(deadline=None, database=None)
@given(JSON)
def test_no_accessor_fails(tree: object) -> None:
    resource = tree if isinstance(tree, dict) else {"code": tree}
    resources.codings(tree)
    resources.texts(tree)
    resources.word(tree)
    resources.is_absent(tree)
    resources.reference(tree)
    resources.when(resource, *resource)
    resources.choice(resource, "value")
    resources.extensions(tree, "x")
    resources.failed(tree)
    list(resources.entries(tree))
    list(resources.bundles(tree))
