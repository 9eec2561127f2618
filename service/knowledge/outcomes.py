"""The evidence of a guideline: which figures of which studies, pooled how, and whom each trial enrolled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.evidence.effect import Interval
from service.evidence.lint import faults
from service.evidence.pooling import Pool, pooled
from service.knowledge.model import Boxes

FAVOURS = {"LRT": True, "ST": False}
"""Whom a study says that its ratio favours, and whether the ratio is below 1 then."""
MEANINGFUL = 2
"""Degrees of freedom below which the Hartung-Knapp interval says nothing: two trials give one."""


@dataclass(frozen=True)
class Effect:
    """One study's effect as it is shown: its ratio with interval and level, where it was read, what goes with it."""

    study: str
    name: str
    citation: str
    interval: Interval
    read_in: str | None
    caveats: tuple[str, ...]
    timing: str | None = None
    people: int | None = None
    argued: str | None = None


@dataclass(frozen=True)
class PooledOutcome:
    """A pool that was computed at load."""

    id: str
    title: str
    trials: tuple[Effect, ...]
    pool: Pool
    caveat: str | None


@dataclass(frozen=True)
class Outcome:
    """Everything about one outcome, ready to be shown."""

    id: str
    title: str
    measure: str
    direction: str
    default: str | None
    trials: tuple[Effect, ...]
    pools: tuple[PooledOutcome, ...]
    published: tuple[Effect, ...]
    notes: tuple[str, ...]

    @property
    def shown(self) -> PooledOutcome | None:
        """The pool that is shown where no other is asked for."""
        return next((pool for pool in self.pools if pool.id == self.default), None)


@dataclass(frozen=True)
class Criterion:
    """One thing that a trial asked of those it enrolled. In neither kind of box it is not known."""

    criterion: str
    fits: Boxes = ()
    misfits: Boxes = ()


@dataclass(frozen=True)
class Population:
    """Whom a study enrolled."""

    study: str
    citation: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Evidence:
    """The outcomes and populations of a guideline."""

    outcomes: tuple[Outcome, ...]
    populations: tuple[Population, ...]

    @property
    def pools(self) -> Mapping[str, PooledOutcome]:
        """Every pool by its id."""
        return {pool.id: pool for outcome in self.outcomes for pool in outcome.pools}


class EvidenceError(ValueError):
    """A figure that is missing, must not be shown, or cannot be right."""


def outcome(raw: Mapping[str, Any], studies: Mapping[str, Any]) -> Outcome:
    """Take the figures from the studies, lint them, compute the pools. Raises EvidenceError."""
    trials = {entry["study"]: _effect(entry, studies) for entry in raw["trials"]}
    for effect in trials.values():
        for fault in faults(effect.interval, effect.people):
            if effect.argued is None:
                raise EvidenceError(f"{effect.study}: {fault}; correct it or argue it")
    pools = []
    for entry in raw["pools"]:
        if missing := [name for name in entry["trials"] if name not in trials]:
            raise EvidenceError(f"pool {entry['id']}: not among the trials: {', '.join(missing)}")
        chosen = tuple(trials[name] for name in entry["trials"])
        pool = pooled([effect.interval for effect in chosen])
        pools.append(PooledOutcome(entry["id"], entry["title"], chosen, pool, entry["caveat"]))
    if raw["default"] is not None and raw["default"] not in {pool.id for pool in pools}:
        raise EvidenceError(f"no such pool: {raw['default']}")
    return Outcome(
        **{name: raw[name] for name in ("id", "title", "measure", "direction", "default")},
        trials=tuple(trials.values()),
        pools=tuple(pools),
        published=tuple(_effect(entry, studies) for entry in raw["published"]),
        notes=tuple(raw["notes"]),
    )


def _effect(entry: Mapping[str, Any], studies: Mapping[str, Any]) -> Effect:
    study = studies.get(entry["study"])
    path = f"{entry['study']}/{entry['effect']}"
    if study is None:
        raise EvidenceError(f"no such study: {entry['study']}")
    group, read_in, caveats = study, study.get("read_in"), []
    for part in ("", *entry["effect"].split("/")):
        group = group.get(part) if part else group
        if not isinstance(group, dict):
            raise EvidenceError(f"{path}: no such figure")
        if group.get("display") == "never":
            raise EvidenceError(f"{path}: display: never")
        read_in = group.get("read_in", read_in)
        caveats += [group["caveat"]] if group.get("display") == "with_caveat" else []
    try:
        interval = Interval(*(float(group[name]) for name in ("hr", "ci_low", "ci_high", "ci_level")))
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(f"{path}: a hazard ratio needs hr, ci_low, ci_high and ci_level") from error
    return Effect(
        study=entry["study"],
        name=study.get("short_name") or study.get("ref") or entry["study"],
        citation=entry["citation"],
        interval=interval,
        read_in=read_in,
        caveats=(*caveats, *([entry["caveat"]] if entry["caveat"] else [])),
        timing=entry.get("timing"),
        people=_people(study),
        argued=entry.get("argued"),
    )


def _people(study: Mapping[str, Any]) -> int | None:
    """How many were analysed, else how many were randomised, as far as the study's file says."""
    randomised = study.get("n_randomised")
    known = randomised if isinstance(randomised, dict) else {}
    number = known.get("n_analysed", known.get("value"))
    return None if number is None else int(number)


def ratio_text(interval: Interval) -> str:
    """HR 0.98, 95% CI 0.83-1.15."""
    return f"HR {interval.ratio:.2f}, {interval.level:g}% CI {interval.low:.2f}-{interval.high:.2f}"


def pool_text(pool: PooledOutcome) -> str:
    """A pool in a sentence; never without its interval, and said to be ours."""
    knapp = pool.pool.hartung_knapp
    wider = "" if pool.pool.freedom < MEANINGFUL else f"; Hartung-Knapp {knapp.low:.2f}-{knapp.high:.2f}"
    return f"{ratio_text(pool.pool.random)}{wider}; I2 {pool.pool.i2:.0f}%; our calculation"


def arms_that_do_not_add_up(studies: Mapping[str, Any]) -> Iterator[str]:
    """Studies whose arms do not sum to those randomised, unless the study states the conflict."""
    for name, study in studies.items():
        arms, total = study.get("arms"), study.get("n_randomised")
        if not isinstance(arms, dict) or not isinstance(total, dict) or "value" not in total:
            continue
        sizes = [arm["n"] for arm in arms.values() if isinstance(arm, dict) and "n" in arm]
        if sizes and sum(map(int, sizes)) != int(total["value"]):
            yield f"{name}: the arms sum to {sum(map(int, sizes))}, not {total['value']}"


def directions_that_disagree(studies: Mapping[str, Any]) -> Iterator[str]:
    """Groups whose hazard ratio says the opposite of their `favours` (LRT below 1, ST above)."""
    groups = [(name, study) for name, study in studies.items()]
    while groups:
        path, group = groups.pop()
        if isinstance(group, list):
            groups += [(f"{path}/{index}", item) for index, item in enumerate(group)]
        elif isinstance(group, dict):
            groups += [(f"{path}/{name}", value) for name, value in group.items()]
            ratio, favours = group.get("hr"), group.get("favours")
            if isinstance(ratio, str) and favours in FAVOURS and (float(ratio) < 1) != FAVOURS[favours]:
                yield f"{path}: a hazard ratio of {ratio} does not favour {favours}"
