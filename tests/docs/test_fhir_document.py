"""docs/fhir.md: each row of its tables names the tests that hold it, and they are there."""

import re
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.docs.test_safety_documents import exists
from tests.fhir.test_reports import REPORTS

TEXT = (ROOT / "docs/fhir.md").read_text()
WITHOUT_TESTS = {"example"}
"""First cells of the heads of tables that tell of public data, which is not part of the repository."""
FILE = re.compile(r"(?:tests|findings)/[\w/]+\.(?:py|sh)(?:::\w+)?")


def tables() -> Iterator[list[list[str]]]:
    """Yield each table as rows of cells, the head first."""
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, flags=re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in block.splitlines()]
        yield [[cell.strip() for cell in line] for line in lines if not set("".join(line)) <= set("-| ")]


ROWS = [row for head, *rows in tables() if head[0] not in WITHOUT_TESTS for row in rows]


def test_each_table_has_a_column_of_tests() -> None:
    assert all(head[-1] == "test" for head, *_ in tables() if head[0] not in WITHOUT_TESTS)
    assert len(ROWS) > 50


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_each_row_names_tests_that_are_there(row: list[str]) -> None:
    named, records = FILE.findall(row[-1]), re.findall(r"`(\w+)`", row[-1])
    assert named or records
    assert set(records) <= set(REPORTS)
    for name in named:
        file, _, test = name.partition("::")
        assert (ROOT / file).is_file()
        assert not test or exists(file, test)
