"""An outcome and its pools as JSON values."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from service.evidence.effect import Interval
from service.evidence.outcomes import MEANINGFUL, MIN_POOL_SIZE, Effect, Outcome, PooledOutcome

METHOD = (
    "Log hazard ratios; standard errors from the width of each interval at its own level; inverse-variance fixed "
    "effect; DerSimonian-Laird random effects; Hartung-Knapp-Sidik-Jonkman interval around the random-effects estimate."
)
ONE_TRIAL = "Only one trial is chosen."


def outcome_json(outcome: Outcome, evidence_date: date, rule: str | None = None) -> dict[str, Any]:
    """Return the outcome with its studies, what others published, and the pool of a rule, or its default pool.

    The other pools stand under `sensitivity` where the pools say which rules they stand behind.
    """
    shown = outcome.shown if rule is None else outcome.pool_behind(rule)
    ruled = rule is not None and any(pool.rules for pool in outcome.pools)
    others = [pool_json(pool) for pool in outcome.pools if pool is not shown] if ruled else []
    words = {"statements": [{"text": each.text, "citation": each.citation} for each in outcome.statements]}
    names = {effect.id: effect.label for effect in outcome.trials}
    strata = [
        {"between": list(each.between), "names": [names[name] for name in each.between], "text": each.text}
        for each in outcome.interactions
    ]
    return (
        (words if outcome.statements else {})
        | ({"interactions": strata} if strata else {})
        | ({"sensitivity": others} if ruled else {})
        | {
            "title": outcome.title,
            "measure": outcome.measure,
            "direction": outcome.direction,
            "method": METHOD if outcome.pools else None,
            "date": evidence_date.isoformat(),
            "pooled": None if shown is None else pool_json(shown),
            "pooled_reason": outcome.pooled_reason,
            "studies": [_effect_json(effect) for effect in outcome.trials],
            "published": [_effect_json(effect) for effect in outcome.published],
            "notes": list(outcome.notes),
        }
    )


def outcome_detail(
    outcome: Outcome, evidence_date: date, chosen: Sequence[str], pool: PooledOutcome | None
) -> dict[str, Any]:
    """Return the outcome with all its pools, and the pool of the chosen trials in place of the default one."""
    reason = ONE_TRIAL if outcome.pools and len(chosen) < MIN_POOL_SIZE else outcome.pooled_reason
    return outcome_json(outcome, evidence_date) | {
        "id": outcome.id,
        "favours": outcome.favours and {"below": outcome.favours.below, "above": outcome.favours.above},
        "timings": dict(outcome.timings),
        "chosen": list(chosen),
        "pooled": None if pool is None else pool_json(pool),
        "pooled_reason": reason if pool is None else None,
        "pools": [pool_json(other) for other in outcome.pools],
        "same_trial": [[one.id, other.id] for one, other in outcome.same_trial],
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
        **({"rules": list(pool.rules)} if pool.rules else {}),
        "weights": [
            {"id": effect.id, "study": effect.study, "fixed": round(fixed, 1), "random": round(random, 1)}
            for effect, fixed, random in zip(pool.trials, numbers.weights_fixed, numbers.weights_random, strict=True)
        ],
    }


def _effect_json(effect: Effect) -> dict[str, Any]:
    return {
        "id": effect.id,
        "study": effect.study,
        "name": effect.name,
        "stratum": effect.stratum,
        "citation": effect.citation,
        **_interval_json(effect.interval),
        "interval": "credible" if effect.interval.credible else "confidence",
        "timing": effect.timing,
        "people": effect.people,
        "read_in": effect.read_in,
        "caveats": list(effect.caveats),
        "argued": effect.argued,
        **({} if effect.margin is None else {"margin": round(effect.margin, 3)}),
    }


def _interval_json(interval: Interval) -> dict[str, float]:
    return {
        "hr": round(interval.ratio, 3),
        "ci_low": round(interval.low, 3),
        "ci_high": round(interval.high, 3),
        "ci_level": interval.level,
    }
