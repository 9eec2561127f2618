"""One patient by the API's own reader: what the relations cannot read is answered or refused here.

Of cells that know nothing of each other the reader is asked one by one and only once for each text of a column: this
takes half of the time that it takes for the body of a patient.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.advice.question import Answer, Questioner, Refused
from service.advice.render import row
from service.cohort.reading import EMPTY_LIST, body_of, columns_of
from service.engine.vocabulary import UNKNOWN
from service.facts.json_body import BodyError, Json, parse, repeats
from service.facts.normal_form import recount
from service.facts.refusal import Fault
from service.facts.tolerant import TolerantReader
from service.knowledge.vocabulary import Date

NOTHING_BESIDE = (UNKNOWN, EMPTY_LIST)
"""Said of all findings, this says nothing beside what is said of some."""
KNOWN = 100_000
"""Cells of which is kept what they say."""
LONGEST = 200
"""Characters of such a cell."""
WORDS = ("decision_id", "rule", "code", "direction", "strength", "certainty", "urgency")


@dataclass(frozen=True)
class Asked:
    """A row of the answer. `errors`: rule or code, and pointer, of each fault."""

    status: int
    words: tuple[str | None, ...]
    warnings: list[str] | None
    errors: list[str] | None
    urgent: str | None = None


def ask(questioner: Questioner, tree: Json, today: dt.date) -> Asked:
    """The row for a body."""
    return _row(questioner.ask(tree, today))


def _row(result: Answer | Refused) -> Asked:
    nothing = (None,) * len(WORDS)
    if isinstance(result, Answer):
        said: dict[str, Any] = row(result)
        return Asked(200, tuple(said[name] for name in WORDS), said["warnings"] or None, _told(result.refused))
    return Asked(422, nothing, None, _told(result.faults), None if result.urgent is None else result.urgent.code)


Said = tuple[list[Fault], dict[str, str]]
"""The faults of a cell, and the features that it states."""


class Cells:
    """Asks for patients as cells; used by all threads of a run."""

    def __init__(self, questioner: Questioner, today: dt.date) -> None:
        self.questioner, self.today = questioner, today
        self.vocabulary = questioner.guideline.vocabulary
        self.facts, findings = columns_of(self.vocabulary), self.vocabulary.findings
        self.dates = {column for column, fact in self.facts.items() if isinstance(fact, Date)}
        self.whole = findings.path if findings is not None else ""
        self.parts = [column for column in self.facts if column.startswith(f"{self.whole}.")]
        self.nothing = dict(self.vocabulary.nothing)
        self.known: dict[tuple[str, ...], Said | None] = {}

    def ask(self, cells: Mapping[str, str]) -> Asked:
        """The row for the cells that state something."""
        body, alone = self._body(cells), cells
        if self.whole in cells and any(part in cells for part in self.parts):
            if repeats(body):
                return ask(self.questioner, body, self.today)
            if cells[self.whole] in NOTHING_BESIDE:
                alone = {column: cell for column, cell in cells.items() if column != self.whole}
        faults: list[Fault] = []
        stated = dict(self.nothing)
        for column, cell in alone.items():
            if (said := self._said(column, cell, cells)) is None:
                return ask(self.questioner, body, self.today)
            faults += said[0]
            stated |= said[1]
        if not faults:
            return ask(self.questioner, body, self.today)
        return _row(self.questioner.despite(body, faults, recount(self.vocabulary, stated), self.today))

    def _body(self, cells: Mapping[str, str]) -> dict[str, Any]:
        return body_of(self.facts, self.vocabulary.findings, cells)

    def _said(self, column: str, cell: str, cells: Mapping[str, str]) -> Said | None:
        """What a cell says, or None for one that may say two things of one feature or too many things."""
        asked, beside = {column: cell}, self.vocabulary.reference
        if beside is not None and beside in cells and column in self.dates:
            asked[beside] = cells[beside]
        key = (column, *asked.values())
        if key in self.known:  # whatever is there stays there
            return self.known[key]
        found = TolerantReader(self.vocabulary, self.today).read(self._body(asked))
        said = None
        if len(cell) <= LONGEST and all(len(values) == 1 for values in found.values()):
            faults = self.questioner.faults(self._body({column: cell}))
            said = faults, {name: values[0] for name, values in found.items()}
        if len(self.known) < KNOWN:
            self.known[key] = said
        return said


def ask_line(questioner: Questioner, line: bytes, today: dt.date, facts: Callable[[Json], Json]) -> Asked:
    """The row for a line of NDJSON; `facts` takes away the members that are no facts."""
    try:
        tree = parse(line)
    except BodyError as error:
        urgent = questioner.urgent_in_unreadable(line, today)
        return Asked(400, (None,) * len(WORDS), None, [f"{error.code} "], None if urgent is None else urgent.code)
    return ask(questioner, facts(tree), today)


def _told(faults: Sequence[Fault]) -> list[str] | None:
    return [f"{fault.rule or fault.code} {fault.pointer}" for fault in faults] or None
