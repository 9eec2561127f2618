"""A copy of some content that a test may break."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.knowledge.guideline import Guideline
from service.knowledge.library import Library, load_library
from service.knowledge.proof import PROOF
from service.knowledge.yaml_file import ContentError, ContentFault
from tests.conftest import GUIDELINE
from tests.content import RELEASES, copy_release

TOY = Path(__file__).parents[1] / "toy" / "content"


class Copy:
    """A content folder of the test's own; `release` is the folder that the paths of a test start from."""

    def __init__(self, root: Path, release: str) -> None:
        self.root, self.release = root, root / release

    def file(self, name: str) -> Path:
        return (self.root / name[1:]) if name.startswith("/") else (self.release / name)

    def change(self, name: str, old: str, new: str) -> None:
        """Put new words in place of old ones that must stand there exactly once."""
        text = self.file(name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
        self.file(name).write_text(text.replace(old, new), encoding="utf-8")

    def add(self, name: str, text: str) -> None:
        with self.file(name).open("a", encoding="utf-8") as file:
            file.write(text)

    def load(self) -> Library:
        return load_library(self.root)

    def guideline(self) -> Guideline:
        """Return the release of this copy, newest or not."""
        folder = Path(self.release)
        return self.load().guidelines[folder.parent.name][folder.name]

    def faults(self) -> list[ContentFault]:
        """What loading complains of."""
        with pytest.raises(ContentError) as caught:
            self.load()
        for fault in caught.value.faults:
            assert str(fault) in str(caught.value)
        return caught.value.faults


@pytest.fixture
def toy(tmp_path: Path) -> Copy:
    shutil.copytree(TOY, tmp_path / "content", ignore=shutil.ignore_patterns(PROOF))
    return Copy(tmp_path / "content", "guidelines/toy-umbrella/2026-02-01")


@pytest.fixture
def shipped(tmp_path: Path) -> Copy:
    return Copy(copy_release(tmp_path / "content", RELEASES[0]), f"guidelines/{GUIDELINE}/{RELEASES[0]}")


@pytest.fixture(scope="session")
def written() -> Callable[[Path, str], Path]:
    """Write a file; gives its path."""

    def write(folder: Path, text: str) -> Path:
        file = folder / "file.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write
