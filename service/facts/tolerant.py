"""Reading what can be read of a body that is refused, so that an emergency in it is still seen.

Field by field, beside unknown members and faulty values; a tolerable type ("4", 4.0, "true"), another
case or an American spelling is understood; of a repeated key every value counts. Nothing read here is
used for an answer unless it amounts to an emergency, or to say that a refusal is urgent. What the folding reader
understands beyond that is a guess: it is used for the second only.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from service.engine.vocabulary import UNKNOWN
from service.facts.json_body import Json, Repeated
from service.facts.normal_form import dated
from service.facts.schema import HIGHEST_GRADE, LOWEST_GRADE, NONE, PRESENCES, calendar_day
from service.knowledge.vocabulary import (
    Choice,
    Date,
    Fact,
    Finding,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    Vocabulary,
)

PRESENCE_WORDS = {word: word for word in PRESENCES}
TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0"}
GRADE = re.compile(r"(?:(?:ctcae\W*)?g(?:r|rade)?[\W_]*)?(?:([0-5])|(i{1,3}|iv|v))")
"""A grade as people write it: G4, grade 4, CTCAE grade IV."""
PLAIN_NUMBER = re.compile(r"[-+.eE0-9]+")
"""A number in plain digits. float() also takes the digits of other alphabets, and 0_4."""
ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5}
LONGEST_NAME = 100
"""Characters of a text that is folded; no name or value is as long."""


class TolerantReader:
    """Reads one body. `stated` collects feature -> every value found for it, in order."""

    def __init__(self, vocabulary: Vocabulary, today: dt.date) -> None:
        self.vocabulary = vocabulary
        self.today = today
        self.stated: dict[str, list[str]] = {}
        self.spellings = {
            self._fold(american): self._fold(british) for american, british in vocabulary.spellings.items()
        }
        self.lowered: dict[int, dict[str, str]] = {}

    def read(self, tree: Json) -> dict[str, list[str]]:
        """Read the whole body; a feature of which nothing is said is left out."""
        if isinstance(tree, dict):
            self._body(tree)
        nothing = self.vocabulary.nothing
        return {name: values for name, values in self.stated.items() if values != [nothing[name]]}

    def _body(self, tree: Mapping[str, Json]) -> None:
        as_of = self._as_of(tree)
        findings = self.vocabulary.findings
        for key, value in _items(tree):
            name = self._name(key, self.vocabulary.facts)
            if name is not None:
                self._fact(self.vocabulary.facts[name], value, as_of)
            elif findings is not None:
                self._entry(findings, key, value)

    def _as_of(self, tree: Mapping[str, Json]) -> dt.date:
        name = self.vocabulary.reference
        stated = () if name is None else [day for value in _each(tree.get(name)) if (day := _day(value))]
        if name is not None and any(day > self.today for day in stated):
            self._note(name, "future")
        return next(iter(stated), self.today)

    def _fact(self, fact: Fact, value: Json, as_of: dt.date) -> None:  # noqa: C901 - one case a kind of fact
        if _unknown(value):
            for feature in fact.features:
                self._note(feature.name, feature.values[0])
            return
        match fact:
            case Choice():
                self._note(fact.path, self._word(value, fact.words))
            case Flag():
                self._note(fact.path, self._truth(value))
            case Number():
                number = _number(value)
                inside = number is not None and fact.minimum <= number <= fact.maximum
                self._note(fact.path, fact.band(number) if number is not None and inside else None)
            case Date():
                day = _day(value)
                self._note(fact.path, dated(fact, day, as_of) if day else None)
            case Members():
                self._members(fact, value)
            case Record():
                parts = _items(value) if isinstance(value, dict) else [(fact.shorthand, value)]
                for key, part in parts:
                    name = self._name(key, fact.members)
                    if name is not None:
                        self._fact(fact.members[name], part, as_of)
            case Findings():
                self._findings(fact, value)
            case _:
                pass

    def _members(self, fact: Members, value: Json) -> None:
        items = value if isinstance(value, list) else [value]
        words = [self._word(item, fact.words) for item in items]
        whole = isinstance(value, list) and None not in words
        for name in fact.values:
            listed = "listed" if name in words else "not_listed" if whole else None
            self._note(f"{fact.path}.{name}", listed)

    def _findings(self, fact: Findings, value: Json) -> None:
        if isinstance(value, dict):
            for key, entry in _items(value):
                self._entry(fact, key, entry)
        elif isinstance(value, list):
            if not value:
                self._note(fact.form.name, "empty_list")
            for item in value:
                self._item(fact, item)
        elif isinstance(value, str) and value.lower() == NONE:
            for finding in fact.findings.values():
                self._note(finding.presence, "absent")
        else:
            self._item(fact, value)

    def _item(self, fact: Findings, item: Json) -> None:
        """An item of a list: the name of a finding that is present, or an object as in the object form."""
        if isinstance(item, str):
            self._entry(fact, item, "present")
        elif isinstance(item, dict):
            for key, entry in _items(item):
                self._entry(fact, key, entry)
        elif isinstance(item, list):
            for inner in item:
                self._item(fact, inner)

    def _entry(self, fact: Findings, key: str, value: Json) -> None:
        name = self._name(key, fact.findings)
        if name is None:
            return
        finding = fact.findings[name]
        if isinstance(value, dict):
            for part, stated in _items(value):
                self._part(finding, part, stated)
        else:
            self._part(finding, "presence", value)
            if isinstance(value, int | float) and not isinstance(value, bool):
                self._part(finding, "grade", value)

    def _part(self, finding: Finding, part: str, value: Json) -> None:
        name = self._name(part, finding.parts)
        if name is None:
            return
        feature = f"{finding.path}.{name}"
        if _unknown(value):
            self._note(feature, UNKNOWN)
        elif name == "presence":
            self._note(feature, "present" if self._truth(value) == "true" else self._word(value, PRESENCE_WORDS))
        elif name == "grade":
            number = self._grade(value)
            if number is not None and number.is_integer() and LOWEST_GRADE <= number <= HIGHEST_GRADE:
                self._note(feature, str(int(number)))
        else:
            self._note(feature, self._truth(value))

    def _name(self, key: str, known: Mapping[str, Any]) -> str | None:
        if key in known:
            return key
        # The mappings belong to the vocabulary and outlive the reader, so their identity is a key.
        if id(known) not in self.lowered:
            self.lowered[id(known)] = {self._fold(name): name for name in known}
        folded = self._fold(key)
        return self.lowered[id(known)].get(self.spellings.get(folded, folded))

    def _fold(self, text: str) -> str:
        """Return a name or word without the differences that this reader passes over."""
        return text.lower().strip()

    def _truth(self, value: Json) -> str | None:
        text = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
        return "true" if text in TRUE else "false" if text in FALSE else None

    def _grade(self, value: Json) -> float | None:
        return _number(value)

    def _word(self, value: Json, words: Mapping[str, str]) -> str | None:
        if not isinstance(value, str):
            return None
        name = self._name(value, words)
        return None if name is None else words[name]

    def _note(self, feature: str, value: str | None) -> None:
        if value is not None and value not in self.stated.setdefault(feature, []):
            self.stated[feature].append(value)


class FoldingReader(TolerantReader):
    """Reads near misses of names and values as well: other separators, compatibility forms (Unicode), grades in words.

    What it reads is what a refusal says of urgency, and never an answer.
    """

    def _entry(self, fact: Findings, key: str, value: Json) -> None:
        super()._entry(fact, key, value)
        if isinstance(value, str) and not _unknown(value):
            super()._entry(fact, key, {"grade": value})

    def _fold(self, text: str) -> str:
        return "".join(filter(str.isalnum, _compatible(text)))

    def _truth(self, value: Json) -> str | None:
        return super()._truth(_compatible(value) if isinstance(value, str) else value)

    def _grade(self, value: Json) -> float | None:
        match = GRADE.fullmatch(_compatible(value)) if isinstance(value, str) else None
        return super()._grade(value) if match is None else float(match[1] or ROMAN[match[2]])


def _compatible(text: str) -> str:
    """Return a text in one case, its letters without width, ligatures and such; nothing of one too long for a name."""
    return unicodedata.normalize("NFKD", text).casefold().strip() if len(text) <= LONGEST_NAME else ""


def _each(value: Json) -> Iterator[Json]:
    """The value, or each value of a repeated key."""
    if isinstance(value, Repeated):
        for item in value:
            yield from _each(item)
    else:
        yield value


def _items(tree: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for key, value in list(tree.items()):
        for one in _each(value):
            yield key, one


def _unknown(value: Json) -> bool:
    return value is None or value == UNKNOWN


def _day(value: Json) -> dt.date | None:
    return calendar_day(value) if isinstance(value, str) else None


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not PLAIN_NUMBER.fullmatch(value.strip()):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
