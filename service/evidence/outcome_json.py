"""An outcome and its pools as JSON values."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from service.evidence.effect import Interval
from service.evidence.outcomes import MEANINGFUL, Effect, Outcome, PooledOutcome

METHOD = (
    "Log hazard ratios; standard errors from the width of each interval at its own level; inverse-variance fixed "
    "effect; DerSimonian-Laird random effects; Hartung-Knapp-Sidik-Jonkman interval around the random-effects estimate."
)


def outcome_json(outcome: Outcome, evidence_date: date) -> dict[str, Any]:
    """Return the outcome with its default pool, its studies and what others published."""
    return {
        "title": outcome.title,
        "measure": outcome.measure,
        "direction": outcome.direction,
        "method": METHOD if outcome.pools else None,
        "date": evidence_date.isoformat(),
        "pooled": None if outcome.shown is None else pool_json(outcome.shown),
        "studies": [_effect_json(effect) for effect in outcome.trials],
        "published": [_effect_json(effect) for effect in outcome.published],
        "notes": list(outcome.notes),
    }


def pool_json(pool: PooledOutcome) -> dict[str, Any]:
    """Return a pool with all its intervals, marked as derived by this service."""
    numbers = pool.pool
    return {
        "id": pool.id,
        "title": pool.title,
        "derived": True,
        "fixed": _interval_json(numbers.fixed),
        "random": _interval_json(numbers.random),
        "hartung_knapp": _interval_json(numbers.hartung_knapp) if numbers.freedom >= MEANINGFUL else None,
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


def _effect_json(effect: Effect) -> dict[str, Any]:
    return {
        "study": effect.study,
        "name": effect.name,
        "citation": effect.citation,
        **_interval_json(effect.interval),
        "timing": effect.timing,
        "people": effect.people,
        "read_in": effect.read_in,
        "caveats": list(effect.caveats),
        "argued": effect.argued,
    }


def _interval_json(interval: Interval) -> Mapping[str, float]:
    return {
        "hr": round(interval.ratio, 3),
        "ci_low": round(interval.low, 3),
        "ci_high": round(interval.high, 3),
        "ci_level": interval.level,
    }
