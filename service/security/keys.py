"""API keys: `ogs_<id>_<secret>`, of which only a digest is kept.

The secret is 32 random bytes, so nobody can guess it, and a plain SHA-256 protects it as well as a slow password hash
would (which would cost each call a tenth of a second). The digest is that of the whole key.
"""

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from service.security.refusal import Unauthorised

PREFIX = "ogs_"
SECRET_BYTES = 32
KEY_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
HASH = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ApiKey:
    """What is kept of a key."""

    id: str
    hash: str
    scopes: frozenset[str]
    expires: dt.date | None
    """The last day (UTC) on which it holds."""


def new_key(key_id: str) -> tuple[str, str]:
    """A fresh key and what to keep of it."""
    key = f"{PREFIX}{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    return key, digest(key)


def digest(key: str) -> str:
    """What is kept of a key."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def checked(key: str, known: Mapping[str, ApiKey], today: dt.date) -> ApiKey:
    """The entry of a key. Raises Unauthorised. An unknown id takes the same time as a wrong secret."""
    found = known.get(key.removeprefix(PREFIX).split("_", 1)[0])
    right = hmac.compare_digest(digest(key), found.hash if found else digest(""))
    if found is None:
        raise Unauthorised("key", "no key has this id")
    if not right:
        raise Unauthorised("key", f"wrong secret for the key {found.id}")
    if found.expires is not None and today > found.expires:
        raise Unauthorised("key", f"the key {found.id} expired")
    return found
