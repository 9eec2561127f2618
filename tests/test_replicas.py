"""Two processes and one Redis: replicas behind any balancer are one service."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.conftest import RedisServer, Server

HEADERS = {"Content-Type": "application/json"}
FACTS = json.dumps({"metastatic_status": "M1", "presentation": "de_novo", "chemotherapy_response": "PR"}).encode()


@pytest.fixture
def replicas(
    serving: Callable[..., AbstractContextManager[Server]], redis_server: RedisServer
) -> Iterator[tuple[Server, Server]]:
    shared = {"REDIS_URL": redis_server.url, "SERVICE_SECRET": "s" * 40, "WORKERS": "1"}
    with serving(**shared) as one, serving(**shared) as other:
        yield one, other


def test_each_gives_the_same_bytes_for_a_patient_and_for_the_others_permalink(replicas) -> None:
    one, other = replicas
    _, headers, body = one.get("/v1/recommendations", HEADERS, FACTS)
    assert other.get("/v1/recommendations", HEADERS, FACTS)[2] == body
    status, again, link = other.get(f"/v1/recommendations/{headers['decision-id']}")
    assert (status, link) == (200, body)
    assert again["etag"] == headers["etag"]


def test_what_one_worked_out_the_other_finds_in_redis(replicas, redis_server: RedisServer, until) -> None:
    one, other = replicas
    decision = one.get("/v1/recommendations", HEADERS, FACTS)[1]["decision-id"]
    # It is written a little after the answer; the other must not be asked before, or it works it out for itself.
    until(lambda: redis_server.client.keys("guideline:cache:*"), "the answer is in Redis", 10)
    said = other.get(f"/v1/recommendations/{decision}?view=full")[1]["cache-status"]
    assert said == "redis; hit, near; fwd=miss"


def test_one_answers_when_the_other_and_redis_are_gone(replicas, redis_server: RedisServer) -> None:
    one, other = replicas
    body = one.get("/v1/recommendations", HEADERS, FACTS)[2]
    one.process.terminate()
    one.process.wait(timeout=20)
    redis_server.kill()
    assert other.get("/v1/recommendations", HEADERS, FACTS)[2] == body
