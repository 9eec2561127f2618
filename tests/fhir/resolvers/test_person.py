"""Facts of the Patient resource."""

import pytest

from tests.fhir.building import cancer, reasons, us


@pytest.mark.parametrize(
    ("born", "age"),
    [("1970-11-23", 56), ("1970-11-24", 55), ("1970", None), ("1970-11", None), ("1970-10", 56), ("2027-01-01", None),
     ("1890-01-01", None), ("unknown", None), (1970, None)],
)  # fmt: skip
def test_age_in_completed_years(read, born, age: int | None) -> None:
    found = read(us(birthDate=born), cancer())
    assert found.facts.get("age_years") == age
    assert bool(reasons(found, "Patient")) is (age is None)


@pytest.mark.parametrize(
    ("gender", "expected"), [("female", "female"), ("male", "male"), ("other", "other"), ("unknown", None), (7, None)]
)
def test_sex(read, gender, expected: str | None) -> None:
    assert read(us(gender=gender), cancer()).facts.get("sex") == expected
