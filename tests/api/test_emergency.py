"""An emergency is never answered with an error: each C4 criterion (GUIDELINE D5.1) beside all that can be wrong."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.asking import BATCH, NDJSON, ONE, RESPONDER, faults, is_problem, send
from tests.conftest import GUIDELINE

GENERAL = f"/v1/guidelines/{GUIDELINE}/recommendations"
FEVER = "fever_within_6_weeks_of_chemotherapy"
CANARY = "Rosalind-4711"

# Every criterion alone: the type of complication, and the entry that makes it one.
ENTRIES: dict[str, tuple[str, Any]] = {
    "bleeding of grade 4": ("bleeding", {"grade": 4}),
    "bleeding of grade 4, present": ("bleeding", {"presence": "present", "grade": 4}),
    "unstable bleeding": ("bleeding", {"haemodynamically_unstable": True}),
    "bleeding not controlled by pressure": ("bleeding", {"controlled_by_pressure": False}),
    "an ulcer over an open vessel": ("ulceration", {"vessel_exposed": True}),
    "an ulcer over open pleura": ("ulceration", {"pleura_exposed": True}),
    "fungation over an open vessel": ("fungation", {"vessel_exposed": True}),
    "fungation over open pleura": ("fungation", {"pleura_exposed": True}),
    "necrosis of grade 4": ("chest_wall_necrosis", {"grade": 4}),
    "necrosis over open pleura": ("chest_wall_necrosis", {"pleura_exposed": True}),
    "infection of grade 4": ("infection", {"grade": 4}),
    "necrotising infection": ("infection", {"necrotising": True}),
    "signs of sepsis": ("sepsis_signs", "present"),
    "signs of sepsis, as an object": ("sepsis_signs", {"presence": "present"}),
    "signs of sepsis of grade 1": ("sepsis_signs", {"grade": 1}),
    "signs of sepsis of grade 2": ("sepsis_signs", {"grade": 2}),
    "signs of sepsis of grade 3": ("sepsis_signs", {"grade": 3}),
    "signs of sepsis of grade 4": ("sepsis_signs", {"grade": 4}),
}
BODIES: dict[str, dict[str, Any]] = {
    **{name: {"complications": {type_: entry}} for name, (type_, entry) in ENTRIES.items()},
    "signs of sepsis in a list": {"complications": ["sepsis_signs"]},
    "fever on chemotherapy": {FEVER: True},
    "fever on chemotherapy beside none": {FEVER: True, "complications": "none"},
}

# What else may be wrong with a body: members added to it. Each of them alone is refused.
WRONG: dict[str, dict[str, Any]] = {
    "an unknown member": {"hat": CANARY},
    "wrong types": {
        "age_years": CANARY,
        "pregnant": 3,
        "ecog": [1],
        "metastatic_sites": {"bone": True},
        "sex": 1,
        "lesion_count": 1.5,
    },
    "unknown values": {"metastatic_status": CANARY, "presentation": "sometimes", "er_status": "maybe"},
    "a number out of bounds": {"age_years": 400, "platelets_10e9_per_l": 150000},
    "M0 beside distant disease": {
        "metastatic_status": "M0",
        "presentation": "de_novo",
        "metastatic_sites": ["bone"],
        "lesion_count": 3,
    },
    "contradictory extent": {"metastatic_status": "M1", "metastatic_extent": "oligometastatic", "lesion_count": 50},
    "contradictory response": {"chemotherapy_response": {"overall": "CR", "distant": "PD", "primary": "not_started"}},
    "a response that is no object": {"chemotherapy_response": [CANARY, 5]},
    "not_responded": {"chemotherapy_response": "not_responded"},
    "as_of in the future": {"as_of": "2199-01-01"},
    "as_of that is no date": {"as_of": CANARY},
    "an assessment in the future": {"chemotherapy_response": {"overall": "PR", "assessed_on": "2199-01-01"}},
    "American names": {"primary_tumor": "in_situ", "hemoglobin_g_per_dl": 9},
    "names in capitals": {"METASTATIC_STATUS": "M1"},
    "huge numbers": {"lesion_count": 10**400, "hat": -(10**4000)},
    "a long name": {"h" * 5000: CANARY},
    "an empty name": {"": CANARY},
    "the name of an internal": {"_schema": CANARY},
    "a deep member": {"hat": json.loads('{"x":' * 50 + "1" + "}" * 50)},
}
every_body = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
BY_MEMBER = {
    name: (type_, entry) for name, (type_, entry) in ENTRIES.items() if "presence" not in entry and entry != "present"
}
"""The entries that a grade or a flag makes an emergency."""
every_entry = pytest.mark.parametrize(("type_", "entry"), ENTRIES.values(), ids=ENTRIES)


def emergency(client: FlaskClient, response: TestResponse) -> dict[str, Any]:
    """Check that this is the answer to an emergency, and that its permalink repeats it; gives the answer."""
    text = response.get_data(as_text=True)
    assert response.status_code == 200, text[:500]
    answer: dict[str, Any] = response.get_json()
    lead = answer["recommendations"][0]
    assert (lead["code"], lead["rule"], lead["urgency"]) == ("EMERGENCY_PATHWAY", "R01", "emergency")
    assert (lead["direction"], lead["strength"]) == ("not_applicable", "strong")
    assert answer["because"]["derived"]["complication_tier"] == "C4"
    assert all(set(item) == {"pointer", "code"} for item in answer["refused"])
    assert CANARY not in text
    assert response.headers["Cache-Control"] == "no-store"
    assert ("ETag" in response.headers) == (not answer["refused"])
    again = client.get(answer["links"]["self"])
    assert again.get_json() == answer | {"refused": []}
    return answer


@pytest.fixture
def ask_for_help(client: FlaskClient) -> Any:
    """POST a body in which there is an emergency; gives the answer."""

    def post(body: Any, path: str = ONE) -> dict[str, Any]:
        return emergency(client, send(client, body, path))

    return post


# ---- each criterion


@every_body
def test_each_criterion_alone_is_an_emergency(ask_for_help: Any, body: dict) -> None:
    assert ask_for_help(body)["refused"] == []


@pytest.mark.parametrize("path", [ONE, GENERAL])
def test_an_emergency_is_answered_at_both_doors(ask_for_help: Any, path: str) -> None:
    ask_for_help({FEVER: True, "hat": 1}, path)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@every_body
def test_an_emergency_is_answered_whatever_else_is_wrong(ask_for_help: Any, body: dict, wrong: dict) -> None:
    ask_for_help({**wrong, **body})
    ask_for_help({**body, **wrong})


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_each_of_these_is_refused_where_there_is_no_emergency(client: FlaskClient, wrong: dict) -> None:
    """Or the test above would show nothing."""
    is_problem(send(client, wrong), 422, "refused-facts")


def test_an_emergency_is_answered_with_everything_wrong_at_once(ask_for_help: Any) -> None:
    everything = {name: value for members in WRONG.values() for name, value in members.items()}
    ask_for_help({**everything, FEVER: True})


@every_body
@pytest.mark.parametrize("status", ["M0", "M0(i+)", "unknown", "M1", "recurrent_metastatic"])
def test_an_emergency_is_one_at_every_stage(ask_for_help: Any, body: dict, status: str) -> None:
    ask_for_help(body | {"metastatic_status": status})


@pytest.mark.parametrize(
    "query",
    ["view=fancy", "release=1999", "release=", "view=", "view=fancy&release=1999", "view=full&view=x", "release=%00"],
)
@pytest.mark.parametrize("path", [ONE, GENERAL])
def test_a_faulty_query_is_no_reason_not_to_answer(ask_for_help: Any, path: str, query: str) -> None:
    ask_for_help({FEVER: True}, f"{path}?{query}")
    ask_for_help({FEVER: True, "hat": 1}, f"{path}?{query}")


@pytest.mark.parametrize("view", ["brief", "row"])
def test_the_other_views_of_an_emergency_are_answered_too(client: FlaskClient, view: str) -> None:
    response = send(client, {FEVER: True, "hat": 1}, f"{ONE}?view={view}")
    assert response.status_code == 200
    assert "EMERGENCY_PATHWAY" in response.get_data(as_text=True)


# ---- inside an entry


@pytest.mark.parametrize(("type_", "entry"), BY_MEMBER.values(), ids=BY_MEMBER)
def test_an_entry_that_is_stated_absent_counts(ask_for_help: Any, type_: str, entry: dict) -> None:
    answer = ask_for_help({"complications": {type_: entry | {"presence": "absent"}}})
    assert [item["rule"] for item in answer["data_conflicts"]] == ["V09"]
    assert answer["refused"] == []


@pytest.mark.parametrize(("type_", "entry"), BY_MEMBER.values(), ids=BY_MEMBER)
def test_an_entry_whose_presence_cannot_be_read_counts(ask_for_help: Any, type_: str, entry: dict) -> None:
    answer = ask_for_help({"complications": {type_: {**entry, "presence": CANARY}}})
    assert {item["pointer"] for item in answer["refused"]} == {f"/complications/{type_}/presence"}


@every_entry
def test_an_entry_with_unknown_members_counts(ask_for_help: Any, type_: str, entry: Any) -> None:
    entry = entry if isinstance(entry, dict) else {"presence": entry}
    answer = ask_for_help({"complications": {type_: {**entry, "glow": CANARY, "side": "left"}}})
    assert {item["pointer"] for item in answer["refused"]} == {
        f"/complications/{type_}/glow",
        f"/complications/{type_}/side",
    }


@every_entry
def test_an_entry_among_unknown_and_faulty_types_counts(ask_for_help: Any, type_: str, entry: Any) -> None:
    answer = ask_for_help(
        {"complications": {"smell": "present", "odor": "present", "pain": 7, type_: entry, "odour": {"grade": "x"}}}
    )
    assert {item["pointer"] for item in answer["refused"]} == {
        "/complications/smell",
        "/complications/odor",
        "/complications/pain",
        "/complications/odour/grade",
    }


@pytest.mark.parametrize("grade", ['"4"', '"4.0"', '"4e0"', '" 4 "'])
@pytest.mark.parametrize("type_", ["bleeding", "chest_wall_necrosis", "infection", "sepsis_signs"])
@pytest.mark.parametrize("presence", ["", '"presence": "present", ', '"presence": "absent", '])
def test_a_grade_of_a_tolerable_type_counts(ask_for_help: Any, type_: str, grade: str, presence: str) -> None:
    answer = ask_for_help(f'{{"complications": {{"{type_}": {{{presence}"grade": {grade}}}}}}}')
    assert answer["refused"] == [{"pointer": f"/complications/{type_}/grade", "code": "wrong_type"}]


@pytest.mark.parametrize("grade", ["4.0", "4e0"])
@pytest.mark.parametrize("type_", ["bleeding", "chest_wall_necrosis", "infection", "sepsis_signs"])
def test_a_whole_number_is_a_grade_however_it_is_written(ask_for_help: Any, type_: str, grade: str) -> None:
    answer = ask_for_help(f'{{"complications": {{"{type_}": {{"presence": "present", "grade": {grade}}}}}}}')
    assert answer["refused"] == []


@pytest.mark.parametrize("value", ["true", "True", "yes", 1, "1"])
@pytest.mark.parametrize(
    ("type_", "flag"),
    [
        ("bleeding", "haemodynamically_unstable"),
        ("ulceration", "vessel_exposed"),
        ("fungation", "pleura_exposed"),
        ("infection", "necrotising"),
    ],
)
def test_a_flag_of_a_tolerable_type_counts(ask_for_help: Any, type_: str, flag: str, value: Any) -> None:
    answer = ask_for_help({"complications": {type_: {flag: value}}})
    assert [item["pointer"] for item in answer["refused"]] == [f"/complications/{type_}/{flag}"]


@pytest.mark.parametrize("value", ["false", "no", 0])
def test_pressure_that_does_not_help_counts_however_it_is_written(ask_for_help: Any, value: Any) -> None:
    ask_for_help({"complications": {"bleeding": {"controlled_by_pressure": value}}})


@pytest.mark.parametrize("value", ["true", "yes", 1, "1", "TRUE"])
def test_fever_counts_however_it_is_written(ask_for_help: Any, value: Any) -> None:
    assert [item["pointer"] for item in ask_for_help({FEVER: value})["refused"]] == [f"/{FEVER}"]


@pytest.mark.parametrize(
    "complications",
    [
        {"sepsis_signs": True},
        {"sepsis_signs": {"presence": True}},
        {"sepsis_signs": "Present"},
        {"Sepsis_Signs": "present"},
        {"infection": {"necrotizing": True}},
        {"bleeding": {"hemodynamically_unstable": True}},
        "sepsis_signs",
        ["SEPSIS_SIGNS"],
        [{"sepsis_signs": "present"}],
        [{"bleeding": {"grade": 4}}],
    ],
)
def test_other_spellings_and_forms_that_a_person_would_understand_count(ask_for_help: Any, complications: Any) -> None:
    assert ask_for_help({"complications": complications})["refused"]


def test_a_complication_outside_its_place_counts(ask_for_help: Any) -> None:
    assert ask_for_help({"sepsis_signs": "present"})["refused"] == [
        {"pointer": "/sepsis_signs", "code": "unknown_member"}
    ]


@pytest.mark.parametrize(
    "rubbish",
    [
        [CANARY],
        [1, None, True, 2.5],
        [[], {}, [["pain"]]],
        ["none"],
        ["unknown"],
        ["pain", "pain"],
        [{"hat": 1}],
        [CANARY * 500],
    ],
)
def test_a_list_with_rubbish_in_it_counts(ask_for_help: Any, rubbish: list[Any]) -> None:
    for items in ([*rubbish, "sepsis_signs"], ["sepsis_signs", *rubbish], [*rubbish, "sepsis_signs", *rubbish]):
        ask_for_help({"complications": items})


def test_the_list_with_rubbish_names_each_item_that_was_not_read(ask_for_help: Any) -> None:
    answer = ask_for_help({"complications": [CANARY, "sepsis_signs", 5]})
    assert {item["pointer"] for item in answer["refused"]} == {"/complications/0", "/complications/2"}


@pytest.mark.parametrize("number", [999, 1000, 1001, 5000])
def test_an_emergency_is_not_lost_among_many_members(ask_for_help: Any, number: int) -> None:
    """A body of 64 kB holds thousands of members."""
    ask_for_help({**{f"x{index}": 0 for index in range(number)}, FEVER: True})
    ask_for_help({"complications": [*[0] * number, "sepsis_signs"]})
    ask_for_help({"complications": {**{f"x{index}": 0 for index in range(number)}, "bleeding": {"grade": 4}}})
    ask_for_help('{"complications": ' + '{}, "complications": '.join([""] * number + ['["sepsis_signs"]']) + "}")


# ---- repeated keys


@every_entry
def test_both_values_of_a_repeated_complication_count(ask_for_help: Any, type_: str, entry: Any) -> None:
    calm, grave = '"absent"', json.dumps(entry)
    for first, second in ((calm, grave), (grave, calm)):
        answer = ask_for_help(f'{{"complications": {{"{type_}": {first}, "{type_}": {second}}}}}')
        assert [item["pointer"] for item in answer["refused"]] == [f"/complications/{type_}"]


@every_body
def test_both_values_of_repeated_complications_count(ask_for_help: Any, body: dict) -> None:
    name, value = next(iter(body.items()))
    calm = "false" if name == FEVER else '"none"'
    for first, second in ((calm, json.dumps(value)), (json.dumps(value), calm)):
        answer = ask_for_help(f'{{"{name}": {first}, "{name}": {second}}}')
        assert f"/{name}" in {item["pointer"] for item in answer["refused"]}
        assert "V12" in {item["rule"] for item in answer["data_conflicts"]}


def test_both_values_of_a_repeated_grade_or_flag_count(ask_for_help: Any) -> None:
    for first, second in ((1, 4), (4, 1)):
        ask_for_help(
            f'{{"complications": {{"bleeding": {{"presence": "present", "grade": {first}, "grade": {second}}}}}}}'
        )
    for first, second in (("true", "false"), ("false", "true")):
        flag = "controlled_by_pressure"
        ask_for_help(f'{{"complications": {{"bleeding": {{"{flag}": {first}, "{flag}": {second}}}}}}}')


@every_body
def test_an_emergency_is_answered_beside_a_repeated_key_elsewhere(ask_for_help: Any, body: dict) -> None:
    inside = json.dumps(body)[1:-1]
    for text in (f'{{"ecog": 1, "ecog": 2, {inside}}}', f'{{{inside}, "hat": {{"a": 1, "a": 2}}}}'):
        assert ask_for_help(text)["refused"]


# ---- what is told


def test_contradictions_among_readable_facts_are_told_as_conflicts(ask_for_help: Any) -> None:
    answer = ask_for_help({FEVER: True, "metastatic_status": "M0", "presentation": "de_novo"})
    assert [item["rule"] for item in answer["data_conflicts"]] == ["V01"]
    assert answer["refused"] == []


def test_what_could_not_be_read_is_listed_with_pointers_and_without_values(ask_for_help: Any) -> None:
    answer = ask_for_help(
        {FEVER: True, "hat": CANARY, "age_years": CANARY, "complications": {"pain": {"grade": CANARY}}}
    )
    assert {(item["pointer"], item["code"]) for item in answer["refused"]} == {
        ("/hat", "unknown_member"),
        ("/age_years", "wrong_type"),
        ("/complications/pain/grade", "wrong_type"),
    }


@pytest.mark.parametrize("path", [ONE, GENERAL])
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (json.dumps({FEVER: True}), "text/plain", 415),
        (json.dumps({FEVER: True})[:-1], "application/json", 400),
        (b"\xff" + json.dumps({FEVER: True}).encode(), "application/json", 400),
        ('{"age_years": NaN, "' + FEVER + '": true}', "application/json", 400),
        (json.dumps({FEVER: True}) + " " * 1_048_576, "application/json", 413),
        (json.dumps([{FEVER: True}]), "application/json", 422),
    ],
)
def test_only_what_prevents_reading_stays_an_error(
    client: FlaskClient, path: str, body: Any, content_type: str, status: int
) -> None:
    is_problem(send(client, body, path, content_type), status)


def test_a_batch_never_loses_an_emergency(client: FlaskClient) -> None:
    for query in ("", "?view=fancy", "?release=1999"):
        response = send(client, [{"hat": 1}, {FEVER: True, "hat": 1}], BATCH + query)
        assert response.status_code == 200, response.get_data(as_text=True)
        assert response.get_json()[1]["status"] == 200
        assert "EMERGENCY_PATHWAY" in json.dumps(response.get_json()[1]["answer"])


@pytest.mark.parametrize(
    "body",
    [
        {
            "complications": {
                "bleeding": {"grade": 3, "haemodynamically_unstable": False, "controlled_by_pressure": True}
            }
        },
        {"complications": {"sepsis_signs": "absent"}},
        {"complications": {"sepsis_signs": {"grade": 0}}},
        {"complications": {"bleeding": {"grade": 5}}},
        {"complications": {"bleeding": {"grade": "40"}}},
        {"complications": {"ulceration": {"grade": 4}}},
        {"complications": {"bleeding": {"haemodynamically_unstable": False}}},
        {"hat": {"complications": "sepsis"}},
        {FEVER: "unknown"},
        {FEVER: "no"},
        {FEVER: 38.5},
    ],
)
def test_what_is_no_emergency_is_not_answered_as_one(client: FlaskClient, body: dict) -> None:
    text = send(client, body, f"{ONE}?view=row").get_data(as_text=True)
    assert "EMERGENCY_PATHWAY" not in text


# ---- urgent facts that are refused


URGENT = {
    "bleeding of unknown grade": {"bleeding": "present"},
    "bleeding of grade 3": {"bleeding": {"grade": 3}},
    "an ulcer of grade 4": {"ulceration": {"grade": 4}},
    "necrosis, ungraded": {"chest_wall_necrosis": "present"},
    "infection with bleeding": {"infection": "present", "bleeding": "present"},
    "severe pain": {"pain": {"grade": 3}},
    "a motor deficit that is new": {"plexopathy": {"new_motor_deficit": True}},
}


@pytest.mark.parametrize("complications", URGENT.values(), ids=URGENT)
@pytest.mark.parametrize(
    ("status", "code"),
    [("M1", "URGENT_LOCAL_CONTROL"), ("M0", "URGENT_CURATIVE_MDT"), ("unknown", "URGENT_LOCAL_CONTROL")],
)
def test_a_refusal_of_urgent_facts_says_what_to_do_today(
    client: FlaskClient, complications: dict, status: str, code: str
) -> None:
    body = {"metastatic_status": status, "complications": complications}
    accepted = send(client, body).get_json()["recommendations"][0]
    assert accepted["code"] == code
    problem = is_problem(send(client, body | {"hat": CANARY}), 422)
    assert problem["urgent"] == {"code": code, "statement": accepted["statement"]}
    assert set(faults(problem)) == {"/hat"}


@pytest.mark.parametrize(
    ("status", "code"),
    [("M1", "URGENT_INFECTION"), ("M0", "URGENT_CURATIVE_MDT"), ("unknown", "URGENT_INFECTION")],
)
def test_a_refusal_of_an_urgent_infection_says_what_to_do_today(client: FlaskClient, status: str, code: str) -> None:
    """Alone, an infection whose systemic signs are unknown is answered by gate G03 and brings no local treatment."""
    body = {"metastatic_status": status, "complications": {"infection": "present"}}
    accepted = send(client, body).get_json()["recommendations"][0]
    problem = is_problem(send(client, body | {"hat": CANARY}), 422)
    assert problem["urgent"] == {"code": code, "statement": accepted["statement"]}
    assert accepted["code"] == code


def test_a_contradiction_of_urgent_facts_says_what_to_do_today(client: FlaskClient) -> None:
    body = {"metastatic_status": "M0", "presentation": "de_novo", "complications": ["bleeding"]}
    problem = is_problem(send(client, body), 422)
    assert problem["urgent"]["code"] == "URGENT_CURATIVE_MDT"
    assert {error["rule"] for error in problem["errors"]} == {"V01"}


def test_a_refusal_of_facts_that_are_not_urgent_does_not_say_so(client: FlaskClient) -> None:
    ulcer = RESPONDER | {"complications": {"ulceration": {"grade": 2}}, "hat": 1}
    assert "urgent" not in is_problem(send(client, ulcer), 422)
    assert "urgent" not in is_problem(send(client, {"hat": 1}), 422)


# ---- near misses of an emergency


def is_urgent(problem: dict[str, Any], client: FlaskClient) -> None:
    """Check that a problem says what the answer to an emergency says."""
    lead = send(client, {"complications": ["sepsis_signs"]}).get_json()["recommendations"][0]
    assert problem["urgent"]["code"] == lead["code"] == "EMERGENCY_PATHWAY"
    assert problem["urgent"]["statement"]
    assert CANARY not in problem["urgent"]["statement"]


NAMES = {
    "a space": "sepsis signs",
    "a hyphen": "sepsis-signs",
    "a non-breaking hyphen": "sepsis\u2011signs",
    "capitals inside": "sepsisSigns",
    "capitals and spaces": " Sepsis  Signs ",
    "a dot": "sepsis.signs",
    "nothing between": "sepsissigns",
    "full-width letters": "\uff53\uff45\uff50\uff53\uff49\uff53\uff3f\uff53\uff49\uff47\uff4e\uff53",
    "a space of no width": "sepsis_\u200bsigns",
}
NEAR_MISSES: dict[str, Any] = {
    **{f"a name with {how}": {"complications": [name]} for how, name in NAMES.items()},
    **{f"a member with {how}": {"complications": {name: "present"}} for how, name in NAMES.items()},
    **{
        f"grade {grade}": {"complications": {"bleeding": {"grade": grade}}}
        for grade in (
            "G4",
            "g4",
            "G 4",
            "IV",
            "iv",
            "\u2163",
            "grade 4",
            "Grade IV",
            "CTCAE grade 4",
            "\uff27\uff14",
            "\uff14",
            "\u2463",
        )
    },
    "a grade in the place of an entry": {"complications": {"bleeding": "G4"}},
    "a flag with a hyphen": {"complications": {"bleeding": {"haemodynamically-unstable": True}}},
    "an American flag with spaces": {"complications": {"bleeding": {"hemodynamically unstable": True}}},
    "full-width yes": {"complications": {"infection": {"necrotising": "\uff59\uff45\uff53"}}},
    "full-width present": {"complications": {"sepsis_signs": "\uff50\uff52\uff45\uff53\uff45\uff4e\uff54"}},
    "capitals inside the name of a fact": {"feverWithin6WeeksOfChemotherapy": True},
    "a complication outside its place": {"sepsis-signs": "present"},
    "a list of one patient": [{FEVER: True}],
    "a list of one patient with a near miss": [{"complications": ["sepsis signs"]}],
}
UNREADABLE: dict[str, tuple[Any, str]] = {
    "NaN elsewhere": (f'{{"age_years": NaN, "{FEVER}": true}}', "not_json"),
    "infinity elsewhere": (f'{{"age_years": -Infinity, "{FEVER}": true}}', "not_json"),
    "a number that is too large": (f'{{"{FEVER}": true, "age_years": 1e999}}', "not_json"),
    "NaN in a list of one patient": (f'[{{"age_years": NaN, "{FEVER}": true}}]', "not_json"),
    "NaN beside a near miss": ('{"age_years": NaN, "complications": ["sepsis signs"]}', "not_json"),
    "a byte that is no text": (b'{"hat": "\xe9", "complications": ["sepsis_signs"]}', "not_utf8"),
    "another encoding": (json.dumps({FEVER: True}).encode("utf-16"), "not_utf8"),
    "half of a surrogate pair": (rf'{{"hat": "\ud800", "{FEVER}": true}}', "lone_surrogate"),
    "too many levels": (f'{{"hat": {"[" * 80}0{"]" * 80}, "{FEVER}": true}}', "too_deep"),
}


@pytest.mark.parametrize("path", [ONE, GENERAL])
@pytest.mark.parametrize("body", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_a_near_miss_of_an_emergency_is_refused_and_says_what_to_do(client: FlaskClient, body: Any, path: str) -> None:
    """Never answered: what was probably meant is not what was said."""
    is_urgent(is_problem(send(client, body, path), 422, "refused-facts"), client)


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_body_that_cannot_be_read_says_what_to_do_where_an_emergency_is_in_it(
    client: FlaskClient, body: Any, code: str
) -> None:
    problem = is_problem(send(client, body), 400, "unreadable-body")
    is_urgent(problem, client)
    assert [error["code"] for error in problem["errors"]] == [code]


@pytest.mark.parametrize("body", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_a_near_miss_among_many_patients_says_what_to_do(client: FlaskClient, body: Any) -> None:
    for answers in (
        send(client, [{}, body, {}], BATCH).get_json(),
        [json.loads(line) for line in send(client, f"{{}}\n{json.dumps(body)}\n{{}}", BATCH, NDJSON).data.splitlines()],
    ):
        assert [item["status"] for item in answers] == [200, 422, 200]
        is_urgent(answers[1]["problem"], client)


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_line_that_cannot_be_read_says_what_to_do_where_an_emergency_is_in_it(
    client: FlaskClient, body: Any, code: str
) -> None:
    line = body.encode() if isinstance(body, str) else body
    if b"\n" in line:
        pytest.skip("this encoding has line ends inside")
    for chunked in ({}, {"Transfer-Encoding": "chunked"}):
        with client.post(BATCH, data=b"{}\n" + line, content_type=NDJSON, headers=chunked) as response:
            one, other = map(json.loads, response.data.splitlines())
        assert (one["status"], other["status"]) == (200, 400)
        assert [error["code"] for error in other["problem"]["errors"]] == [code]
        is_urgent(other["problem"], client)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (f'[{{"age_years": NaN}}, {{"{FEVER}": true}}]', 400),
        (f'[{{}}, {{"age_years": NaN, "{FEVER}": true}}]', 400),
        (f'{{"age_years": NaN, "{FEVER}": true}}', 400),
        ({FEVER: True}, 422),
        ({"complications": ["sepsis signs"]}, 422),
    ],
)
def test_a_batch_that_is_refused_as_a_whole_says_what_to_do(client: FlaskClient, body: Any, status: int) -> None:
    is_urgent(is_problem(send(client, body, BATCH), status), client)


def test_of_a_batch_that_cannot_be_read_an_emergency_is_told_before_what_is_urgent(client: FlaskClient) -> None:
    urgent = '{"complications": ["bleeding"]}'
    body = f'[{urgent}, {{"{FEVER}": true}}, {urgent}, {{"hat": NaN}}]'
    is_urgent(is_problem(send(client, body, BATCH), 400), client)
    problem = is_problem(send(client, f'[{{"hat": NaN}}, {urgent}]', BATCH), 400)
    assert problem["urgent"]["code"] == "URGENT_LOCAL_CONTROL"


@pytest.mark.parametrize(
    "body",
    [
        {"complications": ["signs"]},
        {"complications": ["no sepsis signs"]},
        {"complications": {"sepsis signs": "absent"}},
        {"complications": {"bleeding": {"grade": "-4"}}},
        {"complications": {"bleeding": {"grade": "<4"}}},
        {"complications": {"bleeding": {"grade": "G40"}}},
        {"complications": {"bleeding": {"grade": "IVa"}}},
        {"complications": {"ulceration": {"grade": "G4"}}, "metastatic_status": "M1"},
        {"feverWithin6WeeksOfChemotherapy": False},
        [{FEVER: True}, {}],
        [],
        [[{FEVER: True}]],
    ],
)
def test_what_is_no_near_miss_of_an_emergency_is_not_told_as_one(client: FlaskClient, body: Any) -> None:
    assert "EMERGENCY_PATHWAY" not in send(client, body).get_data(as_text=True)


@pytest.mark.parametrize(
    "body", ["{", f'{{"{FEVER}": true', '{"hat": NaN}', "NaN", b"\xff\xfe", "[" * 900 + "]" * 900, "[" * 100_000]
)
def test_a_body_that_cannot_be_read_and_holds_no_emergency_says_nothing_of_one(client: FlaskClient, body: Any) -> None:
    assert "urgent" not in is_problem(send(client, body), 400)


def test_levels_without_end_are_no_failure_where_findings_stand(client: FlaskClient) -> None:
    for levels in range(700, 1000, 7):
        body = f'{{"complications": {"[" * levels}"sepsis_signs"{"]" * levels}}}'
        is_problem(send(client, body), 400)


def test_a_near_miss_of_urgent_facts_says_what_to_do_today(client: FlaskClient) -> None:
    problem = is_problem(send(client, {"complications": {"pain": {"grade": "G3"}}}), 422)
    assert problem["urgent"]["code"] == "URGENT_LOCAL_CONTROL"


def test_what_is_urgent_stays_so_whatever_a_near_miss_says_beside_it(client: FlaskClient) -> None:
    """Known to be stable, a bleeding is less grave; but that is only nearly said."""
    stable = {"haemodynamically-unstable": False, "controlled-by-pressure": True, "grade": "G1", "presence": "present"}
    for bleeding in ({"presence": "present", "hat": 1}, stable):
        problem = is_problem(send(client, {"metastatic_status": "M1", "complications": {"bleeding": bleeding}}), 422)
        assert problem["urgent"]["code"] == "URGENT_LOCAL_CONTROL"


@pytest.mark.parametrize("path", [ONE, GENERAL])
def test_an_emergency_behind_a_byte_order_mark_is_answered(client: FlaskClient, path: str) -> None:
    response = send(client, b"\xef\xbb\xbf" + json.dumps({FEVER: True}).encode(), path)
    assert emergency(client, response)["refused"] == []
