"""What a violated rule is, and the rules that every document has in common."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Json = Any
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
REVERSE_DNS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True, order=True)
class Violation:
    """One violated rule: where, which, why.

    `rule` is stable: I-n is the requirement cds-hooks_2.0@n as Inferno numbers them, cds-resp-n an invariant of the
    logical models of 3.0, §… the section of the published specification with the member that it is about.
    """

    pointer: str
    rule: str
    detail: str
    must: bool = True
    """Whether the specification says SHALL; otherwise it is a SHOULD, which is told but fails nothing."""


class Member(NamedTuple):
    """One member that a table of the specification lists."""

    name: str
    kind: str
    required: bool
    rule: str


def pointer(at: str, part: str | int) -> str:
    """The JSON Pointer (RFC 6901) of what is below."""
    return f"{at}/{str(part).replace('~', '~0').replace('/', '~1')}"


def members(value: Json, at: str, table: tuple[Member, ...], rule: str) -> Iterator[Violation]:
    """An object with the members of a table: the required ones are there, each has its type."""
    if not isinstance(value, dict):
        yield Violation(at, rule, "It must be an object.")
        return
    for member in table:
        place = pointer(at, member.name)
        found = value.get(member.name)
        if member.name not in value:
            if member.required:
                yield Violation(place, member.rule, f"{member.name} is required.")
        elif found is not None and not KINDS[member.kind](found):
            yield Violation(place, member.rule, f"{member.name} must be {PHRASES[member.kind]}.")
    yield from extension(value, at)


def unknown_members(value: Json, at: str, known: tuple[Member, ...], *more: str) -> Iterator[Violation]:
    """A member that no table lists reaches nobody: it is misspelt, or belongs into `extension`."""
    if isinstance(value, dict):
        for name in value.keys() - {member.name for member in known} - {"extension", *more}:
            yield Violation(pointer(at, name), "§extensions", f"{name} is no member here; use extension.", must=False)


def items(value: Json, at: str, name: str) -> Iterator[tuple[Json, str]]:
    """The items of an array member with their pointers; nothing where it is no array (which is told elsewhere)."""
    found = value.get(name) if isinstance(value, dict) else None
    if isinstance(found, list):
        place = pointer(at, name)
        for index, item in enumerate(found):
            yield item, pointer(place, index)


def nothing_empty(value: Json, at: str = "", allowed: Callable[[str], bool] = lambda _: False) -> Iterator[Violation]:
    """I-3: no null, no empty string, array or object anywhere but where the specification allows it."""
    if value is None or value in ("", [], {}):
        if not allowed(at):
            yield Violation(at, "I-3", "null and empty values are not allowed; a member without a value is left out.")
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from nothing_empty(below, pointer(at, name), allowed)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from nothing_empty(below, pointer(at, index), allowed)


def extension(value: Mapping[str, Json], at: str) -> Iterator[Violation]:
    """§extensions: an object, its keys in reverse-DNS notation."""
    if "extension" not in value:
        return
    place, found = pointer(at, "extension"), value["extension"]
    if not isinstance(found, dict):
        yield Violation(place, "I-214", "extension must be an object.")
        return
    for key in found:
        if not REVERSE_DNS.fullmatch(key):
            yield Violation(pointer(place, key), "I-215", "The key of an extension must be in reverse-DNS notation.")


def coding(value: Json, at: str, *, display: bool = False) -> Iterator[Violation]:
    """A Coding: code and system, and where it is shown to a person its display."""
    table = (
        Member("code", "string", required=True, rule="§coding.code"),
        Member("system", "string", required=True, rule="§coding.system"),
        Member("display", "string", required=display, rule="cds-resp-4" if display else "§coding.display"),
    )
    yield from members(value, at, table, "§coding")
    yield from unknown_members(value, at, table)


def is_url(value: Json) -> bool:
    """Whether it is an absolute http or https URL."""
    if not isinstance(value, str) or re.search(r"\s", value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


KINDS: Mapping[str, Callable[[Json], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "uuid": lambda value: isinstance(value, str) and bool(UUID.fullmatch(value)),
    "url": is_url,
    "id": lambda value: isinstance(value, str) and bool(FHIR_ID.fullmatch(value)),
    "bundle": lambda value: isinstance(value, dict) and value.get("resourceType") == "Bundle",
    "reference": lambda value: isinstance(value, str) and is_reference(value),
}
PHRASES: Mapping[str, str] = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "object": "an object",
    "array": "an array",
    "uuid": "a UUID",
    "url": "an absolute http or https URL",
    "id": "the bare id of a resource, without its type",
    "bundle": "a FHIR Bundle",
    "reference": "a reference [Type]/[id]",
}


def is_reference(value: str, *types: str) -> bool:
    """Whether it reads [Type]/[id], of one of the types where some are named."""
    kind, slash, name = value.partition("/")
    named = bool(slash and re.fullmatch("[A-Z][A-Za-z]+", kind) and FHIR_ID.fullmatch(name))
    return named and (not types or kind in types)
