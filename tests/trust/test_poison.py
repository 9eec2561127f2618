"""Short form of part 2, and the report of both."""

from pathlib import Path

from tests.trust import poison, report
from tests.trust.record import Record, goal

SEED = 4711


def test_no_false_entry_is_accepted_and_each_is_counted(tmp_path: Path) -> None:
    record = Record("poison", SEED, short=True, folder=tmp_path)
    record.data |= {"title": poison.TITLE, "about": poison.ABOUT}
    with record.timed():
        poison.run(record, short=True)
    assert record.missed() == []
    told = record.units["lies"]["told"]
    assert set(told) == set(poison.LIES)
    assert sum(each["told"] for each in told.values()) == poison.FEW
    text = report.rendered({"faults": None, "poison": record.data})
    assert "| faults | | not run | |" in text
    assert f"| poison | 0 poisoned entries accepted | 0 of {poison.FEW} | yes |" in text
    assert all(f"| {name} | " in text for name in poison.LIES)


def test_a_goal_that_was_missed_is_shown(tmp_path: Path) -> None:
    record = Record("poison", SEED, folder=tmp_path)
    assert "| poison | | begun, not ended | |" in report.rendered({"poison": record.data})
    record.end([goal("a goal", 1, met=False)], ["a note"])
    text = report.rendered({"poison": record.data})
    assert "| poison | a goal | 1 | **no** |" in text
    assert "- a note" in text
    assert record.missed() == ["a goal: 1"]
