"""A hospital's own names and codes: which of its columns states which fact, and what its codes mean.

columns: {Age at diagnosis: age, Stage: stage}     # header in the file -> column
values:
  stage: {"1": early, "4": late, "9": unknown}     # column -> cell in the file -> cell
keep: [patient_id]                                 # carried over beside the answer
ignore: [remarks]                                  # left out
missing: [NA, "999"]                               # cells that say nothing, beside empty ones
separator: ","                                     # between the words of a list; by default ;
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from service.cohort.dialect import Dialect, text
from service.cohort.reading import SEPARATOR, columns_of, other_names
from service.knowledge.vocabulary import Findings, Members, Vocabulary
from service.knowledge.yaml_file import ContentError, flat, read_yaml

ANSWER = (
    "row", "status", "decision_id", "rule", "code", "direction", "strength", "certainty", "urgency", "warnings",
    "errors", "urgent",
)  # fmt: skip
"""Columns of the answer, in order; what is kept stands before them."""
UNNAMED = ""
"""The header of a column without a name; a mapping may ignore all of them by it."""
SHOWN = 5
"""Columns that a message names."""


class BadInputError(ValueError):
    """A file or mapping that cannot be used; the message says what and where, without a patient's data."""


@dataclass(frozen=True)
class Names:
    """What is known of a file's columns."""

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    keep: Sequence[str] = ()
    ignore: Sequence[str] = ()
    missing: Sequence[str] = ()
    separator: str = SEPARATOR


class _NamesSchema(Schema):
    class Meta:
        unknown = RAISE

    columns = fields.Dict(fields.Str(), fields.Str())
    values = fields.Dict(fields.Str(), fields.Dict(fields.Str(), fields.Str()))
    keep = fields.List(fields.Str())
    ignore = fields.List(fields.Str())
    missing = fields.List(fields.Str())
    separator = fields.Str(validate=validate.Length(1, 3))

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> Names:
        """Make the value."""
        return Names(**data)


def read_names(file: Path | None, keep: Sequence[str] = (), ignore: Sequence[str] = ()) -> Names:
    """The mapping in a file, with further columns to keep and to ignore. Raises BadInputError."""
    names = Names()
    if file is not None:
        try:
            names = _NamesSchema().load(read_yaml(file))
        except ContentError as error:
            raise BadInputError(str(error)) from None
        except OSError as error:
            raise BadInputError(f"{file}: {error.strerror}") from None
        except ValidationError as error:
            faults = "\n".join(f"{file}: {path or '/'}: {said}" for path, said in flat(error.messages))
            raise BadInputError(faults) from None
    return replace(names, keep=(*names.keep, *keep), ignore=(*names.ignore, *ignore))


@dataclass(frozen=True)
class Layout:
    """The columns of one file under a mapping: column of facts -> header, and the headers to keep."""

    stated: Mapping[str, str]
    keep: Sequence[str]
    names: Names
    vocabulary: Vocabulary

    def cells(self, dialect: Dialect, texts: Mapping[str, str], values: Mapping[str, str]) -> str:
        """Return the SQL of every cell as text.

        `texts`: header -> the SQL that gives its text. `values`: header -> the SQL that gives its value as it is.
        """
        q = dialect.name_of
        parts = []
        for column, fact in columns_of(self.vocabulary).items():
            header = self.stated.get(column)
            cell = "CAST(NULL AS VARCHAR)" if header is None else texts[header]
            if header is not None:
                several = isinstance(fact, Members | Findings)
                cell = self._mapped(cell, self.names.values.get(column, {}), several=several)
            parts.append(f"{cell} AS {q(column)}")
        parts += [f"{values[header]} AS {q(f'keep {number}')}" for number, header in enumerate(self.keep)]
        return ",\n  ".join(parts).replace("VARCHAR", dialect.string)

    def _mapped(self, cell: str, values: Mapping[str, str], *, several: bool) -> str:
        if several and self.names.separator != SEPARATOR:
            cell = f"replace({cell}, {text(self.names.separator)}, '{SEPARATOR}')"
        nothing = "".join(f" WHEN {text(value)} THEN NULL" for value in ("", *self.names.missing))
        meant = "".join(f" WHEN {text(code)} THEN {text(word)}" for code, word in values.items())
        return f"CASE {cell}{nothing}{meant} ELSE {cell} END"


def layout(vocabulary: Vocabulary, names: Names, headers: Sequence[str]) -> Layout:
    """What each column of a file is. Raises BadInputError where that is open: nothing is lost or guessed."""
    faults = list(_faults(vocabulary, names, headers))
    if faults:
        raise BadInputError("\n".join(faults))
    stated = {}
    for header in headers:
        column = _column(vocabulary, names, header)
        # A fact that is kept is stated too: carried over, it is not taken from the decision.
        if column is not None and header not in names.ignore:
            stated[column] = header
    return Layout(stated, tuple(dict.fromkeys(names.keep)), names, vocabulary)


def _column(vocabulary: Vocabulary, names: Names, header: str) -> str | None:
    name = names.columns.get(header, header)
    name = other_names(vocabulary).get(name, name)
    return name if name in columns_of(vocabulary) else None


def _faults(  # noqa: C901, PLR0912 - one branch a fault
    vocabulary: Vocabulary, names: Names, headers: Sequence[str]
) -> Iterator[str]:
    known = [*columns_of(vocabulary), *other_names(vocabulary)]
    # Where the header is missing, these are cells of the first patient: only what is near a known name is repeated.
    places: dict[str, int] = {}
    for number, header in enumerate(headers, start=1):
        first = places.setdefault(header.casefold(), number)
        if first != number and (header or UNNAMED not in names.ignore):
            yield f"the columns {first} and {number} have the same name, whatever the case of the letters"
    stripped = {header.strip(): number for header, number in places.items()}
    for header, name in names.columns.items():
        if name not in known:
            yield f"the mapping gives {header!r} to {name!r}, which is no column of facts{_near(name, known)}"
    for name in names.values:
        if name not in columns_of(vocabulary):
            yield f"the mapping has values for {name!r}, which is no column of facts{_near(name, known)}"
    for header in dict.fromkeys((*names.columns, *names.keep, *names.ignore)):
        if header not in headers:
            near = places.get(header.casefold()) or stripped.get(header.casefold().strip())
            meant = f" (did you mean column {near}?)" if near else ""
            yield f"the mapping names the column {header!r}, which the file does not have{meant}"
    for header in names.columns:
        if header in names.ignore:
            yield f"the mapping gives a fact to {header!r} and ignores it"
    yield from kept_faults(names)
    found: dict[str, int] = {}
    for number, header in enumerate(headers, start=1):
        column = _column(vocabulary, names, header)
        if header in names.ignore or (column is None and header in names.keep):
            continue
        if column is None and not header:
            yield f'column {number} has no name; name it, or ignore "", which stands for it'
        elif column is None:
            like = _near(header, known)
            named = f" {header!r}" if like else ""
            yield f"column {number}{named} is no fact{like}; give it a fact, keep it or ignore it"
        elif found.setdefault(column, number) != number:
            yield f"the columns {found[column]} and {number} state the same fact, {column}"
    if not found:
        yield f"no column states a fact; there are {', '.join(known[:SHOWN])} and more (flask cohort columns)"


def kept_faults(names: Names) -> Iterator[str]:
    """What cannot be kept beside an answer: a reader of the answers may know no upper and lower case."""
    if UNNAMED in names.keep:
        yield "a column without a name cannot be kept; ignore it"
    taken = dict.fromkeys(ANSWER, "is a column of the answer")
    for header in dict.fromkeys(names.keep):
        if why := taken.get(header.casefold()):
            yield f"{header!r} {why}, so a column of that name cannot be kept; ignore it"
        taken[header.casefold()] = "is kept already"


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name.lower(), known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
