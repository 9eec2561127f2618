"""What is worked out once is bounded, and bounded or not the same."""

from service.advice.kept import Kept


def test_the_first_are_kept_and_every_one_is_given_back() -> None:
    kept = Kept[str, int](2)
    assert [kept.keep(name, number) for number, name in enumerate("abc")] == [0, 1, 2]
    assert kept == {"a": 0, "b": 1}
