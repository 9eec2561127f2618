"""Row for row what the API answers, refusals and emergencies included, whatever the format of the file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from service.cohort.bodies import Bodies
from service.knowledge.guideline import Guideline
from tests.cohort.conftest import compare, expected, lines_of, write_csv, write_parquet
from tests.cohort.registry import patients

NUMBER = 1000


@pytest.fixture(scope="module")
def rows(guideline: Guideline) -> list[dict[str, str]]:
    """Some at random, and the worked cases of the guideline that can be written as cells."""
    bodies = Bodies(guideline.vocabulary)
    worked = [bodies.cells(json.dumps(case.facts).encode()) for case in guideline.cases]
    two = {"visceral_crisis": "true", "anti_angiogenic_therapy": "true"}  # modifiers that warn
    worked.append({"metastatic_status": "de_novo_metastatic", "complications": "none", **two})
    worked += [{"complications.bleeding.grade": "G4"}, {"complications": '["sepsis signs"]'}]
    return [*patients(NUMBER, seed=9, faulty=0.05, free=0.3), *(cells for cells in worked if cells)]


@pytest.fixture(scope="module")
def wanted(app: Flask, rows: list[dict[str, str]]) -> list[dict]:
    return expected(app, lines_of(rows))


def test_the_patients_are_of_every_kind(wanted: list[dict], guideline) -> None:
    assert {row["rule"] for row in wanted} - {None} == set(guideline.rules)
    assert {row["status"] for row in wanted} == {200, 422}
    assert any(row["urgent"] for row in wanted)
    assert sum(row["warnings"].count("modifier") > 1 for row in wanted)
    # V13 is about a fever that is an emergency, which is answered and never refused.
    refused = {f"V{n:02}" for n in range(1, 16) if n != 13}
    assert {error.split()[0] for row in wanted for error in row["errors"]} >= refused
    low = [row for row in wanted if row["rule"] in {"R16", "R17", "R20"} and row["urgency"] == "soon"]
    assert low, "somebody whose low haemoglobin makes the answer urgent"


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".ndjson"])
def test_a_file_is_answered_as_the_api_answers(
    answered: Callable[..., list[dict]], tmp_path: Path, rows: list, wanted: list[dict], ending: str
) -> None:
    """Read and written in each format; Parquet into NDJSON and NDJSON into Parquet, whose lists are lists."""
    file = tmp_path / f"in{ending}"
    if ending == ".csv":
        write_csv(file, rows)
    elif ending == ".parquet":
        write_parquet(file, rows)
    else:
        file.write_text("\n".join(lines_of(rows)) + "\n")
    into = {".csv": ".csv", ".parquet": ".ndjson", ".ndjson": ".parquet"}
    compare(answered(file, into[ending]), wanted, rows)


def test_a_line_that_cannot_be_read_says_what_is_urgent_as_the_api_does(
    app: Flask, answered: Callable[..., list[dict]], tmp_path: Path
) -> None:
    lines = ['{"age_years": NaN, "complications": ["sepsis_signs"]}', '{"age_years": NaN}', "{}"]
    file = tmp_path / "in.ndjson"
    file.write_text("\n".join(lines) + "\n")
    found, wanted = answered(file, ".ndjson"), expected(app, lines)
    assert [(row["status"], row["urgent"]) for row in found] == [(row["status"], row["urgent"]) for row in wanted]
    assert found[0]["urgent"] == "EMERGENCY_PATHWAY"
