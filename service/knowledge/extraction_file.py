"""extraction.yaml becomes an Extraction, or faults with their paths: every name in it must exist."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from string import Formatter
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from service.knowledge import extraction
from service.knowledge.extraction import (
    PREDICATES,
    PROPOSAL,
    RESOURCES,
    STAGE_GROUPS,
    Extraction,
    FactSource,
    Source,
    fold_unit,
)
from service.knowledge.schemas import Content, Keyed, one_of, optional, text, texts, truth
from service.knowledge.terminology import HINT, Terminology
from service.knowledge.vocabulary import (
    Choice,
    Fact,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    ReferenceDate,
    Vocabulary,
)


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


Fault = tuple[str, str]
"""Path below extraction.yaml, and what is wrong there."""
KINDS: Mapping[type[FactSource], tuple[type[Fact], ...]] = {
    extraction.Newest: (Choice, Flag, Number),
    extraction.AnyOf: (Choice, Flag, Number),
    extraction.Quantity: (Number,),
    extraction.Threshold: (Flag,),
    extraction.Person: (Choice, Number),
    extraction.Line: (Choice,),
    extraction.Removal: (Choice, Flag),
    extraction.Strongest: (Choice,),
    extraction.Interval: (Choice,),
    extraction.Sites: (Members,),
    extraction.OnlySites: (Choice,),
    extraction.Response: (Record,),
    extraction.FindingsSource: (Findings,),
}
"""The kinds of fact that each resolver can state."""


def faults(
    made: Extraction, vocabulary: Vocabulary, terminology: Terminology, citations: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield a fault for each name without a thing, and for each fact that is read nowhere and not said to be."""
    names = _Names(made, vocabulary, terminology)
    for window in made.windows.values():
        if window.source != PROPOSAL and window.source not in citations:
            yield f"/windows/{window.id}/source", f"neither a citation nor {PROPOSAL}: {window.source}"
    for part in ("places", "subject", "therapy"):
        yield from names.check(getattr(made, part), f"/{part}")
    for path, source in made.facts.items():
        fact = _fact(vocabulary, path)
        if fact is None:
            yield f"/facts/{path}", "no such fact"
            continue
        yield from names.check(source, f"/facts/{path}", path)
        stated = [*_source_faults(source, fact, terminology), *_site_faults(made, source, fact, terminology)]
        yield from ((f"/facts/{path}{at}", detail) for at, detail in stated)
        names.earlier.add(path)
    yield from _unread_facts(made, vocabulary)


def _unread_facts(made: Extraction, vocabulary: Vocabulary) -> Iterator[Fault]:
    """Yield a fault for each fact that is neither read nor among not_extracted, or both."""
    read = {path.partition(".")[0] for path in made.facts}
    for path in made.not_extracted:
        if _fact(vocabulary, path) is None:
            yield f"/not_extracted/{path}", "no such fact"
        if path in made.facts:
            yield f"/not_extracted/{path}", "it has a resolver, too"
    for path, fact in vocabulary.facts.items():
        if path not in read and path not in made.not_extracted and not isinstance(fact, ReferenceDate):
            yield "/facts", f"{path} has no resolver and is not among not_extracted"


class _Names:
    """What the names of an extraction may stand for."""

    def __init__(self, made: Extraction, vocabulary: Vocabulary, terminology: Terminology) -> None:
        self.made, self.vocabulary, self.terminology = made, vocabulary, terminology
        self.earlier: set[str] = set()

    def check(self, part: Any, path: str, fact: str = "") -> Iterator[Fault]:
        """Yield a fault for each name in a part, and in the parts below it, that stands for nothing."""
        for member in fields_of(part):
            value, at = getattr(part, member.name), f"{path}/{member.name}"
            if value is None:
                continue
            for kind, name in _names(value, member.metadata):
                if not self.is_known(kind, name, part, fact):
                    yield at, f"no such {kind}: {name}"
            if (filled := member.metadata.get("template")) is not None:
                yield from ((at, detail) for detail in _template_faults(value, filled))
            for index, below in enumerate(value if isinstance(value, tuple) else (value,)):
                if is_dataclass(below) and not isinstance(below, type):
                    yield from self.check(below, f"{at}/{index}" if isinstance(value, tuple) else at, fact)

    def is_known(self, kind: str, name: str, part: Any, fact: str) -> bool:
        """Return whether a name of a kind stands for something."""
        match kind:
            case "value":
                return _is_value(_fact(self.vocabulary, fact), name)
            case "site":
                return _is_value(_fact(self.vocabulary, part.of), name)
            case extraction.STATUS_FACT:
                return name in self.earlier and isinstance(self.made.facts[name], extraction.Strongest)
            case extraction.SITES_FACT:
                return name in self.earlier and isinstance(self.made.facts[name], extraction.Sites)
            case "category of a stage":
                status = self.made.facts.get(part.of)
                return isinstance(status, extraction.Strongest) and name in self.categories(status.stages.list)
            case _:
                return name in self.known(kind, part)

    def known(self, kind: str, part: Any) -> Collection[str]:
        """Return the names of a kind that is no matter of facts."""
        match kind:
            case "list":
                return self.terminology.lists
            case "window":
                return self.made.windows
            case "place":
                return self.categories(self.made.places.list)
            case "class of drugs":
                therapy = self.made.therapy
                return {*self.categories(therapy.drugs.list), *therapy.courses.categories}
            case "code system" | "stage group":
                return STAGE_GROUPS if kind == "stage group" else set(self.terminology.systems.values())
            case _:
                return self.categories(part.status_list if kind == "status" else part.list)

    def categories(self, name: str) -> Mapping[str, str]:
        """Return the categories of a list; none of a list that does not exist, which is a fault of its own."""
        found = self.terminology.lists.get(name)
        return {} if found is None else found.categories


def _names(value: Any, metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the kind and the name of each reference in the value of a field."""
    if (kind := metadata.get("reference")) is not None:
        yield from ((kind, name) for name in ([value] if isinstance(value, str) else value))
    if kind := metadata.get("values"):
        for stated in value.values():
            yield from ((kind, name) for name in ([stated] if isinstance(stated, str) else stated))


def _template_faults(text: str, names: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with a sentence that has places for names."""
    try:
        places = [place for _, place, _, _ in Formatter().parse(text) if place is not None]
    except ValueError:
        yield "a brace stands alone"
        return
    yield from (f"nothing fills {{{place}}}" for place in places if place not in names)


def _source_faults(source: Source, fact: Fact, terminology: Terminology) -> Iterator[Fault]:
    """Yield what the fact forbids: a resolver of another kind of fact, a value that it does not have."""
    if not isinstance(fact, KINDS[type(source)]):
        yield "", "this resolver states no fact of this kind"
        return
    yield from ((f"/{at}", f"no such value: {value}") for at, value in source.values() if not _is_value(fact, value))
    if isinstance(fact, Number) and any(not fact.minimum <= bound <= fact.maximum for bound in _bounds(source)):
        yield "", "it may state a number beyond the bounds of the fact"
    if isinstance(source, extraction.Quantity | extraction.Threshold):
        yield from _measured_faults(source)
    if isinstance(source, extraction.AnyOf) and source.valid is not None and not source.stale:
        yield "/stale", "what is said of a claim that is too old?"
    if isinstance(source, extraction.Newest | extraction.AnyOf):
        for index, claim in enumerate(source.claims):
            if bool(claim.gives) == (claim.value is not None):
                yield f"/claims/{index}", "a claim gives a value by its code (gives) or by its value (value)"
    if isinstance(source, extraction.Response) and isinstance(fact, Record):
        yield from _response_faults(source, fact)
    if isinstance(source, extraction.FindingsSource) and isinstance(fact, Findings):
        yield from _findings_faults(source, fact, terminology)


def _measured_faults(source: extraction.Quantity | extraction.Threshold) -> Iterator[Fault]:
    units = (unit for unit in source.units if unit != fold_unit(unit))
    yield from (("/units", f"a unit is written in lower case and without spaces: {unit}") for unit in units)
    if not isinstance(source, extraction.Threshold):
        return
    if (source.drug is None) != (source.given is None):
        yield "/drug", "drug and given stand together"
    if not source.least <= source.at_least <= source.greatest:
        yield "/at_least", "it is beyond what a person can have (least, greatest)"
    if source.diagnoses and not (source.diagnosed and source.why_diagnosed):
        yield "/diagnoses", "how long does a diagnosis hold (diagnosed), and what is said of it (why_diagnosed)?"


def _response_faults(source: extraction.Response, fact: Record) -> Iterator[Fault]:
    for name in (source.member, source.dated):
        if name not in fact.members:
            yield "", f"the fact has no part {name}"
    stated = [*(("/gives", value) for value in source.gives.values()), ("/progression", source.progression)]
    member = fact.members.get(source.member)
    yield from ((at, f"no such value: {value}") for at, value in stated if not _is_value(member, value))
    for index, part in enumerate(source.parts):
        if part.member and part.member not in fact.members:
            yield f"/parts/{index}/member", f"the fact has no part {part.member}"
        for value in part.gives.values():
            if not _is_value(fact.members.get(part.member or source.member), value):
                yield f"/parts/{index}/gives", f"no such value: {value}"
    if source.parts and not _is_value(member, source.complete):
        yield "/complete", f"no such value: {source.complete}"


def _bounds(source: Source) -> Iterator[float]:
    """Yield the least and greatest numbers that a source may state."""
    match source:
        case extraction.Quantity():
            yield from (source.least, source.greatest)
        case extraction.Person():
            yield source.oldest
        case extraction.Newest():
            for claim in source.claims:
                yield from claim.value.integer if claim.value is not None else ()
        case _:
            pass


def _site_faults(made: Extraction, source: Source, fact: Fact, terminology: Terminology) -> Iterator[Fault]:
    """Yield the sites that the code lists or places of another fact state and this one does not have."""
    status = made.facts.get(source.of) if isinstance(source, extraction.Sites) else None
    if isinstance(status, extraction.Strongest):
        listed = terminology.lists.get(status.secondaries.list)
        sites = {concept.site for concept in listed.codes if concept.site} if listed is not None else set()
        sites.update(status.sites.places)
        yield from (("", f"no such site: {site}") for site in sorted(sites) if not _is_value(fact, site))


def _findings_faults(source: extraction.FindingsSource, fact: Findings, terminology: Terminology) -> Iterator[Fault]:
    listed = terminology.lists.get(source.list)
    for concept in () if listed is None else listed.codes:
        if concept.proof is None:
            yield "/list", f"{source.list}: the code {concept.code} does not say how far it goes (proof)"
        elif concept.category not in fact.findings and concept.proof != HINT:
            yield "/list", f"{source.list}: {concept.category} is no finding, so {concept.code} can only be a hint"
    if source.grading not in terminology.systems.values():
        yield "/grading", f"no such code system: {source.grading}"
    presence = terminology.lists.get(source.presence)
    if presence is not None and {*presence.categories} != {"present", "absent"}:
        yield "/presence", f"{source.presence}: its categories must be present and absent"
    yield from (
        ("/emergencies", f"no such finding: {name}") for name in source.emergencies if name not in fact.findings
    )
    for index, anywhere in enumerate(source.anywhere):
        for name in (anywhere.finding, *anywhere.sources):
            if name not in fact.findings:
                yield f"/anywhere/{index}", f"no such finding: {name}"


def _is_value(fact: Fact | None, value: str) -> bool:
    """Return whether a fact may have a value, written as content writes it."""
    match fact:
        case Choice() | Members():
            return value in fact.words
        case Flag():
            return value in {"true", "false"}
        case Number():
            return value.isdecimal() and fact.minimum <= int(value) <= fact.maximum
        case _:
            return False


def _fact(vocabulary: Vocabulary, path: str) -> Fact | None:
    return vocabulary.facts.get(path) or vocabulary.single_facts.get(path)
