"""facts.yaml becomes a Vocabulary."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from service.engine.vocabulary import UNKNOWN
from service.knowledge.vocabulary import (
    Choice,
    Code,
    Ctcae,
    Date,
    Fact,
    Finding,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    ReferenceDate,
    Value,
    Vocabulary,
    rising,
)


class _Part(Schema):
    class Meta:
        unknown = RAISE


class CodeSchema(_Part):
    system, code, display = (fields.String(required=True) for _ in range(3))


class ValueSchema(_Part):
    meaning = fields.String(required=True)
    synonyms = fields.List(fields.String(), load_default=list)
    codes = fields.List(fields.Nested(CodeSchema), load_default=list)
    offered = fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=True)


class FactSchema(_Part):
    """What every fact may have; the kinds below add their own."""

    title, meaning = fields.String(required=True), fields.String(required=True)
    source = fields.String(load_default=None, allow_none=True)
    note = fields.String(load_default=None)
    codes = fields.List(fields.Nested(CodeSchema), load_default=list)
    asked = fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=True)


class ChoiceSchema(FactSchema):
    values = fields.Dict(fields.String(), fields.Nested(ValueSchema), required=True, validate=validate.Length(min=1))
    refused = fields.Dict(fields.String(), fields.String(), load_default=dict)


class MembersSchema(FactSchema):
    values = fields.Dict(fields.String(), fields.Nested(ValueSchema), required=True, validate=validate.Length(min=1))


class NumberSchema(FactSchema):
    minimum, maximum = fields.Float(required=True), fields.Float(required=True)
    unit = fields.String(load_default=None)
    bands = fields.Dict(fields.String(), fields.Float(), required=True)
    outside = fields.String(required=True)


class DateSchema(FactSchema):
    within_days = fields.Integer(required=True)


class RecordSchema(FactSchema):
    shorthand = fields.String(required=True)
    members = fields.Dict(fields.String(), fields.Dict(), required=True)


class FlagOfFindingSchema(_Part):
    meaning = fields.String(required=True)
    asserts = fields.String(load_default=None, validate=validate.OneOf(("true", "false")))


class CtcaeSchema(_Part):
    term, meddra = fields.String(required=True), fields.String(required=True)
    lowest, highest = fields.String(required=True), fields.String(required=True)
    grades = fields.Dict(fields.String(), fields.String(), required=True)


class FindingSchema(FactSchema):
    ctcae = fields.Nested(CtcaeSchema, load_default=None)
    flags = fields.Dict(fields.String(), fields.Nested(FlagOfFindingSchema), load_default=dict)


class FindingsSchema(FactSchema):
    screen = fields.List(fields.String(), required=True)
    findings = fields.Dict(fields.String(), fields.Nested(FindingSchema), required=True)


class VocabularySchema(_Part):
    spellings = fields.Dict(fields.String(), fields.String(), load_default=dict)
    facts = fields.Dict(fields.String(), fields.Dict(), required=True)


def vocabulary(data: Any) -> Vocabulary:
    """Check and build. Raises marshmallow's ValidationError with the path of each fault."""
    loaded = VocabularySchema().load(data)
    facts = _facts(loaded["facts"], "", ("facts",))
    for kind in (Findings, ReferenceDate):
        if sum(isinstance(fact, kind) for fact in facts.values()) > 1:
            raise _fault(("facts",), f"at most one fact may be of the kind {kind.__name__}")
    return Vocabulary(facts, loaded["spellings"])


def _facts(raw: Mapping[str, Mapping[str, Any]], prefix: str, where: tuple[str, ...]) -> dict[str, Fact]:
    return {name: _fact(f"{prefix}{name}", dict(body), (*where, name)) for name, body in raw.items()}


def _fact(path: str, body: dict[str, Any], where: tuple[str, ...]) -> Fact:
    kind = body.pop("type", None)
    if kind not in _KINDS:
        raise _fault(where, f"type must be one of {', '.join(_KINDS)}")
    schema, make = _KINDS[kind]
    try:
        loaded = schema().load(body)
    except ValidationError as error:
        raise _fault(where, error.messages) from error
    return make(path, loaded | {"codes": _codes(loaded)}, where)


def _choice(path: str, loaded: dict[str, Any], where: tuple[str, ...]) -> Fact:
    return Choice(path=path, **loaded | {"values": _values(loaded["values"], where)})


def _members(path: str, loaded: dict[str, Any], where: tuple[str, ...]) -> Fact:
    return Members(path=path, **loaded | {"values": _values(loaded["values"], where)})


def _flag(path: str, loaded: dict[str, Any], _: tuple[str, ...]) -> Fact:
    return Flag(path=path, **loaded)


def _date(path: str, loaded: dict[str, Any], _: tuple[str, ...]) -> Fact:
    return Date(path=path, **loaded)


def _reference_date(path: str, loaded: dict[str, Any], _: tuple[str, ...]) -> Fact:
    return ReferenceDate(path=path, **loaded)


def _number(path: str, loaded: dict[str, Any], where: tuple[str, ...], *, whole: bool = False) -> Fact:
    if not rising(loaded["bands"], loaded["minimum"]):
        raise _fault((*where, "bands"), "bands start at the minimum and rise")
    return Number(path=path, whole=whole, **loaded)


def _record(path: str, loaded: dict[str, Any], where: tuple[str, ...]) -> Fact:
    members = _facts(loaded["members"], f"{path}.", (*where, "members"))
    for name, member in members.items():
        if isinstance(member, Members | Record | Findings):
            raise _fault((*where, "members", name), "a part of a record is a single value")
    if loaded["shorthand"] not in members:
        raise _fault((*where, "shorthand"), "names no member")
    return Record(path=path, **loaded | {"members": members})


def _findings(path: str, loaded: dict[str, Any], where: tuple[str, ...]) -> Fact:
    findings = {name: _finding(f"{path}.{name}", item) for name, item in loaded["findings"].items()}
    if strange := set(loaded["screen"]) - set(findings):
        raise _fault((*where, "screen"), f"names no finding: {sorted(strange)}")
    return Findings(path=path, **loaded | {"findings": findings, "screen": tuple(loaded["screen"])})


_KINDS: Mapping[str, tuple[type[FactSchema], Callable[[str, dict[str, Any], tuple[str, ...]], Fact]]] = {
    "choice": (ChoiceSchema, _choice),
    "flag": (FactSchema, _flag),
    "integer": (NumberSchema, partial(_number, whole=True)),
    "number": (NumberSchema, _number),
    "date": (DateSchema, _date),
    "reference_date": (FactSchema, _reference_date),
    "set": (MembersSchema, _members),
    "record": (RecordSchema, _record),
    "findings": (FindingsSchema, _findings),
}


def _finding(path: str, loaded: dict[str, Any]) -> Finding:
    flags = {
        name: Flag(path=f"{path}.{name}", title=name.replace("_", " "), **flag)
        for name, flag in loaded["flags"].items()
    }
    ctcae = Ctcae(**loaded["ctcae"]) if loaded["ctcae"] else None
    return Finding(path=path, **loaded | {"flags": flags, "ctcae": ctcae, "codes": _codes(loaded)})


def _values(raw: Mapping[str, dict[str, Any]], where: tuple[str, ...]) -> dict[str, Value]:
    words = [UNKNOWN, *raw, *(word for value in raw.values() for word in value["synonyms"])]
    if twice := sorted({word for word in words if words.count(word) > 1}):
        raise _fault((*where, "values"), f"the same word stands twice: {', '.join(twice)}")
    return {
        name: Value(value["meaning"], tuple(value["synonyms"]), _codes(value), value["offered"])
        for name, value in raw.items()
    }


def _codes(part: Mapping[str, Any]) -> tuple[Code, ...]:
    return tuple(Code(**code) for code in part["codes"])


def _fault(where: tuple[str, ...], messages: Any) -> ValidationError:
    for name in reversed(where):
        messages = {name: messages}
    return ValidationError(messages)
