"""The lines of a forest plot, made from an outcome's JSON, and their numbers as CSV."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POOLS = {
    "fixed": "Fixed effect",
    "random": "Random effects",
    "hartung_knapp": "Random, Hartung-Knapp interval",
}


@dataclass(frozen=True)
class Line:
    """A line of the plot. `kind`: trial, pooled or published; weights in percent, None outside the pool."""

    kind: str
    id: str
    name: str
    hr: float
    low: float
    high: float
    level: float
    people: int | None = None
    timing: str | None = None
    fixed: float | None = None
    random: float | None = None
    caveats: tuple[str, ...] = ()

    @property
    def ratio(self) -> str:
        """0.86 (0.69 to 1.07)."""
        return f"{self.hr:.2f} ({self.low:.2f} to {self.high:.2f})"


def lines(outcome: Mapping[str, Any]) -> list[Line]:
    """The lines of an outcome, as /v1/evidence/{outcome} answers it: its trials, their pool, what others pooled."""
    pooled = outcome["pooled"] or {}
    weights = {each["study"]: each for each in pooled.get("weights", ())}
    chosen = [_line("trial", each, weights.get(each["study"], {})) for each in outcome["studies"]]
    pools = [
        Line("pooled", name, title, *_interval(pooled[name]))
        for name, title in POOLS.items()
        if pooled.get(name) is not None
    ]
    return [*chosen, *pools, *(_line("published", each, {}) for each in outcome["published"])]


def as_csv(outcome: Mapping[str, Any]) -> str:
    """The numbers of the plot, a line each."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        [
            *("kind", "id", "name", "timing", "people", "hr", "ci_low", "ci_high", "ci_level"),
            *("chosen", "weight_fixed", "weight_random", "caveats"),
        ]
    )
    for line in lines(outcome):
        chosen = str(line.id in outcome["chosen"]).lower() if line.kind == "trial" else ""
        numbers = (line.hr, line.low, line.high, line.level, chosen, line.fixed, line.random)
        writer.writerow([line.kind, line.id, line.name, line.timing, line.people, *numbers, "; ".join(line.caveats)])
    return text.getvalue()


def _line(kind: str, study: Mapping[str, Any], weight: Mapping[str, Any]) -> Line:
    return Line(
        kind,
        study["study"],
        study["name"],
        *_interval(study),
        people=study["people"],
        timing=study["timing"],
        fixed=weight.get("fixed"),
        random=weight.get("random"),
        caveats=tuple(study["caveats"]),
    )


def _interval(part: Mapping[str, Any]) -> tuple[float, float, float, float]:
    return part["hr"], part["ci_low"], part["ci_high"], part["ci_level"]
