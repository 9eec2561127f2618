"""Distant metastasis: the evidence for and against it, when it was found, and where it was then.

Any proof outweighs an earlier absence, and a later absence does not take a proof back; only where both stand close
together is there a conflict.
"""

from collections.abc import Iterable
from dataclasses import replace

from service.fhir.claims import Claim, claim_of, newest, set_fact, set_provenance
from service.fhir.dates import Day
from service.fhir.reading import InitialSites, MetastasisEvidence, Reading
from service.fhir.record import RECORDED, Item, Match
from service.fhir.resolution import Resolution
from service.fhir.resources import Coding, codings, objects, texts
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


class _Strongest:
    def __init__(self, reading: Reading, source: Strongest) -> None:
        self.reading, self.source = reading, source
        self.record, self.subject = reading.record, reading.subject
        self.evidence = MetastasisEvidence(proof=source.proof)
        self.resolution = Resolution()

    def read(self) -> None:
        subject, source = self.subject, self.source
        for item in self.record.of("Condition"):
            if item not in subject.own:
                self.secondary(item)
        lists = {source.stages.list, source.stages.status_list, source.sites.list}
        for item in self.record.of("Observation"):
            if item.hits and not lists.isdisjoint(item.hits):
                self.observation(item)
        why = "it may be a malignancy, and was not understood"
        self.evidence.doubts += [claim_of(UNREAD, item, "code", None, why) for item in subject.doubtful]
        for item in subject.items:
            self.condition_stage(item)
            self.secondary(item)

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
        source = self.source.stages
        kinds = {match.category for match in item.hits.get(source.list, ())}
        sites = {match.category for match in item.hits.get(self.source.sites.list, ())}
        element, value = item.value
        weights = [weight for category, weight in source.weights.items() if category in kinds]
        if source.status_list in item.hits:
            found = self.status(value)
            if not found:
                return
        elif weights:
            found = self.stage(codings(value), texts(value))
        elif self.source.sites.category in sites:
            self.site_observation(item)
            return
        else:
            if source.history in kinds and value is True:
                self.resolution.ignore(item.label, source.history_reason)
                code = item.codes[0].token
                doubt = Claim(HISTORY, item, element, code, item.day, "a history")
                self.evidence.doubts.append(doubt)
            return
        if not found:
            self.resolution.ignore(item.label, "a stage or M category without a value that can be read")
            return
        if reason := self.reading.why_not_about(item):
            self.resolution.ignore(item.label, reason)
            return
        weight = max(weights, default=1)
        for value_of, match in found.items():
            self.add(claim_of(value_of, item, element, match, source.why, weight))

    def status(self, value: object) -> dict[str, Match | None]:
        """Return the value that an observation of the course states, if any."""
        gives = self.source.stages.status_gives
        for match in self.record.match(self.source.stages.status_list, codings(value)):
            if match.category in gives:
                return {gives[match.category]: match}
        return {}

    def stage(self, codes: list[Coding], phrases: Iterable[str]) -> dict[str, Match | None]:
        """Return the values that the codes state; what the whole text states only where no code is known."""
        source = self.source.stages
        coded: dict[str, Match | None] = {}
        for match in self.record.match(source.list, codes):
            if match.category in source.gives:
                coded[source.gives[match.category]] = match
        if coded:
            return coded
        listed = self.record.terminology[source.list]
        words = {word for text in phrases if (word := listed.category_of_word(text)) in source.gives}
        return {source.gives[word]: None for word in words if word is not None}

    def site_observation(self, item: Item) -> None:
        source = self.source.sites
        element, value = item.value
        codes = codings(value)
        if any(match.category == source.none for match in self.record.match(source.list, codes)):
            self.resolution.ignore(item.label, "no site of metastasis named: that is no M category")
            return
        listed = self.record.match(self.reading.extraction.places.list, codes)
        places = [match for match in listed if match.category in source.places]
        reason = self.reading.why_not_about(item)
        reason = reason or ("" if places else "a site of metastasis that cannot be read")
        if reason:
            self.resolution.ignore(item.label, reason)
            if not places:
                self.evidence.doubts.append(claim_of(UNREAD, item, element, None, reason))
            return
        claim = claim_of(self.source.proof, item, element, places[0], source.why)
        self.evidence.proofs.append(claim)
        self.evidence.sites += [(claim, match.category) for match in places]

    def condition_stage(self, item: Item) -> None:
        source = self.source.stages
        for stage in objects(item.resource.get("stage")):
            types = codings(stage.get("type"))
            staged = any(match.category in source.systems for match in self.record.match(source.list, types))
            summary = stage.get("summary")
            # A bare "4" may be a grade; a code of a stage is a stage whatever stands beside it.
            phrases = [text for text in texts(summary) if staged or (not types and not text.strip().isdigit())]
            found = self.stage(codings(summary), phrases)
            if not found and summary is not None:
                reason = "a stage that cannot be read, or of another kind (a grade is no stage)"
                self.resolution.ignore(item.label, reason)
            assessed = [self.record.resolve(each) for each in objects(stage.get("assessment"))]
            days = [each.day for each in assessed if each is not None and each.day is not None]
            for value, match in found.items():
                claim = claim_of(value, item, "stage.summary", match, source.why_stage)
                if value != self.source.proof and not days:
                    self.resolution.ignore(item.label, "a stage below IV without a date is no M category")
                    continue
                # The condition's own date is that of the diagnosis, not of this stage.
                self.add(replace(claim, day=days[0] if days else None))

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
            against = [claim for claim in evidence.doubts if self.is_in_doubt(claim, chosen)]
            detail = "No distant metastasis was found, but something not older may be one: the status stays unknown."
            values = [claim.item.codes[0].token for claim in against if claim.item.codes]
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
    """State a value by the dates; nothing where tumours of two sides answer differently."""
    resolution, subject = Resolution(), reading.subject
    evidence = reading.metastasis[source.of]
    found = evidence.first_proof
    if found is None:
        return resolution
    window = reading.days(source.window)
    first = next(claim for claim in evidence.proofs if claim.day == found)
    # A day of recording only says that the metastasis is not later.
    undated = first.item.element in RECORDED or any(claim.day is None for claim in evidence.proofs)
    values = {_by_interval(source, day, found, window, undated=undated) for day in subject.diagnosed}
    bound = subject.no_later_than
    if not values and bound is not None:
        late = found.days_after(bound)[0] > window and not undated
        values = {source.after if late else None}
        if not late:
            reason = "its diagnosis has only a day of recording or of a recurrence: it may be older"
            resolution.ignore(next(item.label for item in subject.items if item.day is bound), reason)
    value = values.pop() if len(values) == 1 else None
    if value is None:
        return resolution
    earlier = _earlier(reading, evidence, found, window) if value == source.within else []
    if earlier:
        words = value.replace("_", " ")
        detail = f"By the dates the disease is {words}, but something tells of a cancer long before: unknown."
        resolution.conflict(source.path, [value], [first.item, *earlier], detail)
        return resolution
    if value == source.within and not reading.record.whole:
        words = value.replace("_", " ")
        detail = f"By the dates the disease is {words}, but a part of the record is missing: unknown."
        resolution.conflict(source.path, [value], [first.item], detail)
        return resolution
    why = f"days between the first diagnosis and the first evidence of {evidence.proof}"
    claim = Claim(value, first.item, first.element, first.code, first.day, why)
    set_fact(resolution, source.path, claim, [claim])
    return resolution


def _by_interval(source: Interval, diagnosed: Day, found: Day, window: int, *, undated: bool) -> str | None:
    least, most = found.days_after(diagnosed)
    if least >= -window and most <= window:
        return source.within
    return source.after if least > window and not undated else None


def _earlier(reading: Reading, evidence: MetastasisEvidence, found: Day, window: int) -> list[Item]:
    """Return what tells that the cancer is older than its diagnosis: history, operations, stages, drugs of before."""

    def long_before(day: Day | None) -> bool:
        return day is not None and found.days_after(day)[0] > window

    therapy = reading.therapy
    return [
        *reading.subject.history,
        *(item for item in therapy.earlier_removals if item.day is None or long_before(item.day)),
        *(claim.item for claim in evidence.absences if long_before(claim.day)),
        *(dose.item for dose in therapy.first_doses if long_before(dose.day)),
    ]


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
        late = (
            claim.day is not None
            and found is not None
            and (claim.day.days_after(found)[0] > window or (start is not None and start.before(claim.day)))
        )
        if late:
            reason = "this site was found later: sites are those when metastasis was found"
            resolution.ignore(claim.item.label, reason)
        else:
            initial.append((claim, site))
    sites = list(dict.fromkeys(site for _, site in initial if site))
    if sites:
        claims = [claim for claim, site in initial if site]
        unclear = any(site is None for _, site in initial) or bool(evidence.doubts)
        reading.initial_sites[source.path] = InitialSites(sites, claims, unclear)
        set_fact(resolution, source.path, claims[0], claims, sites)
    return resolution


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
