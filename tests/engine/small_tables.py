"""Small tables that hypothesis draws, and the plainest possible reference: every point, every box, one by one."""

from collections.abc import Iterator
from itertools import product

from hypothesis import settings
from hypothesis import strategies as st

from service.engine.table import Box, HitPolicy, Row, Table
from service.engine.vocabulary import Feature

no_deadline = settings(deadline=None)
"""A machine under load is no fault of a table."""

OUTPUTS = ("worst", "middle", "best")


def feature(name: str, *values: str) -> Feature:
    return Feature(name, values)


def box(**cells: str) -> Box:
    """A box out of words: box(a="x y", b="z")."""
    return {name: frozenset(values.split()) for name, values in cells.items()}


def table(policy: str, inputs: tuple[Feature, ...], *rows: Row, outputs: tuple[str, ...] = OUTPUTS) -> Table:
    return Table("t", HitPolicy(policy), inputs, outputs, rows)


def points(of: Table) -> Iterator[dict[str, str]]:
    """Every point of the table's space."""
    names = [each.name for each in of.inputs]
    for values in product(*(each.values for each in of.inputs)):
        yield dict(zip(names, values, strict=True))


def inside(point: dict[str, str], where: Box) -> bool:
    return all(point[name] in accepted for name, accepted in where.items())


def holding(of: Table, point: dict[str, str]) -> list[Row]:
    """The rows that hold at the point, in the order in which they are written."""
    return [row for row in of.rows if any(inside(point, where) for where in row.boxes)]


@st.composite
def inputs(draw: st.DrawFn) -> tuple[Feature, ...]:
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    return tuple(Feature(f"f{i}", tuple(f"v{j}" for j in range(size))) for i, size in enumerate(sizes))


def boxes(over: tuple[Feature, ...], *, empty_cells: bool = False) -> st.SearchStrategy[Box]:
    cells = {each.name: st.frozensets(st.sampled_from(each.values), min_size=not empty_cells) for each in over}
    return st.fixed_dictionaries({}, optional=cells)


@st.composite
def tables(draw: st.DrawFn, policy: str, *, empty_cells: bool = False) -> Table:
    """A table with up to six rows of up to two boxes, in any state of disorder."""
    over = draw(inputs())
    where = st.lists(boxes(over, empty_cells=empty_cells), min_size=0 if empty_cells else 1, max_size=2)
    drawn = draw(st.lists(st.tuples(st.sampled_from(OUTPUTS), where), min_size=1, max_size=6))
    rows = [Row(f"r{i}", output, tuple(of)) for i, (output, of) in enumerate(drawn)]
    return table(policy, over, *rows)


@st.composite
def partitions(draw: st.DrawFn) -> Table:
    """A UNIQUE table that is right: the space cut in two again and again, each piece given to a row."""
    over = draw(inputs())
    pieces: list[Box] = [{each.name: frozenset(each.values) for each in over}]
    for _ in range(draw(st.integers(0, 5))):
        index = draw(st.integers(0, len(pieces) - 1))
        whole = pieces[index]
        wide = [name for name, values in whole.items() if len(values) > 1]
        if not wide:
            continue
        name = draw(st.sampled_from(wide))
        values = sorted(whole[name])
        cut = draw(st.integers(1, len(values) - 1))
        pieces[index] = {**whole, name: frozenset(values[:cut])}
        pieces.append({**whole, name: frozenset(values[cut:])})
    rows = [Row(f"r{i}", draw(st.sampled_from(OUTPUTS)), (piece,)) for i, piece in enumerate(pieces)]
    return table("unique", over, *draw(st.permutations(rows)))
