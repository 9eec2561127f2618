"""The facts of one patient out of a record, as a guideline's extraction.yaml says, with the provenance of every fact.

Straight through: the record (read once for all guidelines) -> does it show this cancer (subject) -> what was given
(therapy) -> each fact by its resolver, in the order of the content.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.fhir.reading import Reading
from service.fhir.record import Record
from service.fhir.resolution import Resolution
from service.fhir.resolvers import findings, interval, metastasis, newest, person, response, sites, treatment
from service.fhir.subject import read_subject
from service.fhir.therapy import Therapy, read_therapy
from service.knowledge import extraction as sources
from service.knowledge.guideline import Guideline

RESOLVERS: Mapping[type[Any], Callable[[Reading, Any], Resolution]] = {
    sources.Newest: newest.resolve_newest_fact,
    sources.AnyOf: newest.resolve_any,
    sources.Quantity: newest.resolve_quantity,
    sources.Threshold: treatment.resolve_threshold,
    sources.Line: treatment.resolve_line,
    sources.Removal: treatment.resolve_removal,
    sources.Person: person.resolve_person,
    sources.Strongest: metastasis.resolve_strongest,
    sources.Interval: interval.resolve_interval,
    sources.Sites: sites.resolve_sites,
    sources.OnlySites: sites.resolve_only_sites,
    sources.Response: response.resolve_response,
    sources.FindingsSource: findings.resolve_findings,
}


@dataclass(frozen=True)
class Extraction:
    """What a record says about one patient, for one guideline: never more than it says."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """Exactly a body for POST /v1/guidelines/{id}/recommendations; only what was found."""
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Request path -> {resource, element, code, date, why, runner_up}."""
    subject: bool | None = None
    """Whether the record shows the guideline's cancer; None is unknown. False leaves `facts` empty."""
    ignored: Sequence[Mapping[str, str]] = ()
    """{resource, reason} of what was not used, or could not be read."""
    data_conflicts: Sequence[Mapping[str, Any]] = ()
    """{fact, values, resources, detail}; the fact stays unknown."""
    patient: str | None = None
    """Id of the patient; None if the record names none, or it cannot be told which one is meant."""
    other_patients: Sequence[str] = ()
    """References of other patients in the record; nothing of theirs was used."""
    sides: frozenset[str] = frozenset()
    """Sides of the cancer; empty if none is stated. Drafts are compared with them."""
    history_only: bool = False
    """Whether every primary is over and nothing speaks of today: no metastasis, no finding. Cards stay silent."""
    deceased: bool = False
    """Whether the patient is recorded as deceased. Cards stay silent."""


def count_resources(record: Record, extractions: Iterable[Extraction]) -> dict[str, int]:
    """Return how many resources were sent, and of these: used, ignored (listed with a reason), unread.

    The three add up to what was sent. Used is what a code list touches, but for what is ignored and states no fact.
    """
    extractions = list(extractions)
    stating = {origin["resource"] for extraction in extractions for origin in extraction.provenance.values()}
    ignored = {remark["resource"] for extraction in extractions for remark in extraction.ignored}
    labels = [
        *((entry.label, is_touched) for entry, is_touched in record.sent),
        *((name, False) for name in record.replaced),
    ]
    counts = {"sent": len(labels), "used": 0, "ignored": 0, "unread": 0}
    for label, touched in labels:
        state = "used" if label in stating else "ignored" if label in ignored else "used" if touched else "unread"
        counts[state] += 1
    return counts


def extract(record: Record, guideline: Guideline, *, assume_subject: bool = False) -> Extraction:
    """Read the facts of a guideline. Never raise for what a resource holds: it is skipped, with the reason.

    Without the guideline's cancer in the record only facts of the person are stated: the stage would be another
    tumour's. With `assume_subject` the findings of a record whose cancer is not known are read as if it were this one,
    and so is a fever after treatment. Raise LookupError for a guideline that reads no records.
    """
    source = guideline.extraction
    if source is None:
        raise LookupError(guideline.release.id)
    result = Resolution()
    result.add(record.remarks)
    subject, remarks = read_subject(record, source)
    result.add(remarks)
    is_present, therapy = subject.present, Therapy()
    is_assumed = assume_subject and is_present is None
    if is_assumed:
        subject.present = True
    if is_present or is_assumed:
        therapy, remarks = read_therapy(record, source, subject)
        result.add(remarks)
    reading = Reading(record, source, guideline.vocabulary, subject, therapy)
    for fact in source.facts.values():
        emergent = isinstance(fact, sources.FindingsSource) or (is_assumed and isinstance(fact, sources.Threshold))
        if fact.about == "tumour" and (is_present or emergent):
            result.add(RESOLVERS[type(fact)](reading, fact))
    history_only = bool(is_present) and _is_history_only(reading, result)
    deceased = False
    if is_present is not False:
        deceased = person.is_deceased(reading, result)
        for fact in source.facts.values():
            if fact.about == "person":
                result.add(RESOLVERS[type(fact)](reading, fact))
    return Extraction(
        facts=result.facts,
        provenance=result.provenance,
        subject=is_present,
        ignored=[{"resource": label, "reason": reason} for label, reason in result.ignored],
        data_conflicts=result.conflicts,
        patient=record.patient,
        other_patients=record.others,
        sides=frozenset(subject.sides),
        history_only=history_only,
        deceased=deceased,
    )


def _is_history_only(reading: Reading, result: Resolution) -> bool:
    """Return whether every primary is over. A contradiction may hide a metastasis or a finding: then it is not."""
    if result.conflicts or any(not item.past for item in reading.subject.items):
        return False
    for fact in reading.extraction.facts.values():
        fact_value = result.facts.get(fact.path)
        if isinstance(fact, sources.FindingsSource) and any(value != "absent" for value in (fact_value or {}).values()):
            return False
        if isinstance(fact, sources.Threshold) and fact_value is not None:
            return False
    evidence = reading.metastasis.values()
    return not any(
        status_evidence.proofs or status_evidence.doubts or status_evidence.mentions or status_evidence.contradictory
        for status_evidence in evidence
    )
