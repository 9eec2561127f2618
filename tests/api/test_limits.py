"""Rate limit and overload: who is refused and how; emergencies, health and figures are answered all the same."""

import io
import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from werkzeug.test import TestResponse

from service import create_app
from service.advice.question import Answer, Questioner
from service.advice.render import VIEWS
from service.api.batch import ANSWER_BYTES
from service.api.limits import SMALL, Limits
from service.knowledge.library import Library
from service.security.keys import new_key
from service.security.overload import Memory, Streams, Work
from service.security.rate import Limiter, Requester
from service.settings import Settings
from tests.api.asking import (
    BATCH,
    BODIES,
    JSON,
    NDJSON,
    ONE,
    RESPONDER,
    SEPSIS,
    is_outcome,
    is_problem,
    is_problem_body,
    send,
)
from tests.api.test_access import DECIDED, path_of
from tests.cds_hooks.hooks import ADDRESS, BREAST_CANCER, EMERGENCY, M1, SERVICES, call, found, record
from tests.conftest import GUIDELINE, NOON, RedisServer, Server
from tests.security import signing
from tests.strategies import EMERGENCIES, FEW, TODAY, bodies

HOOK = f"{ADDRESS}{SERVICES['patient-view']}"
GENERAL = f"/v1/guidelines/{GUIDELINE}/recommendations"
RATE, LOAD = "too-many-requests", "overloaded"
STATUS = {RATE: 429, LOAD: 503}

CHUNKED = {"Transfer-Encoding": "chunked"}
FORM = "application/x-www-form-urlencoded"
FORMS = {"/", "/guidelines/<guideline>/explore"}


def too_often(_: Flask) -> Limits:
    limiter = Limiter(1, 3600, b"secret", now=lambda: 1_800_000_000.0)
    for requester in (Requester("127.0.0.1", is_known=False), Requester("key all", is_known=True)):
        assert limiter.hit(requester) == 0
    return Limits(Work(32), Streams(32), limiter, 0)


def too_much(_: Flask) -> Limits:
    times = itertools.chain([0.0], itertools.repeat(100.0))
    work = Work(1, lambda: next(times))
    work.begin()
    return Limits(work, Streams(32), None, 0)


@pytest.fixture(params=[RATE, LOAD])
def refusing(request: pytest.FixtureRequest, app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shared application, which refuses everybody; why."""
    monkeypatch.setitem(app.config, "LIMITS", (too_often if request.param == RATE else too_much)(app))
    return request.param


def refused(response: TestResponse, why: str) -> dict[str, Any]:
    assert 1 <= int(response.headers["Retry-After"]) <= 7200
    return is_problem(response, STATUS[why], why)


def emergency(response: TestResponse) -> None:
    assert response.status_code == 200, response.get_data(as_text=True)
    assert "EMERGENCY_PATHWAY" in response.get_data(as_text=True)


def test_of_a_stream_that_is_refused_emergencies_are_answered(client: FlaskClient, refusing: str) -> None:
    lines = "\n".join(json.dumps(facts) for facts in (RESPONDER, SEPSIS, RESPONDER))
    response = client.post(BATCH, data=lines, content_type=NDJSON, headers={"Transfer-Encoding": "chunked"})
    one, other, last = map(json.loads, response.get_data().splitlines())
    assert [one["status"], last["status"]] == [STATUS[refusing]] * 2
    assert one["problem"]["type"].endswith(refusing)
    assert other["answer"]["code"] == "EMERGENCY_PATHWAY"


def test_of_a_stream_that_is_refused_no_more_is_read_than_is_searched(client: FlaskClient, refusing: str) -> None:
    lines = "{}\n" * SMALL
    response = client.post(BATCH, data=lines, content_type=NDJSON, headers={"Transfer-Encoding": "chunked"})
    found = [json.loads(line)["status"] for line in response.get_data().splitlines()]
    assert set(found) == {STATUS[refusing]}
    assert len(found) < SMALL


# ---- who is refused


ALWAYS = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics")}


def test_every_route_is_limited_but_health_and_figures(client: FlaskClient, refusing: str) -> None:
    for method, rule in DECIDED:
        sent = {"data": "", "content_type": FORM} if rule in FORMS else {"data": "{}", "content_type": JSON}
        body = sent if method == "POST" else {}
        response = client.open(path_of(rule), method=method, **body)
        if (method, rule) in ALWAYS:
            assert response.status_code == 200
        else:
            refused(response, refusing)
        assert client.open(path_of(rule), method="OPTIONS").status_code == 200, "a preflight does nothing"
    assert client.get("/nowhere").status_code == 404


def test_on_cds_hooks_routes_it_is_an_operation_outcome(client: FlaskClient, refusing: str) -> None:
    outcome = is_outcome(send(client, call(prefetch=record(BREAST_CANCER, M1)), HOOK), STATUS[refusing])
    assert outcome["issue"][0]["code"] == {RATE: "throttled", LOAD: "transient"}[refusing]


# ---- an emergency is answered


@pytest.mark.parametrize("path", [ONE, GENERAL, f"{ONE}?view=row"])
@pytest.mark.parametrize("name", ["an emergency", "an emergency among contradictions", "an emergency beside rubbish"])
def test_an_emergency_is_answered_as_ever(client: FlaskClient, app: Flask, refusing: str, path: str, name: str) -> None:
    response = send(client, BODIES[name], path)
    emergency(response)
    assert refusing
    app.config["LIMITS"] = Limits(Work(32), Streams(32), None, 0)
    assert response.data == send(client, BODIES[name], path).data


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"complications": "none"}', b"\xff", b"NaN"])
def test_what_is_no_emergency_is_refused_whatever_is_wrong_with_it(
    client: FlaskClient, refusing: str, body: bytes
) -> None:
    for path in (ONE, BATCH, "/v1/facts/extract", HOOK, f"{HOOK}/feedback"):
        refused_or_outcome = send(client, body, path)
        assert refused_or_outcome.status_code == STATUS[refusing]


@pytest.mark.parametrize("media", [JSON, NDJSON])
def test_of_a_batch_with_an_emergency_that_is_answered_and_the_others_are_refused(
    client: FlaskClient, refusing: str, media: str
) -> None:
    """Found by attack: one emergency in each batch switched limit and shedding off for all others in it."""
    response = send(client, batch_of(media, RESPONDER, SEPSIS, {"hat": 1}, SEPSIS | {"hat": 1}, {}), BATCH, media)
    assert response.status_code == 200
    assert 1 <= int(response.headers["Retry-After"]) <= 7200
    items = response.get_json() if media == JSON else [json.loads(line) for line in response.data.splitlines()]
    assert [item["index"] for item in items] == [0, 1, 2, 3, 4]
    assert [item["status"] for item in items] == [STATUS[refusing], 200, STATUS[refusing], 200, STATUS[refusing]]
    for item in items:
        if item["status"] == 200:
            assert item["answer"]["code"] == "EMERGENCY_PATHWAY"
        else:
            is_problem_body(item["problem"], STATUS[refusing], refusing)


@pytest.mark.parametrize("media", [JSON, NDJSON])
def test_a_batch_without_an_emergency_is_refused_as_a_whole(client: FlaskClient, refusing: str, media: str) -> None:
    refused(send(client, batch_of(media, RESPONDER, {}), BATCH, media), refusing)
    refused(send(client, batch_of(media, *[{}] * 1000, SEPSIS), BATCH, media), refusing)


def batch_of(media: str, *patients: Any) -> str:
    lines = [json.dumps(each) for each in patients]
    return "\n".join(lines) if media == NDJSON else f"[{','.join(lines)}]"


def test_a_call_whose_prefetch_amounts_to_an_emergency_gets_its_card(
    client: FlaskClient, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = call(prefetch=record(BREAST_CANCER, M1))
    is_outcome(send(client, body, HOOK), STATUS[refusing])
    found(monkeypatch, EMERGENCY)
    response = send(client, body, HOOK)
    assert response.status_code == 200, response.get_data(as_text=True)
    (card,) = response.get_json()["cards"]
    assert card["indicator"] == "critical"
    del body["hookInstance"]
    is_outcome(send(client, body, HOOK), STATUS[refusing])


def test_only_a_small_body_is_searched(client: FlaskClient, refusing: str) -> None:
    small = json.dumps(SEPSIS)
    emergency(send(client, small.ljust(SMALL)))
    refused(send(client, small.ljust(SMALL + 1)), refusing)
    chunked = {"path": ONE, "content_type": JSON, "environ_overrides": {"wsgi.input_terminated": True}}
    for length in (SMALL, SMALL + 1, 500_000):
        response = client.post(**chunked, input_stream=io.BytesIO(small.ljust(length).encode()), content_length=None)
        if length == SMALL:
            emergency(response)
        else:
            refused(response, refusing)


def test_a_wrong_content_type_stays_an_error_that_says_so(client: FlaskClient, refusing: str) -> None:
    assert client.post(ONE, data=json.dumps(SEPSIS)).status_code == 415
    assert refusing


@FEW
@given(bodies)
def test_the_search_finds_every_emergency_that_is_answered_as_one(body: Any) -> None:
    asked = QUESTIONER[0].ask(body, TODAY)
    if isinstance(asked, Answer):
        assert QUESTIONER[0].emergency_in(body, TODAY) >= asked.advice.decision.emergency


@pytest.mark.parametrize(("member", "value"), EMERGENCIES)
def test_the_search_finds_each_criterion(member: str, value: Any) -> None:
    assert QUESTIONER[0].emergency_in({member: value}, TODAY)
    assert not QUESTIONER[0].emergency_in(RESPONDER, TODAY)


QUESTIONER: list[Questioner] = []


@pytest.fixture(autouse=True, scope="module")
def _questioner(app: Flask) -> None:
    QUESTIONER.append(app.config["KNOWLEDGE"].newest(GUIDELINE))


# ---- whose requests are counted together


def limited(**more: Any) -> Flask:
    return create_app(Settings(clock=lambda: NOON, log_level="error", rate_limit="2/hour", **more))


def statuses(client: FlaskClient, times: int, **headers: str) -> list[int]:
    return [send(client, {}, f"{ONE}?view=row", **headers).status_code for _ in range(times)]


def test_without_a_limit_nobody_is_counted(client: FlaskClient) -> None:
    assert set(statuses(client, 50)) == {200}


def test_those_who_are_not_asked_who_they_are_are_told_apart_by_address() -> None:
    client = limited().test_client()
    assert statuses(client, 4) == [200, 200, 429, 429]
    assert statuses(client, 1, X_Forwarded_For="203.0.113.7") == [429], "no proxy is believed"
    other = client.post(ONE, json={}, environ_base={"REMOTE_ADDR": "127.0.0.2"})
    assert other.status_code == 200


def test_a_believed_proxy_tells_them_apart() -> None:
    client = limited(proxy_hops=1).test_client()
    for caller in ("203.0.113.7", "203.0.113.8"):
        assert statuses(client, 3, X_Forwarded_For=f"1.2.3.4, {caller}") == [200, 200, 429]
    assert statuses(client, 1, X_Forwarded_For="9.9.9.9, 203.0.113.8") == [429]


def test_many_addresses_switch_the_limit_off_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by attack: after ten thousand of them everybody was let in, keys too."""
    monkeypatch.setattr("service.security.rate.MOST_STRANGERS", 20)
    key, kept = new_key("one")
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"keys": [{"id": "one", "hash": kept, "scopes": ["advice"]}]}))
    client = limited(auth="clients", clients_file=str(file), proxy_hops=1).test_client()
    for number in range(25):
        client.get("/v1/facts", headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert statuses(client, 4, X_API_Key=key, X_Forwarded_For="198.51.100.1") == [200, 200, 429, 429]
    for stranger, status in (("198.51.100.1", 429), ("203.0.113.24", 429), ("203.0.113.3", 200)):
        assert client.get("/v1/facts", headers={"X-Forwarded-For": stranger}).status_code == status


def test_retry_after_is_when_the_next_one_is_let_in() -> None:
    client = limited().test_client()
    statuses(client, 2)
    response = send(client, {})
    assert 1 <= int(refused(response, RATE) and response.headers["Retry-After"]) <= 7200
    assert response.headers["Retry-After"] in response.get_json()["detail"]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[FlaskClient, dict[str, str]]:
    """Keys with every scope but that of the summary."""
    made = {name: new_key(name) for name in ("one", "two", "three", "four")}
    file = tmp_path_factory.mktemp("clients") / "clients.json"
    entries = [{"id": n, "hash": kept, "scopes": ["advice", "cds", "metrics"]} for n, (_, kept) in made.items()]
    file.write_text(json.dumps({"keys": entries}))
    app = limited(auth="clients", clients_file=str(file))
    return app.test_client(), {name: key for name, (key, _) in made.items()}


def test_clients_are_told_apart_by_who_they_are(known: tuple[FlaskClient, dict[str, str]]) -> None:
    client, keys = known
    assert statuses(client, 3, X_API_Key=keys["one"]) == [200, 200, 429]
    assert statuses(client, 3, X_API_Key=keys["two"]) == [200, 200, 429], "also from one address"
    emergency(send(client, SEPSIS, X_API_Key=keys["one"]))
    assert client.get("/metrics", headers={"X-API-Key": keys["one"]}).status_code == 200


def test_credentials_that_do_not_hold_are_counted_by_address_and_shut_no_key_out(
    known: tuple[FlaskClient, dict[str, str]],
) -> None:
    """Found by attack: nobody counted them."""
    client, keys = known
    assert statuses(client, 5, X_API_Key="ogs_one_wrong") == [401, 401, 429, 429, 429]
    response = send(client, {}, X_API_Key="ogs_one_wrong")
    assert 1 <= int(refused(response, RATE) and response.headers["Retry-After"]) <= 7200
    assert [client.get("/v1/facts").status_code for _ in range(2)] == [429, 429], "open routes, by address"
    assert statuses(client, 1, X_API_Key=keys["three"]) == [200], "behind the same address"
    assert client.post(ONE, json=SEPSIS, environ_base={"REMOTE_ADDR": "127.0.0.2"}).status_code == 401
    assert client.get("/livez").status_code == 200


def test_a_scope_that_is_not_there_is_counted_too(known: tuple[FlaskClient, dict[str, str]]) -> None:
    client, keys = known
    summary = "/v1/feedback/summary"
    found = [client.get(summary, headers={"X-API-Key": keys["four"]}).status_code for _ in range(4)]
    assert found == [403, 403, 429, 429]


@pytest.fixture
def with_tokens(tmp_path: Path) -> FlaskClient:
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"clients": [signing.client(scopes=["advice"])]}))
    return limited(auth="clients", clients_file=str(file), replay_guard="local").test_client()


def show(client: FlaskClient, token: str, body: Any = None) -> int:
    return send(client, body or {}, Authorization=f"Bearer {token}").status_code


def fresh_token() -> str:
    return signing.token(now=NOON.timestamp())


def test_a_token_is_not_spent_by_a_request_that_the_limit_refuses(with_tokens: FlaskClient) -> None:
    app, last = with_tokens.application, fresh_token()
    assert [show(with_tokens, fresh_token()) for _ in range(2)] == [200, 200]
    assert [show(with_tokens, last) for _ in range(2)] == [429, 429]
    assert show(with_tokens, last, RESPONDER | {"as_of": "x" * SMALL}) == 429, "whose body is not looked at"
    app.config["LIMITS"] = Limits(Work(32), Streams(32), None, 0)
    assert [show(with_tokens, last) for _ in range(2)] == [200, 401]


def test_an_emergency_over_the_limit_spends_its_token(with_tokens: FlaskClient) -> None:
    for _ in range(2):
        show(with_tokens, fresh_token())
    token = fresh_token()
    assert [show(with_tokens, token, SEPSIS) for _ in range(2)] == [200, 401]


def test_of_a_stream_over_the_limit_the_token_is_spent(with_tokens: FlaskClient) -> None:
    for _ in range(2):
        show(with_tokens, fresh_token())
    token, found = signing.token(now=NOON.timestamp(), aud=f"http://127.0.0.1:8000{BATCH}"), []
    for _ in range(2):
        headers = {"Transfer-Encoding": "chunked", "Authorization": f"Bearer {token}"}
        response = with_tokens.post(BATCH, data=f"{json.dumps(SEPSIS)}\n{{}}", content_type=NDJSON, headers=headers)
        found.append((response.status_code, [json.loads(line)["status"] for line in response.data.splitlines()][:2]))
    assert found[0] == (200, [200, 429])
    assert found[1][0] == 401


def test_a_token_shown_again_costs_who_shows_it_and_not_its_client(with_tokens: FlaskClient) -> None:
    once = fresh_token()
    assert show(with_tokens, once) == 200
    assert [show(with_tokens, once) for _ in range(4)] == [401, 401, 429, 429]
    assert show(with_tokens, fresh_token()) == 200
    assert show(with_tokens, fresh_token()) == 429


# ---- overload


def test_what_is_answered_is_no_longer_at_work(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(1, itertools.count().__next__)
    monkeypatch.setitem(app.config, "LIMITS", Limits(work, Streams(32), None, 0))
    client = app.test_client()
    for path, body in ((ONE, RESPONDER), (ONE, {"hat": 1}), (ONE, b"{"), (BATCH, []), (HOOK, {})):
        send(client, body, path)
        assert not work._begun
    for path in ("/v1/facts", "/nowhere", "/readyz", "/v1/citations/none"):
        client.get(path)
        assert not work._begun
    monkeypatch.setattr("service.api.patient.parse_json", lambda _: 1 / 0)
    assert send(client, RESPONDER).status_code == 500
    assert not work._begun


def test_a_body_that_is_still_being_sent_is_not_at_work(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow clients must not make others be refused."""
    work = Work(1)
    monkeypatch.setitem(app.config, "LIMITS", Limits(work, Streams(32), None, 0))

    class Body(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            seen.append(len(work._begun))
            return super().read(size)

    seen: list[int] = []
    body = json.dumps(RESPONDER).encode()
    response = app.test_client().post(ONE, input_stream=Body(body), content_length=len(body), content_type=JSON)
    assert response.status_code == 200
    assert seen
    assert set(seen) == {0}


# ---- real servers


PLAIN = {"Content-Type": JSON}


def ask_server(server: Server, body: Any = RESPONDER, **headers: str) -> int:
    return server.get(f"{ONE}?view=row", PLAIN | headers, json.dumps(body).encode())[0]


def test_workers_share_the_count_and_the_log_says_who_was_limited(
    serving: Callable[..., Any], redis_server: RedisServer, until: Callable[..., None]
) -> None:
    with serving(RATE_LIMIT="40/hour", PROXY_HOPS="1", REDIS_STATE_URL=redis_server.url, WORKERS="2") as server:
        ours, theirs = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "203.0.113.8"}
        let_in = 0
        while ask_server(server, **ours) == 200:
            let_in += 1
        assert 40 <= let_in <= 80, "at worst each of two workers lets in all"
        until(lambda: [ask_server(server, **ours) for _ in range(6)] == [429] * 6, "both know")
        assert ask_server(server, SEPSIS, **ours) == 200
        assert ask_server(server, **theirs) == 200
        redis_server.kill()
        assert ask_server(server, **ours) == 429
        assert ask_server(server, **theirs) == 200, "without Redis each worker counts on"
        text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    limited = [(line["limited"], line.get("let_in"), line["status"]) for line in lines if "limited" in line]
    assert {("rate", None, 429), ("rate", "emergency", 200)} == set(limited)
    assert "203.0.113" not in text


def test_while_there_is_too_much_to_do_health_and_emergencies_are_answered(
    serving: Callable[..., Any], until: Callable[..., None]
) -> None:
    batch = json.dumps([RESPONDER | {"age_years": n % 100, "ecog": n % 5} for n in range(700)]).encode()
    with serving(WORKERS="1", THREADS="4", NEAR_CACHE_BYTES="0") as server, ThreadPoolExecutor(3) as pool:
        done = threading.Event()

        def busy() -> set[int]:
            found = set()
            while not done.is_set():
                found.add(server.get(f"{BATCH}?view=full", PLAIN, batch)[0])
            return found

        posters = [pool.submit(busy) for _ in range(3)]
        try:
            until(lambda: ask_server(server) == 503, "it is overloaded")
            for _ in range(3):
                assert ask_server(server, SEPSIS) == 200
                assert server.get("/readyz")[0] == server.get("/livez")[0] == 200
            until(lambda: ask_server(server) == 503, "it still is")
        finally:
            done.set()
        assert [poster.result() for poster in posters] == [{200}] * 3
        assert ask_server(server) == 200


# ---- memory


@pytest.fixture
def full(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Memory:
    """The shared application, whose memory is taken."""
    memory = Memory(1000)
    memory.take(1000)
    monkeypatch.setitem(app.config, "LIMITS", Limits(Work(32), Streams(32), None, 0, memory))
    return memory


@pytest.mark.parametrize("path", [ONE, GENERAL, BATCH, "/v1/facts/extract", HOOK])
def test_where_there_is_no_memory_left_a_body_is_refused(client: FlaskClient, full: Memory, path: str) -> None:
    refused(send(client, "[]", path), LOAD)
    assert client.get("/v1/facts").status_code == 200, "what has no body takes next to nothing"
    full.give_back(1000)
    assert send(client, "[]", path).status_code != 503


def test_what_a_request_took_is_given_back(app: Flask, full: Memory) -> None:
    client = app.test_client()
    full.give_back(1000)
    for path, body in ((ONE, RESPONDER), (BATCH, [RESPONDER] * 5), (BATCH, "{"), (ONE, {"hat": 1}), (HOOK, {})):
        send(client, body, path)
        assert full._taken == 0
    with client.post(BATCH, data=f"{{}}\n{' ' * SMALL}{{}}", content_type=NDJSON, headers=CHUNKED) as response:
        assert len(response.data.splitlines()) == 2
    assert full._taken == 0


def test_a_long_body_is_refused_before_it_is_read(client: FlaskClient, full: Memory) -> None:
    class Body(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            pytest.fail(f"{size} bytes are read")

    for length in (SMALL + 1, 1_000_000):
        sent = {"input_stream": Body(b" " * length), "content_length": length, "content_type": JSON}
        refused(client.post(ONE, **sent), LOAD)
    assert full


@pytest.mark.parametrize("path", [ONE, f"{BATCH}?view=row", BATCH])
def test_an_emergency_is_answered_without_memory(client: FlaskClient, full: Memory, path: str) -> None:
    emergency(send(client, SEPSIS if path == ONE else [SEPSIS], path))
    assert full._taken == 1000
    is_problem(send(client, json.dumps(SEPSIS).ljust(SMALL + 1), path), 503, LOAD)


@pytest.mark.parametrize("media", [JSON, NDJSON])
def test_an_emergency_among_many_is_answered_in_short_where_their_answers_have_no_room(
    client: FlaskClient, full: Memory, media: str
) -> None:
    full.give_back(1000)
    many = [SEPSIS, *[RESPONDER] * 200]
    lines = [json.dumps(each) for each in many]
    body = "\n".join(lines) if media == NDJSON else f"[{','.join(lines)}]"
    full.take(1)
    full._most = 10_000_000
    text = send(client, body, f"{BATCH}?view=full", media).get_data(as_text=True)
    first = json.loads(text)[0] if media == JSON else json.loads(text.splitlines()[0])
    assert first["answer"]["code"] == "EMERGENCY_PATHWAY"
    calm = body.replace("sepsis_signs", "odour")
    refused(send(client, calm, f"{BATCH}?view=full", media), LOAD)
    assert full._taken == 1


def test_a_long_line_of_a_stream_is_refused_where_there_is_no_memory(client: FlaskClient, full: Memory) -> None:
    lines = json.dumps(RESPONDER) + "\n" + json.dumps(RESPONDER).ljust(SMALL + 1) + "\n" + json.dumps(SEPSIS)
    with client.post(BATCH, data=lines, content_type=NDJSON, headers=CHUNKED) as response:
        found = [json.loads(line) for line in response.data.splitlines()]
    assert [item["status"] for item in found] == [200, 503, 200]
    assert found[1]["problem"]["type"].endswith(LOAD)
    assert full


@pytest.mark.parametrize("view", VIEWS)
def test_no_answer_is_longer_than_is_reckoned_with(client: FlaskClient, library: Library, view: str) -> None:
    newest = library.newest(GUIDELINE)
    assert newest is not None
    worked = [case.facts for case in newest.cases if not case.refused]
    answers = send(client, [*BODIES.values(), *worked], f"{BATCH}?view={view}").get_json()
    assert max(len(json.dumps(item, ensure_ascii=False).encode()) for item in answers) <= ANSWER_BYTES[view]
