"""The decision table of a guideline, written out cell by cell."""

from collections.abc import Iterator
from itertools import product

from service.knowledge.guideline import Guideline

RESULTS = ("rule", "code", "direction")
"""Columns that follow the axes."""


def columns(guideline: Guideline) -> list[str]:
    """Return the names of the columns: the axes, then the results."""
    return [*guideline.release.axes, *RESULTS]


def cells(guideline: Guideline) -> Iterator[dict[str, str]]:
    """Yield every cell: a value of each axis, and the rule that holds there."""
    axes = guideline.release.axes
    for values in product(*(guideline.chain.features[axis].values for axis in axes)):
        cell = dict(zip(axes, values, strict=True))
        rule = guideline.rules[guideline.table.decide(cell).output]
        yield cell | {"rule": rule.id, "code": rule.code, "direction": rule.direction}
