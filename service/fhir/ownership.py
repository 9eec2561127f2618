"""Whose each resource is, and which patient is selected."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from service.facts.json_body import Json
from service.fhir.resources import Entry, local, objects, reference, string, type_of

OwnedEntry = tuple[Entry, str]
"""A resource with the id of its patient; empty where it names none, UNRESOLVED where it cannot be told which."""
UNRESOLVED = "?"
"""The patient of a resource that names one by an identifier or a search that no Patient at hand answers."""


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


def assign_owners(entries: Sequence[Entry], patient: str | None) -> list[OwnedEntry]:
    """Find the patient of each resource: by subject or patient, through the addresses of the bundle, or by identifier.

    Where no patient is named or sent and every resource names the same identifier, that stands for the patient.
    """
    owners = _Owners(entries)
    owned_entries = [(entry, owners.of(entry)) for entry in entries]
    patients = {owner for _, owner in owned_entries if owner and owner != UNRESOLVED}
    if patient or patients or len(owners.unanswered) != 1:
        return owned_entries
    only = next(iter(owners.unanswered))
    return [(entry, only if owner == UNRESOLVED else owner) for entry, owner in owned_entries]


def select_patient(owned_entries: Sequence[OwnedEntry], patient: str | None) -> PatientSelection:
    """Select the one named; else the only Patient; else the subject of most resources."""
    if patient:
        return PatientSelection(local(patient)[1])
    patients = {owner for entry, owner in owned_entries if entry.type == "Patient"}
    if len(patients) == 1:
        return PatientSelection(patients.pop())
    votes = Counter(
        owner for entry, owner in owned_entries if owner not in {"", UNRESOLVED} and entry.type != "Patient"
    )
    votes.update(dict.fromkeys(patients, 0))
    first = votes.most_common(2)
    if len(first) > 1 and first[0][1] == first[1][1]:
        return PatientSelection(None, tuple(owner for owner, _ in first))
    return PatientSelection(first[0][0] if first else None)


def ownerless_count(owned_entries: Sequence[OwnedEntry], selection: PatientSelection, patient: str | None) -> bool:
    """Return whether resources without a subject count: only if no patient is named and there is no second one."""
    return not patient and not selection.tied and {owner for _, owner in owned_entries if owner} <= {selection.patient}


class _Owners:
    """The patients of a request by address and by identifier."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.by_address: dict[str, str] = {}
        self.by_identifier: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.by_value: dict[str, set[str]] = defaultdict(set)
        self.unanswered: set[str] = set()
        """Identifiers and searches that no Patient answers."""
        self._memo: dict[str, str] = {}
        for entry in entries:
            if entry.type == "Patient":
                self._learn(entry)

    def _learn(self, entry: Entry) -> None:
        patient = _patient_id(entry)
        if entry.full_url:
            self.by_address[entry.full_url] = patient
        for system, value in _identifiers(entry.resource):
            self.by_identifier[system, value].add(patient)
            self.by_value[value].add(patient)

    def of(self, entry: Entry) -> str:
        if entry.type == "Patient":
            return _patient_id(entry)
        subject = entry.resource.get("subject")
        text = reference(subject)
        if not text:
            patient = entry.resource.get("patient")
            text = reference(patient)
            if not text:
                return self._by_identifiers((*_identifiers(subject), *_identifiers(patient)))
        if text.startswith("#"):
            return self._contained(entry, text[1:])
        owner = self._memo.get(text)
        if owner is None:  # nearly all resources of a record name the same patient
            owner = self._memo[text] = self._by_text(text)
        return owner

    def _by_text(self, text: str) -> str:
        if "?" in text:
            return self._by_search(text)
        kind, ident = local(text)
        return self.by_address.get(text) or (ident if kind in {"", "Patient"} else f"{kind}/{ident}")

    def _by_search(self, text: str) -> str:
        """Return the patient that a search such as Patient?identifier=system|value finds."""
        path, _, query = text.partition("?")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        if path.rstrip("/").rpartition("/")[2] == "Patient" and len(parameters) == 1:
            if ident := parameters.get("_id"):
                return local(ident)[1]
            system, bar, value = parameters.get("identifier", "").rpartition("|")
            if value and (bar or value in self.by_value):
                patients = self.by_identifier.get((system, value), set()) if bar else self.by_value[value]
                if len(patients) == 1:
                    return next(iter(patients))
        self.unanswered.add(text)
        return UNRESOLVED

    def _by_identifiers(self, identifiers: Iterable[tuple[str, str]]) -> str:
        identifiers = list(identifiers)
        patients = {patient for identifier in identifiers for patient in self.by_identifier.get(identifier, ())}
        if len(patients) == 1:
            return patients.pop()
        if not identifiers:
            return ""
        self.unanswered.add("|".join(identifiers[0]))
        return UNRESOLVED

    def _contained(self, entry: Entry, ident: str) -> str:
        """Return whom a Patient inside the resource stands for: its identifier says so."""
        inside = [
            resource for resource in objects(entry.resource.get("contained")) if string(resource.get("id")) == ident
        ]
        identifiers = [
            identifier for patient in inside if type_of(patient) == "Patient" for identifier in _identifiers(patient)
        ]
        return self._by_identifiers(identifiers)


def _identifiers(holder: Json) -> list[tuple[str, str]]:
    """Return system and value of the identifiers of a Patient, or of a Reference."""
    return [
        (string(identifier.get("system")), value)
        for item in objects(holder)
        for identifier in objects(item.get("identifier"))
        if (value := string(identifier.get("value")))
    ]


def _patient_id(entry: Entry) -> str:
    return string(entry.resource.get("id")) or local(entry.full_url)[1] or entry.path
