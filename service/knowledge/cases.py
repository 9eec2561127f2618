"""Worked cases: facts and the answer expected, written by hand by a clinician, beside the rules they protect."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, fields

from service.knowledge.schemas import load_file
from service.knowledge.yaml_file import ContentError, ContentFault


@dataclass(frozen=True)
class Case:
    """One patient and what must be answered.

    `body` is raw JSON text where YAML cannot say it (a repeated key); `example` is the name under which
    the OpenAPI document shows the patient.
    """

    file: str
    name: str
    protects: tuple[str, ...]
    facts: Any
    body: str | None
    expect: Mapping[str, Any]
    example: str | None = None

    @property
    def refused(self) -> bool:
        """Whether the facts are expected to be refused."""
        return "status" in self.expect

    @property
    def rule(self) -> str | None:
        """The rule expected to lead, if an answer is expected."""
        return self.expect.get("rule")


class CaseSchema(Schema):
    """Shape of a case. What `expect` may hold is listed in docs/content.md."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True)
    protects = fields.List(fields.String(), required=True)
    facts = fields.Raw(load_default=None, allow_none=True)
    body = fields.String(load_default=None)
    example = fields.String(load_default=None)
    expect = fields.Nested(
        Schema.from_dict(
            {
                **{name: fields.String() for name in ("rule", "code", "direction", "strength", "certainty")},
                **{name: fields.String() for name in ("urgency", "statement", "urgent")},
                **{
                    name: fields.List(fields.String()) for name in ("statement_contains", "statement_lacks", "decisive")
                },
                **{name: fields.List(fields.String()) for name in ("warnings_contain", "must_check_contain")},
                **{
                    name: fields.List(fields.String())
                    for name in ("modifiers", "data_conflicts", "refused", "citations")
                },
                "derived": fields.Dict(fields.String(), fields.String()),
                "supporting": fields.List(fields.Dict()),
                "would_become": fields.Dict(fields.String(), fields.Dict(fields.String(), fields.String())),
                "status": fields.Integer(),
                "faults": fields.List(fields.Dict(fields.String(), fields.String())),
            }
        ),
        required=True,
    )


class CasesFile(Schema):
    """Shape of a file of cases."""

    class Meta:
        unknown = RAISE

    cases = fields.List(fields.Nested(CaseSchema), required=True)


def read_case_files(folder: Path) -> dict[Path, bytes]:
    """Return the content of each file of worked cases of a release."""
    return {file: file.read_bytes() for file in sorted((folder / "cases").glob("*.yaml"))}


def parse_cases(files: Mapping[Path, bytes]) -> list[Case]:
    """Return all worked cases of some files. Raises ContentError."""
    found: list[Case] = []
    faults: list[ContentFault] = []
    for file, content in files.items():
        try:
            loaded = load_file(CasesFile(), file, json_below=("facts",), content=content)
        except ContentError as error:
            faults += error.faults
            continue
        found += [Case(file=file.name, **case | {"protects": tuple(case["protects"])}) for case in loaded["cases"]]
    if faults:
        raise ContentError(faults)
    return found
