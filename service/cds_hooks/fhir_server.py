"""Reading from the hospital's FHIR server what a call did not bring along.

Only from servers that the operator has listed, by queries of our own, with the token of the call, and not for long: all
queries of a call run side by side and end together. A token lives as long as the call; it is in no log and in no error.
"""

import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from service.cds_hooks.prefetch import Found, State, read_value
from service.facts.json_body import BodyError, Json, parse, repeated
from service.fhir.resources import type_of
from service.knowledge.cards import PrefetchItem
from service.server.outbound import GetError, Getter

SECONDS = 0.8
"""For all queries of one call together."""
PAGES = 5
"""Pages of one search."""
MOST_BYTES = 5_000_000
"""Of one page."""
PATIENT = "{{context.patientId}}"
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Access:
    """Where and with what token a call may be answered; `base` is one of the listed servers."""

    base: str
    token: str | None = field(default=None, repr=False)


class FhirServers:
    """The servers that may be called back. Made once; at most `waiting` threads wait for one at a time."""

    def __init__(
        self, bases: Sequence[str], ca: Path | None, waiting: int, queries: int, seconds: float = SECONDS
    ) -> None:
        found = ((normal(base), base.rstrip("/")) for base in bases)
        self._bases = {key: base for key, base in found if key is not None}
        self._seconds = seconds
        self._waiting = threading.BoundedSemaphore(waiting) if waiting else None
        # Threads and connections are made when first needed, so after a fork. Each server has threads of its own: one
        # that hangs must not hold up another.
        self._threads = {
            base: ThreadPoolExecutor(max_workers=max(1, waiting * queries), thread_name_prefix="fhir")
            for base in self._bases.values()
        }
        # Reading the system's authorities takes a start some 20 ms, so only where somebody may be asked.
        context = ssl.create_default_context() if bases else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca is not None:
            context.load_verify_locations(ca)
        self._getter = Getter(context, servers=len(bases) or 1, size=max(1, waiting))

    def listed(self, url: str) -> str | None:
        """The base URL as the operator wrote it, if this is one of those listed."""
        key = normal(url)
        return None if key is None else self._bases.get(key)

    def read(self, access: Access, patient: str, wanted: Mapping[PrefetchItem, Found]) -> dict[str, Found]:
        """Each datum read; of a partial one the further pages. What did not come in time failed.

        `patient` must be a FHIR id. Empty when too many threads wait already.
        """
        if self._waiting is None or not self._waiting.acquire(blocking=False):
            return {}
        try:
            end = time.monotonic() + self._seconds
            asked = {
                self._threads[access.base].submit(self._query, access, datum, patient, found, end): datum
                for datum, found in wanted.items()
            }
            done, late = wait(asked, timeout=max(0.0, end - time.monotonic()))
            for query in late:
                query.cancel()
            found = {datum.id: Found(State.FAILED) for datum in wanted}
            return found | {asked[query].id: query.result() for query in done}
        finally:
            self._waiting.release()

    def _query(self, access: Access, datum: PrefetchItem, patient: str, found: Found, end: float) -> Found:
        """One datum with all its pages, as far as they can be had."""
        url = f"{access.base}/{datum.query.replace(PATIENT, patient)}"
        read: tuple[Json, ...] = ()
        if found.next_page:
            url, read = found.next_page, found.entries
        for _ in range(PAGES):
            page = self._page(access, url, end)
            read += page.entries
            if page.state is not State.PARTIAL or not page.next_page:
                state = page.state if page.state is not State.FAILED or not read else State.PARTIAL
                return Found(state, read)
            url = page.next_page
        return Found(State.PARTIAL, read)

    def _page(self, access: Access, url: str, end: float) -> Found:
        url = urljoin(access.base + "/", url)
        if not below(access.base, url):
            return Found(State.FAILED)
        headers = {"Accept": "application/fhir+json", "Accept-Encoding": "identity"}
        if access.token is not None:
            headers["Authorization"] = f"Bearer {access.token}"
        try:
            value = parse(self._getter.get(url, headers, end, MOST_BYTES))
        except (GetError, BodyError):
            return Found(State.FAILED)
        if isinstance(value, dict) and type_of(value) and not any(repeated(value)):
            return read_value(value)
        return Found(State.FAILED)


def normal(url: str) -> tuple[str, str, int, str] | None:
    """Scheme, host, port and path of a base URL, in which equal ones are equal; None for what is no base URL."""
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


def below(base: str, url: str) -> bool:
    """Whether an address lies under the base: same scheme, host and port, and its path or one below it."""
    top = normal(base)
    here = normal(url.partition("#")[0].partition("?")[0])
    if top is None or here is None or here[:3] != top[:3]:
        return False
    return here[3] == top[3] or here[3].startswith(f"{top[3]}/")
