"""Who may call what: every route against the table of API.md, and the names that are served without tokens."""

import types

import pytest
from flask import Blueprint, Flask

import service
from service import create_app
from service.api.access import SCOPES, scope, scope_of
from service.settings import Settings
from tests.api.asking import ONE, is_problem, send

# Typed from API.md, "Who may call what". A route that is not here has not been decided on.
DECIDED = {
    ("POST", "/v1/recommendations"): "advice",
    ("POST", "/v1/recommendations/batch"): "advice",
    ("POST", "/v1/guidelines/<guideline>/recommendations"): "advice",
    ("GET", "/v1/recommendations/<decision_id>"): "open",
    ("GET", "/v1/guidelines"): "open",
    ("GET", "/v1/guidelines/<guideline>"): "open",
    ("GET", "/v1/guidelines/<guideline>/rules"): "open",
    ("GET", "/v1/guidelines/<guideline>/rules/<rule>"): "open",
    ("GET", "/v1/guidelines/<guideline>/decision-table"): "open",
    ("GET", "/v1/guidelines/<guideline>/source-attributes"): "open",
    ("GET", "/v1/guidelines/<guideline>/hazards"): "open",
    ("GET", "/v1/facts"): "open",
    ("GET", "/v1/citations"): "open",
    ("GET", "/decisions/<decision_id>"): "open",
    ("GET", "/assets/<name>"): "open",
    ("GET", "/v1/studies"): "open",
    ("GET", "/v1/studies/<study>"): "open",
    ("GET", "/v1/evidence/<outcome>"): "open",
    ("GET", "/v1/citations/<source>"): "open",
    ("GET", "/problems/<code>"): "open",
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
