"""Who is calling: the key or the token of a request, and what its owner may ask for."""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from service.security import keys
from service.security.refusal import Refusal, Unauthorised
from service.security.registry import Registry
from service.security.remote_keys import Fetch, RemoteKeys, https_fetch
from service.security.replay import ReplayGuard, replay_guard
from service.security.token import Case, TokenCheck
from service.settings import Settings

PROBE_SECONDS = 1.0
"""The replay guard is tried for /readyz, which is open, no more often than this: it writes, and to a disk."""


@dataclass(frozen=True)
class Caller:
    """Somebody who proved who they are: the key's id or the token's issuer, and what they may do."""

    name: str
    scopes: frozenset[str]
    token: Case | None = None
    """What is still to be spent; None where a key was shown."""


class Authenticator:
    """Tells who is calling, by the clients and keys of CLIENTS_FILE."""

    def __init__(
        self, registry: Registry, tokens: TokenCheck, guard: ReplayGuard, now: Callable[[], dt.datetime]
    ) -> None:
        self._registry, self._tokens, self._guard, self._now = registry, tokens, guard, now
        self._probing = threading.Lock()
        self._next_probe, self._closed = float("-inf"), ""

    @classmethod
    def of(cls, settings: Settings, fetch: Fetch | None = None) -> "Authenticator":
        """As the settings say. Raises ClientsFileError."""
        guard = replay_guard(settings.replay_guard, settings.redis_state_url)
        tokens = TokenCheck(RemoteKeys(fetch or https_fetch()), guard)
        return cls(Registry(Path(settings.clients_file)), tokens, guard, settings.now)

    def caller(self, authorization: str | None, api_key: str | None, url: str) -> Caller:
        """Who calls this address (without its query), by the headers Authorization and X-API-Key. Raises Unauthorised.

        A token is not spent yet: a request that is refused for its number can be sent again with it.
        """
        now = self._now()
        secret = _secret(authorization, api_key)
        clients = self._registry.clients()
        if secret.startswith(keys.PREFIX):
            key = keys.checked(secret, clients.keys, now.date())
            return Caller(f"key {key.id}", key.scopes)
        case = Case(secret, url, now.timestamp())
        try:
            client = self._tokens.check(case, clients)
        except Refusal as refusal:
            refusal.told = case.told()
            raise
        return Caller(client.iss, client.scopes, case)

    def spend(self, token: Case) -> None:
        """Take the token of a caller, which nobody can show again. Raises Unauthorised or GuardClosedError."""
        try:
            self._tokens.spend(token)
        except Refusal as refusal:
            refusal.told = token.told()
            raise

    def parts(self) -> dict[str, dict[str, str]]:
        """What /readyz says: how it is and no more, for it is open to strangers. Why is in the log."""
        found = self._registry.clients()
        closed = self._fault() if found.clients else ""
        return {
            "clients": {"status": "degraded" if self._registry.fault else "ok"},
            "replay_guard": {"status": "degraded" if closed else "ok"},
        }

    def _fault(self) -> str:
        """Why no token can be taken, as of a second ago."""
        if time.monotonic() >= self._next_probe and self._probing.acquire(blocking=False):
            try:
                closed = self._guard.fault()
                if closed and closed != self._closed:
                    structlog.get_logger().warning("calls with a token get 503", reason=closed)
                self._closed = closed
                self._next_probe = time.monotonic() + PROBE_SECONDS
            finally:
                self._probing.release()
        return self._closed


def _secret(authorization: str | None, api_key: str | None) -> str:
    """The key or token; nothing of it is judged yet."""
    if api_key is not None:
        if authorization is not None:
            raise Unauthorised("credentials", "Authorization and X-API-Key are both there")
        if not api_key.startswith(keys.PREFIX):
            raise Unauthorised("credentials", "X-API-Key holds no key of this service")
        return api_key
    if authorization is None:
        raise Unauthorised("credentials", "none")
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthorised("credentials", "Authorization is not of the form: Bearer <token or key>")
    return secret
