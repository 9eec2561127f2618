"""Collect the record of a call's patient: the prefetched resources, and what the FHIR server adds."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from service.cds_hooks.fhir_server import FhirAccess, FhirServers
from service.cds_hooks.prefetch import PrefetchResult, PrefetchState, read_prefetch
from service.facts.json_body import Json
from service.knowledge.cards import PrefetchItem

FHIR_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True)
class PrefetchData:
    """All entries at hand, each resource once, and the state of each item."""

    entries: tuple[Json, ...]
    states: Mapping[str, PrefetchState]
    """State by item id. An item that another, complete item contains is left out."""
    is_from_server: bool
    """Whether a FHIR server was called. The server may answer otherwise the next time."""

    @property
    def resources(self) -> list[Json]:
        """Return the resources of the entries."""
        return [entry["resource"] for entry in self.entries]

    @property
    def bundle(self) -> Json:
        """Return all entries as one Bundle."""
        return {"resourceType": "Bundle", "type": "collection", "entry": list(self.entries)}

    @property
    def is_whole(self) -> bool:
        """Whether every query was answered with all its pages. An item that was never queried counts as answered."""
        return not any(state in {PrefetchState.PARTIAL, PrefetchState.FAILED} for state in self.states.values())

    def unread_items(self, items: Sequence[PrefetchItem]) -> Iterator[tuple[PrefetchItem, PrefetchState]]:
        """Yield those of the items that are not complete, with their states."""
        for item in items:
            state = self.states.get(item.id, PrefetchState.COMPLETE)
            if state is not PrefetchState.COMPLETE:
                yield item, state


def collect(
    items: Sequence[PrefetchItem],
    patient: str,
    prefetch: Mapping[str, Json],
    servers: FhirServers,
    access: FhirAccess | None,
) -> PrefetchData:
    """Return the record of the patient. Without `access`, no server is called.

    Raises FaultsError for a prefetched value of a wrong type.
    """
    results = read_prefetch(items, prefetch)
    for item in items:
        if item.is_instance_read:
            results[item.id] = _check_instance(results[item.id], item, patient)
    open_items = {item: results[item.id] for item in items if _is_open(item, results)}
    is_from_server = access is not None and bool(open_items)
    if access is not None and open_items:
        for name, result in servers.read(access, patient, open_items).items():
            if result.state in {PrefetchState.COMPLETE, PrefetchState.PARTIAL}:
                results[name] = result
            elif results[name].state is PrefetchState.ABSENT:
                results[name] = replace(results[name], state=PrefetchState.FAILED)
    states = {item.id: results[item.id].state for item in items if not _is_contained(item, results)}
    return PrefetchData(tuple(_unique_entries(results)), states, is_from_server)


def _check_instance(result: PrefetchResult, item: PrefetchItem, patient: str) -> PrefetchResult:
    """Return the item as absent if it holds another patient. Its entries stay, so that they are reported."""
    instances = [resource for resource in result.resources if resource.get("resourceType") == item.resource_type]
    is_other = bool(instances) and all(resource.get("id") != patient for resource in instances)
    if result.state is PrefetchState.COMPLETE and is_other:
        return PrefetchResult(PrefetchState.ABSENT, result.entries)
    return result


def _is_open(item: PrefetchItem, results: Mapping[str, PrefetchResult]) -> bool:
    return results[item.id].state is not PrefetchState.COMPLETE and not _is_contained(item, results)


def _is_contained(item: PrefetchItem, results: Mapping[str, PrefetchResult]) -> bool:
    """Return whether an incomplete item lies within another item that is complete."""
    return (
        item.within is not None
        and results[item.id].state is not PrefetchState.COMPLETE
        and results[item.within].state is PrefetchState.COMPLETE
    )


def _unique_entries(results: Mapping[str, PrefetchResult]) -> Iterator[Json]:
    """Yield each entry once. Versions of a resource all stay: the record tells which is the newest."""
    seen: dict[tuple[str, str], list[Json]] = {}
    for result in results.values():
        for entry in result.entries:
            resource = entry["resource"]
            kind, name = resource.get("resourceType"), resource.get("id")
            if isinstance(kind, str) and isinstance(name, str):
                versions = seen.get((kind, name))
                if versions is None:
                    seen[kind, name] = [resource]
                elif resource in versions:
                    continue
                else:
                    versions.append(resource)
            yield entry
