"""Pages of the listed origins may call: every route, method and status; any other page never."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import create_app
from service.settings import Settings
from tests.api.asking import ONE, RESPONDER
from tests.conftest import NOON

EHR, LOCAL, SIX = "https://ehr.example", "http://localhost:3000", "http://[::1]:8080"
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings(cors_origins=(EHR, LOCAL, SIX), clock=lambda: NOON, log_level="error"))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


ASKED = [
    ("GET", "/livez", 200),
    ("HEAD", "/livez", 200),
    ("POST", ONE, 200),
    ("GET", "/nowhere", 404),
    ("GET", ONE, 405),
    ("DELETE", ONE, 405),
    ("GET", f"{ONE}/1_x", 404),
    ("GET", "/livez", 421),
]


@pytest.mark.parametrize("origin", [EHR, LOCAL, SIX])
@pytest.mark.parametrize(("method", "path", "status"), ASKED)
def test_a_listed_origin_may_read_every_answer(
    client: FlaskClient, origin: str, method: str, path: str, status: int
) -> None:
    headers = {"Origin": origin} | ({"Host": "evil.example"} if status == 421 else {})
    response = client.open(path, method=method, headers=headers, json=RESPONDER if method == "POST" else None)
    assert response.status_code == status
    assert response.headers.getlist(ALLOWED) == [origin]
    assert "Origin" in response.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in response.headers
    exposed = set(response.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed == {"Decision-Id", "ETag", "Guideline-Release", "X-Request-ID", "Retry-After"}


def test_a_failing_view_may_be_read_too(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.view_functions, "guidelines.citations", object)
    response = client.get("/v1/citations", headers={"Origin": EHR})
    assert (response.status_code, response.headers[ALLOWED]) == (500, EHR)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://ehr.example",
        "https://ehr.example:8443",
        "https://ehr.example.evil.example",
        "https://ehr.examplee",
        "https://ehrxexample",
        "https://EHR.example",
        "https://ehr.example/",
        "https://ehr.example\n",
        "https://sub.ehr.example",
        "http://localhost:30000",
        "http://localhost",
        "http://1:8080",
        "http://[::1]:80801",
        "null",
        "*",
        "",
    ],
)
@pytest.mark.parametrize(("method", "path", "status"), ASKED[:4])
def test_any_other_origin_may_read_nothing(
    client: FlaskClient, origin: str, method: str, path: str, status: int
) -> None:
    del status
    environ = {"HTTP_ORIGIN": origin}
    response = client.open(path, method=method, environ_overrides=environ, json=RESPONDER if method == "POST" else None)
    assert not [name for name in response.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118 - of pairs
    assert "Origin" in response.headers["Vary"], "or a cache would hand this answer to a listed origin"


def test_without_an_origin_none_is_named(client: FlaskClient) -> None:
    response = client.get("/livez")
    assert ALLOWED not in response.headers
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("path", [ONE, "/livez", f"{ONE}/batch"])
def test_a_preflight_is_answered(client: FlaskClient, path: str) -> None:
    response = client.options(
        path,
        headers={
            "Origin": EHR,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-secret",
        },
    )
    assert response.status_code == 200
    assert response.headers[ALLOWED] == EHR
    assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert response.headers["Access-Control-Max-Age"] == "600"


def test_a_preflight_of_another_origin_allows_nothing(client: FlaskClient) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = client.options(ONE, headers=headers)
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


def test_with_no_origin_listed_nobody_is_named() -> None:
    client = create_app(Settings(log_level="error")).test_client()
    response = client.get("/livez", headers={"Origin": EHR})
    assert ALLOWED not in response.headers
    assert "Origin" not in response.headers.get("Vary", "")
