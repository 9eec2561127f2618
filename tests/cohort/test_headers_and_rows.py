"""Columns without a name, names with a blank at the end, and rows with a cell too few or too many."""

from pathlib import Path

import pytest

from service.cohort.mapping import Names

ROW = "69,White,,T4,{status}\n"
HEADER = "Age,Race ,,T Stage ,Estrogen Status\n"
MAPPING = (
    "columns: {Age: age_years, Estrogen Status: er_status}\n"
    "values: {er_status: {Positive: positive, Negative: negative}}\n"
    'ignore: ["Race ", "", "T Stage "]\n'
)


def test_a_column_without_a_name_is_ignored_by_its_empty_name(command, tmp_path: Path) -> None:
    """As in the files of a cancer registry: columns without a name, and names with a blank at the end."""
    source, mapping = tmp_path / "in.csv", tmp_path / "ours.yaml"
    source.write_text(HEADER + ROW.format(status="Positive") + ROW.format(status="Negative"))
    mapping.write_text(MAPPING)
    done = command("run", source, tmp_path / "out.csv", "--mapping", mapping)
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["200", "200"]


@pytest.mark.parametrize(
    "text",
    [
        ",ecog\n0,1\n1,2\n",  # a row number that a data frame writes
        "ecog,\n1,\n2,\n",  # a comma at the end of each line
        ",ecog,,\n0,1,,\n1,2,,\n",  # several
        '"",ecog\n0,1\n1,2\n',
        ",ecog\r\n0,1\r\n1,2\r\n",
    ],
)
def test_all_columns_without_a_name_are_ignored_together(answered, tmp_path: Path, text: str) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(text.encode())
    assert [(row["status"], row["errors"]) for row in answered(source, names=Names(ignore=("",)))] == [(200, [])] * 2


def test_a_column_beside_one_without_a_name_is_kept_as_it_is(answered, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(",ecog,c0,patient\n0,1,x,007\n")
    (row,) = answered(source, names=Names(ignore=("",), keep=("c0", "patient")))
    assert (row["c0"], row["patient"], row["status"]) == ("x", "007", 200)


def test_a_column_without_a_name_states_the_fact_that_a_mapping_gives_it(answered, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(",sex\n1,female\n7,female\n")
    rows = answered(source, names=Names(columns={"": "ecog"}))
    assert [(row["status"], row["errors"]) for row in rows] == [(200, []), (422, ["out_of_range /ecog"])]


@pytest.mark.parametrize(
    ("header", "mapping", "reason"),
    [
        ("ecog,,sex", "{}", 'column 2 has no name; name it, or ignore ""'),
        ("ecog,,", "{}", "the columns 2 and 3 have the same name"),
        ("ecog,,sex", 'keep: [""]', "a column without a name cannot be kept"),
        ("ecog,sex,Race ", "ignore: [Race]", "does not have (did you mean column 3?)"),
        ("ecog,sex, Race", "ignore: [race]", "does not have (did you mean column 3?)"),
    ],
)
def test_a_header_that_is_open_is_refused_in_words(
    command, tmp_path: Path, header: str, mapping: str, reason: str
) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"{header}\n1,2,3\n")
    (tmp_path / "m.yaml").write_text(mapping)
    refused = command("run", source, tmp_path / "out.csv", "--mapping", tmp_path / "m.yaml")
    assert refused.exit_code == 3, refused.output
    assert reason in refused.output
    assert not (tmp_path / "out.csv").exists()


ROWS = {
    "too few": ("id,ecog,sex\n1,1,female\n2,1\n3,0,male\n", 3),
    "too many": ("id,ecog,sex\n1,1,female\n2,1,male,x\n", 3),
    "the first row": ("id,ecog,sex\n1,1\n", 2),
    "carriage returns": ("id,ecog,sex\r\n1,1,female\r\n2,1\r\n", 3),
    "a byte order mark": ("\ufeffid,ecog,sex\n1,1,female\n2,1\n", 3),
    "blank lines before it": ("id,ecog,sex\n1,1,female\n\n\n2,1\n", 5),
    "a header of two lines": ('"the\nid",ecog,sex\n1,1,female\n2,1\n', 4),
    "line breaks in cells before it": ('id,ecog,sex\n"1\na\nb",1,female\n"2 ""x""\n",1,male\n3,1\n', 7),
    "line breaks in its own cells": ('id,ecog,sex\n1,1,female\n"2\na",1\n3,0,male\n', 3),
    "other line breaks in cells": ('id,ecog,sex\r\n"1\na",1,female\r\n2,1\r\n', 4),
    "a quotation mark that is not closed": ('id,ecog,sex\n1,1,female\n2,1,"male\n3,1,female\n', 3),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_cannot_be_read_is_named_by_its_line_in_the_file(command, tmp_path: Path, name: str) -> None:
    content, line = ROWS[name]
    source = tmp_path / "in.csv"
    source.write_bytes(content.encode())
    keep = "the\nid" if name == "a header of two lines" else "id"
    refused = command("run", source, tmp_path / "out.csv", "--keep", keep)
    assert refused.exit_code == 3, refused.output
    assert f"Line: {line}" in refused.output


@pytest.mark.usefixtures("small")
def test_the_line_is_that_of_the_file_in_a_later_batch_too(command, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    rows = [f"{number},1,female\n" for number in range(5_000)]
    rows[4_321] = "short,1\n"
    source.write_text("id,ecog,sex\n" + "".join(rows))
    refused = command("run", source, tmp_path / "out.csv", "--keep", "id")
    assert refused.exit_code == 3, refused.output
    assert "Line: 4323" in refused.output
