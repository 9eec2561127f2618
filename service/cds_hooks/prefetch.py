"""What a call brings along: each datum asked for is whole (perhaps empty), partial, failed or absent.

A search that found nothing is an answer; a search that failed is not. A datum is matched by its key first, then by the
type of its resources: keys are typed in by hand at some hospitals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from service.facts.json_body import Json, pointer
from service.facts.refusal import Fault, FaultsError
from service.fhir.resources import type_of
from service.knowledge.cards import PrefetchItem

OUTCOME = "OperationOutcome"
FAILING = ("error", "fatal")


class State(Enum):
    """How much of a datum there is."""

    WHOLE = "whole"
    PARTIAL = "partial"
    FAILED = "failed"
    ABSENT = "absent"


@dataclass(frozen=True)
class Found:
    """What was found of one datum: entries of Bundles, for references may name their fullUrl. `next_page` has more."""

    state: State
    entries: tuple[Json, ...] = ()
    next_page: str | None = None

    @property
    def resources(self) -> list[Json]:
        """The resources of the entries."""
        return [entry["resource"] for entry in self.entries]


def read_prefetch(wanted: Sequence[PrefetchItem], prefetch: Mapping[str, Json]) -> dict[str, Found]:
    """What was prefetched of each datum, and under the key "" the resources that nobody asked for.

    Raises FaultsError for a value of another type: a fault of the client.
    """
    keys = {datum.id for datum in wanted}
    spare = [value for key, value in prefetch.items() if key not in keys and isinstance(value, dict)]
    found: dict[str, Found] = {}
    for datum in wanted:
        read = _read(datum, prefetch[datum.id]) if datum.id in prefetch else Found(State.ABSENT)
        if read.state is State.ABSENT:
            spare += [prefetch[datum.id]] if isinstance(prefetch.get(datum.id), dict) else []
            read = _elsewhere(datum, spare)
        found[datum.id] = read
    return found | {"": Found(State.WHOLE, tuple(entry for value in spare for entry in _entries(value)))}


def read_value(value: Mapping[str, Any]) -> Found:
    """What an answer to a query holds: a resource, a Bundle, or the news that the query failed."""
    if value.get("resourceType") == OUTCOME:
        return Found(State.FAILED)
    if value.get("resourceType") != "Bundle":
        return Found(State.WHOLE, ({"resource": value},))
    return _bundle(value)


def _read(datum: PrefetchItem, value: Json) -> Found:
    if value is None:
        return Found(State.WHOLE)
    if not isinstance(value, dict):
        detail = "A prefetched value is a FHIR resource or null."
        raise FaultsError([Fault(pointer("prefetch", datum.id), "invalid_value", detail)])
    if type_of(value) not in {"Bundle", OUTCOME, datum.resource_type}:
        return Found(State.ABSENT)  # something else under this key; it may be what another asked for
    return read_value(value)


def _elsewhere(datum: PrefetchItem, spare: Iterable[Mapping[str, Any]]) -> Found:
    """The datum under a key that nobody asked for, known by the type of its resources."""
    for value in spare:
        read = read_value(value)
        if any(resource.get("resourceType") == datum.resource_type for resource in read.resources):
            return read
    return Found(State.ABSENT)


def _bundle(bundle: Mapping[str, Any]) -> Found:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        return Found(State.FAILED)
    read = tuple(_entries(bundle))
    if any(map(_failing, _outcomes(entries))):
        return Found(State.FAILED, read)
    more, total = _next_page(bundle), bundle.get("total")
    counted = isinstance(total, int) and total > len(read)
    if more is None and counted and not read:
        return Found(State.FAILED)  # a count without the resources counted
    partial = more is not None or counted
    return Found(State.PARTIAL if partial else State.WHOLE, read, more)


def _entries(value: Mapping[str, Any]) -> Iterator[Json]:
    if value.get("resourceType") != "Bundle":
        if value.get("resourceType") != OUTCOME:
            yield {"resource": value}
        return
    entries = value.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") != OUTCOME:
            yield entry


def _outcomes(entries: Iterable[Json]) -> Iterator[Mapping[str, Any]]:
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == OUTCOME:
            yield resource


def _failing(outcome: Mapping[str, Any]) -> bool:
    """Whether an OperationOutcome tells of a failure. One that cannot be read is taken for it."""
    issues = outcome.get("issue")
    if not isinstance(issues, list) or not issues:
        return True
    return any(not isinstance(issue, dict) or issue.get("severity", "error") in FAILING for issue in issues)


def _next_page(bundle: Mapping[str, Any]) -> str | None:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) else ""
    return None
