"""The response to the systemic therapy being given now.

Only an assessment after the first dose of the current line and before the next operation counts: a status after
surgery describes residual disease. A line ends some time after its last dose, or with progression after it.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from service.fhir.claims import Claim, resolve_newest, set_provenance
from service.fhir.dates import Day
from service.fhir.reading import MetastasisEvidence, Reading
from service.fhir.record import Item
from service.fhir.resolution import Resolution
from service.fhir.resources import choice, codings, objects, texts
from service.knowledge.extraction import Response

UNREAD = "not understood"
MIXED = "differs by part"


def resolve_response(reading: Reading, source: Response) -> Resolution:
    """State the response with the day of the assessment, unless something not older may say otherwise."""
    resolver = _Response(reading, source)
    resolver.resolve()
    return resolver.resolution


@dataclass(frozen=True)
class _Part:
    """What an assessment says of one part of the disease."""

    member: str
    category: str
    value: str
    """The response; empty where disease is left and its change is not stated."""


class _Response:
    def __init__(self, reading: Reading, source: Response) -> None:
        self.reading, self.source, self.record = reading, source, reading.record
        self.evidence: MetastasisEvidence = reading.metastasis[source.of]
        self.resolution = Resolution()

    def resolve(self) -> None:
        source = self.source
        assessments = [claim for item in self.record.of("Observation") for claim in self.claims(item)]
        claims = [claim for claim in assessments if claim.value != UNREAD]
        if not claims:
            return
        exact = [claim for claim in claims if claim.why == source.why_exact]
        latest = max(claim.day.last for claim in claims if claim.day)
        close = dt.timedelta(days=self.reading.days(source.close))
        preferred = [claim for claim in exact if claim.day and latest - claim.day.last <= close]
        chosen = resolve_newest(self.resolution, source.path, preferred or claims)
        if chosen is None or chosen.day is None:
            return
        against = [*self.contrary(chosen, assessments), *self.new_sites(chosen)]
        if against:
            values = [chosen.value, *(claim.value for claim in against)]
            detail = (
                "An assessment, or a new metastasis, that is not older may say otherwise: the response stays unknown."
            )
            self.resolution.conflict(source.path, values, [chosen.item, *(claim.item for claim in against)], detail)
            return
        parts = self.parts(chosen.item)
        if self.is_contradicted(chosen, parts):
            detail = "The whole and the parts of one assessment contradict each other: the response stays unknown."
            values = [chosen.value, *(part.category for part in parts)]
            self.resolution.conflict(source.path, values, [chosen.item], detail)
            return
        stated_members = {} if chosen.value == MIXED else {source.member: chosen.value}
        if self.evidence.status == self.evidence.proof:
            stated_members |= {part.member: part.value for part in parts if part.member and part.value}
        if not stated_members:
            return
        self.resolution.facts[source.path] = stated_members | {source.dated: chosen.day.first.isoformat()}
        set_provenance(self.resolution, source.path, chosen, claims)

    def contrary(self, chosen: Claim, assessments: list[Claim]) -> list[Claim]:
        """Return assessments not older that could not be read, or that differ in whether the disease progressed."""
        progression = self.source.progression
        return [
            claim
            for claim in assessments
            if claim is not chosen
            and (claim.value in {UNREAD, MIXED} or (claim.value == progression) != (chosen.value == progression))
            and (claim.day is None or chosen.day is None or not claim.day.before(chosen.day))
        ]

    def new_sites(self, chosen: Claim) -> list[Claim]:
        """Return metastases found after an assessment, at a site that was not known by then."""
        day, sites = chosen.day, self.evidence.sites
        if chosen.value == self.source.progression or day is None:
            return []
        later = [(claim, site) for claim, site in sites if claim.day is not None and day.before(claim.day)]
        known_sites = {site for claim, site in sites if site and (claim.day is None or not day.before(claim.day))}
        return [replace(claim, value=site or self.evidence.proof) for claim, site in later if site not in known_sites]

    def claims(self, item: Item) -> Iterator[Claim]:
        source, ignore = self.source, self.resolution.ignore
        matches = item.hits.get(source.list, ()) if item.hits else ()
        if not matches and "method" not in item.resource:
            return
        kinds = {match.category for match in matches}
        if never := next((reason for category, reason in source.never.items() if category in kinds), ""):
            ignore(item.label, never)
            return
        methods = self.record.categories(source.list, item.resource.get("method"))
        read = self.read_value(item)
        if kinds.isdisjoint(source.observations) and (methods.isdisjoint(source.methods) or not read):
            return
        category, code = read or ("", None)
        if category in source.elsewhere:
            return
        value = source.gives.get(category)
        if category in source.mixed and self.parts(item):
            value = MIXED
        element = item.value[0]
        reason = self.reading.why_not_about(item) or self.why_not(item)
        end_reason = "" if reason else self.why_ended(item.day)
        of_a_part = bool(item.resource.get("bodySite"))
        unread = value is None or end_reason or (of_a_part and value == source.progression)
        reason = reason or end_reason
        if unread and (not reason or end_reason or item.day is None):
            yield Claim(UNREAD, item, f"Observation.{element}", code, item.day, UNREAD)
        if value is None:
            reason = reason if end_reason else "a course of the disease that is not stated or undetermined"
        elif of_a_part:
            reason = reason or "a response at one place is not that of the whole disease"
        if reason or value is None:
            ignore(item.label, reason)
            return
        why = source.why_exact if category in source.exact or value == MIXED else source.why_other
        yield Claim(value, item, f"Observation.{element}", code, item.day, why)

    def read_value(self, item: Item) -> tuple[str, str | None] | None:
        """Return the category of the value, and its code."""
        source, value = self.source, item.value[1]
        if value is None:
            return None
        for match in self.record.match(source.list, codings(value)):
            if match.category not in source.observations and match.category not in source.never:
                return match.category, match.coding.token
        code_list = self.record.terminology[source.list]
        words = (code_list.category_of_word(text) for text in texts(value))
        return next(((word, None) for word in words if word), None)

    def parts(self, item: Item) -> list["_Part"]:
        """Return what an assessment says of each part of the disease that it states apart."""
        parts: list[_Part] = []
        gives = self.source.gives
        for component in objects(item.resource.get("component")) if self.source.parts else ():
            about = self.record.categories(self.source.list, component.get("code"))
            value = self.record.categories(self.source.list, choice(component, "value")[1])
            for part in self.source.parts:
                parts += [_Part(part.member, name, part.gives.get(name, "")) for name in part.known & value]
                if about & {*part.codes}:
                    parts += [_Part(part.member, name, gives[name]) for name in self.source.exact if name in value]
        return parts

    def is_contradicted(self, chosen: Claim, parts: list["_Part"]) -> bool:
        """Return whether a part says what the whole excludes: growth without progression, or a rest after a CR."""
        source, values = self.source, {part.value for part in parts}
        if chosen.value == MIXED:
            return False
        grows = source.progression in values and chosen.value != source.progression
        return grows or (chosen.value == source.complete and bool(values - {source.complete}))

    @cached_property
    def progressions(self) -> list[Day]:
        """The days on which the disease is said to have grown or come back."""
        progression = self.source.progression
        days = [claim.day for claim in self.evidence.recurrences if claim.day is not None]
        for item in self.record.listed("Observation", self.source.list):
            if item.day is None or not item.final or self.reading.why_not_about(item):
                continue
            category = (self.read_value(item) or ("", None))[0]
            growing = any(part.value == progression for part in self.parts(item))
            if growing or self.source.gives.get(category) == progression:
                days.append(item.day)
        return days

    def why_not(self, item: Item) -> str:
        """Return why an assessment says nothing about the response to the current therapy; empty if it does."""
        therapy, first_proof, day = self.reading.therapy, self.evidence.first_proof, item.day
        if not therapy.line:
            return "no systemic therapy given before it is in the record: it says nothing about a response to one"
        if day is None:
            return "an assessment without a date cannot be tied to a therapy"
        start = therapy.line[0].day
        step, undated = therapy.next_step
        # A line that began within the window of the first proof can still be therapy of the metastatic disease.
        long_before = first_proof is not None and first_proof.days_after(start)[0] > self.reading.days(
            self.source.window
        )
        reasons = {
            "the dates of the systemic therapy are not all known": therapy.undated,
            "not after the first dose of the current line of systemic therapy": not start.before(day),
            "the therapy on record began long before the metastases: the current one is not known": long_before,
            "an operation without a date may have come before it": undated,
            "after an operation it describes what is left, not a response of the primary": (
                step is not None and not day.before(step)
            ),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def why_ended(self, day: Day | None) -> str:
        """Return why the current line had ended before an assessment: then nothing is a response to it any more."""
        end, days = self.reading.therapy.line_end, self.reading.therapy_days
        if day is None or end is None:
            return ""
        if day.days_after(end)[1] > days:
            return f"more than {days} days after the last dose of the current line"
        grown = any(end.before(day_of_growth) and day_of_growth.before(day) for day_of_growth in self.progressions)
        return "the disease grew or came back after the last dose of the current line" if grown else ""
