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


def read_yaml(file: Path, json_below: Collection[str] = ()) -> Any:
    """Read the file's one document. Raises ContentError naming file, path and fault.

    Below the keys in `json_below` unquoted scalars are JSON values.
    """
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContentError([ContentFault(str(file), "", " ".join(str(error).split()))]) from error
    if node is None:
        raise ContentError([ContentFault(str(file), "", "the file is empty")])
    return _Reader(file, json_below).value(node, "", typed=False)


class _Reader:
    def __init__(self, file: Path, json_below: Collection[str]) -> None:
        self.file = file
        self.json_below = json_below

    def value(self, node: yaml.Node, path: str, *, typed: bool) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, typed=typed)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{path}/{index}", typed=typed) for index, item in enumerate(node.value)]
        if typed and isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        plain_null = isinstance(node, yaml.ScalarNode) and not node.style and node.value == "null"
        return None if plain_null else node.value

    def mapping(self, node: yaml.MappingNode, path: str, *, typed: bool) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise ContentError([ContentFault(str(self.file), path, "a key must be plain text")])
            if key in found:
                detail = f"the key {key!r} stands twice (line {key_node.start_mark.line + 1})"
                raise ContentError([ContentFault(str(self.file), path, detail)])
            below = typed or key in self.json_below
            found[key] = self.value(value_node, f"{path}/{key}", typed=below)
        return found


def _scalar(node: yaml.ScalarNode) -> Any:
    if node.style:  # quoted; a plain scalar has none, or an empty one
        return node.value
    if node.value in {"", "~"}:
        return None
    try:
        return json.loads(node.value)
    except ValueError:
        return node.value
