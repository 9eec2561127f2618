"""Distant metastasis: the evidence for and against it.

Any proof outweighs an earlier absence, and a later absence does not take a proof back; only where both stand close
together is there a conflict.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from service.facts.json_body import Json
from service.fhir.claims import Claim, claim_of, newest, set_fact
from service.fhir.dates import Day
from service.fhir.mentions import Mention, mentions_in, value_mentions
from service.fhir.reading import MetastasisEvidence, Reading
from service.fhir.record import DROPPED, RECORDED, Hits, Item, Match
from service.fhir.resolution import Resolution
from service.fhir.resources import SHOWN, choice, codings, objects, texts
from service.fhir.stages import StageReader, StageReading
from service.fhir.tnm import NOT_KNOWN, Place
from service.knowledge.extraction import Strongest

PAST = "past"
PRELIMINARY = "preliminary"
HISTORY = "history"
UNREAD = "unread"
REMITTED = "a metastasis in remission or resolved is history; the M category is not read from it"
OF_ANOTHER_CANCER = "a metastasis of another cancer"


def resolve_strongest(reading: Reading, source: Strongest) -> Resolution:
    """Read the evidence, decide, and state the status."""
    resolver = _Strongest(reading, source)
    resolver.read()
    resolver.decide()
    reading.metastasis[source.path] = resolver.evidence
    return resolver.resolution


@dataclass(frozen=True)
class _Part:
    """The code and value of an Observation, or of one of its components."""

    hits: Hits
    element: str
    value: Json
    code: Json


class _Strongest:
    def __init__(self, reading: Reading, source: Strongest) -> None:
        self.reading, self.source = reading, source
        self.record, self.subject = reading.record, reading.subject
        self.evidence = MetastasisEvidence(proof=source.proof)
        self.stages = StageReader(self.record, source.stages)
        weights = source.stages.weights
        self.m_category = max(weights, key=lambda name: weights[name])
        """The category of an M category: of all stages it weighs most."""
        self.resolution = Resolution()

    def read(self) -> None:
        subject, source = self.subject, self.source
        for item in self.record.of("Condition"):
            if item not in subject.own:
                self.secondary(item)
        lists = {source.stages.list, source.stages.status_list, source.sites.list}
        for item in self.record.of("Observation"):
            if "component" in item.resource or (item.hits and not lists.isdisjoint(item.hits)):
                self.observation(item)
        why = "it may be a malignancy, and was not understood"
        self.evidence.doubts += [claim_of(UNREAD, item, "code", None, why) for item in subject.doubtful]
        for item in subject.items:
            self.condition_stage(item)
            self.secondary(item)
        if (mentions := source.mentions) is not None:
            list_name = source.secondaries.list
            for mention in value_mentions(self.record, list_name, mentions.list, mentions.absent):
                self.mention(mention, mentions.why)
            for mention in mentions_in(self.record, list_name):
                self.mention(mention, mentions.why)

    # ---- Conditions

    def secondary(self, item: Item) -> None:
        source, evidence = self.source.secondaries, self.evidence
        matches = item.hits.get(source.list)
        if not matches:
            return
        categories = {match.category for match in matches}
        if source.generic in categories:
            categories = (categories - {source.generic}) | {self.generic_category(item)}
        if categories.intersection(source.proof) and categories.intersection(source.against):
            evidence.contradictory.append(item)
            return
        reason = self.why_no_proof(item, categories)
        proving = {*categories, source.generic}
        match = next((candidate for candidate in matches if candidate.category in proving), matches[0])
        if not reason:
            claim = claim_of(self.source.proof, item, "code", match, source.why, weight=2)
            evidence.proofs.append(claim)
            evidence.sites.append((claim, self.site(item, matches)))
            return
        self.resolution.ignore(item.label, reason)
        if len(categories) != 1 or categories.isdisjoint(source.settled):
            value = PAST if reason == REMITTED else match.category
            evidence.doubts.append(claim_of(value, item, "code", match, reason))

    def why_no_proof(self, item: Item, categories: set[str]) -> str:
        """Return why a secondary Condition is no proof; empty if it is one."""
        source, subject = self.source.secondaries, self.subject
        if categories.isdisjoint(source.proof):
            return next((reason for category, reason in source.reasons.items() if category in categories), "not read")
        about = item.links
        foreign = any(link in subject.foreign for link in about)
        if item.past:
            return OF_ANOTHER_CANCER if foreign else REMITTED
        if item.tentative:
            return "a metastasis that is only suspected"
        if any(link in subject.own for link in about) or not categories.isdisjoint(source.own):
            return ""
        if foreign:
            return OF_ANOTHER_CANCER
        unclear = "there is another cancer in the record, and it does not say whose metastasis this is"
        return unclear if subject.others else ""

    def generic_category(self, item: Item) -> str:
        """Return what a secondary malignancy without a site in its code is, by its body site."""
        source = self.source.secondaries
        places = self.reading.places(item) - {self.reading.extraction.places.side}
        for category, at in source.at.items():
            if places.intersection(at):
                return category
        return source.unplaced if item.resource.get("bodySite") and not places else source.placed

    def site(self, item: Item, matches: Iterable[Match]) -> str | None:
        sites = [match.concept.site for match in matches if match.concept.site]
        places = item.site.hits.get(self.reading.extraction.places.list, ())
        sites += [match.category for match in places if match.category in self.source.sites.places]
        specific = [site for site in dict.fromkeys(sites) if site != "other"] or sites
        return specific[0] if specific and len(set(specific)) == 1 else None

    # ---- stages

    def observation(self, item: Item) -> None:
        """Read an Observation and each of its components as a statement of its own."""
        parts = list(self.parts(item))
        components = [self.part(item, part) for part in parts[1:]]
        self.part(item, parts[0], is_panel=any(components))

    def parts(self, item: Item) -> Iterator["_Part"]:
        element, value = item.value
        yield _Part(item.hits, element, value, item.resource.get("code"))
        for component in objects(item.resource.get("component")):
            element, value = choice(component, "value")
            code = component.get("code")
            yield _Part(self.record.concept(code).hits, f"component.{element}", value, code)

    def part(self, item: Item, part: "_Part", *, is_panel: bool = False) -> bool:
        """Read one statement; return whether its code is one of those that are read."""
        source = self.source.stages
        kinds = {match.category for match in part.hits.get(source.list, ())}
        weights = [weight for category, weight in source.weights.items() if category in kinds]
        courses = self.record.match(source.status_list, codings(part.value)) if part.value is not None else ()
        if courses and (weights or source.status_list in part.hits):
            self.course(item, part, courses, is_category=bool(weights))
        elif weights:
            if part.value is not None or not is_panel:
                self.category(item, part, kinds, max(weights))
        elif source.status_list in part.hits:
            return True
        elif self.source.sites.category in {match.category for match in part.hits.get(self.source.sites.list, ())}:
            self.site_observation(item, part)
        else:
            return self.other_part(item, part, kinds)
        return True

    def other_part(self, item: Item, part: "_Part", kinds: set[str]) -> bool:
        source = self.source.stages
        if source.history in kinds and part.value is True:
            self.resolution.ignore(item.label, source.history_reason)
            code = item.codes[0].token if item.codes else None
            self.evidence.doubts.append(Claim(HISTORY, item, part.element, code, item.day, "a history"))
        notation = source.notation
        if notation is not None and notation.at_recurrence in kinds and not (part.value is None or part.value is False):
            claim = claim_of(notation.at_recurrence, item, part.element, None, "found at a recurrence")
            self.evidence.stated.append((notation.at_recurrence, claim))
        return bool(kinds)

    def course(self, item: Item, part: "_Part", courses: Iterable[Match], *, is_category: bool) -> None:
        """Read what a course of the disease says of distant metastasis: present, doubtful, or come back."""
        source = self.source.stages
        course_matches = [
            match
            for match in courses
            if match.category in {*source.status_gives, *source.status_doubts, *source.recurrences}
        ]
        if not course_matches:
            if is_category:
                reason = "a course of the metastases that says none, or not known: that is no M category"
                self.resolution.ignore(item.label, reason)
            return
        if reason := self.reading.why_not_about(item):
            self.resolution.ignore(item.label, reason)
            return
        for match in course_matches:
            if match.category in source.status_gives:
                claim = claim_of(source.status_gives[match.category], item, part.element, match, source.why)
                self.add(replace(claim, weight=1))
            if match.category in source.recurrences:
                claim = claim_of(match.category, item, part.element, match, "the cancer came back")
                self.evidence.recurrences.append(claim)
            if match.category in source.status_doubts:
                reason = "a course of the metastases that is doubtful"
                self.resolution.ignore(item.label, reason)
                self.evidence.doubts.append(claim_of(UNREAD, item, part.element, match, reason))

    def category(self, item: Item, part: "_Part", kinds: set[str], weight: int) -> None:
        """Read a stage group or an M category."""
        source = self.source.stages
        is_m = self.m_category in kinds
        reading = self.stages.read(part.value, Place.M_CATEGORY if is_m else Place.STAGE_GROUP)
        marks = self.stages.marks(item.resource.get("modifierExtension") and item.resource, part.code, part.value)
        self.report(item, reading)
        if not reading.stated and not reading.faults:
            self.resolution.ignore(item.label, "a stage or M category without a value that can be read")
            if is_m and (codings(part.value) or texts(part.value)):
                self.doubt(item, part.element, "an M category that was not understood")
            return
        if reason := self.reading.why_not_about(item):
            self.resolution.ignore(item.label, reason)
            return
        for claim in self.stage_claims(item, part.element, reading, marks, source.why):
            self.add(replace(claim, weight=weight))

    def stage_claims(
        self, item: Item, element: str, reading: StageReading, marks: frozenset[str], why: str
    ) -> Iterator[Claim]:
        """Yield what a stage states, with the prefixes and suffixes that stand in extensions."""
        notation = self.source.stages.notation
        if notation is not None and notation.at_autopsy in marks:
            self.resolution.ignore(item.label, "an M category found at an autopsy")
            return
        for value, stage in reading.stated.items():
            claim = claim_of(value, item, element, stage.match, why)
            if notation is not None and notation.deposits in marks and value == notation.m0:
                if notation.itc is None:
                    reason = "M0 with isolated tumour cells, which does not exist for this cancer"
                    self.resolution.ignore(item.label, reason)
                    continue
                claim = replace(claim, value=notation.itc)
            if value == self.source.proof:
                self.tell_when(claim, stage.category, at_recurrence=stage.recurrent or self.has_mark(marks))
                self.evidence.sites += [(claim, self.site_of(code)) for code in stage.sites]
            yield claim

    def has_mark(self, marks: frozenset[str]) -> bool:
        notation = self.source.stages.notation
        return notation is not None and notation.at_recurrence in marks

    def tell_when(self, claim: Claim, category: str, *, at_recurrence: bool) -> None:
        """Keep what a proof says itself of when the metastasis came."""
        notation = self.source.stages.notation
        if at_recurrence and notation is not None:
            self.evidence.stated.append((notation.at_recurrence, claim))
        self.evidence.stated.append((category, claim))

    def site_of(self, code: str) -> str | None:
        """Return the site of the three letters behind an M category; None for one that is not a site of the fact."""
        notation, source = self.source.stages.notation, self.source.sites
        places = self.reading.extraction.places.list
        if notation is None or notation.site_system is None:
            return None
        concept = self.record.terminology.index.find(notation.site_system, code).get(places)
        return concept.category if concept is not None and concept.category in source.places else None

    def report(self, item: Item, reading: StageReading) -> None:
        """Tell what was understood and states nothing, and codes whose display says something else."""
        for text, reason in reading.faults.items():
            self.resolution.ignore(item.label, f"{text}: {reason}")
            if reason != NOT_KNOWN:
                self.doubt(item, "value", reason)
        for coding in reading.clashes:
            detail = "A code and its display say different things: the code was read."
            self.resolution.conflict(self.source.path, [coding.token, coding.display[:SHOWN]], [item], detail)

    def doubt(self, item: Item, element: str, reason: str) -> None:
        self.evidence.unread_stages.append(claim_of(UNREAD, item, element, None, reason))

    def site_observation(self, item: Item, part: "_Part") -> None:
        source = self.source.sites
        codes = codings(part.value)
        if any(match.category == source.none for match in self.record.match(source.list, codes)):
            self.resolution.ignore(item.label, "no site of metastasis named: that is no M category")
            return
        matches = self.record.match(self.reading.extraction.places.list, codes)
        places = [match for match in matches if match.category in {*source.places, *source.unplaced}]
        reason = self.reading.why_not_about(item)
        reason = reason or ("" if places else "a site of metastasis that cannot be read")
        if reason:
            self.resolution.ignore(item.label, reason)
            if not places:
                self.evidence.doubts.append(claim_of(UNREAD, item, part.element, None, reason))
            return
        claim = claim_of(self.source.proof, item, part.element, places[0], source.why)
        self.evidence.proofs.append(claim)
        sites = [match.category for match in places if match.category in source.places]
        self.evidence.sites += [(claim, site) for site in sites] or [(claim, None)]

    def condition_stage(self, item: Item) -> None:
        source = self.source.stages
        for stage in objects(item.resource.get("stage")):
            types = codings(stage.get("type"))
            kinds = {match.category for match in self.record.match(source.list, types)}
            is_stage, summary = not kinds.isdisjoint(source.systems), stage.get("summary")
            # A bare "4" may be a grade; a code of a stage is a stage whatever stands beside it.
            phrases = [text for text in texts(summary) if is_stage or (not types and not text.strip().isdigit())]
            place = Place.M_CATEGORY if self.m_category in kinds else Place.STAGE_GROUP if is_stage else Place.TEXT
            reading = self.stages.read(summary, place, phrases)
            self.report(item, reading)
            if not reading.stated and not reading.faults and summary is not None:
                reason = "a stage that cannot be read, or of another kind (a grade is no stage)"
                self.resolution.ignore(item.label, reason)
            assessments = [self.record.resolve(assessment) for assessment in objects(stage.get("assessment"))]
            days = [
                assessment.day for assessment in assessments if assessment is not None and assessment.day is not None
            ]
            marks = self.stages.marks(stage, summary)
            for claim in self.stage_claims(item, "stage.summary", reading, marks, source.why_stage):
                if claim.value != self.source.proof and not days:
                    self.resolution.ignore(item.label, "a stage below IV without a date is no M category")
                    continue
                # The condition's own date is that of the diagnosis, not of this stage.
                self.add(replace(claim, day=days[0] if days else None))

    # ---- what only names a metastasis

    def mention(self, mention: Mention, why: str) -> None:
        """Let a metastasis that is named where none is read forbid an older absence."""
        source, item = self.source.secondaries, mention.item
        if item.status in DROPPED or any(claim.item is item for claim in self.evidence.proofs):
            return
        matches = self.record.match(source.list, mention.codes)
        match = next((candidate for candidate in matches if candidate.category not in source.settled), None)
        own = any(link in self.subject.own for link in item.links)
        if match is None or (not own and any(link in self.subject.foreign for link in item.links)):
            return
        self.resolution.ignore(item.label, why)
        claim = replace(claim_of(match.category, item, mention.element, match, why), day=mention.day)
        self.evidence.mentions.append((claim, match.concept.site))

    def add(self, claim: Claim) -> None:
        (self.evidence.proofs if claim.value == self.source.proof else self.evidence.absences).append(claim)

    # ---- the decision

    def decide(self) -> None:
        evidence, path, proof = self.evidence, self.source.path, self.source.proof
        self.prefer_final()
        if evidence.contradictory and not evidence.proofs:
            codes = [coding.token for item in evidence.contradictory for coding in item.codes]
            detail = "One condition is coded as a distant metastasis and as something else: the status stays unknown."
            self.resolution.conflict(path, codes, evidence.contradictory, detail)
            return
        if evidence.proofs:
            chosen = newest(evidence.proofs)
            against = [claim for claim in evidence.absences if self.is_close(claim.day, chosen.day)]
            absence = self.source.absence[0]
            detail = f"{proof} and {absence} stand too close together to say which holds: the status stays unknown."
            values = [claim.value for claim in against]
        elif evidence.absences:
            chosen = newest(evidence.absences)
            doubts = [*evidence.doubts, *evidence.unread_stages, *(claim for claim, _ in evidence.mentions)]
            against = [claim for claim in doubts if self.is_in_doubt(claim, chosen)]
            detail = "No distant metastasis was found, but something not older may be one: the status stays unknown."
            mention_codes = {claim: claim.code for claim, _ in evidence.mentions}
            values = [mention_codes.get(claim) or claim.item.codes[0].token for claim in against if claim.item.codes]
            if not against and (reason := self.why_not_now(chosen)):
                detail = f"No distant metastasis was found, but {reason}: the status stays unknown."
                self.resolution.conflict(path, [chosen.value], [chosen.item], detail)
                return
        else:
            return
        if against:
            items = [chosen.item, *(claim.item for claim in against)]
            self.resolution.conflict(path, [chosen.value, *values], items, detail)
            return
        evidence.status = chosen.value
        set_fact(self.resolution, path, chosen, [*evidence.proofs, *evidence.absences])

    def prefer_final(self) -> None:
        """Let preliminary observations count only where nothing is final; a preliminary proof may forbid an absence."""
        evidence = self.evidence
        proofs = [claim for claim in evidence.proofs if not claim.preliminary]
        absences = [claim for claim in evidence.absences if not claim.preliminary]
        if proofs or absences:
            evidence.doubts += [replace(claim, value=PRELIMINARY) for claim in evidence.proofs if claim.preliminary]
            evidence.proofs, evidence.absences = proofs, absences

    def is_close(self, absence: Day | None, proof: Day | None) -> bool:
        """Return whether an absence contradicts a proof; a later one only says that nothing is seen any more."""
        if absence is None or proof is None:
            return False
        close = self.reading.days(self.source.close)
        return absence.overlaps(proof) or (proof.before(absence) and absence.days_after(proof)[0] <= close)

    def is_in_doubt(self, doubt: Claim, absence: Claim) -> bool:
        """Return whether a doubt is not older than an absence."""
        if doubt.day is None or absence.day is None or doubt.value in {PAST, HISTORY}:
            return True
        if doubt.value == self.source.secondaries.first_staging:
            # What was staged within the window belongs together with the staging that found no distant metastasis.
            return doubt.day.days_after(absence.day)[1] > self.reading.days(self.source.first)
        if doubt.value == PRELIMINARY:
            return absence.day.before(doubt.day)
        return not doubt.day.before(absence.day)

    def why_not_now(self, absence: Claim) -> str:
        """Return why an absence does not hold for this cancer now; empty if it does."""
        if not self.record.complete:
            return "not all of the record could be read"
        if absence.day is None:
            return "it has no date"
        onsets = [item.day for item in self.subject.items if item.day is not None and item.element not in RECORDED]
        close = self.reading.days(self.source.close)
        if any(day.days_after(absence.day)[0] > close for day in onsets):
            return f"it is of before a diagnosis of {self.reading.cancer}"
        return ""
