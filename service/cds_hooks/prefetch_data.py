"""The record of a call's patient: what was prefetched, and what the FHIR server added."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from service.cds_hooks.fhir_server import Access, FhirServers
from service.cds_hooks.prefetch import Found, State, read_prefetch
from service.facts.json_body import Json
from service.knowledge.cards import Cards, PrefetchItem

FHIR_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True)
class Gathered:
    """All entries at hand, each resource once, and how much of each datum that is."""

    entries: tuple[Json, ...]
    states: Mapping[PrefetchItem, State]
    from_server: bool
    """Whether a FHIR server was asked: it may say something else the next time."""

    @property
    def resources(self) -> list[Json]:
        """The resources."""
        return [entry["resource"] for entry in self.entries]

    @property
    def bundle(self) -> Json:
        """All of it as one Bundle."""
        return {"resourceType": "Bundle", "type": "collection", "entry": list(self.entries)}

    @property
    def lacking(self) -> list[PrefetchItem]:
        """The required data that could not be had."""
        return [
            datum for datum, state in self.states.items() if datum.required and state in {State.ABSENT, State.FAILED}
        ]

    @property
    def partial(self) -> list[PrefetchItem]:
        """The required data of which only a part could be had."""
        return [datum for datum, state in self.states.items() if datum.required and state is State.PARTIAL]


def gather(
    cards: Cards, patient: str, prefetch: Mapping[str, Json], servers: FhirServers, access: Access | None
) -> Gathered:
    """Put the record together. Raises FaultsError for a prefetched value of a wrong type."""
    found = read_prefetch(cards.prefetch, prefetch)
    for datum in cards.prefetch:
        if _is_read(datum):
            found[datum.id] = _own(found[datum.id], datum, patient)
    open_data = {datum: found[datum.id] for datum in cards.prefetch if _open(datum, found)}
    asks = access if open_data else None
    if asks is not None:
        for name, more in servers.read(asks, patient, open_data).items():
            if more.state in {State.WHOLE, State.PARTIAL}:
                found[name] = more
            elif found[name].state is State.ABSENT:
                found[name] = replace(found[name], state=State.FAILED)
    states = {datum: found[datum.id].state for datum in cards.prefetch if not _covered(datum, found)}
    return Gathered(tuple(_each_once(found)), states, asks is not None)


def _is_read(datum: PrefetchItem) -> bool:
    return "?" not in datum.query


def _own(found: Found, datum: PrefetchItem, patient: str) -> Found:
    """An instance counts if it is the one asked for. The others stay, to be reported."""
    instances = [each for each in found.resources if each.get("resourceType") == datum.resource_type]
    if found.state is State.WHOLE and instances and all(each.get("id") != patient for each in instances):
        return Found(State.ABSENT, found.entries)
    return found


def _open(datum: PrefetchItem, found: Mapping[str, Found]) -> bool:
    return found[datum.id].state is not State.WHOLE and not _covered(datum, found)


def _covered(datum: PrefetchItem, found: Mapping[str, Found]) -> bool:
    """Whether another datum that is whole holds this one too."""
    return (
        datum.within is not None
        and found[datum.id].state is not State.WHOLE
        and found[datum.within].state is State.WHOLE
    )


def _each_once(found: Mapping[str, Found]) -> Iterator[Json]:
    seen = set()
    for each in found.values():
        for entry in each.entries:
            kind, name = entry["resource"].get("resourceType"), entry["resource"].get("id")
            key = (kind, name)
            if isinstance(kind, str) and isinstance(name, str):
                if key in seen:
                    continue
                seen.add(key)
            yield entry
