"""Findings of the tumour: bleeding, ulceration, obstruction and the like, as the guideline lists them.

Present is what is coded at the tumour or linked to the cancer, active, and dated after the diagnosis; some findings
count now, whatever their source. An adverse event is present where it names an emergency. Absent is only what an
examination says is absent, as long as nothing may speak against it. Where both stand on one day present holds. Whatever
looks like a finding and does not count is reported.
"""

import datetime as dt
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from service.fhir.claims import Claim, newest, set_provenance
from service.fhir.counter_evidence import (
    CounterEvidence,
    CounterEvidenceReader,
    Location,
    NamedEmergency,
    Places,
    latest_day,
)
from service.fhir.dates import Day
from service.fhir.findings import ABSENT, DEATH, PRESENT, Finding, read_findings
from service.fhir.reading import Reading
from service.fhir.record import Item, both_sides
from service.fhir.resolution import Resolution
from service.fhir.statuses import ACTIVE
from service.knowledge.extraction import Anywhere, FindingsSource
from service.knowledge.terminology import CODED, HINT

PAST = "it is resolved or in remission: history"
BEFORE = "it is dated before the diagnosis"
ELSEWHERE = "it is of another place"
REMOVED = "the tumour was removed afterwards"


def resolve_findings(reading: Reading, source: FindingsSource) -> Resolution:
    """State the findings that are known to be present or absent."""
    resolver = _Findings(reading, source)
    resolver.resolve()
    return resolver.resolution


@dataclass
class _Claims:
    """What is said of one finding."""

    claims: list[tuple[Claim, int | None]] = field(default_factory=list)
    """Each with its grade."""
    contradictory: list[Item] = field(default_factory=list)

    def of(self, presence: str) -> list[Claim]:
        return [claim for claim, _ in self.claims if claim.value == presence]


class _Findings:
    def __init__(self, reading: Reading, source: FindingsSource) -> None:
        self.reading, self.source = reading, source
        self.record, self.subject = reading.record, reading.subject
        self.places = Places(reading)
        self.resolution = Resolution()
        self.anywhere = {anywhere.finding: anywhere for anywhere in source.anywhere}
        self.present: set[str] = set()
        self.claims: dict[str, _Claims] = {}
        self.unresolved: list[tuple[str, list[Item], str]] = []
        """Finding, resources and detail of what is too grave to stand in a list of what was not used."""
        self.doubts: list[CounterEvidence] = []
        self.no_subject = f"no {reading.cancer} is known in this record"
        self.other_side = f"it is of the other {reading.organ}"
        self.stale = f"it is more than {reading.days(source.stale)} days old: examine again"
        self.no_doubt = {self.no_subject, PAST, self.other_side, ELSEWHERE, REMOVED}
        """Reasons for which a finding does not speak against an examination either."""
        self.old = {
            anywhere.finding: anywhere.old.format(days=reading.days(anywhere.window)) for anywhere in source.anywhere
        }

    def resolve(self) -> None:
        findings = {
            item: item_findings
            for item in self.record.of("Condition", "Observation", "AdverseEvent")
            if (item_findings := read_findings(self.record, self.source, item))
        }
        counter_evidence = CounterEvidenceReader(self.reading, self.source, self.places)
        self.doubts += counter_evidence.read(findings)
        for label, reason in counter_evidence.ignored:
            self.resolution.ignore(label, reason)
        for item in self.record.of("AdverseEvent"):
            if item not in findings:
                self.resolution.ignore(item.label, self.source.treatment_effect)
        every = [finding for item_findings in findings.values() for finding in item_findings]
        # A finding that counts anywhere comes last: an older one counts where its source in the tumour is known.
        for finding in sorted(every, key=lambda finding: finding.kind in self.anywhere):
            self.weigh(finding)
        values = {kind: value for kind in self.claims if (value := self.state(kind)) is not None}
        for kind, items, detail in self.unresolved:
            self.report_unresolved(kind, items, detail, values)
        reported = {
            (conflict["fact"], label) for conflict in self.resolution.conflicts for label in conflict["resources"]
        }
        for emergency in counter_evidence.emergencies:
            if (
                self.is_current(emergency)
                and (f"{self.source.path}.{emergency.kind}", emergency.item.label) not in reported
            ):
                detail = f"Named in a resource of the type {emergency.item.type}, which is no finding: examine today."
                self.report_unresolved(emergency.kind, [emergency.item], detail, values)
        if values:
            self.resolution.facts[self.source.path] = values

    def report_unresolved(self, kind: str, items: list[Item], detail: str, values: Container[str]) -> None:
        """Report what leaves a finding unknown as a conflict, unless the finding is stated all the same."""
        if kind in values:
            reason = f"{kind}: it stands beside another that is stated. {detail}"
            self.resolution.ignore(items[0].label, reason)
        else:
            self.resolution.conflict(f"{self.source.path}.{kind}", [PRESENT], items, detail)

    def is_current(self, emergency: NamedEmergency) -> bool:
        """Return whether an emergency that is named where no finding is read may be one of today."""
        day, anywhere = emergency.day, self.anywhere.get(emergency.kind)
        if day is None or self.subject.present is not True:
            return self.subject.present is True
        days = self.reading.days(anywhere.window if anywhere is not None else self.source.stale)
        removal, _ = self.reading.therapy.last_removal(frozenset())
        removed = _is_removed_after(day, removal) and not self.subject.recurred
        return (self.record.today - day.last).days <= days and not self.subject.before_diagnosis(day) and not removed

    def weigh(self, finding: Finding) -> None:
        """Count a finding, or report why it does not count."""
        kind, item = finding.kind, finding.item
        sides = both_sides([finding.match.concept.side]) | self.reading.sides(item)
        removal, undated = self.reading.therapy.last_removal(frozenset(sides))
        reason = self.why_no_finding(finding) or self.why_not(finding, sides, removal)
        if reason:
            # An adverse event has a day on which it happened: an old one asks for no new examination.
            if item.type != "AdverseEvent" and reason in {self.stale, self.old.get(kind)}:
                self.unresolved.append((kind, [item], f"On record, but {reason}."))
            else:
                self.resolution.ignore(item.label, f"{kind}: {reason}")
            if finding.presence != ABSENT and reason not in self.no_doubt:
                holds = (reason in (BEFORE, self.old.get(kind))) and item.type == "Condition"
                self.doubts.append(CounterEvidence(kind, item, None if holds else latest_day(self.reading, item)))
            return
        if (
            kind not in self.anywhere
            and finding.presence == PRESENT
            and _is_unordered(item.day, removal, undated=undated)
        ):
            detail = (
                "The tumour was removed afterwards, but the cancer came back: the complication stays unknown."
                if _is_removed_after(item.day, removal)
                else "Whether the tumour was removed before or after is not known: the complication stays unknown."
            )
            self.unresolved.append((kind, [item, *([removal] if removal else [])], detail))
            self.doubts.append(CounterEvidence(kind, item, None))
            return
        token = finding.match.coding.token
        claim = Claim(finding.presence, item, finding.element, token, item.day, self.why(finding))
        group = self.claims.setdefault(kind, _Claims())
        group.claims.append((claim, finding.grade))
        group.contradictory += [item] if finding.self_contradictory else []
        self.present |= {kind} if finding.presence == PRESENT else set()

    def why(self, finding: Finding) -> str:
        if finding.presence == ABSENT:
            return "an examination"
        anywhere = self.anywhere.get(finding.kind)
        if anywhere is not None and self.places.of(finding.item) is not Location.TUMOUR:
            return anywhere.why
        return f"coded at the {self.reading.organ} or linked to the cancer"

    def state(self, kind: str) -> Any:
        """Return the value of a finding: present before absent, absent only where nothing may speak against it."""
        path, resolution, group = f"{self.source.path}.{kind}", self.resolution, self.claims[kind]
        absences = group.of(ABSENT)
        absent = newest(absences) if absences else None
        every = group.of(PRESENT)
        current = [claim for claim in every if absent is None or not claim.is_before(absent)]
        if current:
            chosen = newest(current)
            against = [claim.item for claim in absences if not claim.is_before(chosen)]
            if against or group.contradictory:
                items = [chosen.item, *against, *group.contradictory]
                detail = "Sources of the same day, or without a date, disagree: stated as present; examine again."
                resolution.conflict(path, [PRESENT, ABSENT], items, detail)
            set_provenance(resolution, path, chosen, [claim for claim, _ in group.claims])
            grades = [
                grade
                for claim, grade in group.claims
                if grade and claim.value == PRESENT and (claim is chosen or not claim.is_before(chosen))
            ]
            return {"presence": PRESENT, "grade": max(grades)} if grades else PRESENT
        if absent is None:
            return None
        against = [claim.item for claim in every if claim.item.type == "Condition"]
        against += [doubt.item for doubt in self.doubts if doubt.concerns(kind, absent.day)]
        if against:
            detail = "An examination says absent, but something else, not read as resolved, may say otherwise: unknown."
            resolution.conflict(path, [ABSENT], [absent.item, *against], detail)
            return None
        if not self.record.whole:
            detail = "An examination says absent, but a part of the record is missing: unknown."
            resolution.conflict(path, [ABSENT], [absent.item], detail)
            return None
        set_provenance(resolution, path, absent, [claim for claim, _ in group.claims])
        return ABSENT

    # ---- reasons not to count

    def why_no_finding(self, finding: Finding) -> str:
        """Return why a resource states no finding at all; empty if it does."""
        reasons = {
            self.source.hint: finding.match.concept.proof == HINT,
            self.no_subject: self.subject.present is not True,
            "its value says neither present nor absent": not finding.presence,
            "grade 5 is death": finding.grade == DEATH,
            PAST: finding.item.type != "Observation" and finding.item.past,
            self.source.treatment_effect: finding.item.type == "AdverseEvent" and not self.is_emergency(finding),
        }
        applicable = [reason for reason, holds in reasons.items() if holds]
        return next((reason for reason in applicable if reason in self.no_doubt), applicable[0] if applicable else "")

    def is_emergency(self, finding: Finding) -> bool:
        """Return whether an adverse event that happened names an emergency by its code and grade."""
        least = self.source.emergencies.get(finding.kind)
        return least is not None and (finding.grade or 1) >= least and not finding.item.potential

    def why_not(self, finding: Finding, sides: set[str], removal: Item | None) -> str:
        """Return why a finding does not count; empty if it does."""
        anywhere = self.anywhere.get(finding.kind)
        if finding.presence == ABSENT:
            return self.why_not_absent(finding, sides)
        if anywhere is not None:
            return self.why_not_anywhere(finding.item, anywhere)
        return self.why_not_this_tumour(finding, sides) or self.why_not_now(finding.item, removal)

    def why_not_absent(self, finding: Finding, sides: set[str]) -> str:
        """Return why an examination does not say that a finding is absent today; empty if it does."""
        item, day = finding.item, finding.item.day
        if item.type == "Observation" and not item.final:
            return "it is preliminary: that proves no absence"
        recent = dt.timedelta(days=self.reading.days(self.source.recent))
        if day is None or self.record.today - day.first > recent:
            return "the examination is too long ago, or undated, to say that it is absent today"
        return "" if finding.kind in self.anywhere else self.why_not_this_tumour(finding, sides)

    def why_not_anywhere(self, item: Item, anywhere: Anywhere) -> str:
        """Return why a finding that counts anywhere is not one of today; empty if it is."""
        day = latest_day(self.reading, item)
        active = item.type == "Condition" and item.clinical in ACTIVE
        window = dt.timedelta(days=self.reading.days(anywhere.window))
        if (day is not None and self.record.today - day.last <= window) or (day is None and active):
            return ""
        if self.places.of(item) is not Location.TUMOUR and self.present.isdisjoint(anywhere.sources):
            return self.old[anywhere.finding]
        return BEFORE if self.subject.before_diagnosis(day) else self.why_stale(item)

    def why_not_this_tumour(self, finding: Finding, sides: set[str]) -> str:
        """Return why a finding is not this tumour's; empty if it is."""
        if not self.subject.on_its_side(sides):
            return self.other_side
        is_coded = finding.match.concept.proof == CODED
        location = Location.TUMOUR if is_coded else self.places.of(finding.item)
        if location is Location.ELSEWHERE:
            return ELSEWHERE
        if location is Location.TUMOUR:
            return ""
        organ = self.reading.organ
        return f"neither a body site at the {organ} nor a link to the cancer shows that it is the tumour's"

    def why_not_now(self, item: Item, removal: Item | None) -> str:
        """Return why a finding of this tumour says nothing about today; empty if it does."""
        if self.subject.before_diagnosis(item.day):
            return BEFORE
        # Where the cancer came back, an operation says neither that no tumour is in place nor that this ended with one.
        if _is_removed_after(item.day, removal) and not self.subject.recurred:
            return REMOVED
        return self.why_stale(item)

    def why_stale(self, item: Item) -> str:
        """Return whether a finding is too old; a Condition that is active holds however long ago it began."""
        day = latest_day(self.reading, item)
        lasting = item.type == "Condition" and item.clinical in ACTIVE
        stale = dt.timedelta(days=self.reading.days(self.source.stale))
        old = day is not None and self.record.today - day.last > stale
        return self.stale if old and not lasting else ""


def _is_unordered(day: Day | None, removal: Item | None, *, undated: bool) -> bool:
    """Return whether a finding and a removal of the tumour cannot be put in order, or the removal did not end it."""
    if removal is None or removal.day is None:
        return undated
    return undated or day is None or day.overlaps(removal.day) or _is_removed_after(day, removal)


def _is_removed_after(day: Day | None, removal: Item | None) -> bool:
    return day is not None and removal is not None and removal.day is not None and day.before(removal.day)
