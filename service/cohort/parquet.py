"""A small table as a Parquet file in memory."""

import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

MIMETYPE = "application/vnd.apache.parquet"


def installed() -> bool:
    """Whether the extra `cohort` is there."""
    try:
        return find_spec("duckdb") is not None
    except ValueError:  # a test's stand-in for its absence
        return False


def parquet(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    """The rows as Parquet, every column text."""
    import duckdb  # noqa: PLC0415 - an optional extra

    from service.cohort.dialect import text  # noqa: PLC0415
    from service.cohort.engine import load  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        load(connection, "cells", {column: [row[column] for row in rows] for column in columns})
        file = Path(folder) / "cells.parquet"
        connection.execute(f"COPY cells TO {text(str(file))} (FORMAT parquet)")
        return file.read_bytes()
