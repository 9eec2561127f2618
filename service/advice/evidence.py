"""The evidence beside an answer: what the trials found, and how this patient compares with those they enrolled."""

from collections.abc import Mapping
from typing import Any

import orjson

from service.advice.kept import Kept
from service.engine.compile import CompiledTable, Point
from service.engine.vocabulary import Feature
from service.evidence.effect import Interval
from service.evidence.outcomes import MEANINGFUL, Criterion, Effect, Outcome, PooledOutcome, Population
from service.knowledge.guideline import Guideline, inside
from service.knowledge.tables_file import collecting

KEPT = 1_200
"""Comparisons with the studies kept for each guideline, at about 1 kB."""
METHOD = (
    "Log hazard ratios; standard errors from the width of each interval at its own level; inverse-variance fixed "
    "effect; DerSimonian-Laird random effects; Hartung-Knapp-Sidik-Jonkman interval around the random-effects estimate."
)


def evidence(guideline: Guideline) -> dict[str, Any]:
    """Each outcome with its default pool and its studies."""
    return {outcome.id: of_outcome(outcome, guideline) for outcome in guideline.evidence.outcomes}


def cited(guideline: Guideline) -> list[str]:
    """The sources of the evidence and of the populations."""
    effects = (each for outcome in guideline.evidence.outcomes for each in (*outcome.trials, *outcome.published))
    populations = guideline.evidence.populations
    return list(dict.fromkeys([*(each.citation for each in effects), *(each.citation for each in populations)]))


def of_outcome(outcome: Outcome, guideline: Guideline) -> dict[str, Any]:
    """One outcome: pooled, per study, as published."""
    return {
        "title": outcome.title,
        "measure": outcome.measure,
        "direction": outcome.direction,
        "method": METHOD if outcome.pools else None,
        "date": guideline.release.evidence_date.isoformat(),
        "pooled": None if outcome.shown is None else of_pool(outcome.shown),
        "studies": [_study(effect) for effect in outcome.trials],
        "published": [_study(effect) for effect in outcome.published],
        "notes": list(outcome.notes),
    }


def of_pool(pool: PooledOutcome) -> dict[str, Any]:
    """A pool with all its intervals; ours, and said to be."""
    numbers = pool.pool
    return {
        "id": pool.id,
        "title": pool.title,
        "derived": True,
        "fixed": _interval(numbers.fixed),
        "random": _interval(numbers.random),
        "hartung_knapp": _interval(numbers.hartung_knapp) if numbers.freedom >= MEANINGFUL else None,
        "q": round(numbers.q, 2),
        "freedom": numbers.freedom,
        "i2": round(numbers.i2, 1),
        "tau2": round(numbers.tau2, 4),
        "caveat": pool.caveat,
        "weights": [
            {"study": effect.study, "fixed": round(fixed, 1), "random": round(random, 1)}
            for effect, fixed, random in zip(pool.trials, numbers.weights_fixed, numbers.weights_random, strict=True)
        ],
    }


class Applicability:
    """How a patient compares with those whom each study enrolled: what fits, what does not, what is not known."""

    def __init__(self, guideline: Guideline) -> None:
        features = guideline.chain.features
        self._populations = [(each, _boxes(each, features)) for each in guideline.evidence.populations]
        self._known = Kept[tuple[str, int], orjson.Fragment](KEPT)

    def at(self, point: Point) -> list[orjson.Fragment]:
        """The comparison with each, as JSON. Patients who lie in the same boxes are compared once."""
        return [self._compared(population, boxes.fitting(point), point) for population, boxes in self._populations]

    def _compared(self, population: Population, bits: int, point: Point) -> orjson.Fragment:
        found = self._known.get((population.study, bits))
        if found is None:
            compared = orjson.Fragment(orjson.dumps(_comparison(population, point)))
            found = self._known.keep((population.study, bits), compared)
        return found


def _boxes(population: Population, features: Mapping[str, Feature]) -> CompiledTable:
    parts = [(str(index), each.misfits + each.fits) for index, each in enumerate(population.criteria)]
    return CompiledTable(collecting("applicability", parts, features))


def _comparison(population: Population, point: Point) -> dict[str, Any]:
    told: dict[str, Any] = {"study": population.study, "citation": population.citation}
    told |= {"matches": [], "mismatches": [], "unknown": []}
    for each in population.criteria:
        told[_place(each, point)].append(each.criterion)
    return told


def _place(criterion: Criterion, point: Point) -> str:
    if inside(criterion.misfits, point):
        return "mismatches"
    return "matches" if inside(criterion.fits, point) else "unknown"


def _study(effect: Effect) -> dict[str, Any]:
    return {
        "study": effect.study,
        "name": effect.name,
        "citation": effect.citation,
        **_interval(effect.interval),
        "timing": effect.timing,
        "people": effect.people,
        "read_in": effect.read_in,
        "caveats": list(effect.caveats),
        "argued": effect.argued,
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {
        "hr": round(interval.ratio, 3),
        "ci_low": round(interval.low, 3),
        "ci_high": round(interval.high, 3),
        "ci_level": interval.level,
    }
