"""One figure beside its reference: how it is measured, and what is kept of it."""

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROUNDS = 9
"""Of each row; in each the value and its reference are measured one right after the other."""
Pair = tuple[float, float]
"""What one round gives: the value and its reference, in the row's unit."""


@dataclass(frozen=True)
class Target:
    """What the issue asks: of the ratio, or of the value itself."""

    of: str
    sign: str
    limit: float

    @classmethod
    def read(cls, text: str) -> "Target":
        """Out of words: `ratio >= 0.9`."""
        of, sign, limit = text.split()
        if of not in {"ratio", "value"} or sign not in {"<=", ">="}:
            raise ValueError(f"no target: {text!r}")
        return cls(of, sign, float(limit))

    def met(self, value: float, ratio: float) -> bool:
        """Whether it is reached."""
        measured = ratio if self.of == "ratio" else value
        return measured <= self.limit if self.sign == "<=" else measured >= self.limit

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.of} {self.sign} {self.limit:g}"


class SkippedError(RuntimeError):
    """A row that this build cannot be asked for; the message says why."""


T = TypeVar("T")


@dataclass(frozen=True)
class Effort:
    """How much is spent on a measurement: a little shows that it runs, and gives no figure."""

    short: bool = False
    content: Path | None = None
    """Content folder whose guideline the rows of four guidelines copy; None leaves the choice to them."""

    def of(self, full: T, little: T) -> T:
        """One of the two."""
        return little if self.short else full


@dataclass
class Measure:
    """A row that is set up: `pair` measures one round, `facts` says what else was seen."""

    pair: Callable[[], Pair]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """A row that can be measured. `open` sets it up."""

    name: str
    unit: str
    target: Target | None
    """None if the issue states none."""
    value: str
    """What is measured, in one sentence."""
    reference: str
    """What it is held against, in one sentence."""
    open: Callable[[Effort], AbstractContextManager[Measure]]


@dataclass(frozen=True)
class Row:
    """A figure with its reference. Medians of the rounds; `ratio` is the one divided by the other."""

    name: str
    unit: str
    value: float
    reference: float
    ratio: float
    target: str
    """Empty if there is none."""
    met: bool | None
    compares: dict[str, str]
    """What value and reference are, in one sentence each."""
    quartiles: dict[str, Pair]
    """First and third quartile of value, reference, and of the rounds' own ratios."""
    rounds: tuple[Pair, ...]
    facts: dict[str, Any]

    @classmethod
    def of(cls, spec: Spec, rounds: list[Pair], facts: dict[str, Any]) -> "Row":
        """What the rounds say."""
        values, references = zip(*rounds, strict=True)
        value, reference = statistics.median(values), statistics.median(references)
        ratio = value / reference
        spread = {"value": values, "reference": references, "ratio": [one / other for one, other in rounds]}
        return cls(
            name=spec.name,
            unit=spec.unit,
            value=rounded(value),
            reference=rounded(reference),
            ratio=rounded(ratio),
            target=str(spec.target or ""),
            met=spec.target.met(value, ratio) if spec.target else None,
            compares={"value": spec.value, "reference": spec.reference},
            quartiles={name: quartiles(numbers) for name, numbers in spread.items()},
            rounds=tuple((rounded(one), rounded(other)) for one, other in rounds),
            facts=facts,
        )

    def as_json(self) -> dict[str, Any]:
        """As it stands in results.json."""
        return asdict(self)


def measured(spec: Spec, effort: Effort) -> Row:
    """Measure a row."""
    with spec.open(effort) as measure:
        return Row.of(spec, [measure.pair() for _ in range(effort.of(ROUNDS, 1))], measure.facts)


def quartiles(numbers: Any) -> Pair:
    """The first and the third."""
    if len(numbers) < 2:  # noqa: PLR2004 - of one number there are none
        return rounded(numbers[0]), rounded(numbers[0])
    first, _, third = statistics.quantiles(numbers, n=4, method="inclusive")
    return rounded(first), rounded(third)


def rounded(number: float) -> float:
    """Four significant digits; more would be noise."""
    return float(f"{number:.4g}")
