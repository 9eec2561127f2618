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


def assign_owners(sent: Sequence[Entry], patient: str | None) -> list[OwnedEntry]:
    """Find the patient of each resource: by subject or patient, through the addresses of the bundle, or by identifier.

    Where no patient is named or sent and every resource names the same identifier, that stands for the patient.
    """
    owners = _Owners(sent)
    owned = [(entry, owners.of(entry)) for entry in sent]
    named = {owner for _, owner in owned if owner and owner != UNRESOLVED}
    if patient or named or len(owners.unanswered) != 1:
        return owned
    only = next(iter(owners.unanswered))
    return [(entry, only if owner == UNRESOLVED else owner) for entry, owner in owned]


def select_patient(owned: Sequence[OwnedEntry], named: str | None) -> PatientSelection:
    """Select the one named; else the only Patient; else the subject of most resources."""
    if named:
        return PatientSelection(local(named)[1])
    known = {owner for entry, owner in owned if entry.type == "Patient"}
    if len(known) == 1:
        return PatientSelection(known.pop())
    votes = Counter(owner for entry, owner in owned if owner not in {"", UNRESOLVED} and entry.type != "Patient")
    votes.update(dict.fromkeys(known, 0))
    first = votes.most_common(2)
    if len(first) > 1 and first[0][1] == first[1][1]:
        return PatientSelection(None, tuple(owner for owner, _ in first))
    return PatientSelection(first[0][0] if first else None)


def ownerless_count(owned: Sequence[OwnedEntry], selection: PatientSelection, named: str | None) -> bool:
    """Return whether resources without a subject count: only if no patient is named and there is no second one."""
    return not named and not selection.tied and {owner for _, owner in owned if owner} <= {selection.patient}


class _Owners:
    """The patients of a request by address and by identifier."""

    def __init__(self, sent: Sequence[Entry]) -> None:
        self.by_address: dict[str, str] = {}
        self.by_identifier: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.by_value: dict[str, set[str]] = defaultdict(set)
        self.unanswered: set[str] = set()
        """Identifiers and searches that no Patient answers."""
        self._memo: dict[str, str] = {}
        for entry in sent:
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
        wanted = dict(parse_qsl(query, keep_blank_values=True))
        if path.rstrip("/").rpartition("/")[2] == "Patient" and len(wanted) == 1:
            if ident := wanted.get("_id"):
                return local(ident)[1]
            system, bar, value = wanted.get("identifier", "").rpartition("|")
            if value and (bar or value in self.by_value):
                found = self.by_identifier.get((system, value), set()) if bar else self.by_value[value]
                if len(found) == 1:
                    return next(iter(found))
        self.unanswered.add(text)
        return UNRESOLVED

    def _by_identifiers(self, named: Iterable[tuple[str, str]]) -> str:
        named = list(named)
        found = {patient for each in named for patient in self.by_identifier.get(each, ())}
        if len(found) == 1:
            return found.pop()
        if not named:
            return ""
        self.unanswered.add("|".join(named[0]))
        return UNRESOLVED

    def _contained(self, entry: Entry, ident: str) -> str:
        """Return whom a Patient inside the resource stands for: its identifier says so."""
        inside = [each for each in objects(entry.resource.get("contained")) if string(each.get("id")) == ident]
        named = [each for patient in inside if type_of(patient) == "Patient" for each in _identifiers(patient)]
        return self._by_identifiers(named)


def _identifiers(holder: Json) -> list[tuple[str, str]]:
    """Return system and value of the identifiers of a Patient, or of a Reference."""
    return [
        (string(each.get("system")), value)
        for item in objects(holder)
        for each in objects(item.get("identifier"))
        if (value := string(each.get("value")))
    ]


def _patient_id(entry: Entry) -> str:
    return string(entry.resource.get("id")) or local(entry.full_url)[1] or entry.path
