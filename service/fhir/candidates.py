"""What may be a complication and was not understood: text, a site in words, an unlisted code, a resource not read.

None of it is evidence. It only withdraws what an earlier examination says is absent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.fhir.cancer import Cancer, linked
from service.fhir.findings import ABSENT, Finding, findings_in
from service.fhir.record import DROPPED, RECORDED, Item, Record
from service.fhir.resources import Day, codings, texts, when

READ = ("Condition", "Observation")
NAMING = ("reasonCode", "reason", "conclusionCode", "problem", "finding", "event")
"""Elements by which other resources name what is the matter."""
DATED = ("period", "effectiveDateTime", "effectivePeriod", "authoredOn", "date", "issued", "recordedDate")
PLACES = {"breast", "chest_wall"}
ANY = ""
"""The kind of what may be any complication."""
KNOWN = ("breast_cancer", "metastases", "staging", "disease_status", "tumour_traits", "procedures", "observations")


@dataclass(frozen=True, eq=False)
class Doubt:
    """Something that may be a complication of a kind."""

    kind: str
    item: Item
    day: Day | None
    """The latest day it says; None where it holds whatever the day of an examination."""

    def concerns(self, kind: str, since: Day | None) -> bool:
        """Whether it may be this kind, and is not older than an examination."""
        older = self.day is not None and since is not None and self.day.before(since)
        return self.kind in {kind, ANY} and not older


def latest(item: Item) -> Day | None:
    """The latest day that a resource says: what began long ago may be recorded now."""
    recorded = when(item.resource, *RECORDED)[1]
    days = [each for each in (item.day, recorded) if each is not None]
    return max(days, key=lambda each: each.last, default=None)


def place(record: Record, cancer: Cancer, item: Item) -> str:
    """Whether an item is at the breast ("here"), certainly not ("elsewhere"), or it cannot be told ("")."""
    site = item.resource.get("bodySite")
    places = {match.means for match in record.match("body_sites", codings(site))}
    if places & PLACES or any(each in cancer.own for each in linked(record, item)):
        return "here"
    said = [*texts(site), *texts(item.resource.get("code"))]
    if _names(record, said, *PLACES):
        return ""
    return "elsewhere" if places - {"side"} or _names(record, said, "elsewhere") else ""


def not_understood(record: Record, cancer: Cancer, findings: Mapping[Item, Sequence[Finding]]) -> Iterator[Doubt]:
    """What is not read as a finding and may be one; `findings` are those in the resources that are used."""
    unread = {item: [*findings_in(record, item)] for item in record.unread if item.type in READ}
    for item, found in (*findings.items(), *unread.items()):
        if not (item.type == "Condition" and item.past):
            said = {each.match.means for each in found if each.presence != ABSENT}
            for kind in said if said and item in unread else _kinds(record, cancer, item, said):
                yield Doubt(kind, item, latest(item))
    for kind, items in record.items.items():
        for item in items if kind not in READ else ():
            for named in _named(record, item):
                yield Doubt(named, item, when(item.resource, *DATED)[1])


def _kinds(record: Record, cancer: Cancer, item: Item, found: set[str]) -> set[str]:
    if found or any(record.match(name, item.codes) for name in ("complications", *KNOWN)) or _denied(record, item):
        return set()
    where = place(record, cancer, item)
    if where == "elsewhere":
        return set()
    said = [*texts(item.resource.get("code")), *texts(item.value[1])]
    here = where == "here" or _names(record, [*said, *texts(item.resource.get("bodySite"))], *PLACES)
    kinds = record.said("complications", said)
    if kinds and (here or not item.codes or "sepsis_signs" in kinds):
        return {*kinds}
    cancerous = any(record.terminology["breast_cancer"].contains_word(text, "invasive") for text in said)
    return {ANY} if here and not cancerous and (not item.codes or not said) and item.type == "Condition" else set()


def _denied(record: Record, item: Item) -> bool:
    """Whether a value says no: the words of the code are then those of what was not found."""
    value = item.value[1]
    return value is False or {match.means for match in record.match("presence", codings(value))} == {ABSENT}


def _names(record: Record, said: list[str], *means: str) -> bool:
    return not record.said("body_sites", said).isdisjoint(means)


def _named(record: Record, item: Item) -> set[str]:
    """Complications in a resource that is not read; told, so that an emergency is not lost in silence."""
    if item.status in DROPPED:
        return set()
    codes = [*item.codes, *(coding for name in NAMING for coding in codings(item.resource.get(name)))]
    named = [match.means for match in record.match("complications", codes) if match.concept.proof != "hint"]
    if item.type == "AdverseEvent":
        record.notes.ignore(item.label, "an adverse event of treatment, not of the tumour: not read")
    elif named:
        reason = f"{named[0]}: named where it is not read; it counts as a Condition or an Observation"
        record.notes.ignore(item.label, reason)
    return {*named}
