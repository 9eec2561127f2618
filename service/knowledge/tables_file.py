"""Boxes and tables out of their YAML form.

`when` is one box or a list of boxes; a cell is a value, a list of values or {not: values}.
`for_each: {x: [a, b]}` beside a table or a row repeats it with {x} replaced by a, then by b.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from service.engine.table import Box, HitPolicy, Row, Table, features_read
from service.engine.vocabulary import Feature


class BoxError(ValueError):
    """A box that names an unknown feature or value."""


def expanded(entries: Any) -> Any:
    """The YAML data with every for_each written out."""
    if isinstance(entries, list):
        return [item for entry in entries for item in _repeated(entry)]
    if isinstance(entries, dict):
        return {name: expanded(value) for name, value in entries.items()}
    return entries


def _repeated(entry: Any) -> Iterator[Any]:
    if not isinstance(entry, dict) or "for_each" not in entry:
        yield expanded(entry)
        return
    rest = {name: value for name, value in entry.items() if name != "for_each"}
    if not isinstance(entry["for_each"], dict) or len(entry["for_each"]) != 1:
        raise BoxError("for_each names one thing and lists its values")
    ((name, values),) = entry["for_each"].items()
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BoxError(f"for_each: {name} needs a list of words")
    for value in values:
        yield from _repeated(_filled(rest, f"{{{name}}}", value))


def _filled(data: Any, slot: str, value: str) -> Any:
    if isinstance(data, str):
        return data.replace(slot, value)
    if isinstance(data, list):
        return [_filled(item, slot, value) for item in data]
    if not isinstance(data, dict):
        return data
    filled = {_filled(name, slot, value): _filled(item, slot, value) for name, item in data.items()}
    if len(filled) < len(data):
        message = f"with {value!r} for {slot} two keys become one"
        raise BoxError(message)
    return filled


def boxes(raw: Iterable[Mapping[str, Any]], features: Mapping[str, Feature]) -> tuple[Box, ...]:
    """Resolve cells against the features. Raises BoxError for a name or value that does not exist."""
    return tuple({name: _cell(name, cell, features) for name, cell in box.items()} for box in raw)


def _cell(name: str, cell: Any, features: Mapping[str, Feature]) -> frozenset[str]:
    if name not in features:
        message = f"no feature {name!r}"
        raise BoxError(message)
    everything = frozenset(features[name].values)
    negated = isinstance(cell, dict)
    if negated and set(cell) != {"not"}:
        message = f"{name}: a cell is a value, a list of values or {{not: values}}"
        raise BoxError(message)
    stated = cell["not"] if negated else cell
    listed = stated if isinstance(stated, list) else [stated]
    if not all(isinstance(value, str) for value in listed):
        raise BoxError(f"{name}: a value is a word")
    values = frozenset(listed)
    if strange := values - everything:
        message = f"{name} is never {', '.join(sorted(strange))}"
        raise BoxError(message)
    accepted = everything - values if negated else values
    if not accepted:
        message = f"{name}: no value is left"
        raise BoxError(message)
    return accepted


def derivation(raw: Mapping[str, Any], features: Mapping[str, Feature]) -> Table:
    """A derivation table. Rows without a name are numbered: C4 1, C4 2."""
    rows = tuple(
        Row(row["name"] or f"{row['then']} {number}", row["then"], boxes(row["when"], features))
        for number, row in enumerate(raw["rows"], start=1)
    )
    return Table(
        name=raw["output"],
        title=raw["title"],
        hit_policy=HitPolicy(raw["hit_policy"]),
        inputs=features_read(rows, features),
        outputs=tuple(raw["values"]),
        rows=rows,
    )
