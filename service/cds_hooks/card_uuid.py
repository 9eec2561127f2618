"""UUIDs of cards and suggestions that encode the rule, so that feedback is attributed without a store.

A version 4 UUID has 122 free bits. Here 64 of them are random, 34 are the payload and 24 are a check value. Payload and
check value are covered with a keyed digest of the random bits. So the UUID looks random, and only holders of the
service's secret can read or make one. Replicas with the same SERVICE_SECRET read each other's UUIDs.
"""

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from service.knowledge.cards import SHARED_SERVICES
from service.knowledge.guideline import Guideline

RELEASE_BITS, RULE_BITS, PART_BITS, SERVICE_BITS = 16, 8, 6, 4
"""Of the digest of guideline and release, the index of the rule, the number of the suggestion, the service."""
PAYLOAD_BITS, CHECK_BITS, NONCE_BITS = RELEASE_BITS + RULE_BITS + PART_BITS + SERVICE_BITS, 24, 64
LOW_BITS = 62
"""Bits of a UUID after its variant."""
PAYLOAD_DIGITS = (PAYLOAD_BITS + 3) // 4
"""Hexadecimal digits of a payload."""
UNCERTAIN = "uncertain"
"""Stands for the rule of a card without advice."""
SPELLING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
"""The only spelling that is read, or one card would have many ids. Upper and lower case are the same id."""
MEMBER, UUID_CHARACTERS = b'"uuid":"', 36
"""Where a UUID stands in serialised cards. Inside a text each quotation mark would follow a backslash."""


@dataclass(frozen=True)
class CardReference:
    """The card that a UUID names, or with `suggestion` a suggestion on it."""

    guideline: str
    release: str
    rule: str
    service: str
    suggestion: str | None = None


class CardUuids:
    """Make and read UUIDs. Made once, used by all threads."""

    def __init__(self, secret: bytes, releases: Mapping[tuple[str, str], Guideline]) -> None:
        self._key = hashlib.blake2b(b"card uuid", key=hashlib.sha256(secret).digest()).digest()
        self._releases = {
            _release_digest(key): guideline for key, guideline in releases.items() if guideline.cards is not None
        }

    def make(self, guideline: Guideline, rule: str, service: str, suggestion: int | None = None) -> str:
        """Return a new UUID for a card of this service, or for the suggestion with this index in the content."""
        part = 0 if suggestion is None else suggestion + 1
        payload = _release_digest(guideline.key)
        for value, bits in (
            (_rule_ids(guideline).index(rule), RULE_BITS),
            (part, PART_BITS),
            (_service_ids(guideline).index(service), SERVICE_BITS),
        ):
            payload = payload << bits | value
        return self._encode(payload)

    def strip(self, cards: bytes) -> bytes:
        """Return serialised cards (JSON without spaces) with the payload in place of each UUID."""
        first, *rest = cards.split(MEMBER)
        return MEMBER.join(
            [first, *(self._payload_digits(part[:UUID_CHARACTERS].decode()) + part[UUID_CHARACTERS:] for part in rest)]
        )

    def renew(self, stripped: bytes) -> bytes:
        """Return stripped cards with new UUIDs."""
        first, *rest = stripped.split(MEMBER)
        parts = (self._encode(int(part[:PAYLOAD_DIGITS], 16)).encode() + part[PAYLOAD_DIGITS:] for part in rest)
        return MEMBER.join([first, *parts])

    def read(self, text: str) -> CardReference | None:
        """Return the card that the UUID names, or None if it is not ours or its release is not loaded."""
        payload = self._decode(text)
        if payload is None:
            return None
        payload, service = divmod(payload, 1 << SERVICE_BITS)
        payload, part = divmod(payload, 1 << PART_BITS)
        release, rule = divmod(payload, 1 << RULE_BITS)
        guideline = self._releases.get(release)
        if guideline is None or guideline.cards is None:
            return None
        rules, services, suggestions = _rule_ids(guideline), _service_ids(guideline), guideline.cards.suggestions
        if rule >= len(rules) or service >= len(services) or part > len(suggestions):
            return None
        suggestion = suggestions[part - 1].id if part else None
        return CardReference(*guideline.key, rules[rule], services[service], suggestion)

    def _payload_digits(self, text: str) -> bytes:
        payload = self._decode(text)
        if payload is None:
            raise ValueError("not a UUID of ours")
        return f"{payload:0{PAYLOAD_DIGITS}x}".encode()

    def _encode(self, payload: int) -> str:
        nonce = secrets.randbits(NONCE_BITS)
        covered = (payload << CHECK_BITS | self._check(nonce, payload)) ^ self._cover(nonce)
        text = f"{_insert_version(nonce << (PAYLOAD_BITS + CHECK_BITS) | covered):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _decode(self, text: str) -> int | None:
        if not SPELLING.fullmatch(text):
            return None
        bits = _remove_version(uuid.UUID(text).int)
        nonce, covered = bits >> (PAYLOAD_BITS + CHECK_BITS), bits & ((1 << (PAYLOAD_BITS + CHECK_BITS)) - 1)
        payload, check = divmod(covered ^ self._cover(nonce), 1 << CHECK_BITS)
        is_ours = hmac.compare_digest(check.to_bytes(3), self._check(nonce, payload).to_bytes(3))
        return payload if is_ours else None

    def _check(self, nonce: int, payload: int) -> int:
        return self._digest(b"check", nonce << PAYLOAD_BITS | payload) >> (64 - CHECK_BITS)

    def _cover(self, nonce: int) -> int:
        return self._digest(b"cover", nonce) >> (64 - PAYLOAD_BITS - CHECK_BITS)

    def _digest(self, use: bytes, number: int) -> int:
        digest = hashlib.blake2b(number.to_bytes(16), key=self._key, person=use, digest_size=8).digest()
        return int.from_bytes(digest)


def _rule_ids(guideline: Guideline) -> list[str]:
    return [*guideline.rules, UNCERTAIN]


def _service_ids(guideline: Guideline) -> list[str]:
    own = guideline.cards.services if guideline.cards is not None else ()
    return [*(service.id for service in own), *SHARED_SERVICES.values()]


def _release_digest(key: tuple[str, str]) -> int:
    return int.from_bytes(hashlib.sha256("/".join(key).encode()).digest()[: RELEASE_BITS // 8])


def _insert_version(bits: int) -> int:
    """Return the 122 bits with version 4 and variant 10 between them."""
    high, low = divmod(bits, 1 << LOW_BITS)
    first, second = divmod(high, 1 << 12)
    return first << 80 | 0x4 << 76 | second << 64 | 0b10 << LOW_BITS | low


def _remove_version(number: int) -> int:
    return (number >> 80) << (12 + LOW_BITS) | (number >> 64 & 0xFFF) << LOW_BITS | number & ((1 << LOW_BITS) - 1)
