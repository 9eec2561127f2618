"""Changes to CLIENTS_FILE by command: everything else in it stays as it is, comments of YAML included (ADR 19).

The new file is checked and read back before it takes the old one's place, in one step and with its mode and owner.
"""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from yaml_edit import Sequence as YamlSequence
from yaml_edit import YamlError, YamlFile

from service.security.clients_file import ClientsFileError, clients_of, is_json, tree_of

Entry = dict[str, Any]
Entries = list[Entry] | YamlSequence
Change = Callable[[Entries, list[Entry]], object]
"""What is done to a section, given it and its entries as the service reads them."""
NEW_MODE = 0o600


def add(file: Path, section: str, entry: Entry) -> None:
    """Add an entry to `clients` or `keys`; the file is made if there is none. Raises ClientsFileError."""
    _rewrite(file, section, lambda target, _: target.append(entry))


def remove(file: Path, section: str, member: str, value: str) -> None:
    """Remove the entry whose member has this value. Raises ClientsFileError, and LookupError if there is none."""

    def change(target: Entries, entries: list[Entry]) -> None:
        values = [entry[member] for entry in entries]
        if value not in values:
            raise LookupError(value)
        target.pop(values.index(value))

    _rewrite(file, section, change)


def _rewrite(file: Path, section: str, change: Change) -> None:
    file = file.resolve()
    with _lock(file.parent):
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        tree = tree_of(text, file) if text.strip() else {}
        clients_of(tree, file)
        entries = tree.get(section) or []
        new_entries = [*entries]
        change(new_entries, entries)
        expected = {**tree, section: new_entries}
        clients_of(expected, file)
        if is_json(text) or (not text.strip() and file.suffix == ".json"):
            new = json.dumps(expected, indent=2, ensure_ascii=False) + "\n"
        else:
            new = _edit_yaml(text, section, change, entries, new_entries)
        if not _reads(new, file, expected):
            raise ClientsFileError(file, [("", "is laid out so that a command cannot change it; change it by hand")])
        _replace(file, new)


def _edit_yaml(text: str, section: str, change: Change, entries: list[Entry], new_entries: list[Entry]) -> str:
    """Return the YAML with the section changed; empty if that cannot be done."""
    try:
        file = YamlFile.parse(text)
        document = file.ensure_document()
        if sequence := document.get_sequence(section):
            change(sequence, entries)
        else:
            document[section] = new_entries
    except YamlError:
        return ""
    return str(file)


def _reads(text: str, file: Path, expected: Entry) -> bool:
    try:
        found = tree_of(text, file)
    except ClientsFileError:
        return False
    return {name: value or [] for name, value in found.items()} == {n: value or [] for n, value in expected.items()}


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
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
