"""Of one resource only the newest version counts: by its versionId, its lastUpdated, or its place in a history."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from service.fhir.resources import Entry, Resource, first_object, local, string

OLDER = "an older version of this resource"
DELETED = "it was deleted"
UNORDERED = "another version withdraws it, and which of them is newer is not known"
BY_SEARCH = "a deletion by a search: what it deleted is not known"


@dataclass(frozen=True)
class Versions:
    """What was sent, sorted: the newest of each resource, and what stands back for it."""

    current: Sequence[Entry]
    replaced: Sequence[tuple[Entry, str]] = ()
    """Older versions and deleted resources, each with the reason."""
    unordered: frozenset[str] = frozenset()
    """Paths of the resources that a version of unknown order withdraws: they prove nothing."""
    unresolved: Sequence[Entry] = ()
    """Deletions by a search."""


@dataclass(eq=False)
class _Version:
    """A version of a resource, or its deletion."""

    entry: Entry
    is_deletion: bool = False
    number: int | None = field(init=False)
    at: dt.datetime | None = field(init=False)

    def __post_init__(self) -> None:
        meta, response = (
            first_object(self.entry.resource.get("meta")),
            first_object(self.entry.envelope.entry.get("response")),
        )
        tag = string(meta.get("versionId")) or string(response.get("etag")).removeprefix("W/").strip('"')
        self.number = int(tag) if tag.isascii() and tag.isdigit() else None
        self.at = _instant(string(meta.get("lastUpdated"))) or _instant(string(response.get("lastModified")))

    @property
    def history(self) -> int | None:
        return self.entry.envelope.history

    def is_newer(self, other: "_Version") -> bool | None:
        """Return whether this version came after the other; None where nothing tells, or the signs contradict."""
        signs = set()
        if self.number is not None and other.number is not None and self.number != other.number:
            signs.add(self.number > other.number)
        if self.at is not None and other.at is not None and self.at != other.at:
            signs.add(self.at > other.at)
        if not signs and self.history is not None and self.history == other.history:
            signs.add(self.entry.envelope.order < other.entry.envelope.order)
        if not signs and self.is_deletion != other.is_deletion:
            deletion = self if self.is_deletion else other
            if deletion.history is None:
                signs.add(self.is_deletion)
        return signs.pop() if len(signs) == 1 else None


def settle_versions(
    entries: Sequence[Entry], deleted: Sequence[Entry], is_withdrawn: Callable[[Resource], bool]
) -> Versions:
    """Sort resources of one type and id into the newest version and older ones.

    Versions that nothing puts in order all stay; where one of them is withdrawn, the others prove nothing.
    """
    unresolved = [entry for entry in deleted if not all(_address(entry))]
    repeated = _repeated(entries) | {address for entry in deleted if all(address := _address(entry))}
    if not repeated:
        return Versions(entries, unresolved=unresolved)
    groups: dict[tuple[str, str, str], list[_Version]] = defaultdict(list)
    versions = [_Version(entry) for entry in entries if _key(entry) in repeated]
    versions += [_Version(entry, is_deletion=True) for entry in deleted if all(_address(entry))]
    bases: dict[tuple[str, str], set[str]] = defaultdict(set)
    keys = [_address(version.entry) if version.is_deletion else _key(version.entry) for version in versions]
    for version, key in zip(versions, keys, strict=True):
        bases[key] |= {base} if (base := _base(version.entry)) else set()
    for version, key in zip(versions, keys, strict=True):
        # Two servers may each have a Condition/1.
        base = _base(version.entry) if len(bases[key]) > 1 else ""
        groups[*key, base].append(version)
    replaced, unordered = _settle(groups.values(), is_withdrawn)
    current = [entry for entry in entries if id(entry) not in replaced]
    return Versions(current, list(replaced.values()), frozenset(unordered), unresolved)


def _repeated(entries: Sequence[Entry]) -> set[tuple[str, str]]:
    """Return type and id of what was sent more than once."""
    keys = [_key(entry) for entry in entries]
    if len(set(keys)) == len(keys):
        return set()
    return {key for key, count in Counter(keys).items() if count > 1 and all(key)}


def _settle(
    groups: Iterable[list[_Version]], is_withdrawn: Callable[[Resource], bool]
) -> tuple[Mapping[int, tuple[Entry, str]], set[str]]:
    replaced: dict[int, tuple[Entry, str]] = {}
    unordered: set[str] = set()
    for group in groups:
        newest = [version for version in group if not any(other.is_newer(version) for other in group)] or group
        is_deleted = all(version.is_deletion for version in newest)
        for version in group:
            if version not in newest and not version.is_deletion:
                replaced[id(version.entry)] = version.entry, DELETED if is_deleted else OLDER
        standing = [
            version for version in newest if not version.is_deletion and not is_withdrawn(version.entry.resource)
        ]
        if len(standing) < len(newest):
            unordered |= {version.entry.path for version in standing}
    return replaced, unordered


def _key(entry: Entry) -> tuple[str, str]:
    ident = entry.resource.get("id")
    return entry.type, ident if type(ident) is str else ""


def _address(entry: Entry) -> tuple[str, str]:
    """Return type and id of what a deletion names; empty ones for a search."""
    return ("", "") if "?" in entry.full_url else local(entry.full_url)


def _base(entry: Entry) -> str:
    """Return the server that the address of an entry names."""
    address = string(entry.envelope.entry.get("fullUrl")) or entry.full_url
    if not address.lower().startswith(("http://", "https://")):
        return ""
    return address.split("/_history", 1)[0].rstrip("/").rsplit("/", 2)[0]


def _instant(text: str) -> dt.datetime | None:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
