"""UUIDs that say for themselves which card they name, so that feedback is attributed without a store.

A version 4 UUID has 122 free bits. Here 64 of them are random, 34 say what is named and 24 are a check value. The last
two groups are covered by a keyed digest of the random ones, so the whole looks random, and nobody reads or makes one
without the service's secret. Replicas that share SERVICE_SECRET read each other's.
"""

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from service.knowledge.guideline import Guideline

RELEASE, RULE, PART, SERVICE = 16, 8, 6, 4
"""Widths in bits: digest of guideline and release, index of the rule, number of the suggestion, the service."""
PAYLOAD, CHECK, NONCE = RELEASE + RULE + PART + SERVICE, 24, 64
UNCERTAIN = "uncertain"
"""Stands for the rule of a card that gives no advice."""
LOW = 62
"""Bits of a UUID after its variant."""
WRITTEN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
"""The one spelling of ours, with its version and variant, or one card would be many; capitals are the same."""
MEMBER, LENGTH = b'"uuid":"', 36
"""Where one stands in written cards: in a text there, each quotation mark has a backslash before it."""
DIGITS = (PAYLOAD + 3) // 4
"""Hexadecimal digits of what a UUID names."""


@dataclass(frozen=True)
class Named:
    """What a UUID of ours names: a card of this service for this rule, or a suggestion on it."""

    guideline: str
    release: str
    rule: str
    service: str
    suggestion: str | None = None


class CardUuids:
    """Makes and reads the UUIDs. Made once, used by all threads."""

    def __init__(self, secret: bytes, releases: Mapping[tuple[str, str], Guideline]) -> None:
        self._key = hashlib.blake2b(b"card uuid", key=hashlib.sha256(secret).digest()).digest()
        self._releases = {_digest(key): guideline for key, guideline in releases.items() if guideline.cards is not None}

    def make(self, guideline: Guideline, rule: str, service: int, suggestion: int | None = None) -> str:
        """A new UUID for a card, or for the suggestion with this index in the content."""
        part = 0 if suggestion is None else suggestion + 1
        payload = _digest(guideline.key)
        for value, width in ((_ruled(guideline).index(rule), RULE), (part, PART), (service, SERVICE)):
            payload = payload << width | value
        return self._made(payload)

    def without(self, written: bytes) -> bytes:
        """Cards of ours in JSON without spaces, with what each UUID names in its place."""
        first, *rest = written.split(MEMBER)
        return MEMBER.join([first, *(self._named(each[:LENGTH].decode()) + each[LENGTH:] for each in rest)])

    def renewed(self, named: bytes) -> bytes:
        """The same cards with new UUIDs."""
        first, *rest = named.split(MEMBER)
        made = (self._made(int(each[:DIGITS], 16)).encode() + each[DIGITS:] for each in rest)
        return MEMBER.join([first, *made])

    def read(self, text: str) -> Named | None:
        """What the UUID names, or None where it is not one of ours (or of a release that is no longer loaded)."""
        payload = self._payload(text)
        if payload is None:
            return None
        payload, service = divmod(payload, 1 << SERVICE)
        payload, part = divmod(payload, 1 << PART)
        release, rule = divmod(payload, 1 << RULE)
        guideline = self._releases.get(release)
        if guideline is None or guideline.cards is None:
            return None
        rules, services, suggestions = _ruled(guideline), guideline.cards.services, guideline.cards.suggestions
        if rule >= len(rules) or service >= len(services) or part > len(suggestions):
            return None
        return Named(*guideline.key, rules[rule], services[service].id, suggestions[part - 1].id if part else None)

    def _named(self, text: str) -> bytes:
        payload = self._payload(text)
        if payload is None:
            raise ValueError("not a UUID of ours")
        return f"{payload:0{DIGITS}x}".encode()

    def _made(self, payload: int) -> str:
        nonce = secrets.randbits(NONCE)
        covered = (payload << CHECK | self._check(nonce, payload)) ^ self._cover(nonce)
        text = f"{_spread(nonce << (PAYLOAD + CHECK) | covered):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _payload(self, text: str) -> int | None:
        if not WRITTEN.fullmatch(text):
            return None
        bits = _gathered(uuid.UUID(text).int)
        nonce, covered = bits >> (PAYLOAD + CHECK), bits & ((1 << (PAYLOAD + CHECK)) - 1)
        payload, check = divmod(covered ^ self._cover(nonce), 1 << CHECK)
        right = hmac.compare_digest(check.to_bytes(3), self._check(nonce, payload).to_bytes(3))
        return payload if right else None

    def _check(self, nonce: int, payload: int) -> int:
        return self._digest(b"check", nonce << PAYLOAD | payload) >> (64 - CHECK)

    def _cover(self, nonce: int) -> int:
        return self._digest(b"cover", nonce) >> (64 - PAYLOAD - CHECK)

    def _digest(self, use: bytes, number: int) -> int:
        digest = hashlib.blake2b(number.to_bytes(16), key=self._key, person=use, digest_size=8).digest()
        return int.from_bytes(digest)


def _ruled(guideline: Guideline) -> list[str]:
    return [*guideline.rules, UNCERTAIN]


def _digest(key: tuple[str, str]) -> int:
    return int.from_bytes(hashlib.sha256("/".join(key).encode()).digest()[: RELEASE // 8])


def _spread(bits: int) -> int:
    """The 122 bits with version 4 and variant 10 put between them."""
    high, low = divmod(bits, 1 << LOW)
    first, second = divmod(high, 1 << 12)
    return first << 80 | 0x4 << 76 | second << 64 | 0b10 << LOW | low


def _gathered(number: int) -> int:
    return (number >> 80) << (12 + LOW) | (number >> 64 & 0xFFF) << LOW | number & ((1 << LOW) - 1)
