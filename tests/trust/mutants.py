"""Part 7: each small change of the engine, of the evidence and of the derivations must make a test fail.

A mutator of our own: mutmut changes Python functions only, and the derivations, where most of the medicine stands, are
YAML; here both are changed and counted in one way. A mutant lives in a process of its own, forked from one that has
imported what the tests need, so that nothing is written to the tree.
"""

import ast
import contextlib
import copy
import hashlib
import importlib.abc
import importlib.util
import io
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from service.settings import CONTENT
from tests.conftest import GUIDELINE, ROOT
from tests.trust.record import Record, goal, table

TITLE = "Mutants"
ABOUT = """One change at a time: a comparison, an operator, a constant, a condition, a returned value, a statement of
the code; a cell, a value, a row or an output of a derivation. Killed is a mutant with which a test fails, or whose
tables are not proved any more; one that ran out of time is none. No mutant is left out."""

CODE = ("engine", "evidence")
DERIVATIONS = sorted((CONTENT / "guidelines" / GUIDELINE).glob("*/derivations.yaml"))
TESTS = {
    "engine": ("tests/engine", "tests/knowledge/test_worked_cases.py"),
    "evidence": ("tests/evidence", "tests/knowledge/test_figures.py", "tests/api/test_evidence.py"),
    "derivations": (
        "tests/knowledge/test_worked_cases.py",
        "tests/advice/test_decision_table.py",
        "tests/advice/test_response_pairs.py",
        "tests/facts/test_metastatic_axis.py",
        "tests/advice/test_tiers.py",
        "tests/advice/test_contradictions.py",
        "tests/advice/test_safety.py",
    ),
}
"""Asked in this order, up to the first that fails."""
SECONDS = 120
SOME = 40
"""Of all, in the short form every so many."""
LEAST = 0.9
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"
JUDGED = ROOT / "docs" / "mutants.md"


@dataclass(frozen=True)
class Mutant:
    """One change: of what, where, how; and the file as it is then."""

    group: str
    file: Path
    name: str
    text: str


def run(record: Record, *, short: bool) -> None:
    """Try each that has not been tried with these tests."""
    made = [*of_code(), *of_derivations()]
    chosen = made[::SOME] if short else made
    prepare()
    for group in TESTS:
        tests = _digest(group)
        same = next(each for each in made if each.group == group).file
        assert verdict_of(Mutant(group, same, "no change", same.read_text())) == SURVIVED, "they fail without a change"
        open_ones = [
            each for each in chosen if each.group == group and record.units.get(each.name, {}).get("tests") != tests
        ]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            asked = {pool.submit(verdict_of, mutant): mutant for mutant in open_ones}
            for done in as_completed(asked):
                record.keep(asked[done].name, {"group": group, "tests": tests, "verdict": done.result()})
    _conclude(record, {each.name for each in chosen}, len(made))


def of_code() -> Iterator[Mutant]:
    """Every change of the code."""
    for group in CODE:
        for file in sorted((ROOT / "service" / group).glob("*.py")):
            source = file.read_text()
            number = Counter[str]()
            for place, what, tree in changes(ast.parse(source)):
                number[f"{place}{what}"] += 1
                name = f"{group}/{file.name}:{place} {what} #{number[f'{place}{what}']}"
                yield Mutant(group, file, name, ast.unparse(tree))


SWAPS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,), ast.Mod: (ast.Mult,), ast.LShift: (ast.RShift,), ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,), ast.BitXor: (ast.BitOr,), ast.And: (ast.Or,),
    ast.Or: (ast.And,), ast.FloorDiv: (ast.Mult,),
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "all": "any", "any": "all", "sum": "len"}


def changes(tree: ast.Module) -> Iterator[tuple[str, str, ast.Module]]:
    """Every changed copy of a module, with line and kind of the change."""
    for index, node in enumerate(ast.walk(tree)):
        for what, change in _of(node):
            changed = copy.deepcopy(tree)
            found = next(each for number, each in enumerate(ast.walk(changed)) if number == index)
            change(found, changed)
            yield str(getattr(node, "lineno", 0) or _line(tree, node)), what, changed


def _line(tree: ast.Module, wanted: ast.AST) -> int:
    """The line of what has none, such as an operator: that of what holds it."""
    return next(
        getattr(node, "lineno", 0)
        for node in ast.walk(tree)
        if any(each is wanted for each in ast.iter_child_nodes(node))
    )


def _of(node: ast.AST) -> Iterator[tuple[str, Any]]:  # noqa: C901 - one case a kind of change
    def become(kind: type) -> Any:
        return lambda found, tree: _replace(tree, found, kind())

    for kind in SWAPS.get(type(node), ()):
        yield f"{type(node).__name__} becomes {kind.__name__}", become(kind)
    match node:
        case ast.Constant(value=bool() as value):
            yield f"{value} becomes {not value}", lambda found, _: setattr(found, "value", not found.value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} becomes {value + 1}", lambda found, _: setattr(found, "value", found.value + 1)
        case ast.Name(id=name) if name in NAMES:
            yield f"{name} becomes {NAMES[name]}", lambda found, _: setattr(found, "id", NAMES[found.id])
        case ast.UnaryOp():
            yield "a sign or not goes", lambda found, tree: _replace(tree, found, found.operand)
        case ast.If() | ast.While() | ast.IfExp():
            yield (
                "the condition is turned round",
                lambda found, _: setattr(found, "test", ast.UnaryOp(ast.Not(), found.test)),
            )
        case ast.Return(value=value) if value is not None:
            yield "None is returned", lambda found, _: setattr(found, "value", ast.Constant(None))
        case ast.comprehension(ifs=[_, *_]):
            yield "a filter goes", lambda found, _: setattr(found, "ifs", [])
        case ast.Raise() | ast.AugAssign() | ast.Break() | ast.Continue():
            yield "a statement goes", lambda found, tree: _replace(tree, found, ast.Pass())
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield "a statement goes", lambda found, tree: _replace(tree, found, ast.Pass())
        case ast.Assign(value=value) if not isinstance(value, ast.Constant):
            yield "None is assigned", lambda found, _: setattr(found, "value", ast.Constant(None))


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is old:
                setattr(node, name, ast.copy_location(new, old) if hasattr(old, "lineno") else new)
                return
            if isinstance(value, list) and any(each is old for each in value):
                setattr(node, name, [new if each is old else each for each in value])
                ast.fix_missing_locations(tree)
                return


def of_derivations() -> Iterator[Mutant]:
    """Every change of a table: an output, a row, a box, a condition, a value of one."""
    for file in DERIVATIONS:
        content = yaml.load(file.read_text(), yaml.CBaseLoader)  # noqa: S506 - strings only, as the service reads it
        for index, of_table in enumerate(content["tables"]):
            for what, changed in table_changes(of_table):
                whole = content | {"tables": [*content["tables"][:index], changed, *content["tables"][index + 1 :]]}
                name = f"{file.parent.name}: {of_table['output']}, {what}"
                yield Mutant("derivations", file, name, yaml.safe_dump(whole, sort_keys=False, width=1000))


def table_changes(of_table: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every changed copy of a table, and what is changed."""
    rows, values = of_table["rows"], of_table["values"]
    for number, row in enumerate(rows):
        place = f"row {number + 1} ({row['then']})"

        def with_row(*others: dict[str, Any], number: int = number) -> dict[str, Any]:
            return of_table | {"rows": [*rows[:number], *others, *rows[number + 1 :]]}

        yield f"{place} goes", with_row()
        other = values[(values.index(row["then"]) + 1) % len(values)] if row["then"] in values else values[0]
        yield f"{place} gives {other}", with_row(row | {"then": other})
        boxes = row["when"] if isinstance(row["when"], list) else [row["when"]]
        for box_number, box in enumerate(boxes):
            where = f"{place}, box {box_number + 1}"

            def with_box(
                *others: Any, n: int = box_number, boxes: list = boxes, row: dict = row, make: Any = with_row
            ) -> Any:
                return make(row | {"when": [*boxes[:n], *others, *boxes[n + 1 :]]})

            if len(boxes) > 1:
                yield f"{where} goes", with_box()
            for feature, cell in box.items():
                rest = {key: value for key, value in box.items() if key != feature}
                yield f"{where}: {feature} goes", with_box(rest)
                yield from (
                    (f"{where}: {feature} {said}", with_box(box | {feature: new})) for said, new in _cells(cell)
                )
    if of_table.get("hit_policy") == "priority":
        for number in range(len(values) - 1):
            swapped = [*values]
            swapped[number], swapped[number + 1] = values[number + 1], values[number]
            yield f"{values[number]} and {values[number + 1]} change places", of_table | {"values": swapped}


def _cells(cell: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(cell, dict):
        inside = cell.get("not")
        yield "loses its not", inside
        if isinstance(inside, list) and len(inside) > 1:
            for value in inside:
                yield f"not loses {value}", {"not": [each for each in inside if each != value]}
        return
    yield "is turned round", {"not": cell}
    if isinstance(cell, list) and len(cell) > 1:
        for value in cell:
            yield f"loses {value}", [each for each in cell if each != value]


# ---- a mutant's life


def prepare() -> None:
    """Import what the tests need and what no mutant changes; nothing of the service."""
    for name in ("pytest", "hypothesis", "flask", "marshmallow", "yaml", "redis", "structlog", "apispec", "fhirkit",
                 "schemathesis", "statsmodels.stats.meta_analysis", "jsonschema", "prometheus_client"):  # fmt: skip
        with contextlib.suppress(ImportError):
            __import__(name)


def verdict_of(mutant: Mutant) -> str:
    """Whether a test fails with it."""
    child = os.fork()
    if child == 0:
        os._exit(_live(mutant))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return SURVIVED if os.waitstatus_to_exitcode(status) == 0 else KILLED
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TIMED_OUT


def _live(mutant: Mutant) -> int:
    """In a child: run the tests with the changed file; 0 where all pass."""
    os.chdir(ROOT)
    silent = os.open(os.environ.get("MUTANT_LOG", os.devnull), os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    for name in [name for name in sys.modules if name.split(".")[0] in {"service", "tests", "conftest"}]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(mutant))
    data = mutant.text.encode()
    read_bytes, read_text, opened = Path.read_bytes, Path.read_text, Path.open
    Path.read_bytes = lambda file: data if file == mutant.file else read_bytes(file)  # type: ignore[method-assign]
    Path.read_text = (  # type: ignore[method-assign,assignment]
        lambda file, *given, **more: mutant.text if file == mutant.file else read_text(file, *given, **more)
    )
    Path.open = (  # type: ignore[method-assign,assignment]
        lambda file, mode="r", *given, **more: (
            (io.BytesIO(data) if "b" in mode else io.StringIO(mutant.text))
            if file == mutant.file
            else opened(file, mode, *given, **more)
        )
    )
    import hypothesis  # noqa: PLC0415 - imported before the fork, too
    import pytest  # noqa: PLC0415 - likewise

    # Nobody reads the example, so it need not be made small: that takes minutes.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", phases=phases, database=None)
    hypothesis.settings.load_profile("mutants")

    try:
        options = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--assert=plain"]
        return int(pytest.main([*options, *TESTS[mutant.group]]))
    except BaseException:  # noqa: BLE001 - whatever it raises, it is dead
        return 1


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed module in the place of the one on disk."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        parts = mutant.file.with_suffix("").parts
        at = len(ROOT.parts)
        self._name = ".".join(parts[at:]).removesuffix(".__init__") if mutant.file.suffix == ".py" else ""

    def find_spec(self, name: str, *_: Any) -> Any:
        if name != self._name:
            return None
        package = self._mutant.file.name == "__init__.py"
        return importlib.util.spec_from_loader(name, self, origin=str(self._mutant.file), is_package=package)

    def exec_module(self, module: Any) -> None:
        module.__file__ = str(self._mutant.file)
        exec(compile(self._mutant.text, str(self._mutant.file), "exec"), module.__dict__)  # noqa: S102 - what it is for


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
