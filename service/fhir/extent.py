"""What the metastatic disease was when it was found: de novo or recurrent, its sites and extent."""

from collections.abc import Iterable

from service.fhir.cancer import Cancer
from service.fhir.claims import Claim, explain, state
from service.fhir.record import RECORDED, Item, Record
from service.fhir.resources import Day
from service.fhir.staging import WINDOW_DAYS, Staging
from service.fhir.therapy import Therapy


def read_extent(record: Record, staging: Staging, therapy_starts: Iterable[Day]) -> None:
    """State metastatic_sites and metastatic_extent as they were when metastasis was found, before systemic therapy."""
    found = staging.first_m1
    if staging.status != "M1":
        return
    starts = [each for each in therapy_starts if found is not None and not each.before(found)]
    start = min(starts, key=lambda each: each.first, default=None)
    then = []
    for claim, site in staging.sites:
        late = (
            claim.day is not None
            and found is not None
            and (claim.day.days_after(found)[0] > WINDOW_DAYS or (start is not None and start.before(claim.day)))
        )
        if late:
            record.notes.ignore(
                claim.item.label, "this site was found later: sites are those when metastasis was found"
            )
        else:
            then.append((claim, site))
    sites = list(dict.fromkeys(site for _, site in then if site))
    if not sites:
        return
    claims = [claim for claim, site in then if site]
    state(record.notes, "metastatic_sites", claims[0], claims, sites)
    unclear = any(site is None for _, site in then) or staging.doubts
    if sites == ["bone"] and not unclear:
        record.notes.facts["metastatic_extent"] = "bone_only"
        explain(record.notes, "metastatic_extent", claims[0], claims)


def read_presentation(record: Record, cancer: Cancer, staging: Staging, therapy: Therapy) -> None:
    """State presentation: de novo or recurrent by the dates; nothing where tumours of two sides answer differently."""
    found, notes = staging.first_m1, record.notes
    if found is None:
        return
    first = next(each for each in staging.m1 if each.day == found)
    # A day of recording only says that the metastasis is not later.
    undated = first.item.element in RECORDED or any(each.day is None for each in staging.m1)
    said = {_presented(each, found, undated=undated) for each in cancer.diagnosed}
    bound = cancer.no_later_than
    if not said and bound is not None:
        late = found.days_after(bound)[0] > WINDOW_DAYS and not undated
        said = {"recurrent" if late else None}
        if not late:
            reason = "its diagnosis has only a day of recording or of a recurrence: it may be older"
            notes.ignore(next(each.label for each in cancer.items if each.day is bound), reason)
    if len(said) == 1 and (value := next(iter(said))) is not None:
        earlier = _earlier(cancer, staging, therapy, found) if value == "de_novo" else []
        if earlier:
            detail = "By the dates the disease is de novo, but something tells of a cancer long before: unknown."
            notes.conflict("presentation", ["de_novo"], [first.item, *earlier], detail)
            return
        what = "days between the first diagnosis and the first evidence of M1"
        claim = Claim(value, first.item, first.element, first.code, first.day, what)
        state(notes, "presentation", claim, [claim])


def _earlier(cancer: Cancer, staging: Staging, therapy: Therapy, found: Day) -> list[Item]:
    """What tells that the cancer is older than its diagnosis: history, operations, stages and drugs of before."""

    def long_before(on: Day | None) -> bool:
        return on is not None and found.days_after(on)[0] > WINDOW_DAYS

    return [
        *cancer.history,
        *(each for each in therapy.earlier_removals if each.day is None or long_before(each.day)),
        *(each.item for each in staging.m0 if long_before(each.day)),
        *(each.item for each in therapy.first_doses if long_before(each.day)),
    ]


def _presented(diagnosed: Day, found: Day, *, undated: bool) -> str | None:
    least, most = found.days_after(diagnosed)
    if least >= -WINDOW_DAYS and most <= WINDOW_DAYS:
        return "de_novo"
    if least > WINDOW_DAYS and not undated:
        return "recurrent"
    return None
