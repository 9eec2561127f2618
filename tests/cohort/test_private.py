"""What a run writes is for its owner's eyes only, goes where it says, and does nothing in a spreadsheet."""

import csv
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from service.cohort import files
from tests.cohort.conftest import write_csv
from tests.cohort.registry import patients

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Others may read what is made without a word about it."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "in.csv", list(patients(3, 1)))


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of somebody's, which a planted link leads to."""
    file = tmp_path / "victim"
    file.write_text("mine")
    return file


def mode(file: Path) -> int:
    return stat.S_IMODE(file.lstat().st_mode)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".ndjson"])
def test_answers_and_reports_are_for_their_owner_s_eyes_only(
    command: Command, source: Path, tmp_path: Path, ending: str
) -> None:
    target = tmp_path / f"out{ending}"
    done = command("run", source, target)
    assert done.exit_code == 0, done.output
    written = [target, *tmp_path.glob("*.report.*")]
    assert len(written) == 3
    assert {mode(file) for file in written} == {0o600}
    assert os.umask(0o022) == 0o022, "and what else the process writes is as ever"


@pytest.mark.usefixtures("quick")
def test_links_where_the_answers_and_reports_go_are_replaced_and_not_followed(
    command: Command, source: Path, tmp_path: Path, victim: Path
) -> None:
    target = tmp_path / "out.csv"
    reports = [f"out.csv.report.{ending}{new}" for ending in ("json", "html") for new in ("", ".new")]
    for name in (target.name, *reports):
        (tmp_path / name).symlink_to(victim)
    assert command("run", source, target).exit_code == 0
    assert victim.read_text() == "mine"
    assert not target.is_symlink()
    assert json.loads((tmp_path / "out.csv.report.json").read_text())["patients"] == 3


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("restart", [(), ("--restart",)])
def test_a_link_in_the_place_of_the_parts_is_refused(
    command: Command, source: Path, tmp_path: Path, restart: tuple[str, ...]
) -> None:
    folder = tmp_path / "another's"
    folder.mkdir(mode=0o755)
    (folder / "lock").write_text("")
    (folder / "000000.csv").write_text("mine")
    (tmp_path / "out.csv.parts").symlink_to(folder)
    refused = command("run", source, tmp_path / "out.csv", *restart)
    assert refused.exit_code == 4
    assert "out.csv.parts: this must be a folder that nobody else may change" in refused.output
    assert (mode(folder), sorted(file.name for file in folder.iterdir())) == (0o755, ["000000.csv", "lock"])


@pytest.mark.usefixtures("quick")
def test_a_folder_of_parts_that_others_own_or_may_change_is_refused(
    command: Command, source: Path, tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = tmp_path / "out.csv.parts"
    parts.mkdir()
    (parts / "lock").symlink_to(victim)
    for bits in (0o720, 0o702):
        parts.chmod(bits)
        assert command("run", source, tmp_path / "out.csv").exit_code == 4
    parts.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: parts.stat().st_uid + 1)
    assert command("run", source, tmp_path / "out.csv").exit_code == 4
    assert victim.read_text() == "mine"


def test_links_in_a_folder_of_relations_are_replaced_and_not_followed(
    command: Command, tmp_path: Path, victim: Path
) -> None:
    folder = tmp_path / "relations"
    written = command("export", folder).output.split()
    assert len(written) > 5
    for file in map(Path, written):
        file.unlink()
        file.symlink_to(victim)
    assert command("export", folder).exit_code == 0
    assert victim.read_text() == "mine"
    assert sorted(map(str, folder.iterdir())) == sorted(written)


# ---- spreadsheets


CELLS = [
    "=1+1",
    "+A1",
    "-A1",
    "@SUM(A1)",
    "\t=1",
    " =1",
    "a;=1",
    "\uff1d1",
    "it's",
    "-5",
    "+1.5",
    "-1e3",
    "a=b",
    "",
    "ab",
]
RUN = 8
"""Of them the first ones are what a spreadsheet would run."""


@pytest.fixture
def formulas(tmp_path: Path) -> Path:
    file = tmp_path / "cells.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([("note", "ecog"), *((cell, 1) for cell in CELLS)])
    return file


def kept(file: Path) -> list[str]:
    with file.open(newline="") as opened:
        return [row["note"] for row in csv.DictReader(opened)]


def test_cells_that_a_spreadsheet_would_run_are_warned_of(command: Command, formulas: Path, tmp_path: Path) -> None:
    done = command("run", formulas, tmp_path / "out.csv", "--keep", "note")
    assert done.exit_code == 0, done.output
    assert f"Warning: {RUN} cells" in done.stderr
    assert "--safe-cells" in done.stderr
    assert kept(tmp_path / "out.csv") == CELLS, "what is kept is carried over as it is"
    assert json.loads((tmp_path / "out.csv.report.json").read_text())["formula_cells"] == RUN
    assert f"{RUN} cells" in (tmp_path / "out.csv.report.html").read_text()


def test_safe_cells_are_text_to_a_spreadsheet(command: Command, formulas: Path, tmp_path: Path) -> None:
    done = command("run", formulas, tmp_path / "out.csv", "--keep", "note", "--safe-cells")
    assert done.exit_code == 0, done.output
    assert "Warning" not in done.stderr
    assert kept(tmp_path / "out.csv") == [f"'{cell}" for cell in CELLS[:RUN]] + CELLS[RUN:]
    first, *rows = (tmp_path / "out.csv").read_text().split("\n")
    assert first.startswith("note,row,")
    assert all(row.startswith(('"', ",")) for row in rows if row), "also where a semicolon ends a cell"


@pytest.mark.parametrize("ending", [".parquet", ".ndjson"])
def test_formats_that_no_spreadsheet_runs_are_neither_warned_of_nor_changed(
    command: Command, formulas: Path, tmp_path: Path, ending: str
) -> None:
    assert "Warning" not in command("run", formulas, tmp_path / f"out{ending}", "--keep", "note").stderr
    refused = command("run", formulas, tmp_path / f"out{ending}", "--keep", "note", "--safe-cells")
    assert (refused.exit_code, "--safe-cells is for CSV" in refused.output) == (3, True)


# ---- quotation marks


OPEN = {
    "in the header": ('ecog,"sex\n1,female\n2,male\n', 1),
    "in the header, further down": ('"a\nb",ecog,"sex\n1,1,female\n', 2),
    "in a row": ('sex,ecog\nfemale,1\n"male,2\nfemale,1\n', 3),
    "after a cell of several lines": ('note,ecog\n"a\nb",1\n"c,2\nd,1\n', 4),
}


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("longest", [files.LONGEST, 20])
def test_a_quotation_mark_that_is_not_closed_is_told_with_its_line(  # noqa: PLR0917
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: str, longest: int
) -> None:
    text, line = OPEN[name]
    monkeypatch.setattr(files, "LONGEST", longest)
    source = tmp_path / "in.csv"
    source.write_bytes((text + "male,1\n" * 9).replace("\n", end).encode())
    refused = command("run", source, tmp_path / "out.csv", *(("--keep", "note") if "note" in text else ()))
    assert refused.exit_code == 3, refused.output
    assert f"ine {line}:" in refused.output or f"Line: {line}," in refused.output, refused.output
    assert "quot" in refused.output


@pytest.mark.usefixtures("small", "quick", "finite")
def test_a_quotation_mark_that_is_not_closed_in_a_long_file_is_told_soon(command: Command, tmp_path: Path) -> None:
    """Found by attack: every further line was added to a copy of all before it, which took hours for 70 MB."""
    source = tmp_path / "in.csv"
    source.write_text("sex,ecog\n" + "female,1\n" * 5_000 + '"male,2\n' + "female,1\n" * 1_500_000)
    refused = command("run", source, tmp_path / "out.csv")
    assert refused.exit_code == 3, refused.output
    assert "Line: 5002, Value with unterminated quote" in refused.output
