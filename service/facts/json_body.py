"""The one reader of JSON: bytes become a tree, and nothing that was sent is dropped on the way.

json, orjson and msgspec all keep the last of two equal keys, so that a bleeding patient can become
"absent". Here a key that stands twice holds a `Repeated` with every value.
"""

import contextlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 64
"""Nesting beyond which a body is refused; a request needs five levels, a FHIR bundle about twenty."""

MAX_RECORD = 600_000
"""Members and items of a patient's record, all told. One of 5 MB has 230,000 (rich) to 320,000 (lean
resources); 8 MiB can hold four million, and looking at each would take a minute."""

ITEM = re.compile(rb'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?|(,|[\[{](?!\s*[\]}]))')
"""A text, which may hold anything; else what begins a member or item: a comma, or a bracket that is not empty.
No text goes on over a line end, so a fault in one line of many hides nothing of the others."""
ITEM_BYTES = 240
"""The most memory that a member or item takes while its body is read: 200 were measured, for objects 60 levels deep."""
ASTRAL = re.compile(rb"[\xf0-\xf4]")
"""What begins a character for which Python keeps four bytes for every character of the same text."""

LONG_NUMBER = b"0" * 19
"""So many digits orjson may not keep; in a text they cost a slower reading. Any digit is written as a nought here."""
AS_NOUGHTS = bytes.maketrans(b"123456789", b"000000000")
TOO_DEEP = b"\n" + b"  " * (MAX_DEPTH + 1)
"""The margin of what is nested too deeply, in JSON that is indented by two."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors and hosts write before UTF-8 text; RFC 8259 lets a reader skip it."""

POINTER_KEY = 64
"""Longest part of a key that is repeated back in a pointer."""

Json = Any
"""What json.loads gives, with `Repeated` where a key stood twice."""


class Repeated(list[Json]):
    """All values of a key that an object states more than once."""


CONTAINERS = frozenset((dict, list, Repeated))
"""The types of what holds something; the reader makes no others."""


@dataclass(frozen=True)
class BodyError(Exception):
    """A body that cannot be read as JSON (400)."""

    code: str
    detail: str


def parse(body: bytes) -> Json:
    """Read the body. Raises BodyError for what is empty, not UTF-8, not JSON, NaN, infinite or too deep."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    if not body.strip():
        raise BodyError("empty_body", "The body is empty. Send a JSON object; {} is the empty question.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BodyError("not_utf8", "The body is not UTF-8 text.") from None
    try:
        tree = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BodyError("not_json", f"The body is not JSON: {error.msg} ({place}).") from None
    except ValueError:
        raise BodyError("not_json", "The body is not JSON: a number has too many digits.") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper_than(tree, MAX_DEPTH):
        raise _too_deep()
    if b"\\u" in body and not _encodable(tree):
        raise BodyError("lone_surrogate", "The body holds half of a surrogate pair (\\ud800 to \\udfff alone).")
    return tree


def salvage(body: bytes) -> Json:
    """Return what can be read of a body that `parse` refuses: NaN, half characters and many levels are let through.

    None where it is no JSON at all. Raises RecursionError.
    """
    with contextlib.suppress(ValueError):
        return json.loads(body.decode(json.detect_encoding(body), "replace"), object_pairs_hook=_object)
    return None


@dataclass(frozen=True, slots=True)
class Document:
    """A long body that was read, with what its reader found out on the way."""

    tree: Json
    has_repeats: bool
    """Whether any key stands more than once."""


def parse_long(body: bytes) -> Document:
    """Read a long body, such as a record. Raises BodyError as `parse` does.

    orjson reads four times as fast and accepts less, but keeps the last of two equal keys, makes floats of long
    integers and takes more levels. So what it read is believed only if every key and text of the body is there and
    nothing else may differ; any other body is read as ever, which says what is wrong with it.
    """
    document = _accepted(body)
    if document is not None:
        return document
    tree = parse(body)
    return Document(tree, repeats(tree))


def _accepted(body: bytes) -> Document | None:
    """Return the body as orjson reads it; None where `parse` might read it otherwise, or refuse it.

    What was read is written again, indented: each level then has its margin.
    """
    try:
        tree = orjson.loads(body)
        written = orjson.dumps(tree, option=orjson.OPT_INDENT_2)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    lost_keys = _quotation_marks(body) != _quotation_marks(written)
    if lost_keys or TOO_DEEP in written or type(tree) not in CONTAINERS or LONG_NUMBER in body.translate(AS_NOUGHTS):
        return None
    return Document(tree, has_repeats=False)


def _quotation_marks(text: bytes) -> int:
    """Return how many quotation marks begin or end a text of JSON."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


def has_more_items(body: bytes, most: int) -> bool:
    """Return whether some JSON has more than `most` members and items, all told. It is not parsed for that."""
    if len(body) <= most or _separators(body) <= most:
        return False
    items = (match for match in ITEM.finditer(body) if match.lastindex)
    return next(islice(items, most, None), None) is not None


def parsing_bytes(body: bytes) -> int:
    """Return the most memory that some JSON takes while it is read, in bytes: itself, its text, what is made of it."""
    width = 1 if body.isascii() else 4 if ASTRAL.search(body) else 2
    return len(body) * (2 + 2 * width) + _separators(body) * ITEM_BYTES


def _separators(body: bytes) -> int:
    """Return the number of commas and opening brackets, which is at least the number of members and items."""
    return len(body) - len(body.translate(None, b",[{"))


def pointer(*parts: str | int) -> str:
    """A JSON Pointer (RFC 6901); long keys are cut."""
    return "".join(f"/{str(part)[:POINTER_KEY].replace('~', '~0').replace('/', '~1')}" for part in parts)


def repeated(tree: Json, *path: str | int) -> Iterator[str]:
    """Pointers of the keys that stand more than once."""
    if isinstance(tree, Repeated):
        yield pointer(*path)
        for value in tree:
            yield from repeated(value, *path)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from repeated(value, *path, key)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from repeated(value, *path, index)


def repeats(tree: Json) -> bool:
    """Whether any key stands more than once."""
    layer = [tree] if type(tree) in CONTAINERS else []
    while layer:
        below = layer.pop()
        kind = type(below)
        if kind is Repeated:
            return True
        layer += [each for each in (below.values() if kind is dict else below) if type(each) in CONTAINERS]
    return False


def crowded(tree: Json, most: int) -> bool:
    """Whether the tree has more than so many members and items."""
    layer, seen = ([tree] if type(tree) in CONTAINERS else []), 0
    while layer and seen <= most:
        below = layer.pop()
        seen += len(below)
        inside = below.values() if type(below) is dict else below
        layer += [each for each in inside if type(each) in CONTAINERS]
    return seen > most


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    values: dict[str, list[Json]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return {key: same[0] if len(same) == 1 else Repeated(same) for key, same in values.items()}


def _constant(_: str) -> NoReturn:
    raise BodyError("not_json", "NaN and Infinity are not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BodyError("not_json", "A number is too large.")
    return number


def _too_deep() -> BodyError:
    return BodyError("too_deep", f"The body is nested more than {MAX_DEPTH} levels deep.")


def _deeper_than(tree: Json, levels: int) -> bool:
    layer = [tree] if type(tree) in CONTAINERS else []
    for _ in range(levels):
        layer = [below for item in layer for below in _inside(item) if type(below) in CONTAINERS]
        if not layer:
            return False
    return any(layer)  # an empty object or list makes nothing deeper


def _inside(item: dict[str, Json] | list[Json]) -> Iterable[Json]:
    """What stands one level deeper: a key that stands twice makes nothing deeper."""
    found = item.values() if isinstance(item, dict) else item
    if Repeated in map(type, found):
        return [each for below in found for each in (below if isinstance(below, Repeated) else (below,))]
    return found


def _encodable(tree: Json) -> bool:
    try:
        json.dumps(tree, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
