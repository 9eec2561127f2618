"""Fever within six weeks of chemotherapy is an emergency: stated where it is so, never denied."""

import pytest

from tests.fhir.building import (
    CM,
    LOINC,
    MEDDRA,
    US,
    cancer,
    concept,
    condition,
    days_ago,
    given,
    observation,
    procedure,
    reasons,
    us,
)

FACT = "fever_within_6_weeks_of_chemotherapy"
PACLITAXEL, LETROZOLE, METHOTREXATE = "56946", "72965", "6851"


def celsius(number: float) -> dict:
    return {"value": number, "code": "Cel", "system": "http://unitsofmeasure.org"}


def temperature(value: dict, on: str = days_ago(0), **more: object) -> dict:
    return observation("8310-5", value, on, **more)


HOT = temperature(celsius(39), id="hot")


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
        ({"value": 39.1, "unit": "Celsius"}, True),
        ({"value": 39.1, "unit": "Deg. C"}, True),
        ({"value": 39.1, "unit": "degrees C"}, True),
        ({"value": 39.1, "unit": "\N{DEGREE CELSIUS}"}, True),
        ({"value": 101.2, "unit": "F"}, True),
        ({"value": 101.2, "unit": "Fahrenheit"}, True),
        ({"value": 98.6, "unit": "F"}, False),
        ({"value": 39.1, "code": "Cel", "unit": "C"}, True),
        ({"value": 38.5, "code": "Cel", "comparator": ">"}, True),
        ({"value": 40, "code": "Cel", "comparator": "<"}, False),
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


@pytest.mark.parametrize("code", ["8310-5", "8331-1", "8328-7", "8332-9", "8333-7", "11289-6", "8329-5"])
def test_wherever_it_was_measured(read, code: str) -> None:
    hot = observation(code, celsius(38.6), days_ago(0))
    assert read(us(), cancer(), given(PACLITAXEL, days_ago(3)), hot).facts[FACT] is True


def test_in_a_component_of_the_vital_signs(read) -> None:
    pulse = {"code": concept("8867-4", system=LOINC), "valueQuantity": {"value": 118, "unit": "/min"}}
    hot = {"code": concept("8310-5", system=LOINC), "valueQuantity": celsius(39.1)}
    found = read(
        us(),
        cancer(),
        given(PACLITAXEL, days_ago(3)),
        observation("85353-1", None, days_ago(0), component=[pulse, hot]),
    )
    assert found.facts[FACT] is True
    assert found.provenance[FACT]["element"] == "Observation.component.valueQuantity"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("MedicationAdministration", "stopped"),
        ("MedicationAdministration", "on-hold"),
        ("MedicationAdministration", "in-progress"),
        ("MedicationStatement", "stopped"),
    ],
)
def test_what_was_begun_was_given(read, kind: str, status: str) -> None:
    drug = given(PACLITAXEL, days_ago(9), kind=kind, status=status)
    assert read(us(), cancer(), drug, temperature(celsius(39))).facts[FACT] is True


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "unknown"])
def test_what_was_not_begun_was_not_given(read, status: str) -> None:
    assert FACT not in read(us(), cancer(), given(PACLITAXEL, days_ago(9), status=status), HOT).facts


def test_a_course_that_goes_on(read) -> None:
    period = {"performedPeriod": {"start": days_ago(90)}}
    going_on = procedure("367336001", None, status="in-progress", **period)
    assert read(us(), cancer(), going_on, HOT).facts[FACT] is True


def test_until_when_it_was_given_is_not_known(read) -> None:
    """A fever is not denied for want of a date, and not stated either."""
    period = {"effectivePeriod": {"start": days_ago(90)}}
    stopped = given(PACLITAXEL, None, kind="MedicationStatement", status="stopped", **period)
    ended = given(PACLITAXEL, None, kind="MedicationStatement", status="stopped",
                  effectivePeriod={"start": days_ago(90), "end": days_ago(60)})  # fmt: skip
    for drug in (stopped, given(PACLITAXEL, None)):
        found = read(us(), cancer(), drug, HOT)
        assert FACT not in found.facts
        assert [each["fact"] for each in found.data_conflicts] == [FACT]
    assert not read(us(), cancer(), ended, HOT).data_conflicts


@pytest.mark.parametrize(
    "value",
    [
        {"value": 103, "code": "Cel"},
        {"value": 38.6, "code": "[degF]"},
        {"value": 38.6, "code": "[degF]", "unit": "C"},
        {"value": 10**400, "code": "Cel"},
    ],
)
def test_a_temperature_that_contradicts_itself_is_told(read, value: dict) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, days_ago(3)), temperature(value))
    assert FACT not in found.facts
    assert {each["fact"] for each in found.data_conflicts} == {FACT, "fever_in_record"}
    both = read(us(), cancer(), given(PACLITAXEL, days_ago(3)), temperature(value, id="odd"), HOT)
    assert both.facts[FACT] is True
    assert not both.data_conflicts
    assert reasons(both, "odd")


@pytest.mark.parametrize("value", [{"value": 39.4}, {"value": 312, "unit": "K"}, {"text": "high"}, None])
def test_a_temperature_that_cannot_be_read_is_told(read, value) -> None:
    found = read(us(), cancer(), given(PACLITAXEL, days_ago(3)), temperature(value))
    assert FACT not in found.facts
    assert reasons(found, "8310-5")


FEBRILE = [
    condition("409089005", days_ago(14), id="neutropenia"),
    condition("409089005", None, id="neutropenia"),
    {
        "resourceType": "AdverseEvent",
        "id": "neutropenia",
        "actuality": "actual",
        "subject": US,
        "date": days_ago(1),
        "event": concept("10016288", system=MEDDRA),
    },
]


@pytest.mark.parametrize("diagnosis", FEBRILE)
def test_febrile_neutropenia_is_a_fever(read, diagnosis: dict) -> None:
    assert read(us(), cancer(), given(PACLITAXEL, days_ago(20)), diagnosis).facts[FACT] is True
    alone = read(us(), cancer(), diagnosis)
    assert FACT not in alone.facts
    assert [each["fact"] for each in alone.data_conflicts] == [FACT]


@pytest.mark.parametrize(
    "over",
    [
        condition("409089005", days_ago(15)),
        condition("409089005", days_ago(3), clinical="resolved"),
        {**FEBRILE[2], "outcome": concept("resolved")},
        {**FEBRILE[2], "actuality": "potential"},
    ],
)
def test_febrile_neutropenia_that_is_over_is_none(read, over: dict) -> None:
    assert FACT not in read(us(), cancer(), given(PACLITAXEL, days_ago(20)), over).facts


def test_a_fever_without_its_temperature_is_told(read) -> None:
    fever = condition("386661006", days_ago(0))
    found = read(us(), cancer(), given(PACLITAXEL, days_ago(3)), fever)
    assert FACT not in found.facts
    assert [each["fact"] for each in found.data_conflicts] == [FACT]
    assert not read(us(), cancer(), fever).data_conflicts
