"""The request schema: exactly the vocabulary of the contract, and nothing is coerced into it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from service.facts.refusal import Refusal
from service.facts.schema import calendar_day
from tests.strategies import (
    BANDS,
    CHOICES,
    FLAGS,
    LONG_NAMES,
    MANY,
    MEMBERS,
    METHODS,
    RESPONSES,
    SENTINEL,
    SITES,
    TYPES,
    bodies,
    corrupted,
)

NOT_A_FLAG = ["true", "false", "yes", "no", "on", "y", "t", "1", "0", 1, 0, 1.0, 0.0, [], {}, [True], "", "True"]
NOT_A_WORD = [1, 0, 1.5, True, False, [], {}, ["M1"], "", " ", "zebra"]
BOUNDS = {
    "age_years": (0, 120),
    "ecog": (0, 4),
    "lesion_count": (0, 999),
    "platelets_10e9_per_l": (0, 2000),
    "haemoglobin_g_per_dl": (2, 25),
}
WHOLE = ["age_years", "ecog", "lesion_count"]


@pytest.fixture(scope="session")
def faults(schema):
    """Path -> codes of what the schema refuses."""

    def refused(body):
        with pytest.raises(ValidationError) as caught:
            schema.load(body)
        return flat(caught.value.messages)

    return refused


def flat(messages, path=""):
    found = {}
    for name, below in messages.items():
        if isinstance(below, dict):
            found |= flat(below, f"{path}/{name}")
        else:
            assert all(isinstance(text, Refusal) for text in below), "every refusal carries its code"
            found[f"{path}/{name}"] = [text.code for text in below]
    return found


def test_the_members_are_those_of_the_contract(schema):
    assert set(schema.fields) == set(MEMBERS)


def test_no_member_is_required(schema):
    assert schema.load({}) == {}
    assert not any(field.required for field in schema.fields.values())


@given(body=bodies)
@MANY
def test_every_body_of_the_contract_is_accepted(schema, body):
    schema.load(body)


@given(body=corrupted())
@MANY
def test_whatever_is_sent_the_schema_accepts_it_or_says_where_and_why_not(schema, body):
    messages = schema.validate(dict(body))
    assert all(flat(messages).values())
    assert SENTINEL not in json.dumps(messages), "a refused value is never repeated"


@pytest.mark.parametrize("name", FLAGS)
def test_only_true_and_false_are_booleans(schema, faults, name):
    assert schema.load({name: True}) == {name: "true"}
    assert schema.load({name: False}) == {name: "false"}
    for value in NOT_A_FLAG:
        assert faults({name: value}) == {f"/{name}": ["wrong_type"]}, value


@pytest.mark.parametrize(("kind", "flag"), [(kind, flag) for kind, flags in TYPES.items() for flag in flags])
def test_only_true_and_false_are_flags_of_a_complication(faults, kind, flag):
    for value in NOT_A_FLAG:
        assert faults({"complications": {kind: {flag: value}}}) == {f"/complications/{kind}/{flag}": ["wrong_type"]}


@pytest.mark.parametrize("name", CHOICES)
def test_a_word_is_one_of_its_list_in_its_own_case(schema, faults, name):
    for word in CHOICES[name]:
        schema.load({name: word})
        for other in (word.swapcase(), f" {word}", f"{word} ", [word], {word: word}):
            if other in CHOICES[name]:
                continue
            assert list(faults({name: other})) == [f"/{name}"], other
    for value in NOT_A_WORD:
        assert list(faults({name: value})) == [f"/{name}"], value


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_is_a_number_within_its_bounds(schema, faults, name):
    lowest, highest = BOUNDS[name]
    for value in (lowest, highest):
        schema.load({name: value})
    for value in (lowest - 1, highest + 1, -(10**30), 10**30):
        assert faults({name: value}) == {f"/{name}": ["out_of_range"]}
    for value in ("5", "5.0", "", "five", True, False, [], [5], {}, {"value": 5}):
        assert faults({name: value}) == {f"/{name}": ["wrong_type"]}, value


@pytest.mark.parametrize("name", BOUNDS)
def test_a_fraction_is_no_whole_number(schema, faults, name):
    for value in (3.7, 4.2):
        if name in WHOLE:
            assert faults({name: value}) == {f"/{name}": ["wrong_type"]}
        else:
            schema.load({name: value})


@pytest.mark.parametrize("name", ["haemoglobin_g_per_dl", "platelets_10e9_per_l"])
def test_a_value_out_of_bounds_asks_for_the_unit(schema, name):
    with pytest.raises(ValidationError) as caught:
        schema.load({name: 150_000 if name.startswith("platelets") else 132})
    assert "unit" in caught.value.messages[name][0]


@pytest.mark.parametrize("kind", TYPES)
def test_a_grade_is_a_whole_number(schema, faults, kind):
    for grade in (1, 2, 3, 4):
        assert schema.load({"complications": {kind: {"grade": grade}}}) == {
            "complications": {kind: {"grade": str(grade)}}
        }
    for grade in ("1", 2.5, True, [1], "G1", ""):
        assert faults({"complications": {kind: {"grade": grade}}}) == {
            f"/complications/{kind}/grade": ["wrong_type"]
        }, grade
    for grade in (-1, 6, 40, 10**30):
        assert faults({"complications": {kind: {"grade": grade}}}) == {f"/complications/{kind}/grade": ["out_of_range"]}


@pytest.mark.parametrize("kind", TYPES)
def test_a_presence_is_one_of_three_words(schema, faults, kind):
    for word in ("present", "absent", "unknown"):
        schema.load({"complications": {kind: word}})
        schema.load({"complications": {kind: {"presence": word}}})
    for value in (True, False, 1, "Present", "yes", "none", []):
        assert list(faults({"complications": {kind: value}})) == [f"/complications/{kind}"], value
        assert list(faults({"complications": {kind: {"presence": value}}})) == [f"/complications/{kind}/presence"], (
            value
        )


@pytest.mark.parametrize("value", [1, True, "", "None", "absent", "bleeding", "no", 0.0])
def test_complications_are_a_word_an_object_or_a_list(faults, value):
    assert list(faults({"complications": value})) == ["/complications"]


def test_none_inside_a_list_of_complications_is_refused(faults):
    assert faults({"complications": ["none"]}) == {"/complications/0": ["none_in_list"]}
    assert faults({"complications": ["pain", "none"]}) == {"/complications/1": ["none_in_list"]}


def test_every_strange_item_of_a_list_is_named(faults):
    assert faults({"complications": ["pain", "x", 1, "odor"]}) == {
        "/complications/1": ["unknown_value"],
        "/complications/2": ["wrong_type"],
        "/complications/3": ["unknown_value"],
    }
    assert faults({"metastatic_sites": ["bone", "x", 1, None, "unknown"]}) == {
        "/metastatic_sites/1": ["unknown_value"],
        "/metastatic_sites/2": ["wrong_type"],
        "/metastatic_sites/3": ["wrong_type"],
        "/metastatic_sites/4": ["unknown_value"],
    }


@pytest.mark.parametrize("value", ["bone", 1, True, {}, {"bone": True}, ""])
def test_sites_are_a_list(faults, value):
    assert faults({"metastatic_sites": value}) == {"/metastatic_sites": ["wrong_type"]}


def test_every_site_of_the_contract_is_known(schema):
    schema.load({"metastatic_sites": SITES})


@pytest.mark.parametrize("part", ["overall", "primary", "distant"])
def test_every_part_takes_the_same_words(schema, faults, part):
    for word in (*RESPONSES, *LONG_NAMES, "responded", "pCR", "pathological_complete_response"):
        schema.load({"chemotherapy_response": {part: word}})
    for value in ("cr", "Partial_Response", 1, True, [], {}, ""):
        assert list(faults({"chemotherapy_response": {part: value}})) == [f"/chemotherapy_response/{part}"], value
    assert faults({"chemotherapy_response": {part: "not_responded"}}) == {
        f"/chemotherapy_response/{part}": ["question"]
    }


def test_the_methods_of_the_contract_are_known(schema, faults):
    for word in METHODS:
        schema.load({"chemotherapy_response": {"method": word}})
    assert faults({"chemotherapy_response": {"method": "PET"}}) == {"/chemotherapy_response/method": ["unknown_value"]}


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-29", "2026-13-01", "20261101", "2026-W45-1", "2026-11-01T00:00:00Z", "2026-11-01 ", "01.11.2026",
        "26-11-01", "2026-1-1", "today", "", 20261101, 1, True, [], {}, "0000-01-01", "10000-01-01",
    ],
)  # fmt: skip
def test_a_date_is_a_calendar_day_in_one_form(faults, value):
    assert faults({"as_of": value}) == {"/as_of": ["invalid_date"]}
    assert faults({"chemotherapy_response": {"assessed_on": value}}) == {
        "/chemotherapy_response/assessed_on": ["invalid_date"]
    }


@given(day=st.dates())
@MANY
def test_every_calendar_day_is_read(day):
    assert calendar_day(day.isoformat()) == day


AMERICAN = {
    "primary_tumor": "primary_tumour",
    "hemoglobin_g_per_dl": "haemoglobin_g_per_dl",
    "hemoglobin": "haemoglobin_g_per_dl",
}


@pytest.mark.parametrize(("american", "british"), list(AMERICAN.items()))
def test_an_american_member_is_refused_with_the_spelling_that_is_expected(schema, american, british):
    with pytest.raises(ValidationError) as caught:
        schema.load({american: 1})
    assert british in caught.value.messages[american][0]


@pytest.mark.parametrize(
    ("body", "british"),
    [
        ({"complications": {"odor": "present"}}, "odour"),
        ({"complications": {"lymphedema": "present"}}, "lymphoedema"),
        ({"complications": ["odor"]}, "odour"),
        ({"complications": {"bleeding": {"hemodynamically_unstable": True}}}, "haemodynamically_unstable"),
        ({"complications": {"infection": {"necrotizing": True}}}, "necrotising"),
        ({"chemotherapy_response": {"primary": "pathologic_complete_response"}}, "pathological_complete_response"),
    ],
)
def test_an_american_word_is_refused_with_the_spelling_that_is_expected(schema, body, british):
    with pytest.raises(ValidationError) as caught:
        schema.load(body)
    assert british in json.dumps(caught.value.messages)


@pytest.mark.parametrize(
    ("body", "path", "meant"),
    [
        ({"chemoterapy_response": "PR"}, "/chemoterapy_response", "chemotherapy_response"),
        ({"Metastatic_status": "M1"}, "/Metastatic_status", "metastatic_status"),
        ({"complications": {"bleding": "present"}}, "/complications/bleding", "bleeding"),
        ({"complications": {"pain": {"controled": True}}}, "/complications/pain/controled", "controlled"),
        ({"chemotherapy_response": {"distal": "CR"}}, "/chemotherapy_response/distal", "distant"),
        ({"_schema": 1}, "/_schema", ""),
        ({"complications": {"_schema": 1}}, "/complications/_schema", ""),
        ({"": 1}, "/", ""),
    ],
)
def test_an_unknown_member_is_refused_where_it_stands_with_the_one_that_was_probably_meant(
    ask_refused, body, path, meant
):
    (error,) = ask_refused(body)
    assert error["pointer"] == path
    assert error["code"] == "unknown_member"
    assert meant in error["detail"]


@pytest.fixture(scope="session")
def ask_refused(app):
    """The errors of a body that is refused."""

    def errors(body):
        response = app.test_client().post("/v1/recommendations", data=json.dumps(body), content_type="application/json")
        assert response.status_code == 422
        return response.get_json()["errors"]

    return errors


def test_every_fault_is_told_at_once(ask_refused):
    body = {
        "metastatic_status": "MX",
        "zzz": 1,
        "age_years": "70",
        "complications": {"bleeding": {"grade": "1", "colour": "red"}, "smell": "present"},
        "chemotherapy_response": {"overall": "not_responded", "assessed_on": "yesterday"},
        "metastatic_sites": ["bone", "moon"],
    }
    assert {error["pointer"] for error in ask_refused(body)} == {
        "/metastatic_status",
        "/zzz",
        "/age_years",
        "/complications/bleeding/grade",
        "/complications/bleeding/colour",
        "/complications/smell",
        "/chemotherapy_response/overall",
        "/chemotherapy_response/assessed_on",
        "/metastatic_sites/1",
    }


def test_a_contradiction_is_told_beside_a_fault(ask_refused):
    told = {
        (error["pointer"], error.get("rule"))
        for error in ask_refused({"zzz": 1, "metastatic_status": "M0", "presentation": "de_novo"})
    }
    assert told == {("/zzz", None), ("/presentation", "V01")}


@pytest.mark.parametrize("body", [[], [{}], 1, "M1", None, True])
def test_a_body_that_is_no_object_is_refused(ask_refused, body):
    (error,) = ask_refused(body)
    assert (error["pointer"], error["code"]) == ("", "wrong_type")


@pytest.mark.parametrize("name", MEMBERS)
def test_null_and_the_word_unknown_are_accepted_everywhere(schema, name):
    schema.load({name: None})
    schema.load({name: "unknown"})


def test_the_bands_of_the_tests_are_values_that_are_accepted(schema):
    for name, bands in BANDS.items():
        for value in bands.values():
            schema.load({name: value})
