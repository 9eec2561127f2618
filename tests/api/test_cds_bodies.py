"""What the CDS Hooks door takes for a call, and the OperationOutcome that says what is wrong with anything else."""

import copy
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.api.asking import RESPONDER, is_outcome
from tests.cds_hooks.hooks import (
    ADA,
    ADDRESS,
    BREAST_CANCER,
    CANARY,
    MASTECTOMY,
    PATIENT,
    SERVICES,
    Ask,
    bundle,
    call,
    check_card,
    found,
    no_results,
    orders,
    record,
    told,
)


def without(name: str) -> dict[str, Any]:
    body = call(prefetch={"patient": ADA, "conditions": bundle()})
    del body[name]
    return body


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"hook": None}, "/hook"),
        ({"hook": "order-sign"}, "/hook"),
        ({"hook": 5}, "/hook"),
        ({"hookInstance": None}, "/hookInstance"),
        ({"hookInstance": ""}, "/hookInstance"),
        ({"hookInstance": 7}, "/hookInstance"),
        ({"context": None}, "/context"),
        ({"context": []}, "/context"),
        ({"context": {"patientId": PATIENT}}, "/context/userId"),
        ({"context": {"userId": "Practitioner/a"}}, "/context/patientId"),
        ({"context": {"userId": "Practitioner/a", "patientId": f"Patient/{PATIENT}"}}, "/context/patientId"),
        ({"context": {"userId": "Practitioner/a", "patientId": "../x?y"}}, "/context/patientId"),
        ({"context": {"userId": "Practitioner/a", "patientId": 7}}, "/context/patientId"),
        ({"prefetch": []}, "/prefetch"),
        ({"prefetch": "x"}, "/prefetch"),
        ({"fhirServer": 5}, "/fhirServer"),
        ({"fhirAuthorization": {"access_token": "x"}}, "/fhirServer"),
        ({"fhirAuthorization": "x", "fhirServer": "https://fhir.example"}, "/fhirAuthorization"),
    ],
)
def test_a_call_that_is_none_is_400_with_the_place(hook: Ask, change: dict[str, Any], place: str) -> None:
    body = call(prefetch={"patient": ADA, "conditions": bundle()}) | change
    assert f"At {place}" in told(hook(body, 400, SERVICES["patient-view"]))


def test_a_call_that_names_no_patient_and_brings_nothing_lacks_a_datum(hook: Ask) -> None:
    """As an example of the specification does: 412 that names it, for no rule is broken by what is there."""
    body = call()
    del body["context"]["patientId"]
    assert "At /context/patientId" in told(hook(body, 412, SERVICES["patient-view"]))


@pytest.mark.parametrize(
    ("name", "context", "place"),
    [
        ("order-select", {}, "/context/draftOrders"),
        ("order-select", orders(MASTECTOMY), "/context/selections"),
        ("order-select", orders(MASTECTOMY) | {"selections": "x"}, "/context/selections"),
        ("order-sign", {}, "/context/draftOrders"),
        ("order-sign", {"draftOrders": []}, "/context/draftOrders"),
        ("order-sign", {"draftOrders": {"resourceType": "ServiceRequest"}}, "/context/draftOrders"),
    ],
)
def test_an_order_hook_needs_its_context(hook: Ask, name: str, context: dict[str, Any], place: str) -> None:
    assert f"At {place}" in told(hook(call(name, context=context), 400))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'"x"', b"null", b"\xff", b'{"hook": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_object_of_json_is_400(hook: Ask, body: bytes) -> None:
    hook(body, 400)


def test_deep_json_is_400_and_no_failure(hook: Ask) -> None:
    hook(b'{"hook": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", 400)


def test_a_repeated_key_is_400(hook: Ask) -> None:
    """The last of two values would win in silence."""
    body = json.dumps(call(prefetch={"patient": ADA, "conditions": bundle(BREAST_CANCER)}))
    twice = body.replace('"conditions":', '"conditions": {"resourceType": "Bundle"}, "conditions":')
    assert "At /prefetch/conditions" in told(hook(twice, 400))


def test_a_body_over_the_limit_is_413_and_one_of_four_megabytes_is_read(hook: Ask) -> None:
    large = call(prefetch={"patient": ADA, "conditions": bundle(), "photo": {"data": "x" * 4_000_000}})
    assert hook(large) == []
    large["prefetch"]["photo"]["data"] *= 3
    hook(large, 413)


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "application/fhir+json"])
def test_json_may_be_called_by_its_names(hook: Ask, media: str) -> None:
    assert hook(call(prefetch={"patient": ADA, "conditions": bundle()}), content_type=media) == []


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_415(hook: Ask, media: str) -> None:
    said = told(hook(call(), 415, content_type=media))
    assert '"hook": "patient-view"' in said, "the right curl is in the text"


@pytest.mark.parametrize(
    "more",
    [
        {"extension": {"com.epic.cdshooks.request.bpa-trigger-action": "60", "x.y": {"z": [1]}}},
        {"extension": "text"},
        {"unknown": {"a": 1}, "_note": None},
        {"hookInstance": "d1577c69-dfbe-44ad-ba6d-3b2va"},
        {"hookInstance": "2cb0e9f4-c8ab-11ef-9cd2-0242ac120002"},
        {"fhirServer": "https://ehr.example/fhir"},
        {"fhirServer": "not a url"},
        {"fhirServer": "https://ehr.example/fhir", "fhirAuthorization": {"token_type": "Bearer"}},
        {"fhirServer": None, "fhirAuthorization": None},
    ],
)
def test_what_others_add_is_passed_over(hook: Ask, more: dict[str, Any]) -> None:
    assert hook(call(prefetch={"patient": ADA, "conditions": bundle()}) | more) == []


@pytest.mark.parametrize("name", ["userId", "encounterId"])
def test_context_ids_may_have_any_form_that_clients_send(hook: Ask, name: str) -> None:
    body = call(prefetch={"patient": ADA, "conditions": bundle()}, context={name: "PractitionerRole/x_1"})
    assert hook(body) == []


WORDS = [
    "resourceType",
    "Bundle",
    "entry",
    "resource",
    "code",
    "coding",
    "system",
    "subject",
    "link",
    "relation",
    "next",
]
NAMES = st.sampled_from([*WORDS, "id", "status", "issue", "severity", "total", "bodySite", "reference", "text", "url"])
NUMBERS = st.integers(-2, 99) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=5),
    st.sampled_from([*WORDS, "Condition", "Patient", "ServiceRequest", "OperationOutcome", "C50.9", "Patient/pat-1"]),
    st.sampled_from([ADA, BREAST_CANCER, MASTECTOMY, bundle(BREAST_CANCER), no_results()]),
)  # fmt: skip
ANYTHING = st.recursive(LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=5))
RESOURCES = st.dictionaries(NAMES, ANYTHING, max_size=6).map(lambda given: {"resourceType": "Bundle"} | given)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(data=st.data())
def test_nothing_that_is_sent_is_a_failure_inside(client: FlaskClient, data: st.DataObject) -> None:
    """Whatever stands in a prefetch or a draft: an answer, or a refusal with its reason."""
    keys = st.sampled_from(["patient", "conditions", "staging", "x"])
    prefetch = data.draw(st.dictionaries(keys, ANYTHING | RESOURCES))
    name = data.draw(st.sampled_from(sorted(SERVICES)))
    context = {"draftOrders": data.draw(RESOURCES), "selections": data.draw(st.lists(st.text(max_size=4), max_size=2))}
    given = {"patient": ADA, "conditions": bundle(BREAST_CANCER)} | prefetch
    response = client.post(f"{ADDRESS}{SERVICES[name]}", json=call(name, given, context=context))
    if response.status_code == 200:
        for card in response.get_json()["cards"]:
            check_card(card)
    else:
        assert is_outcome(response, response.status_code)
        assert response.status_code in {400, 412}


# ---- errors


def test_an_unknown_service_is_404(hook: Ask, client: FlaskClient) -> None:
    for name in ("no-such", "mbc-primary-lrt", "MBC-PRIMARY-LRT-PATIENT-VIEW"):
        hook(call(), 404, service=name)
    is_outcome(client.post("/cds-services/a/b/c"), 404)


def test_another_method_is_405_with_those_allowed(client: FlaskClient) -> None:
    response = client.get(f"{ADDRESS}{SERVICES['patient-view']}")
    is_outcome(response, 405)
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


class LeakyError(RuntimeError):
    """Its message repeats what the caller sent."""


PARTS = [
    "cds_hooks.answer.collect",
    "fhir.evaluation.extract",
    "cds_hooks.answer.advice_card",
    "api.cds_services.read_call",
]


@pytest.mark.parametrize("part", PARTS)
def test_a_failure_inside_is_never_nothing_to_say(hook: Ask, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """200 without cards means "no guidance"; broken is something else."""

    def broken(*_: object, **__: object) -> None:
        raise LeakyError(CANARY)

    found(monkeypatch, RESPONDER)
    monkeypatch.setattr(f"service.{part}", broken)
    with capture_logs() as lines:
        body = hook(call(prefetch=record(BREAST_CANCER)), 500)
    assert CANARY not in json.dumps(body)
    assert CANARY not in repr(lines)
    assert body["issue"][0]["code"] == "exception"


def test_facts_that_are_refused_are_a_failure_and_no_silence(hook: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, {"hat": 1})
    hook(call(prefetch=record(BREAST_CANCER)), 500)


def test_no_log_line_holds_anything_of_the_patient(hook: Ask, client: FlaskClient) -> None:
    body = call(prefetch=record(BREAST_CANCER))
    body = json.loads(json.dumps(body).replace(PATIENT, CANARY))
    body["fhirServer"] = f"https://{CANARY}.example"
    body["fhirAuthorization"] = {"access_token": CANARY, "token_type": "Bearer"}
    with capture_logs() as lines:
        assert client.post(f"{ADDRESS}{SERVICES['patient-view']}", json=body).get_json()["cards"]
        bad = copy.deepcopy(body)
        bad["context"]["patientId"] = f"{CANARY}/{CANARY}"
        assert CANARY not in json.dumps(hook(bad, 400))
    assert CANARY not in repr(lines)
