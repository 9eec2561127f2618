"""Every worked FHIR case of every release, asked of that release through the API on the day of the case."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service import create_app
from service.knowledge.record_cases import RecordCase, read_record_cases
from service.settings import CONTENT, Settings
from tests.conftest import NOON

RELEASES = sorted((CONTENT / "guidelines").glob("*/*/"))
CASES = [(folder, case) for folder in RELEASES for case in read_record_cases(folder)]
NAMES = [f"{folder.parent.name} {folder.name}" for folder in RELEASES]
SUBJECT = {True: "true", False: "false", "unknown": "unknown"}


@pytest.fixture(scope="module")
def client_on() -> Callable[[dt.date], FlaskClient]:
    """Return a client of the application whose clock stands at noon of a day."""
    now = [NOON]
    client = create_app(Settings(clock=lambda: now[0], log_level="error", near_cache_bytes=0)).test_client()

    def on(day: dt.date) -> FlaskClient:
        now[0] = dt.datetime.combine(day, NOON.timetz())
        return client

    return on


@pytest.mark.parametrize(
    ("folder", "case"),
    CASES,
    ids=[f"{folder.parent.name} {folder.name} {case.file}: {case.name}" for folder, case in CASES],
)
def test_a_record_is_read_as_the_case_says(client_on, folder: Path, case: RecordCase) -> None:
    guideline = folder.parent.name
    address = f"/v1/guidelines/{guideline}/facts/extract?release={folder.name}"
    response = client_on(case.today).post(address, json=case.resources)
    assert response.status_code == 200, response.get_data(as_text=True)
    answer, expect = response.get_json(), case.expect
    assert answer["facts"] == expect["facts"]
    assert SUBJECT[answer["subjects"][guideline]] == expect["subject"]
    reasons = [remark["reason"] for remark in answer["ignored"]]
    for text in expect["ignored_contain"]:
        assert any(text in reason for reason in reasons), (text, reasons)
    conflicts = [f"{conflict['fact']}: {conflict['detail']}" for conflict in answer["data_conflicts"]]
    assert len(conflicts) == len(expect["data_conflicts"]), conflicts
    for text in expect["data_conflicts"]:
        assert any(text in conflict for conflict in conflicts), (text, conflicts)


@pytest.mark.parametrize("release", RELEASES, ids=NAMES)
def test_the_facts_of_a_case_are_accepted_as_a_question(client_on, release: Path) -> None:
    """What is read of a record is the body of a question."""
    address = f"/v1/guidelines/{release.parent.name}/recommendations?release={release.name}"
    for folder, case in CASES:
        if folder == release and case.expect["facts"]:
            response = client_on(case.today).post(address, json=case.expect["facts"])
            assert response.status_code == 200, (case.name, response.get_json())


@pytest.mark.parametrize("release", RELEASES, ids=NAMES)
def test_no_two_cases_have_one_name(release: Path) -> None:
    names = [case.name for folder, case in CASES if folder == release]
    assert len(names) == len(set(names))
