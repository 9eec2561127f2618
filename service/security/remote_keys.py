"""Keys that a client publishes: fetched from its JWKS address when a token names a key that is not on record.

Only addresses that the operator listed get here (`service.security.token` compares before anything is fetched).
"""

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from service.security.public_key import Key, usable_keys
from service.server.outbound import GetError, Getter

MOST_BYTES = 65_536
SECONDS = 2.0
"""For one fetch in all."""
MOST_WAITING = 8
"""Threads of one process that fetch or wait for a fetch; the others go on with the keys on record."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
"""Seconds until an address is asked again; doubled while that brings nothing, so that nobody can make us ask often."""
FRESH_SECONDS = 3600.0
"""A set older than this is fetched again even for a known key, so that a key that was withdrawn is forgotten."""
LONGEST_TRUST = 86400.0
"""A set older than this is not believed any more where no fetch brings a new one."""

Fetch = Callable[[str], bytes]


class FetchError(Exception):
    """A JWKS that did not arrive; the message says why."""


@dataclass
class _Set:
    keys: dict[str, Key] = field(default_factory=dict)
    fetched: float = float("-inf")
    next_fetch: float = float("-inf")
    pause: float = FIRST_PAUSE
    lock: threading.Lock = field(default_factory=threading.Lock)


class RemoteKeys:
    """The JWKS of every address that was needed, in this process."""

    def __init__(self, fetch: Fetch, tick: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._tick = fetch, tick
        self._sets: dict[str, _Set] = {}
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)

    def find(self, url: str, kid: str) -> Key | None:
        """The key of an address, fetched where that is due; where it fails the old set stays in use for a day."""
        found = self._sets.setdefault(url, _Set())
        if self._due(found, kid) and self._waiting.acquire(blocking=False):
            try:
                with found.lock:
                    if self._due(found, kid):  # or another thread has just fetched it
                        self._refresh(url, found, kid)
            finally:
                self._waiting.release()
        return found.keys.get(kid) if self._tick() < found.fetched + LONGEST_TRUST else None

    def _due(self, found: _Set, kid: str) -> bool:
        now = self._tick()
        return now >= found.next_fetch and (kid not in found.keys or now >= found.fetched + FRESH_SECONDS)

    def _refresh(self, url: str, found: _Set, kid: str) -> None:
        log = structlog.get_logger()
        try:
            found.keys = usable_keys(json.loads(self._fetch(url)))
        except (FetchError, ValueError, RecursionError) as error:
            log.warning("JWKS not fetched; the old set stays in use", jku=url, reason=str(error)[:200])
        else:
            found.fetched = self._tick()
            log.info("JWKS fetched", jku=url, keys=len(found.keys))
        found.pause = FIRST_PAUSE if kid in found.keys else min(found.pause * 2, LONGEST_PAUSE)
        found.next_fetch = self._tick() + found.pause


def https_fetch(ca_file: str | None = None) -> Fetch:
    """GET over https with a checked certificate: no redirects, retries or proxy, a deadline and a bound on the size.

    `ca_file` holds the authorities that are believed; by default those of the system.
    """
    getter = Getter(ssl.create_default_context(cafile=ca_file), servers=10)

    def fetch(url: str) -> bytes:
        if not url.startswith("https://"):
            raise FetchError("is not https")
        try:
            return getter.get(url, {"Accept": "application/json"}, time.monotonic() + SECONDS, MOST_BYTES)
        except GetError as error:
            raise FetchError(str(error)) from None

    return fetch
