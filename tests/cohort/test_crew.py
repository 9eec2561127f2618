"""Engines side by side: whoever is first, what is told stands in the order of the file, and what stops one ends all."""

from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Barrier, Event

import pytest

from service.cohort.crew import Turn, side_by_side
from service.cohort.files import Batch

LONG = 30
"""Seconds after which what is waited for does not come."""
Answer = Callable[["Hand", Batch, Turn], object]


class Hand:
    """In place of an engine: it can be closed."""

    def __init__(self) -> None:
        self.closed, self.connection = False, self

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def hands() -> list[Hand]:
    return []


@pytest.fixture
def go(hands: list[Hand]) -> Callable[[int, int, Answer], Iterator]:
    """Answer so many batches, numbered by `next`, after a hundred rows."""

    def make(_: int) -> Hand:
        hand = Hand()
        hands.append(hand)
        return hand

    return lambda most, number, answer: side_by_side(
        make, most, (Batch("", place) for place in range(number)), 100, answer
    )


def test_what_is_done_first_is_not_told_first(go) -> None:
    second = Event()

    def answer(_: Hand, batch: Batch, turn: Turn) -> tuple[int, int]:
        if batch.next == 0:
            assert second.wait(LONG)
        else:
            second.set()
        turn.counted(10)
        return batch.next, turn.before

    assert list(go(2, 5, answer)) == [(0, 100), (1, 110), (2, 120), (3, 130), (4, 140)]


def test_as_many_engines_as_are_allowed_work_at_once_and_are_closed_at_the_end(go, hands: list[Hand]) -> None:
    together = Barrier(3)

    def answer(hand: Hand, batch: Batch, turn: Turn) -> bool:
        turn.counted(1)
        if batch.next < 3:
            together.wait(LONG)
        return hand.closed

    assert list(go(3, 9, answer)) == [False] * 9
    assert [hand.closed for hand in hands] == [True] * 3


def test_one_batch_needs_one_engine(go, hands: list[Hand]) -> None:
    list(go(4, 1, lambda _hand, _batch, turn: turn.counted(1)))
    assert len(hands) == 1


def test_what_stops_a_batch_is_told_after_those_before_it_and_nobody_waits_for_it(go, hands: list[Hand]) -> None:
    waits = Event()

    def answer(_: Hand, batch: Batch, turn: Turn) -> int:
        if batch.next == 1:
            assert waits.wait(LONG)
            raise ValueError("bad")
        if batch.next == 2:
            waits.set()
        turn.counted(1)
        return batch.next

    answered = go(3, 9, answer)
    assert next(answered) == 0
    with pytest.raises(ValueError, match="bad"):
        next(answered)
    assert [hand.closed for hand in hands] == [True] * len(hands)


def test_who_stops_listening_stops_the_engines(go, hands: list[Hand]) -> None:
    seen = []

    def answer(_: Hand, batch: Batch, turn: Turn) -> int:
        seen.append(batch.next)
        turn.counted(1)
        return batch.next

    with closing(go(2, 1000, answer)) as answered:
        assert next(answered) == 0
    assert len(seen) <= 3
    assert all(hand.closed for hand in hands)
