"""A new release: the folder of an older one copied, and what in the copy is still that of the older one."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from service.knowledge.yaml_file import read_yaml

FILE = "guideline.yaml"
DATED = ("evidence_date", "review_by")
"""Members of guideline.yaml that a person decides anew."""
UNSAID = "say here what changed"


def copy_release(guideline: Path, earlier: str, later: str) -> Path:
    """Copy a release in the folder of a guideline and set its name. Raises ValueError if that is not possible."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", later):
        raise ValueError("a release is named by letters, digits and hyphens; best by its date")
    before, after = guideline / earlier, guideline / later
    if not (before / FILE).exists():
        raise ValueError(f"there is no release {earlier} in {guideline}")
    if after.exists():
        raise ValueError(f"{after} exists already")
    newest = max(folder.name for folder in guideline.iterdir() if folder.is_dir())
    if later <= newest:
        raise ValueError(f"{later} sorts before {newest}, which would stay the newest release")
    shutil.copytree(before, after)
    file = after / FILE
    text = file.read_text(encoding="utf-8")
    named = re.sub(r"(?m)^release:.*$", f'release: "{after.name}"', text, count=1)
    unsigned = re.sub(r"(?m)^sign_off:.*$", "sign_off: awaiting", named, count=1)  # nobody has signed the copy
    change = f'changes:\n  - "{after.name}: {UNSAID} against {before.name}."\n'
    file.write_text(unsigned.replace("changes:\n", change, 1), encoding="utf-8")
    return after


def stale_lines(folder: Path, before: str) -> Iterator[str]:
    """Yield a line for each thing in the folder of a release that is still as in the release `before`."""
    earlier = folder.parent / before
    old, new = read_yaml(earlier / FILE), read_yaml(folder / FILE)
    for name in DATED:
        if new.get(name) == old.get(name):
            yield f"{FILE}: {name} is {new.get(name)}"
    for name, value in new.get("source_attributes", {}).items():
        if before in value:
            yield f"{FILE}: source_attributes/{name} names {before}"
    if any(UNSAID in str(change) for change in new.get("changes", ())):
        yield f"{FILE}: changes does not say yet what changed"
    yield from _lines_naming(folder, before)
    names = (file.relative_to(folder) for file in sorted(folder.rglob("*.yaml")))
    twins = ((name, folder / name, earlier / name) for name in names)
    same = [name.as_posix() for name, now, then in twins if then.exists() and then.read_bytes() == now.read_bytes()]
    if same:
        yield f"unchanged: {', '.join(same)}"


def _lines_naming(folder: Path, before: str) -> Iterator[str]:
    """Yield the lines outside guideline.yaml that name the older release."""
    for file in sorted(folder.rglob("*.yaml")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if before in line and file.name != FILE:
                yield f"{file.relative_to(folder).as_posix()}:{number} names {before}"
