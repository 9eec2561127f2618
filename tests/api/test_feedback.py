"""Feedback: every dialect, counted once, kept or refused, comments apart; and the summary for a committee."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from service import create_app
from service.settings import Settings
from tests.api.asking import is_outcome, is_problem
from tests.api.conftest import CURRENT, Clock
from tests.cds_hooks.hooks import ADDRESS, BREAST_CANCER, SERVICES, call, check_answer, found, record
from tests.conftest import NOON, RedisServer, Server

PATH = f"{ADDRESS}{SERVICES['patient-view']}/feedback"
SUMMARY = "/v1/feedback/summary"
AT = "2026-11-23T10:05:31Z"
STRANGER = "c27885ac-c064-4c39-987e-480671e36a6e"
CANARY = "Rosalind-4711 bled again"
SECRET = "of the tests, long enough to be one, and more"  # noqa: S105 - of the tests only
Ask = Callable[..., Any]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def redis_server(lasting_redis: RedisServer) -> RedisServer:
    lasting_redis.renew()
    return lasting_redis


@pytest.fixture
def kept(redis_server: RedisServer, clock: Clock) -> Flask:
    """The service with a state Redis."""
    settings = Settings(clock=clock, log_level="error", redis_state_url=redis_server.url, service_secret=SECRET)
    return create_app(settings)


@pytest.fixture
def card(kept: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A card of rule R16."""
    facts = {"metastatic_status": "M1", "presentation": "de_novo", "metastatic_extent": "polymetastatic"}
    found(monkeypatch, facts | {"primary_tumour": "in_situ", "chemotherapy_response": "PR", "complications": "none"})
    response = kept.test_client().post(PATH.removesuffix("/feedback"), json=call(prefetch=record(BREAST_CANCER)))
    return check_answer(response.get_json())[0]


@pytest.fixture
def send(kept: Flask) -> Callable[..., None]:
    """POST outcomes, which are acknowledged with an empty body."""

    def post(*outcomes: dict[str, Any], **options: Any) -> None:
        response = kept.test_client().post(PATH, json={"feedback": list(outcomes)}, **options)
        assert response.status_code == 200, response.get_data(as_text=True)
        assert response.data == b""
        assert response.headers["Cache-Control"] == "no-store"

    return post


@pytest.fixture
def summary(kept: Flask) -> Callable[..., dict[str, Any]]:
    def get(query: str = "") -> dict[str, Any]:
        response = kept.test_client().get(f"{SUMMARY}{query}")
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        return response.get_json()

    return get


def accepted(card: dict[str, Any], at: str = AT) -> dict[str, Any]:
    taken = [{"id": card["suggestions"][0]["uuid"]}]
    return {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": taken, "outcomeTimestamp": at}


def overridden(name: str, at: str = AT, **members: Any) -> dict[str, Any]:
    return {"card": name, "outcome": "overridden", "outcomeTimestamp": at, **members}


def of_rule(body: dict[str, Any]) -> dict[str, Any]:
    """The one rule of a summary."""
    (rule,) = body["rules"]
    assert (rule["guideline"], rule["release"], rule["rule"]) == ("mbc-primary-lrt", CURRENT, "R16")
    return {name: rule[name] for name in ("accepted", "overridden", "reasons", "suggestions")}


NOTHING = {"accepted": 0, "overridden": 0, "reasons": {}, "suggestions": {}}
CODE = "patient-wishes-otherwise"


def test_nothing_said_is_an_empty_summary(summary: Ask) -> None:
    assert summary() == {"rules": [], "unattributed": NOTHING}


def test_an_acceptance_counts_for_the_rule_the_release_and_the_suggestion(card: Any, send: Ask, summary: Ask) -> None:
    send(accepted(card))
    assert of_rule(summary()) == NOTHING | {"accepted": 1, "suggestions": {"mdt": 1}}


def with_system(card: dict[str, Any]) -> dict[str, Any]:
    (reason,) = [each for each in card["overrideReasons"] if each["code"] == CODE]
    return reason


@pytest.mark.parametrize(
    "dialect",
    [
        lambda reason: {"overrideReason": {"reason": reason}},
        lambda reason: {"overrideReason": {"reason": {"code": reason["code"]}}},  # the sandbox, without a system
        lambda reason: {"overrideReasons": {"reason": reason, "com.epic.x": {"y": 1}}},  # Epic
        lambda reason: {"overrideReasons": [{"reason": reason}]},
        lambda reason: {"overrideReasons": [reason]},
        lambda reason: {"overrideReason": {"reason": {"coding": [reason]}}},
        lambda reason: {"overrideReason": {"reason": reason}, "extension": {"a.b": 1}, "acceptedSuggestions": []},
    ],
)
def test_an_override_with_its_reason_counts_in_every_dialect(card: Any, send: Ask, summary: Ask, dialect: Ask) -> None:
    send(overridden(card["uuid"], **dialect(with_system(card))))
    assert of_rule(summary()) == NOTHING | {"overridden": 1, "reasons": {CODE: 1}}


def test_an_override_may_have_no_reason_and_a_reason_of_others_is_not_repeated(
    card: Any, send: Ask, summary: Ask
) -> None:
    of_ours = {"reason": {"code": CANARY}}
    send(overridden(card["uuid"]), overridden(card["uuid"], "2026-11-23T11:00:00Z", overrideReason=of_ours))
    assert of_rule(summary()) == NOTHING | {"overridden": 2, "reasons": {"other": 1}}


@pytest.mark.parametrize("name", [STRANGER, "not-a-uuid", "4711"])
def test_a_card_that_is_not_ours_is_taken_and_counted_apart(
    send: Ask, summary: Ask, redis_server: RedisServer, name: str
) -> None:
    taken = [{"id": STRANGER}]
    send({"card": name, "outcome": "accepted", "acceptedSuggestions": taken, "outcomeTimestamp": AT})
    assert summary() == {"rules": [], "unattributed": NOTHING | {"accepted": 1}}
    kept = [fields for _, fields in redis_server.client.xrange("feedback:stream")]  # besides the time that names it
    assert name not in repr(kept), "it may be any text"


def test_a_repeated_outcome_counts_once(card: Any, send: Ask, summary: Ask, redis_server: RedisServer) -> None:
    """Clients repeat what was not acknowledged, alone or in a batch."""
    one = accepted(card)
    send(one, one)
    send(one)
    send(*(one | {"outcomeTimestamp": at} for at in ("2026-11-23T12:05:31+02:00", "2026-11-23T10:05:31.000Z")))
    assert of_rule(summary())["accepted"] == 1
    assert redis_server.client.xlen("feedback:stream") == 1


def test_another_spelling_of_a_card_is_not_counted_again(card: Any, send: Ask, summary: Ask) -> None:
    name = card["uuid"]
    spellings = (name, name.upper(), f"{{{name}}}", f"urn:uuid:{name}", name.replace("-", ""))
    send(*(overridden(spelling) for spelling in spellings))
    assert of_rule(summary()) == NOTHING | {"overridden": 1}
    assert summary()["unattributed"] == NOTHING | {"overridden": 3}


def test_a_suggestion_is_no_card(card: Any, send: Ask, summary: Ask) -> None:
    send(overridden(card["suggestions"][0]["uuid"]))
    assert summary() == {"rules": [], "unattributed": NOTHING | {"overridden": 1}}


def test_another_outcome_or_moment_of_the_same_card_counts_too(card: Any, send: Ask, summary: Ask) -> None:
    send(accepted(card), accepted(card, "2026-11-23T10:06:00Z"), overridden(card["uuid"]))
    assert of_rule(summary()) == NOTHING | {"accepted": 2, "overridden": 1, "suggestions": {"mdt": 2}}


def test_the_summary_can_be_of_one_month(card: Any, send: Ask, summary: Ask, clock: Clock, kept: Flask) -> None:
    send(accepted(card))
    clock.moment = NOON.replace(year=2027, month=1)
    send(overridden(card["uuid"]))
    assert of_rule(summary("?month=2026-11"))["accepted"] == 1
    assert of_rule(summary("?month=2027-01")) == NOTHING | {"overridden": 1}
    assert summary("?month=2026-12") == {"month": "2026-12", "rules": [], "unattributed": NOTHING}
    assert of_rule(summary())["accepted"] == of_rule(summary())["overridden"] == 1
    for month in ("2026-13", "2026", "x"):
        is_problem(kept.test_client().get(f"{SUMMARY}?month={month}"), 400, "bad-request")


def test_replicas_with_the_same_secret_read_each_others_cards(
    card: Any, redis_server: RedisServer, summary: Ask
) -> None:
    other = create_app(Settings(log_level="error", redis_state_url=redis_server.url, service_secret=SECRET))
    assert other.test_client().post(PATH, json={"feedback": [accepted(card)]}).status_code == 200
    assert of_rule(summary())["accepted"] == 1


# ---- comments are PHI


def test_a_comment_is_kept_apart_expires_and_is_told_nowhere(
    card: Any, send: Ask, summary: Ask, redis_server: RedisServer
) -> None:
    with capture_logs() as lines:
        send(overridden(card["uuid"], overrideReason={"reason": {"code": CODE}, "userComment": CANARY}))
    assert CANARY not in repr(lines)
    assert CANARY not in json.dumps(summary())
    redis = redis_server.client
    (entry,) = redis.xrange("feedback:stream")
    assert CANARY not in repr(entry)
    (name,) = redis.keys("feedback:comment:*")
    assert redis.get(name).decode() == CANARY
    assert 0 < redis.ttl(name) <= 30 * 86400
    assert name.decode().endswith(entry[0].decode()), "it is found by its entry"


def test_a_comment_without_a_reason_is_kept_too(card: Any, send: Ask, redis_server: RedisServer) -> None:
    send(overridden(card["uuid"], overrideReasons={"userComment": CANARY}))
    assert len(redis_server.client.keys("feedback:comment:*")) == 1


def test_a_comment_on_a_strangers_card_is_not_kept(send: Ask, redis_server: RedisServer) -> None:
    send(overridden(STRANGER, overrideReason={"userComment": CANARY}))
    assert redis_server.client.keys("feedback:comment*") == []


def test_comments_cannot_fill_the_state_redis_and_none_that_was_acknowledged_gives_way(
    kept: Flask, card: Any, send: Ask, summary: Ask, redis_server: RedisServer, *, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is full no token is taken: a comment has a length, and of too many the last is refused as a whole."""
    monkeypatch.setattr("service.cds_hooks.feedback_store.MAX_COMMENTS", 2)
    redis = redis_server.client

    def outcome(minute: int) -> dict[str, Any]:
        comment = f"{minute}" + "é" * 5000
        return overridden(card["uuid"], f"2026-11-23T10:{minute}:00Z", overrideReason={"userComment": comment})

    send(outcome(10), outcome(11))
    send(outcome(10))  # a repetition needs no room
    for body in ([outcome(12)], [accepted(card), outcome(12)]):
        is_outcome(kept.test_client().post(PATH, json={"feedback": body}), 503)
    names = sorted(redis.keys("feedback:comment:*"))
    assert [redis.get(name).decode() for name in names] == [(minute + "é" * 5000)[:2000] for minute in ("10", "11")]
    assert all(redis.ttl(name) > 29 * 86400 for name in names)
    assert of_rule(summary())["accepted"] == 0
    send(accepted(card))
    redis.delete(names[0])  # as after its 30 days
    send(outcome(12))
    assert of_rule(summary()) | {"reasons": {}} == NOTHING | {"accepted": 1, "overridden": 3, "suggestions": {"mdt": 1}}
    assert redis.llen("feedback:commented") == len(redis.keys("feedback:comment:*")) == 2


def test_what_is_kept_without_end_is_bounded(card: Any, send: Ask, redis_server: RedisServer) -> None:
    send(accepted(card), overridden(STRANGER))
    redis = redis_server.client
    assert {name.decode(): redis.ttl(name) for name in redis.scan_iter()} == {
        "feedback:stream": -1,
        "feedback:counts": -1,
        "feedback:seen": -1,
    }
    redis.zadd("feedback:seen", dict.fromkeys(redis.zrange("feedback:seen", 0, -1), NOON.timestamp() - 91 * 86400))
    send(accepted(card, "2026-11-23T11:00:00Z"))
    assert redis.zcard("feedback:seen") == 1, "a repetition after so long is none"


def test_the_stream_and_what_was_seen_have_a_largest_length(
    card: Any, send: Ask, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cds_hooks.feedback_store.MAX_ENTRIES", 3)
    for minute in range(10, 15):
        send(accepted(card, f"2026-11-23T10:{minute}:00Z"))
    assert redis_server.client.xlen("feedback:stream") == redis_server.client.zcard("feedback:seen") == 3


# ---- kept or refused


def test_without_a_state_redis_feedback_is_503_with_retry_after(client: FlaskClient) -> None:
    response = client.post(PATH, json={"feedback": [overridden(STRANGER)]})
    is_outcome(response, 503)
    assert int(response.headers["Retry-After"]) > 0
    response = client.get(SUMMARY)
    is_problem(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0


def test_a_dead_redis_is_503_and_what_was_acknowledged_survives(
    kept: Flask, card: Any, send: Ask, summary: Ask, redis_server: RedisServer
) -> None:
    """Acknowledged means on its disk: the server is killed, not stopped."""
    send(accepted(card))
    redis_server.kill()
    one = overridden(card["uuid"])
    is_outcome(kept.test_client().post(PATH, json={"feedback": [one]}), 503)
    is_problem(kept.test_client().get(SUMMARY), 503, "unavailable")
    assert kept.test_client().post(PATH.removesuffix("/feedback"), json=call(prefetch=record())).status_code == 200
    redis_server.start()
    send(one)
    assert of_rule(summary()) == NOTHING | {"accepted": 1, "overridden": 1, "suggestions": {"mdt": 1}}


def test_a_redis_that_keeps_nothing_on_disk_is_not_good_enough(
    kept: Flask, redis_server: RedisServer, summary: Ask
) -> None:
    redis_server.client.config_set("appendonly", "no")
    is_outcome(kept.test_client().post(PATH, json={"feedback": [overridden(STRANGER)]}), 503)
    redis_server.client.config_set("appendonly", "yes")
    assert summary()["unattributed"] == NOTHING


@pytest.mark.parametrize("policy", ["volatile-lfu", "allkeys-lfu"])
def test_a_redis_that_may_evict_is_not_good_enough(
    kept: Flask, redis_server: RedisServer, send: Ask, policy: str
) -> None:
    """It would acknowledge a comment and drop it when it fills. Without a bound nothing is evicted."""
    redis_server.client.config_set("maxmemory-policy", policy)
    is_outcome(kept.test_client().post(PATH, json={"feedback": [overridden(STRANGER)]}), 503)
    redis_server.client.config_set("maxmemory", "0")
    send(overridden(STRANGER))


def test_a_redis_that_is_full_is_503_and_counts_nothing(
    kept: Flask, redis_server: RedisServer, summary: Ask, send: Ask
) -> None:
    redis_server.client.config_set("maxmemory", "1")
    is_outcome(kept.test_client().post(PATH, json={"feedback": [overridden(STRANGER)]}), 503)
    redis_server.client.config_set("maxmemory", "0")
    assert summary()["unattributed"] == NOTHING
    send(overridden(STRANGER))


# ---- bad bodies


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"feedback": []},
        {"feedback": {}},
        {"feedback": None},
        {"feedback": ["x"]},
        {"feedback": [None]},
        {"feedback": [{}]},
        {"feedback": [overridden("")]},
        {"feedback": [overridden("x" * 201)]},
        {"feedback": [{"outcome": "overridden", "outcomeTimestamp": AT}]},
        {"feedback": [overridden(STRANGER) | {"card": 5}]},
        {"feedback": [overridden(STRANGER) | {"outcome": "ignored"}]},
        {"feedback": [{"card": STRANGER, "outcomeTimestamp": AT}]},
        {"feedback": [overridden(STRANGER, "yesterday")]},
        {"feedback": [overridden(STRANGER, "2026-11-23")]},
        {"feedback": [overridden(STRANGER, "2026-11-23T10:00:00")]},
        {"feedback": [overridden(STRANGER, "2026-13-23T10:00:00Z")]},
        {"feedback": [overridden(STRANGER) | {"outcomeTimestamp": 5}]},
        {"feedback": [{"card": STRANGER, "outcome": "overridden"}]},
        {"feedback": [overridden(STRANGER) | {"outcome": "accepted"}]},
        {"feedback": [overridden(STRANGER) | {"outcome": "accepted", "acceptedSuggestions": []}]},
        {"feedback": [overridden(STRANGER) | {"outcome": "accepted", "acceptedSuggestions": [{}]}]},
        {"feedback": [overridden(STRANGER) | {"outcome": "accepted", "acceptedSuggestions": ["x"]}]},
        {"feedback": [overridden(STRANGER, acceptedSuggestions="x")]},
        {"feedback": [overridden(STRANGER, overrideReason="x")]},
        {"feedback": [overridden(STRANGER, overrideReason={"reason": "x"})]},
        {"feedback": [overridden(STRANGER, overrideReason={"reason": {"system": "x"}})]},
        {"feedback": [overridden(STRANGER, overrideReason={"userComment": 5})]},
        {"feedback": [overridden(STRANGER, acceptedSuggestions=[{"id": STRANGER}] * 21)]},
        {"feedback": [overridden(STRANGER, overrideReasons=[{"code": "x"}] * 21)]},
        {"feedback": [overridden(STRANGER, overrideReason={"reason": {"coding": [{"code": "x"}] * 21}})]},
        {
            "feedback": [
                overridden(
                    STRANGER, overrideReasons=[{"code": f"x{n}"} for n in range(20)], overrideReason={"code": "y"}
                )
            ]
        },
        {"feedback": [overridden(STRANGER)] * 1001},
    ],
)
def test_a_bad_body_is_400_and_nothing_of_it_counts(client: FlaskClient, body: Any) -> None:
    """Here is no Redis, so whatever came as far as the store would be 503."""
    if isinstance(body, dict) and isinstance(body.get("feedback"), list) and body["feedback"]:
        body = {"feedback": [overridden(STRANGER), *body["feedback"]]}
    is_outcome(client.post(PATH, json=body), 400)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"feedback": 1, "feedback": 2}'])
def test_a_body_that_cannot_be_read_is_400(client: FlaskClient, body: bytes) -> None:
    is_outcome(client.post(PATH, data=body, content_type="application/json"), 400)


def test_the_other_refusals_are_those_of_the_services(client: FlaskClient) -> None:
    body = {"feedback": [overridden(STRANGER)]}
    is_outcome(client.post("/cds-services/no-such/feedback", json=body), 404)
    is_outcome(client.post(PATH, data=json.dumps(body), content_type="text/plain"), 415)
    is_outcome(client.post(PATH, json={"feedback": ["x" * 2_000_000]}), 413)
    response = client.get(PATH)
    is_outcome(response, 405)
    assert "POST" in response.headers["Allow"]


def test_a_refusal_is_bounded(client: FlaskClient) -> None:
    """A hundred faults and how many more there are, however many a body has."""
    for body in (
        json.dumps({"feedback": [overridden(STRANGER, acceptedSuggestions=[5] * 20)] * 1000}),
        '{"feedback": [' + ",".join(['{"a":1,"a":2}'] * 10_000) + "]}",
    ):
        response = client.post(PATH, data=body, content_type="application/json")
        issues = is_outcome(response, 400)["issue"]
        assert len(issues) == 102, "the whole, a hundred, and the rest"
        assert issues[-1]["details"]["text"] in {"There are 19900 more faults.", "There are 9900 more faults."}
        assert len(response.data) < 50_000


def test_a_fault_does_not_repeat_what_was_sent(client: FlaskClient) -> None:
    bad = overridden(CANARY, CANARY, overrideReason={"reason": CANARY, "userComment": {"x": CANARY}})
    assert CANARY not in json.dumps(is_outcome(client.post(PATH, json={"feedback": [bad]}), 400))


@pytest.mark.parametrize(
    ("item", "place"),
    [
        (5, ""),
        (overridden(STRANGER, overrideReason="x"), "/overrideReason"),
        (overridden(STRANGER, overrideReason=[{"reason": {"code": "x"}}, "x"]), "/overrideReason/1"),
        (overridden(STRANGER, overrideReason={"reason": "x"}), "/overrideReason/reason"),
        (overridden(STRANGER, overrideReason={"reason": {}}), "/overrideReason/reason/code"),
        (overridden(STRANGER, overrideReason={"reason": {"coding": None}}), "/overrideReason/reason/coding"),
        (overridden(STRANGER, overrideReason={"reason": {"coding": [{}]}}), "/overrideReason/reason/coding/0/code"),
        (overridden(STRANGER, overrideReasons=[{"userComment": 5}]), "/overrideReasons/0/userComment"),
        (overridden(STRANGER, overrideReasons=[{"code": 5}]), "/overrideReasons/0/code"),
        (overridden(STRANGER, acceptedSuggestions=["x"]), "/acceptedSuggestions/0"),
        (overridden(STRANGER, acceptedSuggestions=[{}]), "/acceptedSuggestions/0/id"),
    ],
)
def test_a_fault_names_a_place_that_is_in_the_body(client: FlaskClient, item: Any, place: str) -> None:
    """There, or missing from an object that is there; and nothing else is said of what has one fault."""
    outcome = is_outcome(client.post(PATH, json={"feedback": [overridden(STRANGER), item]}), 400)
    first = [issue["diagnostics"] for issue in outcome["issue"] if "/feedback/1" in issue.get("diagnostics", "")]
    assert f"At /feedback/1{place}" in first
    assert len(first) == 1


# ---- several processes


@pytest.fixture
def workers(redis_server: RedisServer, serving: Ask) -> Iterator[Server]:
    """Two worker processes with a random secret, made before they fork."""
    with serving(WORKERS="2", REDIS_STATE_URL=redis_server.url, LOG_LEVEL="error") as server:
        yield server


def test_each_worker_reads_the_others_cards(workers: Server) -> None:
    headers = {"Content-Type": "application/json"}
    emergency = record(BREAST_CANCER)
    path = PATH.removesuffix("/feedback")
    names = set()
    for _ in range(12):
        status, _, body = workers.get(path, headers, json.dumps(call(prefetch=emergency)).encode())
        assert status == 200
        names |= {card["uuid"] for card in json.loads(body)["cards"]}
    for name in sorted(names):
        sent = json.dumps({"feedback": [overridden(name)]}).encode()
        assert workers.get(PATH, headers, sent)[::2] == (200, b"")
    body = json.loads(workers.get(SUMMARY)[2])
    assert sum(rule["overridden"] for rule in body["rules"]) == len(names)
    assert body["unattributed"] == NOTHING
