"""The lines of a forest plot, made from an outcome's JSON, and their numbers as CSV."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.evidence.effect import two_decimals

POOLS = {
    "fixed": "Fixed effect",
    "random": "Random effects",
    "hartung_knapp": "Random, Hartung-Knapp interval",
}
NUMBERS = ("hr", "ci_low", "ci_high", "ci_level")
WEIGHTS = ("weight_fixed", "weight_random")


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
    credible: bool = False
    people: int | None = None
    timing: str | None = None
    fixed: float | None = None
    random: float | None = None
    caveats: tuple[str, ...] = ()
    margin: float | None = None

    @property
    def ratio(self) -> str:
        """0.86 (0.69 to 1.07)."""
        return f"{two_decimals(self.hr)} ({two_decimals(self.low)} to {two_decimals(self.high)})"

    @property
    def level_text(self) -> str:
        """95% CI, or 95% CrI for a credible interval."""
        return f"{self.level:g}% {'CrI' if self.credible else 'CI'}"


def lines(outcome: Mapping[str, Any]) -> list[Line]:
    """Return the lines of an outcome, as /v1/evidence/{outcome} answers it: trials, their pool, what others pooled."""
    pool = outcome["pooled"] or {}
    weights = {weight["id"]: weight for weight in pool.get("weights", ())}
    trials = [_line("trial", study, weights.get(study["id"], {})) for study in outcome["studies"]]
    pools = [
        Line("pooled", name, title, *_interval(pool[name]))
        for name, title in POOLS.items()
        if pool.get(name) is not None
    ]
    return [*trials, *pools, *(_line("published", study, {}) for study in outcome["published"])]


def interactions(outcome: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each interaction of trials: which they are and the figure."""
    listed = outcome.get("interactions", ())
    return [f"Interaction of {' and '.join(each['names'])}: {each['text']}." for each in listed]


def as_csv(outcome: Mapping[str, Any]) -> str:
    """Return the numbers of the plot, a row for each line; without a pool a row says why, and no column has weights.

    The column `timing` stands only where the guideline groups its trials, `interval` only beside a credible one.
    """
    drawn = lines(outcome)
    rows = [_row(line, outcome["chosen"]) for line in drawn]
    columns = ["kind", "id", "name", "timing", "people", *NUMBERS, "interval", "chosen", *WEIGHTS, "caveats"]
    absent = {*(() if outcome["timings"] else ("timing",)), *(() if outcome["pooled"] else WEIGHTS)}
    absent |= set() if any(line.credible for line in drawn) else {"interval"}
    if outcome["pooled"] is None:
        rows.append({"kind": "not_pooled", "name": outcome["pooled_reason"]})
    rows += [{"kind": "interaction", "name": sentence} for sentence in interactions(outcome)]
    rows += [{"kind": "statement", "name": stated["text"]} for stated in outcome.get("statements", ())]
    text = io.StringIO()
    writer = csv.DictWriter(text, [column for column in columns if column not in absent], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(line: Line, chosen: list[str]) -> dict[str, Any]:
    numbers = dict(zip(NUMBERS, (line.hr, line.low, line.high, line.level), strict=True))
    return {
        "kind": line.kind,
        "id": line.id,
        "name": line.name,
        "timing": line.timing,
        "people": line.people,
        **numbers,
        "chosen": str(line.id in chosen).lower() if line.kind == "trial" else "",
        "interval": "credible" if line.credible else "confidence",
        "weight_fixed": line.fixed,
        "weight_random": line.random,
        "caveats": "; ".join(line.caveats),
    }


def _line(kind: str, study: Mapping[str, Any], weight: Mapping[str, Any]) -> Line:
    return Line(
        kind,
        study["id"],
        ", ".join(filter(None, (study["name"], study["stratum"]))),
        *_interval(study),
        credible=study["interval"] == "credible",
        people=study["people"],
        timing=study["timing"],
        fixed=weight.get("fixed"),
        random=weight.get("random"),
        caveats=tuple(study["caveats"]),
        margin=study.get("margin"),
    )


def _interval(part: Mapping[str, Any]) -> tuple[float, float, float, float]:
    return part["hr"], part["ci_low"], part["ci_high"], part["ci_level"]
