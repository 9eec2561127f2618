"""The evidence by itself: one outcome with a pool of the reader's choice, and the studies of a guideline."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from service.advice.registry import NotFoundError
from service.evidence.outcome_json import outcome_detail
from service.evidence.outcomes import EvidenceError, Outcome, PooledOutcome
from service.knowledge.guideline import Guideline

T = TypeVar("T")


def slug(outcome: Outcome) -> str:
    """Return the name of an outcome in addresses."""
    return outcome.id.replace("_", "-")


def describe_outcome(
    guideline: Guideline, name: str, pool: str | None = None, trials: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return one outcome as JSON: with its default pool, with the `pool` of this id, or with one of these `trials`.

    Raises NotFoundError for an unknown name, EvidenceError for a choice that cannot be pooled.
    """
    outcome = _find(name, {slug(outcome): outcome for outcome in guideline.evidence.outcomes}, "outcome")
    chosen, pooled = _choose(outcome, pool, trials)
    return outcome_detail(outcome, guideline.release.evidence_date, chosen, pooled)


def _choose(outcome: Outcome, pool: str | None, trials: Sequence[str] | None) -> tuple[list[str], PooledOutcome | None]:
    """Return the chosen trials, in the order of the content, and their pool."""
    if trials is None:
        name = outcome.default if pool is None else pool
        pooled = None if name is None else _find(name, {pool.id: pool for pool in outcome.pools}, "pool")
        return [trial.id for trial in (pooled.trials if pooled else outcome.trials)], pooled
    if pool is not None:
        raise EvidenceError("Ask for a pool or for trials, not for both")
    known = {trial.id: trial for trial in outcome.trials}
    for name in trials:
        _find(name, known, "trial")
    return [name for name in known if name in trials], outcome.pool_of(trials)


def _find(name: str, known: dict[str, T], kind: str) -> T:
    if name not in known:
        raise NotFoundError(f"There is no such {kind}. Known: {', '.join(known)}.")
    return known[name]


def citing_rules(guideline: Guideline, sources: Iterable[str]) -> list[str]:
    """Return the ids of the rules that cite one of the sources."""
    wanted = set(sources)
    return [rule.id for rule in guideline.rules.values() if wanted & {source.id for source in rule.sources}]
