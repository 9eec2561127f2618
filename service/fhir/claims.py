"""What one resource says of one fact, and how the newest of several is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.fhir.dates import Day
from service.fhir.record import Item, Match
from service.fhir.resolution import Resolution
from service.knowledge.vocabulary import Fact, Flag, Number


@dataclass(frozen=True, eq=False, slots=True)
class Claim:
    """One resource says that a fact has a value."""

    value: Any
    item: Item
    element: str
    code: str | None
    day: Day | None
    why: str
    """What kind of evidence it is."""
    weight: int = 0
    """Of claims of one day the heaviest is chosen."""

    @property
    def preliminary(self) -> bool:
        """Whether it is an Observation that is not final."""
        return self.item.type == "Observation" and not self.item.final

    def is_before(self, other: "Claim") -> bool:
        """Return whether it certainly is of an earlier day."""
        return self.day is not None and other.day is not None and self.day.before(other.day)

    def as_runner_up(self, why: str) -> dict[str, Any]:
        """Return the claim as provenance tells of it when another one was chosen."""
        return {
            "resource": self.item.label,
            "value": self.value,
            "date": self.day.text if self.day else None,
            "why": why,
        }


def claim_of(  # noqa: PLR0913, PLR0917 - a claim is this much
    value: Any, item: Item, element: str, match: Match | None, why: str, weight: int = 0
) -> Claim:
    """Return a claim of a resource's own day; `element` without the type."""
    code = match.coding.token if match else None
    return Claim(value, item, f"{item.type}.{element}", code, item.day, why, weight)


def newest(claims: Sequence[Claim]) -> Claim:
    """Return the claim of the latest day; undated ones come first of all."""
    return max(claims, key=lambda claim: (claim.day.last.toordinal() if claim.day else 0, claim.weight))


def resolve_newest(resolution: Resolution, path: str, claims: Sequence[Claim]) -> Claim | None:
    """Return the newest claim; None where another of the same day disagrees, which is reported as a conflict.

    A claim that is only preliminary stands back for a final one.
    """
    candidates = [claim for claim in claims if not claim.preliminary] or list(claims)
    if not candidates:
        return None
    chosen = newest(candidates)
    against = [
        claim
        for claim in candidates
        if claim.value != chosen.value and (claim.day is None or chosen.day is None or claim.day.overlaps(chosen.day))
    ]
    if against:
        values = [claim.value for claim in (chosen, *against)]
        items = [claim.item for claim in (chosen, *against)]
        detail = "Sources of the same day, or without a date, disagree: the fact stays unknown."
        resolution.conflict(path, values, items, detail)
        return None
    return chosen


def set_fact(resolution: Resolution, path: str, chosen: Claim, claims: Sequence[Claim], value: Any = None) -> None:
    """State a fact with its provenance; the best of the other claims is the runner-up."""
    resolution.facts[path] = chosen.value if value is None else value
    set_provenance(resolution, path, chosen, claims)


def set_provenance(resolution: Resolution, path: str, chosen: Claim, claims: Sequence[Claim]) -> None:
    """State where a fact at a path comes from."""
    others = [claim for claim in claims if claim is not chosen]
    runner_up = None
    if others:
        best = newest(others)
        runner_up = best.as_runner_up(_why_not(best, chosen))
    resolution.provenance[path] = {
        "resource": chosen.item.label,
        "element": chosen.element,
        "code": chosen.code,
        "date": chosen.day.text if chosen.day else None,
        "why": chosen.why,
        "runner_up": runner_up,
    }


def _why_not(claim: Claim, chosen: Claim) -> str:
    if claim.preliminary and chosen.item.final:
        return "it is preliminary"
    if claim.is_before(chosen):
        return "it is older"
    if claim.value == chosen.value:
        return "it says the same"
    return "it has no date" if claim.day is None else "it weighs less"


def typed(fact: Fact | None, value: str) -> Any:
    """Return a value of the content as a body states it: a flag as true, a number as a number."""
    match fact:
        case Flag():
            return value == "true"
        case Number():
            return int(value) if fact.whole else float(value)
        case _:
            return value
