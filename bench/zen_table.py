"""Our decision table as a JSON Decision Model, so that zen-engine answers the same question."""

import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import zen

from service.knowledge.guideline import Guideline

VERSION = version("zen-engine")
FIELDS = ("rule", "code", "direction")
Engine = Callable[[dict[str, str]], dict[str, str]]


def ours(guideline: Guideline) -> Engine:
    """Our engine."""
    decide, rules = guideline.table.decide, guideline.rules

    def ask(point: dict[str, str]) -> dict[str, str]:
        rule = rules[decide(point).output]
        return {"rule": rule.id, "code": rule.code, "direction": rule.direction}

    return ask


def theirs(guideline: Guideline) -> Engine:
    """Theirs: the table is read once, then asked."""
    decision = zen.ZenEngine().create_decision(json.dumps(exported(guideline)))

    def ask(point: dict[str, str]) -> dict[str, str]:
        found: dict[str, str] = decision.evaluate(point)["result"]
        return found

    return ask


def exported(guideline: Guideline) -> dict[str, Any]:
    """The table, one line for each box of each rule."""
    inputs = [each.name for each in guideline.table.table.inputs]
    lines: list[dict[str, str]] = []
    for row, box in guideline.table.table.entries:
        rule = guideline.rules[row.output]
        cells = {name: ", ".join(f'"{value}"' for value in sorted(box.get(name, ()))) for name in inputs}
        told = zip(FIELDS, (rule.id, rule.code, rule.direction), strict=True)
        lines.append({"_id": str(len(lines)), **cells, **{name: f'"{value}"' for name, value in told}})
    table = {
        "hitPolicy": "first",
        "inputs": [{"id": name, "name": name, "field": name} for name in inputs],
        "outputs": [{"id": name, "name": name, "field": name} for name in FIELDS],
        "rules": lines,
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "table", "type": "decisionTableNode", "name": "table", "content": table},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
        {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
    ]
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}
