"""Near, for answers that hold a patient's data: only the question opens the answer to it.

An answer stands under a digest of its question, encrypted with what that digest was made of, which is kept nowhere. So
whoever reads the memory of the process learns no more from it than who knows the question already.
"""

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.cache.near import Near

NONCE = 12
"""Bytes that AES-GCM wants; the same question may be answered again with other bytes."""


class Locked:
    """Bytes by question."""

    def __init__(self, near: Near) -> None:
        self._near = near
        self._secret = secrets.token_bytes(32)

    def key(self, *said: bytes) -> bytes:
        """What opens the answer to a question of these parts. Nobody makes one without the secret of the process."""
        digest = hmac.new(self._secret, digestmod="sha256")
        for part in said:
            digest.update(len(part).to_bytes(8))
            digest.update(part)
        return digest.digest()

    def get(self, key: bytes) -> bytes | None:
        """What is kept."""
        kept = self._near.get(_name(key))
        return None if kept is None else AESGCM(key).decrypt(kept[:NONCE], kept[NONCE:], None)

    def put(self, key: bytes, value: bytes) -> None:
        """Keep it, unless it alone is more than all that may be kept."""
        nonce = secrets.token_bytes(NONCE)
        self._near.put(_name(key), nonce + AESGCM(key).encrypt(nonce, value, None))


def _name(key: bytes) -> tuple[str, bytes]:
    return "locked", hashlib.sha256(key).digest()
