import pytest

from service.engine.table import Row
from tests.engine.small_tables import box, feature, table

A, B = feature("a", "x", "y"), feature("b", "1", "2", "3")


def test_the_space_is_the_product_of_its_features():
    assert table("unique", (A, B), Row("r", "best", (box(),))).cells == 6
    assert table("unique", (), Row("r", "best", (box(),))).cells == 1


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Row("r", "grand", (box(),)), "row r: gives 'grand'"),
        (Row("r", "best", (box(c="x"),)), "row r: no feature 'c'"),
        (Row("r", "best", (box(), box(a="x z"))), r"row r: a is never \['z'\]"),
    ],
    ids=["output", "feature", "value"],
)
def test_a_row_that_names_what_does_not_exist_is_refused_by_name(row, told):
    with pytest.raises(ValueError, match=told):
        table("unique", (A, B), row)


def test_the_rows_of_a_priority_table_stand_with_the_winning_output_first():
    rows = [
        Row("one", "best", (box(a="x"),)),
        Row("two", "worst", (box(b="1"), box(b="2"))),
        Row("three", "best", (box(),)),
    ]
    names = [row.name for row, _ in table("priority", (A, B), *rows).entries]
    assert names == ["two", "two", "one", "three"]


@pytest.mark.parametrize("policy", ["unique", "collect"])
def test_the_rows_of_other_tables_stay_as_written(policy):
    rows = [Row("one", "best", (box(a="x"),)), Row("two", "worst", (box(a="y"),))]
    assert [row.name for row, _ in table(policy, (A, B), *rows).entries] == ["one", "two"]


def test_a_title_makes_no_other_table():
    row = Row("r", "best", (box(),))
    plain = table("unique", (A,), row)
    titled = type(plain)("t", plain.hit_policy, (A,), plain.outputs, (row,), title="Words")
    assert plain == titled


def test_a_table_and_its_rows_cannot_be_changed():
    row = Row("r", "best", (box(),))
    for thing in (row, table("unique", (A,), row)):
        with pytest.raises(AttributeError):
            thing.name = "other"
