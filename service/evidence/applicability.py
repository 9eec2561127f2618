"""How a patient compares with those whom each study enrolled."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from service.engine.bounded_memo import BoundedMemo
from service.engine.compile import CompiledTable, Point
from service.engine.table import collect_table, is_inside
from service.engine.vocabulary import Feature
from service.evidence.kept_json import kept_json
from service.evidence.outcomes import Criterion, Population

MAX_COMPARISONS = 1_200
"""Comparisons with the studies in memory for each guideline, at about 1 kB."""


class Applicability:
    """What fits, what does not fit and what is not known of a patient, criterion by criterion of each study."""

    def __init__(self, populations: Iterable[Population], features: Mapping[str, Feature]) -> None:
        self._populations = [(population, _compile(population, features)) for population in populations]
        self._comparisons = BoundedMemo[tuple[str, int], orjson.Fragment](MAX_COMPARISONS)

    def at(self, point: Point) -> list[orjson.Fragment]:
        """Return the comparison with each study as JSON. Patients in the same boxes share one comparison."""
        return [self._compare(population, table.fitting(point), point) for population, table in self._populations]

    def _compare(self, population: Population, bits: int, point: Point) -> orjson.Fragment:
        fragment = self._comparisons.get((population.study, bits))
        if fragment is None:
            fragment = kept_json(_comparison(population, point))
            self._comparisons.remember((population.study, bits), fragment)
        return fragment


def _compile(population: Population, features: Mapping[str, Feature]) -> CompiledTable:
    rows = [(str(index), criterion.misfits + criterion.fits) for index, criterion in enumerate(population.criteria)]
    return CompiledTable(collect_table("applicability", rows, features))


def _comparison(population: Population, point: Point) -> dict[str, Any]:
    lists: dict[str, list[str]] = {"matches": [], "mismatches": [], "unknown": []}
    for criterion in population.criteria:
        lists[_list_name(criterion, point)].append(criterion.criterion)
    return {"study": population.study, "citation": population.citation, **lists}


def _list_name(criterion: Criterion, point: Point) -> str:
    if is_inside(criterion.misfits, point):
        return "mismatches"
    return "matches" if is_inside(criterion.fits, point) else "unknown"
