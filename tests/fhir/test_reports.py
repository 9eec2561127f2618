"""Records of the field that were read wrong once, asked through the door: one of each kind, in tests/data/reports."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from flask import Flask

from tests.conftest import NOON, ROOT
from tests.fhir.building import (
    ATC,
    CM0,
    GM,
    LOINC,
    SCT,
    Resource,
    bundle,
    cancer,
    concept,
    condition,
    days_ago,
    given,
    observation,
    us,
)

FOLDER = ROOT / "tests/data/reports"
REPORTS = {
    name: expected | {"rule": group["rule"]}
    for group in yaml.safe_load((FOLDER / "index.yaml").read_text())
    for name, expected in group["records"].items()
}
FACTS = {path for report in REPORTS.values() for name in ("states", "never", "silent") for path in report.get(name, ())}
TOKEN = re.compile(r"\{\{([+-]\d+)(T?)\}\}")
"""A day or a moment, in days from today."""
DOORS = {
    "facts": "/v1/facts/extract",
    "advice": "/v1/recommendations",
    "cards": "/cds-services/mbc-primary-lrt-patient-view",
}
CELSIUS, FAHRENHEIT = "http://unitsofmeasure.org|Cel", "http://unitsofmeasure.org|[degF]"
FEVER = "fever_within_6_weeks_of_chemotherapy"
PLATELETS, HAEMOGLOBIN, TEMPERATURE, VITAL_SIGNS = "777-3", "718-7", "8310-5", "85353-1"
PACLITAXEL, BONE = "L01CD01", "C79.51"


def dated(text: str) -> str:
    """Put dates in the place of the tokens."""

    def day(token: re.Match[str]) -> str:
        moment = NOON + dt.timedelta(days=int(token[1]))
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if token[2] else moment.date().isoformat()

    return TOKEN.sub(day, text)


def post(app: Flask, door: str, body: bytes) -> Any:
    return app.test_client().post(DOORS[door], data=body, content_type="application/json")


def extract(app: Flask, *resources: Resource) -> dict[str, Any]:
    response = post(app, "facts", json.dumps(bundle(*resources)).encode())
    assert response.status_code == 200, response.get_data(as_text=True)
    answer: dict[str, Any] = response.get_json()
    return answer


def fact(answer: dict[str, Any], path: str) -> Any:
    """Return a fact, of a finding its presence; None where nothing is stated."""
    value: Any = answer["facts"]
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value.get("presence") if isinstance(value, dict) and "presence" in value else value


def accounts(answer: dict[str, Any], *words: str) -> bool:
    """Return whether something ignored or in conflict is told in these words."""
    texts = [f"{each['resource']} {each['reason']}" for each in answer["ignored"]]
    texts += [f"{each['fact']} {each['values']} {each['detail']}" for each in answer["data_conflicts"]]
    return any(all(word in text for word in words) for text in texts)


# ---- the records of the folder


def test_each_record_has_a_rule_and_each_rule_a_record() -> None:
    assert set(REPORTS) == {file.stem for file in FOLDER.glob("*.json")}


@pytest.mark.parametrize("name", REPORTS)
def test_a_record_of_the_field_is_read_right(app: Flask, name: str) -> None:
    report = REPORTS[name]
    body = dated((FOLDER / f"{name}.json").read_text()).encode()
    ask = report.get("ask", "facts")
    response = post(app, ask, b"\xef\xbb\xbf" * report.get("byte_order_mark", False) + body)
    assert response.status_code in report.get("status", [200]), response.get_data(as_text=True)
    if response.status_code != 200:
        return
    answer = response.get_json()
    if ask == "facts":
        assert not list(faults_of(app, answer, report)), report["rule"]
    elif ask == "advice":
        assert answer["recommendations"][0]["code"] == report["advice"], report["rule"]
    else:
        assert answer["cards"], report["rule"]


def faults_of(app: Flask, answer: dict[str, Any], report: dict[str, Any]) -> Iterator[Any]:
    """Yield what of an answer is not as the report says."""
    if answer["breast_cancer"] not in report.get("cancer", [True, False, "unknown"]):
        yield "cancer", answer["breast_cancer"]
    stated = {path: fact(answer, path) for path in FACTS}
    for path, value in stated.items():
        wanted = report.get("states", {}).get(path, value)
        unwanted = report.get("never", {}).get(path, ())
        if value != wanted or value in unwanted or (value is not None and path in report.get("silent", ())):
            yield path, value, answer["ignored"], answer["data_conflicts"]
    response = post(app, "advice", json.dumps(answer["facts"]).encode())
    assert response.status_code == 200, response.get_data(as_text=True)
    first = response.get_json()["recommendations"][0]
    if first["code"] != report.get("advice", first["code"]):
        yield "advice", first["code"], answer["facts"]
    if first["direction"] == "against" and report.get("never_against"):
        yield "advice against", first["code"], answer["facts"]


# ---- met beside other software: each a kind, too


def temperature(value: float, unit: str, code: str | None = None, loinc: str = TEMPERATURE) -> Resource:
    quantity: Resource = {"value": value, "unit": unit}
    if code:
        system, _, quantity["code"] = code.partition("|")
        quantity["system"] = system
    return observation(loinc, quantity, days_ago(0))


def after_chemotherapy(*resources: Resource) -> tuple[Resource, ...]:
    return us(), cancer(), given(PACLITAXEL, days_ago(7), ATC), *resources


@pytest.mark.parametrize(
    ("value", "unit"), [(38.6, "C"), (38.6, "Celsius"), (38.6, "Deg. C"), (101.5, "F"), (38.6, "°C"), (101.5, "deg F")]
)
def test_a_temperature_is_read_in_each_usual_spelling_of_its_unit(app: Flask, value: float, unit: str) -> None:
    assert fact(extract(app, *after_chemotherapy(temperature(value, unit))), FEVER) is True


@pytest.mark.parametrize("loinc", ["8331-1", "8328-7", "8332-9", "8333-7", "11289-6"])
def test_a_temperature_is_read_wherever_it_was_taken(app: Flask, loinc: str) -> None:
    assert fact(extract(app, *after_chemotherapy(temperature(38.6, "Cel", CELSIUS, loinc))), FEVER) is True


def test_a_temperature_is_read_as_a_component_of_vital_signs(app: Flask) -> None:
    part = {"code": concept(TEMPERATURE, system=LOINC), "valueQuantity": {"value": 101.5, "unit": "[degF]"}}
    assert fact(extract(app, *after_chemotherapy(observation(VITAL_SIGNS, None, days_ago(0), component=[part]))), FEVER)


@pytest.mark.parametrize("unit", ["K", "mmHg", "furlong"])
def test_a_temperature_that_is_not_read_is_accounted_for(app: Flask, unit: str) -> None:
    answer = extract(app, *after_chemotherapy(temperature(38.6, unit)))
    assert fact(answer, FEVER) is None
    assert accounts(answer, f"o-{TEMPERATURE}") or accounts(answer, "fever")


@pytest.mark.parametrize("kind", ["MedicationStatement", "MedicationAdministration"])
def test_a_drug_in_the_form_of_r5_is_read_or_accounted_for(app: Flask, kind: str) -> None:
    drug = given(PACLITAXEL, None, ATC, kind)
    drug["medication"] = {"concept": drug.pop("medicationCodeableConcept")}
    drug["occurenceDateTime" if kind == "MedicationAdministration" else "effectiveDateTime"] = days_ago(7)
    answer = extract(app, us(), cancer(), drug, temperature(38.6, "Cel", CELSIUS))
    assert fact(answer, FEVER) is True or accounts(answer, f"m-{PACLITAXEL}")


def counted(value: float, unit: str, code: str | None = None, loinc: str = PLATELETS, **more: Any) -> Resource:
    quantity = {"value": value, "unit": unit, **({"system": "http://unitsofmeasure.org", "code": code} if code else {})}
    return observation(loinc, quantity | more, days_ago(2))


def test_a_unit_and_a_code_that_contradict_each_other_are_a_conflict(app: Flask) -> None:
    answer = extract(app, us(), cancer(), counted(150, "K/uL", "/uL"))
    assert fact(answer, "platelets_10e9_per_l") is None
    assert accounts(answer, "platelets")


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "path"),
    [
        (PLATELETS, 150_000, "10*9/L", "platelets_10e9_per_l"),
        (HAEMOGLOBIN, 120, "g/dL", "haemoglobin_g_per_dl"),
        (HAEMOGLOBIN, 0.8, "g/dL", "haemoglobin_g_per_dl"),
    ],
)
def test_a_value_that_nobody_can_have_is_accounted_for(
    app: Flask, loinc: str, value: float, unit: str, path: str
) -> None:
    answer = extract(app, us(), cancer(), counted(value, unit, loinc=loinc))
    assert fact(answer, path) is None
    assert accounts(answer, f"o-{loinc}") or accounts(answer, path)


@pytest.mark.parametrize(("value", "comparator"), [(10, "<"), (500, ">"), (10, ">=")])
def test_a_value_with_a_comparator_settles_its_band_or_is_accounted_for(
    app: Flask, value: float, comparator: str
) -> None:
    answer = extract(app, us(), cancer(), counted(value, "10*9/L", comparator=comparator))
    stated = fact(answer, "platelets_10e9_per_l")
    if comparator == "<":
        assert stated is not None
        assert stated <= value
    elif stated is None:
        assert accounts(answer, f"o-{PLATELETS}") or accounts(answer, "platelets")
    else:
        assert stated >= value


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("urn:oid:2.16.840.1.113883.6.96", "254837009"),
        ("https://snomed.info/sct", "254837009"),
        ("http://snomed.info/sct/11000274103", "254837009"),
        ("https://hl7.org/fhir/sid/icd-10-cm", "C50.912"),
        ("https://fhir.de/CodeSystem/bfarm/icd-10-gm", "C50.9"),
    ],
)
def test_another_address_of_a_code_system_is_the_same_system(app: Flask, address: str, code: str) -> None:
    assert extract(app, us(), cancer(code=code, system=address))["breast_cancer"] is True


@pytest.mark.parametrize("address", ["urn:oid:2.16.840.1.113883.6.1", "https://loinc.org", "http://loinc.org/"])
def test_another_address_of_loinc_is_the_same_system(app: Flask, address: str) -> None:
    count = observation(PLATELETS, {"value": 42, "unit": "10*9/L"}, days_ago(2), system=address)
    assert fact(extract(app, us(), cancer(), count), "platelets_10e9_per_l") == 42


def test_an_observation_of_an_unknown_system_is_accounted_for_like_a_condition(app: Flask) -> None:
    local = observation("THROMBO", {"value": 42, "unit": "10*9/L"}, days_ago(2), system="http://hospital.example/lab")
    assert accounts(extract(app, us(), cancer(), local), "o-THROMBO")


def test_an_unconfirmed_progression_is_no_progression(app: Flask) -> None:
    response = post(app, "advice", json.dumps({"metastatic_status": "M1", "chemotherapy_response": "iUPD"}).encode())
    text = response.get_data(as_text=True)
    assert response.status_code == 422
    assert "Did you mean" not in text
    assert "confirmed" in text


def test_a_whole_number_with_a_decimal_point_is_a_whole_number(app: Flask) -> None:
    body = b'{"metastatic_status": "M1", "age_years": 58.0}'
    response = post(app, "advice", body)
    assert response.status_code == 200, response.get_data(as_text=True)
    assert response.get_json()["decision_id"] == post(app, "advice", body.replace(b".0", b"")).get_json()["decision_id"]


def test_a_code_decides_and_a_display_that_contradicts_it_is_a_conflict(app: Flask) -> None:
    category = observation("21907-1", concept((SCT, CM0, "N0")), days_ago(300))
    answer = extract(app, us(), cancer(), category)
    assert fact(answer, "metastatic_status") in {"M0", None}
    assert accounts(answer, CM0)


@pytest.mark.parametrize("code", [(GM, BONE.replace("51", "5")), (SCT, "94222008")])
def test_a_code_of_another_system_is_no_weaker(app: Flask, code: tuple[str, str]) -> None:
    bone = condition(concept(code), days_ago(300), id="bone")
    assert fact(extract(app, us(), cancer(), bone), "metastatic_status") == "M1"
