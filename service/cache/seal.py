"""What goes to Redis is named and authenticated with the service's secret, so that nobody else's value is believed."""

import hmac

DIGEST = 32
"""Bytes of an HMAC-SHA-256."""


class Seal:
    """Keyed digests. Two services with the same secret read each other's values; any other value is refused."""

    def __init__(self, secret: bytes) -> None:
        self._of_names = hmac.digest(secret, b"guideline cache: names", "sha256")
        self._of_values = hmac.digest(secret, b"guideline cache: values", "sha256")

    def name(self, name: str) -> str:
        """The name as it stands in Redis: it tells nothing about the facts, not even to one who guesses them."""
        return "guideline:cache:" + hmac.digest(self._of_names, name.encode(), "sha256").hex()

    def close(self, name: str, value: bytes) -> bytes:
        """The value with a digest of it and of its name, so that it cannot stand under another name."""
        return self._digest(name, value) + value

    def open(self, name: str, sealed: bytes) -> bytes | None:
        """The value, or None where it is not ours, cut, changed or another name's."""
        digest, value = sealed[:DIGEST], sealed[DIGEST:]
        return value if hmac.compare_digest(digest, self._digest(name, value)) else None

    def _digest(self, name: str, value: bytes) -> bytes:
        return hmac.digest(self._of_values, len(name).to_bytes(4, "big") + name.encode() + value, "sha256")
