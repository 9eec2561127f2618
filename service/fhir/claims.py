"""What one resource says of one fact, and how the newest of several is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.fhir.record import Item, Notes
from service.fhir.resources import Day


@dataclass(frozen=True, eq=False)
class Claim:
    """One resource says that a fact has a value."""

    value: Any
    item: Item
    element: str
    code: str | None
    day: Day | None
    what: str
    """What kind of evidence it is, for `why`."""
    weight: int = 0
    """Of claims of one day the heavier one is told first."""

    def lost(self, why: str) -> dict[str, Any]:
        """The claim as a runner-up."""
        return {
            "resource": self.item.label,
            "value": self.value,
            "date": self.day.text if self.day else None,
            "why": why,
        }


def newest(claims: Sequence[Claim]) -> Claim:
    """The claim of the latest day; undated ones come first of all."""
    return max(claims, key=lambda each: (each.day.last.toordinal() if each.day else 0, each.weight))


def choose(notes: Notes, path: str, claims: Sequence[Claim]) -> Claim | None:
    """The newest claim; None where another of the same day says otherwise, which is told as a conflict.

    A claim that is only preliminary stands back for a final one.
    """
    final = [each for each in claims if each.item.type != "Observation" or each.item.final]
    considered = final or list(claims)
    if not considered:
        return None
    chosen = newest(considered)
    against = [
        each
        for each in considered
        if each.value != chosen.value and (each.day is None or chosen.day is None or each.day.overlaps(chosen.day))
    ]
    if against:
        values = [each.value for each in (chosen, *against)]
        items = [each.item for each in (chosen, *against)]
        notes.conflict(
            path, values, items, "Sources of the same day, or without a date, disagree: the fact stays unknown."
        )
        return None
    return chosen


def state(notes: Notes, path: str, chosen: Claim, claims: Sequence[Claim], value: Any = None) -> None:
    """State a fact with its provenance; the best of the other claims is the runner-up."""
    notes.facts[path] = chosen.value if value is None else value
    explain(notes, path, chosen, claims)


def explain(notes: Notes, path: str, chosen: Claim, claims: Sequence[Claim]) -> None:
    """Say where a fact at a path comes from."""
    rest = [each for each in claims if each is not chosen]
    runner_up = None
    if rest:
        best = newest(rest)
        older = best.day is not None and chosen.day is not None and best.day.before(chosen.day)
        preliminary = best.item.type == "Observation" and not best.item.final and chosen.item.final
        why = (
            "it is preliminary"
            if preliminary
            else "it is older"
            if older
            else "it says the same"
            if (best.value == chosen.value)
            else "it has no date"
            if best.day is None
            else "it weighs less"
        )
        runner_up = best.lost(why)
    notes.provenance[path] = {
        "resource": chosen.item.label,
        "element": chosen.element,
        "code": chosen.code,
        "date": chosen.day.text if chosen.day else None,
        "why": chosen.what,
        "runner_up": runner_up,
    }
