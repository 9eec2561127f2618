"""The cohort by Apache Spark in local-cluster mode, compared row for row: `make cohort-spark`.

Runs in a Python of its own that has pyspark; what it is compared with comes from the service's own Python.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = str(ROOT / ".venv" / "bin" / "python")
NUMBER, TODAY = 20_000, "2026-11-23"
MADE = f"""
import datetime as dt, sys
from pathlib import Path
from service.advice.question import Questioner
from service.cohort.export import export
from service.cohort.mapping import Names
from service.cohort.run import run
from service.knowledge.library import load_library
from service.settings import CONTENT
from tests.cohort.conftest import write_csv
from tests.cohort.registry import COLUMNS, patients
folder = Path(sys.argv[1])
guideline = load_library(CONTENT).newest("mbc-primary-lrt")
rows = [{{**row, "patient": f"Jo\\nhn {{n}}"}} for n, row in enumerate(patients({NUMBER}, 5, faulty=0.01, free=0.2))]
write_csv(folder / "in.csv", rows, ["patient", *COLUMNS])
export(guideline, folder / "relations")
day = dt.date.fromisoformat("{TODAY}")
run(Questioner(guideline), folder / "in.csv", folder / "out.ndjson", Names(keep=("patient",)), day, lambda *_: None)
"""
SAME = ("status", "decision_id", "rule", "code", "direction", "strength", "certainty", "urgency", "warnings", "urgent")


def main() -> None:
    """Compare; exit 1 where a row differs."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only in this Python

    sys.path.insert(0, str(ROOT / "service" / "cohort"))  # the job alone; the package is not installed here
    from spark_job import answers, read  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="spark-") as name:
        folder = Path(name)
        subprocess.run([OURS, "-c", MADE, str(folder)], check=True, cwd=ROOT)
        master = sys.argv[1] if len(sys.argv) > 1 else "local-cluster[2,1,1024]"
        builder = SparkSession.builder.master(master).config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.ui.enabled", "false").config("spark.driver.bindAddress", "127.0.0.1")
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        patients = read(spark, str(folder / "in.csv")).repartition(4)
        found = answers(spark, folder / "relations", patients, "patient", TODAY)
        plan = found._jdf.queryExecution().executedPlan().toString()
        by_patient = {row["patient"]: row.asDict() for row in found.collect()}
        spark.stop()
        wanted = [json.loads(line) for line in (folder / "out.ndjson").read_text().splitlines()]
    unread = [row for row in by_patient.values() if row["status"] == 0]
    wrong = [row["patient"] for row in wanted if by_patient[row["patient"]]["status"] and not _same(row, by_patient)]
    joins, shuffles = plan.count("BroadcastHashJoin"), plan.count("Exchange hashpartitioning")
    print(f"{len(wanted)} patients, {len(unread)} left to be read, {len(wrong)} different")
    print(f"{joins} broadcast joins, {shuffles} shuffles")
    sys.exit(bool(wrong or shuffles or len(by_patient) != NUMBER))


def _same(row: dict, by_patient: dict) -> bool:
    other = by_patient[row["patient"]]
    return all(row.get(name) == other[name] for name in SAME)


if __name__ == "__main__":
    main()
