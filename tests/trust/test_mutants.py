"""The mutator: it changes what it says, once, and nothing that was not killed is passed over."""

import ast
from itertools import islice
from pathlib import Path

import pytest

from tests.trust import mutants
from tests.trust.mutants import KILLED, SURVIVED, TIMED_OUT
from tests.trust.record import Record


def texts(source: str) -> set[str]:
    return {ast.unparse(tree) for _, _, tree in mutants.changes(ast.parse(source))}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a and not b", {"a or not b", "a and b"}),
        ("a + 1", {"a - 1", "a + 2"}),
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
    said = [what for what, _ in mutants.table_changes({"hit_policy": "priority", "values": ["A", "B"], "rows": rows})]
    assert len(said) == len(set(said))
    assert {"row 1 (A) goes", "row 1 (A) gives B", "row 1 (A), box 1: x loses 1", "row 1 (A), box 1: y loses its not",
            "row 2 (B), box 2 goes", "row 2 (B), box 1: x is turned round",
            "A and B change places"} <= set(said)  # fmt: skip


def test_there_are_mutants_of_every_module_and_every_table(guideline) -> None:
    made = [*mutants.of_code(), *islice(mutants.of_derivations(), 50)]
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
