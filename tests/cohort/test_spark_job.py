"""The job for Apache Spark as far as it can be judged without Spark; `make cohort-spark` compares its answers."""

import json
import re
from pathlib import Path
from unittest.mock import Mock

import pytest

from service.cohort import engine
from service.cohort import export as exports
from service.cohort.dialect import SPARK
from service.cohort.reading import columns_of, other_names
from service.cohort.spark_job import facts_in, quoted, read
from service.cohort.sql import Statement


@pytest.fixture
def about(guideline) -> dict:
    return {"columns": list(columns_of(guideline.vocabulary)), "other_names": other_names(guideline.vocabulary)}


def test_columns_are_found_by_each_of_their_names(about: dict) -> None:
    headers = ["id", "chemotherapy_response", "complications.bleeding.presence", "ecog", "note"]
    assert facts_in(about, headers, ("id", "ecog"), ("note",)) == {
        "chemotherapy_response.overall": "chemotherapy_response",
        "complications.bleeding": "complications.bleeding.presence",
        "ecog": "ecog",
    }


@pytest.mark.parametrize("headers", [
    ["ecog", "Ecog"], ["ecog", "platelets"], ["ecog;sex"], ["id"], [], ["ecog", "note"],
    ["chemotherapy_response", "chemotherapy_response.overall"],
])  # fmt: skip
def test_a_column_that_is_nothing_stops_the_job(about: dict, headers: list[str]) -> None:
    """Left out without a word, every patient would get the answer to an empty question."""
    with pytest.raises(ValueError, match=r"fact|column") as told:
        facts_in(about, headers, ("id",) if "id" in headers else (), ())
    assert "platelets" not in str(told.value)


def test_what_is_kept_or_ignored_has_to_be_there(about: dict) -> None:
    with pytest.raises(ValueError, match="'nobody'"):
        facts_in(about, ["ecog"], ("nobody",), ())


def test_csv_is_read_by_records_and_a_malformed_one_stops_the_job() -> None:
    spark = Mock()
    read(spark, "in.csv")
    options = spark.read.csv.call_args.kwargs
    assert (options["multiLine"], options["mode"], options["header"]) == (True, "FAILFAST", True)
    spark.conf.set.assert_called_once_with("spark.sql.csv.parser.columnPruning.enabled", "false")


def test_no_backslash_of_the_statement_is_lost_in_spark(guideline) -> None:
    """Spark takes two for one. A lost one would let `7,5` pass for a number, and the job would break off at it."""
    statement = Statement(engine.Plan(guideline), SPARK, "2026-11-23").write("patients")
    assert "\\\\z" in statement
    assert "\\" not in statement.replace("\\\\z", "")
    numbers = [re.compile(found) for found in set(re.findall(r"'(-\?[^']+)'", statement))]
    assert len(numbers) == 2
    assert not any(number.fullmatch(cell) for number in numbers for cell in ("7,5", "1e2", "7.", ".5"))


def test_a_name_is_quoted_whatever_is_in_it() -> None:
    assert quoted("a`b") == "`a``b`" == SPARK.name_of("a`b")


def test_the_export_names_all_names_of_a_column(guideline, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(exports, "Plan", engine.Plan)
    monkeypatch.setattr(exports, "tables_of", lambda _: [])
    exports.export(guideline, tmp_path)
    told = json.loads((tmp_path / "columns.json").read_text())
    assert told["other_names"]["chemotherapy_response"] == "chemotherapy_response.overall"
