"""The same call again: its cards are kept, and nothing that could differ is told a second time."""

import datetime as dt
import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import create_app
from service.fhir import extract
from service.security.keys import new_key
from service.settings import Settings
from tests.api.conftest import Clock
from tests.cds_hooks.hooks import (
    ADDRESS,
    BREAST_CANCER,
    M1,
    MASTECTOMY,
    PATIENT,
    RADIOTHERAPY,
    SERVICES,
    call,
    check_answer,
    orders,
    record,
)

RECORD = record(BREAST_CANCER, M1)


class Readings:
    """How often a record was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = 0

        def counted(*sent: Any, **options: Any) -> extract.Extraction:
            self.number += 1
            return extract.extract(*sent, **options)

        monkeypatch.setattr("service.fhir.evaluation.extract", counted)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    return Readings(monkeypatch)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeping(clock: Clock) -> Flask:
    """The service as it is shipped, with its near cache."""
    return create_app(Settings(clock=clock, log_level="error"))


@pytest.fixture
def client(keeping: Flask) -> FlaskClient:
    return keeping.test_client()


def asked(client: FlaskClient, body: Any, status: int = 200, **headers: str) -> Any:
    """The answer to a call: its cards, or another status's body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    hook = json.loads(data).get("hook")
    response = client.post(f"{ADDRESS}{SERVICES[hook]}", data=data, content_type="application/json", headers=headers)
    assert response.status_code == status, response.get_data(as_text=True)
    return check_answer(response.get_json()) if status == 200 else response.get_json()


def without_uuids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_uuids(below) for name, below in value.items() if name != "uuid"}
    return [without_uuids(below) for below in value] if isinstance(value, list) else value


def uuids(card: dict[str, Any]) -> list[str]:
    return [card["uuid"], *(each["uuid"] for each in card.get("suggestions", ()))]


@pytest.mark.parametrize(
    "body",
    [
        call(prefetch=RECORD),
        call(prefetch=record()),
        call("order-sign", RECORD, context=orders(MASTECTOMY)),
        call("order-select", RECORD, context=orders(MASTECTOMY, RADIOTHERAPY, select=True)),
        call("order-sign", RECORD, context=orders()),
    ],
    ids=["card", "no card", "order-sign", "order-select", "no draft"],
)
def test_the_same_call_has_the_same_answer_with_new_uuids(
    client: FlaskClient, readings: Readings, body: dict[str, Any]
) -> None:
    first = asked(client, body)
    read = readings.number
    for _ in range(3):
        again = asked(client, body | {"hookInstance": str(uuid.uuid4())})
        assert without_uuids(again) == without_uuids(first)
        for one, other in zip(first, again, strict=True):
            assert set(uuids(one)).isdisjoint(uuids(other))
    assert readings.number == read


def test_the_new_uuids_name_the_same_cards_and_suggestions(keeping: Flask) -> None:
    body, read = call(prefetch=RECORD), keeping.config["CDS"].uuids.read
    (first,), (again,) = asked(keeping.test_client(), body), asked(keeping.test_client(), body)
    assert len(uuids(first)) > 1
    assert None not in [read(each) for each in uuids(first)]
    assert [read(each) for each in uuids(again)] == [read(each) for each in uuids(first)]


def test_an_access_token_is_no_part_of_the_question(client: FlaskClient, readings: Readings) -> None:
    given = {"fhirServer": "https://fhir.example/r4"}
    for token in ("a-token", "another.token==", "a-token"):
        asked(client, call(prefetch=RECORD, **given, fhirAuthorization={"access_token": token}))
    assert readings.number == 1


CHANGED: dict[str, Any] = {
    "another record": call(prefetch=record(BREAST_CANCER)),
    "another user": call(prefetch=RECORD, context={"userId": "Practitioner/def"}),
    "an encounter": call(prefetch=RECORD, context={"encounterId": "e-1"}),
    "a server": call(prefetch=RECORD, fhirServer="https://fhir.example/r4"),
    "an id of a call with a space": call(prefetch=RECORD) | {"hookInstance": "the first"},
}


@pytest.mark.parametrize("body", CHANGED.values(), ids=CHANGED)
def test_another_call_is_worked_out_anew(client: FlaskClient, readings: Readings, body: dict[str, Any]) -> None:
    asked(client, call(prefetch=RECORD))
    asked(client, body)
    assert readings.number == 2


def test_another_day_is_another_question(client: FlaskClient, clock: Clock, readings: Readings) -> None:
    asked(client, call(prefetch=RECORD))
    clock.set(clock.moment.date() + dt.timedelta(days=1))
    asked(client, call(prefetch=RECORD))
    assert readings.number == 2


def test_callers_do_not_share_answers(tmp_path: Path, clock: Clock, readings: Readings) -> None:
    """Or one could time whether another asked about the same chart."""
    made = {name: new_key(name) for name in ("one", "other")}
    keys = [{"id": name, "hash": hashed, "scopes": ["cds"]} for name, (_, hashed) in made.items()]
    (tmp_path / "clients.json").write_text(json.dumps({"clients": [], "keys": keys}))
    settings = Settings(clock=clock, log_level="error", auth="clients", clients_file=str(tmp_path / "clients.json"))
    client, body = create_app(settings).test_client(), call(prefetch=RECORD)
    for name, read in (("one", 1), ("one", 1), ("other", 2)):
        asked(client, body, X_API_Key=made[name][0])
        assert readings.number == read
    asked(client, body, 401)
    asked(client, body, 401, X_API_Key="ogs_one_" + "x" * 43)


GOOD = json.dumps(call(prefetch=RECORD)).encode()
INSTANCE = b'"hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"'
BAD = {
    "no id": GOOD.replace(INSTANCE + b", ", b""),
    "an empty id": GOOD.replace(INSTANCE, b'"hookInstance": ""'),
    "an id that is no text": GOOD.replace(INSTANCE, b'"hookInstance": 7'),
    "an id of control characters": GOOD.replace(INSTANCE, b'"hookInstance": "\x00"'),
    "an id twice": GOOD.replace(INSTANCE, INSTANCE + b", " + INSTANCE),
    "an id twice, once in another spelling": GOOD.replace(INSTANCE, INSTANCE + b', "hook\\u0049nstance": "x"'),
    "an id only within another member": GOOD.replace(INSTANCE, b'"extension": {' + INSTANCE + b"}"),
    "an id that is part of another name": GOOD.replace(INSTANCE, b'"x\\"hookInstance": "x"'),
    "an id without an end": GOOD.replace(INSTANCE, INSTANCE[:-1]),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_bad_call_is_refused_after_a_good_one(client: FlaskClient, body: bytes) -> None:
    assert body != GOOD
    asked(client, GOOD)
    response = client.post(f"{ADDRESS}{SERVICES['patient-view']}", data=body, content_type="application/json")
    assert response.status_code == 400
    assert asked(client, GOOD)


@pytest.mark.parametrize("named", [b'"x\\"hookInstance"', b'"valueX\\"hookInstance"'])
def test_a_longer_name_is_not_mistaken_for_the_id(client: FlaskClient, readings: Readings, named: bytes) -> None:
    for number, value in enumerate((b"one", b"two"), 1):
        asked(client, GOOD.replace(INSTANCE, b'"hook\\u0049nstance": "a", ' + named + b': "' + value + b'"'))
        assert readings.number == number


def test_a_call_that_is_refused_is_refused_again(client: FlaskClient, readings: Readings) -> None:
    for _ in range(2):
        asked(client, call(prefetch={}), 412)
    assert readings.number == 2


def test_what_a_fhir_server_said_is_not_kept(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """It may say something else the next time."""
    server = "https://fhir.example/r4"
    app = create_app(Settings(clock=clock, log_level="error", fhir_servers=(server,)))
    times: list[str] = []

    def read(_self: Any, _access: Any, patient: str, _data: Any) -> dict[str, Any]:
        times.append(patient)
        return {}

    monkeypatch.setattr("service.cds_hooks.fhir_server.FhirServers.read", read)
    part = {name: value for name, value in RECORD.items() if name != "procedures"}
    given = {"fhirServer": server, "fhirAuthorization": {"access_token": "a-token"}}
    for _ in range(2):
        asked(app.test_client(), call(prefetch=part, **given))
    assert times == [PATIENT, PATIENT]


def test_without_a_near_cache_nothing_is_kept(clock: Clock, readings: Readings) -> None:
    client = create_app(Settings(clock=clock, log_level="error", near_cache_bytes=0)).test_client()
    for _ in range(2):
        asked(client, call(prefetch=RECORD))
    assert readings.number == 2


def test_nothing_that_is_kept_can_be_read(keeping: Flask) -> None:
    asked(keeping.test_client(), call(prefetch=RECORD))
    kept = keeping.config["CACHE"].near._kept
    assert len(kept) == 1
    held = repr(dict(kept))
    for text in (PATIENT, "cond-2", "2026-01-20", hashlib.sha256(GOOD).hexdigest(), "detail"):
        assert text not in held
