"""What was sent becomes the record of one patient: whose each resource is, when dated, whether it may be used."""

import datetime as dt
from collections.abc import Mapping, Sequence

from service.facts.json_body import Json
from service.fhir.dates import DateReader, Day
from service.fhir.ownership import assign_owners, ownerless_count, select_patient
from service.fhir.record import DROPPED, Item, Record
from service.fhir.resources import SHOWN, Entry, Resource, extensions, failed, has_more, read_sent, string, texts
from service.knowledge.terminology import Terminology

DATES: Mapping[str, tuple[str, ...]] = {
    "Condition": ("onsetDateTime", "onsetPeriod", "assertedDate", "recordedDate", "dateRecorded"),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"),
    "Procedure": ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod", "occurenceDateTime", "occurencePeriod"),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod"),
    "MedicationUsage": ("effectiveDateTime", "effectivePeriod"),
    "AdverseEvent": ("date", "occurrenceDateTime", "occurrencePeriod", "detected", "recordedDate"),
}
MEDICATED = frozenset(
    ("MedicationAdministration", "MedicationStatement", "MedicationUsage", "MedicationRequest", "MedicationDispense")
)
"""Types whose code is that of their medication."""
CODED_ONLY = frozenset({"Condition", "Observation", "Procedure"})
"""Types that say nothing without a code."""


AHEAD = dt.timedelta(days=1)
"""A date up to a day ahead is not in the future: the host may be east of UTC."""


def read_record(terminology: Terminology, resources: Sequence[Json], patient: str | None, today: dt.date) -> Record:
    """Sort what was sent: one patient's resources into the record, everything else into its remarks.

    Never raise for what a resource holds. `patient` is the id of the patient meant, if one is named.
    """
    record = Record(terminology, today)
    sent = read_sent(list(resources))
    for bundle in sent.bundles:
        if has_more(bundle):
            record.complete = False
            record.remarks.ignore("Bundle", "this is one page of several; the other pages were not sent")
    owned = assign_owners(sent.entries)
    selection = select_patient(owned, patient)
    record.patient = selection.patient
    if selection.tied:
        record.complete = False
        names = [f"Patient/{owner}"[:SHOWN] for owner in selection.tied]
        detail = "As many resources are of one patient as of the other: name the patient. Nothing was read."
        record.remarks.conflicts.append({"fact": "patient", "values": names, "resources": names, "detail": detail})
    others: dict[str, None] = {}
    ownerless = ownerless_count(owned, selection, patient)
    for entry, owner in owned:
        label, item = _label(entry), None
        if owner and not selection.owns(owner):
            others[(owner if "/" in owner else f"Patient/{owner}")[:SHOWN]] = None
            record.remarks.ignore(label, "belongs to another patient")
        elif not owner and entry.type in DATES and not ownerless:
            record.remarks.ignore(label, "names no patient")
        else:
            item = _keep(record, entry, label)
        record.labels.append((label, item is not None and (bool(item.hits) or item.type == "Patient")))
    record.others = list(others)
    return record


def _label(entry: Entry) -> str:
    if not entry.type:
        return entry.path or "request"
    return f"{entry.type}/{string(entry.resource.get('id')) or entry.full_url or entry.path}"[:SHOWN]


def _keep(record: Record, entry: Entry, label: str) -> Item | None:
    """Keep a resource of the patient, and return it if it may be used; report it otherwise."""
    resource, kind = entry.resource, entry.type
    if not kind or kind == "Bundle":
        record.complete = False
        record.remarks.ignore(label, "is nested too deeply" if kind else "is no FHIR resource: it has no resourceType")
        return None
    if kind == "OperationOutcome" and failed(resource):
        record.complete = False
        record.remarks.ignore(label, "a query failed (OperationOutcome): what it would have found is unknown")
        return None
    element, date = _dated(record.dates, resource, kind)
    coded = resource.get("medicationCodeableConcept") if kind in MEDICATED else None
    concept = record.concept(resource.get("code") if coded is None else coded)
    item = Item(record, resource, kind, string(resource.get("id")), label, concept, element, date)
    record.index(item, entry.full_url)
    record.conditions += kind == "Condition"
    if kind in DATES and not _usable(record, item):
        return None
    record.add(item)
    return item


def _dated(dates: DateReader, resource: Resource, kind: str) -> tuple[str, Day | None]:
    if kind != "Condition":
        return dates.first_of(resource, *DATES.get(kind, ()))
    element, date = dates.first_of(resource, "onsetDateTime", "onsetPeriod")
    if date is None and (asserted := extensions(resource, "condition-assertedDate")):
        element, date = dates.first_of(asserted[0], "valueDateTime")
        element = "extension(assertedDate)" if date else ""
    return (element, date) if date else dates.first_of(resource, *DATES[kind][2:])


def _usable(record: Record, item: Item) -> bool:
    """Return whether the resource may be evidence at all; report what may not."""
    refused = next((each for each in (item.status, item.verification) if each in DROPPED), "")
    reason = ""
    if refused:
        reason = f"its status is {refused}"
    elif item.resource.get("modifierExtension"):
        reason = "has a modifier extension, which may turn what it says into the contrary"
        record.complete = False
    elif item.day is not None and item.day.first > record.today + AHEAD:
        reason = "is dated in the future"
        record.complete = False
    elif not item.codes and item.type in CODED_ONLY:
        text_only = bool(texts(item.resource.get("code")))
        reason = "says what it is in text only: text is not read" if text_only else "has no code that can be read"
        if item.type == "Condition":
            record.complete = False
    if reason:
        record.remarks.ignore(item.label, reason)
    if reason and not refused:
        record.unusable.append(item)
    return not reason
