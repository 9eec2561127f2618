"""An EHR vendor's side of a token: keys of its own, the entry in our client registry, and tokens right or wrong."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS = ("ES384", "RS384")
LIFETIME = 300
SCOPES = ["cds", "advice", "feedback"]


class Party:
    """A client that signs. Whatever is wrong with a token, its caller says; nothing is wrong by itself."""

    def __init__(self, iss: str, jku: str | None = None, keys: list[dict[str, Any]] | None = None) -> None:
        self.iss, self.jku = iss, jku
        held = [_imported(key) for key in keys or ()] or [
            ECKey.generate_key("P-384", {"kid": f"ec-{uuid.uuid4().hex[:8]}"}, private=True),
            RSAKey.generate_key(2048, {"kid": f"rsa-{uuid.uuid4().hex[:8]}"}, private=True),
        ]
        self.keys = dict(zip(ALGORITHMS, held, strict=True))

    def jwks(self) -> dict[str, Any]:
        """The public half, as a JWKS document."""
        return {
            "keys": [
                {**key.as_dict(private=False), "alg": algorithm, "use": "sig"} for algorithm, key in self.keys.items()
            ]
        }

    def private(self) -> dict[str, Any]:
        """Both halves, as `from_file` reads them."""
        return {"iss": self.iss, "jku": self.jku, "keys": [key.as_dict(private=True) for key in self.keys.values()]}

    def entry(self) -> dict[str, Any]:
        """What the registry (CLIENTS_FILE) says of this client."""
        listed = {"jku": [self.jku]} if self.jku else {}
        return {"iss": self.iss, **listed, "jwks": self.jwks(), "algorithms": [*ALGORITHMS], "scopes": SCOPES}

    def token(
        self, aud: str | list[str] | None, algorithm: str = "ES384", header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A right token for one call, but for what is named. A claim or header that is None is left out."""
        key = self.keys[algorithm]
        return jwt.encode(self._header(algorithm, header), self._claims(aud, claims), key, algorithms=[*ALGORITHMS])

    def unsigned(self, aud: str) -> str:
        """A token of the algorithm none."""
        return _parts(self._header("none", None), self._claims(aud, {})) + "."

    def signed_with_the_public_key(self, aud: str) -> str:
        """A token whose HMAC is keyed with the public key: it verifies where the key decides about the algorithm."""
        key = self.keys["RS384"]
        text = _parts(self._header("HS256", {"kid": key.kid}), self._claims(aud, {}))
        mac = hmac.new(key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
        return f"{text}.{_base64(mac)}"

    def _header(self, algorithm: str, changes: dict[str, Any] | None) -> dict[str, Any]:
        kid = self.keys[algorithm].kid if algorithm in self.keys else self.keys["ES384"].kid
        found = {"alg": algorithm, "typ": "JWT", "kid": kid, "jku": self.jku, **(changes or {})}
        return {name: value for name, value in found.items() if value is not None}

    def _claims(self, aud: str | list[str] | None, changes: dict[str, Any]) -> dict[str, Any]:
        now = int(time.time())
        found = {"iss": self.iss, "aud": aud, "iat": now, "exp": now + LIFETIME, "jti": str(uuid.uuid4()), **changes}
        return {name: value for name, value in found.items() if value is not None}


def tampered(token: str, **claims: Any) -> str:
    """The token with other claims under the old signature."""
    head, body, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return ".".join([head, _base64(json.dumps(told | claims).encode()), signature])


def registry(file: Path, *parties: Party) -> Path:
    """Write the client registry."""
    file.write_text(json.dumps({"clients": [party.entry() for party in parties]}))
    return file


def from_file(file: Path) -> Party:
    """A party as an integrator has it: {"iss", "jku", "keys": [an EC key, an RSA key, both private JWKs]}."""
    told = json.loads(file.read_text())
    return Party(told["iss"], told.get("jku"), told["keys"])


def _imported(key: dict[str, Any]) -> ECKey | RSAKey:
    return ECKey.import_key(key) if key["kty"] == "EC" else RSAKey.import_key(key)


def _parts(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
