"""Pooling of ratios: fixed effect (inverse variance), DerSimonian-Laird, Hartung-Knapp-Sidik-Jonkman, heterogeneity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from service.evidence.effect import PERCENT, Interval, normal_quantile, student_quantile


@dataclass(frozen=True)
class Pool:
    """What several studies say together. Weights are percent of the fixed and of the random-effects sum.

    `hartung_knapp` is the interval of Hartung, Knapp, Sidik and Jonkman around the random-effects estimate;
    `i2` is in percent; `q` has `freedom` degrees of freedom.
    """

    fixed: Interval
    random: Interval
    hartung_knapp: Interval
    q: float
    freedom: int
    i2: float
    tau2: float
    weights_fixed: tuple[float, ...]
    weights_random: tuple[float, ...]


def pooled(effects: Sequence[Interval], level: float = 95) -> Pool:
    """Pool at least two effects, each by its own interval and level. Raises ValueError for fewer."""
    if len(effects) < 2:  # noqa: PLR2004 - one study is no pool
        raise ValueError("a pool needs at least two studies")
    logs = [math.log(effect.ratio) for effect in effects]
    variances = [effect.standard_error**2 for effect in effects]
    inverse = [1 / variance for variance in variances]
    fixed = _mean(logs, inverse)
    q = sum(weight * (value - fixed) ** 2 for weight, value in zip(inverse, logs, strict=True))
    freedom = len(effects) - 1
    spread = sum(inverse) - sum(weight**2 for weight in inverse) / sum(inverse)
    tau2 = max(0.0, (q - freedom) / spread)
    mixed = [1 / (variance + tau2) for variance in variances]
    random = _mean(logs, mixed)
    residual = sum(weight * (value - random) ** 2 for weight, value in zip(mixed, logs, strict=True))
    return Pool(
        fixed=_interval(fixed, math.sqrt(1 / sum(inverse)), normal_quantile(level), level),
        random=_interval(random, math.sqrt(1 / sum(mixed)), normal_quantile(level), level),
        hartung_knapp=_interval(
            random, math.sqrt(residual / freedom / sum(mixed)), student_quantile(level, freedom), level
        ),
        q=q,
        freedom=freedom,
        i2=max(0.0, (q - freedom) / q) * PERCENT if q > 0 else 0.0,
        tau2=tau2,
        weights_fixed=_percent(inverse),
        weights_random=_percent(mixed),
    )


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)


def _interval(log: float, error: float, reach: float, level: float) -> Interval:
    return Interval(math.exp(log), math.exp(log - reach * error), math.exp(log + reach * error), level)


def _percent(weights: Sequence[float]) -> tuple[float, ...]:
    return tuple(weight / sum(weights) * PERCENT for weight in weights)
