import tracemalloc

import pytest
from hypothesis import given

from service.engine.compile import CompiledTable
from service.engine.table import Row, Table
from service.engine.verify import Flaw, Kind, uncovered, verify
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

A, B = feature("a", "x", "y", "z"), feature("b", "1", "2")
MEGABYTE = 1 << 20


def told(of: Table, kind: str) -> list[Flaw]:
    return [flaw for flaw in verify(of) if flaw.kind == kind]


def boxes_of(of: Table, name: str):
    return [where for row in of.rows if row.name == name for where in row.boxes]


# ---- by hand


def test_a_table_that_is_right_has_no_flaw():
    rows = [Row("one", "best", (box(a="x"),)), Row("two", "worst", (box(a="y z", b="1"), box(a="y z", b="2")))]
    assert verify(table("unique", (A, B), *rows)) == []


def test_an_overlap_is_told_with_both_rows_and_a_point_of_both():
    rows = [Row("one", "best", (box(a="x y"),)), Row("two", "worst", (box(a="z"), box(a="y", b="2")))]
    (flaw,) = verify(table("unique", (A, B), *rows))
    assert (flaw.kind, flaw.rows, flaw.witness) == (Kind.OVERLAP, ("one", "two"), {"a": "y", "b": "2"})


def test_a_gap_is_told_with_a_point_that_no_row_takes():
    rows = [Row("one", "best", (box(a="x y"),)), Row("two", "worst", (box(a="z", b="2"),))]
    (flaw,) = verify(table("unique", (A, B), *rows))
    assert (flaw.kind, flaw.witness) == (Kind.GAP, {"a": "z", "b": "1"})


def test_a_gap_beside_an_overlap_of_the_same_size_is_still_told():
    rows = [Row("one", "best", (box(a="x y", b="1"),)), Row("two", "worst", (box(a="y z", b="1"), box(a="x y", b="2")))]
    flaws = verify(table("unique", (A, B), *rows))
    assert {(flaw.kind, tuple(flaw.witness.items())) for flaw in flaws} == {
        (Kind.OVERLAP, (("a", "y"), ("b", "1"))),
        (Kind.GAP, (("a", "z"), ("b", "2"))),
    }


def test_a_unique_row_in_no_box_is_dead():
    rows = [Row("one", "best", (box(),)), Row("nowhere", "worst", ()), Row("empty", "worst", (box(a=""),))]
    flaws = verify(table("unique", (A, B), *rows))
    assert [(flaw.kind, flaw.rows, flaw.witness) for flaw in flaws] == [
        (Kind.DEAD, ("nowhere",), None),
        (Kind.DEAD, ("empty",), None),
    ]


def test_a_priority_row_that_worse_rows_cover_together_is_dead():
    rows = [
        Row("hidden", "middle", (box(b="1"),)),
        Row("one", "worst", (box(a="x"),)),
        Row("two", "worst", (box(a="y z", b="1"),)),
        Row("rest", "best", (box(),)),
    ]
    (flaw,) = verify(table("priority", (A, B), *rows))
    assert (flaw.kind, flaw.rows) == (Kind.DEAD, ("hidden",))


def test_a_priority_row_with_one_point_left_is_alive():
    rows = [
        Row("nearly", "middle", (box(b="1"),)),
        Row("one", "worst", (box(a="x"),)),
        Row("two", "worst", (box(a="y", b="1"),)),
        Row("rest", "best", (box(),)),
    ]
    assert verify(table("priority", (A, B), *rows)) == []


def test_a_priority_table_with_a_gap_shows_it():
    (flaw,) = verify(table("priority", (A, B), Row("one", "best", (box(a="x y"),)), Row("two", "worst", (box(b="1"),))))
    assert (flaw.kind, flaw.witness) == (Kind.GAP, {"a": "z", "b": "2"})


def test_rows_of_a_priority_table_may_overlap():
    assert verify(table("priority", (A,), Row("one", "worst", (box(a="x"),)), Row("two", "best", (box(),)))) == []


def test_a_collect_table_may_have_gaps_and_overlaps_but_no_dead_rows():
    rows = [Row("one", "best", (box(a="x"),)), Row("two", "best", (box(a="x"),)), Row("never", "best", (box(a=""),))]
    (flaw,) = verify(table("collect", (A, B), *rows))
    assert (flaw.kind, flaw.rows) == (Kind.DEAD, ("never",))


def test_a_dead_row_is_found_though_another_row_has_its_name():
    rows = [Row("same", "worst", (box(),)), Row("same", "best", (box(a="x"),))]
    assert [flaw.kind for flaw in verify(table("priority", (A,), *rows))] == [Kind.DEAD]


def test_a_flaw_says_table_kind_rows_and_witness_in_one_line():
    flaw = Flaw("t", Kind.OVERLAP, ("one", "two"), {"a": "x"})
    assert str(flaw) == "table t: overlap one, two; witness {'a': 'x'}"
    assert "witness" not in str(Flaw("t", Kind.DEAD, ("one",), None))


# ---- against every point of small tables


@no_deadline
@given(partitions())
def test_every_table_made_by_cutting_is_proved(of):
    assert verify(of) == []


@no_deadline
@given(tables("unique", empty_cells=True))
def test_overlaps_are_those_that_counting_finds_and_each_witness_lies_in_both_rows(of):
    counted = {
        (one.name, other.name)
        for point in points(of)
        for rows in [holding(of, point)]
        for i, one in enumerate(rows)
        for other in rows[i + 1 :]
    }
    # Boxes of one row that overlap give the same answer twice; whether that is told is a matter of taste.
    flaws = [flaw for flaw in told(of, "overlap") if flaw.rows[0] != flaw.rows[1]]
    assert {flaw.rows for flaw in flaws} == counted
    for flaw in flaws:
        for name in flaw.rows:
            assert any(inside(flaw.witness, where) for where in boxes_of(of, name))


@pytest.mark.parametrize("policy", ["unique", "priority"])
def test_a_gap_is_told_exactly_where_counting_finds_one(policy):
    @no_deadline
    @given(tables(policy, empty_cells=True))
    def compare(of):
        gaps = [point for point in points(of) if not holding(of, point)]
        flaws = told(of, "gap")
        assert len(flaws) == bool(gaps)
        assert all(flaw.witness in gaps for flaw in flaws)

    compare()


@no_deadline
@given(tables("unique", empty_cells=True))
def test_unique_rows_are_dead_exactly_where_no_point_is_theirs(of):
    living = {row.name for point in points(of) for row in holding(of, point)}
    assert [flaw.rows for flaw in told(of, "dead")] == [(row.name,) for row in of.rows if row.name not in living]


@no_deadline
@given(tables("priority", empty_cells=True))
def test_priority_rows_are_dead_exactly_where_they_never_win(of):
    ranked = sorted(of.rows, key=lambda row: OUTPUTS.index(row.output))
    living = set()
    for point in points(of):
        rows = holding(of, point)
        living |= {next(row.name for row in ranked if row in rows)} if rows else set()
    assert [flaw.rows for flaw in told(of, "dead")] == [(row.name,) for row in of.rows if row.name not in living]


@no_deadline
@given(tables("priority"))
def test_what_is_uncovered_is_a_point_outside_all_boxes_and_none_where_they_fill_the_space(of):
    boxes = [{**of.values, **where} for _, where in of.entries]
    gaps = [point for point in points(of) if not holding(of, point)]
    found = uncovered(of.values, boxes)
    assert found in gaps if gaps else found is None


# ---- large


def large(rules: int = 1000) -> Table:
    """1,000 disjoint rules over 10^8 cells: a hundred first values, each cut in ten by one of five other features."""
    first = feature("first", *(f"v{i}" for i in range(100)))
    others = tuple(feature(f"f{k}", *(f"v{j}" for j in range(10))) for k in range(6))
    rows = [
        Row(f"r{i}-{j}", "best", ({"first": frozenset({f"v{i}"}), f"f{i % 5}": frozenset({f"v{j}"})},))
        for i in range(100)
        for j in range(10)
    ]
    return table("unique", (first, *others), *rows[:rules])


def test_a_thousand_rules_over_a_hundred_million_cells_are_proved_without_being_laid_out():
    of = large()
    assert (len(of.rows), of.cells) == (1000, 10**8)
    tracemalloc.start()
    try:
        flaws = verify(of)
        compiled = CompiledTable(of)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert flaws == []
    assert peak < 50 * MEGABYTE
    point = {each.name: "v4" for each in of.inputs}
    assert compiled.decide(point).name == "r4-4"


def test_a_single_rule_too_few_among_a_thousand_is_shown_with_a_witness():
    of = large(999)
    (flaw,) = verify(of)
    assert flaw.kind == Kind.GAP
    assert (flaw.witness["first"], flaw.witness["f4"]) == ("v99", "v9")


def test_an_overlap_among_a_thousand_rules_is_shown_with_a_witness():
    whole = large()
    extra = Row("extra", "best", ({"first": frozenset({"v7"}), "f2": frozenset({"v3"}), "f5": frozenset({"v0"})},))
    flaws = verify(table("unique", whole.inputs, *whole.rows, extra))
    assert [(flaw.kind, flaw.rows) for flaw in flaws] == [(Kind.OVERLAP, ("r7-3", "extra"))]
    assert (flaws[0].witness["first"], flaws[0].witness["f2"], flaws[0].witness["f5"]) == ("v7", "v3", "v0")


@pytest.mark.parametrize("policy", ["unique", "priority"])
def test_a_gap_behind_a_thousand_rules_in_a_row_is_found(policy):
    long = feature("long", *(f"v{i}" for i in range(1001)))
    rows = [Row(f"r{i}", "best", ({"long": frozenset({f"v{i}"})},)) for i in range(1000)]
    (flaw,) = verify(table(policy, (long,), *rows))
    assert (flaw.kind, flaw.witness) == (Kind.GAP, {"long": "v1000"})


def test_a_last_row_that_a_thousand_others_cover_is_dead():
    long = feature("long", *(f"v{i}" for i in range(1000)))
    rows = [Row(f"r{i}", "worst", ({"long": frozenset({f"v{i}"})},)) for i in range(1000)]
    (flaw,) = verify(table("priority", (long,), *rows, Row("rest", "best", (box(),))))
    assert (flaw.kind, flaw.rows) == (Kind.DEAD, ("rest",))


def test_a_flaw_cannot_be_changed():
    with pytest.raises(AttributeError):
        Flaw("t", Kind.GAP, (), {"a": "x"}).witness = None
