import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.compile import CompiledTable
from service.engine.table import HitPolicy, Row, Table
from service.engine.trace import Neighbour, nearest, step
from tests.engine.small_tables import box, feature, holding, no_deadline, partitions, points, table

A, B = feature("a", "x", "y", "z"), feature("b", "1", "2")


def test_a_step_says_what_was_read_which_row_held_and_what_came_out():
    of = Table(
        "t",
        HitPolicy.PRIORITY,
        (A, B),
        ("worst", "best"),
        (Row("one", "best", (box(),)), Row("two", "worst", (box(b="1"),))),
        "Words",
    )
    found = step(CompiledTable(of), {"a": "x", "b": "1", "other": "unread"})
    assert (found.table, found.title, found.row, found.output) == ("t", "Words", "two", "worst")
    assert found.inputs == {"a": "x", "b": "1"}


def test_a_neighbour_names_the_one_cell_that_failed_and_what_it_needed_in_the_order_of_the_feature():
    of = table("unique", (A, B), Row("one", "best", (box(a="x"),)), Row("two", "worst", (box(a="z y"),)))
    assert nearest(CompiledTable(of), {"a": "x", "b": "1"}) == [Neighbour("two", "a", "x", ("y", "z"))]


def test_a_row_that_misses_by_two_cells_is_no_neighbour():
    rows = [
        Row("one", "best", (box(a="x"),)),
        Row("two", "worst", (box(a="y z", b="1"),)),
        Row("far", "worst", (box(a="y z", b="2"),)),
    ]
    found = nearest(CompiledTable(table("unique", (A, B), *rows)), {"a": "x", "b": "1"})
    assert [near.row for near in found] == ["two"]


def test_the_row_that_holds_is_no_neighbour_of_itself_though_another_of_its_boxes_is_near():
    rows = [
        Row("one", "best", (box(a="x", b="1"), box(a="y", b="1"))),
        Row("two", "worst", (box(a="x y", b="2"), box(a="z"))),
    ]
    found = nearest(CompiledTable(table("unique", (A, B), *rows)), {"a": "x", "b": "1"})
    assert [(near.row, near.feature, near.needed) for near in found] == [("two", "b", ("2",)), ("two", "a", ("z",))]


@no_deadline
@given(partitions(), st.data())
def test_neighbours_are_the_rows_that_changing_one_feature_reaches(of, data):
    point = data.draw(st.sampled_from(list(points(of))))
    (held,) = holding(of, point)
    reached = {
        (row.name, each.name): tuple(v for v in each.values if row in holding(of, {**point, each.name: v}))
        for each in of.inputs
        for value in each.values
        for row in holding(of, {**point, each.name: value})
        if row != held
    }
    found = nearest(CompiledTable(of), point)
    assert {(near.row, near.feature): near.needed for near in found} == reached
    assert all(near.stated == point[near.feature] for near in found)
    assert len(found) == len(reached)


def test_what_explains_an_answer_cannot_be_changed():
    compiled = CompiledTable(table("unique", (A, B), Row("one", "best", (box(a="x"),)), Row("two", "worst", (box(),))))
    for explained in (step(compiled, {"a": "x", "b": "1"}), *nearest(compiled, {"a": "y", "b": "1"})):
        with pytest.raises(AttributeError):
            explained.row = "other"
