"""The evidence of a guideline: effects, pools of them, and the populations of the trials."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from service.engine.table import Box
from service.evidence.effect import Interval, two_decimals
from service.evidence.figures import FigureError, group_text, interaction_text
from service.evidence.lint import faults
from service.evidence.pooling import Pool, pooled
from service.evidence.study_file import part_named, people_analysed, registry_numbers, study_name

Boxes = tuple[Box, ...]

SIDES = ("below", "above")
"""The sides of 1 on which a ratio can lie."""
MEANINGFUL = 2
"""Degrees of freedom below which the Hartung-Knapp interval says nothing: two trials give one."""
MIN_POOL_SIZE = 2
"""Trials that a pool needs at least."""
ROUNDING = 0.0051
"""How far a ratio that was turned over may lie from the one as it is printed."""
CHOSEN = "chosen"
"""The id of a pool that the content does not have."""
EXPLORED = "no pool of the guideline: trials chosen with their results in view can be made to say much"


@dataclass(frozen=True)
class Arm:
    """One of the treatments that the guideline compares. `side`: below or above 1, where a ratio favours it."""

    id: str
    label: str
    side: str


@dataclass(frozen=True)
class Effect:
    """One effect as it is shown: its ratio with interval and level, where it was read, what goes with it.

    `id` names it within its outcome; a study has two where two of its strata are shown.
    """

    id: str
    study: str
    name: str
    citation: str
    interval: Interval
    read_in: str | None
    caveats: tuple[str, ...]
    stratum: str | None = None
    timing: str | None = None
    people: int | None = None
    argued: str | None = None
    margin: float | None = None
    """The ratio up to which the trial called a treatment not inferior."""
    registries: frozenset[str] = frozenset()
    """Where the trial is registered: two reports with a number in common are of the same people."""

    @property
    def label(self) -> str:
        """Its name with its stratum."""
        return self.name if self.stratum is None else f"{self.name}, {self.stratum}"

    def shares_people(self, other: "Effect") -> bool:
        """Return whether both are of one trial, so that no pool may hold both."""
        return self.study == other.study or bool(self.registries & other.registries)


@dataclass(frozen=True)
class Favours:
    """Which treatment a ratio below 1 speaks for, and which one above, in words."""

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
    rules: tuple[str, ...] = ()
    """The rules that rest on this pool; beside another rule it is a sensitivity analysis."""


@dataclass(frozen=True)
class Finding:
    """What a source says about an outcome in words."""

    text: str
    citation: str


@dataclass(frozen=True)
class Interaction:
    """How the effects of some trials, mostly strata of one, differ: their ids and the figure in words."""

    between: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Outcome:
    """Everything about one outcome, ready to be shown. Without a default pool, `pooled_reason` says why.

    An outcome of statements has no trials, no measure and no side that a ratio favours.
    """

    id: str
    title: str
    measure: str | None
    direction: str | None
    favours: Favours | None
    default: str | None
    pooled_reason: str | None
    trials: tuple[Effect, ...]
    timings: Mapping[str, str]
    pools: tuple[PooledOutcome, ...]
    published: tuple[Effect, ...]
    notes: tuple[str, ...]
    statements: tuple[Finding, ...] = ()
    interactions: tuple[Interaction, ...] = ()

    @property
    def citations(self) -> tuple[str, ...]:
        """The sources of its figures and of its statements."""
        ratios = (effect.citation for effect in (*self.trials, *self.published))
        return (*ratios, *(finding.citation for finding in self.statements))

    def pool_behind(self, rule: str) -> PooledOutcome | None:
        """Return the pool that a rule rests on, the default one where none names it."""
        return next((pool for pool in self.pools if rule in pool.rules), self.shown)

    @property
    def shown(self) -> PooledOutcome | None:
        """The pool that is shown where no other is asked for."""
        return next((pool for pool in self.pools if pool.id == self.default), None)

    @property
    def same_trial(self) -> tuple[tuple[Effect, Effect], ...]:
        """Pairs of reports on the same people, which must not be pooled together."""
        return tuple(pair for pair in combinations(self.trials, 2) if pair[0].shares_people(pair[1]))

    def pool_of(self, trials: Collection[str]) -> PooledOutcome | None:
        """Return the pool of the trials with these ids; where the content has it, that one.

        None where there is nothing to pool: fewer than two trials, or an outcome that the content does not pool.
        Raises EvidenceError for two reports of one trial, because its people would count twice.
        """
        chosen = tuple(trial for trial in self.trials if trial.id in trials)
        known = next((pool for pool in self.pools if set(pool.trials) == set(chosen)), None)
        if known is not None or len(chosen) < MIN_POOL_SIZE or not self.pools:
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
    """The outcomes and populations of a guideline, its arms, and its words for ids in the files of the studies."""

    outcomes: tuple[Outcome, ...] = ()
    populations: tuple[Population, ...] = ()
    arms: Mapping[str, Arm] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def citations(self) -> tuple[str, ...]:
        """The sources of the figures, then those of the populations, each once."""
        sources = (
            *(citation for outcome in self.outcomes for citation in outcome.citations),
            *(group.citation for group in self.populations),
        )
        return tuple(dict.fromkeys(sources))

    @property
    def pools(self) -> Mapping[str, PooledOutcome]:
        """Every pool by its id."""
        return {pool.id: pool for outcome in self.outcomes for pool in outcome.pools}


class EvidenceError(ValueError):
    """A figure that is missing, must not be shown, or cannot be right."""


def read_outcome(
    entry: Mapping[str, Any], studies: Mapping[str, Any], arms: Mapping[str, Arm], timings: Mapping[str, str]
) -> Outcome:
    """Take the figures from the studies, lint them, compute the pools. `timings`: id -> words. Raises EvidenceError."""
    trials: dict[str, Effect] = {}
    for trial in (_read_trial(raw, studies, timings) for raw in entry["trials"]):
        if trial.id in trials:
            raise EvidenceError(f"{trial.id} stands twice among the trials; give each stratum an id")
        trials[trial.id] = trial
    pools = []
    for raw in entry["pools"]:
        if missing := [name for name in raw["trials"] if name not in trials]:
            raise EvidenceError(f"pool {raw['id']}: not among the trials: {', '.join(missing)}")
        pool = _pool(raw["id"], raw["title"], tuple(trials[name] for name in raw["trials"]), raw["caveat"])
        pools.append(replace(pool, rules=tuple(raw.get("rules", ()))))
    if entry["default"] is not None and entry["default"] not in {pool.id for pool in pools}:
        raise EvidenceError(f"no such pool: {entry['default']}")
    if not trials and entry["statements"]:
        return _stated_outcome(entry)
    if missing := [name for name in ("measure", "direction", "favours") if entry[name] is None]:
        raise EvidenceError(f"an outcome with ratios needs {', '.join(missing)}")
    if (entry["default"] is None) == (entry["pooled_reason"] is None):
        raise EvidenceError("either a pool is the default, or pooled_reason says why none is shown")
    if missing := [arm for arm in entry["favours"].values() if arm not in arms]:
        raise EvidenceError(f"favours: no such arm: {', '.join(missing)}")
    return Outcome(
        **{name: entry[name] for name in ("id", "title", "measure", "direction", "default", "pooled_reason")},
        favours=Favours(**{side: arms[arm].label for side, arm in entry["favours"].items()}),
        trials=tuple(trials.values()),
        timings=_headings(trials.values(), timings),
        pools=tuple(pools),
        published=tuple(_read_published(raw, studies) for raw in entry["published"]),
        notes=tuple(entry["notes"]),
        statements=tuple(entry["statements"]),
        interactions=tuple(_read_interaction(raw, trials, studies) for raw in entry["interactions"]),
    )


def _headings(trials: Iterable[Effect], timings: Mapping[str, str]) -> dict[str, str]:
    """Return the headings of the groups of trials: those of the guideline in its order, then free ones."""
    used = dict.fromkeys(trial.timing for trial in trials if trial.timing is not None)
    return {name: timings[name] for name in timings if name in used} | {
        name: name for name in used if name not in timings
    }


def _read_interaction(entry: Mapping[str, Any], trials: Collection[str], studies: Mapping[str, Any]) -> Interaction:
    between = tuple(entry["between"])
    if missing := [name for name in between if name not in trials]:
        raise EvidenceError(f"interactions: not among the trials: {', '.join(missing)}")
    if len(set(between)) < len(between):
        raise EvidenceError(f"interactions: a trial stands twice in {', '.join(between)}")
    try:
        return Interaction(between, interaction_text(entry["figure"], studies))
    except FigureError as error:
        raise EvidenceError(f"interactions: {error}") from error


def _stated_outcome(entry: Mapping[str, Any]) -> Outcome:
    """Return an outcome that is told in words only. Raises EvidenceError if it has a part of one with ratios."""
    if extra := [name for name in ("favours", "default", "pools", "published", "interactions") if entry[name]]:
        raise EvidenceError(f"an outcome of statements has no {', '.join(extra)}")
    return Outcome(
        **{name: entry[name] for name in ("id", "title", "measure", "direction", "default", "pooled_reason")},
        trials=(),
        pools=(),
        published=(),
        favours=None,
        timings={},
        notes=tuple(entry["notes"]),
        statements=tuple(entry["statements"]),
    )


def _pool(name: str, title: str, chosen: tuple[Effect, ...], caveat: str | None) -> PooledOutcome:
    for one, other in combinations(chosen, 2):
        if one.shares_people(other):
            raise EvidenceError(f"{one.name} and {other.name} report the same people, who would count twice")
    return PooledOutcome(name, title, chosen, pooled([effect.interval for effect in chosen]), caveat)


def _read_trial(entry: Mapping[str, Any], studies: Mapping[str, Any], timings: Mapping[str, str]) -> Effect:
    if entry["timing"] is not None and entry["timing"] not in timings:
        raise EvidenceError(f"{entry['study']}: no such timing: {entry['timing']}")
    if entry["timing"] is not None and entry["group"] is not None:
        raise EvidenceError(f"{entry['study']}: a trial has a timing or a group")
    groups = _groups(entry, studies)
    study = studies[entry["study"]]
    own = {name: entry[name] for name in ("stratum", "argued")}
    trial = Effect(
        id=entry["id"] or entry["study"],
        timing=entry["timing"] or entry["group"],
        people=people_analysed(study, groups[1:]),
        registries=registry_numbers(study),
        **own,
        **_figure(entry, groups),
    )
    for fault in faults(trial.interval, trial.people):
        if trial.argued is None:
            raise EvidenceError(f"{trial.id}: {fault}; correct it or argue it")
    return trial


def _read_published(entry: Mapping[str, Any], studies: Mapping[str, Any]) -> Effect:
    groups = _groups(entry, studies)
    people = people_analysed(studies[entry["study"]])
    return Effect(id=entry["study"], people=people, **_figure(entry, groups))


def _groups(entry: Mapping[str, Any], studies: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the study and the groups on the path of the effect, the innermost last."""
    path = f"{entry['study']}/{entry['effect']}"
    if entry["study"] not in studies:
        raise EvidenceError(f"no such study: {entry['study']}")
    group = studies[entry["study"]]
    groups = [group]
    for name in entry["effect"].split("/"):
        group = part_named(group, name)
        groups += [group] if isinstance(group, dict) else []
    if not isinstance(group, dict):
        raise EvidenceError(f"{path}: no such figure")
    if any(member.get("display") == "never" for member in groups):
        raise EvidenceError(f"{path}: display: never")
    return groups


def _figure(entry: Mapping[str, Any], groups: list[Mapping[str, Any]]) -> dict[str, Any]:
    path = f"{entry['study']}/{entry['effect']}"
    figure, kind = groups[-1], groups[-1].get("interval")
    if kind not in {None, "credible"}:
        raise EvidenceError(f"{path}: an interval is credible, or the member is left out")
    try:
        ratio, low, high, level = (float(figure[name]) for name in ("hr", "ci_low", "ci_high", "ci_level"))
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(f"{path}: a hazard ratio needs hr, ci_low, ci_high and ci_level") from error
    caveats = [group.get("caveat") for group in groups if group.get("display") == "with_caveat"]
    if not all(caveats):
        raise EvidenceError(f"{path}: display: with_caveat without a caveat")
    printed, margin = _printed(path, figure, ratio)
    return {
        "margin": margin,
        "study": entry["study"],
        "name": study_name(entry["study"], groups[0]),
        "citation": entry["citation"],
        "interval": Interval(ratio, low, high, level, credible=kind is not None),
        "read_in": next((group["read_in"] for group in reversed(groups) if "read_in" in group), None),
        "caveats": (*caveats, *printed, *([entry["caveat"]] if entry["caveat"] else [])),
    }


def _printed(path: str, figure: Mapping[str, Any], ratio: float) -> tuple[list[str], float | None]:
    """Return what to say of a ratio that was turned over and of a margin, and where the margin lies on the plot.

    `as_printed` has the ratio as the source prints it, which is the other one turned over.
    """
    printed = figure.get("as_printed")
    source = printed if isinstance(printed, dict) else figure
    words = []
    if source is not figure:
        try:
            turned = 1 / float(source["hr"])
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise EvidenceError(f"{path}/as_printed: needs hr, the ratio as it is printed") from error
        if abs(turned - ratio) > ROUNDING:
            raise EvidenceError(f"{path}/as_printed: turned over it is {two_decimals(turned)}, not {figure['hr']}")
        comparison = f" for {source['comparison']}" if source.get("comparison") else ""
        words.append(f"printed as {group_text(source)}{comparison}")
    bound = source.get("noninferiority_margin")
    if bound is None:
        return words, None
    try:
        margin = float(bound) if source is figure else 1 / float(bound)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise EvidenceError(f"{path}: noninferiority_margin is a ratio") from error
    return [*words, f"non-inferiority margin {bound}{'' if source is figure else ' as printed'}"], margin


def ratio_text(interval: Interval) -> str:
    """Return a ratio with its interval: HR 0.98, 95% CI 0.83-1.15."""
    bounds = f"{two_decimals(interval.low)}-{two_decimals(interval.high)}"
    return f"HR {two_decimals(interval.ratio)}, {interval.level:g}% CI {bounds}"


def pool_text(pool: PooledOutcome) -> str:
    """Return a pool in a sentence; never without its interval, and marked as ours."""
    knapp = pool.pool.hartung_knapp
    bounds = f"{two_decimals(knapp.low)}-{two_decimals(knapp.high)}"
    wider = "" if pool.pool.freedom < MEANINGFUL else f"; Hartung-Knapp {bounds}"
    return f"{ratio_text(pool.pool.random)}{wider}; I2 {pool.pool.i2:.0f}%; our calculation"
