"""The mutator: it changes what it says, once, and nothing that was not killed is passed over."""

import ast
from itertools import islice
from pathlib import Path

import pytest

from tests.trust import mutants
from tests.trust.mutants_life import KILLED, SURVIVED, TIMED_OUT, verdicts
from tests.trust.mutants_made import Mutant, changes, of_code, of_derivations, table_changes
from tests.trust.record import Record


def texts(source: str) -> set[str]:
    return {ast.unparse(changed()) for _, _, changed in changes(ast.parse(source))}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a and not b", {"a or not b", "a and b"}),
        ("a + 1", {"a - 1", "a + 2"}),
        ("a + b + c", {"a + b - c", "a - b + c"}),
        ("x = a in b", {"x = a not in b", "x = None"}),
        ("[a for a in b if c]", {"[a for a in b]"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("a |= b", {"a &= b", "pass"}),
        ("min(a)", {"max(a)", "pass"}),
        ("-a", {"a"}),
        ("f(True)", {"f(False)", "pass"}),
    ],
)
def test_each_change_is_made_once_and_alone(source: str, expected: set[str]) -> None:
    assert texts(source) == expected
    assert texts(source) == texts(source), "the source is left alone"


def test_tables_are_changed_in_rows_boxes_cells_and_order() -> None:
    rows = [
        {"then": "A", "when": {"x": ["1", "2"], "y": {"not": "3"}}},
        {"then": "B", "when": [{"x": "3"}, {"y": "3"}]},
    ]
    said = [what for what, _ in table_changes({"hit_policy": "priority", "values": ["A", "B"], "rows": rows})]
    assert len(said) == len(set(said))
    assert {"row 1 (A) goes", "row 1 (A) gives B", "row 1 (A), box 1: x loses 1", "row 1 (A), box 1: y loses its not",
            "row 2 (B), box 2 goes", "row 2 (B), box 1: x is turned round",
            "A and B change places"} <= set(said)  # fmt: skip


def test_there_are_mutants_of_every_module_and_every_table(guideline) -> None:
    made = [*of_code(), *islice(of_derivations(), 50)]
    assert len({each.name for each in made}) == len(made) > 500
    code = {each.file.name for each in made if each.group != "derivations"}
    assert code >= {"chain.py", "compile.py", "table.py", "trace.py", "verify.py", "vocabulary.py", "pooling.py",
                    "effect.py", "lint.py"}  # fmt: skip
    assert guideline.chain.tables


def test_what_is_not_killed_counts_and_has_to_be_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "JUDGED", tmp_path / "judged.md")
    record = Record("mutants", 1, folder=tmp_path)
    names = [f"m{n}" for n in range(10)]
    record.units.update({n: {"group": "engine", "tests": "x", "verdict": KILLED} for n in names})
    mutants._conclude(record, set(names), 10)
    assert record.missed() == []
    for verdict in (SURVIVED, TIMED_OUT):
        record.units["m0"]["verdict"] = verdict
        mutants._conclude(record, set(names), 10)
        assert len(record.missed()) == 1, "90 %, but nobody has judged it"
    mutants.JUDGED.write_text("| `m0` | it never ends |\n")
    mutants._conclude(record, set(names), 10)
    assert record.missed() == []
    record.units["m1"]["verdict"] = SURVIVED
    mutants._conclude(record, set(names), 10)
    assert len(record.missed()) == 2


TOY = """
LIMIT = 3

class Sea:
    @property
    def is_rough(self):
        return self.wind > LIMIT

    def wait(self):
        while self.wind:
            self.wind -= 1

    def never_asked(self):
        return 1
"""
TOY_TEST = """
from {module} import Sea

def test_a_strong_wind_makes_a_rough_sea():
    sea = Sea()
    sea.wind = 4
    assert sea.is_rough
    sea.wait()
    assert not sea.is_rough
"""


def test_what_is_killed_what_survives_and_what_never_ends_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "sea_of_the_mutants"
    monkeypatch.syspath_prepend(tmp_path)
    module, test = tmp_path / f"{name}.py", tmp_path / "test_sea.py"
    module.write_text(TOY)
    test.write_text(TOY_TEST.format(module=name))
    made = [
        Mutant("toy", module, f"{function} {what}", changed, function)
        for function, what, changed in changes(ast.parse(TOY))
        if what in {"3 becomes 4", "None is returned", "a statement goes", "Gt becomes GtE"}
    ]
    endless = [each for each in made if each.name == "Sea.wait a statement goes"]
    others = [each for each in made if each not in endless]
    tried = [*verdicts(others, [str(test)], 2), *verdicts(endless, [str(test)], seconds=0.5)]
    told = {name: (verdict, test.split("/")[-1]) for name, verdict, test in tried}
    killed = (KILLED, "test_sea.py::test_a_strong_wind_makes_a_rough_sea")
    assert told == {
        " 3 becomes 4": killed,  # of no function: all is imported anew
        "Sea.is_rough None is returned": killed,
        "Sea.is_rough Gt becomes GtE": (SURVIVED, ""),
        "Sea.wait a statement goes": (TIMED_OUT, ""),
        "Sea.never_asked None is returned": (SURVIVED, ""),
    }
    assert module.read_text() == TOY


def test_no_verdict_is_given_where_the_tests_fail_by_themselves(tmp_path: Path) -> None:
    test = tmp_path / "test_wrong.py"
    test.write_text("def test_wrong():\n    assert False\n")
    unread = tmp_path / "unread.yaml"
    unread.write_text("tables: []")
    with pytest.raises(AssertionError, match="without a change: killed"):
        list(verdicts([Mutant("toy", unread, "any", dict)], [str(test)]))
    with pytest.raises(AssertionError, match="cannot be collected"):
        list(verdicts([Mutant("toy", unread, "any", dict)], [str(tmp_path / "none.py")]))
