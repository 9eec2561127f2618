"""Facts as columns: which columns there are, and what their cells say, as SQL and one patient at a time.

A cell that is empty says nothing. The SQL gives the place of the value among the values of its feature, and NULL
for a cell that it cannot read; such a patient is asked of the API's own reader as a JSON body (`body_of`), so that
every fault, and every emergency beside a fault, is found by the code that finds it in a request.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from service.cohort.dialect import Dialect, text
from service.engine.vocabulary import UNKNOWN
from service.facts.json_body import Repeated
from service.facts.schema import NONE
from service.knowledge.vocabulary import (
    GRADES,
    Choice,
    Date,
    Fact,
    Finding,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    ReferenceDate,
    Vocabulary,
)

SEPARATOR = ";"
EMPTY_LIST = "[]"
TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
"""Tools write the same value differently into a file that knows no booleans."""
# No backslash: in a literal of Spark it would be lost.
WHOLE = "-?(0|[1-9][0-9]{0,8})([.]0{1,9})?"
DECIMAL = "-?(0|[1-9][0-9]{0,8})([.][0-9]{1,20})?"
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
Reading = tuple[str, str]
"""A feature and the SQL of its place."""


def columns_of(vocabulary: Vocabulary) -> dict[str, Fact]:
    """Column -> the fact that its cells state, in the order of the vocabulary."""
    return dict(_columns(vocabulary.facts.values()))


def _columns(facts: Any) -> Iterator[tuple[str, Fact]]:
    for fact in facts:
        match fact:
            case Record():
                yield from _columns(fact.members.values())
            case Findings():
                yield fact.path, fact
                yield from _columns(fact.findings.values())
            case Finding():
                yield fact.path, fact
                yield fact.grade, fact
                yield from _columns(fact.flags.values())
            case _:
                yield fact.path, fact


def other_names(vocabulary: Vocabulary) -> dict[str, str]:
    """Names that a request has for the same cell."""
    names = {f.presence: f.path for f in vocabulary.findings.findings.values()} if vocabulary.findings else {}
    records = (fact for fact in vocabulary.facts.values() if isinstance(fact, Record))
    return names | {fact.path: f"{fact.path}.{fact.shorthand}" for fact in records}


class Reader:
    """Writes the SQL that reads the cells of some columns. `today` is the day in UTC, YYYY-MM-DD."""

    def __init__(self, vocabulary: Vocabulary, dialect: Dialect, today: str) -> None:
        self.vocabulary = vocabulary
        self.dialect = dialect
        self.today = f"DATE {text(today)}"

    def readings(self) -> Iterator[Reading]:
        """Every feature with the SQL of its place; NULL where the cell cannot be read."""
        for fact in self.vocabulary.facts.values():
            yield from self._fact(fact)

    def _fact(self, fact: Fact) -> Iterator[Reading]:
        match fact:
            case Choice():
                places = {word: list(fact.features[0].values).index(value) for word, value in fact.words.items()}
                yield fact.path, self._words(fact.path, places)
            case Flag():
                yield fact.path, self._words(fact.path, _FLAG)
            case Number():
                yield fact.path, self._number(fact)
            case Date():
                yield fact.path, self._date(fact)
            case ReferenceDate():
                cell = self._q(fact.path)
                day = f"CASE WHEN {self._day(cell)} > {self.today} THEN 1 WHEN {self._day(cell)} IS NOT NULL THEN 0 END"
                yield fact.path, f"CASE WHEN {cell} IS NULL OR {cell} = 'unknown' THEN 0 ELSE {day} END"
            case Members():
                yield from self._members(fact)
            case Record():
                for member in fact.members.values():
                    yield from self._fact(member)
            case Findings():
                yield from self._findings(fact)
            case _:
                raise TypeError(fact)

    def _q(self, column: str) -> str:
        return self.dialect.name_of(column)

    def _words(self, column: str, places: Mapping[str, int]) -> str:
        cell = self._q(column)
        words = " ".join(f"WHEN {text(word)} THEN {place}" for word, place in places.items())
        return f"CASE WHEN {cell} IS NULL THEN 0 ELSE CASE {cell} {words} END END"

    def _number(self, fact: Number) -> str:
        cell = self._q(fact.path)
        form = self.dialect.matches.format(cell, text(WHOLE if fact.whole else DECIMAL))
        number = f"CAST({cell} AS DOUBLE)"
        bands = " ".join(
            f"WHEN {number} >= {bound} THEN {place}"
            for place, bound in reversed(list(enumerate(fact.bands.values(), start=1)))
        )
        inside = f"CASE WHEN {number} < {fact.minimum} OR {number} > {fact.maximum} THEN NULL {bands} END"
        return f"CASE WHEN {cell} IS NULL OR {cell} = 'unknown' THEN 0 WHEN {form} THEN {inside} END"

    def _day(self, cell: str) -> str:
        # Other forms that an engine takes for a date, and the year 0, are left to the reader of bodies.
        form = self.dialect.matches.format(cell, text(DAY))
        return f"CASE WHEN {form} AND {cell} > '0001' THEN TRY_CAST({cell} AS DATE) END"

    def _date(self, fact: Date) -> str:
        cell, reference = self._q(fact.path), self.vocabulary.reference
        day = self.today if reference is None else f"coalesce({self._day(self._q(reference))}, {self.today})"
        days = self.dialect.days.format(day, self._day(cell))
        band = (
            f"CASE WHEN {days} < -1 THEN 3 WHEN {days} > {fact.within_days} THEN 2 WHEN {days} IS NOT NULL THEN 1 END"
        )
        return f"CASE WHEN {cell} IS NULL OR {cell} = 'unknown' THEN 0 ELSE {band} END"

    def _members(self, fact: Members) -> Iterator[Reading]:
        state, inside = self._q(STATE + fact.path), self._bits(fact.words)
        held = {
            name: f"CASE WHEN {self._holds(fact.path, (inside[word] for word, v in fact.words.items() if v == name))}"
            for name in fact.values
        }
        for name, when in held.items():
            yield f"{fact.path}.{name}", f"{state} * {when} THEN 2 ELSE 1 END"
        number = " + ".join(f"{when} THEN 1 ELSE 0 END" for when in held.values())
        yield f"{fact.path}.count", f"{state} * (1 + least(2, {number}))"

    def lists(self) -> Iterator[list[Reading]]:
        """Steps before the readings, in each of which a column is added for each cell that holds several words.

        First the cell between separators; then a number with a bit for each word in it, and above them the length of
        these words; then what the cell is: NULL for one that cannot be read, 0 for one that states nothing.
        """
        lists = {fact.path: (fact, list(self._words_of(fact))) for fact in self._list_facts()}
        yield [
            (LIST + path, f"CASE WHEN {self._q(path)} IS NOT NULL THEN concat(';', {self._q(path)}, ';') END")
            for path in lists
        ]
        yield [
            (HELD + path, " + ".join(
                f"CASE WHEN contains({self._q(LIST + path)}, {text(f';{word};')}) "
                f"THEN {(1 << bit) + ((len(word) + 1) << LENGTH)} ELSE 0 END"
                for bit, word in enumerate(words)
            ))
            for path, (_, words) in lists.items()
        ]  # fmt: skip
        yield [(STATE + path, self._state(fact, words)) for path, (fact, words) in lists.items()]

    def _list_facts(self) -> Iterator[Members | Findings]:
        for fact in columns_of(self.vocabulary).values():
            if isinstance(fact, Members | Findings):
                yield fact

    @staticmethod
    def _words_of(fact: Members | Findings) -> Iterable[str]:
        return fact.words if isinstance(fact, Members) else fact.findings

    @staticmethod
    def _bits(words: Iterable[str]) -> dict[str, int]:
        return {word: 1 << bit for bit, word in enumerate(words)}

    def _state(self, fact: Members | Findings, words: Sequence[str]) -> str:
        """LISTED for a list of known words; NONE_STATED for `none`, where that can be said."""
        cell, padded = self._q(fact.path), self._q(LIST + fact.path)
        none = f"WHEN {cell} = '{NONE}' THEN {NONE_STATED} " if isinstance(fact, Findings) else ""
        whole = f"{self.dialect.divided.format(self._q(HELD + fact.path), 1 << LENGTH)} = length({padded}) - 1"
        word = "|".join(re.escape(word) for word in words)
        # Mostly no word is there twice, and the words that are there are all that is there.
        again = self.dialect.matches.format(cell, text(f"({word})(;({word}))*"))
        return (
            f"CASE WHEN {cell} IS NULL OR {cell} = '{UNKNOWN}' THEN 0 {none}"
            f"WHEN {whole} OR {cell} = '{EMPTY_LIST}' THEN {LISTED} WHEN {again} THEN {LISTED} END"
        )

    def _holds(self, path: str, bits: Iterable[int]) -> str:
        return f"{self._q(HELD + path)} & {sum(bits)} <> 0"

    def _findings(self, fact: Findings) -> Iterator[Reading]:
        cell, state, bits = self._q(fact.path), self._q(STATE + fact.path), self._bits(fact.findings)
        parts = ", ".join(self._q(column) for column, part in columns_of(self.vocabulary).items()
                          if column.startswith(f"{fact.path}.") and part is not fact)  # fmt: skip
        # Beside cells of single findings an empty list says nothing of its own.
        form = f"CASE WHEN {cell} = '{EMPTY_LIST}' AND coalesce({parts}) IS NULL THEN 1 ELSE 0 END"
        yield fact.form.name, f"CASE WHEN {state} >= 0 THEN {form} END"
        for name, finding in fact.findings.items():
            own, listed = self._q(finding.path), self._holds(fact.path, (bits[name],))
            whole = f"CASE WHEN {listed} THEN 2 WHEN {state} = {NONE_STATED} THEN 1 ELSE 0 END"
            # Stated both ways it is stated twice, which is for the reader of bodies.
            stated = f"CASE WHEN {whole} = 0 THEN {self._words(finding.path, _PRESENCE)} END"
            yield finding.presence, f"CASE WHEN {own} IS NULL THEN {whole} ELSE {stated} END"
            yield finding.grade, self._words(finding.grade, _GRADE)
            for flag in finding.flags.values():
                yield from self._fact(flag)


LIST, HELD, STATE = "list of ", "held in ", "state of "
"""Before the name of a column of cells with several words."""
LISTED, NONE_STATED = 1, 2
LENGTH = 40
"""The bit from which on a number of words held gives their length."""
# An engine compares word after word: the frequent stand first.
_FLAG = {FALSE[0]: 1, TRUE[0]: 2} | dict.fromkeys(FALSE, 1) | dict.fromkeys(TRUE, 2) | {UNKNOWN: 0}
_PRESENCE = {"absent": 1, "present": 2, UNKNOWN: 0}
_GRADE = {f"{grade}{zero}": int(grade) + 1 for zero in ("", ".0") for grade in GRADES} | {UNKNOWN: 0}


# ---- one patient at a time ----------------------------------------------------------------------------------------


def body_of(facts: Mapping[str, Fact], findings: Findings | None, cells: Mapping[str, str | None]) -> dict[str, Any]:
    """The body of a request that says what the cells say. What they say twice stands twice (`Repeated`).

    `facts` are those of `columns_of`, `findings` those of the vocabulary.
    """
    body: dict[str, Any] = {}
    for column, cell in cells.items():
        if cell is None or (findings is not None and column == findings.path):
            continue
        fact, place = facts[column], body
        path = fact.presence if isinstance(fact, Finding) and column == fact.path else column
        *above, last = path.split(".")
        for name in above:
            place = place.setdefault(name, {})
        place[last] = _counted(cell) if isinstance(fact, Finding) and last == "grade" else _value(fact, cell)
    whole = cells.get(findings.path) if findings is not None else None
    if findings is not None and whole is not None:
        body[findings.path] = _merged(findings, _value(findings, whole), body.get(findings.path))
    return body


def _merged(findings: Findings, whole: Any, parts: dict[str, Any] | None) -> Any:
    """What is said of all findings together, with what is said of some."""
    if parts is None:
        return whole
    if whole == UNKNOWN:
        return parts
    if whole != NONE and not (isinstance(whole, list) and all(name in findings.findings for name in whole)):
        return Repeated([whole, parts])
    presence = "absent" if whole == NONE else "present"
    merged = dict(parts)
    for name in findings.findings if whole == NONE else whole:
        entry = merged.get(name, {})
        stated = entry.get("presence")
        merged[name] = {**entry, "presence": presence if stated is None else Repeated([presence, stated])}
    return merged


def _value(fact: Fact, cell: str) -> Any:
    reading: Callable[[str], Any] = str
    match fact:
        case Flag():
            reading = _truth
        case Number():
            reading = _counted if fact.whole else _measured
        case Members():
            reading = _items
        case Findings():
            reading = _whole
        case _:
            pass
    return cell if cell == UNKNOWN else reading(cell)


def _truth(cell: str) -> bool | str:
    return True if cell in TRUE else False if cell in FALSE else cell


def _measured(cell: str) -> float | str:
    return _number(cell) if re.fullmatch(DECIMAL, cell) else cell


def _counted(cell: str) -> float | str:
    return int(float(cell)) if re.fullmatch(WHOLE, cell) else _measured(cell)


def _number(cell: str) -> float:
    return float(cell) if "." in cell else int(cell)


def _items(cell: str) -> list[str]:
    return [] if cell == EMPTY_LIST else cell.split(SEPARATOR)


def _whole(cell: str) -> list[str] | str:
    return cell if cell == NONE else _items(cell)
