"""The accessors: what is missing or of a wrong type reads as absent."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir import resources
from service.fhir.dates import DateReader

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=10,
)


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
    DateReader(dt.date.max).first_of(resource, *resource)
    resources.choice(resource, "value")
    resources.extensions(tree, "x")
    resources.failed(tree)
    resources.read_sent(tree)
