"""Facts of one value: the newest final claim, in a known unit and range."""

import pytest

from tests.fhir.building import CM, LOINC, SCT, cancer, concept, condition, days_ago, observation, reasons, us

ON = "2026-10-01"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (4, 4), (5, None), (-1, None), (concept(("http://loinc.org", "LA9623-5")), 1), ({"value": 2}, 2),
     ({"value": 1.5}, None), ("261665006", None), (True, None), ("422894000", 2), ({"text": "ECOG 3"}, 3),
     ({"text": "between 1 and 2"}, None), (concept(("http://loinc.org", "LA9623-5"), "422894000"), None)],
)  # fmt: skip
def test_ecog(read, value, expected: int | None) -> None:
    found = read(us(), cancer(), observation("89247-1", value, ON))
    assert found.facts.get("ecog") == expected
    assert bool(reasons(found, "o-89247")) is (expected is None)


def test_the_newest_final_value_and_its_runner_up(read) -> None:
    found = read(us(), cancer(), observation("89247-1", 1, "2026-01-01"), observation("89247-1", 3, ON))
    assert found.facts["ecog"] == 3
    assert found.provenance["ecog"]["runner_up"]["value"] == 1
    early = observation("89247-1", 0, "2026-11-01", status="preliminary")
    assert read(us(), cancer(), observation("89247-1", 3, ON), early).facts["ecog"] == 3


@pytest.mark.parametrize(
    ("code", "name", "value", "expected"),
    [
        ("777-3", "platelets_10e9_per_l", {"value": 45, "unit": "10*3/uL"}, 45),
        ("777-3", "platelets_10e9_per_l", {"value": 45, "code": "10*9/L"}, 45),
        ("26515-7", "platelets_10e9_per_l", {"value": 45000, "unit": "/uL"}, 45),
        ("777-3", "platelets_10e9_per_l", {"value": 0, "unit": "10*3/uL"}, 0),
        ("777-3", "platelets_10e9_per_l", {"value": 2000, "unit": "10*3/uL"}, 2000),
        ("777-3", "platelets_10e9_per_l", {"value": 45}, None),
        ("777-3", "platelets_10e9_per_l", {"value": 45000, "unit": "10*3/uL"}, None),
        ("777-3", "platelets_10e9_per_l", {"value": 45, "unit": "10*9/L", "comparator": "<"}, 45),
        ("777-3", "platelets_10e9_per_l", {"value": 42000, "unit": "cells/uL"}, 42),
        ("777-3", "platelets_10e9_per_l", {"value": 42000, "unit": "/cumm"}, 42),
        ("777-3", "platelets_10e9_per_l", {"value": 42, "unit": "10\N{SUPERSCRIPT NINE}/L"}, 42),
        ("777-3", "platelets_10e9_per_l", {"value": 42, "unit": "x10E3/uL"}, 42),
        ("777-3", "platelets_10e9_per_l", {"value": 42, "unit": "Gpt/l"}, 42),
        ("777-3", "platelets_10e9_per_l", {"value": 150, "unit": "K/uL", "code": "/uL"}, None),
        ("777-3", "platelets_10e9_per_l", {"value": -4, "unit": "K/uL"}, None),
        ("777-3", "platelets_10e9_per_l", {"value": 50, "unit": "K/uL", "comparator": "<"}, 49.999),
        ("777-3", "platelets_10e9_per_l", {"value": 50, "unit": "K/uL", "comparator": "<="}, None),
        ("777-3", "platelets_10e9_per_l", {"value": 60, "unit": "K/uL", "comparator": "<"}, None),
        ("777-3", "platelets_10e9_per_l", {"value": 50, "unit": "K/uL", "comparator": ">"}, 50),
        ("777-3", "platelets_10e9_per_l", {"value": 40, "unit": "K/uL", "comparator": ">="}, None),
        ("777-3", "platelets_10e9_per_l", {"value": 40, "unit": "K/uL", "comparator": "~"}, None),
        ("718-7", "haemoglobin_g_per_dl", {"value": 7.4, "unit": "gm/dL"}, 7.4),
        ("718-7", "haemoglobin_g_per_dl", {"value": 7.4, "unit": "g/100 mL"}, 7.4),
        ("718-7", "haemoglobin_g_per_dl", {"value": 79, "unit": "g/dL"}, None),
        ("718-7", "haemoglobin_g_per_dl", {"value": 79, "unit": "g/dL", "code": "g/L"}, None),
        ("718-7", "haemoglobin_g_per_dl", {"value": 7.9, "unit": "g/dL"}, 7.9),
        ("718-7", "haemoglobin_g_per_dl", {"value": 79, "unit": "g/L"}, 7.9),
        ("718-7", "haemoglobin_g_per_dl", {"value": 5, "unit": "mmol/L"}, 8.057),
        ("718-7", "haemoglobin_g_per_dl", {"value": 10**400, "unit": "g/dL"}, None),
        ("718-7", "haemoglobin_g_per_dl", {"value": True, "unit": "g/dL"}, None),
    ],
)
def test_laboratory_values_by_their_units(read, code: str, name: str, value: dict, expected: float | None) -> None:
    found = read(us(), cancer(), observation(code, value, days_ago(30)))
    assert found.facts.get(name) == expected
    old = read(us(), cancer(), observation(code, value, days_ago(31)))
    assert name not in old.facts
    assert reasons(old, code)
    told = reasons(found, f"o-{code}") or [each for each in found.data_conflicts if each["fact"] == name]
    assert bool(told) is (expected is None)


@pytest.mark.parametrize(
    ("code", "value", "fact", "expected"),
    [
        ("85337-4", "10828004", "er_status", "positive"),
        ("16112-5", concept(("http://loinc.org", "LA6577-6")), "er_status", "negative"),
        ("85339-0", "260385009", "pr_status", "negative"),
        ("48676-1", {"text": "Positive"}, "her2_status", "positive"),
        ("85319-2", "431396003", "her2_status", "negative"),
        ("85319-2", {"text": "equivocal"}, "her2_status", None),
        ("85337-4", {"text": "not positive"}, "er_status", None),
        ("14228-1", {"value": 90, "unit": "%"}, "er_status", None),
    ],
)
def test_receptors(read, code: str, value, fact: str, expected: str | None) -> None:
    found = read(us(), cancer(), observation(code, value, ON))
    assert found.facts.get(fact) == expected
    assert bool(reasons(found, f"o-{code}")) is (expected is None)


def test_receptors_that_a_condition_states(read) -> None:
    assert read(us(), cancer(), condition("Z17.0", ON, CM)).facts["er_status"] == "positive"
    assert read(us(), cancer(code="427685000", system=SCT)).facts["her2_status"] == "positive"
    triple = read(us(), cancer(code="706970001", system=SCT)).facts
    assert [triple[f"{name}_status"] for name in ("er", "pr", "her2")] == ["negative"] * 3


def test_the_newest_receptor_and_a_conflict_of_one_day(read) -> None:
    old, new = observation("85337-4", "10828004", "2018-01-01"), observation("85337-4", "260385009", "2022-01-01")
    assert read(us(), cancer(), old, new).facts["er_status"] == "negative"
    same = observation("16112-5", "10828004", "2022-01-01")
    found = read(us(), cancer(), new, same)
    assert "er_status" not in found.facts
    assert found.data_conflicts[0]["fact"] == "er_status"


def test_a_receptor_of_another_tumour_is_not_this_ones(read) -> None:
    other = observation("85337-4", "10828004", ON, focus=[{"reference": "Condition/else"}])
    assert "er_status" not in read(us(), cancer(), other).facts


def test_menopause_and_inflammatory_cancer(read) -> None:
    assert (
        read(us(), cancer(), observation("161712005", "76498008", ON, SCT)).facts["menopausal_status"]
        == "postmenopausal"
    )
    assert read(us(), cancer(), condition("Z78.0", ON, CM)).facts["menopausal_status"] == "postmenopausal"
    assert read(us(), cancer(code="C50.A2")).facts["inflammatory"] is True
    assert "inflammatory" not in read(us(), cancer()).facts


@pytest.mark.parametrize(("system", "code"), [(CM, "Z33.1"), (SCT, "77386006")])
def test_a_pregnancy_of_these_months(read, system: str, code: str) -> None:
    for clinical in ("active", None):
        found = read(us(), cancer(), condition(code, days_ago(300), system, clinical=clinical))
        assert found.facts["pregnant"] is True
    for past in (
        condition(code, days_ago(301), system),
        condition(code, None, system),
        condition(code, days_ago(30), system, clinical="resolved"),
    ):
        assert "pregnant" not in read(us(), cancer(), past).facts


def test_an_old_performance_status_is_not_todays(read) -> None:
    assert read(us(), cancer(), observation("89247-1", 1, days_ago(120))).facts["ecog"] == 1
    found = read(us(), cancer(), observation("89247-1", 1, days_ago(121)))
    assert "ecog" not in found.facts
    assert "120 days" in reasons(found, "89247-1")[0]


@pytest.mark.parametrize(("system", "code"), [(LOINC, "89262-0"), (SCT, "423740007")])
def test_the_other_codes_of_the_performance_status(read, system: str, code: str) -> None:
    value = concept((LOINC, "LA9624-3"))
    assert read(us(), cancer(), observation(code, value, ON, system)).facts["ecog"] == 2
    assert read(us(), cancer(), observation(code, None, ON, system, interpretation=[value])).facts["ecog"] == 2
    part = [{"code": concept(code, system=system), "valueCodeableConcept": value}]
    assert read(us(), cancer(), observation("423690003", None, ON, SCT, component=part)).facts["ecog"] == 2
    assert read(us(), cancer(), observation(code, None, ON, system, valueString="2")).facts["ecog"] == 2


def test_a_count_in_a_component(read) -> None:
    part = [{"code": concept("777-3", system=LOINC), "valueQuantity": {"value": 42, "unit": "10*3/uL"}}]
    found = read(us(), cancer(), observation("58410-2", None, days_ago(2), component=part))
    assert found.facts["platelets_10e9_per_l"] == 42


def test_a_count_that_contradicts_itself_leaves_an_older_one_unknown(read) -> None:
    odd = {"value": 150, "unit": "K/uL", "code": "/uL"}
    good = {"value": 150, "unit": "K/uL"}
    found = read(us(), cancer(), observation("777-3", good, days_ago(9)), observation("777-3", odd, days_ago(2)))
    assert "platelets_10e9_per_l" not in found.facts
    assert found.data_conflicts[0]["fact"] == "platelets_10e9_per_l"
    found = read(us(), cancer(), observation("777-3", odd, days_ago(9)), observation("777-3", good, days_ago(2)))
    assert found.facts["platelets_10e9_per_l"] == 150
    assert reasons(found, f"o-777-3-{days_ago(9)}")
    assert not found.data_conflicts
