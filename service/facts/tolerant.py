"""Reading what can be read of a body that is refused, so that an emergency in it is still seen.

Field by field, beside unknown members and faulty values; a tolerable type ("4", 4.0, "true"), another
case or an American spelling is understood; of a repeated key every value counts. Nothing read here is
used for an answer unless it amounts to an emergency, or to say that a refusal is urgent.
"""

import datetime as dt
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

TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0"}
MAX_ITEMS = 1000
"""Entries of one list or object that are looked at."""


class TolerantReader:
    """Reads one body. `stated` collects feature -> every value found for it, in order."""

    def __init__(self, vocabulary: Vocabulary, today: dt.date) -> None:
        self.vocabulary = vocabulary
        self.today = today
        self.stated: dict[str, list[str]] = {}
        self.spellings = {american.lower(): british for american, british in vocabulary.spellings.items()}

    def read(self, tree: Json) -> dict[str, list[str]]:
        """Read the whole body."""
        if not isinstance(tree, dict):
            return self.stated
        as_of = self._as_of(tree)
        findings = self.vocabulary.findings
        for key, value in _items(tree):
            name = self._name(key, self.vocabulary.facts)
            if name is not None:
                self._fact(self.vocabulary.facts[name], value, as_of)
            elif findings is not None:
                self._entry(findings, key, value)
        return self.stated

    def _as_of(self, tree: Mapping[str, Json]) -> dt.date:
        name = self.vocabulary.reference
        stated = () if name is None else [day for value in _each(tree.get(name)) if (day := _day(value))]
        if name is not None and any(day > self.today for day in stated):
            self._note(name, "future")
        return next(iter(stated), self.today)

    def _fact(self, fact: Fact, value: Json, as_of: dt.date) -> None:
        match fact:
            case Choice():
                self._note(fact.path, self._word(value, fact.words))
            case Flag():
                self._note(fact.path, _truth(value))
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
        words = [self._word(item, fact.words) for item in items[:MAX_ITEMS]]
        whole = isinstance(value, list) and None not in words
        for name in fact.values:
            listed = "listed" if name in words else "not_listed" if whole else None
            self._note(f"{fact.path}.{name}", listed)

    def _findings(self, fact: Findings, value: Json) -> None:
        if isinstance(value, dict):
            for key, entry in _items(value):
                self._entry(fact, key, entry)
        elif isinstance(value, list):
            for item in value[:MAX_ITEMS]:
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

    def _entry(self, fact: Findings, key: str, value: Json) -> None:
        name = self._name(key, fact.findings)
        if name is None:
            return
        finding = fact.findings[name]
        if isinstance(value, dict):
            for part, stated in _items(value):
                self._part(finding, part, stated)
        elif value is True:
            self._note(finding.presence, "present")
        else:
            self._part(finding, "presence", value)

    def _part(self, finding: Finding, part: str, value: Json) -> None:
        name = self._name(part, {"presence": None, "grade": None, **finding.flags})
        if name == "presence":
            self._note(finding.presence, self._word(value, {word: word for word in PRESENCES}))
        elif name == "grade":
            number = _number(value)
            if number is not None and number.is_integer() and LOWEST_GRADE <= number <= HIGHEST_GRADE:
                self._note(finding.grade, str(int(number)))
        elif name is not None:
            self._note(f"{finding.path}.{name}", _truth(value))

    def _name(self, key: str, known: Mapping[str, Any]) -> str | None:
        if key in known:
            return key
        lower = key.lower().strip()
        lower = self.spellings.get(lower, lower)
        return next((name for name in known if name.lower() == lower), None)

    def _word(self, value: Json, words: Mapping[str, str]) -> str | None:
        if not isinstance(value, str):
            return None
        name = self._name(value, words)
        return None if name is None else words[name]

    def _note(self, feature: str, value: str | None) -> None:
        if value is not None and value != UNKNOWN and value not in self.stated.setdefault(feature, []):
            self.stated[feature].append(value)


def _each(value: Json) -> Iterator[Json]:
    """The value, or each value of a repeated key."""
    if isinstance(value, Repeated):
        for item in value[:MAX_ITEMS]:
            yield from _each(item)
    else:
        yield value


def _items(tree: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for key, value in list(tree.items())[:MAX_ITEMS]:
        for one in _each(value):
            yield key, one


def _day(value: Json) -> dt.date | None:
    return calendar_day(value) if isinstance(value, str) else None


def _truth(value: Json) -> str | None:
    text = str(value).strip().lower() if isinstance(value, bool | int | str) else ""
    return "true" if text in TRUE else "false" if text in FALSE else None


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
