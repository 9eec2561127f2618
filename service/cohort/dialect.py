"""The few things that SQL engines write differently. All else in the statement is the same for each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """How one engine writes a few things; `{}` stands for the argument."""

    name: str
    quote: str
    matches: str
    """Whether the whole text matches a regular expression: {0} text, {1} pattern."""
    days: str
    """Days from {1} to {0}, both dates."""
    string: str
    """The type of text."""
    listed: str
    """A list of values."""
    split: str
    """The parts of {0} between semicolons."""
    trim: str
    """{0} without the semicolons at its end."""
    check: str
    """The first 64 bits of SHA-256 of the text {0}, modulo {1}."""
    divided: str
    """Whole quotient of {0} and {1}, both at least 0."""

    def name_of(self, name: str) -> str:
        """A quoted name."""
        return f"{self.quote}{name.replace(self.quote, self.quote * 2)}{self.quote}"


DUCKDB = Dialect(
    name="duckdb",
    quote='"',
    matches="regexp_full_match({0}, {1})",
    days="date_diff('day', {1}, {0})",
    string="VARCHAR",
    listed="[{0}]",
    split="string_split({0}, ';')",
    trim="rtrim({0}, ';')",
    check="(('0x' || substr(sha256({0}), 1, 16))::UBIGINT % {1})::BIGINT",
    divided="({0} // {1})",
)
SPARK = Dialect(
    name="spark",
    quote="`",
    # A literal of Spark takes two backslashes for one; $ would let a line break stand at the end.
    matches="regexp_like({0}, concat('^(?:', {1}, ')\\\\z'))",
    days="datediff({0}, {1})",
    string="STRING",
    listed="array({0})",
    split="split({0}, ';')",
    trim="trim(TRAILING ';' FROM {0})",
    check="cast(cast(conv(substr(sha2({0}, 256), 1, 16), 16, 10) as decimal(20, 0)) % {1} as bigint)",
    divided="({0} div {1})",
)


def text(value: str) -> str:
    """A literal."""
    return "'" + value.replace("'", "''") + "'"
