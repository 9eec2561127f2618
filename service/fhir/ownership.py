"""Whose each resource is, and which patient is meant."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from service.fhir.resources import Entry, local, reference, string, type_of

Owned = Sequence[tuple[Entry, str]]
"""Each resource with the id of its patient; empty where it names none."""


@dataclass(frozen=True)
class Meant:
    """The patient whose facts are wanted."""

    patient: str | None
    """None if the record names nobody, or nobody can be told."""
    tied: tuple[str, ...] = ()
    """Patients of whom none is named and none has more resources than the others."""

    def owns(self, owner: str) -> bool:
        """Whether a resource of this owner is the patient's."""
        return not self.tied and owner == self.patient


def owners(sent: Sequence[Entry]) -> Owned:
    """Find the patient of each resource: by subject or patient, through the addresses of the bundle."""
    patients = {entry.full_url: _id(entry) for entry in sent if type_of(entry.resource) == "Patient" and entry.full_url}
    return [(entry, _owner(entry, patients)) for entry in sent]


def meant(owned: Owned, named: str | None) -> Meant:
    """The one named; else the only Patient; else the subject of most resources."""
    if named:
        return Meant(local(named)[1])
    known = {owner for entry, owner in owned if type_of(entry.resource) == "Patient"}
    if len(known) == 1:
        return Meant(known.pop())
    votes = Counter(owner for entry, owner in owned if owner and type_of(entry.resource) != "Patient")
    votes.update(dict.fromkeys(known, 0))
    first = votes.most_common(2)
    if len(first) > 1 and first[0][1] == first[1][1]:
        return Meant(None, tuple(owner for owner, _ in first))
    return Meant(first[0][0] if first else None)


def ownerless_count(owned: Owned, who: Meant, named: str | None) -> bool:
    """Resources without a subject count only where nobody else can be meant: no patient named, no second one."""
    return not named and not who.tied and {owner for _, owner in owned if owner} <= {who.patient}


def _owner(entry: Entry, patients: dict[str, str]) -> str:
    if type_of(entry.resource) == "Patient":
        return _id(entry)
    text = reference(entry.resource.get("subject")) or reference(entry.resource.get("patient"))
    if text.startswith("#"):
        return ""
    kind, ident = local(text)
    return patients.get(text) or (ident if kind in {"", "Patient"} else f"{kind}/{ident}")


def _id(entry: Entry) -> str:
    return string(entry.resource.get("id")) or local(entry.full_url)[1] or entry.place
