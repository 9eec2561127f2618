"""One YAML file as plain strings, lists and mappings.

PyYAML's own loaders turn `no` into a boolean and `1:30` into 90 and keep the last of two equal keys.
Here every scalar but an unquoted null is a string, and a repeated key is a fault. Only below the keys that hold
bodies in worked cases is an unquoted true, false, null or number the JSON value it looks like.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

JSON_BEGINS = frozenset('-0123456789tfnNI"[{')
"""With one of these a JSON value begins that Python reads; most words of the content begin otherwise."""


@dataclass(frozen=True)
class ContentFault:
    """What is wrong in the content: in which file, at which path inside it, and what."""

    file: str
    path: str
    detail: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.file}: {self.path or '/'}: {self.detail}"


class ContentError(RuntimeError):
    """Content that does not load. The message has a line for each fault. Gunicorn prints it without a traceback."""

    def __init__(self, faults: list[ContentFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def flat(messages: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as pairs of path and text."""
    if isinstance(messages, dict):
        for name, below in messages.items():
            yield from flat(below, path if name == "_schema" else f"{path}/{name}")
    else:
        for text in messages if isinstance(messages, list) else [messages]:
            yield path, str(text)


def read_yaml(file: Path, json_below: Collection[str] = (), content: bytes | None = None) -> Any:
    """Read the file's one document. Raises ContentError naming file, path and fault.

    Below the keys in `json_below` unquoted scalars are JSON values. `content` is what was read of the file before.
    """
    try:
        text = (file.read_bytes() if content is None else content).decode("utf-8")
        return _Reader(file, json_below, text).document()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContentError([ContentFault(str(file), "", " ".join(str(error).split()))]) from error


class _Reader:
    """Makes values of the events of PyYAML's parser: making its nodes first takes four times as long."""

    def __init__(self, file: Path, json_below: Collection[str], text: str) -> None:
        self.file, self.json_below = file, json_below
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.CBaseLoader)
        self.anchors: dict[str, Any] = {}

    def document(self) -> Any:
        next(self.events)  # the stream begins
        if not isinstance(next(self.events), yaml.DocumentStartEvent):
            raise self.fault("", "the file is empty")
        value = self.value(next(self.events), "", typed=False)
        next(self.events)  # the document ends
        if not isinstance(next(self.events), yaml.StreamEndEvent):
            raise self.fault("", "the file holds more than one document")
        return value

    def value(self, event: Any, path: str, *, typed: bool) -> Any:
        if isinstance(event, yaml.ScalarEvent):  # most are
            value = _scalar(event, typed=typed)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self.mapping(path, typed=typed)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self.sequence(path, typed=typed)
        else:
            if event.anchor not in self.anchors:
                raise self.fault(path, f"nothing is named {event.anchor}")
            return self.anchors[event.anchor]
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        return value

    def sequence(self, path: str, *, typed: bool) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value(event, f"{path}/{len(found)}", typed=typed))
        return found

    def mapping(self, path: str, *, typed: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self.fault(path, "a key must be plain text")
            key, mark = event.value, event.start_mark
            if key in found:
                line = f" (line {mark.line + 1})" if mark is not None else ""
                raise self.fault(path, f"the key {key!r} stands twice{line}")
            below = typed or key in self.json_below
            found[key] = self.value(next(self.events), f"{path}/{key}", typed=below)
        return found

    def fault(self, path: str, detail: str) -> ContentError:
        return ContentError([ContentFault(str(self.file), path, detail)])


def _scalar(event: Any, *, typed: bool) -> Any:
    if event.style:  # quoted; a plain scalar has none, or an empty one
        return event.value
    if not typed:
        return None if event.value == "null" else event.value
    if event.value in {"", "~"}:
        return None
    if event.value[0] not in JSON_BEGINS:
        return event.value
    try:
        return json.loads(event.value)
    except ValueError:
        return event.value
