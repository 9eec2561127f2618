"""The checker itself: it is silent on right documents, and each of its rules is seen to fail on a wrong one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import rules
from tests.conformance.documents import (
    CONTEXTS,
    DELETED,
    DISCOVERY,
    FEEDBACK,
    MINIMAL_DISCOVERY,
    MINIMAL_FEEDBACK,
    MINIMAL_OUTCOME,
    MINIMAL_REQUEST,
    MINIMAL_RESPONSE,
    OUTCOME,
    REQUEST,
    RESPONSE,
    spoilt,
)
from tests.conformance.rules import discovery, feedback, outcome, request, response
from tests.conformance.rules.hooks import HOOKS

S, C, A = "/services/0", "/cards/0", "/cards/0/suggestions/0/actions/0"
T = f"{S}/prefetch/patient"
SECOND = "/cards/0/suggestions/1/actions"
F = "/feedback/0"

WRONG_DISCOVERY = [
    ("", [], "", "§discovery"),
    ("/services", DELETED, "/services", "§discovery.services"),
    ("/services", {}, "/services", "§discovery.services"),
    (S, "x", S, "§response"),
    (f"{S}/hook", DELETED, f"{S}/hook", "§response.hook"),
    (f"{S}/hook", 1, f"{S}/hook", "§response.hook"),
    (f"{S}/id", DELETED, f"{S}/id", "§response.id"),
    (f"{S}/id", "a/b", f"{S}/id", "§response.id"),
    (f"{S}/description", DELETED, f"{S}/description", "§response.description"),
    (f"{S}/title", DELETED, f"{S}/title", "§response.title"),
    (f"{S}/usageRequirements", ["x"], f"{S}/usageRequirements", "§response.usageRequirements"),
    (f"{S}/usageRequirements", "", f"{S}/usageRequirements", "I-3"),
    (f"{S}/usagerequirements", "x", f"{S}/usagerequirements", "§extensions"),
    (f"{S}/version", "two", f"{S}/version", "§response.version"),
    (f"{S}/hookVersion", 1, f"{S}/hookVersion", "§response.hookVersion"),
    (f"{S}/prefetch", [1], f"{S}/prefetch", "§response.prefetch"),
    (f"{S}/prefetch", {}, f"{S}/prefetch", "I-3"),
    (f"{S}/extension", [1], f"{S}/extension", "I-214"),
    (f"{S}/extension", {"note": 1}, f"{S}/extension/note", "I-215"),
    ("/services/1/hook", "patient-view", "/services/1/id", "§update-stale-guidance"),
    (T, 1, T, "§prefetch-template"),
    (T, "Patient/{context.patientId}", T, "§prefetch-tokens"),
    (T, "Patient/{{patientId}}", T, "§prefetch-tokens"),
    (T, "Patient/{{context.patient.id}}", T, "§prefetch-tokens"),
    (T, "Patient/{{context.selections}}", T, "§prefetch-tokens"),
    (T, "Patient/{{today()}}", T, "§prefetch-tokens"),
    (T, "Patient/{x", T, "§prefetch-tokens"),
    (T, "Patient/x}", T, "§prefetch-tokens"),
    (
        S,
        {**DISCOVERY["services"][0], "hook": "x", "prefetch": {"patient": "Patient/{{context.a.b}}"}},
        T,
        "§prefetch-tokens",
    ),
    (
        S,
        {**DISCOVERY["services"][0], "hook": "x", "prefetch": {"patient": "Patient/{{context.a b}}"}},
        T,
        "§prefetch-tokens",
    ),
    (
        S,
        {
            **DISCOVERY["services"][0],
            "hook": "order-select",
            "prefetch": {"patient": "Patient/{{context.draftOrders}}"},
        },
        T,
        "§prefetch-tokens",
    ),
    (T, "https://x.example/Patient/1", T, "I-58"),
    (T, "Patient", T, "I-58"),
    (T, "Patient?_include=Patient:link", T, "I-58"),
    (T, "Observation?_has:x=1", T, "I-58"),
    (T, "Observation?subject.name=x", T, "I-58"),
    (T, "Observation?code:not=x", T, "I-58"),
    (T, "Observation?date=ne2020", T, "I-58"),
    (T, "Observation?date=", T, "I-58"),
]
WRONG_REQUEST = [
    ("", [1], "", "§http-request"),
    ("/hook", DELETED, "/hook", "§http-request.hook"),
    ("/hookInstance", DELETED, "/hookInstance", "§http-request.hookInstance"),
    ("/hookInstance", "d1577c69-dfbe-44ad-ba6d-3b2va", "/hookInstance", "§http-request.hookInstance"),
    ("/context", DELETED, "/context", "§http-request.context"),
    ("/fhirServer", DELETED, "/fhirServer", "§http-request.fhirServer"),
    ("/fhirServer", "ehr.example/fhir", "/fhirServer", "§http-request.fhirServer"),
    ("/fhirServer", "http://ehr.example/fhir", "/fhirServer", "§security-and-safety"),
    ("/fhirAuthorization", "x", "/fhirAuthorization", "§fhir-resource-access"),
    *(
        (f"/fhirAuthorization/{name}", DELETED, f"/fhirAuthorization/{name}", f"§fhir-resource-access.{name}")
        for name in ("access_token", "token_type", "expires_in", "scope", "subject", "patient")
    ),
    ("/fhirAuthorization/token_type", "Basic", "/fhirAuthorization/token_type", "§fhir-resource-access.token_type"),
    ("/fhirAuthorization/expires_in", "300", "/fhirAuthorization/expires_in", "§fhir-resource-access.expires_in"),
    ("/fhirAuthorization/expires_in", True, "/fhirAuthorization/expires_in", "§fhir-resource-access.expires_in"),
    *(
        (f"/context/{name}", DELETED, f"/context/{name}", f"§context.{name}")
        for name in ("userId", "patientId", "selections", "draftOrders")
    ),
    ("/context/patientId", "Patient/p1", "/context/patientId", "§context.patientId"),
    ("/context/encounterId", "Encounter/e1", "/context/encounterId", "§context.encounterId"),
    ("/context/userId", "u", "/context/userId", "§context.userId"),
    ("/context/userId", "Patient/p1", "/context/userId", "§context.userId"),
    ("/context/selections/0", "ServiceRequest/other", "/context/selections/0", "§context.selections"),
    ("/context/selections/0", 7, "/context/selections/0", "§context.selections"),
    ("/context/selections/0", "/s1", "/context/selections/0", "§context.selections"),
    ("/context/userId", "Practitioner/", "/context/userId", "§context.userId"),
    ("/context/userId", "practitioner/1", "/context/userId", "§context.userId"),
    ("/fhirServer", 7, "/fhirServer", "§http-request.fhirServer"),
    ("/fhirServer", "https://ehr example/", "/fhirServer", "§http-request.fhirServer"),
    ("/fhirServer", "https://[", "/fhirServer", "§http-request.fhirServer"),
    ("/context/selections/0", "s1", "/context/selections/0", "§context.selections"),
    ("/context/draftOrders", {"resourceType": "Patient"}, "/context/draftOrders", "§context.draftOrders"),
    ("/context/draftOrders/entry/0/resource/reasonCode", [], "/context/draftOrders/entry/0/resource/reasonCode", "I-3"),
    ("/prefetch", ["x"], "/prefetch", "§http-request.prefetch"),
    ("/prefetch/patient", "x", "/prefetch/patient", "§prefetch-template"),
    ("/prefetch/patient", {"id": "p1"}, "/prefetch/patient", "§prefetch-template"),
    ("/prefetch/patient/id", None, "/prefetch/patient/id", "I-3"),
    ("/extension", ["x"], "/extension", "I-214"),
]
WRONG_RESPONSE = [
    ("", [], "", "§cds-service-response"),
    ("/cards", DELETED, "/cards", "§cds-service-response.cards"),
    ("/cards", {"a": 1}, "/cards", "§cds-service-response.cards"),
    ("/systemActions", {"a": 1}, "/systemActions", "I-75"),
    ("/systemActions", [], "/systemActions", "I-3"),
    ("/card", [1], "/card", "§extensions"),
    (C, "x", C, "§card-attributes"),
    (f"{C}/summary", DELETED, f"{C}/summary", "§card-attributes.summary"),
    (f"{C}/summary", "s" * 140, f"{C}/summary", "I-83"),
    (f"{C}/summary", "two\nlines", f"{C}/summary", "§card-attributes.summary"),
    (f"{C}/indicator", DELETED, f"{C}/indicator", "§card-attributes.indicator"),
    (f"{C}/indicator", "hard-stop", f"{C}/indicator", "§card-attributes.indicator"),
    (f"{C}/source", DELETED, f"{C}/source", "§card-attributes.source"),
    (f"{C}/source", "x", f"{C}/source", "§source"),
    (f"{C}/source/label", DELETED, f"{C}/source/label", "§source.label"),
    (f"{C}/source/url", "/relative", f"{C}/source/url", "§source.url"),
    (f"{C}/source/icon", "icon.png", f"{C}/source/icon", "§source.icon"),
    (f"{C}/source/topic", "lrt", f"{C}/source/topic", "§source.topic"),
    (f"{C}/source/topic/code", DELETED, f"{C}/source/topic/code", "§coding.code"),
    (f"{C}/source/topic/system", DELETED, f"{C}/source/topic/system", "§coding.system"),
    (f"{C}/source/topic/display", 1, f"{C}/source/topic/display", "§coding.display"),
    (f"{C}/uuid", "1", f"{C}/uuid", "§card-attributes.uuid"),
    (f"{C}/uuid", "e56e1945-20b3-4393-8503-a1a20fd73152", f"{C}/suggestions/0/uuid", "§card-attributes.uuid"),
    (f"{C}/detail", "", f"{C}/detail", "I-3"),
    (f"{C}/detail", None, f"{C}/detail", "I-3"),
    (f"{C}/detail", "<b>bold</b>", f"{C}/detail", "§card-attributes.detail"),
    (f"{C}/detail", 1, f"{C}/detail", "§card-attributes.detail"),
    (f"{C}/suggestions", [], f"{C}/suggestions", "I-3"),
    (f"{C}/suggestions", "x", f"{C}/suggestions", "§card-attributes.suggestions"),
    (f"{C}/suggestions/0", "x", f"{C}/suggestions/0", "§suggestion"),
    (f"{C}/suggestions/0/label", DELETED, f"{C}/suggestions/0/label", "§suggestion.label"),
    (f"{C}/suggestions/0/uuid", "x", f"{C}/suggestions/0/uuid", "§suggestion.uuid"),
    (f"{C}/suggestions/0/isRecommended", "yes", f"{C}/suggestions/0/isRecommended", "§suggestion.isRecommended"),
    (f"{C}/suggestions/0/actions", "x", f"{C}/suggestions/0/actions", "§suggestion.actions"),
    (
        f"{C}/suggestions/1/actionSelectionBehavior",
        "some",
        f"{C}/suggestions/1/actionSelectionBehavior",
        "§suggestion.actionSelectionBehavior",
    ),
    (f"{C}/selectionBehavior", DELETED, f"{C}/selectionBehavior", "cds-resp-6"),
    (f"{C}/selectionBehavior", "all", f"{C}/selectionBehavior", "§card-attributes.selectionBehavior"),
    (f"{C}/selectionBehavior", "at-most-one", f"{C}/suggestions", "cds-resp-1"),
    (A, "x", A, "§action"),
    (f"{A}/type", DELETED, f"{A}/type", "§action.type"),
    (f"{A}/type", "CREATE", f"{A}/type", "§action.type"),
    (f"{A}/description", DELETED, f"{A}/description", "cds-resp-5"),
    (f"{A}/resource", DELETED, f"{A}/resource", "§action.resource"),
    (f"{A}/resource", "{}", f"{A}/resource", "§action.resource"),
    (f"{A}/resource/resourceType", DELETED, f"{A}/resource", "§action.resource"),
    (f"{SECOND}/1/resource/id", DELETED, f"{SECOND}/1/resource", "§action.resource"),
    (f"{SECOND}/0/resource", {"resourceType": "X"}, f"{SECOND}/0/resource", "cds-resp-2"),
    (f"{SECOND}/0/resourceId", DELETED, f"{SECOND}/0/resourceId", "cds-resp-2"),
    (f"{SECOND}/0/resourceId", "s1", f"{SECOND}/0/resourceId", "cds-resp-2"),
    ("/systemActions/0/description", DELETED, "/systemActions/0/description", "cds-resp-5"),
    (f"{C}/overrideReasons", {"a": 1}, f"{C}/overrideReasons", "§card-attributes.overrideReasons"),
    (f"{C}/overrideReasons/0", "x", f"{C}/overrideReasons/0", "§coding"),
    (f"{C}/overrideReasons/0/display", DELETED, f"{C}/overrideReasons/0/display", "cds-resp-4"),
    (f"{C}/links", "x", f"{C}/links", "§card-attributes.links"),
    (f"{C}/links/0", "x", f"{C}/links/0", "§link"),
    (f"{C}/links/0/label", DELETED, f"{C}/links/0/label", "§link.label"),
    (f"{C}/links/0/url", DELETED, f"{C}/links/0/url", "§link.url"),
    (f"{C}/links/0/type", DELETED, f"{C}/links/0/type", "§link.type"),
    (f"{C}/links/0/url", "/decisions/1", f"{C}/links/0/url", "§link.url"),
    (f"{C}/links/0/url", "https://", f"{C}/links/0/url", "§link.url"),
    (f"{C}/links/0/type", "web", f"{C}/links/0/type", "§link.type"),
    (f"{C}/links/0/appContext", "x", f"{C}/links/0/appContext", "cds-resp-3"),
    (f"{C}/links/1/autolaunchable", "true", f"{C}/links/1/autolaunchable", "§link.autolaunchable"),
]
WRONG_FEEDBACK = [
    ("", [], "", "§feedback"),
    ("/feedback", DELETED, "/feedback", "§feedback"),
    ("/feedback", [], "/feedback", "I-3"),
    (F, "x", F, "§feedback"),
    (f"{F}/card", DELETED, f"{F}/card", "§feedback.card"),
    (f"{F}/outcome", DELETED, f"{F}/outcome", "§feedback.outcome"),
    (f"{F}/outcome", "ignored", f"{F}/outcome", "§feedback.outcome"),
    (f"{F}/acceptedSuggestions", DELETED, f"{F}/acceptedSuggestions", "§feedback.acceptedSuggestions"),
    (f"{F}/acceptedSuggestions/0", {"uuid": "x"}, f"{F}/acceptedSuggestions/0/id", "§feedback.acceptedSuggestions"),
    (f"{F}/outcomeTimestamp", DELETED, f"{F}/outcomeTimestamp", "§feedback.outcomeTimestamp"),
    (f"{F}/outcomeTimestamp", "2026-11-23", f"{F}/outcomeTimestamp", "§feedback.outcomeTimestamp"),
    (f"{F}/outcomeTimestamp", "2026-11-23T10:00:00+01:00", f"{F}/outcomeTimestamp", "§feedback.outcomeTimestamp"),
    (f"{F}/outcomeTimestamp", "2026-13-23T10:00:00Z", f"{F}/outcomeTimestamp", "§feedback.outcomeTimestamp"),
    ("/feedback/1/overrideReason", "x", "/feedback/1/overrideReason", "§feedback.overrideReason"),
    ("/feedback/1/overrideReasons", {"a": 1}, "/feedback/1/overrideReasons", "§feedback.overrideReason"),
    ("/feedback/1/overrideReason/reason", "x", "/feedback/1/overrideReason/reason", "§feedback.reason"),
    (
        "/feedback/1/overrideReason/reason/system",
        DELETED,
        "/feedback/1/overrideReason/reason/system",
        "§coding.system",
    ),
    ("/feedback/1/overrideReason/userComment", 1, "/feedback/1/overrideReason/userComment", "§feedback.userComment"),
]
NO_SUCCESS = "§http-response.OperationOutcome"
WRONG_OUTCOME = [
    ("", "Not found", "", NO_SUCCESS),
    ("", {"type": "/problems/not-found"}, "/resourceType", NO_SUCCESS),
    ("/resourceType", "Patient", "/resourceType", NO_SUCCESS),
    ("/issue", DELETED, "/issue", NO_SUCCESS),
    ("/issue", [], "/issue", NO_SUCCESS),
    ("/issue/0", "x", "/issue/0", NO_SUCCESS),
    ("/issue/0/severity", "bad", "/issue/0/severity", NO_SUCCESS),
    ("/issue/0/severity", DELETED, "/issue/0/severity", NO_SUCCESS),
    ("/issue/0/code", DELETED, "/issue/0/code", NO_SUCCESS),
    ("/issue/0/diagnostics", DELETED, "/issue/0", NO_SUCCESS),
    ("/issue/0/diagnostics", 1, "/issue/0/diagnostics", NO_SUCCESS),
    ("/issue/0/details", "x", "/issue/0/details", NO_SUCCESS),
]
WRONG = [
    *((outcome, OUTCOME, *case) for case in WRONG_OUTCOME),
    *((discovery, DISCOVERY, *case) for case in WRONG_DISCOVERY),
    *((request, REQUEST, *case) for case in WRONG_REQUEST),
    *((response, RESPONSE, *case) for case in WRONG_RESPONSE),
    *((feedback, FEEDBACK, *case) for case in WRONG_FEEDBACK),
]
SHOULD = {
    ("§response.title", f"{S}/title"),
    ("§security-and-safety", "/fhirServer"),
    ("§fhir-resource-access.patient", "/fhirAuthorization/patient"),
}
"""A violation of these fails nothing; nor do I-58, §extensions, an OperationOutcome and the form of a text."""


def the_ones(checker, document) -> set[tuple[str, str]]:
    return {(found.pointer, found.rule) for found in checker(document)}


@pytest.mark.parametrize(
    ("checker", "document"),
    [
        (discovery, DISCOVERY),
        (discovery, {"services": []}),
        (request, REQUEST),
        (response, RESPONSE),
        (outcome, OUTCOME),
        (response, {"cards": []}),
        (feedback, FEEDBACK),
        (discovery, MINIMAL_DISCOVERY),
        (request, MINIMAL_REQUEST),
        (response, MINIMAL_RESPONSE),
        (outcome, MINIMAL_OUTCOME),
        (feedback, MINIMAL_FEEDBACK),
    ],
)
def test_a_right_document_violates_nothing(checker, document) -> None:
    assert list(checker(document)) == []


@pytest.mark.parametrize(("hook", "context"), CONTEXTS.items())
def test_the_context_of_each_hook(hook: str, context: dict) -> None:
    body = {"hook": hook, "hookInstance": REQUEST["hookInstance"], "context": context}
    assert list(request(body)) == []
    for name in context:
        assert (f"/context/{name}", f"§context.{name}") in the_ones(request, spoilt(body, f"/context/{name}", 7))
        assert (f"/context/{name}", f"§context.{name}") in the_ones(request, spoilt(body, f"/context/{name}"))


def test_the_context_of_an_unknown_hook_is_not_judged() -> None:
    assert list(request(REQUEST | {"hook": "fancy-structure", "context": {"list": [{"id": 1}]}})) == []


@pytest.mark.parametrize("case", WRONG, ids=lambda case: f"{case[0].__name__}{case[4]} {case[5]}")
def test_a_wrong_document_violates_the_rule_at_the_place(case) -> None:
    checker, document, at, value, pointer, rule = case
    found = list(checker(spoilt(document, at, value)))
    assert (pointer, rule) in {(violation.pointer, violation.rule) for violation in found}
    assert all(violation.detail.endswith(".") for violation in found)


def test_what_is_only_recommended_fails_nothing() -> None:
    for checker, document, at, value, pointer, rule in WRONG:
        (must,) = {v.must for v in checker(spoilt(document, at, value)) if (v.pointer, v.rule) == (pointer, rule)}
        of_form = rule in {"§card-attributes.detail", "§card-attributes.summary"} and isinstance(value, str)
        assert must is not (rule in {"I-58", "§extensions", NO_SUCCESS} or (rule, pointer) in SHOULD or of_form), (
            pointer,
            rule,
        )


def test_a_request_is_held_to_what_the_service_advertises() -> None:
    service = {"hook": "order-select", "prefetch": {"patient": "x", "conditions": "y"}}
    assert list(request(REQUEST, service)) == []
    found = {(v.pointer, v.rule) for v in request(REQUEST, {"hook": "order-sign", "prefetch": {"patient": "x"}})}
    assert found == {("/hook", "§http-request.hook"), ("/prefetch/conditions", "§prefetch")}


def rules_in_the_code() -> Iterator[str]:
    for file in Path(rules.__file__).parent.glob("*.py"):
        yield from re.findall(r'"(I-\d+|cds-resp-\d|§[\w.-]+)"', file.read_text())
    for hook in HOOKS.values():
        yield from (member.rule for member in hook.context)


def test_every_rule_is_seen_to_fail() -> None:
    seen = {rule for *_, rule in WRONG} | {"§prefetch"}
    seen |= {f"§context.{name}" for context in CONTEXTS.values() for name in context}
    assert set(rules_in_the_code()) - seen == {"§context.fulfillmentTasks"}, "optional, of a draft hook we do not serve"
