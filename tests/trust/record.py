"""The figures of one part, in `.run/trust/<part>.json`, written as they come; and whether they still hold."""

import contextlib
import datetime as dt
import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

PARTS = ("faults", "poison", "fuzz", "tokens", "privacy", "attacks", "soak", "mutants")
"""In this order. Each is a module of this folder with TITLE, ABOUT and `run(record, short)`; adding one is all there is
to adding a part."""
HALF_AN_HOUR = PARTS[:6]
"""What fits into it; the others are run by name."""
FOLDER = ROOT / ".run" / "trust"
CODE = ("service", "tests/trust", "tests/conftest.py", "requirements.txt")
"""What figures depend on."""


class Record:
    """The figures of a part. A unit of it that is done is not done again, unless the code has changed."""

    def __init__(
        self, part: str, seed: int, *, short: bool = False, force: bool = False, folder: Path = FOLDER
    ) -> None:
        self._file = folder / "short" / f"{part}.json" if short else folder / f"{part}.json"
        self.seed = seed
        self.archive: Path | None = None
        """A folder of recorded CDS Hooks requests, to be damaged too."""
        self.workers = os.cpu_count() or 1
        """How many mutants are tried at a time."""
        code = code_of(part)
        found = read(part, self._file)
        if force or found is None or (found["code"], found["seed"]) != (code, seed):
            found = {
                "part": part,
                "code": code,
                "commit": commit(),
                "seed": seed,
                "short": short,
                "began": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
                "command": f"python -m tests.trust {part}{' --short' if short else ''}",
                "machine": machine(),
                "units": {},
                "seconds": 0.0,
                "goals": [],
                "notes": [],
                "whole": False,
            }
        self.data: dict[str, Any] = found

    @property
    def whole(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self.data["whole"])

    @property
    def units(self) -> dict[str, Any]:
        """What is done, by name."""
        units: dict[str, Any] = self.data["units"]
        return units

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time of the block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.data["seconds"] = round(self.data["seconds"] + time.monotonic() - began, 1)
            self._write()

    def keep(self, name: str, figures: Any) -> None:
        """Keep the figures of a unit."""
        self.units[name] = figures
        self._write()

    def tables(self, *tables: dict[str, Any]) -> None:
        """What the report shows of the units."""
        self.data["tables"] = list(tables)

    def end(self, goals: Sequence[dict[str, Any]], notes: Sequence[str]) -> None:
        """All units are done."""
        self.data |= {"goals": list(goals), "notes": list(notes), "whole": True}
        self._write()

    def missed(self) -> list[str]:
        """Goals that were not met."""
        return [f"{each['goal']}: {each['figure']}" for each in self.data["goals"] if not each["met"]]

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self.data, indent=1))
        new.replace(self._file)


def goal(said: str, figure: object, *, met: bool) -> dict[str, Any]:
    """A goal beside its figure."""
    return {"goal": said, "figure": str(figure), "met": met}


def status_line(statuses: Mapping[str, int]) -> str:
    """Return counts by status in one line: 200: 1,234, 429: 5."""
    return ", ".join(f"{status}: {number:,}" for status, number in sorted(statuses.items()))


def table(name: str, columns: Sequence[str], rows: Sequence[Sequence[object]], about: str = "") -> dict[str, Any]:
    """A table of the report."""
    return {
        "name": name,
        "about": about,
        "columns": list(columns),
        "rows": [[str(cell) for cell in row] for row in rows],
    }


def read(part: str, file: Path | None = None) -> dict[str, Any] | None:
    """What is kept of a part."""
    file = file or FOLDER / f"{part}.json"
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    return None


def code_of(part: str) -> str:
    """A digest of the code that the figures of a part depend on; another part's modules and the tests do not count."""
    digest = hashlib.sha256()
    others = {*PARTS, "test"} - {part}
    for top in CODE:
        place = ROOT / top
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            ours = "__pycache__" not in file.parts and file.is_file()
            if ours and not (place.name == "trust" and file.stem.split("_")[0] in others):
                digest.update(f"{file.relative_to(ROOT)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def commit() -> str:
    """The commit, and whether what was run differs from it."""
    try:
        name = _said("git", "rev-parse", "--short=12", "HEAD")
        changed = _said("git", "status", "--porcelain", "--", *CODE)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (no git)"
    return f"{name} with changes that are not committed" if changed else name


def machine() -> dict[str, str]:
    """Where it was measured."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "memory": f"{memory:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load": f"{os.getloadavg()[0]:.1f} (mean of the minute before)",
    }


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
