"""The response to the systemic therapy being given now.

Only an assessment after the first dose of the current line and before the next operation counts: a status after
surgery describes residual disease. A line ends some time after its last dose, or with progression after it; what is
assessed later is no response to it.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from service.fhir.claims import Claim, resolve_newest, set_provenance
from service.fhir.reading import MetastasisEvidence, Reading
from service.fhir.record import Item
from service.fhir.resolution import Resolution
from service.fhir.resources import codings, texts
from service.knowledge.extraction import Response

UNREAD = "not understood"


def resolve_response(reading: Reading, source: Response) -> Resolution:
    """State the response with the day of the assessment, unless something not older may say otherwise."""
    resolver = _Response(reading, source)
    resolver.resolve()
    return resolver.resolution


class _Response:
    def __init__(self, reading: Reading, source: Response) -> None:
        self.reading, self.source, self.record = reading, source, reading.record
        self.evidence: MetastasisEvidence = reading.metastasis[source.of]
        self.resolution = Resolution()
        self.after_line: list[Claim] = []
        """Assessments after the current line had ended."""

    def resolve(self) -> None:
        source = self.source
        assessed = [claim for item in self.record.of("Observation") for claim in self.claims(item)]
        assessed = self.without_later(assessed)
        claims = [claim for claim in assessed if claim.value != UNREAD]
        if not claims:
            return
        exact = [claim for claim in claims if claim.why == source.why_exact]
        latest = max(claim.day.last for claim in claims if claim.day)
        close = dt.timedelta(days=self.reading.days(source.close))
        preferred = [claim for claim in exact if claim.day and latest - claim.day.last <= close]
        chosen = resolve_newest(self.resolution, source.path, preferred or claims)
        if chosen is None or chosen.day is None:
            return
        later = [claim for claim in self.after_line if claim.value != chosen.value and _is_before(chosen, claim)]
        against = [*self.contrary(chosen, assessed), *self.new_sites(chosen), *later]
        if against:
            values = [chosen.value, *(claim.value for claim in against)]
            detail = (
                "An assessment, or a new metastasis, that is not older may say otherwise: the response stays unknown."
            )
            self.resolution.conflict(source.path, values, [chosen.item, *(claim.item for claim in against)], detail)
            return
        self.resolution.facts[source.path] = {source.member: chosen.value, source.dated: chosen.day.first.isoformat()}
        set_provenance(self.resolution, source.path, chosen, claims)

    def without_later(self, assessed: list[Claim]) -> list[Claim]:
        """Return the assessments before the progression that ended the line, and that progression itself."""
        last = self.reading.therapy.last_dose
        ending = [
            claim
            for claim in assessed
            if last is not None and claim.value == self.source.progression and claim.day and last.before(claim.day)
        ]
        if not ending:
            return assessed
        first = min(ending, key=lambda claim: claim.day.last if claim.day else dt.date.max)
        later = {claim: None for claim in assessed if _is_before(first, claim)}
        for claim in later:
            self.resolution.ignore(claim.item.label, "assessed after the disease had progressed beyond this line")
        self.after_line += later
        return [claim for claim in assessed if claim not in later]

    def contrary(self, chosen: Claim, assessed: list[Claim]) -> list[Claim]:
        """Return assessments not older that could not be read, or that differ in whether the disease progressed."""
        progression = self.source.progression
        return [
            claim
            for claim in assessed
            if (claim.value == UNREAD or (claim.value == progression) != (chosen.value == progression))
            and (claim.day is None or chosen.day is None or not claim.day.before(chosen.day))
        ]

    def new_sites(self, chosen: Claim) -> list[Claim]:
        """Return metastases found after an assessment, at a site that was not known by then."""
        day, sites = chosen.day, self.evidence.sites
        if chosen.value == self.source.progression or day is None:
            return []
        later = [(claim, site) for claim, site in sites if claim.day is not None and day.before(claim.day)]
        known = {site for claim, site in sites if site and (claim.day is None or not day.before(claim.day))}
        return [replace(claim, value=site or self.evidence.proof) for claim, site in later if site not in known]

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
        element = item.value[0]
        reason = self.reading.why_not_about(item) or self.why_not(item)
        of_a_part = bool(item.resource.get("bodySite"))
        unread = value is None or (of_a_part and value == source.progression)
        if unread and (not reason or item.day is None):
            yield Claim(UNREAD, item, f"Observation.{element}", code, item.day, UNREAD)
        if value is None:
            reason = "a course of the disease that is not stated or undetermined"
        elif of_a_part:
            reason = reason or "a response at one place is not that of the whole disease"
        if reason or value is None:
            ignore(item.label, reason)
            return
        why = source.why_exact if category in source.exact else source.why_other
        claim = Claim(value, item, f"Observation.{element}", code, item.day, why)
        if reason := self.why_after_line(item):
            ignore(item.label, reason)
            self.after_line.append(claim)
        else:
            yield claim

    def why_after_line(self, item: Item) -> str:
        """Return why an assessment may have come after the current line had ended; empty if it did not."""
        last, days = self.reading.therapy.last_dose, self.reading.therapy_days
        if last is None or item.day is None or item.day.days_after(last)[1] <= days:
            return ""
        return f"more than {days} days after the last known dose of the line: no response to it"

    def read_value(self, item: Item) -> tuple[str, str | None] | None:
        """Return the category of the value, and its code."""
        source, value = self.source, item.value[1]
        if value is None:
            return None
        for match in self.record.match(source.list, codings(value)):
            if match.category not in source.observations and match.category not in source.never:
                return match.category, match.coding.token
        listed = self.record.terminology[source.list]
        words = (listed.category_of_word(text) for text in texts(value))
        return next(((word, None) for word in words if word), None)

    def why_not(self, item: Item) -> str:
        """Return why an assessment says nothing about the response to the current therapy; empty if it does."""
        therapy, found, day = self.reading.therapy, self.evidence.first_proof, item.day
        if not therapy.line:
            return "no systemic therapy given before it is in the record: it says nothing about a response to one"
        if day is None:
            return "an assessment without a date cannot be tied to a therapy"
        start = therapy.line[0].day
        step, undated = therapy.next_step
        # A line that began within the window of the first proof can still be therapy of the metastatic disease.
        long_before = found is not None and found.days_after(start)[0] > self.reading.days(self.source.window)
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


def _is_before(claim: Claim, other: Claim) -> bool:
    return claim.day is not None and other.day is not None and claim.day.before(other.day)
