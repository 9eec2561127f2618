"""Whose each resource is, and which patient is selected."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from service.fhir.resources import Entry, local, reference, string

OwnedEntry = tuple[Entry, str]
"""A resource with the id of its patient; empty where it names none."""


@dataclass(frozen=True)
class PatientSelection:
    """The patient whose facts are read."""

    patient: str | None
    """None if the record names nobody, or the patient cannot be told."""
    tied: tuple[str, ...] = ()
    """Patients of whom none is named and none has more resources than the others."""

    def owns(self, owner: str) -> bool:
        """Return whether a resource of this owner is the patient's."""
        return not self.tied and owner == self.patient


def assign_owners(sent: Sequence[Entry]) -> list[OwnedEntry]:
    """Find the patient of each resource: by subject or patient, through the addresses of the bundle."""
    patients = {entry.full_url: _patient_id(entry) for entry in sent if entry.type == "Patient" and entry.full_url}
    owners: dict[str, str] = {}
    return [(entry, _owner(entry, patients, owners)) for entry in sent]


def select_patient(owned: Sequence[OwnedEntry], named: str | None) -> PatientSelection:
    """Select the one named; else the only Patient; else the subject of most resources."""
    if named:
        return PatientSelection(local(named)[1])
    known = {owner for entry, owner in owned if entry.type == "Patient"}
    if len(known) == 1:
        return PatientSelection(known.pop())
    votes = Counter(owner for entry, owner in owned if owner and entry.type != "Patient")
    votes.update(dict.fromkeys(known, 0))
    first = votes.most_common(2)
    if len(first) > 1 and first[0][1] == first[1][1]:
        return PatientSelection(None, tuple(owner for owner, _ in first))
    return PatientSelection(first[0][0] if first else None)


def ownerless_count(owned: Sequence[OwnedEntry], selection: PatientSelection, named: str | None) -> bool:
    """Return whether resources without a subject count: only if no patient is named and there is no second one."""
    return not named and not selection.tied and {owner for _, owner in owned if owner} <= {selection.patient}


def _owner(entry: Entry, patients: dict[str, str], owners: dict[str, str]) -> str:
    if entry.type == "Patient":
        return _patient_id(entry)
    text = reference(entry.resource.get("subject")) or reference(entry.resource.get("patient"))
    owner = owners.get(text)
    if owner is None:  # nearly all resources of a record name the same patient
        if text.startswith("#"):
            owner = ""
        else:
            kind, ident = local(text)
            owner = patients.get(text) or (ident if kind in {"", "Patient"} else f"{kind}/{ident}")
        owners[text] = owner
    return owner


def _patient_id(entry: Entry) -> str:
    return string(entry.resource.get("id")) or local(entry.full_url)[1] or entry.path
