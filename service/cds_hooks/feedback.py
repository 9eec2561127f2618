"""Read CDS Hooks feedback in the dialects of the specification, of Epic and of the public sandbox."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from service.facts.json_body import Json, pointer
from service.facts.refusal import Fault, FaultsError

T = TypeVar("T")

OUTCOMES = ("accepted", "overridden")
MAX_ITEMS = 1000
"""Items of one body."""
MAX_TEXT_CHARACTERS = 200
"""Of an id or a code. A UUID has 36."""
MAX_CODES = 20
"""Suggestions, and reasons, of one item. A card offers a few of each."""
MAX_COMMENT_CHARACTERS = 2000
"""A longer comment is cut, as the documents say."""


@dataclass(frozen=True)
class CardFeedback:
    """The outcome of one card. `comment` is free text of a clinician about a patient: PHI."""

    card: str
    outcome: str
    timestamp: str
    suggestions: tuple[str, ...]
    reasons: tuple[str, ...]
    comment: str | None


def read_feedback(tree: Json) -> list[CardFeedback]:
    """Return the items of a feedback body. Raises FaultsError with every fault."""
    items = tree.get("feedback") if isinstance(tree, dict) else None
    if not isinstance(items, list) or not items or len(items) > MAX_ITEMS:
        detail = f"Send an object with a list `feedback` of 1 to {MAX_ITEMS} outcomes."
        raise FaultsError([Fault("/feedback" if isinstance(tree, dict) else "", "invalid_value", detail)])
    faults: list[Fault] = []
    feedback = []
    for index, item in enumerate(items):
        if isinstance(item, dict):
            feedback.append(_ItemReader(item, index, faults).read())
        else:
            faults.append(Fault(pointer("feedback", index), "invalid_value", "An outcome is an object."))
    if faults:
        raise FaultsError(faults)
    return feedback


class _ItemReader:
    def __init__(self, item: dict[str, Json], index: int, faults: list[Fault]) -> None:
        self.item = item
        self.index = index
        self.faults = faults

    def read(self) -> CardFeedback:
        outcome = self.item.get("outcome")
        if outcome not in OUTCOMES:
            self.fault(f"outcome is one of {', '.join(OUTCOMES)}.", "outcome")
        reasons, comment = self.reasons()
        return CardFeedback(
            card=self.text("card"),
            outcome=str(outcome),
            timestamp=self.timestamp(),
            suggestions=tuple(self.suggestions(required=outcome == "accepted")),
            reasons=reasons,
            comment=comment,
        )

    def text(self, name: str) -> str:
        value = self.item.get(name)
        if isinstance(value, str) and 0 < len(value) <= MAX_TEXT_CHARACTERS:
            return value
        self.fault(f"{name} is a text of 1 to {MAX_TEXT_CHARACTERS} characters.", name)
        return ""

    def timestamp(self) -> str:
        """Return the timestamp in UTC, so that two spellings of one moment are equal."""
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
        value = self.item.get(name)
        if value is None and not required:
            return
        if not isinstance(value, list) or (required and not value):
            self.fault("Of an accepted card, acceptedSuggestions lists the suggestions taken over.", name)
            return
        if len(value) > MAX_CODES:
            self.fault(f"An outcome names at most {MAX_CODES} suggestions.", name)
            return
        for index, suggestion in enumerate(value):
            suggestion_id = suggestion.get("id") if isinstance(suggestion, dict) else None
            if isinstance(suggestion_id, str) and 0 < len(suggestion_id) <= MAX_TEXT_CHARACTERS:
                yield suggestion_id
            else:
                member = ("id",) if isinstance(suggestion, dict) else ()
                self.fault("A suggestion is an object with its id.", name, index, *member)

    def reasons(self) -> tuple[tuple[str, ...], str | None]:
        """Return the codes of the reasons, and the comment. Epic spells the member overrideReasons."""
        codes: list[str] = []
        comments: list[str] = []
        for name in ("overrideReason", "overrideReasons"):
            value = self.item.get(name)
            for path, reason in self.check_number([] if value is None else _with_paths(value, name), name):
                if not isinstance(reason, dict):
                    self.fault(f"{name} is an object.", *path)
                    continue
                if reason.get("reason") is not None:
                    codes += self.codes(reason["reason"], *path, "reason")
                elif "reason" not in reason and "code" in reason:
                    codes += self.codes(reason, *path)
                comment = reason.get("userComment")
                if comment is not None and not isinstance(comment, str):
                    self.fault("userComment is a text.", *path, "userComment")
                elif comment:
                    comments.append(comment)
        return tuple(dict.fromkeys(self.check_number(codes))), "\n".join(comments)[:MAX_COMMENT_CHARACTERS] or None

    def codes(self, reason: Json, *path: str | int) -> Iterator[str]:
        """Yield the codes of a reason: a Coding, or a concept with several codings."""
        is_concept = isinstance(reason, dict) and "coding" in reason
        codings = _with_paths(reason["coding"], *path, "coding") if is_concept else [(path, reason)]
        for place, coding in self.check_number(codings, *path):
            code = coding.get("code") if isinstance(coding, dict) else None
            if isinstance(code, str) and 0 < len(code) <= MAX_TEXT_CHARACTERS:
                yield code
            else:
                member = ("code",) if isinstance(coding, dict) else ()
                self.fault("A reason is a Coding with its code.", *place, *member)

    def check_number(self, values: list[T], *path: str | int) -> list[T]:
        """Return the values, or none with a fault if there are too many."""
        if len(values) <= MAX_CODES:
            return values
        self.fault(f"An outcome names at most {MAX_CODES} reasons.", *path)
        return []

    def fault(self, detail: str, *path: str | int) -> None:
        self.faults.append(Fault(pointer("feedback", self.index, *path), "invalid_value", detail))


Path = tuple[str | int, ...]


def _with_paths(value: Json, *path: str | int) -> list[tuple[Path, Json]]:
    """Return each item of a list with its path. Any other value is a list of one."""
    return [((*path, index), item) for index, item in enumerate(value)] if isinstance(value, list) else [(path, value)]
