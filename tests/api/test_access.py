"""Who may call what: every route against the table of API.md, and the names that are served without tokens."""

import dataclasses
import functools
import json
import re
import socket
import types
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Blueprint, Flask
from werkzeug.test import TestResponse

import service
from service import create_app
from service.api.access import SCOPES, scope, scope_of
from service.security.keys import new_key
from service.security.refusal import GuardClosedError
from service.settings import Settings, SettingsError
from tests.api.asking import BATCH, ONE, contract, is_problem, send
from tests.api.test_problems import SAMPLES
from tests.conftest import GUIDELINE, NOON, ROOT, Server
from tests.security.signing import b64, claims, client, signed, token

# Typed from API.md, "Who may call what". A route that is not here has not been decided on.
DECIDED = {
    ("POST", "/v1/recommendations"): "advice",
    ("POST", "/v1/recommendations/batch"): "advice",
    ("POST", "/v1/guidelines/<guideline>/recommendations"): "advice",
    ("POST", "/v1/guidelines/<guideline>/recommendations/batch"): "advice",
    ("POST", "/v1/facts/extract"): "advice",
    ("POST", "/v1/guidelines/<guideline>/facts/extract"): "advice",
    ("POST", "/v1/records/recommendations"): "advice",
    ("GET", "/v1/recommendations/<decision_id>"): "open",
    ("GET", "/v1/guidelines"): "open",
    ("GET", "/v1/guidelines/<guideline>"): "open",
    ("GET", "/v1/guidelines/<guideline>/rules"): "open",
    ("GET", "/v1/guidelines/<guideline>/rules/<rule>"): "open",
    ("GET", "/v1/guidelines/<guideline>/decision-table"): "open",
    ("GET", "/v1/guidelines/<guideline>/source-attributes"): "open",
    ("GET", "/v1/guidelines/<guideline>/hazards"): "open",
    ("GET", "/v1/guidelines/<guideline>/diff"): "open",
    ("GET", "/guidelines/<guideline>/diff"): "open",
    ("GET", "/v1/facts"): "open",
    ("GET", "/v1/guidelines/<guideline>/facts"): "open",
    ("GET", "/v1/citations"): "open",
    ("GET", "/"): "open",
    ("POST", "/"): "open",
    ("GET", "/explore/<decision_id>"): "open",
    ("GET", "/decisions/<decision_id>"): "open",
    ("GET", "/assets/<name>"): "open",
    ("GET", "/v1/studies"): "open",
    ("GET", "/v1/studies/<study>"): "open",
    ("GET", "/v1/evidence"): "open",
    ("GET", "/v1/evidence/<outcome>"): "open",
    ("GET", "/v1/evidence/<outcome>.svg"): "open",
    ("GET", "/v1/evidence/<outcome>.csv"): "open",
    ("GET", "/v1/guidelines/<guideline>/evidence"): "open",
    ("GET", "/v1/guidelines/<guideline>/evidence/<outcome>"): "open",
    ("GET", "/v1/guidelines/<guideline>/evidence/<outcome>.svg"): "open",
    ("GET", "/v1/guidelines/<guideline>/evidence/<outcome>.csv"): "open",
    ("GET", "/v1/guidelines/<guideline>/decision-table.csv"): "open",
    ("GET", "/evidence"): "open",
    ("GET", "/guidelines"): "open",
    ("GET", "/guidelines/<guideline>/evidence"): "open",
    ("GET", "/guidelines/<guideline>/explore"): "open",
    ("POST", "/guidelines/<guideline>/explore"): "open",
    ("GET", "/evidence/studies/<study>"): "open",
    ("GET", "/guidelines/<guideline>"): "open",
    ("GET", "/guidelines/<guideline>/rules/<rule>"): "open",
    ("GET", "/docs"): "open",
    ("GET", "/v1/citations/<source>"): "open",
    ("GET", "/problems/<code>"): "open",
    ("GET", "/cds-services"): "cds",
    ("POST", "/cds-services/<service>"): "cds",
    ("POST", "/cds-services/<service>/feedback"): "cds",
    ("GET", "/v1/feedback/summary"): "feedback",
    ("GET", "/livez"): "open",
    ("GET", "/readyz"): "open",
    ("GET", "/version"): "open",
    ("GET", "/openapi.json"): "open",
    ("GET", "/metrics"): "metrics",
}


def test_every_route_has_the_scope_of_the_contract(app: Flask) -> None:
    found = {
        (method, rule.rule): scope_of(app, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == DECIDED


def test_the_words_for_the_scopes_are_those_of_the_contract() -> None:
    assert SCOPES == ("open", "advice", "cds", "feedback", "metrics")


@pytest.mark.parametrize("said", [None, "", "advise", "everyone"])
def test_a_view_that_nobody_has_decided_on_keeps_the_service_from_starting(
    monkeypatch: pytest.MonkeyPatch, said: str | None
) -> None:
    part = Blueprint("part", __name__)

    def view() -> str:
        return "anyone may read this"

    part.add_url_rule("/part", view_func=view if said is None else scope(said)(view))
    monkeypatch.setattr(service, "batch", types.SimpleNamespace(blueprint=part))
    with pytest.raises(RuntimeError, match=r"part\.view"):
        create_app(Settings(log_level="error"))


# ---- Host names, AUTH=none on loopback


OWN = ["localhost", "127.0.0.1", "[::1]", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST", "LocalHost:80"]
FOREIGN = [
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.localhost",
    "192.168.0.1",
    "0.0.0.0",  # noqa: S104 - a name, not an address to listen on
    "127.0.0.2",
    "[::2]",
    "[::ffff:127.0.0.1]",
    "2130706433",
    "guideline.example",
    "localhost@evil.example",
    "[::1",
    "localhost,evil.example",
]


@pytest.mark.parametrize("host", OWN)
def test_this_machine_s_own_names_are_served(app: Flask, host: str) -> None:
    assert app.test_client().get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_any_other_name_is_misdirected(app: Flask, host: str) -> None:
    is_problem(app.test_client().get("/livez", headers={"Host": host}), 421, "misdirected-request")


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "X-Original-Host", "Forwarded"])
def test_a_forwarded_name_is_not_believed(app: Flask, header: str) -> None:
    value = "host=localhost" if header == "Forwarded" else "localhost"
    client = app.test_client()
    is_problem(client.get("/livez", headers={"Host": "evil.example", header: value}), 421)
    assert (
        client.get(
            "/livez", headers={"Host": "localhost", header: value.replace("localhost", "evil.example")}
        ).status_code
        == 200
    )


def test_every_route_is_closed_to_foreign_names(app: Flask) -> None:
    client = app.test_client()
    for method, rule in DECIDED:
        response = client.open(rule.replace("<", "").replace(">", ""), method=method, headers={"Host": "evil.example"})
        is_problem(response, 421, "misdirected-request")
    is_problem(client.get("/nowhere", headers={"Host": "evil.example"}), 421)


def test_the_host_of_the_public_url_is_served_beside_the_others(elsewhere: Flask) -> None:
    client = elsewhere.test_client()
    for host in ("guideline.example", "guideline.example:443", "GUIDELINE.example", "localhost", "127.0.0.1", "[::1]"):
        assert client.get("/livez", headers={"Host": host}).status_code == 200
    for host in ("other.example", "www.guideline.example", "guideline.example.evil.example"):
        is_problem(client.get("/livez", headers={"Host": host}), 421)


def test_the_host_header_is_in_no_answer(app: Flask) -> None:
    """Links are root-relative or of PUBLIC_URL."""
    client = app.test_client()
    for response in (
        send(client, {}, Host="localhost:4711"),
        client.post(ONE, data="{}", headers={"Host": "localhost:4711"}),
    ):
        assert "4711" not in response.get_data(as_text=True)


def test_a_service_that_is_open_to_the_network_by_intent_is_served_under_any_name_and_says_so() -> None:
    app = create_app(Settings(host="0.0.0.0", auth_stated=True, log_level="error"))  # noqa: S104 - never listened on
    client = app.test_client()
    assert client.get("/livez", headers={"Host": "anything.example"}).status_code == 200
    ready = client.get("/readyz", headers={"Host": "anything.example"}).get_json()
    assert ready["status"] == "degraded"
    assert "AUTH=none" in ready["parts"]["access"]["detail"]


def test_the_start_without_authentication_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    create_app(Settings(log_level="warning"))
    assert "AUTH=none" in capsys.readouterr().err


# ---- AUTH=clients: keys and tokens


SAMPLE = {**SAMPLES, "id": "primary-tumour"}
TOKEN_OF_ALL = client(scopes=["advice", "cds", "feedback", "metrics"])


class Asked(NamedTuple):
    """The application with AUTH=clients, and a key for each scope."""

    app: Flask
    keys: dict[str, str]

    def open(self, method: str, path: str, key: str | None = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.app.test_client().open(path, method=method, headers=headers | more.pop("headers", {}), **more)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    made = {name: new_key(name) for name in (*SCOPES[1:], "nothing", "old", "today")}
    scopes_of = {"nothing": [], "old": ["advice"], "today": ["advice"]}
    ends = {"old": "2026-11-22", "today": "2026-11-23"}
    entries = [
        {"id": name, "hash": kept, "scopes": scopes_of.get(name, [name]), "expires": ends.get(name)}
        for name, (_, kept) in made.items()
    ]
    file = tmp_path_factory.mktemp("clients") / "clients.json"
    others = [client(name="second", iss="https://second.example"), client(name="third", iss="https://third.example")]
    file.write_text(json.dumps({"keys": entries, "clients": [TOKEN_OF_ALL, *others]}))
    app = create_app(
        Settings(clients_file=str(file), auth="clients", replay_guard="local", clock=lambda: NOON, log_level="error")
    )
    return Asked(app, {name: key for name, (key, _) in made.items()})


def path_of(rule: str) -> str:
    return re.sub(r"<(\w+)>", lambda part: SAMPLE[part[1]], rule)


CLOSED = [(method, rule, needed) for (method, rule), needed in DECIDED.items() if needed != "open"]


def test_some_routes_are_closed_and_most_are_open() -> None:
    assert len(CLOSED) >= 4
    assert len(DECIDED) - len(CLOSED) >= 15


@pytest.mark.parametrize(("method", "rule"), [each for each, needed in DECIDED.items() if needed == "open"])
def test_an_open_route_asks_nobody_who_they_are(asked: Asked, method: str, rule: str) -> None:
    for headers in ({}, {"Authorization": "Bearer rubbish"}, {"X-API-Key": "rubbish"}):
        response = asked.open(method, path_of(rule), headers=headers)
        assert response.status_code in {200, 404, 415}  # 415: the form of the explorer, without a form
        assert response.data == asked.open(method, path_of(rule)).data


@pytest.mark.parametrize(("method", "rule", "needed"), CLOSED)
def test_a_closed_route_asks_for_its_scope_and_no_other(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, method: str, rule: str, needed: str
) -> None:
    path = path_of(rule)
    rules = asked.app.url_map.iter_rules()
    endpoint = next(each.endpoint for each in rules if each.rule == rule and method in (each.methods or ()))

    @functools.wraps(asked.app.view_functions[endpoint])  # with its scope
    def reached(**_: str) -> str:
        return "reached"

    monkeypatch.setitem(asked.app.view_functions, endpoint, reached)
    response = asked.open(method, path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Cache-Control"] == "no-store"
    for other in {*SCOPES[1:], "nothing"} - {needed}:
        response = asked.open(method, path, asked.keys[other])
        assert response.status_code == 403
        if not rule.startswith("/cds-services"):
            assert f"scope {needed}" in is_problem(response, 403, "forbidden")["detail"]
    url = f"http://127.0.0.1:8000{path}"
    for good in (asked.keys[needed], token(now=NOON.timestamp(), aud=url)):
        assert asked.open(method, path, good).get_data(as_text=True) == "reached"
    if method == "GET":
        assert asked.open("HEAD", path).status_code == 401
        assert asked.open("HEAD", path, asked.keys[needed]).status_code == 200


@pytest.mark.parametrize(("method", "rule", "needed"), CLOSED)
def test_a_preflight_needs_no_token(asked: Asked, method: str, rule: str, needed: str) -> None:
    del needed
    headers = {"Origin": "https://ehr.example", "Access-Control-Request-Method": method}
    assert asked.open("OPTIONS", path_of(rule), headers=headers).status_code == 200


def test_what_is_not_there_is_not_there_for_everyone(asked: Asked) -> None:
    is_problem(asked.open("GET", "/nowhere"), 404)
    is_problem(asked.open("GET", ONE), 405)


def test_the_host_name_does_not_matter_where_everyone_is_asked(asked: Asked) -> None:
    assert asked.open("GET", "/livez", headers={"Host": "guideline.example"}).status_code == 200


class Unread:
    """A body that nobody may read."""

    def read(self, *_: object) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = readinto = read


@pytest.mark.parametrize("credentials", [None, "rubbish", "nothing"])
def test_nothing_of_the_body_is_read_before_the_caller_is_known(asked: Asked, credentials: str | None) -> None:
    key = asked.keys.get(credentials, credentials) if credentials else None
    for path in (ONE, BATCH, f"/v1/guidelines/{GUIDELINE}/recommendations"):
        environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": "10", "CONTENT_TYPE": "application/json"}
        response = asked.open("POST", path, key, environ_overrides=environ)
        assert response.status_code == (403 if credentials == "nothing" else 401)


REFUSED = {
    "nothing": {},
    "empty": {"Authorization": ""},
    "Bearer alone": {"Authorization": "Bearer"},
    "Bearer and a space": {"Authorization": "Bearer "},
    "Basic": {"Authorization": "Basic dXNlcjpwYXNz"},
    "Basic with a key": {"Authorization": "Basic {advice}"},
    "Digest": {"Authorization": 'Digest username="a"'},
    "garbage": {"Authorization": "Bearer garbage"},
    "no scheme": {"Authorization": "ogs_advice_x"},
    "bytes": {"Authorization": "Bearer \xff\xfe"},
    "unknown key": {"Authorization": "Bearer ogs_nobody_x"},
    "wrong secret": {"Authorization": "Bearer ogs_advice_x"},
    "wrong secret, other header": {"X-API-Key": "ogs_advice_x"},
    "token in the key's header": {"X-API-Key": "{token}"},
    "both": {"Authorization": "Bearer {advice}", "X-API-Key": "{advice}"},
    "two in one": {"Authorization": "Bearer {advice}, Bearer {advice}"},
    "expired key": {"Authorization": "Bearer {old}"},
    "alg none": {"Authorization": "Bearer {none}"},
    "another's audience": {"Authorization": "Bearer {aud}"},
    "unknown issuer": {"Authorization": "Bearer {iss}"},
    "unknown key of a known issuer": {"Authorization": "Bearer {kid}"},
    "wrong signature": {"Authorization": "Bearer {signature}"},
    "huge": {"Authorization": "Bearer {huge}"},
}


def made_of(asked: Asked, text: str) -> str:
    now = NOON.timestamp()
    made = {
        **asked.keys,
        "token": token(now=now),
        "none": f"{b64({'alg': 'none', 'typ': 'JWT', 'kid': 'first'})}.{b64(claims(now))}.",
        "aud": token(now=now, aud="x"),
        "iss": token(now=now, iss="https://evil.example"),
        "kid": token(now=now, name="thief"),
        "signature": signed(claims(now), name="thief", kid="first"),
        "huge": "A" * 500_000,
    }
    return text.format(**made)


def test_every_refusal_is_the_same_answer(asked: Asked) -> None:
    """Whoever guesses learns nothing."""
    seen = set()
    for name, headers in REFUSED.items():
        sent = {header: made_of(asked, value) for header, value in headers.items()}
        response = asked.open("POST", ONE, headers=sent, json={})
        is_problem(response, 401, "unauthorised")
        kept = [pair for pair in response.headers if pair[0] != "X-Request-ID"]
        seen.add((response.data, str(sorted(kept))))
        assert len(seen) == 1, name


def test_a_key_is_taken_from_either_header_and_to_the_end_of_its_last_day(asked: Asked) -> None:
    for headers in (
        {"Authorization": f"Bearer {asked.keys['advice']}"},
        {"Authorization": f"bearer {asked.keys['today']}"},
        {"X-API-Key": asked.keys["advice"]},
    ):
        assert asked.open("POST", ONE, headers=headers, json={}).status_code == 200


def test_a_token_is_taken_once_and_a_key_often(asked: Asked) -> None:
    once = token(now=NOON.timestamp())
    assert asked.open("POST", ONE, once, json={}).status_code == 200
    assert asked.open("POST", ONE, once, json={}).status_code == 401
    for _ in range(3):
        assert asked.open("POST", ONE, asked.keys["advice"], json={}).status_code == 200


def test_the_audience_is_the_public_address_without_the_query_and_whatever_the_host_header_says(asked: Asked) -> None:
    now = NOON.timestamp()
    for headers in ({}, {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
        assert asked.open("POST", f"{ONE}?view=row", token(now=now), json={}, headers=headers).status_code == 200
        bad = token(now=now, aud=f"http://evil.example{ONE}")
        assert asked.open("POST", ONE, bad, json={}, headers=headers).status_code == 401


def test_a_client_without_scopes_in_its_entry_may_call_the_hooks_only(asked: Asked) -> None:
    text = token(now=NOON.timestamp(), name="second", iss="https://second.example")
    is_problem(asked.open("POST", ONE, text, json={}), 403, "forbidden")


def test_a_token_whose_replay_cannot_be_told_is_unavailable_not_refused(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> bool:
        raise GuardClosedError("no server")

    monkeypatch.setattr("service.security.replay.LocalGuard.first", closed)
    response = asked.open("POST", ONE, token(now=NOON.timestamp()), json={})
    is_problem(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert asked.open("POST", ONE, token(now=NOON.timestamp(), aud="x"), json={}).status_code == 401
    assert asked.open("POST", ONE, asked.keys["advice"], json={}).status_code == 200


def test_an_emergency_does_not_open_the_door(asked: Asked) -> None:
    is_problem(asked.open("POST", ONE, json={"complications": ["sepsis_signs"]}), 401)


def test_ready_says_who_is_asked_and_what_for(asked: Asked) -> None:
    parts = asked.open("GET", "/readyz").get_json()["parts"]
    assert parts["access"]["status"] == "ok"
    assert parts["access"]["detail"] == (
        "a key or token is needed, but not for health, knowledge, pages, whose explorer answers, "
        "permalinks, which answer again"
    )
    assert parts["clients"] == parts["replay_guard"] == parts["cache"] == parts["state"] == {"status": "ok"}


def test_ready_tells_strangers_how_it_is_but_not_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many may call, and what is wrong with the file that names them, is the operator's; it is in the log."""
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"clients": [TOKEN_OF_ALL]}))
    app = create_app(Settings(clients_file=str(file), auth="clients", log_level="warning"))
    parts = app.test_client().get("/readyz").get_json()["parts"]
    assert parts["replay_guard"] == {"status": "degraded"}
    assert "REDIS_STATE_URL is not set" in capsys.readouterr().err


def test_ready_tries_the_replay_guard_once_a_second_at_most(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is open, and each try writes to the state server's disk."""
    tried: list[int] = []
    asker = asked.app.config["AUTHENTICATOR"]
    monkeypatch.setattr(asker._guard, "fault", lambda: tried.append(1) or "")
    monkeypatch.setattr("service.security.authenticator.PROBE_SECONDS", 3600.0)
    asker._next_probe = float("-inf")
    for _ in range(5):
        asked.open("GET", "/readyz")
    assert len(tried) == 1
    asker._next_probe = float("-inf")
    asked.open("GET", "/readyz")
    assert len(tried) == 2
    asker._next_probe = float("-inf")


def test_a_permalink_tells_strangers_not_whether_it_was_asked_before(asked: Asked) -> None:
    posted = asked.open("POST", ONE, asked.keys["advice"], json={})
    assert asked.open("POST", ONE, asked.keys["advice"], json={}).headers["Cache-Status"] == "near; hit"
    link = posted.get_json()["links"]["self"]
    for query in ("", "?view=row"):
        assert "Cache-Status" not in asked.open("GET", f"{link}{query}").headers


# ---- PAGES=off, PERMALINKS=clients: nothing is computed without a key


@pytest.fixture(scope="module")
def closed(asked: Asked) -> Asked:
    stated = asked.app.config["SETTINGS"]
    return Asked(create_app(dataclasses.replace(stated, pages=True, permalinks="clients")), asked.keys)


def test_a_permalink_and_what_else_answers_a_decision_id_can_need_a_key(closed: Asked) -> None:
    link = closed.open("POST", ONE, closed.keys["advice"], json={}).get_json()["links"]["self"]
    name = link.rsplit("/", 1)[1]
    paths = (link, f"{link}?view=row", f"/decisions/{name}", f"/explore/{name}", f"/evidence?decision={name}")
    for path in paths:
        is_problem(closed.open("GET", path), 401, "unauthorised")
        is_problem(closed.open("GET", path, closed.keys["metrics"]), 403, "forbidden")
        assert closed.open("GET", path, closed.keys["advice"]).status_code == 200
        assert closed.open("HEAD", path).status_code == 401
    for path in ("/evidence", "/", "/v1/facts", "/guidelines"):
        assert closed.open("GET", path).status_code == 200


def test_the_contract_of_closed_permalinks_says_so(closed: Asked) -> None:
    operation = contract(closed.app)["paths"]["/v1/recommendations/{decision_id}"]["get"]
    assert operation["security"] == [{"token": ["advice"]}, {"key": ["advice"]}]
    assert {"401", "403"} <= set(operation["responses"])


def test_with_pages_off_and_permalinks_closed_nothing_answers_without_a_key(asked: Asked) -> None:
    stated = dataclasses.replace(asked.app.config["SETTINGS"], pages=False, permalinks="clients")
    shut = Asked(create_app(stated), asked.keys)
    assert shut.open("GET", "/readyz").get_json()["parts"]["access"] == {
        "status": "ok",
        "detail": "a key or token is needed, but not for health, knowledge",
    }
    assert shut.open("POST", "/", data={}).status_code == 404
    rules = {rule.rule for rule in shut.app.url_map.iter_rules() if scope_of(shut.app, rule.endpoint) == "open"}
    assert not any("decision_id" in rule or "recommendations" in rule or "explore" in rule for rule in rules - {BATCH})


def test_readme_ready_and_the_settings_say_the_same_of_what_needs_no_key(asked: Asked) -> None:
    section = (ROOT / "README.md").read_text().split("## Who may call")[1].split("\n## ")[0]
    said = asked.open("GET", "/readyz").get_json()["parts"]["access"]["detail"]
    for word in ("health", "knowledge", "pages", "explorer", "permalinks"):
        assert word in said
        assert word in section
    assert "`PAGES=off`" in section
    assert "`PERMALINKS=clients`" in section


@pytest.mark.parametrize("path", ["//metrics", "///metrics", "//v1/facts", "//", "//livez"])
def test_a_path_with_more_slashes_is_no_other_name_of_a_route(server: Server, path: str) -> None:
    """Found by attack: a proxy that keeps strangers from /metrics let them have //metrics."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"/problems/not-found" in answer


def test_ready_stays_200_without_a_state_server_and_says_what_that_means(tmp_path: Path) -> None:
    file = tmp_path / "clients.json"
    for entries, status in ({"clients": [TOKEN_OF_ALL]}, "degraded"), ({}, "ok"):
        file.write_text(json.dumps(entries))
        app = create_app(Settings(clients_file=str(file), auth="clients", log_level="error"))
        response = app.test_client().get("/readyz")
        assert response.status_code == 200
        guard = response.get_json()["parts"]["replay_guard"]
        assert guard["status"] == status
    assert "503" not in str(guard)


def test_a_broken_or_missing_file_keeps_the_service_from_starting_and_says_where(tmp_path: Path) -> None:
    file = tmp_path / "clients.json"
    with pytest.raises(SettingsError, match=r"clients\.json: /: No such file"):
        create_app(Settings(clients_file=str(file), auth="clients", log_level="error"))
    file.write_text('{"clients": [{"iss": "a"}]}')
    with pytest.raises(SettingsError, match=r"clients\.json: /clients/0/jwks: "):
        create_app(Settings(clients_file=str(file), auth="clients", log_level="error"))


def test_auth_none_wins_over_a_file(tmp_path: Path) -> None:
    """It is written out, and said in the log and in /readyz."""
    app = create_app(Settings(clients_file=str(tmp_path / "none"), auth="none", auth_stated=True, log_level="error"))
    assert app.test_client().post(ONE, json={}).status_code == 200


def test_the_contract_names_the_scope_of_every_closed_route_and_of_no_other(app: Flask) -> None:
    document = contract(app)
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["components"]["securitySchemes"]["key"]["name"] == "X-API-Key"
    for (method, rule), needed in DECIDED.items():
        operation = document["paths"][re.sub(r"<(\w+)>", r"{\1}", rule)][method.lower()]
        if needed == "open":
            assert "security" not in operation
            assert "401" not in operation["responses"]
        else:
            assert operation["security"] == [{"token": [needed]}, {"key": [needed]}]
            assert {"401", "403", "503"} <= set(operation["responses"])
