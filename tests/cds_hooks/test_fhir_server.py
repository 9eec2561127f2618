"""The fall-back to the hospital's FHIR server, against a real server on loopback that behaves in every bad way.

That a call ends in time is shown by structure: the server answers only when the test is over.
"""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from service import create_app
from service.cds_hooks import fhir_server
from service.cds_hooks.fhir_server import FhirAccess, FhirServers, is_below, normalise_base
from service.cds_hooks.prefetch import PrefetchResult, PrefetchState
from service.knowledge.cards import PrefetchItem
from service.settings import Settings
from tests.api.asking import is_outcome
from tests.cds_hooks.fhir import Hospital, hospital, reply
from tests.cds_hooks.hooks import (
    ADA,
    ADDRESS,
    BREAST_CANCER,
    PATIENT,
    SERVICES,
    bundle,
    call,
    check_answer,
    no_results,
    outcome,
    record,
)
from tests.conftest import NOON

TOKEN = "opaque-4711"  # noqa: S105 - of the tests
QUERIES = 7
Ask = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hospital, Path]]:
    with hospital(tmp_path_factory.mktemp("hospital")) as running:
        yield running


@pytest.fixture(scope="module")
def allowed(server: tuple[Hospital, Path]) -> Flask:
    """The service, with this server in its list."""
    return service(server)


@pytest.fixture
def fhir(server: tuple[Hospital, Path]) -> Iterator[Hospital]:
    """The server with Ada's record."""
    found = server[0]
    found.reset()
    found.answer("Patient/", ADA)
    found.answer("Condition", bundle(BREAST_CANCER))
    yield found
    found.reset()


def service(server: tuple[Hospital, Path], **options: Any) -> Flask:
    given: dict[str, Any] = {"fhir_servers": (server[0].url,), "fhir_ca": server[1], "log_level": "error"} | options
    return create_app(Settings(clock=lambda: NOON, **given))


@pytest.fixture
def ask(server: tuple[Hospital, Path], allowed: Flask) -> Ask:
    """Call patient-view with the server's address and a token."""

    def post(prefetch: Any = None, url: str | None = None, of: Flask = allowed) -> TestResponse:
        body = call(prefetch=prefetch, fhirServer=url or server[0].url)
        body["fhirAuthorization"] = {
            "access_token": TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "whatever",
            "subject": "us",
        }
        return of.test_client().post(f"{ADDRESS}{SERVICES['patient-view']}", json=body)

    return post


def card(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 200, response.get_data(as_text=True)
    (found,) = check_answer(response.get_json())
    return found


def test_what_was_not_prefetched_is_read_with_the_token_of_the_call(fhir: Hospital, ask: Ask) -> None:
    assert "Could not be read" not in card(ask())["detail"]
    assert len(fhir.asked) == QUERIES
    assert f"Patient/{PATIENT}" in fhir.asked
    assert f"Condition?patient={PATIENT}&_count=200" in fhir.asked
    assert set(fhir.tokens) == {f"Bearer {TOKEN}"}


def test_only_what_is_missing_is_read(fhir: Hospital, ask: Ask) -> None:
    prefetch = record(BREAST_CANCER)
    card(ask(prefetch))
    assert fhir.asked == [], "the staging lies within the observations"
    del prefetch["procedures"]
    card(ask(prefetch))
    assert fhir.asked == [f"Procedure?patient={PATIENT}&_count=200"]


@pytest.mark.parametrize("failed", [outcome("error"), no_results("fatal"), {"resourceType": "Bundle", "total": 9}])
def test_a_failed_prefetch_is_read_again(fhir: Hospital, ask: Ask, failed: dict[str, Any]) -> None:
    card(ask(record() | {"conditions": failed}))
    assert fhir.asked == [f"Condition?patient={PATIENT}&_count=200"]


def test_an_open_server_needs_no_token(fhir: Hospital, allowed: Flask) -> None:
    body = call(fhirServer=fhir.url)
    response = allowed.test_client().post(f"{ADDRESS}{SERVICES['patient-view']}", json=body)
    card(response)
    assert set(fhir.tokens) == {None}


@pytest.mark.parametrize("token", ["", "a b", "x\r\nX-Evil: 1", "é", None, 5])
def test_an_authorization_without_a_usable_token_is_not_used(fhir: Hospital, allowed: Flask, token: Any) -> None:
    body = call(fhirServer=fhir.url, fhirAuthorization={"access_token": token, "token_type": "Bearer"})
    is_outcome(allowed.test_client().post(f"{ADDRESS}{SERVICES['patient-view']}", json=body), 412)
    assert fhir.asked == []


# ---- never anywhere else


def test_without_a_list_no_server_is_ever_called(fhir: Hospital, server: tuple[Hospital, Path], ask: Ask) -> None:
    is_outcome(ask(of=service(server, fhir_servers=())), 412)
    assert fhir.asked == []


@pytest.mark.parametrize(
    "other",
    [
        "{url}/admin",
        "{url}x",
        "{root}",
        "{root}/R4",
        "{url}/../r4",
        "{url}?x=1",
        "{url}#x",
        "http://127.0.0.1:{port}/r4",
        "https://localhost:{port}/r4",
        "https://user@127.0.0.1:{port}/r4",
        "https://127.0.0.1:1/r4",
        "https://127.0.0.1:port/r4",
        "https://[::1/r4",
        "r4",
    ],
)
def test_a_server_that_is_not_listed_is_never_called(fhir: Hospital, ask: Ask, other: str) -> None:
    root = fhir.url.removesuffix("/r4")
    is_outcome(ask(url=other.format(url=fhir.url, root=root, port=root.rpartition(":")[2])), 412)
    assert fhir.asked == []


def test_the_same_address_written_otherwise_is_the_same(fhir: Hospital, ask: Ask) -> None:
    card(ask(url=fhir.url.replace("https", "HTTPS") + "/"))
    assert len(fhir.asked) == QUERIES


def test_a_server_of_an_unknown_authority_is_not_believed(
    fhir: Hospital, server: tuple[Hospital, Path], ask: Ask
) -> None:
    is_outcome(ask(of=service(server, fhir_ca=None)), 412)
    assert fhir.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(fhir: Hospital, ask: Ask, status: int) -> None:
    fhir.answer("Condition", {}, status, Location=f"{fhir.url}/elsewhere")
    is_outcome(ask(), 412)
    assert "elsewhere" not in fhir.asked
    assert len(fhir.asked) == QUERIES


def test_a_patient_id_that_is_no_fhir_id_is_put_into_no_address(fhir: Hospital, allowed: Flask) -> None:
    client = allowed.test_client()
    for name in ("../Patient", "a/b", "a?b", "a&patient=other", "a b", "a%2Fb", "x" * 65, "pat-1\n"):
        body = call(fhirServer=fhir.url, context={"patientId": name})
        is_outcome(client.post(f"{ADDRESS}{SERVICES['patient-view']}", json=body), 400)
    assert fhir.asked == []


# ---- pages


def page(fhir: Hospital, url: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return bundle(*resources, link=[{"relation": "next", "url": url.format(url=fhir.url)}])


@pytest.mark.parametrize("url", ["{url}/Condition?page=2", "Condition?page=2", "{url}?_getpages=abc"])
def test_further_pages_are_read_below_the_same_base(fhir: Hospital, ask: Ask, url: str) -> None:
    fhir.answer("Condition?patient", page(fhir, url))
    fhir.answer("/r4?_getpages", bundle(BREAST_CANCER))
    assert "Could not be read" not in card(ask())["detail"]


def test_a_prefetched_page_is_read_on_from_where_it_ends(fhir: Hospital, ask: Ask) -> None:
    fhir.answer("Condition?page=2", bundle(BREAST_CANCER))
    prefetch = record() | {"conditions": page(fhir, "{url}/Condition?page=2")}
    assert "Could not be read" not in card(ask(prefetch))["detail"]
    assert fhir.asked == ["Condition?page=2"]


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:1/r4/Condition?page=2", "{url}/../admin?page=2", "{url}x/Condition?page=2", "http://{url}", ""],
)
def test_a_page_elsewhere_is_not_read_and_what_there_is_counts_as_a_part(fhir: Hospital, ask: Ask, url: str) -> None:
    fhir.answer("Condition", page(fhir, url, BREAST_CANCER))
    assert "diagnoses (Condition): only a part was sent" in card(ask())["detail"]
    assert not any("admin" in path or "page=2" in path for path in fhir.asked)


def test_pages_without_end_end(fhir: Hospital, ask: Ask) -> None:
    fhir.answer("Condition", page(fhir, "{url}/Condition?again", BREAST_CANCER))
    assert "diagnoses (Condition): only a part was sent" in card(ask())["detail"]
    assert len([path for path in fhir.asked if path.startswith("Condition")]) == fhir_server.MAX_PAGES


# ---- bad answers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 429, 500, 503, 204])
def test_an_answer_that_is_no_success_is_a_missing_datum(fhir: Hospital, ask: Ask, status: int) -> None:
    fhir.answer("Condition", b"" if status == 204 else outcome("error"), status)
    said = json.dumps(is_outcome(ask(), 412))
    assert "(Condition): failed" in said
    assert "(Patient): " not in said


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b"[]",
        b"5",
        b"{}",
        b'{"resourceType": "Bundle", "resourceType": "Bundle"}',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_an_answer_that_is_no_fhir_is_a_missing_datum(fhir: Hospital, ask: Ask, body: bytes) -> None:
    fhir.answer("Condition", body)
    is_outcome(ask(), 412)


def test_an_optional_datum_that_fails_is_named_on_the_card(fhir: Hospital, ask: Ask) -> None:
    fhir.answer("Procedure", outcome("error"), 403)
    assert "procedures (Procedure): the search failed" in card(ask())["detail"]


def test_an_answer_that_is_too_large_is_given_up(fhir: Hospital, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir_server, "MAX_PAGE_BYTES", 100_000)
    card(ask())
    fhir.answer("Condition", bundle(BREAST_CANCER, id="x" * 200_000))
    is_outcome(ask(), 412)


def test_a_chunked_answer_is_read(fhir: Hospital, ask: Ask) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        body = json.dumps(bundle(BREAST_CANCER)).encode()
        for part in (body[:50], body[50:]):
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    fhir.behave["Condition"] = chunked
    card(ask())


# ---- in time


def hang(fhir: Hospital) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer only when the test is over."""
    over = fhir.released
    return lambda handler: reply(handler, {}) if over.wait() else None


def drip(fhir: Hospital) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send a byte now and then, until the test is over."""
    over = fhir.released

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b" ")

    return behave


def drip_headers(fhir: Hospital) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send a header now and then, until the test is over: each is an answer to a time-out of the socket."""
    over = fhir.released

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.flush_headers()
        while not over.wait(0.05):
            handler.wfile.write(b"X")

    return behave


@pytest.mark.parametrize("behaviour", [hang, drip, drip_headers])
def test_a_server_that_hangs_or_drips_does_not_hold_the_call(
    fhir: Hospital, ask: Ask, behaviour: Callable[[Hospital], Any]
) -> None:
    fhir.behave["Condition"] = behaviour(fhir)
    is_outcome(ask(), 412)
    assert not fhir.released.is_set()


@pytest.mark.parametrize("behaviour", [drip, drip_headers])
def test_a_connection_that_drips_is_given_up(
    fhir: Hospital, ask: Ask, until: Callable[..., None], behaviour: Callable[[Hospital], Any]
) -> None:
    """Or each such call would take a thread of the pool with it."""
    gone, over = threading.Event(), fhir.released

    def behave(handler: BaseHTTPRequestHandler) -> None:
        try:
            behaviour(fhir)(handler)
        except OSError:
            gone.set()

    fhir.behave["Condition"] = behave
    is_outcome(ask(), 412)
    until(gone.is_set, "the client hangs up")
    assert not over.is_set()


def test_an_optional_datum_that_comes_too_late_is_named_on_the_card(fhir: Hospital, ask: Ask) -> None:
    fhir.behave["MedicationStatement"] = hang(fhir)
    assert "medication taken (MedicationStatement): the search failed" in card(ask())["detail"]
    assert not fhir.released.is_set()


def test_all_queries_of_a_call_run_side_by_side(fhir: Hospital, ask: Ask) -> None:
    """Each is answered only when all have come."""
    together = threading.Barrier(QUERIES)
    answers = dict(fhir.behave)

    def behave(handler: BaseHTTPRequestHandler) -> None:
        together.wait(timeout=10)
        given = next((each for path, each in answers.items() if handler.path.startswith(f"/r4/{path}")), None)
        if given is None:
            reply(handler, bundle())
        else:
            given(handler)

    fhir.behave = {"": behave}
    assert "Could not be read" not in card(ask())["detail"]


def test_at_most_half_of_the_threads_wait_at_once(
    fhir: Hospital, server: tuple[Hospital, Path], ask: Ask, until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two threads one may wait; the next call is answered without waiting, while the first still does."""
    monkeypatch.setattr("service.FhirServers", functools.partial(FhirServers, seconds=60.0))
    app = service(server, threads=2)
    hanging = threading.Event()
    fhir.behave = {"": lambda handler: (hanging.wait(), reply(handler, bundle()))[1]}
    first: list[int] = []
    waiting = threading.Thread(target=lambda: first.append(ask(of=app).status_code))
    waiting.start()
    until(lambda: len(fhir.asked) == QUERIES, "the first call waits")
    is_outcome(ask(of=app), 412)
    assert card(ask(record(BREAST_CANCER), of=app)), "a whole prefetch needs no server"
    assert len(fhir.asked) == QUERIES
    assert not first
    hanging.set()
    waiting.join()
    assert first


def test_each_server_has_threads_of_its_own(fhir: Hospital, server: tuple[Hospital, Path]) -> None:
    """One that holds all of its own does not hold up another."""
    root = fhir.url.removesuffix("/r4")
    bases = (fhir.url, f"{root}/other")
    servers = FhirServers(bases, server[1], 1, 1, seconds=60.0)
    held = servers._threads[bases[1]].submit(fhir.released.wait)
    item = PrefetchItem("patient", "Patient/{{context.patientId}}", "patient", required=True)
    found = servers.read(FhirAccess(fhir.url, None), PATIENT, {item: PrefetchResult(PrefetchState.ABSENT)})
    assert found["patient"].state is PrefetchState.COMPLETE
    assert not held.done()
    fhir.released.set()


def test_a_service_of_one_thread_waits_for_nobody(fhir: Hospital, server: tuple[Hospital, Path], ask: Ask) -> None:
    is_outcome(ask(of=service(server, threads=1)), 412)
    assert fhir.asked == []


def test_the_token_is_in_no_log_and_no_answer(fhir: Hospital, ask: Ask) -> None:
    with capture_logs() as lines:
        texts = [ask().get_data(as_text=True)]
        fhir.answer("Condition", {}, 500)
        texts.append(ask().get_data(as_text=True))
    assert TOKEN not in repr(lines)
    assert not any(TOKEN in text or fhir.url in text for text in texts)


def test_what_is_no_address_is_never_listed() -> None:
    servers = FhirServers(("https://a.example/r4/%2e%2e", "garbage"), None, 1, 1)
    assert servers.find_base("garbage") is None
    assert servers.find_base("https://a.example/%2e%2e") is None


def test_addresses_are_compared_whole() -> None:
    assert normalise_base("https://A.example:443/r4/") == normalise_base("HTTPS://a.example/r4")
    assert normalise_base("https://a.example/r4") != normalise_base("https://a.example/r4/x")
    base = "https://a.example/r4"
    for inside in (base, f"{base}/", f"{base}?x=1", f"{base}/Condition?x=../y", "https://a.example:443/r4/x"):
        assert is_below(base, inside), inside
    for outside in (
        "https://a.example/r4x",
        "https://a.example/r4/../x",
        "https://a.example/r4/%2e%2e/x",
        "https://a.example/",
        "https://a.example.evil.example/r4/x",
        "https://a.example@evil.example/r4/x",
        "http://a.example/r4/x",
        "//a.example/r4/x",
        "",
    ):
        assert not is_below(base, outside), outside
