"""Short form of part 7: a segment with a fault, and that growth would be seen."""

from pathlib import Path

import pytest

from tests.trust import soak
from tests.trust.record import Record

SEED = 4711


def test_a_segment_has_its_figures_and_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SHORT_SEGMENTS", 1)
    monkeypatch.setattr(soak, "SHORT_SEGMENT", 2.5)
    monkeypatch.setattr(soak, "DIFFERENT", 40)
    record = Record("soak", SEED, short=True, folder=tmp_path)
    soak.run(record, short=True)
    assert record.missed() == []
    unit = record.units["segment 1"]
    assert unit["right"] > 50
    assert unit["memory"] > 20
    assert unit["files"] > 10
    again = Record("soak", SEED, short=True, folder=tmp_path)
    assert again.whole
    assert again.units == record.units


def judged(tmp_path: Path, **changes: object) -> list[str]:
    record = Record("soak", SEED, folder=tmp_path, force=True)
    unit = {"requests": 9, "right": 9, "wrong": 0, "failed": 0, "killed": 0, "refused": 0, "ms": [1, 2]}
    unit |= {"memory": 100.0, "files": 30, "fault": "a fault", "run": "1"}
    record.units.update({"peak": 10} | {f"segment {n + 1}": unit for n in range(4)})
    record.units["segment 4"] = unit | changes
    soak._conclude(record, 4)
    return record.missed()


@pytest.mark.parametrize("changes", [{"wrong": 1}, {"failed": 1}, {"refused": 2}, {"memory": 120.0}, {"files": 60}])
def test_a_fault_in_one_segment_misses_a_goal(tmp_path: Path, changes: dict[str, object]) -> None:
    assert judged(tmp_path) == []
    assert len(judged(tmp_path, **changes)) == 1


def test_the_growth_is_that_of_the_line_through_all() -> None:
    assert soak.growth([100, 110, 120]) == pytest.approx(0.2)
    assert soak.growth([100, 90, 100, 90, 100]) == pytest.approx(0.0, abs=0.01)
    assert soak.growth([100]) == 0
