"""Metastatic status: the evidence for and against distant metastasis.

Any M1 outweighs an earlier M0, and a later M0 does not take a stage IV back; only where both stand close together is
there a conflict. Regional nodes, metastases to a breast and node counts are no evidence of M1.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from service.fhir.cancer import Cancer, is_about, linked
from service.fhir.claims import Claim, newest, state
from service.fhir.record import RECORDED, Item, Match, Record
from service.fhir.resources import Coding, Day, codings, objects, texts

WINDOW_DAYS = 122
"""Four months, the window of GUIDELINE.md D1 between the first diagnosis and de novo metastasis. What was staged within
it belongs together: so long nodes of an unknown kind belong to the staging that found no distant metastasis."""
PAST = "past"
REMITTED = "a metastasis in remission or resolved is history; the M category is not read from it"
STAGES = {"stage_group", "m_category", "staging_system"}
CLOSE_DAYS = 30
"""An M0 so soon after an M1 contradicts it; a later one only says that nothing is seen any more."""


NO_PROOF = {
    "regional": "a regional node is no distant metastasis",
    "to_breast": "a metastasis in a breast alone is no proof of metastatic breast cancer",
    "other_primary": "a metastasis of another cancer",
    "history": "a history of metastatic cancer is not current",
    "indeterminate": "regional or distant: the code does not tell; stage it",
    "supporting": "supports metastasis, proves nothing",
}


@dataclass
class Staging:
    """The evidence for and against distant metastasis."""

    m1: list[Claim] = field(default_factory=list)
    m0: list[Claim] = field(default_factory=list)
    doubts: list[Claim] = field(default_factory=list)
    """Evidence that proves nothing but forbids to call the disease M0."""
    torn: list[Item] = field(default_factory=list)
    """Conditions whose codes contradict one another."""
    sites: list[tuple[Claim, str | None]] = field(default_factory=list)
    status: str | None = None

    @property
    def first_m1(self) -> Day | None:
        """The day of the first evidence of M1, if the disease is M1 and any evidence is dated."""
        days = [each.day for each in self.m1 if each.day is not None]
        return min(days, key=lambda each: (each.first, each.last)) if days and self.status == "M1" else None


def read_staging(record: Record, cancer: Cancer) -> Staging:
    """Read the evidence, decide, and state metastatic_status."""
    staging = Staging()
    for item in record.of("Condition"):
        if item not in cancer.own:
            _secondary(record, cancer, staging, item)
    for item in record.of("Observation"):
        _observation(record, cancer, staging, item)
    why = "it may be a malignancy, and was not understood"
    staging.doubts += [Claim("unread", each, "Condition.code", None, each.day, why) for each in cancer.doubtful]
    for item in cancer.items:
        _condition_stage(record, staging, item)
        _secondary(record, cancer, staging, item)
    _decide(record, cancer, staging)
    return staging


def _secondary(record: Record, cancer: Cancer, staging: Staging, item: Item) -> None:
    matches = record.match("metastases", item.codes)
    if not matches:
        return
    means = {match.means for match in matches}
    if "generic" in means:
        means = (means - {"generic"}) | {_generic(record, item)}
    proof = means & {"distant", "from_breast"}
    against = means & {"to_breast", "regional", "other_primary"}
    if proof and against:
        staging.torn.append(item)
        return
    reason = _not_proof(record, cancer, item, means)
    match = next((each for each in matches if each.means in {*means, "generic"}), matches[0])
    if not reason:
        claim = _claim("M1", item, "code", match, "a distant metastasis is among the conditions")
        claim = replace(claim, weight=2)
        staging.m1.append(claim)
        staging.sites.append((claim, _site(record, item, matches)))
        return
    record.notes.ignore(item.label, reason)
    if means not in ({"regional"}, {"other_primary"}):
        means_now = PAST if reason == REMITTED else match.means
        staging.doubts.append(_claim(means_now, item, "code", match, reason))


def _not_proof(record: Record, cancer: Cancer, item: Item, means: set[str]) -> str:
    """Why a secondary Condition does not make the disease M1; empty if it does."""
    if not means & {"distant", "from_breast"}:
        return next((reason for meaning, reason in NO_PROOF.items() if meaning in means), "not read")
    about = linked(record, item)
    foreign = any(each in cancer.foreign for each in about)
    if item.past:
        return "a metastasis of another cancer" if foreign else REMITTED
    if item.tentative:
        return "a metastasis that is only suspected"
    if any(each in cancer.own for each in about) or "from_breast" in means:
        return ""
    if foreign:
        return "a metastasis of another cancer"
    return (
        "there is another cancer in the record, and it does not say whose metastasis this is" if cancer.others else ""
    )


def _generic(record: Record, item: Item) -> str:
    """What a secondary malignancy without a site in its code is, by its body site."""
    places = {match.means for match in record.match("body_sites", codings(item.resource.get("bodySite")))} - {"side"}
    if places & {"breast", "chest_wall"}:
        return "to_breast"
    if "regional_node" in places:
        return "regional"
    stated = item.resource.get("bodySite")
    return "indeterminate" if stated and not places else "distant"


def _site(record: Record, item: Item, matches: Iterable[Match]) -> str | None:
    found = [match.concept.site for match in matches if match.concept.site]
    places = [match.means for match in record.match("body_sites", codings(item.resource.get("bodySite")))]
    found += [place for place in places if place in {"bone", "lung", "liver", "brain"}]
    named = [site for site in dict.fromkeys(found) if site != "other"] or found
    return named[0] if named and len(set(named)) == 1 else None


def _observation(record: Record, cancer: Cancer, staging: Staging, item: Item) -> None:
    kinds = {match.means for match in record.match("staging", item.codes)}
    status = record.match("disease_status", item.codes)
    if not kinds and not status:
        return
    element, value = item.value
    said = codings(value)
    if status:
        present = [each for each in record.match("disease_status", said) if each.means == "distant_metastasis"]
        if not present:
            return
        found: list[tuple[str, Match | None]] = [("M1", present[0])]
    elif kinds & {"m_category", "stage_group"}:
        found = _stage(record, said, texts(value))
    elif "distant_site" in kinds:
        _site_observation(record, cancer, staging, item)
        return
    else:
        if "history_of_metastasis" in kinds and value is True:
            record.notes.ignore(item.label, "a history of metastatic cancer is not current")
            staging.doubts.append(Claim("history", item, element, item.codes[0].token, item.day, "a history"))
        return
    if not found:
        record.notes.ignore(item.label, "a stage or M category without a value that can be read")
        return
    reason = is_about(record, cancer, item)
    if reason:
        record.notes.ignore(item.label, reason)
        return
    weight = 3 if "m_category" in kinds else 1
    for means, match in {means: (means, match) for means, match in found}.values():
        claim = _claim(means, item, element, match, "an observation of the stage or the M category")
        _add(staging, replace(claim, weight=weight))


def _stage(record: Record, said: list[Coding], words: Iterable[str]) -> list[tuple[str, Match | None]]:
    """M0 or M1 as the codes say; as the whole text says only where no code is known."""
    status = {"M0": "M0", "M0(i+)": "M0(i+)", "M1": "M1", "stage_iv": "M1", "stage_below_iv": "M0"}
    coded = [(status[each.means], each) for each in record.match("staging", said) if each.means in status]
    if coded:
        return [*coded]
    listed = record.terminology["staging"]
    return [(status[means], None) for means in {listed.word(text) for text in words} if means in status]


def _site_observation(record: Record, cancer: Cancer, staging: Staging, item: Item) -> None:
    element, value = item.value
    said = codings(value)
    if any(match.means == "none_found" for match in record.match("staging", said)):
        record.notes.ignore(item.label, "no site of metastasis named: that is no M category")
        return
    places = [match for match in record.match("body_sites", said) if match.means in {"bone", "lung", "liver", "brain"}]
    reason = is_about(record, cancer, item) or ("" if places else "a site of metastasis that cannot be read")
    if reason:
        record.notes.ignore(item.label, reason)
        if not places:
            staging.doubts.append(Claim("unread", item, f"Observation.{element}", None, item.day, reason))
        return
    claim = _claim("M1", item, element, places[0], "a site of distant metastasis")
    staging.m1.append(claim)
    staging.sites += [(claim, match.means) for match in places]


def _condition_stage(record: Record, staging: Staging, item: Item) -> None:
    for stage in objects(item.resource.get("stage")):
        kinds = codings(stage.get("type"))
        staged = {match.means for match in record.match("staging", kinds)} & STAGES
        summary = stage.get("summary")
        # A bare "4" may be a grade; a code of a stage is a stage whatever stands beside it.
        said = [text for text in texts(summary) if staged or (not kinds and not text.strip().isdigit())]
        found = _stage(record, codings(summary), said)
        if not found and summary is not None:
            record.notes.ignore(item.label, "a stage that cannot be read, or of another kind (a grade is no stage)")
        assessed = [record.resolve(each) for each in objects(stage.get("assessment"))]
        days = [each.day for each in assessed if each is not None and each.day is not None]
        for means, match in {means: (means, match) for means, match in found}.values():
            claim = _claim(means, item, "stage.summary", match, "the stage at the condition")
            if means != "M1" and not days:
                record.notes.ignore(item.label, "a stage below IV without a date is no M category")
                continue
            # The condition's own date is that of the diagnosis, not of this stage.
            _add(staging, replace(claim, day=days[0] if days else None))


def _claim(value: str, item: Item, element: str, match: Match | None, what: str) -> Claim:
    return Claim(value, item, f"{item.type}.{element}", match.coding.token if match else None, item.day, what)


def _add(staging: Staging, claim: Claim) -> None:
    (staging.m1 if claim.value == "M1" else staging.m0).append(claim)


def _decide(record: Record, cancer: Cancer, staging: Staging) -> None:
    notes, path = record.notes, "metastatic_status"
    _only_final(staging)
    if staging.torn and not staging.m1:
        codes = [coding.token for item in staging.torn for coding in item.codes]
        detail = "One condition is coded as a distant metastasis and as something else: the status stays unknown."
        notes.conflict(path, codes, staging.torn, detail)
        return
    everything = [*staging.m1, *staging.m0]
    if staging.m1:
        chosen = newest(staging.m1)
        close = [each for each in staging.m0 if _close(each.day, chosen.day)]
        if close:
            items = [each.item for each in (chosen, *close)]
            detail = "M1 and M0 stand too close together to say which holds: the status stays unknown."
            notes.conflict(path, [chosen.value, *(each.value for each in close)], items, detail)
            return
    elif staging.m0:
        chosen = newest(staging.m0)
        doubts = [each for each in staging.doubts if _doubts(each, chosen)]
        if doubts:
            items = [each.item for each in (chosen, *doubts)]
            detail = "No distant metastasis was found, but something not older may be one: the status stays unknown."
            said = [each.item.codes[0].token for each in doubts if each.item.codes]
            notes.conflict(path, [chosen.value, *said], items, detail)
            return
        if reason := _not_of_now(record, cancer, chosen):
            detail = f"No distant metastasis was found, but {reason}: the status stays unknown."
            notes.conflict(path, [chosen.value], [chosen.item], detail)
            return
    else:
        return
    staging.status = chosen.value
    state(notes, path, chosen, everything)


def _not_of_now(record: Record, cancer: Cancer, m0: Claim) -> str:
    """Why an M0 does not hold for this cancer now; empty if it does."""
    if not record.complete:
        return "not all of the record could be read"
    if m0.day is None:
        return "it has no date"
    onsets = [each.day for each in cancer.items if each.day is not None and each.element not in RECORDED]
    if any(each.days_after(m0.day)[0] > CLOSE_DAYS for each in onsets):
        return "it is of before a diagnosis of breast cancer"
    return ""


def _only_final(staging: Staging) -> None:
    """Preliminary observations count only where there is nothing better; a preliminary M1 may still forbid M0."""
    m1, m0 = [each for each in staging.m1 if _sure(each)], [each for each in staging.m0 if _sure(each)]
    if m1 or m0:
        staging.doubts += [replace(each, value="preliminary") for each in staging.m1 if not _sure(each)]
        staging.m1, staging.m0 = m1, m0


def _sure(claim: Claim) -> bool:
    return claim.item.type != "Observation" or claim.item.final


def _close(m0: Day | None, m1: Day | None) -> bool:
    if m0 is None or m1 is None:
        return False
    return m0.overlaps(m1) or (m1.before(m0) and m0.days_after(m1)[0] <= CLOSE_DAYS)


def _doubts(doubt: Claim, m0: Claim) -> bool:
    """Whether a doubt is not older than an M0. Nodes of an unknown kind belong to the first staging for four months."""
    if doubt.day is None or m0.day is None or doubt.value in {PAST, "history"}:
        return True
    if doubt.value == "indeterminate":
        return doubt.day.days_after(m0.day)[1] > WINDOW_DAYS
    if doubt.value == "preliminary":
        return m0.day.before(doubt.day)
    return not doubt.day.before(m0.day)
