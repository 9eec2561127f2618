"""Part 8: each small change of the engine, of the evidence and of the derivations must make a test fail."""

import hashlib
import re
from collections import Counter

from service.settings import CONTENT
from tests.conftest import ROOT
from tests.trust.mutants_life import KILLED, SURVIVED, TIMED_OUT, prepare, verdicts
from tests.trust.mutants_made import of_code, of_derivations
from tests.trust.record import Record, goal, table

TITLE = "Mutants"
ABOUT = """One change at a time: a comparison, an operator, a constant, a condition, a returned value, a statement of
the code; a cell, a value, a row or an output of a derivation. Killed is a mutant with which a test fails, or whose
tables are not proved any more; one that ran out of time is none. No mutant is left out."""

TESTS = {
    "evidence": ("tests/evidence", "tests/api/test_evidence.py"),
    "derivations": (
        "tests/facts/test_response_as_read.py",
        "tests/advice/test_response_pairs.py",
        "tests/facts/test_metastatic_axis.py",
        "tests/advice/test_tiers.py",
        "tests/advice/test_modalities.py",
        "tests/knowledge/test_worked_cases.py",
        "tests/advice/test_decision_table.py",
    ),
    "engine": ("tests/engine", "tests/knowledge/test_worked_cases.py"),
}
"""Not all there are: those that are quick. With more of them there could only be more that are killed."""
SOME = 40
"""Of all, in the short form every so many."""
LEAST = 0.9
JUDGED = ROOT / "docs" / "mutants.md"


def run(record: Record, *, short: bool) -> None:
    """Try each that has not been tried with these tests."""
    made = [*of_code(), *of_derivations()]
    chosen = made[::SOME] if short else made
    prepare()
    for group, tests in TESTS.items():
        digest = _digest(group)
        kept = {name for name, unit in record.units.items() if unit["tests"] == digest}
        left = [each for each in chosen if each.group == group and each.name not in kept]
        for name, verdict, test in verdicts(left, tests, record.workers) if left else ():
            record.keep(name, {"group": group, "tests": digest, "verdict": verdict, "test": test})
    _conclude(record, {each.name for each in chosen}, len(made))


def _digest(group: str) -> str:
    files = [
        file
        for name in TESTS[group]
        for file in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    cases = [*(CONTENT / "guidelines").rglob("cases/*.yaml")]
    text = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in sorted([*files, *cases]))
    return hashlib.sha256(text).hexdigest()[:12]


def judged() -> set[str]:
    """Survivors that somebody has judged, by name."""
    return set(re.findall(r"^\| `([^`]+)` \|", JUDGED.read_text(), re.MULTILINE)) if JUDGED.exists() else set()


def _conclude(record: Record, chosen: set[str], number: int) -> None:
    units = {name: unit for name, unit in record.units.items() if name in chosen}
    rows, left = [], [name for name, unit in units.items() if unit["verdict"] != KILLED]
    for group in TESTS:
        found = Counter(unit["verdict"] for unit in units.values() if unit["group"] == group)
        total = sum(found.values())
        share = f"{100 * found[KILLED] / total:.1f} %" if total else "-"
        rows.append((group, total, found[KILLED], found[SURVIVED], found[TIMED_OUT], share))
    killed = len(units) - len(left)
    record.tables(
        table("By what was changed", ["of", "mutants", "killed", "survived", "timed out", "killed"], rows),
        table("Not killed", ["mutant", "verdict", "judged in docs/mutants.md"],
              [(f"`{name}`", units[name]["verdict"], "yes" if name in judged() else "no") for name in left]),
    )  # fmt: skip
    record.end(
        [
            goal(
                "at least 90 % of all mutants killed",
                f"{killed} of {len(units)}, {100 * killed / max(1, len(units)):.1f} %",
                met=killed >= LEAST * len(units) > 0,
            ),
            goal(
                "each that was not is judged in docs/mutants.md",
                f"{len(set(left) - judged())} are not",
                met=not set(left) - judged(),
            ),
        ],
        [f"{len(units)} of {number} mutants were tried"],
    )
