"""Complications of the breast primary: bleeding, ulceration, infection and the others.

Present is what is coded at the breast or linked to the cancer, active, and dated after the diagnosis; sepsis now,
whatever its source. Absent is only what an examination says is absent, as long as nothing may speak against it. Where
both stand on one day present holds. Whatever looks like a complication and does not count is told with the reason.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from service.fhir.cancer import Cancer
from service.fhir.candidates import Doubt, latest, not_understood, place
from service.fhir.claims import Claim, explain, newest
from service.fhir.findings import ABSENT, DEATH, PRESENT, Finding, findings_in
from service.fhir.record import ACTIVE, Item, Record, both
from service.fhir.resources import Day
from service.fhir.therapy import Therapy

RECENT_DAYS = 42
"""An examination longer ago does not say that the breast is sound today."""
STALE_DAYS = 120
"""A finding longer ago, not said to be active, does not say that the breast is ill today."""
SEPSIS_DAYS = 14
"""Sepsis of any source counts as present so long."""
SEPSIS = "sepsis_signs"
OLD_SEPSIS = (
    f"it is more than {SEPSIS_DAYS} days old, and its source is not shown to be the breast. "
    "An active sepsis is an emergency whatever its source"
)
STALE = f"it is more than {STALE_DAYS} days old: examine again"
HISTORY = "it is resolved or in remission: history"
BEFORE = "it is dated before the diagnosis"
TOLD_AS_CONFLICT = {OLD_SEPSIS, STALE}
"""Too grave to stand in a list of what was not used."""
NO_DOUBT = {
    "no breast cancer is known in this record",
    HISTORY,
    "it is of the other breast",
    "it is of another place",
    "the tumour was removed afterwards",
}
"""Reasons for which a finding does not speak against an examination either."""
SOURCE_OF_SEPSIS = {"infection", "ulceration", "fungation", "chest_wall_necrosis", "bleeding"}


@dataclass
class _Held:
    """What is said of one complication."""

    claims: list[tuple[Claim, int | None]] = field(default_factory=list)
    torn: list[Item] = field(default_factory=list)

    def of(self, presence: str) -> list[Claim]:
        return [claim for claim, _ in self.claims if claim.value == presence]


def read_complications(record: Record, cancer: Cancer, therapy: Therapy) -> None:
    """State the complications that are known to be present or absent."""
    by_item = {item: [*findings_in(record, item)] for item in record.of("Condition", "Observation")}
    findings = [found for each in by_item.values() for found in each]
    doubts = [*not_understood(record, cancer, by_item)]
    held: dict[str, _Held] = {}
    unsure: list[tuple[str, list[Item], str]] = []
    present: set[str] = set()
    # Sepsis last: an older one counts where its source in the breast is known.
    for found in sorted(findings, key=lambda each: each.match.means == SEPSIS):
        kind, item = found.match.means, found.item
        sides = both({found.match.concept.side}) | record.sides(item.resource.get("bodySite"))
        removal, undated = therapy.last_removal(frozenset(sides))
        reason = _no_finding(cancer, found) or (
            _no_absence(record, cancer, found, sides)
            if found.presence == ABSENT
            else _no_sepsis(record, cancer, found, present)
            if kind == SEPSIS
            else _not_this_tumour(record, cancer, found, sides) or _not_now(record, cancer, found, removal)
        )
        if reason:
            if reason in TOLD_AS_CONFLICT:
                unsure.append((kind, [item], f"On record, but {reason}."))
            else:
                record.notes.ignore(item.label, f"{kind}: {reason}")
            if found.presence != ABSENT and reason not in NO_DOUBT:
                holds = reason in {OLD_SEPSIS, BEFORE} and item.type == "Condition"
                doubts.append(Doubt(kind, item, None if holds else latest(item)))
        elif kind != SEPSIS and found.presence == PRESENT and _unsure(item.day, removal, undated=undated):
            detail = (
                "The tumour was removed afterwards, but the cancer came back: the complication stays unknown."
                if _removed_after(item.day, removal)
                else "Whether the tumour was removed before or after is not known: the complication stays unknown."
            )
            unsure.append((kind, [item, *([removal] if removal else [])], detail))
            doubts.append(Doubt(kind, item, None))
        else:
            claim = Claim(
                found.presence, item, found.element, found.match.coding.token, item.day, _what(record, cancer, found)
            )
            group = held.setdefault(kind, _Held())
            group.claims.append((claim, found.grade))
            group.torn += [item] if found.torn else []
            present |= {kind} if found.presence == PRESENT else set()
    stated = {kind: said for kind, each in held.items() if (said := _stated(record, kind, each, doubts)) is not None}
    for kind, items, detail in unsure:
        if kind in stated:
            record.notes.ignore(items[0].label, f"{kind}: it stands beside another that is stated. {detail}")
        else:
            record.notes.conflict(f"complications.{kind}", [PRESENT], items, detail)
    if stated:
        record.notes.facts["complications"] = stated


def _what(record: Record, cancer: Cancer, found: Finding) -> str:
    if found.presence == ABSENT:
        return "an examination"
    if found.match.means == SEPSIS and place(record, cancer, found.item) != "here":
        return "a sepsis is an emergency whatever its source, which is not stated"
    return "coded at the breast or linked to the cancer"


def _stated(record: Record, kind: str, held: _Held, doubts: Sequence[Doubt]) -> Any:
    """The fact: present before absent, and absent only where nothing may speak against it."""
    path, notes = f"complications.{kind}", record.notes
    absent = newest(held.of(ABSENT)) if held.of(ABSENT) else None
    every = held.of(PRESENT)
    now = [each for each in every if absent is None or not _before(each, absent)]
    if now:
        chosen = newest(now)
        against = [each.item for each in held.of(ABSENT) if not _before(each, chosen)]
        if against or held.torn:
            items = [chosen.item, *against, *held.torn]
            detail = "Sources of the same day, or without a date, disagree: stated as present; examine again."
            notes.conflict(path, [PRESENT, ABSENT], items, detail)
        explain(notes, path, chosen, [claim for claim, _ in held.claims])
        grades = [
            grade
            for claim, grade in held.claims
            if grade and claim.value == PRESENT and (claim is chosen or not _before(claim, chosen))
        ]
        return {"presence": PRESENT, "grade": max(grades)} if grades else PRESENT
    assert absent is not None  # noqa: S101 - what is held is present or absent  # nosec B101
    against = [each.item for each in every if each.item.type == "Condition"]
    against += [each.item for each in doubts if each.concerns(kind, absent.day)]
    if against:
        detail = "An examination says absent, but something else, not read as resolved, may say otherwise: unknown."
        notes.conflict(path, [ABSENT], [absent.item, *against], detail)
        return None
    explain(notes, path, absent, [claim for claim, _ in held.claims])
    return ABSENT


def _before(one: Claim, other: Claim) -> bool:
    return one.day is not None and other.day is not None and one.day.before(other.day)


def _no_finding(cancer: Cancer, found: Finding) -> str:
    """Why a resource states no complication at all; empty if it does."""
    reasons = {
        "its code alone is no proof of a complication of the tumour": found.match.concept.proof == "hint",
        "no breast cancer is known in this record": cancer.present is not True,
        "its value says neither present nor absent": not found.presence,
        "grade 5 is death": found.grade == DEATH,
        HISTORY: found.item.type == "Condition" and found.item.past,
    }
    said = [reason for reason, holds in reasons.items() if holds]
    return next((each for each in said if each in NO_DOUBT), said[0] if said else "")


def _no_absence(record: Record, cancer: Cancer, found: Finding, sides: set[str]) -> str:
    """Why an examination does not say that a complication is absent today; empty if it does."""
    item, on = found.item, found.item.day
    if item.type == "Observation" and not item.final:
        return "it is preliminary: that proves no absence"
    if on is None or record.today - on.first > dt.timedelta(days=RECENT_DAYS):
        return "the examination is too long ago, or undated, to say that it is absent today"
    return "" if found.match.means == SEPSIS else _not_this_tumour(record, cancer, found, sides)


def _no_sepsis(record: Record, cancer: Cancer, found: Finding, present: set[str]) -> str:
    """Why a sepsis is not one of today; empty if it is."""
    item, on = found.item, latest(found.item)
    active = item.type == "Condition" and item.clinical in ACTIVE
    if (on is not None and record.today - on.last <= dt.timedelta(days=SEPSIS_DAYS)) or (on is None and active):
        return ""
    if place(record, cancer, item) != "here" and not present & SOURCE_OF_SEPSIS:
        return OLD_SEPSIS
    return BEFORE if cancer.before_diagnosis(on) else _stale(record, item)


def _not_this_tumour(record: Record, cancer: Cancer, found: Finding, sides: set[str]) -> str:
    """Why a complication is not this tumour's; empty if it is."""
    if not cancer.on_its_side(sides):
        return "it is of the other breast"
    where = "here" if found.match.concept.proof == "coded" else place(record, cancer, found.item)
    if where == "elsewhere":
        return "it is of another place"
    return "" if where else "neither a body site at the breast nor a link to the cancer shows that it is the tumour's"


def _not_now(record: Record, cancer: Cancer, found: Finding, removal: Item | None) -> str:
    """Why a complication of this tumour says nothing about today; empty if it does."""
    on = found.item.day
    if cancer.before_diagnosis(on):
        return BEFORE
    # Where the cancer came back, an operation says neither that no tumour is in place nor that this ended with one.
    if _removed_after(on, removal) and not cancer.recurred:
        return "the tumour was removed afterwards"
    return _stale(record, found.item)


def _stale(record: Record, item: Item) -> str:
    """A Condition that is said to be active holds however long ago it began."""
    on = latest(item)
    lasting = item.type == "Condition" and item.clinical in ACTIVE
    old = on is not None and record.today - on.last > dt.timedelta(days=STALE_DAYS)
    return STALE if old and not lasting else ""


def _unsure(on: Day | None, removal: Item | None, *, undated: bool) -> bool:
    """Whether a complication and a removal of the tumour cannot be put in order, or the removal did not end it."""
    if removal is None or removal.day is None:
        return undated
    return undated or on is None or on.overlaps(removal.day) or _removed_after(on, removal)


def _removed_after(on: Day | None, removal: Item | None) -> bool:
    return on is not None and removal is not None and removal.day is not None and on.before(removal.day)
