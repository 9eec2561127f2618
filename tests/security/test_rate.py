"""How often a client may ask: windows, what is settled with a real Redis, and what happens without one."""

import threading

import pytest

from service.security import rate
from service.security.rate import MOST_STRANGERS, PREFIX, Limiter, Requester
from service.server import logs
from service.server.redis_client import connect
from tests.conftest import RedisServer

SECRET = b"of the tests of rate limits, which nobody else knows"
START = 1_800_000_000.0
"""The beginning of a minute."""
ONE = Requester("one", is_known=False)


class Clock:
    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


def asked(limiter: Limiter, times: int, name: str = "one", *, known: bool = False) -> int:
    """Of so many requests how many were let in."""
    return sum(limiter.hit(Requester(name, known)) == 0 for _ in range(times))


def test_so_many_are_let_in_and_no_more(clock: Clock) -> None:
    limiter = Limiter(5, 60, SECRET, now=clock)
    assert asked(limiter, 9) == 5
    assert asked(limiter, 9, "other") == 5, "each client by itself"


def test_the_last_window_counts_for_the_part_that_still_overlaps(clock: Clock) -> None:
    limiter = Limiter(10, 60, SECRET, now=clock)
    clock.moment = START + 59
    assert asked(limiter, 20) == 10
    clock.moment = START + 60
    assert asked(limiter, 20) == 0, "no double burst at the turn of a window"
    clock.moment = START + 90
    assert asked(limiter, 20) == 5
    clock.moment = START + 180
    assert asked(limiter, 20) == 10, "what was refused is not held against anyone"


@pytest.mark.parametrize(("amount", "seconds"), [(1, 60), (2, 60), (7, 60), (600, 60), (3, 1), (50, 3600)])
@pytest.mark.parametrize("into", [0.0, 0.25, 0.5, 0.999])
def test_after_the_seconds_told_one_more_is_let_in_and_not_before(
    clock: Clock, amount: int, seconds: int, into: float
) -> None:
    wait = 0
    for early in (0, 1.001):
        limiter = Limiter(amount, seconds, SECRET, now=clock)
        for offset in (into, into + 1.3):
            clock.moment = START + offset * seconds
            asked(limiter, amount)
        wait = limiter.hit(ONE)
        assert 1 <= wait <= 2 * seconds
        clock.moment += wait - early
        assert (limiter.hit(ONE) == 0) == (not early)


def test_it_is_not_told_to_wait_longer_than_needed(clock: Clock) -> None:
    limiter = Limiter(60, 60, SECRET, now=clock)
    clock.moment = START + 30
    asked(limiter, 60)
    assert limiter.hit(ONE) == 31, "30 to the end of the window, and one for the first to fall out of it"
    clock.moment = START + 60
    assert limiter.hit(ONE) == 1


def test_strangers_beyond_the_most_share_one_count_and_keep_no_client_from_its_own(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by attack: with so many addresses the limit was off, for everybody."""
    monkeypatch.setattr(rate, "MOST_STRANGERS", 3)
    limiter = Limiter(2, 60, SECRET, now=clock)
    assert [asked(limiter, 1, f"{n}") for n in range(7)] == [1, 1, 1, 1, 1, 0, 0]
    assert [asked(limiter, 5, f"{n}") for n in range(4)] == [1, 1, 1, 0], "who came before them has a count of its own"
    assert [asked(limiter, 5, f"client {n}", known=True) for n in range(5)] == [2] * 5
    clock.moment += 120
    assert asked(limiter, 5, "6") == 2
    assert MOST_STRANGERS >= 1000


def test_what_is_taken_back_was_never_counted(clock: Clock) -> None:
    limiter = Limiter(2, 60, SECRET, now=clock)
    limiter.take_back(ONE)
    asked(limiter, 2)
    limiter.take_back(ONE)
    assert asked(limiter, 5) == 1
    clock.moment += 120
    limiter.take_back(ONE)
    assert asked(limiter, 5) == 2


def test_windows_that_are_over_are_forgotten(clock: Clock) -> None:
    limiter = Limiter(5, 60, SECRET, now=clock)
    for _ in range(50):
        limiter.hit(ONE)
        clock.moment += 60
    assert len(limiter._windows) == 2


def test_a_clock_that_is_set_back_shuts_nobody_out_for_long(clock: Clock) -> None:
    limiter = Limiter(5, 60, SECRET, now=clock)
    asked(limiter, 5)
    clock.moment -= 86_400
    assert asked(limiter, 9) == 5
    clock.moment += 120
    assert asked(limiter, 9) == 5


def test_many_threads_are_let_in_no_oftener(clock: Clock) -> None:
    limiter, found = Limiter(100, 60, SECRET, now=clock), []
    threads = [threading.Thread(target=lambda: found.append(asked(limiter, 50))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == 100


# ---- with Redis


class Quiet(Limiter):
    """Settles when the test says so."""

    def _settle_soon(self) -> None:
        pass


@pytest.fixture
def pair(redis_server: RedisServer, clock: Clock) -> tuple[Limiter, Limiter]:
    """Two processes."""
    return tuple(Quiet(10, 60, SECRET, connect(redis_server.url, 2), clock) for _ in range(2))


def settle(*limiters: Limiter) -> None:
    for limiter in (*limiters, *limiters):
        limiter.settle()


def test_processes_share_what_they_let_in(pair: tuple[Limiter, Limiter], clock: Clock) -> None:
    one, other = pair
    assert asked(one, 6) == 6
    settle(one)
    assert asked(other, 1) == 1
    settle(other)
    assert asked(other, 9) == 3
    settle(other)
    assert asked(one, 9) == 4, "it has not yet heard; what is too much is bounded by what one process lets in"
    settle(one, other)
    clock.moment = START + 90
    assert asked(one, 9) <= 3
    clock.moment = START + 180
    assert asked(one, 20) == 10


def test_what_was_settled_is_not_told_twice(pair: tuple[Limiter, Limiter], redis_server: RedisServer) -> None:
    one, other = pair
    asked(one, 3)
    settle(one, one, other)
    asked(one, 2)
    asked(other, 1)
    settle(one, other)
    (key,) = redis_server.client.keys("*")
    assert key.decode().startswith(PREFIX)
    assert list(redis_server.client.hvals(key)) == [b"6"]
    assert 0 < redis_server.client.ttl(key) <= 180, "it goes by itself"


def test_redis_learns_no_names(pair: tuple[Limiter, Limiter], redis_server: RedisServer, clock: Clock) -> None:
    names = ["key rosalind", "203.0.113.7"]
    for name in names:
        pair[0].hit(Requester(name, is_known=False))
    settle(pair[0])
    (key,) = redis_server.client.keys("*")
    fields = {field.decode() for field in redis_server.client.hkeys(key)}
    assert len(fields) == 2
    assert all(len(field) == 32 for field in fields)
    assert not any(word in f"{key}{fields}" for word in ("rosalind", "203"))
    other = Quiet(10, 60, b"another secret", connect(redis_server.url, 2), clock)
    other.hit(Requester(names[0], is_known=False))
    settle(other)
    assert len(redis_server.client.hkeys(key)) == 3, "the digest is keyed"


def test_without_its_server_each_process_counts_by_itself_and_tells_later(
    pair: tuple[Limiter, Limiter], redis_server: RedisServer
) -> None:
    one, other = pair
    asked(one, 2)
    settle(one)
    redis_server.kill()
    assert asked(one, 20) == 8
    with pytest.raises(rate.RedisError):
        one.settle()
    assert asked(one, 20) == 0
    assert asked(other, 20) == 10
    redis_server.start()
    settle(one, other)
    assert asked(one, 5) == 0
    assert asked(other, 5) == 0
    (key,) = redis_server.client.keys("*")
    assert int(redis_server.client.hvals(key)[0]) >= 18


def test_a_server_that_forgot_forgives_nothing(pair: tuple[Limiter, Limiter], redis_server: RedisServer) -> None:
    one, _ = pair
    asked(one, 9)
    settle(one)
    redis_server.client.flushall()
    assert asked(one, 1) == 1
    settle(one)
    assert asked(one, 5) == 0


def test_something_else_in_its_place_changes_nothing(
    pair: tuple[Limiter, Limiter], redis_server: RedisServer, clock: Clock
) -> None:
    one, _ = pair
    redis_server.client.set(f"{PREFIX}60:{int(clock.moment) // 60}", "a text")
    asked(one, 3)
    with pytest.raises(rate.RedisError):
        one.settle()
    assert asked(one, 20) == 7


def test_in_the_background_it_is_settled_and_a_dead_server_is_told_once(
    redis_server: RedisServer, until, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "SETTLE_SECONDS", 0.01)
    logs.configure("warning")
    limiter = Limiter(1000, 3600, SECRET, connect(redis_server.url))
    limiter.hit(ONE)
    until(lambda: redis_server.client.keys(f"{PREFIX}*"), "it is settled")
    redis_server.kill()
    limiter.hit(ONE)
    said = []
    until(lambda: said.append("".join(capsys.readouterr())) or "by itself" in "".join(said), "it is told")
    redis_server.start()
    until(lambda: said.append("".join(capsys.readouterr())) or "shared again" in "".join(said), "and told again")
    assert "".join(said).count("by itself") == 1
    (key,) = redis_server.client.keys(f"{PREFIX}*")
    until(lambda: int(redis_server.client.hvals(key)[0]) >= 1, "it is settled later")
