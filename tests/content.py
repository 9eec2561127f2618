"""The shipped content with one of its releases: loading them all takes a test twice as long."""

import shutil
from pathlib import Path

from service.knowledge.cases import Case, parse_cases, read_case_files
from service.settings import CONTENT
from tests.conftest import GUIDELINE

RELEASES = sorted(folder.name for folder in (CONTENT / "guidelines" / GUIDELINE).glob("*/"))


def copy_release(target: Path, release: str = RELEASES[-1]) -> Path:
    """Copy the shipped content with one release of its guideline, the newest unless another is named."""
    return shutil.copytree(CONTENT, target, ignore=shutil.ignore_patterns(*(set(RELEASES) - {release})))


def read_cases(release: Path) -> list[Case]:
    """Return the worked cases in the folder of a release."""
    return parse_cases(read_case_files(release))
