"""Distant metastasis: the evidence for and against it, when it was found, and where it was then.

Any proof outweighs an earlier absence, and a later absence does not take a proof back; only where both stand close
together is there a conflict.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from service.facts.json_body import Json
from service.fhir.claims import Claim, claim_of, newest, set_fact, set_provenance
from service.fhir.dates import Day
from service.fhir.mentions import Mention, mentions_in, value_mentions
from service.fhir.reading import InitialSites, MetastasisEvidence, Reading
from service.fhir.record import DROPPED, RECORDED, Hits, Item, Match
from service.fhir.resolution import Resolution
from service.fhir.resources import SHOWN, choice, codings, objects, texts
from service.fhir.stages import StageReader, StageReading
from service.fhir.tnm import NOT_KNOWN, Place
from service.knowledge.extraction import Interval, OnlySites, Sites, Strongest

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
            listed = source.secondaries.list
            for mention in value_mentions(self.record, listed, mentions.list, mentions.absent):
                self.mention(mention, mentions.why)
            for mention in mentions_in(self.record, listed):
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
        wanted = {*categories, source.generic}
        match = next((each for each in matches if each.category in wanted), matches[0])
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
        foreign = any(each in subject.foreign for each in about)
        if item.past:
            return OF_ANOTHER_CANCER if foreign else REMITTED
        if item.tentative:
            return "a metastasis that is only suspected"
        if any(each in subject.own for each in about) or not categories.isdisjoint(source.own):
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
        found = [match.concept.site for match in matches if match.concept.site]
        places = item.site.hits.get(self.reading.extraction.places.list, ())
        found += [match.category for match in places if match.category in self.source.sites.places]
        named = [site for site in dict.fromkeys(found) if site != "other"] or found
        return named[0] if named and len(set(named)) == 1 else None

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
        relevant = [
            match
            for match in courses
            if match.category in {*source.status_gives, *source.status_doubts, *source.recurrences}
        ]
        if not relevant:
            if is_category:
                reason = "a course of the metastases that says none, or not known: that is no M category"
                self.resolution.ignore(item.label, reason)
            return
        if reason := self.reading.why_not_about(item):
            self.resolution.ignore(item.label, reason)
            return
        for match in relevant:
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
        is_m = max(source.weights, key=lambda name: source.weights[name]) in kinds
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
        for value, stated in reading.stated.items():
            claim = claim_of(value, item, element, stated.match, why)
            if notation is not None and notation.deposits in marks and value == notation.m0:
                if notation.itc is None:
                    reason = "M0 with isolated tumour cells, which does not exist for this cancer"
                    self.resolution.ignore(item.label, reason)
                    continue
                claim = replace(claim, value=notation.itc)
            if value == self.source.proof:
                self.tell_when(claim, stated.category, at_recurrence=stated.recurrent or self.has_mark(marks))
                self.evidence.sites += [(claim, self.site_of(code)) for code in stated.sites]
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
        listed = self.record.match(self.reading.extraction.places.list, codes)
        places = [match for match in listed if match.category in {*source.places, *source.unplaced}]
        reason = self.reading.why_not_about(item)
        reason = reason or ("" if places else "a site of metastasis that cannot be read")
        if reason:
            self.resolution.ignore(item.label, reason)
            if not places:
                self.evidence.doubts.append(claim_of(UNREAD, item, part.element, None, reason))
            return
        claim = claim_of(self.source.proof, item, part.element, places[0], source.why)
        self.evidence.proofs.append(claim)
        named = [match.category for match in places if match.category in source.places]
        self.evidence.sites += [(claim, site) for site in named] or [(claim, None)]

    def condition_stage(self, item: Item) -> None:
        source = self.source.stages
        for stage in objects(item.resource.get("stage")):
            types = codings(stage.get("type"))
            kinds = {match.category for match in self.record.match(source.list, types)}
            staged, summary = not kinds.isdisjoint(source.systems), stage.get("summary")
            # A bare "4" may be a grade; a code of a stage is a stage whatever stands beside it.
            phrases = [text for text in texts(summary) if staged or (not types and not text.strip().isdigit())]
            is_m = max(source.weights, key=lambda name: source.weights[name]) in kinds
            place = Place.M_CATEGORY if is_m else Place.STAGE_GROUP if staged else Place.TEXT
            found = self.stages.read(summary, place, phrases)
            self.report(item, found)
            if not found.stated and not found.faults and summary is not None:
                reason = "a stage that cannot be read, or of another kind (a grade is no stage)"
                self.resolution.ignore(item.label, reason)
            assessed = [self.record.resolve(each) for each in objects(stage.get("assessment"))]
            days = [each.day for each in assessed if each is not None and each.day is not None]
            marks = self.stages.marks(stage, summary)
            for claim in self.stage_claims(item, "stage.summary", found, marks, source.why_stage):
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
        match = next((each for each in matches if each.category not in source.settled), None)
        own = any(each in self.subject.own for each in item.links)
        if match is None or (not own and any(each in self.subject.foreign for each in item.links)):
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
            named = {claim: claim.code for claim, _ in evidence.mentions}
            values = [named.get(claim) or claim.item.codes[0].token for claim in against if claim.item.codes]
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


def resolve_interval(reading: Reading, source: Interval) -> Resolution:
    """State a value by the dates, or by a proof that says it; nothing where tumours of two sides answer differently."""
    resolution = Resolution()
    evidence = reading.metastasis[source.of]
    claim = _by_dates(reading, source, resolution)
    words = [(source.stated[name], proof) for name, proof in evidence.stated if name in source.stated]
    if evidence.status == evidence.proof and words:
        against = {value for value, _ in words} - {claim.value if claim is not None else words[0][0]}
        if against:
            values = [*(value for value, _ in words), *([claim.value] if claim is not None else [])]
            items = [proof.item for _, proof in words]
            detail = "The dates, or two statements of when the metastasis came, disagree: unknown."
            resolution.conflict(source.path, values, items, detail)
            return resolution
        value, proof = words[0]
        claim = claim or replace(proof, value=value, why="the stage says when the metastasis came")
    if claim is None:
        return resolution
    earlier = _earlier(reading, evidence, source) if claim.value == source.within else []
    if earlier:
        name = claim.value.replace("_", " ")
        detail = f"By the dates the disease is {name}, but something tells of a cancer long before: unknown."
        resolution.conflict(source.path, [claim.value], [claim.item, *earlier], detail)
        return resolution
    if claim.value == source.within and not reading.record.whole:
        name = claim.value.replace("_", " ")
        detail = f"By the dates the disease is {name}, but a part of the record is missing: unknown."
        resolution.conflict(source.path, [claim.value], [claim.item], detail)
        return resolution
    set_fact(resolution, source.path, claim, [claim])
    return resolution


def _by_dates(reading: Reading, source: Interval, resolution: Resolution) -> Claim | None:
    """Return what the days between diagnosis and metastasis state, if they state one thing."""
    subject, evidence = reading.subject, reading.metastasis[source.of]
    found = evidence.first_proof
    if found is None:
        return None
    window = reading.days(source.window)
    earliest = [claim for claim in evidence.proofs if claim.day == found]
    first = earliest[0]
    # A day of recording only says that the metastasis is not later: so, too, beside another proof of that day.
    recorded = any(claim.item.element in RECORDED for claim in earliest)
    undated = recorded or any(claim.day is None for claim in evidence.proofs)
    values = {_by_interval(source, day, found, window, undated=undated) for day in subject.diagnosed}
    bound = subject.no_later_than
    if not values and bound is not None:
        late = found.days_after(bound)[0] > window and not undated
        values = {source.after if late else None}
        if not late:
            reason = "its diagnosis has only a day of recording or of a recurrence: it may be older"
            resolution.ignore(next(item.label for item in subject.items if item.day is bound), reason)
    value = values.pop() if len(values) == 1 else None
    why = f"days between the first diagnosis and the first evidence of {evidence.proof}"
    return None if value is None else Claim(value, first.item, first.element, first.code, first.day, why)


def _by_interval(source: Interval, diagnosed: Day, found: Day, window: int, *, undated: bool) -> str | None:
    least, most = found.days_after(diagnosed)
    if least >= -window and most <= window:
        return source.within
    return source.after if least > window and not undated else None


def _earlier(reading: Reading, evidence: MetastasisEvidence, source: Interval) -> list[Item]:
    """Return what tells that the cancer is older than its diagnosis, or may: history, operations, stages, drugs."""
    window, found, therapy = reading.days(source.window), evidence.first_proof, reading.therapy

    def long_before(day: Day | None) -> bool:
        return day is not None and found is not None and found.days_after(day)[0] > window

    def not_after(day: Day | None) -> bool:
        return day is None or found is None or not found.before(day)

    return [
        *reading.subject.history,
        *(item for item in therapy.earlier_removals if item.day is None or long_before(item.day)),
        *(item for item in therapy.traces if long_before(item.day)),
        *(item for item in therapy.unread if item.day is None or long_before(item.day)),
        *(item for item in _unread_cancers(reading) if item.day is None or long_before(item.day)),
        *(claim.item for claim in evidence.absences if long_before(claim.day)),
        *(claim.item for claim in evidence.recurrences if not_after(claim.day)),
        *(dose.item for dose in therapy.first_doses if long_before(dose.day)),
    ]


def _unread_cancers(reading: Reading) -> list[Item]:
    """Return Conditions that may be this cancer, and were not understood: their words name a malignancy, or none."""
    source, record = reading.extraction.subject, reading.record
    listed = record.terminology[source.list]

    def names_malignancy(item: Item) -> bool:
        return any(listed.word_within(text, source.malignancy) for text in item.code_texts)

    doubtful = [
        item for item in reading.subject.doubtful if names_malignancy(item) or (item.day and not item.code_texts)
    ]
    unusable = [item for item in record.unusable if item.type == "Condition" and names_malignancy(item)]
    return [*doubtful, *unusable]


def resolve_sites(reading: Reading, source: Sites) -> Resolution:
    """State the sites as they were when metastasis was found, before systemic therapy."""
    resolution, evidence = Resolution(), reading.metastasis[source.of]
    found = evidence.first_proof
    if evidence.status != evidence.proof:
        return resolution
    starts = [day for day in reading.therapy.starts if found is not None and not day.before(found)]
    start = min(starts, key=lambda day: day.first, default=None)
    window = reading.days(source.window)
    initial = []
    for claim, site in evidence.sites:
        if _is_late(claim.day, found, window) or (
            start is not None and claim.day is not None and start.before(claim.day)
        ):
            reason = "this site was found later: sites are those when metastasis was found"
            resolution.ignore(claim.item.label, reason)
        else:
            initial.append((claim, site))
    sites = list(dict.fromkeys(site for _, site in initial if site))
    if sites:
        claims = [claim for claim, site in initial if site]
        elsewhere = [claim for claim, site in evidence.mentions if site and site not in sites]
        unclear = (
            any(site is None for _, site in initial)
            or bool(evidence.doubts)
            or any(not _is_late(claim.day, found, window) for claim in elsewhere)
        )
        reading.initial_sites[source.path] = InitialSites(sites, claims, unclear)
        set_fact(resolution, source.path, claims[0], claims, sites)
    return resolution


def _is_late(day: Day | None, found: Day | None, window: int) -> bool:
    return day is not None and found is not None and day.days_after(found)[0] > window


def resolve_only_sites(reading: Reading, source: OnlySites) -> Resolution:
    """State a value where the sites are exactly those that it stands for."""
    resolution, initial = Resolution(), reading.initial_sites.get(source.of)
    if initial is None or initial.unclear:
        return resolution
    value = next((name for name, sites in source.gives.items() if set(initial.sites) == set(sites)), None)
    if value is not None:
        resolution.facts[source.path] = value
        set_provenance(resolution, source.path, initial.claims[0], initial.claims)
    return resolution
