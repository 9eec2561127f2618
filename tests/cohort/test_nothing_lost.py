"""What a file says is answered or refused as the API does it; nothing is lost, guessed or taken for something else."""

import json
from pathlib import Path

import duckdb
import pytest
from flask import Flask

from service.cohort import files
from service.cohort.mapping import Names
from service.cohort.run import run
from tests.cohort.conftest import TODAY, compare, expected

LINES = [
    '{"metastatic_status": "M1", "complications": ["none"]}',
    '{"metastatic_status": "M1", "complications": ["unknown"]}',
    '{"metastatic_status": "M1", "metastatic_sites": ["unknown"]}',
    '{"metastatic_status": "M1", "metastatic_sites": ["none"]}',
    '{"metastatic_status": "M1", "complications": ["sepsis_signs", "none"]}',
    json.dumps({"metastatic_status": "M1", "metastatic_sites": ["bone"] * 1000}),
    '{"metastatic_status": "M1", "haemoglobin_g_per_dl": 7.800000000000001}',
    '{"metastatic_status": "M1", "haemoglobin_g_per_dl": 7.00000000000000000001}',
]


def test_a_body_is_answered_as_in_a_request_whatever_its_lists_and_numbers_hold(answered, app: Flask, tmp_path) -> None:
    """A list that holds only `none` is refused: it is no way to say that every complication is absent."""
    source = tmp_path / "in.ndjson"
    source.write_text("\n".join(LINES))
    wanted = expected(app, LINES)
    assert [row["status"] for row in wanted] == [422, 422, 422, 422, 200, 422, 200, 200]
    compare(answered(source), wanted, LINES)


LISTS = {
    "['none']": 422,
    "['unknown']": 422,
    "['']": 422,
    "['[]']": 422,
    "[NULL]": 422,
    "['pain', NULL]": 422,
    "['pain;odour']": 422,
    "[NULL, 'pain;odour']": 422,
    "['pain', 'none']": 422,
    "['pain', 'odour']": 200,
    "[]::VARCHAR[]": 200,
    "NULL::VARCHAR[]": 200,
}


def test_a_list_of_parquet_is_never_taken_for_a_word_or_for_a_shorter_or_longer_one(answered, tmp_path: Path) -> None:
    union = " UNION ALL ".join(f"SELECT {n} AS id, {items} AS complications" for n, items in enumerate(LISTS))
    duckdb.sql(f"COPY (FROM ({union}) ORDER BY id) TO '{tmp_path / 'in.parquet'}'")
    found = answered(tmp_path / "in.parquet", names=Names(keep=("id",)))
    assert {items: row["status"] for items, row in zip(LISTS, found, strict=True)} == LISTS


def test_a_list_of_parquet_states_no_fact_that_is_no_list(answered, tmp_path: Path) -> None:
    duckdb.sql(f"COPY (SELECT ['M1'] AS metastatic_status, 1 AS ecog) TO '{tmp_path / 'in.parquet'}'")
    assert [row["status"] for row in answered(tmp_path / "in.parquet")] == [422]


def test_a_fact_that_is_kept_is_stated_too(answered, ask, tmp_path: Path) -> None:
    """Carried over without being stated, a grade would be unknown and its emergency gone."""
    source = tmp_path / "in.csv"
    source.write_text("M,complications.bleeding,complications.bleeding.grade\nM1,present,4\n")
    names = Names(columns={"M": "metastatic_status"}, keep=("M", "complications.bleeding.grade"))
    (row,) = answered(source, names=names)
    assert (row["M"], row["complications.bleeding.grade"]) == ("M1", "4")
    stated = ask({"metastatic_status": "M1", "complications": {"bleeding": {"presence": "present", "grade": 4}}})
    assert row["decision_id"] == stated["decision_id"]


def test_a_fact_that_is_kept_of_a_body_is_stated_too(answered, app: Flask, tmp_path: Path) -> None:
    line = '{"id": 1, "metastatic_status": "M1", "complications": {"bleeding": {"presence": "present", "grade": 4}}}'
    odd = '{"id": 2, "metastatic_status": "M9", "complications": {"bleeding": {"presence": "present", "grade": 4}}}'
    source = tmp_path / "in.ndjson"
    source.write_text(f"{line}\n{odd}\n")
    found = answered(source, names=Names(keep=("id", "metastatic_status", "complications")))
    wanted = expected(app, [text.replace('"id": 1, ', "").replace('"id": 2, ', "") for text in (line, odd)])
    assert [row["decision_id"] for row in found] == [row["decision_id"] for row in wanted]
    assert [row["metastatic_status"] for row in found] == ["M1", "M9"]


def test_what_is_kept_of_a_body_is_what_was_written(answered, tmp_path: Path) -> None:
    """A number beyond 64 bits is no float; of an id that stands twice neither is dropped, and the body is refused."""
    source = tmp_path / "in.ndjson"
    source.write_text(
        '{"id": 12345678901234567890123, "ecog": 1}\n{"id": 1.10, "ecog": 1}\n{"id": 7, "ecog": "x"}\n'
        '{"id": "a", "id": "b", "ecog": 1}\n{"id": 12345678901234567890123, "ecog": "x"}\n'
    )
    found = answered(source, names=Names(keep=("id",)))
    assert [row["id"] for row in found] == [
        "12345678901234567890123", "1.10", "7", '["a","b"]', "12345678901234567890123",
    ]  # fmt: skip
    assert [row["status"] for row in found] == [200, 200, 422, 422, 422]
    assert any(error.endswith(" /id") for error in found[3]["errors"])


def test_neither_a_line_break_in_what_is_kept_nor_a_mark_at_the_beginning_costs_a_patient(answered, tmp_path) -> None:
    names = ["Jo\rhn", "Jo\nhn", "Jo\r\nhn", 'Jo"hn', "Jo,hn"]
    source = tmp_path / "in.ndjson"
    source.write_text("\ufeff" + "\n".join(json.dumps({"id": name, "ecog": 1}) for name in names))
    found = answered(source, names=Names(keep=("id",)))
    assert [(row["id"], row["status"]) for row in found] == [(name, 200) for name in names]


def test_a_path_is_no_pattern_and_says_nothing_of_the_patients(questioner, tmp_path: Path) -> None:
    """`p[1].parquet` as a pattern is p1.parquet; `ecog=4` in a path would be a column."""
    folder = tmp_path / "ecog=4"
    folder.mkdir()
    for name, status in (("p[1]", "M1"), ("p1", "M0"), ("p?", "M1")):
        statement = (
            f"COPY (SELECT '{status}' AS metastatic_status, '{name}' AS id) TO '{folder / 'new'}' (FORMAT parquet)"
        )
        duckdb.sql(statement)
        (folder / "new").rename(folder / f"{name}.parquet")
    for name in ("p[1]", "p?"):
        target = folder / f"[1]{name}.parquet"
        run(questioner, folder / f"{name}.parquet", target, Names(keep=("id",)), TODAY, lambda *_: None)
        target.rename(folder / "out.parquet")
        written = duckdb.read_parquet(str(folder / "out.parquet"), hive_partitioning=False)
        assert ("ecog" in written.columns, written["id"].fetchall()) == (False, [(name,)])


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_no_patients_are_answered_by_an_empty_file_of_the_format(answered, tmp_path: Path, ending: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text("id,ecog\n")
    assert answered(source, ending, Names(keep=("id",))) == []
    if ending == ".parquet":
        columns = duckdb.sql(f"FROM '{tmp_path / 'answers.parquet'}'").columns
        assert columns[:3] == ["id", "row", "status"]


def test_names_of_columns_are_names_whatever_is_in_them(answered, tmp_path: Path) -> None:
    """In SQL a quotation mark would end the name and begin a statement."""
    source = tmp_path / "in.csv"
    source.write_text('"a"" FROM x --",ecog,b`\n1,2,3\n')
    (row,) = answered(source, ".ndjson", Names(keep=('a" FROM x --', "b`")))
    assert (row['a" FROM x --'], row["b`"], row["status"]) == ("1", "3", 200)


def test_a_line_without_an_end_is_not_read_into_memory(questioner, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(files, "LONGEST", 1000)
    (tmp_path / "in.ndjson").write_text("1" * 1001)
    with pytest.raises(files.BadInputError, match="longer than 1000 bytes"):
        run(questioner, tmp_path / "in.ndjson", tmp_path / "out.csv", Names(), TODAY, lambda *_: None)


@pytest.mark.parametrize("file", ["in.csv", "in.parquet", "in.ndjson"])
def test_a_run_stops_where_fewer_rows_were_read_than_there_are(questioner, tmp_path, monkeypatch, file: str) -> None:
    source = tmp_path / file
    if file == "in.csv":
        source.write_text("ecog,sex\n1,female\n2,male\n")
        monkeypatch.setattr(files.CsvSource, "_source", _fewer(files.CsvSource._source))
    elif file == "in.parquet":
        duckdb.sql(f"COPY (SELECT 1 AS ecog UNION ALL SELECT 2) TO '{source}'")
        plain = files.ParquetSource.__init__
        monkeypatch.setattr(files.ParquetSource, "__init__", lambda s, *w: (plain(s, *w), setattr(s, "size", 3))[0])
    else:
        source.write_text('{"ecog": 1}\n{"ecog": 2}\n')
        plain_batch = files.NdjsonSource._batch
        monkeypatch.setattr(files.NdjsonSource, "_batch", lambda *words: _shorter(plain_batch(*words)))
    with pytest.raises(files.BadInputError, match="rows stand there and"):
        run(questioner, source, tmp_path / "out.csv", Names(), TODAY, lambda *_: None)
    assert not (tmp_path / "out.csv").exists()


def _fewer(plain):
    return lambda *words: f"(FROM {plain(*words)} LIMIT 1)"


def _shorter(batch: files.Batch) -> files.Batch:
    return files.Batch(f"(FROM {batch.source} LIMIT 1)", batch.next, batch.rows, batch.lines)
