"""What resources say of complications of the breast primary: the finding, whether it is there, and its CTCAE grade."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from service.facts.json_body import Json
from service.fhir.record import Item, Match, Record
from service.fhir.resources import Coding, choice, codings, extensions, objects

PRESENT, ABSENT = "present", "absent"
PROOF = ("coded", "linked", "hint")
DEATH = 5


@dataclass(frozen=True)
class Finding:
    """What a resource, or a component of one, says of one complication."""

    item: Item
    match: Match
    element: str
    presence: str
    grade: int | None
    torn: bool = False
    """Whether the resource says absent and states a grade all the same."""


def findings_in(record: Record, item: Item) -> Iterator[Finding]:
    """The complications that the resource and its components name, the surest code of each."""
    parts: list[tuple[tuple[Coding, ...], str, Json, Json]] = [(item.codes, *item.value, item.resource)]
    if item.type == "Observation":
        components = objects(item.resource.get("component"))
        parts += [(tuple(codings(part.get("code"))), *choice(part, "value"), part) for part in components]
    for codes, element, value, part in parts:
        found = _surest(record, codes)
        if item.type == "Observation" and not found:
            # "Symptom: bleeding from breast": the value names the finding, and so asserts it.
            for match in _surest(record, codings(value)):
                yield Finding(item, match, f"Observation.{element}", PRESENT, _grade(part, None) or _own(match))
        for match in found:
            if item.type == "Condition":
                yield Finding(item, match, "Condition.code", PRESENT, _own(match) or _grade(item.resource, None))
                continue
            grade = _grade(part, value, ctcae=match.concept.system == "meddra")
            said = _presence(record, value, grade)
            torn = said == ABSENT and bool(grade)  # a grade is the graver of the two
            presence = PRESENT if torn else said
            yield Finding(item, match, f"Observation.{element or 'value'}", presence, grade or _own(match), torn)


def _surest(record: Record, codes: Iterable[Coding]) -> list[Match]:
    """The surest code of each complication."""
    best: dict[str, Match] = {}
    for match in sorted(
        record.match("complications", codes), key=lambda each: PROOF.index(each.concept.proof or "hint")
    ):
        best.setdefault(match.means, match)
    return list(best.values())


def _own(match: Match) -> int | None:
    """The grade that a code states itself."""
    return int(match.concept.grade) if match.concept.grade else None


def _presence(record: Record, value: Json, grade: int | None) -> str:
    """Present, absent, or empty for a value that says neither."""
    if isinstance(value, bool):
        return PRESENT if value else ABSENT
    said = {match.means for match in record.match("presence", codings(value))}
    if len(said) == 1:
        return said.pop()
    if grade is not None:
        return PRESENT if grade else ABSENT
    return ""


def _grade(part: Json, value: Json, *, ctcae: bool = False) -> int | None:
    """The CTCAE grade of a resource, 0 to 5: in its extension, in a component, or in its value.

    A bare number is a grade only where the code is a CTCAE term: elsewhere it may count anything.
    """
    for each in extensions(part, "ctcae-grade"):
        stated = choice(each, "value")[1]
        for said in (stated, *(coding.code for coding in codings(stated))):  # the extension says which scale it is
            if (grade := _number(said)) is not None:
                return grade
    components = objects(part.get("component")) if isinstance(part, dict) else []
    for each in (*(choice(component, "value")[1] for component in components), value):
        coded = [coding.code for coding in codings(each) if "ctcae" in coding.system.lower()]
        for said in (each, *coded):
            if (ctcae or said is not each) and (grade := _number(said)) is not None:
                return grade
    return None


def _number(said: Json) -> int | None:
    if isinstance(said, str) and said.strip() in {"0", "1", "2", "3", "4", "5"}:
        return int(said)
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= DEATH else None
