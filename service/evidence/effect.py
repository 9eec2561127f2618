"""An effect size with its interval, and what its interval implies.

All arithmetic is on the log scale. Which arm a ratio below 1 favours is content.
"""

import math
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from statistics import NormalDist

PERCENT = 100


@dataclass(frozen=True)
class Interval:
    """A ratio with a confidence interval, or a credible one, at a stated level (in percent)."""

    ratio: float
    low: float
    high: float
    level: float
    credible: bool = False

    @property
    def standard_error(self) -> float:
        """Standard error of the log ratio, from the width of the interval at its own level."""
        return (math.log(self.high) - math.log(self.low)) / (2 * normal_quantile(self.level))

    @property
    def asymmetry(self) -> float:
        """How far the log ratio lies from the middle of its log interval, in standard errors."""
        middle = (math.log(self.high) + math.log(self.low)) / 2
        return abs(math.log(self.ratio) - middle) / self.standard_error

    @property
    def inside(self) -> bool:
        """Whether the ratio lies in its own interval."""
        return self.low <= self.ratio <= self.high

    @property
    def events_implied(self) -> float:
        """Events that an interval of this width needs with two arms of equal size: 4 / SE^2."""
        return 4 / self.standard_error**2

    def at(self, level: float) -> "Interval":
        """The same estimate with an interval at another level."""
        reach = normal_quantile(level) * self.standard_error
        return replace(self, low=self.ratio * math.exp(-reach), high=self.ratio * math.exp(reach), level=level)


def two_decimals(number: float) -> str:
    """Return the number with two decimals, its decimal form rounded half up: 0.415 becomes 0.42."""
    return str(Decimal(repr(number)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def normal_quantile(level: float) -> float:
    """Half-width, in standard errors, of a two-sided interval at this level (in percent): 1.96 for 95."""
    return NormalDist().inv_cdf(0.5 + level / (2 * PERCENT))


def student_quantile(level: float, freedom: int) -> float:
    """The same for Student's t with so many degrees of freedom: 2.78 for 95 percent and 4."""
    target, low, high = 0.5 + level / (2 * PERCENT), 0.0, 1.0
    while student_cdf(high, freedom) < target:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < target else (low, middle)
    return (low + high) / 2


def student_cdf(value: float, freedom: int) -> float:
    """P(T <= value) for a whole number of degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan2(value, math.sqrt(freedom))
    cosine, sine = math.cos(angle), math.sin(angle)
    term = total = cosine if freedom % 2 else 1.0
    for step in range(3 if freedom % 2 else 2, freedom - 1, 2):
        term *= cosine**2 * (step - 1) / step
        total += term
    even = sine * total
    odd = 2 / math.pi * (angle + (even if freedom > 1 else 0.0))
    return 0.5 + (odd if freedom % 2 else even) / 2
