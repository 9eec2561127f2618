"""Key pairs of pretended clients, the tokens that they sign, and the ones that a thief would make."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

ISS = "https://ehr.example"
URL = "http://127.0.0.1:8000/v1/recommendations"
Json = dict[str, Any]


class _Any(jws.JWSRegistry):
    max_header_length = 100_000


@cache
def pair(algorithm: str, name: str = "first") -> ECKey | RSAKey:
    """A key pair; the same for the same name. The name is its kid."""
    del name
    return ECKey.generate_key("P-384") if algorithm == "ES384" else RSAKey.generate_key(2048)


def public(algorithm: str = "ES384", name: str = "first") -> Json:
    """What the client publishes of it."""
    return {**pair(algorithm, name).as_dict(private=False), "kid": name}


def claims(now: float | None = None, **changes: Any) -> Json:
    """The claims of a good token; `name=None` leaves one out."""
    now = int(time.time() if now is None else now)
    made = {"iss": ISS, "aud": URL, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    return {name: value for name, value in (made | changes).items() if value is not None}


def signed(said: Json, algorithm: str = "ES384", name: str = "first", **header: Any) -> str:
    """A token signed by the pair of that name; `typ=None` leaves a member of the header out."""
    head = {"alg": algorithm, "typ": "JWT", "kid": name} | header
    head = {name: value for name, value in head.items() if value is not None}
    registry = _Any(algorithms=[algorithm], strict_check_header=False)
    return jws.serialize_compact({**head, "alg": algorithm}, json.dumps(said), pair(algorithm, name), registry=registry)


def token(algorithm: str = "ES384", name: str = "first", **changes: Any) -> str:
    """A good token, or one with changed claims."""
    return signed(claims(**changes), algorithm, name)


def b64(data: bytes | str | Json) -> str:
    """A part of a token."""
    data = json.dumps(data) if isinstance(data, dict) else data
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(header: str | Json, payload: str | Json, algorithm: str = "ES384", name: str = "first") -> str:
    """Exactly these parts, signed as they are."""
    text = f"{b64(header)}.{b64(payload)}"
    model = jws.JWSRegistry.algorithms[algorithm]
    return f"{text}.{b64(model.sign(text.encode(), pair(algorithm, name)))}"


def hmac_signed(said: Json, secret: bytes, alg: str = "HS256", name: str = "first") -> str:
    """Key confusion: the public key taken for a shared secret."""
    text = f"{b64({'alg': alg, 'typ': 'JWT', 'kid': name})}.{b64(said)}"
    way = {"HS256": hashlib.sha256, "HS384": hashlib.sha384}.get(alg, hashlib.sha384)
    return f"{text}.{b64(hmac.new(secret, text.encode(), way).digest())}"


def client(algorithm: str = "ES384", name: str = "first", **entry: Any) -> Json:
    """An entry of CLIENTS_FILE."""
    return {"iss": ISS, "jwks": {"keys": [public(algorithm, name)]}} | entry
