"""What is worked out once is bounded, and bounded or not the same."""

from service.engine.bounded_memo import BoundedMemo


def test_the_first_entries_are_stored_and_every_value_is_returned() -> None:
    memo = BoundedMemo[str, int](2)
    assert [memo.remember(name, number) for number, name in enumerate("abc")] == [0, 1, 2]
    assert memo == {"a": 0, "b": 1}
