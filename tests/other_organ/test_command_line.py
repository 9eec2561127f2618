"""A guideline of another organ is asked at the terminal by its id."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.content import read_cases
from tests.other_organ.conftest import FOLDER, SPREAD, STOMACH

Run = Callable[..., Result]


@pytest.fixture(params=["beside", "alone"])
def run(request: pytest.FixtureRequest) -> Run:
    """A command of an application with both guidelines, or with this one alone."""
    app = request.getfixturevalue(request.param)

    def invoke(*words: object) -> Result:
        with app.app_context():  # pytest-flask has pushed that of the shipped guideline
            return app.test_cli_runner().invoke(args=[*map(str, words)])

    return invoke


def test_it_is_checked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a day when no worked case of either guideline lies in the future.
    monkeypatch.setattr("service.settings.Settings.today", lambda _: dt.date(2026, 12, 1))
    result = run("guideline", "check")
    assert result.exit_code == 0, result.output
    assert "rules 6, gates 0, cells 45" in result.stdout


def test_a_patient_is_explained(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(SPREAD))
    result = run("guideline", "explain", file, "--guideline", STOMACH)
    assert result.exit_code == 0, result.output
    for text in (
        "reach: FAR",
        "course_now: COURSE_UNKNOWN",
        "trouble_level: QUIET",
        "S4",
        "Leave the stomach in place.",
    ):
        assert text in result.stdout, text


def test_the_columns_of_a_cohort_are_its_facts(run: Run) -> None:
    result = run("cohort", "columns", "--guideline", STOMACH)
    assert result.exit_code == 0, result.output
    assert {"spread\tSpread", "albumin_g_per_l\tAlbumin"} <= set(result.stdout.splitlines())


def test_a_cohort_is_answered_as_its_worked_cases_say(run: Run, tmp_path: Path) -> None:
    cases = [case for case in read_cases(FOLDER) if case.facts is not None]
    source, target = tmp_path / "in.ndjson", tmp_path / "out.ndjson"
    source.write_text("".join(json.dumps(case.facts) + "\n" for case in cases))
    result = run("cohort", "run", source, target, "--guideline", STOMACH)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["rule"] for row in rows] == [case.rule for case in cases]
    assert json.loads((tmp_path / "out.ndjson.report.json").read_text())["guideline"]["id"] == STOMACH
