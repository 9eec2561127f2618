"""Public keys from a JWKS (RFC 7517), as far as they can check ES384 or RS384."""

import base64
from collections.abc import Mapping
from typing import Any, TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

Key: TypeAlias = ECKey | RSAKey

ALGORITHMS = ("ES384", "RS384")
"""What CDS Hooks recommends. `none` and every symmetric algorithm stay refused whatever a client's entry says."""

ALGORITHM_OF = {"EC": "ES384", "RSA": "RS384"}
SECRET_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
RSA_BITS = range(2048, 8193)
"""Shorter ones can be broken (NIST SP 800-131A), longer ones cost the time of a denial of service."""


class KeyFault(ValueError):  # noqa: N818 - a fault of content, as elsewhere
    """A key that cannot be used; the message says why and holds nothing of the key."""


def read_key(jwk: Any) -> tuple[str, Key]:
    """The `kid` and the key. Raises KeyFault."""
    if not isinstance(jwk, Mapping):
        raise KeyFault("must be a JSON Web Key")
    if SECRET_MEMBERS & set(jwk):
        raise KeyFault("is a private or secret key: give the public half only, and replace the pair that was shown")
    kid, algorithm = jwk.get("kid"), ALGORITHM_OF.get(str(jwk.get("kty")))
    if not isinstance(kid, str) or not kid:
        raise KeyFault("needs a kid")
    if algorithm is None:
        raise KeyFault("kty must be EC or RSA")
    if jwk.get("alg", algorithm) != algorithm:
        raise KeyFault(f"is for another algorithm than {algorithm}")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise KeyFault("is not for signatures")
    try:
        return kid, _elliptic(jwk) if algorithm == "ES384" else _rsa(jwk)
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise error if isinstance(error, KeyFault) else KeyFault("is not a well-formed public key") from None


def usable_keys(jwks: Any) -> dict[str, Key]:
    """The keys of a set that can be used, by kid; others of somebody else's set are passed over.

    An empty list is a set, too: all its keys were withdrawn. Raises KeyFault for what is no set.
    """
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list):
        raise KeyFault("is no set of keys")
    found: dict[str, Key] = {}
    for jwk in listed:
        try:
            kid, key = read_key(jwk)
        except KeyFault:
            continue
        found.setdefault(kid, key)
    return found


def _elliptic(jwk: Mapping[str, Any]) -> Key:
    if jwk["crv"] != "P-384":
        raise KeyFault("must be on the curve P-384, which ES384 needs")
    return ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})


def _rsa(jwk: Mapping[str, Any]) -> Key:
    modulus = base64.urlsafe_b64decode(jwk["n"] + "=" * (-len(jwk["n"]) % 4))
    if int.from_bytes(modulus).bit_length() not in RSA_BITS:
        raise KeyFault(f"must have {RSA_BITS.start} to {RSA_BITS.stop - 1} bits")
    return RSAKey.import_key({name: jwk[name] for name in ("kty", "n", "e")})
