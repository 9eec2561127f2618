"""Fever within six weeks of chemotherapy is an emergency: stated where it is so, never denied."""

import pytest

from tests.fhir.building import CM, cancer, condition, days_ago, given, observation, us

FACT = "fever_within_6_weeks_of_chemotherapy"
PACLITAXEL, LETROZOLE, METHOTREXATE = "56946", "72965", "6851"


def celsius(number: float) -> dict:
    return {"value": number, "code": "Cel", "system": "http://unitsofmeasure.org"}


def temperature(value: dict, on: str = days_ago(0), **more: object) -> dict:
    return observation("8310-5", value, on, **more)


@pytest.mark.parametrize(
    ("value", "fever"),
    [
        (celsius(38.0), True),
        (celsius(37.9), False),
        ({"value": 39.4, "unit": "°C"}, True),
        ({"value": 100.4, "code": "[degF]"}, True),
        ({"value": 100.3, "code": "[degF]"}, False),
        ({"value": 39.4}, False),
        ({"value": 103, "code": "Cel"}, False),
        ({"value": True, "code": "Cel"}, False),
        ({"value": 10**400, "code": "[degF]"}, False),
    ],
)
def test_from_38_degrees(read, value: dict, *, fever: bool) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, days_ago(42)), temperature(value))
    assert found.facts.get(FACT) == (True if fever else None)


def test_of_today_or_yesterday(read) -> None:
    chemotherapy = given(PACLITAXEL, days_ago(3))
    assert read(us(), cancer(), chemotherapy, temperature(celsius(39), days_ago(1))).facts[FACT] is True
    assert read(us(), cancer(), chemotherapy, temperature(celsius(39), status="preliminary")).facts[FACT] is True
    assert FACT not in read(us(), cancer(), chemotherapy, temperature(celsius(39), days_ago(2))).facts


def test_within_six_weeks_of_chemotherapy(read) -> None:
    hot = temperature(celsius(39))
    assert FACT not in read(us(), cancer(), given(PACLITAXEL, days_ago(43)), hot).facts
    assert FACT not in read(us(), cancer(), given(LETROZOLE, days_ago(3)), hot).facts
    ongoing = given(PACLITAXEL, days_ago(90), kind="MedicationStatement", status="active")
    assert read(us(), cancer(), ongoing, hot).facts[FACT] is True
    lymphoma = condition("C83.30", "2026-01-01", CM, id="lymphoma")
    other = given(PACLITAXEL, days_ago(3), reasonReference=[{"reference": "Condition/lymphoma"}])
    assert read(us(), cancer(), lymphoma, other, hot).facts[FACT] is True
