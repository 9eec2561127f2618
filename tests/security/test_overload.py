"""When there is too much to do, and when there is only a crowd."""

import pytest

from service.security.overload import LATE_SECONDS, Memory, Streams, Work


class Clock:
    moment = 1000.0

    def __call__(self) -> float:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_to_do_is_no_overload_and_a_crowd_is_none_either(clock: Clock) -> None:
    work = Work(32, clock)
    assert not work.overloaded()
    for _ in range(500):
        work.begin()
    assert not work.overloaded()


def test_as_many_as_may_be_for_too_long_are_one(clock: Clock) -> None:
    work = Work(32, clock)
    marks = [work.begin() for _ in range(24)]
    clock.moment += LATE_SECONDS
    assert not work.overloaded()
    clock.moment += 0.01
    assert work.overloaded()
    work.end(marks[0])
    assert not work.overloaded(), "23 leave a quarter of the threads and one"


def test_those_who_wait_for_others_are_no_overload_while_the_rest_is_quick(clock: Clock) -> None:
    """Half of the threads may wait for FHIR servers."""
    work = Work(32, clock)
    for _ in range(16):
        work.begin()
    clock.moment += 5
    quick = [work.begin() for _ in range(16)]
    assert not work.overloaded()
    clock.moment += LATE_SECONDS + 0.01
    assert work.overloaded()
    for mark in quick:
        work.end(mark)
    assert not work.overloaded()


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (2, 2), (3, 2), (4, 3), (8, 6), (32, 24)])
def test_a_quarter_of_the_threads_stays_free(clock: Clock, threads: int, most: int) -> None:
    work = Work(threads, clock)
    for _ in range(most - 1):
        work.begin()
    clock.moment += 10
    assert not work.overloaded()
    work.begin()
    clock.moment += 10
    assert work.overloaded()


def test_what_ended_twice_ended_once(clock: Clock) -> None:
    work = Work(1, clock)
    mark, _ = work.begin(), work.begin()
    work.end(mark)
    work.end(mark)
    clock.moment += 10
    assert work.overloaded()


@pytest.mark.parametrize(("threads", "most", "of_one"), [(1, 0, 0), (4, 1, 1), (8, 2, 1), (32, 8, 4)])
def test_streams_leave_most_threads_to_others_and_one_client_leaves_streams_to_others(
    threads: int, most: int, of_one: int
) -> None:
    streams = Streams(threads)
    assert [streams.begin("one") for _ in range(of_one + 1)] == [True] * of_one + [False]
    assert [streams.begin(f"other {n}") for n in range(most)] == [True] * (most - of_one) + [False] * of_one
    if of_one:
        streams.end("one")
        assert streams.begin("yet another")


# ---- memory


def test_no_more_memory_is_taken_than_there_is() -> None:
    memory = Memory(100)
    assert memory.take(60)
    assert not memory.take(41)
    assert memory.take(40)
    assert not memory.take(1)
    memory.give_back(60)
    assert memory.take(60)


def test_whoever_needs_more_than_there_is_has_it_alone() -> None:
    memory = Memory(100)
    assert memory.take(500)
    assert not memory.take(1)
    memory.give_back(500)
    assert memory.take(1)
    assert not memory.take(500)


def test_an_emergency_is_let_in_anyway_and_counted() -> None:
    memory = Memory(100)
    assert memory.take(100)
    assert memory.take(50, anyway=True)
    memory.give_back(100)
    assert not memory.take(51)
    assert memory.take(50)
