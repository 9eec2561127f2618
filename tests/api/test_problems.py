"""Every error is application/problem+json of one shape, and tells nothing about the inside or the patient."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from service.api.problems import KINDS
from service.facts.identifier import write
from tests.api.asking import BATCH, NDJSON, ONE, RESPONDER, contract, is_problem, is_problem_body, named, send
from tests.conftest import GUIDELINE, Server

OF_THOSE_WHO_ARE_ASKED = {"unauthorised"}
"""Only with AUTH=clients: see test_access.py."""
CANARY = "Rosalind-4711"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FROBNICATE")
SAMPLES = {
    "guideline": GUIDELINE,
    "decision_id": "1_x",
    "rule": "R01",
    "source": "BADWE15",
    "study": "jcog1017",
    "name": "page.css",
    "outcome": "overall-survival",
    "code": "not-found",
    "service": "mbc-primary-lrt-patient-view",
}


def paths(app: Flask) -> dict[str, set[str]]:
    """A path of each route, and the methods that some route takes there."""
    adapter = app.url_map.bind("localhost")
    found = {sample(rule.rule) for rule in app.url_map.iter_rules()}
    return {path: set(adapter.allowed_methods(path)) for path in found}


def sample(rule: str) -> str:
    """A path of this route."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: SAMPLES[part[1]], rule)


def one_of_each(client: FlaskClient) -> dict[str, tuple[int, Any]]:
    """A request for each kind of problem that a caller can bring about, with the status of API.md."""
    gone = write(GUIDELINE, "2019-01-01", "0")
    return {
        "empty-body": (400, lambda: send(client, b"")),
        "unreadable-body": (400, lambda: send(client, b"{")),
        "bad-request": (400, lambda: send(client, {}, f"{ONE}?view=fancy")),
        "forbidden": (403, lambda: client.post("/", headers={"Sec-Fetch-Site": "cross-site"})),
        "not-found": (404, lambda: client.get("/nowhere")),
        "method-not-allowed": (405, lambda: client.get(ONE)),
        "not-acceptable": (
            406,
            lambda: client.get(f"/v1/guidelines/{GUIDELINE}/decision-table", headers={"Accept": "image/png"}),
        ),
        "gone": (410, lambda: client.get(f"{ONE}/{gone}")),
        "body-too-large": (413, lambda: send(client, b" " * 2_000_000)),
        "unsupported-media-type": (415, lambda: client.post(ONE, data="{}")),
        "misdirected-request": (421, lambda: client.get("/livez", headers={"Host": "evil.example"})),
        "refused-facts": (422, lambda: send(client, {"hat": 1})),
        "unavailable": (503, lambda: client.get("/v1/feedback/summary")),
    }


# ---- one shape


def test_each_kind_of_problem_has_the_one_shape_and_fits_the_published_schema(client: FlaskClient, app: Flask) -> None:
    schema = named(contract(app), "Problem")
    for code, (status, ask) in one_of_each(client).items():
        response = ask()
        schema.validate(is_problem(response, status, code))
        assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", response.headers["X-Request-ID"])
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_no_kind_is_left_out_above_but_those_that_the_server_brings_about(client: FlaskClient) -> None:
    on_cds_hooks_routes = {"missing-data"}
    by_the_server = {"request-timeout", "internal-error", "too-many-requests", "overloaded"}  # test_limits.py
    left = set(KINDS) - set(one_of_each(client)) - set(OF_THOSE_WHO_ARE_ASKED)
    assert left == by_the_server | on_cds_hooks_routes


@pytest.mark.parametrize("code", KINDS)
def test_each_kind_has_a_page_that_explains_it(client: FlaskClient, code: str) -> None:
    response = client.get(f"/problems/{code}")
    page = response.get_json()
    assert response.status_code == 200
    assert (page["type"], page["title"], page["status"]) == (f"/problems/{code}", KINDS[code].title, KINDS[code].status)
    assert page["cause"]
    assert page["cure"]


def test_the_type_of_a_problem_leads_to_its_page(client: FlaskClient) -> None:
    for status, ask in one_of_each(client).values():
        problem = ask().get_json()
        page = client.get(problem["type"]).get_json()
        assert (page["title"], page["status"]) == (problem["title"], status)


def test_an_unknown_kind_has_no_page(client: FlaskClient) -> None:
    is_problem(client.get("/problems/nothing"), 404, "not-found")


# ---- every route


def test_every_route_refuses_other_methods_and_names_its_own(app: Flask, client: FlaskClient) -> None:
    found = paths(app)
    assert len(found) >= 15
    for path, allowed in found.items():
        for method in set(METHODS) - allowed:
            response = client.open(path, method=method, data=b"{}", content_type="application/json")
            is_problem(response, 405, "method-not-allowed")
            assert set(response.headers["Allow"].split(", ")) == allowed, (method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1",
        "/v1/",
        "/v1/recommendation",
        "/v2/recommendations",
        "/v1//recommendations",
        "/.git/config",
        "/static/x.js",
        "/%00",
        "/%ED%A0%80",
        "/" + "a" * 3000,
        "/%3Cscript%3E",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_unknown_path_is_not_found_by_any_method(client: FlaskClient, path: str, method: str) -> None:
    is_problem(client.open(path, method=method), 404, "not-found")


def test_every_route_with_a_slash_behind_it_is_not_found_and_not_redirected(app: Flask, client: FlaskClient) -> None:
    for path, allowed in paths(app).items():
        for method in allowed - {"OPTIONS", "HEAD"} if path != "/" else ():
            is_problem(client.open(f"{path}/", method=method), 404, "not-found")


def test_every_route_with_an_unknown_name_in_it_is_not_found(app: Flask, client: FlaskClient) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.arguments]
    assert len(rules) >= 7
    for rule in rules:
        path = re.sub(r"<(?:\w+:)?\w+>", "no-such-thing", rule.rule)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            response = client.open(path, method=method, data=b"{}", content_type="application/json")
            is_problem(response, 404, "not-found")


def test_nothing_but_a_page_is_ever_html(app: Flask, client: FlaskClient) -> None:
    views = {name for name, view in app.view_functions.items() if view.__module__.startswith("service.web.")}
    pages = {sample(rule.rule) for rule in app.url_map.iter_rules() if rule.endpoint in views}
    responses = [ask() for _, ask in one_of_each(client).values()]
    for path in (*paths(app), "/nowhere"):
        responses += [
            client.open(path, method=method, headers={"Accept": "text/html"})
            for method in (*METHODS, "OPTIONS", "HEAD")
        ]
    for response in responses:
        assert response.status_code < 500 or response.request.path == "/v1/feedback/summary"
        if response.status_code == 200 and response.request.path in pages:
            continue
        assert "html" not in response.headers.get("Content-Type", ""), (response.request.method, response.request.path)
        assert b"<html" not in response.data.lower()


def test_the_server_itself_answers_in_the_same_way(server: Server) -> None:
    for path, status in (("/nowhere", 404), (ONE, 405)):
        got, headers, body = server.get(path)
        assert got == status
        assert headers["content-type"] == "application/problem+json"
        is_problem_body(json.loads(body), status)


def test_an_id_is_not_repeated_in_the_problem_about_it(client: FlaskClient) -> None:
    """It holds facts."""
    decision = send(client, RESPONDER).headers["Decision-Id"]
    response = client.get(f"{ONE}/{decision[:-1]}~")
    assert decision[:40] not in json.dumps(is_problem(response, 404))


# ---- when the service itself fails


class LeakyError(RuntimeError):
    """Its message repeats what the caller sent."""


def broken(*_: object, **__: object) -> None:
    raise LeakyError(f"cannot work with {CANARY}")


@pytest.mark.parametrize(
    "endpoint",
    ["recommendations.recommend", "recommendations.recall", "batch.batch", "guidelines.facts", "operations.openapi"],
)
def test_a_view_that_fails_tells_neither_the_caller_nor_the_log_about_the_patient(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setitem(app.view_functions, endpoint, broken)
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    path = rule.rule.replace("<decision_id>", CANARY)
    method = "POST" if "POST" in (rule.methods or ()) else "GET"
    with capture_logs() as lines:
        response = client.open(
            f"{path}?view={CANARY}", method=method, data=json.dumps({"hat": CANARY}), content_type="application/json",
            headers={"User-Agent": CANARY, "Authorization": CANARY, "Cookie": f"a={CANARY}"},
        )  # fmt: skip
    problem = is_problem(response, 500, "internal-error")
    assert CANARY not in json.dumps(problem)
    assert "LeakyError" not in json.dumps(problem)
    assert "Traceback" not in response.get_data(as_text=True)
    errors = [line for line in lines if line["log_level"] == "error"]
    assert [line["error"] for line in errors] == ["LeakyError"]
    assert any("test_problems.py" in place for place in errors[0]["places"])
    assert CANARY not in repr(lines)


def test_an_error_deep_inside_the_advice_is_a_problem_too(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.advice.question.decide", broken)
    for response in (send(client, RESPONDER), send(client, {"hat": 1}), send(client, [RESPONDER], BATCH)):
        assert CANARY not in json.dumps(is_problem(response, 500, "internal-error"))


def test_an_answer_that_cannot_be_written_is_a_problem_too(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.view_functions, "guidelines.citations", object)
    is_problem(client.get("/v1/citations"), 500, "internal-error")


def test_a_failing_request_does_not_disturb_the_next(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = send(client, RESPONDER).data
    with monkeypatch.context() as broken_for_now:
        broken_for_now.setattr("service.advice.question.decide", broken)
        assert send(client, RESPONDER).status_code == 500
    assert send(client, RESPONDER).data == before


def test_a_problem_of_one_line_in_a_batch_has_the_same_shape(client: FlaskClient) -> None:
    lines = send(client, b'{"hat": 1}\n{\n', BATCH, NDJSON).get_data(as_text=True).splitlines()
    first, second = (json.loads(line) for line in lines)
    is_problem_body(first["problem"], 422, "refused-facts")
    is_problem_body(second["problem"], 400, "unreadable-body")


def test_a_problem_says_that_it_is_one_whatever_the_method(client: FlaskClient) -> None:
    is_problem(client.options("/nowhere"), 404, "not-found")
