"""The shape of extraction.yaml: it becomes an Extraction, or faults with their paths."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from service.knowledge import extraction
from service.knowledge.extraction import (
    PREDICATES,
    RESOURCES,
    Extraction,
)
from service.knowledge.schemas import Content, Keyed, one_of, optional, text, texts, truth


def _words(least: int = 1) -> fields.List[str]:
    return texts(required=True, least=least)


def _mapping(values: fields.Field[Any] | None = None, *, required: bool = True) -> fields.Dict:
    if required:
        return fields.Dict(fields.String(), values or fields.String(), required=True, validate=validate.Length(min=1))
    return fields.Dict(fields.String(), values or fields.String(), load_default=dict)


class WindowSchema(Content):
    makes = extraction.Window
    id, source = text(), text()
    days = fields.Integer(required=True, validate=validate.Range(min=1))


class TermsSchema(Content):
    makes = extraction.Terms
    organ, cancer = text(), text()


class PlacesSchema(Content):
    makes = extraction.Places
    list, side = text(), optional()
    tumour, organ = _words(), _words()


class SubjectSchema(Content):
    makes = extraction.SubjectSource
    list, other, malignancy, named, metastases = (text() for _ in range(5))
    own = _words()
    recurrence, history, needs_site, histology, harmless = (texts() for _ in range(5))
    never = _mapping(required=False)


class DrugsSchema(Content):
    makes = extraction.DrugSource
    list, by_name = text(), _words()


class CoursesSchema(Content):
    makes = extraction.CourseSource
    list, categories = text(), texts()


class RemovalSchema(Content):
    makes = extraction.RemovalSource
    list, procedures = text(), _words()
    at_organ, conditions, traces, traces_at_tumour = texts(), texts(), texts(), texts()


class TherapySchema(Content):
    makes = extraction.TherapySource
    drugs, courses = fields.Nested(DrugsSchema, required=True), fields.Nested(CoursesSchema, required=True)
    removal = fields.Nested(RemovalSchema, required=True)
    new_line, course, line_end = text(), text(), text()
    reasons = texts()
    unspecified = _mapping(required=False)


class ValueSchema(Content):
    makes = extraction.ValueSource
    list = text()
    gives = _mapping()
    words = truth()
    integer = fields.List(fields.Integer(), load_default=tuple, validate=validate.Length(equal=2))


class ClaimSchema(Content):
    makes = extraction.ClaimSource
    resource, list, why = one_of(RESOURCES), text(), text()
    categories, at, statuses = texts(), texts(), texts()
    gives = _mapping(required=False)
    value = fields.Nested(ValueSchema, load_default=None)
    keep = fields.List(one_of(PREDICATES), load_default=tuple)
    proof_of = fields.String(load_default="")


class PassedOverSchema(Content):
    makes = extraction.PassedOver
    list, reason, categories = text(), text(), _words()


class FactSourceSchema(Content):
    path = text()
    about = fields.String(load_default="tumour", validate=validate.OneOf(("tumour", "person")))


class NewestSchema(FactSourceSchema):
    makes = extraction.Newest
    claims = fields.List(fields.Nested(ClaimSchema), required=True, validate=validate.Length(min=1))
    unread, valid = text(), optional()
    passed_over = fields.List(fields.Nested(PassedOverSchema), load_default=tuple)


class AnyOfSchema(FactSourceSchema):
    makes = extraction.AnyOf
    claims = fields.List(fields.Nested(ClaimSchema), required=True, validate=validate.Length(min=1))
    valid, stale = optional(), fields.String(load_default="")


class QuantitySchema(FactSourceSchema):
    makes = extraction.Quantity
    list, category, valid, unread = (text() for _ in range(4))
    units = _mapping(fields.Float())
    least, greatest = fields.Float(required=True), fields.Float(required=True)


class ThresholdSchema(FactSourceSchema):
    makes = extraction.Threshold
    list, category, valid, why = (text() for _ in range(4))
    drug, given = optional(), optional()
    units = _mapping(fields.Tuple((fields.Float(), fields.Float())))
    at_least, least, greatest = (fields.Float(required=True) for _ in range(3))
    diagnoses, suggests = texts(), texts()
    diagnosed, why_diagnosed = optional(), fields.String(load_default="")


class PersonSchema(FactSourceSchema):
    makes = extraction.Person
    element, why = one_of(("gender", "birthDate")), text()
    codes = texts()
    oldest = fields.Integer(load_default=0)


class LineClassesSchema(Content):
    makes = extraction.LineClasses
    value, classes = text(), texts(required=True, least=1)


class LineSchema(FactSourceSchema):
    makes = extraction.Line
    classes = _mapping(fields.List(fields.String()))
    further = fields.List(fields.Nested(LineClassesSchema), load_default=tuple)
    otherwise = text()


class RemovedSchema(FactSourceSchema):
    makes = extraction.Removal
    gives, why = text(), text()


class SecondariesSchema(Content):
    makes = extraction.SecondarySource
    list, why, generic, placed, unplaced, first_staging = (text() for _ in range(6))
    proof = _words()
    own, against, settled = texts(), texts(), texts()
    at = _mapping(fields.List(fields.String()), required=False)
    reasons = _mapping()


class NotationSchema(Content):
    makes = extraction.Notation
    list, m0, m1, doubt, denial, alternative, metastasis = (text() for _ in range(7))
    at_recurrence, at_autopsy, suffix, deposits = (text() for _ in range(4))
    groups = _mapping(required=False)
    itc, below, site_system = optional(), optional(), optional()
    systems, bare_systems = texts(), texts()


class StagesSchema(Content):
    makes = extraction.StageSource
    list, why, why_stage, history, history_reason, status_list = (text() for _ in range(6))
    gives, status_gives = _mapping(), _mapping()
    weights = _mapping(fields.Integer())
    systems = _words()
    status_doubts, recurrences = texts(), texts()
    notation = fields.Nested(NotationSchema, load_default=None)


class SiteSchema(Content):
    makes = extraction.SiteSource
    list, category, none, why = (text() for _ in range(4))
    places, unplaced = _words(), texts()


class MentionsSchema(Content):
    makes = extraction.MentionSource
    list, absent, why = (text() for _ in range(3))


class StrongestSchema(FactSourceSchema):
    makes = extraction.Strongest
    proof, close, first = text(), text(), text()
    absence = _words()
    secondaries = fields.Nested(SecondariesSchema, required=True)
    stages = fields.Nested(StagesSchema, required=True)
    sites = fields.Nested(SiteSchema, required=True)
    mentions = fields.Nested(MentionsSchema, load_default=None)


class IntervalSchema(FactSourceSchema):
    makes = extraction.Interval
    of, window, within, after = (text() for _ in range(4))
    stated = _mapping(required=False)


class SitesSchema(FactSourceSchema):
    makes = extraction.Sites
    of, window = text(), text()


class OnlySitesSchema(FactSourceSchema):
    makes = extraction.OnlySites
    of = text()
    gives = _mapping(fields.List(fields.String()))


class ResponsePartSchema(Content):
    makes = extraction.ResponsePart
    list, member = text(), fields.String(load_default="")
    codes, residual, gives = _words(), texts(), _mapping()


class ResponseSchema(FactSourceSchema):
    makes = extraction.Response
    list, progression, member, dated, close, of, window = (text() for _ in range(7))
    why_exact, why_other = text(), text()
    observations = _words()
    methods, elsewhere, exact = texts(), texts(), texts()
    never, gives = _mapping(required=False), _mapping()
    parts = fields.List(fields.Nested(ResponsePartSchema), load_default=tuple)
    complete, mixed = fields.String(load_default=""), texts()


class AnywhereSchema(Content):
    makes = extraction.Anywhere
    finding, window, why, old = (text() for _ in range(4))
    sources = texts()


class FindingsSchema(FactSourceSchema):
    makes = extraction.FindingsSource
    list, presence, grading, recent, stale, hint, treatment_effect = (text() for _ in range(7))
    emergencies = _mapping(fields.Integer(validate=validate.Range(min=1, max=4)), required=False)
    anywhere = fields.List(fields.Nested(AnywhereSchema), load_default=tuple)
    known = texts()


RESOLVERS: Mapping[str, type[FactSourceSchema]] = {
    "newest": NewestSchema,
    "any": AnyOfSchema,
    "quantity": QuantitySchema,
    "threshold": ThresholdSchema,
    "person": PersonSchema,
    "line": LineSchema,
    "removal": RemovedSchema,
    "strongest": StrongestSchema,
    "interval": IntervalSchema,
    "sites": SitesSchema,
    "only_sites": OnlySitesSchema,
    "response": ResponseSchema,
    "findings": FindingsSchema,
}
"""The resolvers: what each does stands at its class in extraction.py."""


class FactSources(fields.Field[list[Any]]):
    """A mapping of request paths to their resolvers."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        del attr, data, kwargs
        if not isinstance(value, dict):
            raise ValidationError("Must map a request path to each resolver.")
        made: list[Any] = []
        faults: dict[str, Any] = {}
        for path, body in value.items():
            stated: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
            schema = RESOLVERS.get(str(stated.pop("resolver", None)))
            if schema is None:
                faults[path] = {"resolver": [f"Must be one of: {', '.join(RESOLVERS)}."]}
                continue
            try:
                made.append(schema().load({**stated, "path": path}))
            except ValidationError as error:
                faults[path] = error.messages
        if faults:
            raise ValidationError(faults)
        return made


class ExtractionSchema(Content):
    makes = Extraction
    terms, places = fields.Nested(TermsSchema, required=True), fields.Nested(PlacesSchema, required=True)
    subject, therapy = fields.Nested(SubjectSchema, required=True), fields.Nested(TherapySchema, required=True)
    windows = Keyed(WindowSchema, required=True)
    facts = FactSources(required=True)
    not_extracted = _mapping(required=False)
    legacy_member = optional()

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Extraction:
        """Make the plain value, windows and facts by name."""
        windows = {window.id: window for window in data.pop("windows")}
        facts = {source.path: source for source in data.pop("facts")}
        return Extraction(windows=windows, facts=facts, **data)
