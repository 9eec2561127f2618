"""The response to the systemic therapy being given now.

Only an assessment after the first dose of the current line and before the next definitive step counts. `improved` is
a response whose RECIST category was not stated. A status after surgery describes residual disease.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from service.fhir.cancer import Cancer, is_about
from service.fhir.claims import Claim, choose, explain
from service.fhir.record import Item, Record
from service.fhir.resources import Day, codings, texts
from service.fhir.staging import WINDOW_DAYS, Staging
from service.fhir.therapy import Therapy

CLOSE_DAYS = 30
"""A RECIST category is preferred to a status that is not more than this newer."""
CATEGORIES = {
    "improved": "responded", "stable": "SD", "worsened": "PD",
    "CR": "CR", "PR": "PR", "SD": "SD", "PD": "PD", "NE": "NE", "NON_CR_NON_PD": "NON_CR_NON_PD",
}  # fmt: skip
UNREAD = "not understood"
RECIST = {"CR", "PR", "SD", "PD", "NE", "NON_CR_NON_PD"}


def read_response(record: Record, cancer: Cancer, therapy: Therapy, staging: Staging) -> None:
    """State chemotherapy_response with the day of the assessment, unless something newer may say otherwise."""
    found = staging.first_m1
    read = [claim for item in record.of("Observation") for claim in _claims(record, cancer, therapy, found, item)]
    claims = [each for each in read if each.value != UNREAD]
    if not claims:
        return
    path = "chemotherapy_response"
    recist = [each for each in claims if each.what == "RECIST"]
    latest = max(each.day.last for each in claims if each.day)
    close = [each for each in recist if each.day and latest - each.day.last <= dt.timedelta(days=CLOSE_DAYS)]
    chosen = choose(record.notes, path, close or claims)
    if chosen is None or chosen.day is None:
        return
    against = [*_contrary(chosen, read), *_new_sites(chosen, staging)]
    if against:
        values = [chosen.value, *(each.value for each in against)]
        detail = "An assessment, or a new metastasis, that is not older may say otherwise: the response stays unknown."
        record.notes.conflict(path, values, [chosen.item, *(each.item for each in against)], detail)
        return
    record.notes.facts[path] = {"overall": chosen.value, "assessed_on": chosen.day.first.isoformat()}
    explain(record.notes, path, chosen, claims)


def _contrary(chosen: Claim, read: list[Claim]) -> list[Claim]:
    """Assessments not older that could not be read, or that differ in whether the disease progressed."""
    return [
        each
        for each in read
        if (each.value == UNREAD or (each.value == "PD") != (chosen.value == "PD"))
        and (each.day is None or chosen.day is None or not each.day.before(chosen.day))
    ]


def _new_sites(chosen: Claim, staging: Staging) -> list[Claim]:
    """Metastases found after an assessment, at a site that was not known by then."""
    if chosen.value == "PD" or chosen.day is None:
        return []
    later = [(claim, site) for claim, site in staging.sites if claim.day is not None and chosen.day.before(claim.day)]
    known = {site for claim, site in staging.sites if site and (claim.day is None or not chosen.day.before(claim.day))}
    return [replace(claim, value=site or "M1") for claim, site in later if site not in known]


def _claims(record: Record, cancer: Cancer, therapy: Therapy, found: Day | None, item: Item) -> Iterator[Claim]:
    kinds = {match.means for match in record.match("disease_status", item.codes)}
    if "registry_status" in kinds:
        record.notes.ignore(item.label, "LOINC 21976-6 is a registry status, no response")
        return
    said = {each.means for each in record.match("disease_status", codings(item.resource.get("method")))}
    if not kinds & {"status", "recist"} and not ("recist" in said and _reading(record, item)):
        return
    category, code = _reading(record, item) or ("", None)
    if category == "distant_metastasis":
        return
    reason = is_about(record, cancer, item) or _why_not(therapy, found, item)
    of_a_part = bool(item.resource.get("bodySite"))
    unread = category not in CATEGORIES or (of_a_part and CATEGORIES[category] == "PD")
    if unread and (not reason or item.day is None):
        yield Claim(UNREAD, item, f"Observation.{item.value[0]}", code, item.day, "not understood")
    if category not in CATEGORIES:
        reason = "a course of the disease that is not stated or undetermined"
    elif of_a_part:
        reason = reason or "a response at one place is not that of the whole disease"
    if reason:
        record.notes.ignore(item.label, reason)
        return
    what = "RECIST" if category in RECIST else "the status of the disease; it states no RECIST category"
    yield Claim(CATEGORIES[category], item, f"Observation.{item.value[0]}", code, item.day, what)


def _reading(record: Record, item: Item) -> tuple[str, str | None] | None:
    """What the value means, and its code."""
    value = item.value[1]
    for match in record.match("disease_status", codings(value)):
        if match.means not in {"status", "registry_status", "recist"}:
            return match.means, match.coding.token
    listed = record.terminology["disease_status"]
    words = (listed.word(text) for text in texts(value))
    return next(((means, None) for means in words if means), None)


def _why_not(therapy: Therapy, found: Day | None, item: Item) -> str:
    """Why an assessment says nothing about the response to the current therapy."""
    start, on = (therapy.line[0].day if therapy.line else None), item.day
    if start is None:
        return "no systemic therapy given before it is in the record: it says nothing about a response to one"
    if on is None:
        return "an assessment without a date cannot be tied to a therapy"
    step, undated = therapy.next_step
    reasons = {
        "the dates of the systemic therapy are not all known": therapy.undated,
        "not after the first dose of the current line of systemic therapy": not start.before(on),
        "the therapy on record began long before the metastases: the current one is not known": (
            # A line that began within the window of the first M1 can still be therapy of the metastatic disease.
            found is not None and found.days_after(start)[0] > WINDOW_DAYS
        ),
        "an operation without a date may have come before it": undated,
        "after an operation it describes what is left, not a response of the primary": (
            step is not None and not on.before(step)
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
