"""Changes to CLIENTS_FILE by command: everything else in it stays as it is, comments of YAML included.

The new file is checked and read back before it takes the old one's place, in one step and with its mode and owner.
"""

import contextlib
import copy
import fcntl
import json
import os
import re
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from service.security.clients_file import ClientsFileError, clients_of, is_json, tree_of

Entry = dict[str, Any]
NEW_MODE = 0o600


def add(file: Path, section: str, entry: Entry) -> None:
    """Add an entry to `clients` or `keys`; the file is made if there is none. Raises ClientsFileError."""

    def change(tree: Entry) -> None:
        tree[section] = [*(tree.get(section) or []), entry]

    _rewrite(file, change, lambda text: _with(text, section, entry))


def remove(file: Path, section: str, member: str, value: str) -> None:
    """Take the entry away whose member has this value. Raises ClientsFileError, and LookupError if there is none."""
    found = -1

    def change(tree: Entry) -> None:
        nonlocal found
        values = [entry[member] for entry in tree.get(section) or []]
        if value not in values:
            raise LookupError(value)
        found = values.index(value)
        del tree[section][found]

    _rewrite(file, change, lambda text: _without(text, section, found))


def _rewrite(file: Path, change: Callable[[Entry], None], edit: Callable[[str], str]) -> None:
    file = file.resolve()
    with _alone_in(file.parent):
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        tree = tree_of(text, file) if text.strip() else {}
        clients_of(tree, file)
        wanted = copy.deepcopy(tree)
        change(wanted)
        clients_of(wanted, file)
        if is_json(text) or (not text.strip() and file.suffix == ".json"):
            new = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
        else:
            new = edit(text)
        if not _reads(new, file, wanted):
            raise ClientsFileError(file, [("", "is laid out so that a command cannot change it; change it by hand")])
        _replace(file, new)


def _reads(text: str, file: Path, wanted: Entry) -> bool:
    try:
        found = tree_of(text, file)
    except ClientsFileError:
        return False
    return {name: value or [] for name, value in found.items()} == {n: value or [] for n, value in wanted.items()}


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two commands at once would each lose the other's change."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(file: Path, text: str) -> None:
    old = file.stat() if file.exists() else None
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as out:  # noqa: PTH123 - a handle, not a path
            os.fchmod(handle, old.st_mode & 0o7777 if old else NEW_MODE)
            if old is not None and (old.st_uid, old.st_gid) != (os.getuid(), os.getgid()):
                os.fchown(handle, old.st_uid, old.st_gid)
            out.write(text)
            out.flush()
            os.fsync(handle)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _with(text: str, section: str, entry: Entry) -> str:
    """The YAML with one entry more at the end of a section."""
    shown = yaml.safe_dump([entry], sort_keys=False, default_flow_style=None, width=1000, allow_unicode=True)
    lines = _lines(text)
    place = _section(text, section)
    if place is None:
        return "".join([*lines, f"{section}:\n", textwrap.indent(shown, "  ")])
    key, listed = place
    if not (isinstance(listed, yaml.SequenceNode) and listed.value):
        lines[key.start_mark.line] = re.sub(r":\s*(\[\s*\]|null|~)", ":", lines[key.start_mark.line], count=1)
        after, column = key.start_mark.line, 2
    else:
        after, column = _last_line(listed), listed.start_mark.column
    lines.insert(after + 1, textwrap.indent(shown, " " * column))
    return "".join(lines)


def _without(text: str, section: str, index: int) -> str:
    """The YAML without one entry of a section."""
    lines = _lines(text)
    place = _section(text, section)
    if place is None:
        return text
    key, listed = place
    entry = listed.value[index]
    if len(listed.value) == 1:
        lines[key.start_mark.line] = lines[key.start_mark.line].replace(":", ": []", 1)
    del lines[entry.start_mark.line : _last_line(entry) + 1]
    return "".join(lines)


def _lines(text: str) -> list[str]:
    return [line if line.endswith("\n") else f"{line}\n" for line in text.splitlines(keepends=True)]


def _section(text: str, section: str) -> tuple[yaml.Node, yaml.Node] | None:
    root = yaml.compose(text, Loader=yaml.CBaseLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next(((key, value) for key, value in pairs if key.value == section), None)


def _last_line(node: yaml.Node) -> int:
    """The last line of what is written there; the end that YAML itself tells lies behind the comments that follow."""
    below = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and below:
        return max(_last_line(part) for part in below)
    end = node.end_mark
    return int(end.line) - (end.column == 0)
