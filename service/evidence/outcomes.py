"""The evidence of a guideline: which figures of which studies, pooled how, and whom each trial enrolled."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from service.engine.table import Box
from service.evidence.effect import Interval
from service.evidence.lint import faults
from service.evidence.pooling import Pool, pooled

Boxes = tuple[Box, ...]

FAVOURS = {"LRT": True, "ST": False}
"""Whom a study says that its ratio favours, and whether the ratio is below 1 then."""
MEANINGFUL = 2
"""Degrees of freedom below which the Hartung-Knapp interval says nothing: two trials give one."""
TWO = 2
"""Trials that a pool needs at least."""
CHOSEN = "chosen"
"""The id of a pool that the content does not have."""
EXPLORED = "no pool of the guideline: trials chosen with their results in view can be made to say much"


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
    registries: frozenset[str] = frozenset()
    """Where the trial is registered: two reports with a number in common are of the same people."""


@dataclass(frozen=True)
class Favours:
    """Which treatment a ratio below 1 speaks for, and which one above."""

    below: str
    above: str


@dataclass(frozen=True)
class PooledOutcome:
    """A pool that we computed."""

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
    favours: Favours
    default: str | None
    trials: tuple[Effect, ...]
    pools: tuple[PooledOutcome, ...]
    published: tuple[Effect, ...]
    notes: tuple[str, ...]

    @property
    def shown(self) -> PooledOutcome | None:
        """The pool that is shown where no other is asked for."""
        return next((pool for pool in self.pools if pool.id == self.default), None)

    @property
    def same_trial(self) -> tuple[tuple[Effect, Effect], ...]:
        """Pairs of reports on the same people, which must not be pooled together."""
        return tuple(pair for pair in combinations(self.trials, 2) if pair[0].registries & pair[1].registries)

    def pool_of(self, studies: Collection[str]) -> PooledOutcome | None:
        """The pool of any of the trials; where the content has it, that one.

        None where there is nothing to pool: fewer than two trials, or an outcome that the content does not pool.
        Raises EvidenceError for two reports of one trial, because its people would count twice.
        """
        chosen = tuple(trial for trial in self.trials if trial.study in studies)
        known = next((pool for pool in self.pools if set(pool.trials) == set(chosen)), None)
        if known is not None or len(chosen) < TWO or not self.pools:
            return known
        argued = (caveat for trial in chosen if trial.argued for caveat in trial.caveats)
        return _pool(CHOSEN, f"{len(chosen)} trials chosen by the reader", chosen, "; ".join([EXPLORED, *argued]))


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
    def citations(self) -> tuple[str, ...]:
        """The sources of the figures, then those of the populations, each once."""
        effects = (effect for outcome in self.outcomes for effect in (*outcome.trials, *outcome.published))
        sources = (*(effect.citation for effect in effects), *(group.citation for group in self.populations))
        return tuple(dict.fromkeys(sources))

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
        pools.append(_pool(entry["id"], entry["title"], chosen, entry["caveat"]))
    if raw["default"] is not None and raw["default"] not in {pool.id for pool in pools}:
        raise EvidenceError(f"no such pool: {raw['default']}")
    return Outcome(
        **{name: raw[name] for name in ("id", "title", "measure", "direction", "favours", "default")},
        trials=tuple(trials.values()),
        pools=tuple(pools),
        published=tuple(_effect(entry, studies) for entry in raw["published"]),
        notes=tuple(raw["notes"]),
    )


def _pool(name: str, title: str, chosen: tuple[Effect, ...], caveat: str | None) -> PooledOutcome:
    for one, other in combinations(chosen, 2):
        if one.registries & other.registries:
            raise EvidenceError(f"{one.name} and {other.name} report the same people, who would count twice")
    return PooledOutcome(name, title, chosen, pooled([effect.interval for effect in chosen]), caveat)


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
        name=study_name(entry["study"], study),
        citation=entry["citation"],
        interval=interval,
        read_in=read_in,
        caveats=(*caveats, *([entry["caveat"]] if entry["caveat"] else [])),
        timing=entry.get("timing"),
        people=_people(study),
        argued=entry.get("argued"),
        registries=_registries(study),
    )


def _registries(study: Mapping[str, Any]) -> frozenset[str]:
    stated = study.get("registry_ids")
    return frozenset(stated.get("values", ())) if isinstance(stated, dict) else frozenset()


def study_name(name: str, study: Mapping[str, Any]) -> str:
    """What a study is called where people read of it: as its file says, else its id."""
    return str(study.get("short_name") or study.get("ref") or name)


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
