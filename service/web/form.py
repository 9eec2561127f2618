"""The form: made from the vocabulary, and read back as the body that the API takes.

A control is named by the feature that it sets and holds one of that feature's values, so that a form can be made
from a decision_id, which knows bands and no finer numbers. A value of no control is unknown.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from service.advice.trials import GRADES_OF_THE_LIVING
from service.engine.vocabulary import UNKNOWN
from service.facts.json_body import Json, Repeated
from service.facts.refusal import Fault
from service.facts.schema import NONE
from service.knowledge.pages import Group
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
from service.knowledge.words import Words

SET = "set"
"""Name of the buttons that state one more fact: path=value."""
NUMBER = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,6})?")
ABSENT = "absent"

Filled = MultiDict[str, str]
"""What a form holds: name of a control -> its values."""


@dataclass(frozen=True)
class Option:
    """One value of a control."""

    value: str
    word: str
    chosen: bool


@dataclass(frozen=True)
class Control:
    """A question of the form. `kind`: one, many, record, finding or findings; the last three have parts."""

    path: str
    name: str
    title: str
    kind: str
    meaning: str
    meanings: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]
    parts: tuple["Control", ...] = ()
    faults: tuple[str, ...] = ()
    first: bool = False
    """Whether it is asked for before its neighbours."""

    @property
    def stated(self) -> int:
        """How many of its controls say something."""
        own = any(option.chosen and option.value for option in self.options)
        return own + sum(part.stated for part in self.parts)

    @property
    def faulty(self) -> bool:
        """Whether something is wrong with it or a part of it."""
        return bool(self.faults) or any(part.faulty for part in self.parts)


@dataclass(frozen=True)
class Section:
    """Controls that stand together."""

    title: str
    open: bool
    controls: tuple[Control, ...]

    @property
    def stated(self) -> int:
        """How many of its controls say something."""
        return sum(control.stated for control in self.controls)


def sections(words: Words, filled: Filled, faults: Iterable[Fault] = ()) -> list[Section]:
    """The form as it is shown."""
    shown = [_section(group, words, filled) for group in words.pages.groups]
    told: dict[str, list[str]] = {}
    paths = {path for section in shown for control in section.controls for path in _paths(control)}
    for fault in faults:
        told.setdefault(_nearest(fault.pointer, paths), []).append(fault.detail)
    return [
        replace(section, controls=controls, open=section.open or any(control.faulty for control in controls))
        for section in shown
        for controls in [tuple(_with_faults(control, told) for control in section.controls)]
    ]


def placed(faults: Iterable[Fault], words: Words, shown: Iterable[Section]) -> list[tuple[str, str, str]]:
    """Each fault with the path and title of the control that it is about."""
    paths = {path for section in shown for control in section.controls for path in _paths(control)}
    found = ((_nearest(fault.pointer, paths), fault.detail) for fault in faults)
    return [(path, words.title(path) if path else "", detail) for path, detail in found]


def _nearest(pointer: str, paths: set[str]) -> str:
    """The control that a pointer leads to, or the empty path."""
    parts = pointer.strip("/").split("/")
    tried = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((path for path in tried if path in paths), "")


def _paths(control: Control) -> Iterator[str]:
    yield control.path
    for part in control.parts:
        yield from _paths(part)


def _with_faults(control: Control, told: Mapping[str, list[str]]) -> Control:
    parts = tuple(_with_faults(part, told) for part in control.parts)
    return replace(control, parts=parts, faults=tuple(told.get(control.path, ())))


def _section(group: Group, words: Words, filled: Filled) -> Section:
    facts = (words.vocabulary.facts[name] for name in group.facts)
    return Section(group.title, group.open, tuple(_control(fact, words, filled) for fact in facts if fact.features))


def _control(fact: Fact, words: Words, filled: Filled) -> Control:
    inner = tuple(_control(each, words, filled) for each in _inner(fact))
    name, kind, meanings = fact.path, KINDS.get(type(fact), "one"), tuple(words.meanings(fact))
    if isinstance(fact, Record):
        main = replace(inner[0], path=fact.path, title=words.short(fact.path), meaning=fact.meaning)
        return replace(main, kind=kind, parts=inner[1:])
    if isinstance(fact, Findings):
        inner = tuple(replace(part, first=key in fact.screen) for key, part in zip(fact.findings, inner, strict=True))
    if isinstance(fact, Finding):
        name = fact.presence
        if fact.ctcae is not None:
            grades = _options(fact.grade, GRADES_OF_THE_LIVING, words, filled)
            inner = (Control(fact.grade, fact.grade, "Grade", "one", "", (), grades), *inner)
    options = _options(name, _values(fact, filled), words, filled, many=kind == "many") if kind != "findings" else ()
    return Control(fact.path, name, words.short(fact.path), kind, fact.meaning, meanings, options, inner)


KINDS: Mapping[type[Fact], str] = {Record: "record", Findings: "findings", Finding: "finding", Members: "many"}


def _inner(fact: Fact) -> Iterable[Fact]:
    """The facts of which a fact is made; of a record first the one that stands for it."""
    match fact:
        case Record():
            return sorted(fact.members.values(), key=lambda member: member is not fact.members[fact.shorthand])
        case Findings():
            return fact.findings.values()
        case Finding():
            return fact.flags.values()
        case _:
            return ()


def _values(fact: Fact, filled: Filled) -> tuple[str, ...]:
    """The values that are offered; one that nobody should be asked for only where it is stated already."""
    said = filled.getlist(fact.path)
    found: Iterable[str] = ()
    match fact:
        case Finding():
            found = (ABSENT, "present")
        case Members():
            found = (*fact.values, NONE)
        case Choice():
            found = (name for name, value in fact.values.items() if value.offered or name in said)
        case Flag():
            found = ("false", "true")
        case Number():
            found = fact.bands
        case Date():
            found = (fact.recent, "older", *(["future"] if "future" in said else []))
        case _:
            pass
    return tuple(found)


def _options(
    name: str, values: Iterable[str], words: Words, filled: Filled, *, many: bool = False
) -> tuple[Option, ...]:
    said = filled.getlist(name)
    stated = tuple(Option(value, words.value(name, value), value in said) for value in values)
    strange = tuple(Option(value, "as sent", chosen=True) for value in said if value not in {o.value for o in stated})
    strange = tuple(option for option in strange if option.value not in {"", UNKNOWN})
    if many:
        return (*stated, *strange)
    chosen = any(option.chosen for option in (*stated, *strange))
    return (Option("", "unknown", not chosen), *stated, *strange)


# ---- the form as a body


def body_of(vocabulary: Vocabulary, filled: Filled, today: dt.date) -> dict[str, Json]:
    """What the form says, as a body of the API; what is unknown is left out.

    What is no field of ours, and a field that says two things, stays in it for the API to refuse.
    """
    body: dict[str, Any] = {}
    single = {path: fact for path, fact in vocabulary.single_facts.items() if not isinstance(fact, Finding)}
    known = {**single, **_of_findings(vocabulary)}
    for name, values in filled.lists():
        said = list(dict.fromkeys(value for value in values if value not in {"", UNKNOWN}))
        if not said or name == SET:
            continue
        if name not in known:
            body[f"{name} (no field)" if name in vocabulary.facts else name] = said[-1]
            continue
        *above, last = name.split(".")
        place = body
        for part in above:
            place = place.setdefault(part, {})
        fact = known[name]
        several = len(said) > 1 and not isinstance(fact, Members)
        each = [_json(fact, [value], today) for value in said] if several else []
        place[last] = Repeated(each) if several else _json(fact, said, today)
    return _compact(vocabulary, body)


def _of_findings(vocabulary: Vocabulary) -> dict[str, Fact | None]:
    findings = vocabulary.findings.findings.values() if vocabulary.findings else ()
    return {name: None for finding in findings for name in (finding.presence,)} | {f.grade: f for f in findings}


def _json(fact: Fact | None, said: list[str], today: dt.date) -> Json:
    value = said[-1]
    match fact:
        case Members():
            return [] if said == [NONE] and NONE not in fact.values else list(said)
        case Flag():
            return {"true": True, "false": False}.get(value, value)
        case Number() if value in fact.bands:
            return _inside(fact, value)
        case Number() | Finding():
            return _number(value)
        case Date():
            days = {fact.recent: 0, "older": fact.within_days + 1, "future": -30}
            return (today - dt.timedelta(days=days[value])).isoformat() if value in days else value
        case _:
            return value


def _inside(fact: Number, band: str) -> Json:
    """A number in the band: its lower bound; of the lowest band, where that may be no living patient's, its highest."""
    bounds = list(fact.bands.values())
    here = list(fact.bands).index(band)
    number = bounds[here] if here or len(bounds) == 1 else max(fact.minimum, bounds[1] - 1)
    return int(number) if float(number).is_integer() else number


def _number(text: str) -> Json:
    """The number that somebody wrote, or the text, for the schema to refuse."""
    if not NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _compact(vocabulary: Vocabulary, body: dict[str, Any]) -> dict[str, Json]:
    """The same in fewer words: a part that stands for the whole, a finding of which only the presence is said."""
    for fact in vocabulary.facts.values():
        said = body.get(fact.path)
        if isinstance(fact, Record) and isinstance(said, dict) and list(said) == [fact.shorthand]:
            body[fact.path] = said[fact.shorthand]
        if isinstance(fact, Findings) and isinstance(said, dict):
            short = {key: entry["presence"] if list(entry) == ["presence"] else entry for key, entry in said.items()}
            none = len(short) == len(fact.findings) and all(entry == ABSENT for entry in short.values())
            body[fact.path] = NONE if none else short
    order = list(vocabulary.facts)
    return dict(sorted(body.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


# ---- other ways to fill it


def amended(vocabulary: Vocabulary, filled: Filled, change: str) -> Filled:
    """The form with one more fact stated, as the what-ifs of an answer name it: path=value."""
    path, _, value = change.partition("=")
    filled = Filled(filled)
    filled.poplist(SET)
    findings = vocabulary.findings
    if findings is not None and path == findings.path and value == NONE:
        for finding in findings.findings.values():
            for feature in finding.features:
                filled.poplist(feature.name)
            filled[finding.presence] = ABSENT
        return filled
    presence = {finding.path: finding.presence for finding in (findings.findings.values() if findings else ())}
    filled[presence.get(path, path)] = value
    return filled


def filled_from(vocabulary: Vocabulary, stated: Mapping[str, str]) -> Filled:
    """The form of the facts that a decision_id holds."""
    filled = Filled()
    for fact in vocabulary.facts.values():
        if isinstance(fact, Members):
            listed = [word for word in fact.values if stated[f"{fact.path}.{word}"] == "listed"]
            none = all(stated[feature.name] == "not_listed" for feature in fact.features)
            filled.setlist(fact.path, [NONE] if none else listed)
            continue
        for feature in fact.features:
            if stated[feature.name] != vocabulary.nothing[feature.name]:
                filled[feature.name] = stated[feature.name]
    for name in (vocabulary.reference, vocabulary.findings and vocabulary.findings.form.name):
        if name:
            filled.poplist(name)
    return filled
