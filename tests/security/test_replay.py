"""A token is taken once: in a real state server, and in one process."""

import signal
import socket
import threading

import pytest
from redis import Redis

from service.security.refusal import GuardClosedError
from service.security.replay import KEY, MARGIN, LocalGuard, RedisGuard, replay_guard, token_id

NOW = 1_800_000_000.0
ONE, OTHER = token_id("https://ehr.example", "1"), token_id("https://ehr.example", "2")


def test_an_id_is_a_digest_that_no_other_pair_has() -> None:
    pairs = [("a", "b"), ("ab", ""), ("", "ab"), ('a","b', ""), ("a", 'b"'), ("a\0", "b"), ("\ud800", "b")]
    found = {token_id(*each) for each in pairs}
    assert len(found) == len(pairs)
    assert all(len(each) == 64 for each in found)


# ---- both


@pytest.fixture(params=["redis", "local"])
def guard(request: pytest.FixtureRequest):
    return replay_guard(request.param, request.getfixturevalue("redis_server").url if request.param == "redis" else "")


def test_a_token_is_new_once(guard) -> None:
    assert not guard.seen(ONE, NOW)
    assert guard.first(ONE, NOW + 300, NOW)
    assert not guard.first(ONE, NOW + 300, NOW)
    assert guard.seen(ONE, NOW)
    assert not guard.seen(OTHER, NOW)
    assert guard.first(OTHER, NOW + 300, NOW)
    assert guard.fault() == ""


def test_of_many_at_once_one_is_the_first(guard) -> None:
    barrier, found = threading.Barrier(16), []

    def race() -> None:
        barrier.wait()
        try:
            found.append(guard.first(ONE, NOW + 300, NOW))
        except GuardClosedError:  # on a busy machine, 16 connections may take more than 50 ms
            found.append(None)

    threads = [threading.Thread(target=race) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert found.count(True) == 1 or (None in found and True not in found)


# ---- in Redis


def test_two_processes_share_what_they_know(redis_server) -> None:
    assert RedisGuard(redis_server.url).first(ONE, NOW + 300, NOW)
    assert not RedisGuard(redis_server.url).first(ONE, NOW + 300, NOW)


def test_redis_learns_a_digest_and_forgets_it_after_the_token_has_ended(redis_server) -> None:
    guard, server = RedisGuard(redis_server.url), Redis.from_url(redis_server.url)
    guard.first(ONE, NOW + 299.5, NOW)
    assert server.keys("*") == [KEY.encode()]
    assert server.zrange(KEY, 0, -1, withscores=True) == [(ONE.encode(), NOW + 299.5)]
    guard.first(OTHER, NOW + 8000, NOW + 300 + MARGIN)
    assert server.zrange(KEY, 0, -1) == [OTHER.encode()]


def test_a_clock_that_is_ahead_forgets_no_token_that_still_holds(redis_server) -> None:
    guard = RedisGuard(redis_server.url)
    assert guard.first(ONE, NOW + 300, NOW)
    assert guard.first(OTHER, NOW + 7000, NOW + 3500)
    assert not guard.first(ONE, NOW + 300, NOW)


def test_a_cache_that_fills_the_same_server_pushes_no_token_out(redis_server) -> None:
    """One server of an operator may hold both; what may go there has a time to live."""
    guard, server = RedisGuard(redis_server.url), Redis.from_url(redis_server.url)
    server.config_set("maxmemory-policy", "volatile-lfu")
    assert guard.first(ONE, NOW + 300, NOW)
    assert server.ttl(KEY) == -1
    server.config_set("maxmemory", server.info("memory")["used_memory"] + 1_000_000)
    for number in range(100):
        server.set(f"cached {number}", b"x" * 50_000, ex=1000)
    assert server.info("stats")["evicted_keys"] > 0
    assert guard.seen(ONE, NOW)
    assert not guard.first(ONE, NOW + 300, NOW)


def test_without_a_server_the_guard_is_closed(free_port: int) -> None:
    for url in ("", f"redis://127.0.0.1:{free_port}", "unix:///nowhere/at/all"):
        guard = RedisGuard(url)
        with pytest.raises(GuardClosedError):
            guard.first(ONE, NOW + 300, NOW)
        with pytest.raises(GuardClosedError):
            guard.seen(ONE, NOW)
        assert guard.fault()


def test_a_server_that_hangs_closes_it_and_one_that_goes_on_opens_it(redis_server) -> None:
    guard = RedisGuard(redis_server.url)
    assert guard.first(ONE, NOW + 300, NOW)
    redis_server.process.send_signal(signal.SIGSTOP)
    with pytest.raises(GuardClosedError, match="Timeout"):
        guard.first(OTHER, NOW + 300, NOW)
    assert "Timeout" in guard.fault()
    redis_server.process.send_signal(signal.SIGCONT)
    assert guard.fault() == ""
    assert not guard.first(ONE, NOW + 300, NOW)


def test_a_server_that_is_full_closes_it(redis_server) -> None:
    server = Redis.from_url(redis_server.url)
    server.config_set("maxmemory-policy", "noeviction")
    server.config_set("maxmemory", 1)
    guard = RedisGuard(redis_server.url)
    with pytest.raises(GuardClosedError):
        guard.first(ONE, NOW + 300, NOW)
    assert guard.fault()


@pytest.mark.parametrize(
    "reply",
    [
        b"+PONG\r\n",
        b":1\r\n",
        b"*0\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"-LOADING\r\n",
        b":x\r\n",
        b"$x\r\n",
        b"+OK",
        b"\0\0",
        b"$9999999999\r\n",
    ],
)
def test_a_server_that_babbles_closes_it(reply: bytes) -> None:
    """Nothing but an answer that shows what was written is believed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    while connection.recv(4096):
                        connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        guard = RedisGuard(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(GuardClosedError):
            guard.first(ONE, NOW + 300, NOW)
        assert guard.fault()
        guard._redis.close()
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


# ---- in one process


def test_what_has_expired_is_forgotten() -> None:
    guard = LocalGuard(most=2)
    assert guard.first(ONE, NOW + 10, NOW)
    assert guard.first(OTHER, NOW + 20, NOW)
    assert guard.first(ONE, NOW + 30, NOW + 10)
    assert not guard.first(OTHER, NOW + 30, NOW + 19)
    assert not guard.seen(OTHER, NOW + 20)


def test_a_full_guard_closes_instead_of_forgetting() -> None:
    guard = LocalGuard(most=1)
    assert guard.first(ONE, NOW + 10, NOW)
    with pytest.raises(GuardClosedError):
        guard.first(OTHER, NOW + 10, NOW)
    assert not guard.first(ONE, NOW + 10, NOW)
    assert guard.first(OTHER, NOW + 20, NOW + 10)
