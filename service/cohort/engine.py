"""DuckDB with the relations of one guideline: batches of cells in, rows of answers out."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from service.advice.question import Questioner
from service.cohort.asking import WORDS, Asked, ask, ask_line
from service.cohort.dialect import DUCKDB, text
from service.cohort.files import Batch
from service.cohort.plan import Plan
from service.cohort.reading import body_of, columns_of
from service.cohort.relations import WORD
from service.cohort.sql import Statement
from service.cohort.tables import Columns, tables_of

SLOW_BATCH = 5000
"""Patients read one by one whose rows are held at once."""


class Engine:
    """Answers batches. Its memory does not grow with their number."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a run is made of
        self,
        questioner: Questioner,
        today: dt.date,
        keep: Sequence[str],
        beside: Sequence[str],
        work: Path,
        memory: str,
    ) -> None:
        self.questioner, self.today = questioner, today
        self.keep, self.beside = tuple(keep), tuple(beside)
        self.vocabulary = questioner.guideline.vocabulary
        self.columns = tuple(columns_of(self.vocabulary))
        self.connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(work / "spill")})
        # The patients stay on the left of every join: they stream past the relations, in their order.
        self.connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        plan = Plan(questioner.guideline)
        for name, columns in tables_of(plan):
            load(self.connection, name, columns)
        self.statement = Statement(plan, DUCKDB, today.isoformat())
        self.kept = tuple(f"keep {number}" for number in range(len(self.keep)))
        self.unknown = tuple(plan.weights)

    def answer(self, batch: Batch, done: int) -> int:
        """Make the view `result` for a batch; gives its number of rows. `done`: rows before it."""
        run = self.connection.execute
        run(f"CREATE OR REPLACE TABLE answered AS {self.statement.write(batch.source, self.kept)}")
        found = run("SELECT count(*), count(unread) FROM answered").fetchone()
        number, unread = found or (0, 0)
        kept = "".join(f"{DUCKDB.name_of(kept)}, " for kept in self.kept)
        words = ", ".join(DUCKDB.name_of(name) for name in WORDS)
        row = f"{kept}rowid + {done + 1} AS row, status, {words}, warnings, faults AS errors, urgent"
        # Of a body that is refused the pointers depend on its form, which cells do not have.
        again = "unread IS NOT NULL" + (" OR status <> 200" if batch.lines else "")
        run(f"CREATE OR REPLACE VIEW result AS SELECT {row} FROM answered")
        if unread or batch.lines:
            run(
                "CREATE OR REPLACE TABLE asked (place BIGINT, status INTEGER, "
                f"{', '.join(f'{DUCKDB.name_of(name)} VARCHAR' for name in WORDS)}, "
                "warnings VARCHAR[], errors VARCHAR[], urgent VARCHAR)"
            )
            for columns in self._asked(batch, again):
                self._insert(columns)
            either = ", ".join(
                f"CASE WHEN asked.place IS NULL THEN answered.{n} ELSE asked.{n} END AS {n}"
                for n in ("status", *WORDS, "warnings")
            )
            row = (
                f"{kept}answered.rowid + {done + 1} AS row, {either}, "
                "CASE WHEN asked.place IS NULL THEN faults ELSE asked.errors END AS errors, "
                "CASE WHEN asked.place IS NULL THEN answered.urgent ELSE asked.urgent END AS urgent"
            )
            run(
                f"CREATE OR REPLACE VIEW result AS SELECT {row} FROM answered "
                "LEFT JOIN asked ON asked.place = answered.rowid ORDER BY answered.rowid"
            )
        return int(number)

    def _asked(self, batch: Batch, again: str) -> Iterator[list[tuple[int, Asked]]]:
        """What the relations could not read, asked one by one."""
        reading = self.connection.cursor()
        reading.execute(f"SELECT rowid, unread FROM answered WHERE {again} ORDER BY rowid")
        while some := reading.fetchmany(SLOW_BATCH):
            yield [(place, self._ask(batch, place, cells)) for place, cells in some]

    def _ask(self, batch: Batch, place: int, cells: list[str | None]) -> Asked:
        if batch.lines:
            return ask_line(self.questioner, batch.lines[place], self.today, self.beside)
        body = body_of(self.vocabulary, dict(zip(self.columns, cells, strict=True)))
        return ask(self.questioner, body, self.today)

    def _insert(self, asked: list[tuple[int, Asked]]) -> None:
        columns = [
            [place for place, _ in asked],
            [each.status for _, each in asked],
            *([each.words[number] for _, each in asked] for number in range(len(WORDS))),
            [each.warnings for _, each in asked],
            [each.errors for _, each in asked],
            [each.urgent for _, each in asked],
        ]
        types = ["BIGINT", "INTEGER", *(["VARCHAR"] * len(WORDS)), "VARCHAR[]", "VARCHAR[]", "VARCHAR"]
        listed = ", ".join(f"unnest(?::{kind}[])" for kind in types)
        self.connection.execute(f"INSERT INTO asked SELECT {listed}", columns)

    def counts(self) -> dict[str, Any]:
        """What a report counts of this batch."""
        run = self.connection.execute
        by_status = run("SELECT status, count(*) FROM result GROUP BY 1").fetchall()
        by_rule = run("SELECT rule, count(*) FROM result WHERE rule IS NOT NULL GROUP BY 1").fetchall()
        by_warning = run("SELECT w, count(*) FROM (SELECT unnest(warnings) AS w FROM result) GROUP BY 1").fetchall()
        by_error = run("SELECT e, count(*) FROM (SELECT unnest(errors) AS e FROM result) GROUP BY 1").fetchall()
        by_certainty = run("SELECT certainty, count(*) FROM result WHERE rule IS NOT NULL GROUP BY 1").fetchall()
        urgent = run("SELECT count(urgent) FROM result").fetchall()
        bits = ", ".join(
            f"count(*) FILTER (unread IS NULL AND unknown{place // WORD} & {1 << place % WORD} <> 0)"
            for place in range(len(self.unknown))
        )
        unknown = run(f"SELECT count(*) FILTER (unread IS NULL), {bits} FROM answered").fetchone() or ()
        return {
            "status": {str(status): number for status, number in by_status},
            "rule": dict(by_rule),
            "certainty": dict(by_certainty),
            "warning": dict(by_warning),
            "error": dict(by_error),
            "urgent_refusals": {"urgent": urgent[0][0]},
            "unknown": dict(zip(("read", *self.unknown), unknown, strict=True)),
        }

    def write(self, file: Path, kind: str) -> None:
        """Write the view `result` to a file."""
        q = DUCKDB.name_of
        names = ", ".join(f"{q(kept)} AS {q(name)}" for kept, name in zip(self.kept, self.keep, strict=True))
        listed = ("warnings", "errors")
        row = ", ".join(["row", "status", *map(q, WORDS)])
        if kind == ".csv":
            joined = ", ".join(f"array_to_string({name}, ';') AS {name}" for name in listed)
            options = "FORMAT csv, HEADER false"
        else:
            joined = ", ".join(f"coalesce({name}, []) AS {name}" for name in listed)
            options = "FORMAT parquet, COMPRESSION zstd" if kind == ".parquet" else "FORMAT json"
        select = f"SELECT {names + ', ' if names else ''}{row}, {joined}, urgent FROM result"
        self.connection.execute(f"COPY ({select}) TO {text(str(file))} ({options})")


def load(connection: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
    """Make a table of some columns."""
    kinds = {column: "VARCHAR" if isinstance(values[0], str) else "BIGINT" for column, values in columns.items()}
    listed = ", ".join(f"unnest(?::{kind}[]) AS {DUCKDB.name_of(column)}" for column, kind in kinds.items())
    connection.execute(f"CREATE TABLE {DUCKDB.name_of(name)} AS SELECT {listed}", list(columns.values()))
