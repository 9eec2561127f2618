"""The request schema of a guideline, made from its vocabulary: marshmallow checks, nothing is coerced.

Each field gives the value in its own words (synonyms resolved) and, for OpenAPI, its JSON schema.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, missing

from service.engine.vocabulary import UNKNOWN
from service.facts.refusal import Refusal
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
    ReferenceDate,
    Vocabulary,
)

NONE = "none"
PRESENCES = ("present", "absent", UNKNOWN)
PRESENCE_WORDS = {word: word for word in PRESENCES}
NONE_ALONE = 'A list names what is present; to assert that all are absent send "none" by itself.'
NOTHING: Mapping[str, str] = {}
NO_VALUE = "There is no such value."
NO_MEMBER = "There is no such member; /v1/facts lists those that there are."
UNKNOWN_MEMBER, UNKNOWN_VALUE = "unknown_member", "unknown_value"
SCHEMA = "_schema"
"""Where marshmallow puts what is wrong with an object as a whole; a caller may have a member of that name."""
SUGGESTED = 20
"""Unknown members of one object that are compared with the known ones; comparing thousands would take seconds."""
LONGEST = 100
"""Characters of a word that are compared."""
LOWEST_GRADE, HIGHEST_GRADE = 0, 5
"""0 and 5 are read so that the contradiction rules can name them; 1 to 4 are the grades of a patient."""


class FactField(fields.Field[Any]):
    """A field for one fact. Subclasses say how a JSON value is read, or refuse it."""

    def __init__(self, fact: Fact, spellings: Mapping[str, str]) -> None:
        self.fact = fact
        self.spellings = spellings
        super().__init__(allow_none=True, metadata=self.json_schema())

    def json_schema(self) -> dict[str, Any]:
        """Its part of the OpenAPI document."""
        return {"description": f"{self.fact.title}. {self.fact.meaning}"}

    def refuse(self, detail: str, code: str = "invalid_value", rule: str | None = None) -> ValidationError:
        """Make the error to raise."""
        return ValidationError([Refusal(detail, code, rule)])

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """As of any field; but no fact is required, has a default or a validator, so none is looked for."""
        del attr, data, kwargs
        return value if value is missing or value is None else self.read(value)

    def read(self, value: Any) -> Any:
        """Give the value in the vocabulary's own words, or raise."""
        raise NotImplementedError

    def word(self, value: Any, words: Mapping[str, str], *, suggest: bool = True) -> str:
        """Read one word of a closed set."""
        if not isinstance(value, str):
            raise self.refuse(f"Must be one of the words {listed(words)}.", "wrong_type")
        if value in words:
            return words[value]
        raise self.refuse(unknown_word(value, words, self.spellings) if suggest else NO_VALUE, UNKNOWN_VALUE)

    def each(self, items: list[Any], words: Mapping[str, str], alone: Mapping[str, str] = NOTHING) -> list[str]:
        """Read each word of a list; faults stand at their index. `alone`: words that are no items, and why."""
        found: list[str] = []
        faults: dict[int, Any] = {}
        for index, item in enumerate(items):
            try:
                if isinstance(item, str) and item in alone:
                    raise self.refuse(alone[item], "none_in_list")
                found.append(self.word(item, words, suggest=len(faults) < SUGGESTED))
            except ValidationError as error:
                faults[index] = error.messages
        if faults:
            raise ValidationError(faults)
        return found


class ChoiceField(FactField):
    """One word."""

    fact: Choice

    def json_schema(self) -> dict[str, Any]:
        return super().json_schema() | {"enum": [*self.fact.words, None]}

    def read(self, value: Any) -> str:
        if isinstance(value, str) and value in self.fact.refused:
            raise self.refuse(self.fact.refused[value], "question")
        return self.word(value, self.fact.words)


class FlagField(FactField):
    """True, false, or the word unknown. Nothing else stands for a boolean."""

    def json_schema(self) -> dict[str, Any]:
        return super().json_schema() | {"enum": [True, False, UNKNOWN, None]}

    def read(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if value == UNKNOWN:
            return UNKNOWN
        raise self.refuse("Must be true or false, without quotation marks; leave it out where unknown.", "wrong_type")


def whole_number(value: Any) -> int | None:
    """Return a JSON number that is whole, 58.0 as well as 58; None for anything else."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class NumberField(FactField):
    """A number within bounds, given as its band."""

    fact: Number

    def json_schema(self) -> dict[str, Any]:
        kind = "integer" if self.fact.whole else "number"
        number = {"type": kind, "minimum": self.fact.minimum, "maximum": self.fact.maximum}
        return super().json_schema() | {"anyOf": [number, {"enum": [UNKNOWN, None]}]}

    def read(self, value: Any) -> str:
        if value == UNKNOWN:
            return UNKNOWN
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse("Must be a number, without quotation marks.", "wrong_type")
        if self.fact.whole and whole_number(value) is None:
            raise self.refuse("Must be a whole number.", "wrong_type")
        if not self.fact.minimum <= value <= self.fact.maximum:
            raise self.refuse(self.fact.outside, "out_of_range")
        return self.fact.band(value)


class DateField(FactField):
    """A calendar day, YYYY-MM-DD."""

    def json_schema(self) -> dict[str, Any]:
        return super().json_schema() | {"anyOf": [{"type": "string", "format": "date"}, {"enum": [UNKNOWN, None]}]}

    def read(self, value: Any) -> dt.date | None:
        if value == UNKNOWN:
            return None
        if isinstance(value, str) and (day := calendar_day(value)):
            return day
        raise self.refuse("Must be a date of the form YYYY-MM-DD.", "invalid_date")


class MembersField(FactField):
    """A list of words."""

    fact: Members

    def json_schema(self) -> dict[str, Any]:
        items = {"type": "array", "items": {"enum": list(self.fact.words)}}
        return super().json_schema() | {"anyOf": [items, {"enum": [UNKNOWN, None]}]}

    def read(self, value: Any) -> list[str] | None:
        if value == UNKNOWN:
            return None
        if not isinstance(value, list):
            raise self.refuse(f"Must be a list of the words {listed(self.fact.words)}.", "wrong_type")
        return self.each(value, self.fact.words)


class RecordField(FactField):
    """An object of parts, or a bare word that stands for its main part."""

    fact: Record

    def __init__(self, fact: Record, spellings: Mapping[str, str]) -> None:
        self.schema = schema_of(f"{fact.path}_parts", fact.members, spellings)
        super().__init__(fact, spellings)

    def json_schema(self) -> dict[str, Any]:
        short = self.schema.fields[self.fact.shorthand].metadata
        parts = {name: dict(field.metadata) for name, field in self.schema.fields.items()}
        whole = {"type": "object", "properties": parts, "additionalProperties": False}
        return super().json_schema() | {"anyOf": [dict(short), whole]}

    def read(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.schema.load(value)
        return {self.fact.shorthand: self.schema.fields[self.fact.shorthand].deserialize(value)}


class FindingField(FactField):
    """The presence of a finding, alone or with a grade and flags."""

    fact: Finding

    def __init__(self, fact: Finding, spellings: Mapping[str, str]) -> None:
        members: dict[str, fields.Field[Any]] = {
            "presence": PresenceField(fact, spellings),
            "grade": GradeField(fact, spellings),
        }
        members |= {name: FlagField(flag, spellings) for name, flag in fact.flags.items()}
        self.schema = FactsSchema.made(f"{fact.path}_entry", members, spellings)
        super().__init__(fact, spellings)

    def json_schema(self) -> dict[str, Any]:
        parts = {name: dict(field.metadata) for name, field in self.schema.fields.items()}
        whole = {"type": "object", "properties": parts, "additionalProperties": False}
        return super().json_schema() | {"anyOf": [{"enum": [*PRESENCES, None]}, whole]}

    def read(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.schema.load(value)
        return {"presence": self.schema.fields["presence"].deserialize(value)}


class PresenceField(FactField):
    """Present, absent or unknown."""

    def json_schema(self) -> dict[str, Any]:
        return {"enum": [*PRESENCES, None], "description": "Whether it is there."}

    def read(self, value: Any) -> str:
        return self.word(value, PRESENCE_WORDS)


class GradeField(FactField):
    """A grade, 1 to 4."""

    fact: Finding

    def json_schema(self) -> dict[str, Any]:
        ctcae = self.fact.ctcae
        graded = "Grade." if ctcae is None else f"Grade of {ctcae.term}, CTCAE v5."
        return {"enum": [1, 2, 3, 4, UNKNOWN, None], "description": graded}

    def read(self, value: Any) -> str:
        if value == UNKNOWN:
            return UNKNOWN
        grade = whole_number(value)
        if grade is None:
            raise self.refuse("Must be a whole number from 1 to 4, without quotation marks.", "wrong_type")
        if not LOWEST_GRADE <= grade <= HIGHEST_GRADE:
            raise self.refuse("A grade is a whole number from 1 to 4.", "out_of_range")
        return str(grade)


class FindingsField(FactField):
    """A word (none, unknown), a list of findings that are present, or an object of findings."""

    fact: Findings

    def __init__(self, fact: Findings, spellings: Mapping[str, str]) -> None:
        entries = {name: FindingField(finding, spellings) for name, finding in fact.findings.items()}
        self.schema = FactsSchema.made(f"{fact.path}_types", entries, spellings)
        self.words = {name: name for name in fact.findings}
        super().__init__(fact, spellings)

    def json_schema(self) -> dict[str, Any]:
        types = {name: dict(field.metadata) for name, field in self.schema.fields.items()}
        whole = {"type": "object", "properties": types, "additionalProperties": False}
        several = {"type": "array", "items": {"enum": list(self.fact.findings)}}
        return super().json_schema() | {"anyOf": [{"enum": [NONE, UNKNOWN, None]}, several, whole]}

    def read(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.schema.load(value)
        if isinstance(value, list):
            return self.each(value, self.words, {NONE: NONE_ALONE})
        if not isinstance(value, str):
            raise self.refuse('Must be "none", "unknown", an object or a list.', "wrong_type")
        if value in (NONE, UNKNOWN):
            return value
        raise self.refuse(
            f'Must be "none", "unknown", an object or a list. {unknown_word(value, self.words, self.spellings)}',
            UNKNOWN_VALUE,
        )


class FactsSchema(Schema):
    """Refuses unknown members, naming the one that was probably meant."""

    class Meta:
        unknown = RAISE

    spellings: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def made(cls, name: str, members: Mapping[str, fields.Field[Any]], spellings: Mapping[str, str]) -> "FactsSchema":
        """Make a schema with these members."""
        made: type[FactsSchema] = type(name, (cls,), {**members, "spellings": spellings})
        return made(partial=True)  # no fact is required, so those that a body leaves out are passed over

    def handle_error(self, error: ValidationError, data: Any, **kwargs: Any) -> None:
        """Say of each unknown member which one was probably meant."""
        del data, kwargs
        messages = error.messages if isinstance(error.messages, dict) else {}
        strangers = [name for name, told in messages.items() if told == [self.error_messages["unknown"]]]
        for index, name in enumerate(strangers):
            text = NO_MEMBER if index >= SUGGESTED else unknown_word(name, self.fields, self.spellings, NO_MEMBER)
            messages[name] = [Refusal(text, UNKNOWN_MEMBER)]
        if SCHEMA in messages and SCHEMA not in strangers:
            messages[SCHEMA] = [Refusal("Must be a JSON object.", "wrong_type")]


def request_schema(vocabulary: Vocabulary) -> FactsSchema:
    """The schema of one patient's facts."""
    return schema_of("Facts", vocabulary.facts, vocabulary.spellings)


def schema_of(name: str, facts: Mapping[str, Fact], spellings: Mapping[str, str]) -> FactsSchema:
    """A schema with a field for each fact."""
    return FactsSchema.made(name, {key: field_of(fact, spellings) for key, fact in facts.items()}, spellings)


def field_of(fact: Fact, spellings: Mapping[str, str]) -> FactField:
    """The field that reads this kind of fact."""
    kinds: dict[type[Fact], type[FactField]] = {
        Choice: ChoiceField,
        Flag: FlagField,
        Number: NumberField,
        Date: DateField,
        ReferenceDate: DateField,
        Members: MembersField,
        Record: RecordField,
        Findings: FindingsField,
    }
    return kinds[type(fact)](fact, spellings)


def calendar_day(text: str) -> dt.date | None:
    """The day that YYYY-MM-DD names, or None."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def unknown_word(word: str, words: Iterable[str], spellings: Mapping[str, str], otherwise: str = "") -> str:
    """Why this word is refused, and which was probably meant. Never repeats the word itself."""
    known = list(words)
    if spellings.get(word) in known:
        return f"Here it is written {spellings[word]}."
    by_case = {name.lower(): name for name in known}
    if word.lower() in by_case:
        return f"Names are case-sensitive: write {by_case[word.lower()]}."
    near = get_close_matches(word[:LONGEST].lower(), list(by_case), n=1)
    if near:
        return f"{otherwise or NO_VALUE} Did you mean {by_case[near[0]]}?"
    return otherwise or f"{NO_VALUE} Known: {listed(known)}."


def listed(words: Iterable[str]) -> str:
    """Words for a sentence."""
    return ", ".join(words)
