"""decision_id: the release and the normalised facts, written down. A permalink is recomputed, not looked up.

    1 _ guideline _ release _ facts _ check

`facts` is one number: each feature is a digit whose base is the number of its values, the last feature
the most significant, in base 62. It holds bands only: no date, no free text, no exact age. `check` guards
against typing errors; it is neither a secret nor a signature, so what it decodes to is checked like a request.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from operator import getitem, itemgetter

from service.facts.normal_form import recount
from service.knowledge.vocabulary import Vocabulary

VERSION = "1"
CHECK_LENGTH = 6
LONGEST = 200
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(DIGITS)}
_PAIRS = [first + second for first in DIGITS for second in DIGITS]
_PARTS = re.compile(r"1_([a-z0-9-]+)_([A-Za-z0-9-]+)_([0-9A-Za-z]+)_([0-9A-Za-z]{6})")


@dataclass(frozen=True)
class Identifier:
    """A decision_id taken apart; its check value was right."""

    guideline: str
    release: str
    facts: str


class Encoder:
    """Points of one vocabulary to numbers and back."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._values = itemgetter(*(feature.name for feature in vocabulary.features))
        self._ranks: list[dict[str, int]] = []
        weight = 1
        for feature in vocabulary.features:
            self._ranks.append({value: rank * weight for rank, value in enumerate(feature.values)})
            weight *= len(feature.values)
        self._size = weight

    def encode(self, point: Mapping[str, str]) -> str:
        """The number of the point, in base 62."""
        return _base62(sum(map(getitem, self._ranks, self._values(point))))

    def decode(self, facts: str) -> dict[str, str] | None:
        """The point, or None where the text is not the shortest form of a number of this vocabulary."""
        number = 0
        for digit in facts:
            number = number * len(DIGITS) + _VALUES[digit]
        if number >= self._size or _base62(number) != facts:
            return None
        point = dict(self._vocabulary.nothing)
        for feature in self._vocabulary.features:
            number, rank = divmod(number, len(feature.values))
            point[feature.name] = feature.values[rank]
        return recount(self._vocabulary, point)


def write(guideline: str, release: str, facts: str) -> str:
    """The decision_id."""
    body = f"{VERSION}_{guideline}_{release}_{facts}"
    return f"{body}_{_check(body)}"


def read(text: str) -> Identifier | None:
    """Take a decision_id apart, or None where it is not one."""
    parts = _PARTS.fullmatch(text) if len(text) <= LONGEST else None
    if parts is None or _check(text[: -CHECK_LENGTH - 1]) != parts[4]:
        return None
    return Identifier(parts[1], parts[2], parts[3])


def _check(body: str) -> str:
    number = int.from_bytes(hashlib.sha256(body.encode()).digest()[:8])
    return _base62(number).rjust(CHECK_LENGTH, "0")[-CHECK_LENGTH:]


def _base62(number: int) -> str:
    pairs = []
    while number:
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs)).removeprefix("0") or "0"
