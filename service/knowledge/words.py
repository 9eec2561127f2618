"""What a guideline's facts, axes and values are called where people read them. All of it comes from the content."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from service.engine.vocabulary import UNKNOWN
from service.knowledge.guideline import Guideline
from service.knowledge.pages import Group, Pages
from service.knowledge.vocabulary import Date, Fact, Finding, Members, Number, ReferenceDate

PLAIN = {
    UNKNOWN: "not known",
    "UNKNOWN": "not known",
    "true": "yes",
    "false": "no",
    "listed": "yes",
    "not_listed": "no",
    "ABSENT": "absent",
    "none": "none",
}
"""Values that mean the same for every fact of every guideline."""
BANDS = (
    (re.compile(r"<(.+)"), r"under \1"),
    (re.compile(r">=(.+)"), r"\1 or more"),
    (re.compile(r">(.+)"), r"over \1"),
    (re.compile(r"(\d.*)-(\d.*)"), r"\1 to \2"),
)
"""How the name of a band reads aloud."""


class Words:
    """The words of one release."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.pages = guideline.pages or Pages((Group("Facts", tuple(guideline.vocabulary.facts), open=True),))
        self.vocabulary = guideline.vocabulary
        self.facts: dict[str, Fact] = {**self.vocabulary.facts, **self.vocabulary.single_facts}
        self.findings = self.vocabulary.findings.findings if self.vocabulary.findings else {}
        self._owners = {flag.path: finding for finding in self.findings.values() for flag in finding.flags.values()}
        self._grades = {finding.grade: finding for finding in self.findings.values()}
        self._owners |= self._grades
        self._tables = {table.table.name: table.table.title for table in guideline.chain.tables}
        self.rules = {rule.code: rule for rule in guideline.rules.values()}

    def short(self, name: str) -> str:
        """What a fact, a part of one or an axis is called beside what it belongs to."""
        name = name.removesuffix(".presence")
        if name in self.pages.titles:
            return self.pages.titles[name]
        fact = self.facts.get(name)
        if fact is None:
            members = (other for other in self.facts.values() if isinstance(other, Members))
            owner = next((other for other in members if name.startswith(f"{other.path}.")), None)
            found = self._tables.get(name) or (
                owner and f"{owner.title}: {self.value(owner.path, name.rpartition('.')[2])}"
            )
            return found or name.rpartition(".")[2].replace("_", " ").capitalize()
        title = fact.title[:1].upper() + fact.title[1:]
        return f"{title} ({fact.unit})" if isinstance(fact, Number) and fact.unit else title

    def title(self, name: str) -> str:
        """What a fact, a part of one or an axis is called by itself."""
        for finding in self.findings.values():
            if name == finding.tier:
                return self.short(finding.path)
        owner = self._owners.get(name)
        if owner is None:
            return self.short(name)
        part = self.short(name)
        return f"{self.short(owner.path)}: {part[:1].lower()}{part[1:]}"

    def value(self, name: str, value: str) -> str:
        """What a value of a fact or an axis is called."""
        said = self.pages.values.get(name, {}).get(value)
        if said is None and value in PLAIN:
            return PLAIN[value]
        if name in self._grades:
            return f"grade {value}"
        if said is None and name in {finding.tier for finding in self.findings.values()}:
            said = self.pages.values.get(self.guideline.release.tier or "", {}).get(value)
        if said is None and isinstance(self.facts.get(name), Number):
            said = next((shape.sub(words, value) for shape, words in BANDS if shape.fullmatch(value)), value)
        return said or value.replace("_", " ")

    def together(self, stated: Mapping[str, str]) -> str:
        """Return values of several facts in one phrase: the first by itself, the others with their names."""
        (first, value), *others = stated.items()
        return " with ".join([self.value(first, value), *(f"{self.spoken(n)}: {self.value(n, v)}" for n, v in others)])

    def stated(self, stated: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """What the caller said, in the bands that the tables read: title and value, in the order of the form."""
        said = {name: value for name, value in stated.items() if value != self.vocabulary.nothing[name]}
        for name, fact in self.vocabulary.facts.items():
            if isinstance(fact, Members):
                yield from self._members(fact, said)
                continue
            if isinstance(fact, ReferenceDate):
                continue
            absent = [self.short(f.path) for f in self.findings.values() if said.get(f.presence) == "absent"]
            if name == getattr(self.vocabulary.findings, "path", None):
                if len(absent) == len(self.findings):
                    yield self.title(name), "none, the whole list is absent"
                    continue
                yield from self._present(said)
                if absent:
                    yield "Absent", ", ".join(absent)
                continue
            for feature in fact.features:
                if feature.name in said:
                    yield self.title(feature.name), self.value(feature.name, said[feature.name])

    def _members(self, fact: Members, said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        named = [word for word in fact.values if said.get(f"{fact.path}.{word}") == "listed"]
        if any(feature.name in said for feature in fact.features):
            yield self.title(fact.path), ", ".join(self.value(fact.path, word) for word in named) or "none"

    def _present(self, said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for finding in self.findings.values():
            parts = [feature.name for feature in finding.features if feature.name in said]
            if said.get(finding.presence) == "absent" and len(parts) == 1:
                continue
            if parts:
                yield self.title(finding.path), "; ".join(self._part(finding, name, said[name]) for name in parts)

    def _part(self, finding: Finding, name: str, value: str) -> str:
        if name in {finding.presence, finding.grade}:
            return self.value(name, value)
        part = self.short(name)
        return f"{part[:1].lower()}{part[1:]}: {self.value(name, value)}"

    def sent(self, path: str, value: Any) -> str:
        """Return a value of a request, as its JSON holds it, in words."""
        if isinstance(value, Mapping):
            return "; ".join(self._sent_part(path, name, part) for name, part in value.items())
        if isinstance(value, list | tuple):
            return ", ".join(self.sent(path, item) for item in value)
        return self.value(path, str(value).lower() if isinstance(value, bool) else str(value))

    def _sent_part(self, path: str, name: str, value: Any) -> str:
        part, finding = f"{path}.{name}", self.findings.get(path.rpartition(".")[2])
        text = self.sent(part, value)
        if finding is not None and part in {finding.presence, finding.grade}:
            return text
        title = self.short(part)
        return f"{title[:1].lower()}{title[1:]}: {text}"

    def spoken(self, name: str) -> str:
        """Return the name of a fact as it stands within a sentence."""
        if name in self.pages.spoken:
            return self.pages.spoken[name]
        owner = self._owners.get(name)
        if owner is not None:
            part = self.short(name)
            return f"{self.spoken(owner.path)} ({part[:1].lower()}{part[1:]})"
        title = self.title(name)
        return title if title[1:2].isupper() else title[:1].lower() + title[1:]

    def meanings(self, fact: Fact) -> list[tuple[str, str]]:
        """Each value of a fact with what it means, where there is more to say than the word itself."""
        if isinstance(fact, Finding):
            return [(f"Grade {grade}", meaning) for grade, meaning in (fact.ctcae.grades if fact.ctcae else {}).items()]
        if isinstance(fact, Date):
            return []
        values = getattr(fact, "values", {})
        return [(self.value(fact.path, name), value.meaning) for name, value in values.items()]
