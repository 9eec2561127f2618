"""FHIR resources of one patient become the body of a question, with the provenance of every fact.

Straight through: whose is it (record) -> is it breast cancer (cancer) -> what was given (therapy) -> staging, extent
-> response -> complications -> modifiers. Each step states facts in the record's notes and says what it did not use.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.facts.json_body import Json
from service.fhir.cancer import Cancer, read_cancer
from service.fhir.complications import read_complications
from service.fhir.extent import read_extent, read_presentation
from service.fhir.fever import FEVER_FACT, read_fever
from service.fhir.modifiers import read_person, read_tumour
from service.fhir.record import Notes, read_record
from service.fhir.response import read_response
from service.fhir.staging import Staging, read_staging
from service.fhir.therapy import Therapy, read_therapy
from service.knowledge.terminology import Terminology


@dataclass(frozen=True)
class Extraction:
    """What a record says about one patient: never more than it says."""

    facts: dict[str, Any] = field(default_factory=dict)
    """Exactly a body for POST /v1/recommendations; only what was found."""
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Request path -> {resource, element, code, date, why, runner_up}."""
    breast_cancer: bool | None = None
    """Whether the record shows a breast cancer; None is unknown. False leaves `facts` empty."""
    ignored: Sequence[Mapping[str, str]] = ()
    """{resource, reason} of what was not used, or could not be read."""
    data_conflicts: Sequence[Mapping[str, Any]] = ()
    """{fact, values, resources, detail}; the fact stays unknown."""
    patient: str | None = None
    """Id of the patient whose facts these are; None if the record names nobody."""
    other_patients: Sequence[str] = ()
    """References of other patients in the record; nothing of theirs was used."""
    sides: frozenset[str] = frozenset()
    """Sides of the breast cancer; empty if none is stated. Not part of the answer; drafts are held against them."""
    history_only: bool = False
    """Whether every primary is over and nothing speaks of today: no metastasis, no complication. Not part of the
    answer; the cards stay silent."""
    deceased: bool = False
    """Whether the patient is recorded as deceased. Not part of the answer; the cards stay silent."""

    def as_json(self) -> dict[str, Any]:
        """The answer of POST /v1/facts/extract."""
        return {
            "facts": self.facts,
            "provenance": self.provenance,
            "breast_cancer": "unknown" if self.breast_cancer is None else self.breast_cancer,
            "ignored": self.ignored,
            "data_conflicts": self.data_conflicts,
            "patient": self.patient,
            "other_patients": self.other_patients,
        }


def extract(terminology: Terminology, resources: Sequence[Json], patient: str | None, today: dt.date) -> Extraction:
    """Read the facts of one patient. Never raises for what a resource holds: it is skipped, with the reason.

    Without a breast cancer in the record only facts of the person are stated: the stage would be another tumour's.
    """
    record = read_record(terminology, resources, patient, today)
    notes, cancer = record.notes, read_cancer(record)
    over = False
    if cancer.present:
        therapy = read_therapy(record, cancer)
        staging = read_staging(record, cancer)
        read_presentation(record, cancer, staging, therapy)
        read_extent(record, staging, therapy.starts)
        read_response(record, cancer, therapy, staging)
        read_complications(record, cancer, therapy)
        read_fever(record, therapy)
        read_tumour(record, cancer)
        over = _history_only(cancer, staging, notes)
    else:
        read_complications(record, cancer, Therapy())
    if cancer.present is not False:
        read_person(record)
    return Extraction(
        facts=notes.facts,
        provenance=notes.provenance,
        breast_cancer=cancer.present,
        ignored=notes.ignored,
        data_conflicts=notes.conflicts,
        patient=record.patient,
        other_patients=record.others,
        sides=frozenset(cancer.sides),
        history_only=over,
        deceased=record.deceased,
    )


def _history_only(cancer: Cancer, staging: Staging, notes: Notes) -> bool:
    """A contradiction may hide a metastasis or a complication: then it is not history only."""
    said = notes.facts.get("complications", {}).values()
    ill = any(each != "absent" for each in said) or FEVER_FACT in notes.facts or bool(notes.conflicts)
    return all(each.past for each in cancer.items) and not (staging.m1 or staging.doubts or staging.torn or ill)
