"""Worked FHIR cases: resources of one patient and what must be read of them, beside the extraction they protect."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from service.knowledge.extraction import Extraction
from service.knowledge.schemas import load_file
from service.knowledge.yaml_file import ContentError, ContentFault

RECORD_CASES = Path("cases/fhir")
"""Their folder in a release."""


@dataclass(frozen=True)
class RecordCase:
    """One record and what must be read of it on a day."""

    file: str
    name: str
    protects: Sequence[str]
    """Request paths of facts."""
    today: dt.date
    resources: Sequence[Mapping[str, Any]]
    expect: Mapping[str, Any]
    """subject, facts, and parts of the texts of ignored and data_conflicts."""


class ExpectationSchema(Schema):
    """What a case may expect; `facts` are all facts of the tumour and person that are read."""

    class Meta:
        unknown = RAISE

    subject = fields.String(required=True, validate=validate.OneOf(("true", "false", "unknown")))
    facts = fields.Dict(required=True)
    ignored_contain = fields.List(fields.String(), load_default=list)
    data_conflicts = fields.List(fields.String(), load_default=list)


class RecordCaseSchema(Schema):
    """Shape of a case."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True)
    protects = fields.List(fields.String(), required=True, validate=validate.Length(min=1))
    today = fields.Date(required=True)
    resources = fields.List(fields.Dict(), required=True, validate=validate.Length(min=1))
    expect = fields.Nested(ExpectationSchema, required=True)


class RecordCasesFile(Schema):
    """Shape of a file of cases."""

    class Meta:
        unknown = RAISE

    cases = fields.List(fields.Nested(RecordCaseSchema), required=True)


def read_record_cases(folder: Path) -> list[RecordCase]:
    """Read all worked FHIR cases of a release. Raise ContentError."""
    found: list[RecordCase] = []
    faults: list[ContentFault] = []
    for file in sorted((folder / RECORD_CASES).glob("*.yaml")):
        try:
            loaded = load_file(RecordCasesFile(), file, json_below=("resources", "facts"))
        except ContentError as error:
            faults += error.faults
            continue
        found += [RecordCase(file=file.name, **case) for case in loaded["cases"]]
    if faults:
        raise ContentError(faults)
    return found


def case_faults(folder: Path, extraction: Extraction) -> Iterator[ContentFault]:
    """Yield a fault for each extracted fact without a worked case, and for each case of a fact that is not read."""
    try:
        cases = read_record_cases(folder)
    except ContentError as error:
        yield from error.faults
        return
    protected = {path for case in cases for path in case.protects}
    for path in extraction.facts:
        if path not in protected:
            yield ContentFault(str(folder / "extraction.yaml"), f"/facts/{path}", "has no worked case in cases/fhir")
    for case in cases:
        for path in case.protects:
            if path not in extraction.facts:
                file = folder / RECORD_CASES / case.file
                yield ContentFault(str(file), f"/{case.name}/protects", f"no fact that is read: {path}")
