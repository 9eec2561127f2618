"""Short forms of part 1: some of the faults under load, and that the judge would see what is wrong."""

import dataclasses
from pathlib import Path

import pytest

from tests.trust import faults, faults_comments, faults_feedback
from tests.trust.access import modes
from tests.trust.faults_figures import Marks, of
from tests.trust.load import CUT, RIGHT, UNCONNECTED, WRONG, Question, Sample, loaded
from tests.trust.record import Record
from tests.trust.reference import questions
from tests.trust.stand import redis, service

SEED = 4711
PACE = faults.Pace(before=0.4, during=0.6, after=0.3, rounds=1, different=60, rate=120)
BAD = ("wrong", "failed", "refused", "nobody")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each group the faults that the other tests of the service do not try under load."""
    monkeypatch.setattr(faults, "TO_REDIS", faults.TO_REDIS[:2])
    monkeypatch.setattr(faults, "TO_STATE", [])
    monkeypatch.setattr(faults, "TO_SERVICE", faults.TO_SERVICE[:2])
    monkeypatch.setattr(faults, "BY_PROXY", faults.BY_PROXY[-1:])
    monkeypatch.setattr(faults, "OF_CLOCK", [])
    monkeypatch.setattr(faults, "OF_LOG", [])


@pytest.mark.usefixtures("few")
def test_whatever_fails_around_it_no_answer_is_wrong_and_none_is_missing(tmp_path: Path) -> None:
    record = Record("faults", SEED, folder=tmp_path)
    faults.Run(record, modes()[1], PACE, tmp_path).all()
    assert len(record.units) == 5
    for unit in record.units.values():
        assert not any(unit.get(bad) for bad in BAD), unit
        assert unit["right"] + unit.get("killed", 0) == unit["requests"]
        assert unit["ways"]["before"].get("redis"), "the cache was not in use"
    assert record.units["keys: Redis hung (SIGSTOP)"]["ways"]["during"].get("down")
    assert record.units["keys: Redis answers each GET with the reply before"]["ways"]["during"].get("forged")
    again = Record("faults", SEED, folder=tmp_path)
    assert again.units == record.units, "what is done is not done again"
    assert not Record("faults", SEED + 1, folder=tmp_path).units
    assert not Record("faults", SEED, folder=tmp_path, force=True).units


def test_feedback_that_was_acknowledged_survives_a_kill_of_the_state_server(tmp_path: Path) -> None:
    (found,) = faults_feedback.figures(tmp_path, 1, 0.5)
    assert found["sent"] > found["acknowledged"] > 0
    assert found["acknowledged"] <= found["counted"] <= found["sent"]
    assert found["at the end"] == found["sent"]
    assert all(each["met"] for each in faults_feedback.goals([found]))
    assert not faults_feedback.goals([found | {"counted": found["acknowledged"] - 1}])[0]["met"]


def test_comments_that_were_acknowledged_survive_full_servers_their_deaths_and_a_new_start(tmp_path: Path) -> None:
    found = faults_comments.figures(tmp_path, 3)
    assert (found["acknowledged"], found["refused"]) == (300, 0)
    assert all(each["met"] for each in faults_comments.goals(found))
    assert not faults_comments.goals(found | {"kept": 299})[0]["met"]


def test_the_load_sees_an_answer_that_is_not_that_of_the_reference(tmp_path: Path) -> None:
    """In body, in Decision-Id or in status."""
    asked = questions(SEED, 0)[:12]
    (status, decision, digest), *_ = asked[0].answers

    def expecting(*answer: object) -> Question:
        return dataclasses.replace(asked[0], answers=[answer])

    asked[:2] = [expecting(status, decision, digest[::-1]), expecting(status, "x", digest)]
    asked[2] = expecting(404, decision, digest)
    with redis() as server, service(tmp_path, AUTH="none", REDIS_URL=server.url, WORKERS="1") as up:
        plan = {"port": up.port, "questions": asked, "rate": 10, "seed": SEED}
        with loaded(tmp_path, **plan, access=None) as load:
            first = load.stop()[: len(asked)]
    kinds = [sample.kind for sample in first]
    assert kinds.count(WRONG) >= 2
    assert str(status) in kinds
    assert kinds.count(RIGHT) >= 5


def verdicts(sample: Sample, **marks: object) -> dict[str, object]:
    found = Marks(**marks)
    names = ("begun", "injecting", "injected", "healing", "healed", "recovered", "ended")
    found.at = {name: float(10 * number) for number, name in enumerate(names)}
    found.killed = {7}
    return of(modes()[2], "a fault", [found], [sample])


@pytest.mark.parametrize(
    ("sample", "marks", "verdict"),
    [
        (Sample(1, 2, RIGHT, 1, "near", 5), {}, "right"),
        (Sample(1, 2, RIGHT, 2, "near", 5), {"clock": 1}, "wrong"),
        (Sample(21, 22, RIGHT, 1, "near", 5), {"clock": 1}, "wrong"),
        (Sample(21, 22, RIGHT, 2, "near", 5), {"clock": 1}, "right"),
        (Sample(11, 12, RIGHT, 1, "near", 5), {"clock": 1}, "right"),
        (Sample(51, 52, RIGHT, 2, "near", 5), {"clock": 1}, "wrong"),
        (Sample(21, 22, WRONG, 0, "near", 5), {}, "wrong"),
        (Sample(21, 22, CUT, 0, "", 5), {}, "failed"),
        (Sample(21, 22, CUT, 0, "", 7), {}, "killed"),
        (Sample(21, 22, UNCONNECTED, 0, "", 0), {}, "failed"),
        (Sample(21, 22, UNCONNECTED, 0, "", 0), {"stops": True}, "nobody"),
        (Sample(9, 22, CUT, 0, "", 5), {"stops": True}, "failed"),
        (Sample(21, 22, "503", 0, "", 5), {}, "failed"),
        (Sample(21, 22, "503", 0, "", 5), {"refuses": "503"}, "refused"),
        (Sample(1, 2, "503", 0, "", 5), {"refuses": "503"}, "failed"),
        (Sample(21, 22, "500", 0, "", 5), {"refuses": "503"}, "failed"),
    ],
)
def test_a_sample_is_judged(sample: Sample, marks: dict[str, object], verdict: str) -> None:
    assert verdicts(sample, **marks)[verdict] == 1
