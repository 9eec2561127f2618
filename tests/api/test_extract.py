"""POST /v1/facts/extract through the door: shapes, media types, limits, what is answered."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import create_app
from service.settings import Settings
from tests.api.asking import JSON, ONE, contract, faults, is_problem, named, send
from tests.conftest import GUIDELINE, NOON, ROOT, Server
from tests.fhir.building import CM, GRADE, bundle, cancer, condition, given, observation, us

EXTRACT = "/v1/facts/extract"
FHIR_JSON = "application/fhir+json"
RECORD = bundle(
    us(),
    cancer(),
    condition("C79.51", "2026-01-20", CM),
    given("56946", "2026-02-01", kind="MedicationStatement", status="active"),
    observation("97509-4", "268910001", "2026-10-15"),
    condition("52297004", "2026-11-20", extension=[{"url": GRADE, "valueInteger": 3}]),
    condition("C79.31", "2026-02-01", CM, subject={"reference": "Patient/else"}),
)
FACTS = {
    "metastatic_status": "M1",
    "presentation": "de_novo",
    "metastatic_sites": ["bone"],
    "metastatic_extent": "bone_only",
    "systemic_therapy": "chemotherapy",
    "chemotherapy_response": {"overall": "responded", "assessed_on": "2026-10-15"},
    "complications": {"bleeding": {"presence": "present", "grade": 3}},
    "sex": "female",
    "age_years": 56,
}


def extracted(client: FlaskClient, body: Any, content_type: str = FHIR_JSON) -> dict[str, Any]:
    response = send(client, body, EXTRACT, content_type)
    assert response.status_code == 200, response.get_data(as_text=True)[:500]
    assert response.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = response.get_json()
    return found


@pytest.mark.parametrize(
    "body",
    [RECORD, [entry["resource"] for entry in RECORD["entry"]], {"bundle": RECORD}, {"patient": "us", "bundle": RECORD},
     {"patient": None, "bundle": RECORD}, [RECORD]],
    ids=["bundle", "list", "wrapped", "named", "null", "list of bundles"],
)  # fmt: skip
@pytest.mark.parametrize("content_type", [JSON, FHIR_JSON, f"{FHIR_JSON}; charset=utf-8"])
def test_every_shape_and_media_type_gives_the_same_facts(client: FlaskClient, body: Any, content_type: str) -> None:
    found = extracted(client, body, content_type)
    assert found["facts"] == FACTS
    assert found["patient"] == "us"
    assert found["other_patients"] == ["Patient/else"]
    assert found["breast_cancer"] is True


def test_the_answer_is_what_the_contract_says(app: Flask, client: FlaskClient) -> None:
    schema = named(contract(app), "Extraction")
    for body in (RECORD, [], bundle(us(), condition("I10", system=CM))):
        schema.validate(extracted(client, body))


def test_what_it_states_is_answered(client: FlaskClient) -> None:
    """Bleeding of grade 3 is urgent whatever the response: it must reach the guideline through the record."""
    answer = send(client, extracted(client, RECORD)["facts"], ONE).get_json()
    assert answer["recommendations"][0]["code"] == "URGENT_LOCAL_CONTROL"


def test_the_patient_named_is_the_one_read(client: FlaskClient) -> None:
    found = extracted(client, {"patient": "Patient/else", "bundle": RECORD})
    assert found["patient"] == "else"
    assert found["other_patients"] == ["Patient/us"]
    assert found["breast_cancer"] == "unknown"


def test_no_breast_cancer_no_facts(client: FlaskClient) -> None:
    found = extracted(client, bundle(us(), condition("I10", system=CM)))
    assert found["breast_cancer"] is False
    assert found["facts"] == {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/resourceType"),
        ({"resourceType": 5}, "/resourceType"),
        ("text", ""),
        (5, ""),
        (None, ""),
        ([1, {}], ""),
        ({"patient": "us"}, "/bundle"),
        ({"patient": 5, "bundle": RECORD}, "/patient"),
        ({"patient": "", "bundle": RECORD}, "/patient"),
        ({"patient": "us", "bundle": RECORD, "as_of": "2026-01-01"}, "/as_of"),
    ],
)
def test_any_other_shape_is_refused_with_a_pointer(client: FlaskClient, body: Any, pointer: str) -> None:
    response = send(client, json.dumps(body), EXTRACT)
    assert pointer in faults(is_problem(response, 422, "refused-facts"))


@pytest.mark.parametrize("body", [cancer(), {"patient": "us", "bundle": cancer()}])
def test_a_single_resource_is_read_as_a_list_of_one(client: FlaskClient, body: Any) -> None:
    found = extracted(client, body)
    assert found["subjects"] == {GUIDELINE: True}
    assert found["resources"] == {"sent": 1, "used": 1, "ignored": 0, "unread": 0}


TWICE = [
    '{"resourceType": "Bundle", "type": "a", "type": "b"}',
    '[{"resourceType": "Patient", "id": "a", "id": "b"}]',
    '{"bundle": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Basic", "id": "a", "id": "b"}}]}}',
]


@pytest.mark.parametrize("text", TWICE)
def test_a_key_that_stands_twice_is_v12_wherever_it_is(client: FlaskClient, text: str) -> None:
    """The last of two equal keys would win silently: a bleeding could become a cold."""
    (fault,) = is_problem(send(client, text, EXTRACT), 422, "refused-facts")["errors"]
    assert fault["rule"] == "V12"
    assert fault["pointer"].endswith(("/type", "/id"))


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/fhir+xml", None])
def test_other_media_types_are_refused_with_a_command_that_works(client: FlaskClient, content_type: str | None) -> None:
    detail = is_problem(send(client, "{}", EXTRACT, content_type), 415, "unsupported-media-type")["detail"]
    command = detail[detail.index("-d '") + 4 :]
    sent = send(client, command[: command.index("'")], EXTRACT)
    assert sent.status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[NaN]"])
def test_what_is_no_json_is_400(client: FlaskClient, body: bytes) -> None:
    is_problem(send(client, body, EXTRACT), 400)


def padded(size: int) -> bytes:
    """A record of at least this many bytes."""
    filler = [observation("29463-7", {"value": 70, "unit": "kg"}, "2026-01-01", id=f"w{n}") for n in range(size // 240)]
    return json.dumps(bundle(us(), cancer(), *filler)).encode()


def test_a_record_of_five_megabytes_is_read(client: FlaskClient) -> None:
    body = padded(5_300_000)
    assert 5_000_000 < len(body) < 8 * 1_048_576
    assert extracted(client, body)["breast_cancer"] is True


def test_the_limit_is_eight_times_that_of_one_patient() -> None:
    small = create_app(Settings(clock=lambda: NOON, log_level="error", max_body_bytes=1000)).test_client()
    assert send(small, bundle(us(pad="x" * 7000)), EXTRACT).status_code == 200
    is_problem(send(small, bundle(us(pad="x" * 8000)), EXTRACT), 413, "body-too-large")


def test_a_body_of_millions_of_members_is_refused_at_once(client: FlaskClient) -> None:
    body = b'{"resourceType": "Bundle", "entry": [' + b"0," * 700_000 + b"0]}"
    is_problem(send(client, body, EXTRACT, FHIR_JSON), 413, "body-too-large")


def test_nothing_of_the_patient_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    app = create_app(Settings(clock=lambda: NOON, log_level="debug"))
    send(app.test_client(), bundle(us(id="Rosalind-4711"), cancer(id="Rosalind-4711")), EXTRACT)
    out, err = capfd.readouterr()
    assert "Rosalind" not in out + err


def test_content_without_code_lists_has_no_such_door() -> None:
    toys = ROOT / "tests" / "toy" / "content"
    app = create_app(Settings(clock=lambda: NOON, log_level="error", content=toys, guideline="toy-umbrella"))
    is_problem(send(app.test_client(), bundle(us()), EXTRACT), 404, "not-found")


def test_the_day_is_that_of_the_service(client: FlaskClient, later: Flask) -> None:
    assert extracted(client, bundle(us(), cancer()))["facts"]["age_years"] == 56
    assert extracted(later.test_client(), bundle(us(), cancer()))["facts"]["age_years"] == 57


def test_through_a_real_server(server: Server) -> None:
    body = (ROOT / "docs" / "examples" / "record.json").read_bytes()
    status, headers, answer = server.get(EXTRACT, {"Content-Type": FHIR_JSON}, body)
    assert status == 200
    assert headers["cache-control"] == "no-store"
    assert json.loads(answer)["breast_cancer"] is True
