"""JSON Web Tokens of CDS Hooks clients, checked in the order that its best practices recommend.

issuer known, audience this address, time, tenant, key on record and signature, not seen before. A key that the token
itself carries or points to outside the client's list (jwk, x5u, x5c, jku) is never used nor fetched.
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from joserfc import jws
from joserfc.errors import JoseError

from service.security.clients_file import Client, Clients
from service.security.public_key import ALGORITHMS, Key
from service.security.refusal import GuardClosedError, Unauthorised
from service.security.remote_keys import RemoteKeys
from service.security.replay import ReplayGuard, token_id

LEEWAY = 30
"""Seconds by which the clocks of client and service may differ."""
LONGEST_LIFE = 3600
"""Seconds from iat to exp; a token is remembered that long."""
MOST_CHARACTERS = 8000
MOST_OF_HEADER = 4096
"""Room for a long jku."""
MOST_NAMED = 300
"""Characters of an iss, jti, tenant or kid."""
LATEST = 2**40
"""A time beyond this is none."""

TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass
class Case:
    """A token while it is checked: what was called when, and what the steps found."""

    text: str
    url: str
    now: float
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    client: Client | None = None
    key: Key | None = None

    @property
    def known(self) -> Client:
        """The client, which the step `issuer` found."""
        if self.client is None:
            raise Unauthorised("issuer", "not reached")
        return self.client

    def told(self) -> dict[str, str]:
        """What the log may say of the token: who it claims to be."""
        claimed = ((name, self.claims.get(name)) for name in ("iss", "tenant", "jti"))
        return {
            f"claimed_{name}": value[:MOST_NAMED] for name, value in claimed if isinstance(value, str) and _whole(value)
        }


class Verdict(NamedTuple):
    """What one step says of a token: passed, failed, or not reached."""

    step: str
    word: str
    reason: str


class TokenCheck:
    """Checks tokens against the clients on record."""

    def __init__(self, remote: RemoteKeys, guard: ReplayGuard) -> None:
        self._remote, self._guard = remote, guard

    def check(self, case: Case, clients: Clients) -> Client:
        """Return the client whose token it is; whether the token was used before is not asked. Raise Unauthorised."""
        for _, step in self._steps(clients):
            step(case)
        return case.known

    def spend(self, case: Case) -> None:
        """Take a token that was checked, once. Raise Unauthorised or GuardClosedError."""
        # A second leeway on top, for another machine's clock.
        until = case.claims["exp"] + 2 * LEEWAY
        if not self._guard.first(token_id(case.known.iss, case.claims["jti"]), until, case.now):
            _refuse("replay", "the token was used before")

    def verdicts(self, case: Case, clients: Clients) -> list[Verdict]:
        """What every step says, without spending the token."""
        found: list[Verdict] = []
        for name, step in (*self._steps(clients), ("replay", self._unseen)):
            if found and found[0].word == "failed":  # nothing can be said of what is no token
                found.append(Verdict(name, "not reached", ""))
                continue
            try:
                step(case)
            except Unauthorised as refused:
                word = "failed" if refused.step == name else "not reached"
                found.append(Verdict(name, word, refused.reason if word == "failed" else ""))
            except GuardClosedError as closed:
                found.append(Verdict(name, "not reached", str(closed)))
            else:
                found.append(Verdict(name, "passed", ""))
        return found

    def _steps(self, clients: Clients) -> tuple[tuple[str, Callable[[Case], None]], ...]:
        return (
            ("form", _form),
            ("issuer", lambda case: _issuer(case, clients)),
            ("audience", _audience),
            ("time", _time),
            ("tenant", _tenant),
            ("key", self._key),
            ("signature", self._signature),
        )

    def _key(self, case: Case) -> None:
        jku = case.header.get("jku")
        if jku is not None and jku not in case.known.jku:
            _refuse("key", "the token's jku is not in the client's list")
        kid = case.header["kid"]
        case.key = case.known.keys.get(kid)
        for url in case.known.jku if jku is None else (jku,):
            case.key = case.key or self._remote.find(url, kid)
        if case.key is None:
            _refuse("key", "the client has no key with this kid")

    def _signature(self, case: Case) -> None:
        if case.key is None:
            raise Unauthorised("key", "not reached")
        algorithm = case.header["alg"]
        if algorithm not in case.known.algorithms:
            _refuse("signature", f"the client may not use {algorithm}")
        # The token is taken apart once, by the step `form`; of the library only the check of the signature is asked.
        method = jws.JWSRegistry.algorithms[algorithm]
        signed, _, signature = case.text.rpartition(".")
        try:
            method.check_key(case.key)
            holds = method.verify(signed.encode(), _decoded(signature), case.key)
        except (JoseError, ValueError, TypeError) as error:
            _refuse("signature", f"cannot be checked ({type(error).__name__})")
        if not holds:
            _refuse("signature", "does not hold")

    def _unseen(self, case: Case) -> None:
        if self._guard.seen(token_id(case.known.iss, case.claims["jti"]), case.now):
            _refuse("replay", "the token was used before")


def _refuse(step: str, reason: str) -> NoReturn:
    raise Unauthorised(step, reason)


def _form(case: Case) -> None:
    if len(case.text) > MOST_CHARACTERS or not TOKEN.fullmatch(case.text):
        _refuse("form", "is not a signed JSON Web Token in compact form")
    header, claims, _ = case.text.split(".")
    if len(header) > MOST_OF_HEADER:
        _refuse("form", "its header is too long")
    case.header, case.claims = _part(header, "header"), _part(claims, "payload")
    if case.header.get("typ") != "JWT":
        _refuse("form", "typ must be JWT")
    if case.header.get("alg") not in ALGORITHMS:
        _refuse("form", f"alg must be {' or '.join(ALGORITHMS)}")
    if "crit" in case.header:
        _refuse("form", "asks for an extension that this service does not know (crit)")
    if not _name(case.header.get("kid")):
        _refuse("form", "kid is missing or no text")
    if not all(_name(case.claims.get(name)) for name in ("iss", "jti")):
        _refuse("form", "iss and jti must be text")
    if not all(_moment(case.claims.get(name)) for name in ("iat", "exp")):
        _refuse("form", "iat and exp must be times in seconds")
    if "aud" not in case.claims:
        _refuse("form", "aud is missing")


def _part(text: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(text).decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        _refuse("form", f"the {name} is not a JSON object, or repeats a member")
    return found


def _decoded(text: str) -> bytes:
    """The bytes that a text stands for, which has one way to be written (RFC 4648, 3.5). Raises ValueError."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode():
        raise ValueError
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError  # or two readers of the token could see two different values
    return found


def _name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_NAMED and _whole(value)


def _whole(text: str) -> bool:
    """Whether it can be written: no half of a surrogate pair stands in it."""
    return text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)


def _moment(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LATEST


def _issuer(case: Case, clients: Clients) -> None:
    case.client = clients.clients.get(case.claims["iss"])
    if case.client is None:
        _refuse("issuer", "is not in CLIENTS_FILE")


def _audience(case: Case) -> None:
    wanted = {case.url} | case.known.audiences
    said = case.claims["aud"]
    if not any(isinstance(one, str) and one in wanted for one in (said if isinstance(said, list) else [said])):
        _refuse("audience", f"aud is neither {case.url} nor in the client's audiences")


def _time(case: Case) -> None:
    issued, expires, begins = (case.claims.get(name, 0) for name in ("iat", "exp", "nbf"))
    if not _moment(begins):
        _refuse("time", "nbf must be a time in seconds")
    if case.now >= expires + LEEWAY:
        _refuse("time", f"expired {case.now - expires:.0f} s ago")
    if max(issued, begins) > case.now + LEEWAY:
        _refuse("time", f"holds only in {max(issued, begins) - case.now:.0f} s (iat, nbf)")
    if expires - issued > LONGEST_LIFE:
        _refuse("time", f"lives longer than {LONGEST_LIFE} s")


def _tenant(case: Case) -> None:
    tenant = case.claims.get("tenant")
    if case.known.tenants and not (isinstance(tenant, str) and tenant in case.known.tenants):
        _refuse("tenant", "is not in the client's list")
