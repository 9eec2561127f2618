"""Complications of the breast primary: bleeding, ulceration, infection and the others.

Present is what is coded at the breast or linked to the cancer, active, and dated after the diagnosis. Absent is only
what an examination says is absent. Whatever looks like a complication and does not count is told with the reason.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from service.ehr.cancer import Cancer, linked
from service.ehr.claims import Claim, choose, explain
from service.ehr.record import Item, Match, Record, both
from service.ehr.resources import Coding, Day, choice, codings, extensions, objects
from service.ehr.therapy import Therapy
from service.facts.json_body import Json

PRESENT, ABSENT = "present", "absent"
RECENT_DAYS = 42
"""An examination longer ago does not say that the breast is sound today."""
PLACES = {"breast", "chest_wall"}
PROOF = ("coded", "linked", "hint")
DEATH = 5
SOURCE_OF_SEPSIS = {"infection", "ulceration", "fungation", "chest_wall_necrosis", "bleeding"}


@dataclass(frozen=True)
class Finding:
    """What a resource, or a component of one, says of one complication."""

    item: Item
    match: Match
    element: str
    presence: str
    grade: int | None


def read_complications(record: Record, cancer: Cancer, therapy: Therapy) -> None:
    """State the complications that are known to be present or absent."""
    findings = [found for item in record.of("Condition", "Observation") for found in _found(record, item)]
    for item in record.of("AdverseEvent"):
        record.notes.ignore(item.label, "an adverse event of treatment, not of the tumour: AdverseEvent is not read")
    claims: dict[str, list[tuple[Claim, int | None]]] = {}
    present: set[str] = set()
    # Sepsis last: it counts where its source in the breast is known.
    for found in sorted(findings, key=lambda each: each.match.means == "sepsis_signs"):
        kind = found.match.means
        sides = both({found.match.concept.side}) | record.sides(found.item.resource.get("bodySite"))
        removal, undated = therapy.last_removal(frozenset(sides))
        reason = (
            _no_finding(cancer, found)
            or _not_this_tumour(record, cancer, found, sides, present)
            or _not_now(record, cancer, found, removal)
        )
        if reason:
            record.notes.ignore(found.item.label, f"{kind}: {reason}")
        elif found.presence == PRESENT and _unsure(found.item.day, removal, undated=undated):
            detail = "Whether the tumour was removed before or after is not known: the complication stays unknown."
            items = [found.item, *([removal] if removal else [])]
            record.notes.conflict(f"complications.{kind}", [found.presence], items, detail)
        else:
            what = "an examination" if found.presence == ABSENT else "coded at the breast or linked to the cancer"
            token = found.match.coding.token
            claim = Claim(found.presence, found.item, found.element, token, found.item.day, what)
            claims.setdefault(kind, []).append((claim, found.grade))
            present |= {kind} if found.presence == PRESENT else set()
    stated = {kind: said for kind, held in claims.items() if (said := _stated(record, kind, held)) is not None}
    if stated:
        record.notes.facts["complications"] = stated


def _stated(record: Record, kind: str, held: list[tuple[Claim, int | None]]) -> Any:
    path, all_claims = f"complications.{kind}", [claim for claim, _ in held]
    chosen = choose(record.notes, path, all_claims)
    if chosen is None:
        return None
    explain(record.notes, path, chosen, all_claims)
    same = [
        grade
        for claim, grade in held
        if grade
        and claim.value == chosen.value == PRESENT
        and (claim is chosen or claim.day is None or chosen.day is None or claim.day.overlaps(chosen.day))
    ]
    return {"presence": chosen.value, "grade": max(same)} if same else chosen.value


def _found(record: Record, item: Item) -> Iterator[Finding]:
    """The complications that the resource and its components name, the surest code of each."""
    parts: list[tuple[tuple[Coding, ...], str, Json, Json]] = [(item.codes, *item.value, item.resource)]
    if item.type == "Observation":
        components = objects(item.resource.get("component"))
        parts += [(tuple(codings(part.get("code"))), *choice(part, "value"), part) for part in components]
    for codes, element, value, part in parts:
        best: dict[str, Match] = {}
        for match in sorted(
            record.match("complications", codes), key=lambda each: PROOF.index(each.concept.proof or "hint")
        ):
            best.setdefault(match.means, match)
        for match in best.values():
            graded = int(match.concept.grade) if match.concept.grade else None
            if item.type == "Condition":
                yield Finding(item, match, "Condition.code", PRESENT, graded or _grade(item.resource, None))
                continue
            grade = _grade(part, value if match.concept.system == "meddra" else None)
            presence = _presence(record, value, grade)
            yield Finding(item, match, f"Observation.{element or 'value'}", presence, grade or graded)


def _presence(record: Record, value: Json, grade: int | None) -> str:
    """Present, absent, or empty for a value that says neither."""
    if isinstance(value, bool):
        return PRESENT if value else ABSENT
    said = {match.means for match in record.match("presence", codings(value))}
    if len(said) == 1:
        return said.pop()
    if grade is not None:
        return PRESENT if grade else ABSENT
    return ""


def _grade(part: Json, value: Json) -> int | None:
    """The CTCAE grade of a resource: in its extension, in its value or in a component; 0 to 5."""
    stated = [choice(each, "value")[1] for each in extensions(part, "ctcae-grade")]
    components = objects(part.get("component")) if isinstance(part, dict) else []
    stated += [each.get("valueInteger") for each in components]
    stated += [
        each.get("valueCodeableConcept")
        for each in components
        if any("ctcae-grade" in coding.system for coding in codings(each.get("valueCodeableConcept")))
    ]
    for each in (*stated, value):
        if isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= DEATH:
            return each
        for coding in codings(each):
            if coding.code in {"0", "1", "2", "3", "4", "5"} and "ctcae" in coding.system.lower():
                return int(coding.code)
    return None


def _no_finding(cancer: Cancer, found: Finding) -> str:
    """Why a resource states no complication at all; empty if it does."""
    reasons = {
        "its code alone is no proof of a complication of the tumour": found.match.concept.proof == "hint",
        "no breast cancer is known in this record": cancer.present is not True,
        "its value says neither present nor absent": not found.presence,
        "grade 5 is death": found.grade == DEATH,
        "it is resolved or in remission: history": found.item.type == "Condition" and found.item.past,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _not_this_tumour(record: Record, cancer: Cancer, found: Finding, sides: set[str], present: set[str]) -> str:
    """Why a complication is not this tumour's; empty if it is."""
    if not cancer.on_its_side(sides):
        return "it is of the other breast"
    sepsis = found.match.means == "sepsis_signs"
    if found.match.concept.proof == "coded" or (sepsis and found.presence == ABSENT):
        return ""
    places = {match.means for match in record.match("body_sites", codings(found.item.resource.get("bodySite")))}
    if places & PLACES or any(each in cancer.own for each in linked(record, found.item)):
        return ""
    if not sepsis:
        return "neither a body site at the breast nor a link to the cancer shows that it is the tumour's"
    if present & SOURCE_OF_SEPSIS:
        return ""
    return "its source is not shown to be the breast; an active sepsis is an emergency whatever its source"


def _not_now(record: Record, cancer: Cancer, found: Finding, removal: Item | None) -> str:
    """Why a complication of this tumour says nothing about today; empty if it does."""
    on = found.item.day
    if found.presence == ABSENT:
        too_old = on is None or record.today - on.first > dt.timedelta(days=RECENT_DAYS)
        return "the examination is too long ago, or undated, to say that it is absent today" if too_old else ""
    if cancer.before_diagnosis(on):
        return "it is dated before the diagnosis"
    if on is not None and removal is not None and removal.day is not None and on.before(removal.day):
        return "the tumour was removed afterwards"
    return ""


def _unsure(on: Day | None, removal: Item | None, *, undated: bool) -> bool:
    """Whether a complication and a removal of the tumour cannot be put in order."""
    if removal is None or removal.day is None:
        return undated
    return undated or on is None or on.overlaps(removal.day)
