"""The relations for other engines: a folder of Parquet files, and the statement that joins them, as SQL."""

import datetime as dt
import json
import tempfile
from pathlib import Path

import duckdb

from service.cohort.dialect import DUCKDB, SPARK, text
from service.cohort.engine import load
from service.cohort.plan import Plan
from service.cohort.reading import columns_of, other_names
from service.cohort.run import writing
from service.cohort.sql import Statement
from service.cohort.tables import tables_of
from service.knowledge.guideline import Guideline

TODAY = dt.date(1, 1, 1)
"""Stands in the exported statement for the day of the run."""
SLOT = "{{today}}"


def export(guideline: Guideline, folder: Path) -> list[str]:
    """Write the relations and the statements; gives the names of the files. Raises OSError.

    `cohort.<engine>.sql` selects from `patients`, which has a column of text for each of `columns.json`; it holds
    {{today}} where the day of the run belongs (YYYY-MM-DD, UTC).
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Made where nobody can plant a link, then put in its place, where a link is replaced and not followed.
    with tempfile.TemporaryDirectory(dir=folder) as made:
        written = _write(guideline, Path(made))
        for name in written:
            (Path(made) / name).replace(folder / name)
    return written


def _write(guideline: Guideline, folder: Path) -> list[str]:
    plan = Plan(guideline)
    written = []
    with writing(folder), duckdb.connect() as connection:
        for name, columns in tables_of(plan):
            load(connection, name, columns)
            target = folder / f"{name}.parquet"
            connection.execute(f"COPY {DUCKDB.name_of(name)} TO {text(str(target))} (FORMAT parquet, COMPRESSION zstd)")
            written.append(target.name)
    for dialect in (DUCKDB, SPARK):
        statement = Statement(plan, dialect, TODAY.isoformat()).write("patients", KEEP)
        target = folder / f"cohort.{dialect.name}.sql"
        target.write_text(statement.replace(TODAY.isoformat(), SLOT) + "\n", encoding="utf-8")
        written.append(target.name)
    about = {
        "guideline": guideline.release.id,
        "release": guideline.release.release,
        "digest": guideline.digest,
        "columns": list(columns_of(guideline.vocabulary)),
        "other_names": other_names(guideline.vocabulary),
        "relations": [name.removesuffix(".parquet") for name in written if name.endswith(".parquet")],
        "keep": list(KEEP),
    }
    (folder / "columns.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return [*written, "columns.json"]


KEEP = ("keep 0",)
"""The column of `patients` that the exported statement carries over: whatever names a patient there."""
