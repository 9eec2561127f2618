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
from pathlib import Path
from typing import Any


def answers(spark: Any, relations: Path, patients: Any, keep: str | None = None, today: str | None = None) -> Any:
    """A data frame with a row for each patient. `patients` has columns named as columns.json says; others are left out.

    `today` is the day in UTC, YYYY-MM-DD, against which dates are judged; by default the day of the call.
    """
    from pyspark.sql import functions as f  # noqa: PLC0415 - only where Spark is

    # Constraints of sixty joins are derived from each other without end.
    spark.conf.set("spark.sql.constraintPropagation.enabled", "false")
    about = json.loads((relations / "columns.json").read_text(encoding="utf-8"))
    for name in about["relations"]:
        f.broadcast(spark.read.parquet(str(relations / f"{name}.parquet"))).createOrReplaceTempView(name)
    known = set(patients.columns)
    nothing = f.lit(None).cast("string")
    cells = [(f.col(f"`{name}`").cast("string") if name in known else nothing).alias(name) for name in about["columns"]]
    carried = nothing if keep is None else f.col(f"`{keep}`")
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


def main() -> None:
    """Run the job."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Answer every patient of a Parquet or CSV file with Apache Spark.")
    parser.add_argument("relations", type=Path, help="what `flask cohort export` wrote")
    parser.add_argument("patients", help="a path that Spark reads; CSV by its ending, else Parquet")
    parser.add_argument("answers", help="where Spark writes Parquet")
    parser.add_argument("--keep", help="the column that names a patient")
    parser.add_argument("--today", help="YYYY-MM-DD, UTC; by default today")
    asked = parser.parse_args()
    spark = SparkSession.builder.appName("guideline cohort").getOrCreate()
    if asked.patients.rstrip("/").endswith(".csv"):
        patients = spark.read.csv(asked.patients, header=True, escape='"')
    else:
        patients = spark.read.parquet(asked.patients)
    answers(spark, asked.relations, patients, asked.keep, asked.today).write.mode("errorifexists").parquet(
        asked.answers
    )
    spark.stop()


if __name__ == "__main__":
    main()
