"""What was sent becomes the record of one patient: whose each resource is, when dated, whether it may be used."""

import datetime as dt
from collections.abc import Sequence

from service.facts.json_body import Json
from service.fhir.dates import DATES
from service.fhir.ownership import UNRESOLVED, assign_owners, ownerless_count, select_patient
from service.fhir.record import DROPPED, Item, Record
from service.fhir.resources import (
    SHOWN,
    Entry,
    Sent,
    as_r4,
    failed,
    first_object,
    is_partial,
    objects,
    read_sent,
    string,
    texts,
    type_of,
    word,
)
from service.fhir.statuses import is_withdrawn
from service.fhir.versions import BY_SEARCH, UNORDERED, Versions, settle_versions
from service.knowledge.terminology import Terminology

CODED_ONLY = frozenset({"Condition", "Observation", "Procedure"})
"""Types that say nothing without a code."""
ABOUT_OTHERS = frozenset({"FamilyMemberHistory"})
"""Types whose contents are of other people."""
TOLD = frozenset(DATES) - {"Condition", "AdverseEvent"}
"""Types of which a code of an unknown system is told here; of a Condition it depends on the cancer."""


MEASUREMENT = frozenset(
    (
        *("resourceType", "id", "meta", "text", "identifier", "basedOn", "status", "category", "code", "subject"),
        *("encounter", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued", "performer"),
        *("valueQuantity", "interpretation", "referenceRange", "specimen", "device"),
    )
)
"""Elements of an Observation that states a number: with any other it may say where or what it is about."""
UNCODED = frozenset(("value", "unit", "comparator"))
"""Elements of a Quantity that name no code."""


def read_record(
    terminology: Terminology, resources: Sequence[Json], patient: str | None, today: dt.date, *, whole: bool = True
) -> Record:
    """Sort what was sent: one patient's resources into the record, everything else into its remarks.

    Never raise for what a resource holds. `patient` is the id of the patient meant, if one is named; `whole` is false
    where the caller knows that a part is missing.
    """
    record = Record(terminology, today)
    sent = read_sent(list(resources))
    if not whole:
        record.lose_part()
    _report_missing(record, sent)
    versions = settle_versions(sent.entries, sent.deleted, lambda resource: is_withdrawn(terminology, resource))
    _report_versions(record, versions)
    owned_entries = assign_owners(versions.current, patient)
    selection = select_patient(owned_entries, patient)
    record.patient = selection.patient
    if selection.tied:
        record.lose_part()
        names = [f"Patient/{owner}"[:SHOWN] for owner in selection.tied]
        detail = "As many resources are of one patient as of the other: name the patient. Nothing was read."
        record.remarks.conflicts.append({"fact": "patient", "values": names, "resources": names, "detail": detail})
    others: dict[str, None] = {}
    ownerless = ownerless_count(owned_entries, selection, patient)
    for entry, owner in owned_entries:
        is_touched = False
        if owner == UNRESOLVED:
            _doubt(record, entry, "it names a patient whom no Patient sent here answers: whose it is is not known")
        elif owner and not selection.owns(owner):
            others[(owner if "/" in owner else f"Patient/{owner}")[:SHOWN]] = None
            record.remarks.ignore(entry.label, "belongs to another patient")
        elif not owner and entry.type in DATES and not ownerless:
            _doubt(record, entry, "names no patient")
        elif entry.path in versions.unordered:
            _doubt(record, entry, UNORDERED)
        elif not _keep_measurement(record, entry):
            is_touched = _keep(record, entry)
        record.sent.append((entry, is_touched))
    record.others = list(others)
    return record


def _report_missing(record: Record, sent: Sent) -> None:
    """Report pages and answers that are missing: what they hold is unknown."""
    if is_partial(sent.bundles):
        record.lose_part()
        record.remarks.ignore("Bundle", "this is one page of several; the other pages were not sent")
    for path in sent.unanswered:
        record.lose_part()
        record.remarks.ignore(path, "a query failed: what it would have found is unknown")


def _report_versions(record: Record, versions: Versions) -> None:
    """Report what does not count because a newer version stands for it, or because it was deleted."""
    for entry, reason in versions.replaced:
        version = string(first_object(entry.resource.get("meta")).get("versionId"))
        label = f"{entry.label}/_history/{version or entry.path}"[:SHOWN]
        record.remarks.ignore(label, reason)
        record.replaced.append(label)
    for entry in versions.unresolved:
        record.lose_part()
        record.remarks.ignore(entry.path or "request", BY_SEARCH)


def _doubt(record: Record, entry: Entry, reason: str) -> None:
    """Keep what may be the patient's, or may hold, as something that proves nothing and speaks against an absence."""
    record.remarks.ignore(entry.label, reason)
    item = record.item(entry) if entry.type in DATES else None
    if item is None or (item.type in CODED_ONLY and not item.codes and not item.concept.texts):
        return  # it says nothing
    record.lose_part()
    record.unusable.append(item)


def _keep_measurement(record: Record, entry: Entry) -> bool:
    """Keep an Observation that states a number of what stands in no list and nothing else; return whether it is one.

    Most of a record are such: they are told by a few of their elements.
    """
    resource = entry.resource
    if entry.type != "Observation" or not MEASUREMENT.issuperset(resource):
        return False
    concept = record.concept(resource.get("code"))
    if concept.hits or not concept.codes or concept.is_foreign or word(resource.get("status")) in DROPPED:
        return False
    quantity = resource.get("valueQuantity")
    if not (isinstance(quantity, dict) and UNCODED.issuperset(quantity)):
        unit = record.concept(quantity)  # which may be a code of a list
        if unit.hits or unit.texts:
            return False
    if record.dates.is_future(resource, entry.type):
        return False
    record.measurements.setdefault(concept, []).append(entry)
    return True


def _keep(record: Record, entry: Entry) -> bool:
    """Keep a resource of the patient if it may be used, report it otherwise; return whether facts may rest on it."""
    resource, kind = entry.resource, entry.type
    if not kind or kind == "Bundle":
        record.complete = False
        reason = "is nested too deeply" if kind else "is no FHIR resource: it has no resourceType"
        record.remarks.ignore(entry.label, reason)
        return False
    if kind == "OperationOutcome" and failed(resource):
        record.lose_part()
        record.remarks.ignore(entry.label, "a query failed (OperationOutcome): what it would have found is unknown")
        return False
    item = record.item(entry)
    record.index(item, entry.full_url)
    record.conditions += kind == "Condition"
    if "contained" in resource:
        _doubt_contained(record, entry, item)
    if kind in DATES and not _usable(record, item):
        return False
    record.add(item)
    return bool(item.hits) or kind == "Patient"


def _doubt_contained(record: Record, entry: Entry, item: Item) -> None:
    """Keep what stands inside a resource as something that proves nothing: whose it is, and whether, is not told."""
    for resource in objects(item.resource.get("contained")):
        inside = Entry(as_r4(resource), type_of(resource), "", entry.path)
        if inside.type not in DATES or item.type in ABOUT_OTHERS:
            continue
        label = f"{item.label}#{string(resource.get('id'))}"[:SHOWN]
        doubt = record.item(inside, label)
        if doubt.status in DROPPED or doubt.verification in DROPPED or not doubt.hits:
            continue
        record.remarks.ignore(label, "it stands inside another resource: what is contained is not read")
        record.unusable.append(doubt)
        record.complete = False


def _are_known(record: Record, item: Item) -> bool:
    """Return whether the modifier extensions of an Observation stand in a code list: a resolver reads those."""
    modifiers = objects(item.resource.get("modifierExtension"))
    addresses = [string(extension.get("url")).partition("|")[0].rpartition("/") for extension in modifiers]
    are_listed = bool(addresses) and all(record.terminology.find(base, code) for base, _, code in addresses)
    return are_listed and item.type == "Observation"


def _usable(record: Record, item: Item) -> bool:
    """Return whether the resource may be evidence at all; report what may not."""
    refused = item.status if item.status in DROPPED else ""
    if item.type == "Condition":
        refused = refused or (item.verification if item.verification in DROPPED else "")
        for remark in item.statuses.remarks:
            record.remarks.ignore(item.label, remark)
    reason = f"its status is {refused}" if refused else _why_unusable(record, item)
    if reason:
        record.remarks.ignore(item.label, reason)
    elif not item.hits and item.codes and item.type in TOLD and item.concept.is_foreign and not item.value_concept.hits:
        record.remarks.ignore(item.label, "its code is of no code system that is read")
    if reason and not refused:
        record.unusable.append(item)
    return not reason


def _why_unusable(record: Record, item: Item) -> str:
    """Return why a resource that was not withdrawn proves nothing; empty if it may."""
    if item.resource.get("modifierExtension") and not _are_known(record, item):
        record.complete = False
        return "has a modifier extension, which may turn what it says into the contrary"
    if record.dates.is_future(item.resource, item.type):
        record.complete = False
        return "is dated in the future"
    if item.codes or item.type not in CODED_ONLY:
        return ""
    if item.type == "Condition":
        record.complete = False
    text_only = bool(texts(item.resource.get("code")))
    return "says what it is in text only: text is not read" if text_only else "has no code that can be read"
