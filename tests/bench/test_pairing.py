"""Rows beside an earlier commit: it is built beside, asked in turn with ours, and leaves nothing. Nothing is timed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import report
from bench.build import CURRENT, ROOT, BuildError, build_commit, with_release
from bench.client import ask, request
from bench.in_process import find_module
from bench.pairing import PAIRED_ROWS, Builds, measure_in_turn, select_rows
from bench.row import Effort, Row, Spec, Target, measured
from bench.serving import OURS, serving
from bench.specs import SPECS

TARGETS = {
    "extraction": "ratio <= 0.45",
    "extraction_http": "ratio <= 0.45",
    "patient_view_cold": "ratio >= 1.4",
    "patient_view_labs": "ratio >= 3",
}
"""Typed from the issue. The other rows are shown beside a commit and have no target."""


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository of its own with the service as it stands, so that no test touches the one that it runs in."""
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT / "service", folder / "service", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.glob("requirements*.txt"):
        shutil.copy(file, folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "The service")
    return folder


@pytest.fixture(scope="module")
def earlier(repository):
    with build_commit("HEAD", repository) as build:
        yield build


def test_a_build_can_be_asked_with_an_older_release_as_its_newest():
    releases = sorted(folder.name for folder in CURRENT.content.glob("guidelines/*/*/"))
    with with_release(CURRENT, releases[0]) as build:
        assert [folder.name for folder in build.content.glob("guidelines/*/*/")] == releases[:1]
        with serving(OURS, build=build) as server:
            _, answer = ask(server.port, request("GET", "/version", server.port))
        assert releases[0] in answer.decode()
        assert releases[-1] not in answer.decode()
    assert not build.folder.exists()
    with pytest.raises(BuildError, match="no release 1999-01-01"), with_release(CURRENT, "1999-01-01"):
        pass


def test_a_commit_is_built_in_a_folder_of_its_own_which_goes_afterwards(repository):
    before = git(repository, "worktree", "list")
    with build_commit("HEAD", repository) as build:
        assert build.folder not in (ROOT, repository)
        assert (build.folder / "service" / "__init__.py").exists()
        assert build.python == Path(sys.executable)
        assert git(repository, "rev-parse", "HEAD").startswith(build.commit)
    assert not build.folder.exists()
    assert git(repository, "worktree", "list") == before


def test_a_commit_with_other_requirements_has_an_environment_of_its_own(tmp_path, monkeypatch):
    installed = []
    monkeypatch.setattr("bench.build._install", lambda *places: installed.append(places))
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "A service without dependencies")
    with build_commit("HEAD", tmp_path) as build:
        environment = build.folder.parent / "environment"
        assert build.python == environment / "bin" / "python"
    assert installed == [(environment, build.folder)]


def test_an_unknown_commit_is_refused_by_name(repository):
    with pytest.raises(BuildError, match="no-such-commit"), build_commit("no-such-commit", repository):
        pass


def test_a_build_without_settings_of_gunicorn_is_refused(tmp_path):
    build = type(CURRENT)("abc", tmp_path, CURRENT.python)
    with pytest.raises(BuildError, match="abc has none of"):
        _ = build.gunicorn


@pytest.mark.parametrize("name", ["extraction", "patient_view_labs"])
def test_both_builds_answer_a_row(name, earlier):
    (row,) = (row for row in PAIRED_ROWS if row.name == name)
    measurement = measured(row.spec(Builds(CURRENT, earlier)), Effort(short=True))
    assert measurement.value > 0
    assert measurement.reference > 0
    assert earlier.commit in measurement.compares["reference"]
    json.dumps(measurement.as_json())


def test_the_build_that_is_first_changes_from_round_to_round():
    order = []
    pair = measure_in_turn(lambda: order.append("ours") or 2.0, lambda: order.append("theirs") or 1.0)
    assert [pair(), pair(), pair()] == [(2.0, 1.0)] * 3
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]


def test_the_targets_beside_a_commit_are_those_of_the_issue():
    assert {row.name: str(row.target) for row in PAIRED_ROWS if row.target} == TARGETS
    assert {row.name for row in PAIRED_ROWS} >= {"recommend_warm", "recommend_cold", "ndjson", "cohort_copy", "start_s"}


def test_extraction_is_measured_in_process_and_over_http():
    assert [row.name for row in select_rows(["extraction", "start_s"])] == ["extraction", "extraction_http", "start_s"]
    assert select_rows([]) == list(PAIRED_ROWS)


def test_a_row_that_has_no_pair_is_refused_with_the_names_that_have_one():
    assert "zen" in SPECS
    with pytest.raises(ValueError, match=r"zen\. There are: .*patient_view_labs"):
        select_rows(["zen"])


def test_an_entry_that_no_known_module_serves_is_refused_by_its_names(monkeypatch):
    monkeypatch.setattr("bench.in_process.MODULES", {"extract": ("service.nowhere", "service.fhir.nowhere")})
    with pytest.raises(ImportError, match=r"service\.nowhere, service\.fhir\.nowhere"):
        find_module("extract")


def test_a_run_beside_a_commit_is_kept_under_its_own_key_and_a_whole_run_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "performance.md")
    shutil.copy(ROOT / "docs" / "performance.md", report.DOCUMENT)
    shutil.copy(ROOT / "bench" / "results.json", report.RESULTS)
    whole = json.loads(report.RESULTS.read_text())
    spec = Spec("extraction", "ms/MB", Target.read("ratio <= 0.45"), "reading", "the same of abc", lambda _: None)
    row = Row.of(spec, [(4.0, 10.0), (5.0, 10.0), (4.0, 10.0)], {"processor_ratio": 0.41}).as_json()
    pairs = {**report.run_of([row], [], {}, 3.0), "against": "abc", "skipped": [{"name": "tail", "reason": "no route"}]}

    report.write_pairs(pairs)
    report.write({name: value for name, value in whole.items() if name != "pairs"})

    results = json.loads(report.RESULTS.read_text())
    assert results["rows"] == whole["rows"]
    assert results["pairs"]["abc"]["rows"][0]["ratio"] == 0.4
    text = report.DOCUMENT.read_text()
    assert "### Beside abc" in text
    assert "| extraction | 4 | 10 | ms/MB | 0.4 (0.4-0.45) | ratio <= 0.45 | yes | 0.41 |" in text
    assert "tail was skipped: no route." in text
