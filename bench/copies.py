"""Content folders that hold several copies of one guideline, each with an id of its own."""

import re
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.build import CURRENT, ROOT
from bench.records import records

SHIPPED = CURRENT.content
OTHER_ORGAN = ROOT / "tests" / "other_organ" / "content"
GUIDELINES = 4
RECORD_BYTES = 18_000


class CopiedContent:
    """A content folder whose first guideline is copied, and a record that shows the guideline's subject.

    The record of another content than the shipped one is `record.json` beside the folder: a Bundle.
    """

    def __init__(self, source: Path = SHIPPED) -> None:
        self.source = source
        releases = sorted((source / "guidelines").glob("*/*/"))
        if not releases:
            raise FileNotFoundError(f"{source} holds no guideline")
        self.guideline = releases[0].parent.name
        self._record = source.parent / "record.json"

    def write(self, folder: Path, guidelines: int) -> dict[str, str]:
        """Write so many guidelines into a new folder; return the settings of a server that reads it.

        The guideline keeps its releases, a copy of it has the newest.
        """
        name = self.guideline
        shutil.copytree(self.source, folder)
        for other in (folder / "guidelines").glob("*/"):
            if other.name != name:
                shutil.rmtree(other)
        for number in range(2, guidelines + 1):
            copy = folder / "guidelines" / f"{name}-{number}"
            newest = max((folder / "guidelines" / name).glob("*/"))
            shutil.copytree(newest, copy / newest.name)
            for file in copy.rglob("*.yaml"):
                file.write_text(_rename(file.read_text(), name, copy.name))
        return {"CONTENT": str(folder), "GUIDELINE": name}

    @property
    def has_record(self) -> bool:
        """Say whether there is a record that shows the guideline's subject."""
        return self.source == SHIPPED or self._record.exists()

    def records(self) -> Iterator[bytes]:
        """Return records without end; those of the shipped content differ, so that nothing remembered helps."""
        if self.source == SHIPPED:
            return records(RECORD_BYTES)
        body = self._record.read_bytes()
        return (body for _ in count())


def _rename(text: str, name: str, copy: str) -> str:
    """Return a YAML text of a guideline under another id: the id itself, and the names of its services."""
    text = re.sub(rf"(?m)^(\s*(?:id|guideline): ){name}$", rf"\g<1>{copy}", text)
    return re.sub(rf"(?<![\w-]){name}(?=-(?:patient-view|order-select|order-sign)\b)", copy, text)


def default_content() -> CopiedContent:
    """Return the test guideline of another organ if there is one with a record, else the shipped content."""
    if OTHER_ORGAN.is_dir():
        other = CopiedContent(OTHER_ORGAN)
        if other.has_record:
            return other
    return CopiedContent()
