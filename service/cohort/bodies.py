"""Bodies of requests, one a line, as cells: NDJSON takes the same way as a file of columns.

What does not become cells without loss (a wrong type, an unknown member, a repeated key) is left as the line that it
is, for the API's own reader.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from service.cohort.reading import EMPTY_LIST, SEPARATOR, columns_of
from service.engine.vocabulary import UNKNOWN
from service.facts.json_body import BodyError, Repeated, parse
from service.facts.schema import NONE
from service.knowledge.vocabulary import Fact, Finding, Findings, Flag, Members, Number, Record, Vocabulary

Cells = dict[str, str]
LONG_LIST = 500
"""Items of a list beyond which the API's own reader judges the body: it has a bound for all of them together."""


class NotCells(Exception):  # noqa: N818 - a way out, not an error
    """This body has to be read as what it is."""


class Bodies:
    """Turns lines into cells for one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, keep: Sequence[str] = (), ignore: Sequence[str] = ()) -> None:
        self.facts = vocabulary.facts
        self.columns = tuple(columns_of(vocabulary))
        self.keep = tuple(keep)
        # A fact that is kept is stated too: carried over, it is not taken from the decision.
        self.beside = tuple(name for name in (*keep, *ignore) if name in ignore or name not in self.facts)

    def cells(self, line: bytes) -> Cells | None:  # noqa: C901 - one step a way in which a line is no cells
        """The cells of a body, or None where it has to be read as what it is. What is kept is among them."""
        try:
            tree = orjson.loads(line)
        except ValueError:
            return None
        # Readers of JSON keep one of two equal keys. Each member has a colon of its own, and no word that can be
        # read has one: as many colons as members, and no key was lost.
        if not isinstance(tree, dict):
            return None
        members = _members(tree)
        found: Cells = {}
        for number, name in enumerate(self.keep):
            if tree.get(name) is not None:
                found[f"keep {number}"] = _carried(line, name, tree[name])
        for name in self.beside:
            beside = tree.pop(name, None)
            if isinstance(beside, str):
                members += beside.count(":") if b"\\" not in line else 0
        if line.count(b":") != members:
            return None
        try:
            for name, value in tree.items():
                if value is not None:
                    self._fact(self.facts[name], value, found)
        except (NotCells, KeyError):
            return None
        return found

    def kept(self, line: bytes) -> Cells:
        """What is kept of a line that does not become cells."""
        try:
            tree = parse(line) if self.keep else {}
        except BodyError:
            return {}
        told = tree if isinstance(tree, dict) else {}
        return {
            f"keep {number}": _carried(line, name, told[name])
            for number, name in enumerate(self.keep)
            if told.get(name) is not None
        }

    def without(self, tree: Any) -> Any:
        """A body without the members that are no facts. One that stands twice stays, to be refused as in a request."""
        if not self.beside or not isinstance(tree, dict):
            return tree
        return {name: value for name, value in tree.items() if name not in self.beside or isinstance(value, Repeated)}

    def _fact(self, fact: Fact, value: Any, found: Cells) -> None:
        match fact:
            case Record():
                parts = value if isinstance(value, dict) else {fact.shorthand: value}
                for name, part in parts.items():
                    if part is not None:
                        self._fact(fact.members[name], part, found)
            case Findings():
                self._findings(fact, value, found)
            case Members():
                found[fact.path] = value if value == UNKNOWN else _list(value)
            case _:
                found[fact.path] = _cell(fact, value)

    def _findings(self, fact: Findings, value: Any, found: Cells) -> None:
        if isinstance(value, dict):
            for name, entry in value.items():
                if entry is not None:
                    self._finding(fact.findings[name], entry, found)
        else:
            found[fact.path] = value if value in (NONE, UNKNOWN) else _list(value)

    def _finding(self, finding: Finding, entry: Any, found: Cells) -> None:
        parts: Mapping[str, Any] = entry if isinstance(entry, dict) else {"presence": entry}
        for name, value in parts.items():
            if value is None:
                continue
            if name == "presence":
                found[finding.path] = _word(value)
            elif name == "grade":
                found[finding.grade] = _number(value, whole=True)
            else:
                found[finding.flags[name].path] = _truth(value)


def _carried(line: bytes, name: str, value: Any) -> str:
    """A value that is kept: text as it is, a number as it is written, else its JSON."""
    if isinstance(value, float):
        value = json.loads(line, parse_float=str, parse_int=str)[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _members(tree: Any) -> int:
    if isinstance(tree, dict):
        return len(tree) + sum(map(_members, tree.values()))
    return sum(map(_members, tree)) if isinstance(tree, list) else 0


def _cell(fact: Fact, value: Any) -> str:
    match fact:
        case Flag():
            return _truth(value)
        case Number():
            return _number(value, whole=fact.whole)
        case _:
            return _word(value)


def _word(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise NotCells
    return value


def _truth(value: Any) -> str:
    if value == UNKNOWN:
        return UNKNOWN
    if not isinstance(value, bool):
        raise NotCells
    return "true" if value else "false"


def _number(value: Any, *, whole: bool) -> str:
    if value == UNKNOWN:
        return UNKNOWN
    # 3.0 is the whole number 3 too, and is asked for as a body: a cell has one spelling.
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise NotCells
    return repr(value)


def _list(value: Any) -> str:
    if not isinstance(value, list) or not all(
        isinstance(item, str) and item and SEPARATOR not in item for item in value
    ):
        raise NotCells
    # Alone in a list these would become the cell that says something of the whole.
    if len(value) > LONG_LIST or not {EMPTY_LIST, NONE, UNKNOWN}.isdisjoint(value):
        raise NotCells
    return SEPARATOR.join(value) or EMPTY_LIST
