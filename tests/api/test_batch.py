"""Many patients: answers in the same form and order, and a bad one never spoils its neighbours."""

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.asking import (
    BATCH,
    BODIES,
    JSON,
    NDJSON,
    ONE,
    RESPONDER,
    SEPSIS,
    contract,
    is_problem,
    is_problem_body,
    send,
    validator,
)

ROW = {"decision_id", "rule", "code", "direction", "strength", "certainty", "urgency", "warnings"}
REFUSED: list[Any] = [
    {"hat": 1},
    {"metastatic_status": "M0", "presentation": "de_novo"},
    [],
    "M1",
    5,
    None,
    True,
    {"age_years": "5"},
]

form = pytest.mark.parametrize("mimetype", [JSON, NDJSON])


def ask(client: FlaskClient, patients: list[Any], mimetype: str, query: str = "") -> list[dict[str, Any]]:
    """Send the patients in one of the two forms; gives the answers."""
    body = json.dumps(patients) if mimetype == JSON else "\n".join(json.dumps(patient) for patient in patients)
    return read(send(client, body, BATCH + query, mimetype), mimetype)


def read(response: TestResponse, mimetype: str) -> list[dict[str, Any]]:
    text = response.get_data(as_text=True)
    assert response.status_code == 200, text[:500]
    assert response.mimetype == mimetype
    assert response.headers["Cache-Control"] == "no-store"
    if mimetype == JSON:
        found: list[dict[str, Any]] = json.loads(text)
        return found
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


@form
@pytest.mark.parametrize("view", ["row", "brief", "full"])
def test_each_patient_is_answered_as_if_asked_alone(client: FlaskClient, mimetype: str, view: str) -> None:
    answers = ask(client, list(BODIES.values()), mimetype, f"?view={view}")
    assert [item["index"] for item in answers] == list(range(len(BODIES)))
    for item, body in zip(answers, BODIES.values(), strict=True):
        assert set(item) == {"index", "status", "answer"}
        assert item["status"] == 200
        assert item["answer"] == send(client, body, f"{ONE}?view={view}").get_json()


@form
def test_the_row_is_the_view_unless_another_is_asked_for(client: FlaskClient, mimetype: str) -> None:
    answers = ask(client, [RESPONDER, SEPSIS], mimetype)
    assert all(set(item["answer"]) == ROW for item in answers)
    assert [item["answer"]["code"] for item in answers] == ["NO_ROUTINE_LRT_RESPONDER", "EMERGENCY_PATHWAY"]


@form
def test_a_bad_patient_never_spoils_its_neighbours(client: FlaskClient, mimetype: str) -> None:
    patients = [RESPONDER, *(patient for bad in REFUSED for patient in (bad, RESPONDER))]
    answers = ask(client, patients, mimetype, "?view=full")
    alone = send(client, RESPONDER).get_json()
    for index, (item, patient) in enumerate(zip(answers, patients, strict=True)):
        assert item["index"] == index
        if patient is RESPONDER:
            assert item["answer"] == alone
        else:
            assert set(item) == {"index", "status", "problem"}
            is_problem_body(item["problem"], 422, "refused-facts")
            assert item["status"] == 422


@form
def test_the_problem_of_a_patient_is_the_one_it_would_have_alone(client: FlaskClient, mimetype: str) -> None:
    for item, body in zip(ask(client, REFUSED, mimetype), REFUSED, strict=True):
        alone = send(client, json.dumps(body)).get_json()
        assert {**item["problem"], "instance": ""} == {**alone, "instance": ""}


@form
def test_emergencies_among_them_are_answered_whatever_is_wrong_with_them(client: FlaskClient, mimetype: str) -> None:
    grave = [
        SEPSIS | {"hat": 1},
        SEPSIS | {"metastatic_status": "M0", "presentation": "de_novo"},
        SEPSIS | {"age_years": "x"},
    ]
    answers = ask(client, [{"hat": 1}, *grave, {"hat": 1}], mimetype)
    assert [item["status"] for item in answers] == [422, 200, 200, 200, 422]
    assert {item["answer"]["code"] for item in answers[1:4]} == {"EMERGENCY_PATHWAY"}


@form
def test_urgent_facts_that_are_refused_say_so_in_a_batch_too(client: FlaskClient, mimetype: str) -> None:
    (item,) = ask(client, [{"metastatic_status": "M1", "complications": ["bleeding"], "hat": 1}], mimetype)
    assert item["problem"]["urgent"]["code"] == "URGENT_LOCAL_CONTROL"


@form
def test_a_repeated_key_is_refused_in_its_patient_only(client: FlaskClient, mimetype: str) -> None:
    patients = ['{"ecog": 1}', '{"ecog": 1, "ecog": 2}', '{"ecog": 2}']
    body = f"[{','.join(patients)}]" if mimetype == JSON else "\n".join(patients)
    answers = read(send(client, body, BATCH, mimetype), mimetype)
    assert [item["status"] for item in answers] == [200, 422, 200]
    assert answers[1]["problem"]["errors"][0]["rule"] == "V12"


@form
def test_a_batch_of_too_many_members_is_refused_as_a_whole(client: FlaskClient, mimetype: str) -> None:
    """Each unknown member costs time and a fault: 9 MB of them were half a minute and 117 MB."""
    crowd = json.dumps({f"k{number}": 0 for number in range(990)})
    body = f"[{','.join([crowd] * 300)}]" if mimetype == JSON else "\n".join([crowd] * 300)
    is_problem(send(client, body, BATCH, mimetype), 413, "body-too-large")


@form
def test_a_patient_of_a_batch_has_a_hundred_faults_at_most(client: FlaskClient, mimetype: str) -> None:
    (item,) = ask(client, [{f"k{number}": 0 for number in range(150)}], mimetype)
    errors = item["problem"]["errors"]
    assert len(errors) == 101
    assert errors[-1] == {"pointer": "", "code": "more_faults", "detail": "There are 50 more faults."}


# ---- lines


BAD_LINES = [
    b"{",
    b"not json",
    b'{"age_years": NaN}',
    b"\xff",
    rb'{"x": "\ud800"}',
    b"[" * 100_000,
    b"[" * 100 + b"]" * 100,
    b'{"ecog": 1e999}',
    b"{} {}",
    b"\xef\xbb\xbf\xef\xbb\xbf{}",
]


@pytest.mark.parametrize("bad", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_line_that_cannot_be_read_never_spoils_its_neighbours(client: FlaskClient, bad: bytes) -> None:
    good = json.dumps(RESPONDER).encode()
    answers = read(send(client, b"\n".join([good, bad, good]), BATCH, NDJSON), NDJSON)
    assert [(item["index"], item["status"]) for item in answers] == [(0, 200), (1, 400), (2, 200)]
    is_problem_body(answers[1]["problem"], 400, "unreadable-body")
    assert answers[0]["answer"] == answers[2]["answer"]


@pytest.mark.parametrize("body", ["{}\n{}\n", "{}\n{}", "{}\r\n{}\r\n", "{}\n{}\n\n", " {} \n\t{}\n"])
def test_lines_may_end_as_they_do_on_any_machine(client: FlaskClient, body: str) -> None:
    assert [item["status"] for item in read(send(client, body, BATCH, NDJSON), NDJSON)] == [200, 200]


def test_a_separator_inside_a_text_does_not_end_a_line(client: FlaskClient) -> None:
    """U+2028 and U+0085 are line ends to Python, not to NDJSON."""
    body = '{"a\u2028b": 1}\n{"c\u0085d": 1}\n{}'
    assert [item["status"] for item in read(send(client, body, BATCH, NDJSON), NDJSON)] == [422, 422, 200]


# ---- the whole


def test_no_patients_have_no_answers(client: FlaskClient) -> None:
    assert ask(client, [], JSON) == []


@form
@pytest.mark.parametrize("body", [b"", b"\n", b"  \n \r\n"])
def test_an_empty_body_is_not_an_empty_batch(client: FlaskClient, mimetype: str, body: bytes) -> None:
    is_problem(send(client, body, BATCH, mimetype), 400, "empty-body")


@pytest.mark.parametrize("body", ["{}", json.dumps(RESPONDER), '"x"', "5", "null"])
def test_a_batch_is_an_array(client: FlaskClient, body: str) -> None:
    problem = is_problem(send(client, body, BATCH), 422)
    assert [error["pointer"] for error in problem["errors"]] == [""]


def test_an_unknown_view_is_refused(client: FlaskClient) -> None:
    is_problem(send(client, [{}], f"{BATCH}?view=fancy"), 400, "bad-request")


@form
def test_a_batch_may_hold_as_many_as_the_setting_says_and_no_more(
    app: Flask, mimetype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], max_batch=3))
    client = app.test_client()
    assert len(ask(client, [{}] * 3, mimetype)) == 3
    body = "[{},{},{},{}]" if mimetype == JSON else "{}\n{}\n{}\n{}\n"
    assert "3" in is_problem(send(client, body, BATCH, mimetype), 413, "body-too-large")["detail"]


@form
def test_a_hundred_patients_are_answered_in_order(client: FlaskClient, mimetype: str) -> None:
    patients = [RESPONDER | {"age_years": index} for index in range(100)]
    answers = ask(client, patients, mimetype)
    assert [item["index"] for item in answers] == list(range(100))
    ids = [item["answer"]["decision_id"] for item in answers]
    bands = [ids[17], ids[18], ids[55], ids[66]]
    assert len(set(bands)) == 4
    assert ids == [bands[(age >= 18) + (age >= 55) + (age >= 66)] for age in range(100)]


def test_the_answers_fit_the_published_schema(client: FlaskClient, app: Flask) -> None:
    document = contract(app)
    operation = document["paths"][BATCH]["post"]
    schema = operation["responses"]["200"]["content"][JSON]["schema"]
    for view in ("row", "brief", "full"):
        validator(document, schema).validate(ask(client, [*BODIES.values(), *REFUSED], JSON, f"?view={view}"))


@form
def test_a_batch_is_gzipped_for_those_who_ask(client: FlaskClient, mimetype: str) -> None:
    body = "[{},{},{},{},{}]" if mimetype == JSON else "{}\n" * 5
    response = send(client, body, BATCH, mimetype, Accept_Encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert "accept-encoding" in {name.lower() for name in response.vary}


def test_the_address_says_which_methods_it_takes(client: FlaskClient) -> None:
    """A permalink looks alike and takes GET; this address does not."""
    for response in (client.options(BATCH), client.get(BATCH)):
        assert set(response.headers["Allow"].split(", ")) - {"OPTIONS"} == {"POST"}
    assert client.options(BATCH).status_code == 200
    assert client.options(BATCH).data == b""
