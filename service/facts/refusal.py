"""What is refused: a fault with a pointer, a code, the rule that is broken, and never the value sent."""

from dataclasses import dataclass
from typing import Self

from service.facts.json_body import Json, repeated, repeats


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


class FaultsError(Exception):
    """A body that is not what it should be; with every fault."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def repeated_keys(tree: Json, rule: str | None = None) -> list[Fault]:
    """A fault for each key that stands more than once: which of its values holds cannot be told."""
    if not repeats(tree):
        return []
    detail = "This key is stated more than once."
    return [Fault(place, "repeated_key", detail, rule) for place in repeated(tree)]
