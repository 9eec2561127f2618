"""Files of patients, run as the command runs them, and the answers of the API to compare them with."""

import csv
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import Result
from flask import Flask

from service.advice.question import Questioner
from service.cohort import engine, files
from service.cohort import run as runs
from service.cohort.mapping import Names
from service.cohort.plan import Plan
from service.cohort.run import Done, run
from service.cohort.tables import Columns, tables_of
from tests.cohort.registry import COLUMNS, Row, body, text
from tests.conftest import NOON

ANSWER = ("decision_id", "rule", "code", "direction", "strength", "certainty", "urgency", "warnings")


@pytest.fixture(scope="session")
def questioner(app: Flask) -> Questioner:
    return app.config["KNOWLEDGE"].newest("mbc-primary-lrt")


@pytest.fixture(scope="session", autouse=True)
def compiled_once(questioner: Questioner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The guideline is compiled and laid out once for all runs, which takes longer than answering a few patients."""
    plan, load, folder = Plan(questioner.guideline), engine.load, tmp_path_factory.mktemp("relations")
    tables = dict(tables_of(plan))
    with duckdb.connect() as connection:
        for name, columns in tables.items():
            load(connection, name, columns)
            connection.execute(f"COPY {name} TO '{folder / name}.parquet'")

    def loaded(connection: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
        if columns is tables.get(name):
            connection.execute(f"CREATE TABLE {name} AS FROM '{folder / name}.parquet'")
        else:
            load(connection, name, columns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "Plan", lambda asked: plan if asked is questioner.guideline else Plan(asked))
        patch.setattr(engine, "tables_of", lambda asked: tables.items() if asked is plan else tables_of(asked))
        patch.setattr(engine, "load", loaded)
        yield


@pytest.fixture
def answered(questioner: Questioner, tmp_path: Path) -> Callable[..., list[dict]]:
    """Run a file; gives the rows of the answer as dictionaries, whatever the format."""

    def go(source: Path, ending: str = ".ndjson", names: Names | None = None, **options) -> list[dict]:
        target = tmp_path / f"answers{ending}"
        go.done = run(questioner, source, target, names or Names(), NOON.date(), lambda *_: None, **options)
        assert isinstance(go.done, Done)
        return read(target)

    return go


@pytest.fixture
def command(app: Flask) -> Callable[..., Result]:
    return lambda *words: app.test_cli_runner().invoke(args=["cohort", *map(str, words)])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of about a hundred: of CSV so many bytes."""
    monkeypatch.setattr(files, "BATCH_ROWS", 100)
    monkeypatch.setattr(files, "BATCH_BYTES", 24_000)


class Quick:
    """An engine that gives each patient a number and no more: what is judged here is what is around it."""

    def __init__(self, *_: object) -> None:
        self.connection = duckdb.connect()

    def answer(self, batch: files.Batch) -> int:
        self.connection.execute(f"CREATE OR REPLACE TABLE coded AS SELECT 1 FROM {batch.source}")  # noqa: S608
        return self.connection.table("coded").shape[0]

    def write(self, file: Path, _kind: str, done: int) -> int:
        row = f"SELECT rowid + {done + 1} FROM coded"  # noqa: S608
        self.connection.execute(f"COPY ({row}) TO '{file}' (FORMAT csv, HEADER false)")
        return self.connection.table("coded").shape[0]

    def counts(self) -> dict[str, dict[str, int]]:
        return {}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "Engine", Quick)


def numbers(target: Path) -> list[str]:
    return target.read_text().splitlines()[1:]


def read(file: Path) -> list[dict]:
    if file.suffix == ".ndjson":
        return [json.loads(line) for line in file.read_text().splitlines()]
    if file.suffix == ".parquet":
        found = duckdb.sql(f"FROM '{file}'")
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        row |= {name: row[name].split(";") if row[name] else [] for name in ("warnings", "errors")}
        row |= {name: row[name] or None for name in (*ANSWER[:-1], "urgent")}
        row |= {name: int(row[name]) for name in ("row", "status")}
    return rows


def write_csv(file: Path, rows: list[Row], columns: list[str] | None = None, delimiter: str = ",") -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns or COLUMNS, delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file


def write_parquet(file: Path, rows: list[Row]) -> Path:
    source = write_csv(file.with_suffix(".all.csv"), rows)
    duckdb.sql(f"COPY (FROM read_csv('{source}', all_varchar=true)) TO '{file}'")
    return file


def expected(app: Flask, lines: list[str]) -> list[dict]:
    """What the API says of each line, in the columns of a cohort."""
    found = []
    client = app.test_client()
    for start in range(0, len(lines), 1000):
        data = "\n".join(lines[start : start + 1000]) + "\n"
        response = client.post("/v1/recommendations/batch", data=data, content_type="application/x-ndjson")
        assert response.status_code == 200, response.get_data(as_text=True)[:300]
        found += [json.loads(line) for line in response.get_data(as_text=True).splitlines()]
    assert len(found) == len(lines)
    return [_flat(number, item) for number, item in enumerate(found, start=1)]


def _flat(number: int, item: dict) -> dict:
    answer, problem = item.get("answer"), item.get("problem", {})
    row = {"row": number, "status": item["status"]} | {name: (answer or {}).get(name) for name in ANSWER}
    row["warnings"] = row["warnings"] or []
    row["errors"] = [f"{fault.get('rule') or fault['code']} {fault['pointer']}" for fault in problem.get("errors", [])]
    row["urgent"] = problem.get("urgent", {}).get("code")
    return row


def lines_of(rows: list[Row]) -> list[str]:
    return [text(body(row)) for row in rows]


def compare(found: list[dict], wanted: list[dict], rows: list) -> None:
    """Row for row. Of an answer in an emergency the members that could not be read are told by the full view only."""
    assert len(found) == len(wanted)
    for one, other, row in zip(found, wanted, rows, strict=True):
        told = sorted(one["errors"]) if one["status"] != 200 else []
        assert {**one, "errors": told} == {**other, "errors": sorted(other["errors"])}, row


TODAY: dt.date = NOON.date()
