"""What is changed: each comparison, operator, constant, condition, returned value and statement of the code, one at a
time; each cell, value, row and output of a derivation.

A mutator of our own: mutmut changes Python functions only, and the derivations, where most of the medicine stands, are
YAML; here both are changed and counted in one way.
"""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from service.settings import CONTENT
from tests.conftest import GUIDELINE, ROOT

CODE = ("evidence", "engine")
DERIVATIONS = sorted((CONTENT / "guidelines" / GUIDELINE).glob("*/derivations.yaml"))


Content: TypeAlias = ast.Module | dict[str, Any]
"""What is in a file: Python or YAML."""


@dataclass(frozen=True)
class Mutant:
    """One change: of what, where, how, in which function or method of a module; and the file as it is then."""

    group: str
    file: Path
    name: str
    content: Callable[[], Content]
    function: str = ""

    @cached_property
    def text(self) -> str:
        """What stands in the file then."""
        content = self.content()
        if isinstance(content, ast.Module):
            return ast.unparse(content)
        return yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, width=1000)


def read(file: Path) -> Content:
    """What a file holds, unchanged."""
    if file.suffix == ".py":
        return ast.parse(file.read_text())
    content: dict[str, Any] = yaml.load(file.read_text(), yaml.CBaseLoader)  # noqa: S506 - strings only, as the service reads it
    return content


def of_code() -> Iterator[Mutant]:
    """Every change of the code. A name holds no line, so that it stays when something else is changed."""
    for group in CODE:
        for file in sorted((ROOT / "service" / group).glob("*.py")):
            number = Counter[str]()
            for function, what, changed in changes(ast.parse(file.read_text())):
                name = f"{group}/{file.name} {function or 'module'}: {what}"
                number[name] += 1
                yield Mutant(group, file, f"{name} #{number[name]}", changed, function)


SWAPS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,), ast.Mod: (ast.Mult,), ast.LShift: (ast.RShift,), ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,), ast.BitXor: (ast.BitOr,), ast.And: (ast.Or,),
    ast.Or: (ast.And,), ast.FloorDiv: (ast.Mult,),
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "all": "any", "any": "all", "sum": "len"}


def changes(tree: ast.Module) -> Iterator[tuple[str, str, Callable[[], ast.Module]]]:
    """Every change of a module: the function (or method) in whose body it is, if any, its kind, and what gives a
    changed copy."""
    _tell_apart(tree)
    functions = dict(_functions(tree))
    for index, node in enumerate(ast.walk(tree)):
        for what, change in _of(node):
            yield functions.get(index, ""), what, partial(_changed, tree, index, change)


def _changed(tree: ast.Module, index: int, change: Callable[[ast.AST, ast.Module], None]) -> ast.Module:
    changed = copy.deepcopy(tree)
    change(next(islice(ast.walk(changed), index, None)), changed)
    return changed


def _tell_apart(tree: ast.Module) -> None:
    """Python's parser gives one and the same object for every plus of a module; each gets one of its own."""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp() | ast.BoolOp() | ast.UnaryOp() | ast.AugAssign():
                node.op = type(node.op)()
            case ast.Compare():
                node.ops = [type(each)() for each in node.ops]


def _functions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Of each node in the body of a function its index and the name of the outermost function."""
    numbers = {id(node): number for number, node in enumerate(ast.walk(tree))}
    classes = [(each, f"{each.name}.") for each in tree.body if isinstance(each, ast.ClassDef)]
    for holder, prefix in [(tree, ""), *classes]:
        for function in holder.body:
            if isinstance(function, ast.FunctionDef):
                for statement in function.body:
                    yield from ((numbers[id(node)], prefix + function.name) for node in ast.walk(statement))


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
        content = read(file)
        assert isinstance(content, dict)
        for part in ("tables", "wording"):
            for index, of_table in enumerate(content[part]):
                for what, changed in table_changes(of_table):
                    whole = content | {part: [*content[part][:index], changed, *content[part][index + 1 :]]}
                    name = f"{file.parent.name}: {of_table['output']}, {what}"
                    yield Mutant("derivations", file, name, partial(dict, whole))


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
