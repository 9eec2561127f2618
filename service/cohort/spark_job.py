"""The guideline applied by Apache Spark: the exported relations are sent to every executor and joined there.

    flask --app service cohort export relations
    spark-submit service/cohort/spark_job.py relations patients.parquet answers.parquet --keep patient_id

It needs nothing of this package but the exported folder. Every relation is small and broadcast, so no patient leaves
the machine that read it: no shuffle. Patients whose cells the relations cannot read come out with status 0 and their
cells in `unread`; `flask cohort run` on these few says what is wrong with each, and answers its emergencies.
"""

import argparse
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def answers(  # noqa: PLR0913, PLR0917 - what a run is made of
    spark: Any,
    relations: Path,
    patients: Any,
    keep: str | None = None,
    today: str | None = None,
    ignore: Sequence[str] = (),
) -> Any:
    """A data frame with a row for each patient. `patients` has columns named as columns.json says.

    `today` is the day in UTC, YYYY-MM-DD, against which dates are judged; by default the day of the call. Raises
    ValueError for a column that is neither a fact nor kept nor ignored: nothing that is sent is lost.
    """
    from pyspark.sql import functions as f  # noqa: PLC0415 - only where Spark is

    # Constraints of sixty joins are derived from each other without end.
    spark.conf.set("spark.sql.constraintPropagation.enabled", "false")
    about = json.loads((relations / "columns.json").read_text(encoding="utf-8"))
    for name in about["relations"]:
        f.broadcast(spark.read.parquet(str(relations / f"{name}.parquet"))).createOrReplaceTempView(name)
    stated = facts_in(about, patients.columns, () if keep is None else (keep,), ignore)
    nothing = f.lit(None).cast("string")
    cells = [
        (f.col(quoted(stated[name])).cast("string") if name in stated else nothing).alias(name)
        for name in about["columns"]
    ]
    carried = nothing if keep is None else f.col(quoted(keep))
    patients.select(*cells, carried.alias("keep 0")).createOrReplaceTempView("patients")
    statement = (relations / "cohort.spark.sql").read_text(encoding="utf-8")
    day = today or dt.datetime.now(dt.UTC).date().isoformat()
    joined = spark.sql(statement.replace("{{today}}", day))
    read = f.col("unread").isNull()
    words = ["decision_id", "rule", "code", "direction", "strength", "certainty", "urgency"]
    none = f.array().cast("array<string>")
    return joined.select(
        f.col("`keep 0`").alias(keep or "patient"),
        f.when(read, f.col("status")).otherwise(0).alias("status"),
        *(f.when(read, f.col(name)).alias(name) for name in words),
        f.coalesce(f.when(read, f.col("warnings")), none).alias("warnings"),
        f.coalesce(f.when(read, f.col("faults")), none).alias("errors"),
        f.when(read, f.col("urgent")).alias("urgent"),
        "unread",
    )


def facts_in(
    about: Mapping[str, Any], headers: Sequence[str], keep: Sequence[str], ignore: Sequence[str]
) -> dict[str, str]:
    """Column of facts -> header. Raises ValueError where a header is none, or two state the same fact."""
    found: dict[str, str] = {}
    # Without a header line these are cells of a patient: no name of theirs is repeated.
    for number, header in enumerate(headers, start=1):
        column = about["other_names"].get(header, header)
        if header in ignore or (column not in about["columns"] and header in keep):
            continue
        if column not in about["columns"]:
            raise ValueError(f"column {number} is no fact: name it as columns.json does, --keep or --ignore it")
        if column in found:
            raise ValueError(f"two columns state the same fact, {column}")
        found[column] = header
    if missing := [name for name in (*keep, *ignore) if name not in headers]:
        raise ValueError(f"there is no column {missing[0]!r} to keep or ignore")
    if not found:
        raise ValueError("no column states a fact")
    return found


def quoted(name: str) -> str:
    """The name of a column as Spark reads it, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def read(spark: Any, patients: str) -> Any:
    """A file of patients: CSV by its ending, else Parquet. A row with a cell too many or too few stops the job."""
    if not patients.rstrip("/").endswith(".csv"):
        return spark.read.parquet(patients)
    # With columns pruned, the cells of a row are not counted.
    spark.conf.set("spark.sql.csv.parser.columnPruning.enabled", "false")
    return spark.read.csv(patients, header=True, escape='"', multiLine=True, mode="FAILFAST")


def main() -> None:
    """Run the job."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Answer every patient of a Parquet or CSV file with Apache Spark.")
    parser.add_argument("relations", type=Path, help="what `flask cohort export` wrote")
    parser.add_argument("patients", help="a path that Spark reads; CSV by its ending, else Parquet")
    parser.add_argument("answers", help="where Spark writes Parquet")
    parser.add_argument("--keep", help="the column that names a patient")
    parser.add_argument("--ignore", action="append", default=[], help="a column that is no fact; may be repeated")
    parser.add_argument("--today", help="YYYY-MM-DD, UTC; by default today")
    asked = parser.parse_args()
    spark = SparkSession.builder.appName("guideline cohort").getOrCreate()
    try:
        answered = answers(
            spark, asked.relations, read(spark, asked.patients), asked.keep, asked.today, tuple(asked.ignore)
        )
    except ValueError as error:
        spark.stop()
        parser.error(str(error))
    answered.write.mode("errorifexists").parquet(asked.answers)
    spark.stop()


if __name__ == "__main__":
    main()
