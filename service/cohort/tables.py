"""The relations of a plan as tables of columns, for any engine: name -> column -> values, `k` being the row number."""

from collections.abc import Iterator
from itertools import product

from service.cohort.plan import RULE, Plan
from service.cohort.relations import Entries
from service.facts.identifier import DIGITS

Columns = dict[str, list[int] | list[str] | list[str | None]]

TOGETHER = 2
"""Digits of a decision_id that are looked up together."""


def table_name(name: str) -> str:
    """A relation's name as that of a table."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def tables_of(plan: Plan) -> Iterator[tuple[str, Columns]]:
    """Every table that the statement joins."""
    for relation in plan.relations:
        points = list(relation.points())
        keys: Columns = {f"key: {feature.name}": [point[feature.name] for point in points] for feature in relation.key}
        yield table_name(relation.name), _numbered({**keys, **plan.columns[relation.name]}, len(points))
    if plan.heard:
        support = plan.supporting()
        yield "supporting", _numbered(dict(support), len(next(iter(support.values()))))
    yield "outcome", _outcomes(plan)
    for sieve in (plan.warnings, plan.contradictions):
        for number, (_, _, part) in enumerate(sieve.chunks):
            texts = [_labels(bits, part) for bits in range(1 << len(part))]
            yield f"{sieve.name}_text{number}", _numbered({"text": texts}, len(texts))
    digits = ["".join(letters) for letters in product(DIGITS, repeat=TOGETHER)]
    yield "digits", _numbered({"text": digits}, len(digits))


def _outcomes(plan: Plan) -> Columns:
    """What is said to those who have an answer; then to those refused, after each rule; then to the urgent of them."""
    said = plan.outcomes
    codes = [plan.guideline.rules[name].code for name in plan.features[RULE].values]
    words: dict[str, list[str]] = {
        "rule": [outcome.rule.id for outcome in said],
        "code": [outcome.rule.code for outcome in said],
        "direction": [outcome.rule.direction for outcome in said],
        "strength": [outcome.rule.strength for outcome in said],
        "certainty": [outcome.certainty for outcome in said],
        "urgency": [outcome.urgency for outcome in said],
    }
    columns: Columns = {name: [*column, *(None for _ in (*codes, *codes))] for name, column in words.items()}
    columns["urgent"] = [*(None for _ in (*said, *codes)), *codes]
    status = [200] * len(said) + [422] * 2 * len(codes)
    return _numbered({"status": status, **columns}, len(status))


def _numbered(columns: Columns, rows: int) -> Columns:
    return {"k": list(range(rows)), **columns}


def _labels(bits: int, part: Entries) -> str:
    """The labels of the boxes that fit, each with a semicolon behind it."""
    found = dict.fromkeys(label for place, (label, _) in enumerate(part) if bits >> place & 1)
    return "".join(f"{label};" for label in found)
