"""When metastasis was found: with the first diagnosis, or later."""

from dataclasses import replace

from service.fhir.claims import Claim, set_fact
from service.fhir.dates import Day
from service.fhir.reading import MetastasisEvidence, Reading
from service.fhir.record import RECORDED, Item
from service.fhir.resolution import Resolution
from service.knowledge.extraction import Interval


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
    first_day = evidence.first_proof
    if first_day is None:
        return None
    window = reading.days(source.window)
    earliest = [claim for claim in evidence.proofs if claim.day == first_day]
    first = earliest[0]
    # A day of recording only says that the metastasis is not later: so, too, beside another proof of that day.
    is_recorded = any(claim.item.element in RECORDED for claim in earliest)
    undated = is_recorded or any(claim.day is None for claim in evidence.proofs)
    values = {_by_interval(source, day, first_day, window, undated=undated) for day in subject.diagnosed}
    bound = subject.no_later_than
    if not values and bound is not None:
        late = first_day.days_after(bound)[0] > window and not undated
        values = {source.after if late else None}
        if not late:
            reason = "its diagnosis has only a day of recording or of a recurrence: it may be older"
            resolution.ignore(next(item.label for item in subject.items if item.day is bound), reason)
    value = values.pop() if len(values) == 1 else None
    why = f"days between the first diagnosis and the first evidence of {evidence.proof}"
    return None if value is None else Claim(value, first.item, first.element, first.code, first.day, why)


def _by_interval(source: Interval, diagnosed: Day, first_day: Day, window: int, *, undated: bool) -> str | None:
    least, most = first_day.days_after(diagnosed)
    if least >= -window and most <= window:
        return source.within
    return source.after if least > window and not undated else None


def _earlier(reading: Reading, evidence: MetastasisEvidence, source: Interval) -> list[Item]:
    """Return what tells that the cancer is older than its diagnosis, or may: history, operations, stages, drugs."""
    window, first_day, therapy = reading.days(source.window), evidence.first_proof, reading.therapy

    def long_before(day: Day | None) -> bool:
        return day is not None and first_day is not None and first_day.days_after(day)[0] > window

    def not_after(day: Day | None) -> bool:
        return day is None or first_day is None or not first_day.before(day)

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
