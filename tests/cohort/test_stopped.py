"""What stops a run says so in a line and an exit code, repeats no patient's data, and leaves nothing half done."""

import json
import os
import signal
from pathlib import Path

import duckdb
import pytest

from service.cohort import files
from service.cohort import report as reports
from service.cohort import run as runs
from service.cohort.mapping import Names
from tests.cohort.conftest import TODAY, Quick, numbers, read, write_csv
from tests.cohort.registry import patients


def test_without_a_header_no_patients_cells_are_repeated(command, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Jane Roe,1970-01-01,M1\nJohn Roe,1971-01-01,M1\n")
    refused = command("run", tmp_path / "in.csv", tmp_path / "out.csv", "--keep", "patient")
    assert refused.exit_code == 3
    assert "column 1 is no fact" in refused.output
    assert not any(cell in refused.output for cell in ("Jane", "1970", "M1"))


@pytest.mark.parametrize("file", ["in.csv", "in.ndjson"])
def test_a_column_of_the_answer_is_not_kept_whatever_its_case(command, tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("Status,ecog\n1,1\n" if file == "in.csv" else '{"Status": 1, "ecog": 1}\n')
    refused = command("run", tmp_path / file, tmp_path / "out.parquet", "--keep", "Status")
    assert (refused.exit_code, "a column of the answer" in refused.output) == (3, True)


def test_a_fact_that_is_mapped_is_not_ignored(command, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("columns: {M: metastatic_status}\nignore: [M]\n")
    (tmp_path / "in.csv").write_text("M,ecog\nM1,1\n")
    refused = command("run", tmp_path / "in.csv", tmp_path / "out.csv", "--mapping", tmp_path / "m.yaml")
    assert (refused.exit_code, "gives a fact to 'M' and ignores it" in refused.output) == (3, True)


def test_a_file_that_cannot_be_read_is_an_input_that_cannot_be_used(command, tmp_path: Path, monkeypatch) -> None:
    source = write_csv(tmp_path / "in.csv", list(patients(3, 1)))
    plain = Path.open

    def refuse(path: Path, *words, **named):
        if path == source:
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path, *words, **named)

    monkeypatch.setattr(Path, "open", refuse)
    refused = command("run", source, tmp_path / "out.csv")
    assert (refused.exit_code, "Permission denied" in refused.output) == (3, True)


def test_words_of_the_command_that_mean_nothing_are_wrong_usage(command, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", list(patients(3, 1)))
    for option in (("--memory", "lots"), ("--guideline", "nonsense")):
        refused = command("run", source, tmp_path / "out.csv", *option)
        assert (refused.exit_code, option[0] in refused.output) == (2, True)
    assert command("export", tmp_path / "relations", "--guideline", "nonsense").exit_code == 2


ENGINE_FAULTS = {
    "a full disk": ("write", duckdb.IOException("IO Error: No space left on device"), 4, "No space left"),
    "a full disk while reading": ("answer", duckdb.IOException("IO Error: No space left on device"), 4, "No space"),
    "no memory": ("answer", duckdb.OutOfMemoryException("Out of Memory Error"), 4, "--memory is too little"),
    "a damaged page": ("answer", duckdb.IOException("IO Error: bad page 'Jane Roe'"), 3, "IOException"),
    "a record": ("answer", duckdb.ConversionException("Could not convert 'Jane Roe'"), 3, "after row 0"),
    "a counting": ("write", None, 4, "not every row"),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ENGINE_FAULTS)
def test_what_stops_the_engine_is_told_in_a_line_without_a_patient(command, tmp_path, monkeypatch, name: str) -> None:
    method, fault, code, reason = ENGINE_FAULTS[name]

    def stop(*_: object) -> int:
        if fault is None:
            return 0
        raise fault

    monkeypatch.setattr(Quick, method, stop)
    stopped = command("run", write_csv(tmp_path / "in.csv", list(patients(3, 1))), tmp_path / "out.csv")
    assert isinstance(stopped.exception, SystemExit)
    assert (stopped.exit_code, reason in stopped.output, "Jane" in stopped.output) == (code, True, False)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.usefixtures("quick")
def test_one_run_at_a_time_is_at_work_on_an_output(questioner, command, tmp_path: Path) -> None:
    source, target = write_csv(tmp_path / "in.csv", list(patients(3, 1))), tmp_path / "out.csv"
    codes = []

    def tell(*_: int) -> None:
        codes.extend(command("run", source, target, *more).exit_code for more in ((), ("--restart",)))

    runs.run(questioner, source, target, Names(), TODAY, tell)
    assert codes == [5, 5, 5, 5]
    assert numbers(target) == ["1", "2", "3"]


def test_a_folder_of_somebody_else_is_not_taken_for_that_of_a_run(command, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", list(patients(3, 1)))
    (tmp_path / "out.csv.parts").mkdir()
    (tmp_path / "out.csv.parts" / "letter").write_text("")
    for more in ((), ("--restart",)):
        assert command("run", source, tmp_path / "out.csv", *more).exit_code == 4
    assert (tmp_path / "out.csv.parts" / "letter").exists()


@pytest.fixture
def interrupted(questioner, tmp_path: Path, small: None, quick: None) -> Path:  # noqa: ARG001
    """The output of a run that was stopped after the second of three batches."""
    source, target = write_csv(tmp_path / "in.csv", list(patients(250, 3))), tmp_path / "out.csv"

    def stop(done: int, *_: int) -> None:
        if done > 125:
            raise KeyboardInterrupt

    (tmp_path / "out.csv.parts").mkdir(mode=0o755)
    with pytest.raises(KeyboardInterrupt):
        runs.run(questioner, source, target, Names(), TODAY, stop)
    return target


def test_nobody_else_reads_what_an_interrupted_run_leaves_and_no_patient_is_in_it(interrupted: Path) -> None:
    parts = interrupted.with_name("out.csv.parts")
    assert parts.stat().st_mode & 0o777 == 0o700
    # The third batch may have been answered already; it is not counted.
    left = {file.name for file in parts.iterdir()} - {"000002.csv"}
    assert left == {"lock", "progress.json", "000000.csv", "000001.csv"}


@pytest.mark.usefixtures("quick")
def test_who_is_told_to_end_leaves_no_patient_in_the_folder_and_goes_on_later(command, tmp_path, monkeypatch) -> None:
    source, target, plain = write_csv(tmp_path / "in.csv", list(patients(3, 1))), tmp_path / "out.csv", Quick.answer

    def told(engine: Quick, batch: files.Batch) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return plain(engine, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Quick, "answer", told)
        assert command("run", source, target).exit_code == 143
    assert not list((tmp_path / "out.csv.parts").glob("batch*"))
    assert command("run", source, target).exit_code == 0
    assert numbers(target) == ["1", "2", "3"]


@pytest.mark.usefixtures("quick")
def test_a_batch_is_on_disk_before_it_is_counted_and_all_is_before_it_has_the_name(
    questioner, tmp_path: Path, monkeypatch
) -> None:
    kept = []
    monkeypatch.setattr(os, "fsync", lambda opened: kept.append(Path(f"/proc/self/fd/{opened}").readlink().name))
    source = write_csv(tmp_path / "in.csv", list(patients(3, 1)))
    runs.run(questioner, source, tmp_path / "out.csv", Names(), TODAY, lambda *_: None)
    assert kept == ["000000.csv", "progress.new", "out.csv.parts", "whole.csv", tmp_path.name]


@pytest.mark.parametrize("damage", ["no progress", "a progress of another kind", "a shorter part", "a lost part"])
def test_parts_that_are_damaged_are_not_put_together(command, interrupted: Path, damage: str) -> None:
    parts = interrupted.with_name("out.csv.parts")
    match damage:
        case "no progress":
            (parts / "progress.json").write_text('{"ident')
        case "a progress of another kind":
            (parts / "progress.json").write_text("[]")
        case "a shorter part":
            (parts / "000000.csv").write_bytes((parts / "000000.csv").read_bytes()[:-10])
        case _:
            (parts / "000001.csv").unlink()
    source = interrupted.with_name("in.csv")
    stopped = command("run", source, interrupted)
    assert (stopped.exit_code, "--restart" in stopped.output, interrupted.exists()) == (5, True, False)
    assert command("run", source, interrupted, "--restart").exit_code == 0


def test_a_stray_part_is_none_of_the_answer(questioner, interrupted: Path) -> None:
    """One that was on disk before the batch was counted, say, by an older run of smaller batches."""
    parts = interrupted.with_name("out.csv.parts")
    (parts / "000007.csv").write_bytes((parts / "000000.csv").read_bytes())
    runs.run(questioner, interrupted.with_name("in.csv"), interrupted, Names(), TODAY, lambda *_: None)
    assert numbers(interrupted) == [str(number) for number in range(1, 251)]


@pytest.mark.usefixtures("quick")
def test_a_report_that_cannot_be_written_is_told_before_the_run_and_loses_none_of_it(
    command, tmp_path: Path, monkeypatch
) -> None:
    source, target = write_csv(tmp_path / "in.csv", list(patients(3, 1))), tmp_path / "out.csv"
    assert command("run", source, target, "--report", tmp_path / "nowhere" / "report").exit_code == 4
    assert not target.exists()
    with monkeypatch.context() as patch:
        patch.setattr(reports, "report", _full)
        assert command("run", source, target).exit_code == 4
    assert (tmp_path / "out.csv.parts" / "progress.json").exists()
    again = command("run", source, target)
    assert (again.exit_code, "goes on after 3 patients" in again.output) == (0, True)
    assert json.loads((tmp_path / "out.csv.report.json").read_text())["patients"] == 3
    assert not list(tmp_path.glob("*.new"))


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_the_report_repeats_no_name_that_a_caller_made(command, tmp_path: Path) -> None:
    source = tmp_path / "in.ndjson"
    lines = ['{"Jane Roe": 1}', '{"complications": {"Jane": "present"}}', '{"metastatic_sites": ["bone", "Jane"]}']
    source.write_text("\n".join([*lines, '{"complications": {"pain": {"presence": "x"}}}']))
    command("run", source, tmp_path / "out.ndjson")
    told = json.loads((tmp_path / "out.ndjson.report.json").read_text())["faults"]
    assert {item["member"] for item in told} >= {
        "/*", "/complications/*", "/metastatic_sites/*", "/complications/pain/presence",
    }  # fmt: skip
    assert "Jane" not in str(told)
    assert any("Jane Roe" in error for error in read(tmp_path / "out.ndjson")[0]["errors"])
