"""The ways to call: nobody is asked who they are, keys, tokens."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.security.keys import new_key
from service.security.scopes import SCOPES
from tests.security.signing import ISS, client, pair
from tests.trust.stand import Service, service

KID = "first"
TOO_EARLY_OR_LATE, GUARD_CLOSED = "401", "503"


@dataclass(frozen=True)
class Access:
    """One way to call."""

    name: str
    key: str = ""
    entries: str = ""
    """CLIENTS_FILE; empty for AUTH=none."""

    def credentials(self, up: Service) -> Any:
        """What the load needs to call."""
        if self.name == "tokens":
            jwk = pair("ES384", KID).as_dict(private=True)
            return {"jwk": jwk, "kid": KID, "iss": ISS, "url": up.url}
        return {"key": self.key} if self.name == "keys" else None

    @contextlib.contextmanager
    def service(self, folder: Path, environment: dict[str, str]) -> Iterator[Service]:
        """A service that is called this way."""
        given = {"AUTH": "none"}
        if self.entries:
            file = folder / "clients.json"
            file.write_text(self.entries)
            given = {"AUTH": "clients", "CLIENTS_FILE": str(file)}
        with service(folder, **given | environment) as up:
            up.headers = {"X-API-Key": self.key} if self.key else {}
            yield up


def modes() -> list[Access]:
    """All of them. With tokens there is a key too, for /metrics."""
    key, digest = new_key("trust")
    keys = [{"id": "trust", "hash": digest, "scopes": list(SCOPES)}]
    clients = [client("ES384", KID, scopes=["advice"])]
    return [
        Access("none"),
        Access("keys", key, json.dumps({"keys": keys})),
        Access("tokens", key, json.dumps({"keys": keys, "clients": clients})),
    ]
