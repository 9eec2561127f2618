"""`flask cohort run` as people use it: resumed, mapped, refused with a reason and an exit code, reported on."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from flask import Flask
from markupsafe import escape

from service.cohort import run as runs
from service.cohort.mapping import Names
from tests.cohort.conftest import TODAY, compare, expected, lines_of, numbers, read, write_csv
from tests.cohort.registry import patients
from tests.conftest import ROOT


@pytest.mark.usefixtures("small", "quick")
def test_a_run_tells_how_it_goes_and_writes_answers_and_reports(command, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", list(patients(250, 1)))
    done = command("run", source, tmp_path / "out.csv")
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert "100.0%" in lines[-2]
    assert "/s" in lines[-2]
    assert "s left" in lines[-2]
    assert numbers(tmp_path / "out.csv") == [str(number) for number in range(1, 251)]
    assert not (tmp_path / "out.csv.parts").exists()


@pytest.mark.usefixtures("small")
def test_the_report_counts_what_the_answers_say(command, tmp_path: Path) -> None:
    rows = list(patients(300, 2, faulty=0.1))
    command("run", write_csv(tmp_path / "in.csv", rows), tmp_path / "out.ndjson")
    answers = read(tmp_path / "out.ndjson")
    told = json.loads((tmp_path / "out.ndjson.report.json").read_text())
    assert told["patients"] == 300
    assert told["answered"] == sum(row["status"] == 200 for row in answers)
    assert told["urgent_refusals"] == sum(row["urgent"] is not None for row in answers)
    by_rule = {item["rule"]: item["patients"] for item in told["recommendations"]}
    assert by_rule == {rule: sum(row["rule"] == rule for row in answers) for rule in by_rule}
    urgencies = [row["urgency"] for row in answers if row["status"] == 200]
    assert told["urgency"] == {each: urgencies.count(each) for each in urgencies}
    assert sum(item["number"] for item in told["faults"]) == sum(len(row["errors"]) for row in answers)
    clean = [row for row, cells in zip(answers, rows, strict=True) if row["status"] == 200 and not row["errors"]]
    unknown = {item["fact"]: item["patients"] for item in told["unknown"]}
    assert unknown["primary_tumour"] >= sum("primary_tumour_unknown" in row["warnings"] for row in clean)
    page = (tmp_path / "out.ndjson.report.html").read_text()
    assert "300 patients of in.csv" in page
    assert all(item["title"] in page for item in told["recommendations"])
    contradicted = next(item for item in told["faults"] if item["rule"].startswith("V"))
    assert contradicted["detail"]
    assert str(escape(contradicted["detail"])) in page


@pytest.mark.usefixtures("small")
def test_what_was_interrupted_goes_on_and_nothing_half_done_stands_under_the_name(
    questioner, tmp_path: Path, app: Flask
) -> None:
    rows = list(patients(250, 3))
    source, target = write_csv(tmp_path / "in.csv", rows), tmp_path / "out.ndjson"

    before, seen = [], []

    def stop(done: int, *_: int) -> None:
        before.append(done)
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(questioner, source, target, Names(), TODAY, stop)
    assert not target.exists()
    done = runs.run(questioner, source, target, Names(), TODAY, lambda rows, *_: seen.append(rows))
    assert done.resumed
    assert (seen[0], seen[-1]) == (before[-1], 250)
    assert len(seen) > 2
    compare(read(target), expected(app, lines_of(rows)), rows)
    assert sum(done.counts["status"].values()) == 250


@pytest.mark.usefixtures("small", "quick")
def test_a_run_is_not_gone_on_with_for_another_input(command, questioner, tmp_path: Path) -> None:
    source, target = write_csv(tmp_path / "in.csv", list(patients(150, 4))), tmp_path / "out.csv"

    def stop(done: int, *_: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(questioner, source, target, Names(), TODAY, stop)
    write_csv(source, list(patients(150, 5)))
    refused = command("run", source, target)
    assert (refused.exit_code, target.exists()) == (5, False)
    assert "--restart" in refused.output
    assert command("run", source, target, "--restart").exit_code == 0


def test_a_hospitals_own_names_and_codes_are_mapped(command, ask, tmp_path: Path) -> None:
    mapping = tmp_path / "ours.yaml"
    mapping.write_text(
        "columns: {M: metastatic_status, Alter: age_years, Sites: metastatic_sites, Response: chemotherapy_response}\n"
        'values:\n  metastatic_status: {"1": M1, "0": M0}\n  chemotherapy_response.overall: {"2": PR}\n'
        'keep: [Nr]\nignore: [Remarks]\nmissing: [NA, "-9"]\nseparator: ","\n'
    )
    source = tmp_path / "in.csv"
    source.write_text('Nr,M,Alter,Sites,Response,Remarks\n007,1,70,"bone,liver",2,"free, text"\n008,0,-9,NA,,\n')
    done = command("run", source, tmp_path / "out.csv", "--mapping", mapping)
    assert done.exit_code == 0, done.output
    one, other = read(tmp_path / "out.csv")
    assert (one["Nr"], other["Nr"]) == ("007", "008")
    facts = {"metastatic_status": "M1", "age_years": 70, "metastatic_sites": ["bone", "liver"]}
    wanted = [ask(facts | {"chemotherapy_response": {"overall": "PR"}}), ask({"metastatic_status": "M0"})]
    assert [row["decision_id"] for row in (one, other)] == [answer["decision_id"] for answer in wanted]


BAD_FILES = {
    "a column that is no fact": ("in.csv", "metastatic_status,ecgo\nM1,1\n", "'ecgo' is no fact (did you mean ecog?)"),
    "two columns of one fact": (
        "in.csv",
        "chemotherapy_response,chemotherapy_response.overall\nPR,PR\n",
        "state the same fact",
    ),
    "no facts": ("in.csv", "a\n1\n", "no column states a fact"),
    "an empty file": ("in.csv", "", "the file is empty"),
    "an ending": ("in.xlsx", "x", "the name must end in .csv, .parquet, .ndjson"),
    "too many cells": ("in.csv", "ecog,sex\n1,female\n2,male,3\n", "after row 0"),
    "no parquet": ("in.parquet", "PAR1", "in.parquet"),
    "lines that end in a carriage return": ("in.csv", "ecog,sex\r1,female\r", "line feed"),
    "two columns of one name": ("in.csv", "ecog,Nr,nr\n1,1,2\n", "columns 2 and 3 have the same name"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(command, tmp_path: Path, name: str) -> None:
    file, content, reason = BAD_FILES[name]
    (tmp_path / file).write_text(content)
    refused = command("run", tmp_path / file, tmp_path / "out.csv")
    assert refused.exit_code == 3, refused.output
    assert reason in refused.output
    assert "Traceback" not in refused.output
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_is_not_there_or_a_place_that_cannot_be_written(command, tmp_path: Path) -> None:
    assert command("run", tmp_path / "none.csv", tmp_path / "out.csv").exit_code == 3
    source = write_csv(tmp_path / "in.csv", list(patients(3, 1)))
    (tmp_path / "file").write_text("")
    assert command("run", source, tmp_path / "file" / "out.csv").exit_code == 4
    assert command("run", source, source).exit_code == 3
    assert command("export", tmp_path / "file" / "relations").exit_code == 4


def test_a_wrong_mapping_is_refused_with_its_fault(command, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", list(patients(3, 1)))
    for content, reason in (("columns: {x: hat}", "hat"), ("colums: {}", "colums"), ("keep: [nobody]", "nobody")):
        (tmp_path / "m.yaml").write_text(content)
        refused = command("run", source, tmp_path / "out.csv", "--mapping", tmp_path / "m.yaml")
        assert refused.exit_code == 3
        assert reason in refused.output


@pytest.mark.parametrize("text", [
    "ecog,sex\r\n1,female\r\n2,male\r\n", "\ufeffecog;sex\n1;female\n2;male", 'ecog,sex\n"1","female"\n"2","male"\n',
])  # fmt: skip
def test_csv_is_read_as_tools_write_it(answered, tmp_path: Path, text: str) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(text.encode())
    found = answered(source)
    assert [(row["row"], row["status"], row["errors"]) for row in found] == [(1, 200, []), (2, 200, [])]


@pytest.mark.usefixtures("small")
def test_a_line_break_inside_quotation_marks_ends_no_row(answered, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    for end, inside, number in (("\n", "\n", 120), ("\r\n", "\n", 3), ("\n", "\r\n", 3)):
        rows = "".join(f'"Jo{inside}hn {n}",1{end}' for n in range(number))
        source.write_bytes(f"patient,ecog{end}{rows}".encode())
        found = answered(source, names=Names(keep=("patient",)))
        assert [row["patient"] for row in found] == [f"Jo{inside}hn {n}" for n in range(number)]


def test_the_rows_stand_in_the_order_of_the_file_however_long_it_is(answered, tmp_path: Path) -> None:
    """More than one thread of the engine would read at a time, and one of them be first."""
    source = tmp_path / "in.csv"
    source.write_text("patient,ecog,x\n" + "".join(f"{n},{n % 5},{'x' * 500}\n" for n in range(60_000)))
    found = answered(source, ".parquet", Names(keep=("patient",), ignore=("x",)))
    assert [int(row["patient"]) for row in found] == list(range(60_000))


def test_types_of_parquet_mean_what_they_say(answered, tmp_path: Path) -> None:
    duckdb.sql(
        "COPY (SELECT 'M1' AS metastatic_status, 62.0::DOUBLE AS age_years, true AS pregnant, ['bone', 'liver'] AS "
        "metastatic_sites, DATE '2026-11-01' AS as_of, 7 AS id, 7.800000000000001::DOUBLE AS haemoglobin_g_per_dl) "
        f"TO '{tmp_path / 'in.parquet'}'"
    )
    (row,) = answered(tmp_path / "in.parquet", ".parquet", Names(keep=("id",)))
    assert (row["id"], row["status"], row["errors"]) == (7, 200, [])


def test_the_service_starts_and_answers_without_the_extra() -> None:
    """The image of the service has none of it."""
    code = (
        "import sys; sys.modules['duckdb'] = None\n"
        "from service import create_app; client = create_app().test_client()\n"
        "lines = client.post('/v1/recommendations/batch', data='{}', content_type='application/x-ndjson')\n"
        "parquet = {'Accept': 'application/vnd.apache.parquet'}\n"
        "table = client.get('/v1/guidelines/mbc-primary-lrt/decision-table', headers=parquet)\n"
        "print(lines.status_code, table.status_code)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert told.stdout == "200 406\n", told.stderr


def test_without_the_extra_the_command_says_what_to_install(command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in ("engine", "files", "run", "report"):
        monkeypatch.delitem(sys.modules, f"service.cohort.{name}", raising=False)
        monkeypatch.delattr(f"service.cohort.{name}", raising=False)
    refused = command("run", tmp_path / "in.csv", tmp_path / "out.csv")
    assert refused.exit_code == 1
    assert "requirements-cohort.txt" in refused.output
