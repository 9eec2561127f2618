"""The cache for answers that hold a patient's data: only the question opens the answer to it."""

import pytest

from service.cache.locked import Locked
from service.cache.near import Near

QUESTION, ANSWER = b"what of Rosalind-4711?", b"Rosalind-4711 should be operated on"


@pytest.fixture
def near() -> Near:
    return Near(1_000_000)


def test_the_same_question_opens_the_answer(near: Near) -> None:
    locked = Locked(near)
    assert locked.get(locked.key(QUESTION)) is None
    locked.put(locked.key(QUESTION), ANSWER)
    assert locked.get(locked.key(QUESTION)) == ANSWER
    assert locked.get(locked.key(QUESTION + b" ")) is None


def test_parts_of_a_question_stay_apart(near: Near) -> None:
    keys = [Locked(near).key(*parts) for parts in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""))]
    assert len(set(keys)) == len(keys)


def test_memory_holds_nothing_that_can_be_read(near: Near) -> None:
    """Neither question nor answer, nor what opens it."""
    locked = Locked(near)
    key = locked.key(QUESTION)
    locked.put(key, ANSWER)
    held = repr(dict(near._kept))
    for text in (b"Rosalind", b"4711", ANSWER, QUESTION, key):
        assert repr(text)[2:-1] not in held


def test_the_same_answer_is_kept_in_other_bytes_each_time(near: Near) -> None:
    """Or the same key with the same nonce would give away how two answers differ."""
    locked = Locked(near)
    kept = []
    for _ in range(2):
        locked.put(locked.key(QUESTION), ANSWER)
        kept += [*near._kept.values()]
    assert kept[0] != kept[1]


def test_each_process_has_a_secret_of_its_own(near: Near) -> None:
    assert Locked(near).key(QUESTION) != Locked(near).key(QUESTION)
