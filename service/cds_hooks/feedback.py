"""What clinicians did with a card: CDS Hooks feedback as the specification, Epic and the sandbox say it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from service.facts.json_body import Json, pointer
from service.facts.refusal import Fault, FaultsError

Some = TypeVar("Some")

OUTCOMES = ("accepted", "overridden")
MOST = 1000
"""Outcomes of one batch."""
LONGEST = 200
"""Characters of an id or a code; a UUID has 36."""
MOST_NAMED = 20
"""Suggestions, and reasons, of one outcome; a card offers a handful of each."""
LONGEST_COMMENT = 2000
"""Characters of a comment that are kept; what comes after them is not, and the documents say so."""


@dataclass(frozen=True)
class Outcome:
    """What became of one card. `comment` is free text of a clinician about a patient: PHI."""

    card: str
    outcome: str
    at: str
    suggestions: tuple[str, ...]
    reasons: tuple[str, ...]
    comment: str | None


def read_feedback(tree: Json) -> list[Outcome]:
    """The outcomes that a body reports. Raises FaultsError with every fault."""
    items = tree.get("feedback") if isinstance(tree, dict) else None
    if not isinstance(items, list) or not items or len(items) > MOST:
        detail = f"Send an object with a list `feedback` of 1 to {MOST} outcomes."
        raise FaultsError([Fault("/feedback" if isinstance(tree, dict) else "", "invalid_value", detail)])
    faults: list[Fault] = []
    found = []
    for index, item in enumerate(items):
        if isinstance(item, dict):
            found.append(_Item(item, index, faults).outcome())
        else:
            faults.append(Fault(pointer("feedback", index), "invalid_value", "An outcome is an object."))
    if faults:
        raise FaultsError(faults)
    return found


class _Item:
    def __init__(self, item: dict[str, Json], index: int, faults: list[Fault]) -> None:
        self.item = item
        self.index = index
        self.faults = faults

    def outcome(self) -> Outcome:
        outcome = self.item.get("outcome")
        if outcome not in OUTCOMES:
            self.fault(f"outcome is one of {', '.join(OUTCOMES)}.", "outcome")
        reasons, comment = self.reasons()
        return Outcome(
            card=self.text("card"),
            outcome=str(outcome),
            at=self.moment(),
            suggestions=tuple(self.suggestions(required=outcome == "accepted")),
            reasons=reasons,
            comment=comment,
        )

    def text(self, name: str) -> str:
        value = self.item.get(name)
        if isinstance(value, str) and 0 < len(value) <= LONGEST:
            return value
        self.fault(f"{name} is a text of 1 to {LONGEST} characters.", name)
        return ""

    def moment(self) -> str:
        """The moment in UTC, so that the same moment written in two ways is one."""
        value = self.item.get("outcomeTimestamp")
        try:
            moment = dt.datetime.fromisoformat(value) if isinstance(value, str) and "T" in value.upper() else None
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(dt.UTC).isoformat()
        except (ValueError, OverflowError):
            pass
        self.fault("outcomeTimestamp is a moment with its zone, as in 2026-11-23T10:05:31Z.", "outcomeTimestamp")
        return ""

    def suggestions(self, *, required: bool) -> Iterator[str]:
        name = "acceptedSuggestions"
        given = self.item.get(name)
        if given is None and not required:
            return
        if not isinstance(given, list) or (required and not given):
            self.fault("Of an accepted card, acceptedSuggestions lists the suggestions taken over.", name)
            return
        if len(given) > MOST_NAMED:
            self.fault(f"An outcome names at most {MOST_NAMED} suggestions.", name)
            return
        for place, each in enumerate(given):
            value = each.get("id") if isinstance(each, dict) else None
            if isinstance(value, str) and 0 < len(value) <= LONGEST:
                yield value
            else:
                inside = ("id",) if isinstance(each, dict) else ()
                self.fault("A suggestion is an object with its id.", name, place, *inside)

    def reasons(self) -> tuple[tuple[str, ...], str | None]:
        """Codes of the reasons, and the comment. The specification says overrideReason, Epic overrideReasons."""
        codes: list[str] = []
        comments: list[str] = []
        for name in ("overrideReason", "overrideReasons"):
            given = self.item.get(name)
            for place, each in self.few([] if given is None else _each(given, name), name):
                if not isinstance(each, dict):
                    self.fault(f"{name} is an object.", *place)
                    continue
                if each.get("reason") is not None:
                    codes += self.codes(each["reason"], *place, "reason")
                elif "reason" not in each and "code" in each:
                    codes += self.codes(each, *place)
                comment = each.get("userComment")
                if comment is not None and not isinstance(comment, str):
                    self.fault("userComment is a text.", *place, "userComment")
                elif comment:
                    comments.append(comment)
        return tuple(dict.fromkeys(self.few(codes))), "\n".join(comments)[:LONGEST_COMMENT] or None

    def codes(self, reason: Json, *at: str | int) -> Iterator[str]:
        """The code of a reason: a Coding, or (as some send it) a concept with several."""
        concept = isinstance(reason, dict) and "coding" in reason
        for place, coding in self.few(_each(reason["coding"], *at, "coding") if concept else [(at, reason)], *at):
            code = coding.get("code") if isinstance(coding, dict) else None
            if isinstance(code, str) and 0 < len(code) <= LONGEST:
                yield code
            else:
                inside = ("code",) if isinstance(coding, dict) else ()
                self.fault("A reason is a Coding with its code.", *place, *inside)

    def few(self, given: list[Some], *at: str | int) -> list[Some]:
        """What is given; nothing of it where it is too much."""
        if len(given) <= MOST_NAMED:
            return given
        self.fault(f"An outcome names at most {MOST_NAMED} reasons.", *at)
        return []

    def fault(self, detail: str, *path: str | int) -> None:
        self.faults.append(Fault(pointer("feedback", self.index, *path), "invalid_value", detail))


Place = tuple[str | int, ...]


def _each(value: Json, *at: str | int) -> list[tuple[Place, Json]]:
    """Each item of a list and where it stands; anything else is a list of one."""
    return [((*at, index), item) for index, item in enumerate(value)] if isinstance(value, list) else [(at, value)]
