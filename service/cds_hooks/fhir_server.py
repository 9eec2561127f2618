"""Read from the hospital's FHIR server what a call did not prefetch.

Only servers that the operator lists are called, with our own queries and the token of the call. All queries of a call
run in parallel and share one deadline. The token lives as long as the call and is in no log and no error.
"""

import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from service.cds_hooks.prefetch import PrefetchResult, PrefetchState, read_value
from service.facts.json_body import BodyError, Json, parse, repeated
from service.fhir.resources import type_of
from service.knowledge.cards import PrefetchItem
from service.server.outbound import GetError, Getter

READ_TIMEOUT_SECONDS = 0.8
"""For all queries of one call together."""
MAX_PAGES = 5
"""Of one search."""
MAX_PAGE_BYTES = 5_000_000
PATIENT_PLACEHOLDER = "{{context.patientId}}"
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class FhirAccess:
    """A listed server's base URL, and the token of the call."""

    base: str
    token: str | None = field(default=None, repr=False)


class FhirServers:
    """The servers that may be called. Made once.

    At most `max_waiting` threads wait for a server at a time. `max_queries` is the largest number of queries of a call.
    """

    def __init__(
        self,
        bases: Sequence[str],
        ca: Path | None,
        max_waiting: int,
        max_queries: int,
        seconds: float = READ_TIMEOUT_SECONDS,
    ) -> None:
        keys = ((normalise_base(base), base.rstrip("/")) for base in bases)
        self._bases = {key: base for key, base in keys if key is not None}
        self._seconds = seconds
        self._waiting = threading.BoundedSemaphore(max_waiting) if max_waiting else None
        # Threads and connections are made on first use, so after a fork. Each server has its own threads, because a
        # server that hangs must not hold up another.
        self._threads = {
            base: ThreadPoolExecutor(max_workers=max(1, max_waiting * max_queries), thread_name_prefix="fhir")
            for base in self._bases.values()
        }
        # Reading the system's authorities takes about 20 ms at start, so it is done only if there is a server.
        context = ssl.create_default_context() if bases else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca is not None:
            context.load_verify_locations(ca)
        self._getter = Getter(context, servers=len(bases) or 1, size=max(1, max_waiting))

    def find_base(self, url: str) -> str | None:
        """Return the base URL as the operator wrote it, or None if this server is not listed."""
        key = normalise_base(url)
        return None if key is None else self._bases.get(key)

    def read(
        self, access: FhirAccess, patient: str, items: Mapping[PrefetchItem, PrefetchResult]
    ) -> dict[str, PrefetchResult]:
        """Query each item, or the further pages of a partial one. An item that is late has failed.

        `patient` must be a FHIR id. Empty if too many threads wait already.
        """
        if self._waiting is None or not self._waiting.acquire(blocking=False):
            return {}
        try:
            deadline = time.monotonic() + self._seconds
            queries = {
                self._threads[access.base].submit(self._query, access, item, patient, result, deadline): item
                for item, result in items.items()
            }
            done, late = wait(queries, timeout=max(0.0, deadline - time.monotonic()))
            for query in late:
                query.cancel()
            results = {item.id: PrefetchResult(PrefetchState.FAILED) for item in items}
            return results | {queries[query].id: query.result() for query in done}
        finally:
            self._waiting.release()

    def _query(
        self, access: FhirAccess, item: PrefetchItem, patient: str, result: PrefetchResult, deadline: float
    ) -> PrefetchResult:
        """Return one item with as many of its pages as can be read."""
        url = f"{access.base}/{item.query.replace(PATIENT_PLACEHOLDER, patient)}"
        entries: tuple[Json, ...] = ()
        if result.next_page:
            url, entries = result.next_page, result.entries
        for _ in range(MAX_PAGES):
            page = self._page(access, url, deadline)
            entries += page.entries
            if page.state is not PrefetchState.PARTIAL or not page.next_page:
                is_cut = page.state is PrefetchState.FAILED and bool(entries)
                return PrefetchResult(PrefetchState.PARTIAL if is_cut else page.state, entries)
            url = page.next_page
        return PrefetchResult(PrefetchState.PARTIAL, entries)

    def _page(self, access: FhirAccess, url: str, deadline: float) -> PrefetchResult:
        url = urljoin(access.base + "/", url)
        if not is_below(access.base, url):
            return PrefetchResult(PrefetchState.FAILED)
        headers = {"Accept": "application/fhir+json", "Accept-Encoding": "identity"}
        if access.token is not None:
            headers["Authorization"] = f"Bearer {access.token}"
        try:
            value = parse(self._getter.get(url, headers, deadline, MAX_PAGE_BYTES))
        except (GetError, BodyError):
            return PrefetchResult(PrefetchState.FAILED)
        if isinstance(value, dict) and type_of(value) and not any(repeated(value)):
            return read_value(value)
        return PrefetchResult(PrefetchState.FAILED)


def normalise_base(url: str) -> tuple[str, str, int, str] | None:
    """Return scheme, host, port and path of a base URL, equal for equal bases, or None if it is no base URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if not parts.hostname or not port or parts.username is not None or parts.password is not None:
        return None
    if parts.query or parts.fragment or ".." in unquote(parts.path):
        return None
    return parts.scheme, parts.hostname, port, parts.path.rstrip("/")


def is_below(base: str, url: str) -> bool:
    """Return whether a URL has the scheme, host and port of the base, and its path or a path below it."""
    base_key = normalise_base(base)
    key = normalise_base(url.partition("#")[0].partition("?")[0])
    if base_key is None or key is None or key[:3] != base_key[:3]:
        return False
    return key[3] == base_key[3] or key[3].startswith(f"{base_key[3]}/")
