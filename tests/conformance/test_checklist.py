"""The checklist of `make conformance`, line by line, against real services: one without tokens, one with."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import lines
from tests.conformance.checklist import PASS, Line, Target, in_order, judged
from tests.conformance.servers import ORIGIN, guarded_service, open_service
from tests.conformance.stand_in import Said, standing_in
from tests.conftest import ROOT

CALLS = 20
NAMES = {
    *(f"D{number}" for number in range(1, 9)),
    *(f"R{number}" for number in range(1, 7)),
    *(f"E{number}" for number in (*range(1, 15), "*o")),
    *(f"P{number}" for number in range(1, 10)),
    *(f"X{number}" for number in range(1, 6)),
    *(f"F{number}" for number in range(1, 13)),
    *(f"C{number}" for number in range(1, 6)),
    *(f"S{number}" for number in range(1, 20)),
    "T1",
    "Z1",
}


@pytest.fixture(scope="module")
def without_tokens(redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with open_service(tmp_path_factory.mktemp("none"), redis) as target:
        target.calls = CALLS
        yield target


@pytest.fixture(scope="module")
def with_tokens(redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with guarded_service(tmp_path_factory.mktemp("clients"), redis) as (target, _):
        target.calls = CALLS
        yield target


def test_every_line_is_there_once() -> None:
    names = [one.name for one in lines.LINES]
    assert set(names) == NAMES
    assert len(names) == len(NAMES)
    assert in_order()[-1].name == "Z1"


@pytest.mark.parametrize("one", [one for one in in_order() if not one.name.startswith("S")], ids=lambda one: one.name)
def test_line_without_tokens(without_tokens: Target, one: Line) -> None:
    verdict = judged(one, without_tokens)
    assert verdict.verdict == PASS, verdict.evidence


@pytest.mark.parametrize("one", in_order(), ids=lambda one: one.name)
def test_line_with_tokens(with_tokens: Target, one: Line) -> None:
    verdict = judged(one, with_tokens)
    assert verdict.verdict == PASS, verdict.evidence


PRIVATE = (
    "conf-p1",
    "conf-u1",
    "1961-04-05",
    "C50.911",
    "See notes",
    "Already done",
    "SAMPLE_TOKEN",
    "eyJ",
    "BPA-4711",
)
"""Of the patient, the user, a comment, a token: all of it was sent by the lines above."""


@pytest.mark.parametrize("name", ["without_tokens", "with_tokens"])
def test_the_log_holds_nothing_of_what_was_sent(name: str, request: pytest.FixtureRequest) -> None:
    target = request.getfixturevalue(name)
    verdict = judged(next(one for one in in_order() if one.name == "F5"), target)
    assert verdict.verdict == PASS
    written = target.log.read_text()
    assert "/cds-services/<" in written
    assert [word for word in PRIVATE if word in written] == []


def report(*words: str) -> subprocess.CompletedProcess[str]:
    """What `make conformance` runs, against a service that is there already."""
    command = [sys.executable, "-m", "tests.conformance", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_report_says_line_verdict_and_evidence(with_tokens: Target, tmp_path: Path) -> None:
    party = tmp_path / "party.json"
    party.write_text(json.dumps(with_tokens.party.private()))
    done = report("--url", with_tokens.wire.url, "--origin", ORIGIN, "--party", str(party))
    title, *rows, sums = done.stdout.strip().splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert with_tokens.wire.url in title
    assert [row.split()[0] for row in rows] == [one.name for one in in_order()]
    assert [row.split()[0] for row in rows if row.split()[2] != PASS] == ["S17"]
    assert all(row.partition(" | ")[2] for row in rows)
    assert sums == "1 n/a, 80 pass"


def test_a_failed_line_makes_the_exit_code_1() -> None:
    with standing_in(lambda _: Said(404, "Not here", "text/plain")) as nothing:
        done = report("--url", nothing.url)
    assert done.returncode == 1
    assert (
        "D1   S  FAIL  discovery is 200 and lists services | expected 200, got 404 text/plain Not here" in done.stdout
    )
