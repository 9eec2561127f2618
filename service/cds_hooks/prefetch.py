"""Read the prefetched values of a call: each item is complete (perhaps empty), partial, failed or absent.

A search without results is an answer. A search that failed is not. An item is matched by its key first, then by the
type of its resources, because some hospitals type the keys in by hand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from service.facts.json_body import Json, pointer
from service.facts.refusal import Fault, FaultsError
from service.fhir.resources import is_incomplete, is_total_larger, is_unanswered, objects, type_of
from service.knowledge.cards import PrefetchItem

OPERATION_OUTCOME = "OperationOutcome"
FAILURE_SEVERITIES = ("error", "fatal")
UNREQUESTED = ""
"""Key of the resources that came under a key of no item."""


class PrefetchState(Enum):
    """How much of an item is at hand."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    ABSENT = "absent"


@dataclass(frozen=True)
class PrefetchResult:
    """The Bundle entries of one item. Entries, not resources: a reference may name a fullUrl.

    `next_page` is the address of the next page of a partial search, if the server gave one.
    """

    state: PrefetchState
    entries: tuple[Json, ...] = ()
    next_page: str | None = None

    @property
    def resources(self) -> list[Json]:
        """Return the resources of the entries."""
        return [entry["resource"] for entry in self.entries]


def read_prefetch(items: Sequence[PrefetchItem], prefetch: Mapping[str, Json]) -> dict[str, PrefetchResult]:
    """Return the result of each item by its id, and under UNREQUESTED all other resources.

    Raises FaultsError for a value that is neither an object nor null.
    """
    keys = {item.id for item in items}
    others = [value for key, value in prefetch.items() if key not in keys and isinstance(value, dict)]
    results: dict[str, PrefetchResult] = {}
    for item in items:
        result = _read_item(item, prefetch[item.id]) if item.id in prefetch else PrefetchResult(PrefetchState.ABSENT)
        if result.state is PrefetchState.ABSENT:
            others += [prefetch[item.id]] if isinstance(prefetch.get(item.id), dict) else []
            result = _match_by_type(item, others)
        results[item.id] = result
    entries = tuple(entry for value in others for entry in _entries(value))
    return results | {UNREQUESTED: PrefetchResult(PrefetchState.COMPLETE, entries)}


def read_value(value: Mapping[str, Any]) -> PrefetchResult:
    """Return the result of a query that was answered with this resource, Bundle or OperationOutcome."""
    if value.get("resourceType") == OPERATION_OUTCOME:
        return PrefetchResult(PrefetchState.FAILED)
    if value.get("resourceType") != "Bundle":
        return PrefetchResult(PrefetchState.COMPLETE, ({"resource": value},))
    return _read_bundle(value)


def _read_item(item: PrefetchItem, value: Json) -> PrefetchResult:
    if value is None:
        return PrefetchResult(PrefetchState.COMPLETE)
    if not isinstance(value, dict):
        detail = "A prefetched value is a FHIR resource or null."
        raise FaultsError([Fault(pointer("prefetch", item.id), "invalid_value", detail)])
    if type_of(value) not in {"Bundle", OPERATION_OUTCOME, item.resource_type}:
        return PrefetchResult(PrefetchState.ABSENT)  # the value may belong to another item
    return read_value(value)


def _match_by_type(item: PrefetchItem, values: Iterable[Mapping[str, Any]]) -> PrefetchResult:
    """Return the first value that holds a resource of the item's type."""
    for value in values:
        result = read_value(value)
        if any(resource.get("resourceType") == item.resource_type for resource in result.resources):
            return result
    return PrefetchResult(PrefetchState.ABSENT)


def _read_bundle(bundle: Mapping[str, Any]) -> PrefetchResult:
    raw_entries = bundle.get("entry", [])
    if not isinstance(raw_entries, list):
        return PrefetchResult(PrefetchState.FAILED)
    entries = tuple(_entries(bundle))
    # Where each entry brings a resource none is an outcome or a query that was not answered.
    others = () if len(entries) == len(raw_entries) else raw_entries
    outcomes = list(_operation_outcomes(others))
    if any(map(_is_failure, outcomes)) or any(map(is_unanswered, others)):
        return PrefetchResult(PrefetchState.FAILED, entries)
    next_page, total = _next_page(bundle), bundle.get("total")
    is_cut = is_total_larger(total, len(entries)) or any(map(_is_incomplete, outcomes))
    if next_page is None and is_cut and not entries:
        return PrefetchResult(PrefetchState.FAILED)  # a count without the resources counted
    is_partial = next_page is not None or is_cut
    return PrefetchResult(PrefetchState.PARTIAL if is_partial else PrefetchState.COMPLETE, entries, next_page)


def _entries(value: Mapping[str, Any]) -> Iterator[Json]:
    if value.get("resourceType") != "Bundle":
        if value.get("resourceType") != OPERATION_OUTCOME:
            yield {"resource": value}
        return
    entries = value.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") != OPERATION_OUTCOME:
            yield entry


def _operation_outcomes(entries: Iterable[Json]) -> Iterator[Mapping[str, Any]]:
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") == OPERATION_OUTCOME:
            yield resource


def _is_failure(outcome: Mapping[str, Any]) -> bool:
    """Return whether an OperationOutcome reports a failure. One that cannot be read counts as a failure."""
    issues = outcome.get("issue")
    if not isinstance(issues, list) or not issues:
        return True
    return any(not isinstance(issue, dict) or issue.get("severity", "error") in FAILURE_SEVERITIES for issue in issues)


def _is_incomplete(outcome: Mapping[str, Any]) -> bool:
    """Return whether an OperationOutcome says that results are missing, such as a source that did not answer."""
    return any(map(is_incomplete, objects(outcome.get("issue"))))


def _next_page(bundle: Mapping[str, Any]) -> str | None:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) else ""
    return None
