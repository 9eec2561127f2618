"""One patient by the API's own reader: what the relations cannot read is answered or refused here."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.advice.question import Answer, Questioner
from service.advice.render import row
from service.facts.json_body import BodyError, Json, parse
from service.facts.refusal import Fault

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
    result = questioner.ask(tree, today)
    nothing = (None,) * len(WORDS)
    if isinstance(result, Answer):
        said: dict[str, Any] = row(result)
        return Asked(200, tuple(said[name] for name in WORDS), said["warnings"] or None, _told(result.refused))
    return Asked(422, nothing, None, _told(result.faults), None if result.urgent is None else result.urgent.code)


def ask_line(questioner: Questioner, line: bytes, today: dt.date, facts: Callable[[Json], Json]) -> Asked:
    """The row for a line of NDJSON; `facts` takes away the members that are no facts."""
    try:
        tree = parse(line)
    except BodyError as error:
        return Asked(400, (None,) * len(WORDS), None, [f"{error.code} "])
    return ask(questioner, facts(tree), today)


def _told(faults: Sequence[Fault]) -> list[str] | None:
    return [f"{fault.rule or fault.code} {fault.pointer}" for fault in faults] or None
