from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine import compile as compiling
from service.engine.compile import DENSE_CELLS, CompiledTable
from service.engine.table import Row
from tests.engine.small_tables import (
    OUTPUTS,
    box,
    feature,
    holding,
    inside,
    no_deadline,
    partitions,
    points,
    table,
    tables,
)


def dense_and_in_groups(of, together=4):
    """The table laid out whole, and the same table in groups of so many cells."""
    with mock.patch.multiple(compiling, DENSE_CELLS=0, GROUP_CELLS=together):
        in_groups = CompiledTable(of)
    return CompiledTable(of), in_groups


@no_deadline
@given(partitions())
def test_a_unique_table_gives_the_one_row_that_holds(of):
    dense, in_groups = dense_and_in_groups(of)
    assert len(dense.cells) == of.cells
    assert len(in_groups.cells) == len(of.entries)
    for point in points(of):
        (row,) = holding(of, point)
        assert dense.decide(point) == in_groups.decide(point) == row


@no_deadline
@given(tables("priority"))
def test_a_priority_table_gives_the_worst_output_that_holds(of):
    dense, in_groups = dense_and_in_groups(of)
    for point in points(of):
        rows = holding(of, point)
        if rows:
            worst = min(rows, key=lambda row: OUTPUTS.index(row.output))
            assert dense.decide(point) == in_groups.decide(point) == worst
        else:
            for asked in (dense, in_groups):
                with pytest.raises(LookupError):
                    asked.decide(point)


@no_deadline
@given(tables("priority"), st.sampled_from([1, 4, 16, 64]))
def test_how_features_are_grouped_never_changes_the_answer(of, together):
    dense, in_groups = dense_and_in_groups(of, together)
    for point in points(of):
        if holding(of, point):
            assert dense.decide(point) is in_groups.decide(point)


@no_deadline
@given(tables("priority"), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_changes_what_a_priority_table_gives(of, random):
    rows = list(of.rows)
    random.shuffle(rows)
    one, other = CompiledTable(of), CompiledTable(table("priority", of.inputs, *rows))
    for point in points(of):
        if holding(of, point):
            assert one.decide(point).output == other.decide(point).output


@no_deadline
@given(partitions(), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_changes_what_a_proved_unique_table_gives(of, random):
    rows = list(of.rows)
    random.shuffle(rows)
    one, other = CompiledTable(of), CompiledTable(table("unique", of.inputs, *rows))
    assert all(one.decide(point) == other.decide(point) for point in points(of))


@no_deadline
@given(tables("collect", empty_cells=True))
def test_a_collect_table_gives_every_box_that_holds_in_order_or_none(of):
    compiled = CompiledTable(of)
    grouped = compiled.grouped()
    for point in points(of):
        expected = [(row, where) for row in of.rows for where in row.boxes if inside(point, where)]
        assert list(compiled.collect(point)) == expected
        assert grouped(point) == compiled.fitting(point)


@no_deadline
@given(tables("priority"))
def test_the_bits_of_a_point_are_the_boxes_that_it_lies_in(of):
    compiled = CompiledTable(of)
    for point in points(of):
        bits = compiled.fitting(point)
        assert [bits >> i & 1 == 1 for i in range(len(of.entries))] == [inside(point, where) for _, where in of.entries]


@no_deadline
@given(tables("priority"))
def test_but_for_one_feature_those_boxes_fit_that_all_others_accept(of):
    compiled = CompiledTable(of)
    for point in points(of):
        but_for = compiled.but_for(point)
        assert list(but_for) == [each.name for each in of.inputs]
        for name, bits in but_for.items():
            fit = [inside(point, {k: v for k, v in where.items() if k != name}) for _, where in of.entries]
            assert bits == sum(1 << index for index, fits in enumerate(fit) if fits)


@no_deadline
@given(tables("unique"))
def test_a_cell_is_what_the_table_reads_of_a_point_and_nothing_else(of):
    cell = CompiledTable(of).cell
    found = {cell({**point, "other": "z"}) for point in points(of)}
    assert found == {cell(point) for point in points(of)}
    assert len(found) == of.cells


def test_a_point_may_hold_more_features_than_the_table_reads():
    of = table("unique", (feature("a", "x", "y"),), Row("r", "best", (box(),)))
    assert CompiledTable(of).decide({"a": "x", "other": "z"}).name == "r"


def test_a_table_that_reads_nothing_gives_its_one_row():
    of = table("unique", (), Row("always", "best", (box(),)))
    assert CompiledTable(of).decide({"a": "x"}).name == "always"


def test_a_table_that_collects_has_no_one_row():
    of = table("collect", (feature("a", "x"),), Row("r", "best", (box(),)))
    with pytest.raises(LookupError):
        CompiledTable(of).decide({"a": "x"})


def test_a_value_that_does_not_exist_is_no_answer():
    of = table("unique", (feature("a", "x"),), Row("r", "best", (box(),)))
    for asked in dense_and_in_groups(of):
        with pytest.raises(LookupError):
            asked.decide({"a": "z"})


def test_a_table_too_large_to_be_laid_out_gives_the_same_as_one_that_is():
    inputs = tuple(feature(f"f{i}", *(f"v{j}" for j in range(7))) for i in range(5))
    rows = [Row(f"r{j}", "best", ({"f0": frozenset({f"v{j}"})},)) for j in range(7)]
    of = table("unique", inputs, *rows)
    assert of.cells > DENSE_CELLS
    compiled = CompiledTable(of)
    assert len(compiled.cells) == 7
    point = {each.name: "v3" for each in inputs}
    assert compiled.decide(point).name == "r3"
    assert compiled.decide({**point, "f0": "v6"}).name == "r6"
