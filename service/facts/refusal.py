"""What is refused: a fault with a pointer, a code, the rule that is broken, and never the value sent."""

from dataclasses import dataclass
from typing import Self


class Refusal(str):
    """A marshmallow error message that carries its code and, perhaps, the V-rule that is broken."""

    __slots__ = ("code", "rule")

    code: str
    rule: str | None

    def __new__(cls, detail: str, code: str, rule: str | None = None) -> Self:
        """Make the message."""
        made = super().__new__(cls, detail)
        made.code = code
        made.rule = rule
        return made


@dataclass(frozen=True, order=True)
class Fault:
    """One fault of a body. `pointer` is a JSON Pointer into it."""

    pointer: str
    code: str
    detail: str
    rule: str | None = None
