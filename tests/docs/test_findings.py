"""findings/: each file says what it found in the form that findings/README.md states. They run on demand, not here."""

import re

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "findings"
FILES = sorted(file.name for file in FOLDER.glob("*.sh"))
PINNED = re.compile(r"[\w@/.-]+(?:==|@)\d[\w.]*")


def test_the_list_names_each_finding_once() -> None:
    assert sorted(re.findall(r"^\| \[(\w+\.sh)\]\(\1\) \|", (FOLDER / "README.md").read_text(), re.MULTILINE)) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_finding_says_what_was_expected_and_what_was_seen(name: str) -> None:
    text = (FOLDER / name).read_text()
    head = text.split("set -euo pipefail", maxsplit=1)[0]
    assert re.findall(r"^# (Software|Expected|Seen|What to do): ", head, re.MULTILINE) == [
        "Software", "Expected", "Seen", "What to do",
    ]  # fmt: skip
    assert PINNED.search(text)
    assert "diff - seen" in text
    assert not re.search(r"\bservice\b", text)
