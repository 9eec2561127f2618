"""The shapes of the answers, for the OpenAPI document. Answers are checked against it in the tests."""

from marshmallow import Schema, fields, validate

from service.knowledge.model import CERTAINTIES, DIRECTIONS, INTENTS, PROVENANCES, STRENGTHS, TIMINGS, URGENCIES


def word(values: tuple[str, ...]) -> fields.String:
    """One of a closed set."""
    return fields.String(required=True, validate=validate.OneOf(values))


def text() -> fields.String:
    """A required string."""
    return fields.String(required=True)


def maybe() -> fields.String:
    """A string or null."""
    return fields.String(required=True, allow_none=True)


def number() -> fields.Float:
    """A required number."""
    return fields.Float(required=True)


def texts() -> fields.List[str]:
    """A list of strings."""
    return fields.List(fields.String(), required=True)


def several(schema: type[Schema], *, required: bool = True) -> fields.List[object]:
    """A list of objects."""
    return fields.List(fields.Nested(schema), required=required)


class GuidelineNamed(Schema):
    id, release, digest, sign_off = text(), text(), text(), text()
    evidence_date, review_by = fields.Date(required=True), fields.Date(required=True)


class ReasonOut(Schema):
    domain, text = text(), text()


class OptionOut(Schema):
    unknown = maybe()  # type: ignore[assignment] # a field; marshmallow keeps fields and its own options apart
    id, kind, text = text(), text(), text()
    benefit, harm = maybe(), maybe()
    when = fields.String(validate=validate.OneOf(tuple(TIMINGS)))
    note, citations = maybe(), texts()


class RemovedOut(Schema):
    kind, because = text(), texts()


class RecommendationOut(Schema):
    code, rule, title, statement = text(), text(), text(), text()
    label = maybe()
    direction, strength, certainty = word(DIRECTIONS), word(STRENGTHS), word((*CERTAINTIES, "none"))
    certainty_reasons = several(ReasonOut)
    urgency, intent = word(URGENCIES), word(INTENTS)
    time_critical, decision_aid = fields.Boolean(required=True), fields.Boolean(required=True)
    provenance = fields.List(word(PROVENANCES), required=True)
    options = several(OptionOut)
    removed = several(RemovedOut)
    citations = texts()


class StepOut(Schema):
    table, title, row, output = text(), text(), text(), text()
    inputs = fields.Dict(fields.String(), fields.String(), required=True)


class NeighbourOut(Schema):
    rule, code, title, feature, stated = text(), text(), text(), text(), text()
    needed = texts()


class Because(Schema):
    derived = fields.Dict(fields.String(), fields.String(), required=True)
    trace = several(StepOut)
    nearest = several(NeighbourOut)


class Outcome(Schema):
    code, statement = text(), text()
    direction, strength, certainty = word(DIRECTIONS), word(STRENGTHS), word((*CERTAINTIES, "none"))
    citations = texts()


class TogetherOut(Schema):
    """Values of several facts that are not known, and what they would make of the answer together."""

    facts = fields.Dict(fields.String(), fields.String(), required=True)
    becomes = fields.Nested(Outcome, required=True)


class MissingFact(Schema):
    fact = text()
    decisive = fields.Boolean(required=True)
    would_become = fields.Dict(fields.String(), fields.Nested(Outcome), required=True)
    together = several(TogetherOut, required=False)


class ChangeOut(Schema):
    change, becomes = text(), texts()


class ModifierOut(Schema):
    id, title, notes = text(), text(), texts()


class WarningOut(Schema):
    code, detail, facts = text(), text(), texts()


class ConflictOut(Schema):
    rule, detail, facts = text(), text(), texts()


class RefusedMember(Schema):
    pointer, code = text(), text()


class CitationOut(Schema):
    id, title, read_in, verified = text(), text(), text(), text()
    authors, journal, year, doi, pmid, registry, url = maybe(), maybe(), maybe(), maybe(), maybe(), maybe(), maybe()
    supports, locator, note = maybe(), maybe(), maybe()


class Told(Schema):
    text, citations = text(), texts()


class CommunicationOut(Schema):
    key_message, not_abandonment = text(), text()
    uncertainty, numbers_on_request = maybe(), maybe()
    triggers_to_return, ask_patient, avoid = texts(), texts(), texts()
    heard = several(Told, required=False)


class Links(Schema):
    self = text()
    page = text()


class StudyEffect(Schema):
    id, study, name, citation = text(), text(), text(), text()
    hr, ci_low, ci_high, ci_level = number(), number(), number(), number()
    interval = word(("confidence", "credible"))
    stratum, timing, read_in, argued = maybe(), maybe(), maybe(), maybe()
    people = fields.Integer(required=True, allow_none=True)
    margin = fields.Float()
    caveats = texts()


class IntervalOut(Schema):
    hr, ci_low, ci_high, ci_level = number(), number(), number(), number()


class Weight(Schema):
    id, study = text(), text()
    fixed, random = number(), number()


class Pooled(Schema):
    """Computed by this service from the studies' own intervals."""

    id, title = text(), text()
    derived = fields.Boolean(required=True)
    fixed, random = fields.Nested(IntervalOut, required=True), fields.Nested(IntervalOut, required=True)
    hartung_knapp = fields.Nested(IntervalOut, required=True, allow_none=True)
    q, i2, tau2 = number(), number(), number()
    freedom = fields.Integer(required=True)
    caveat = maybe()
    weights = several(Weight)
    rules = fields.List(fields.String())


class EvidenceStatement(Schema):
    text, citation = text(), text()


class InteractionOut(Schema):
    between, names, text = texts(), texts(), text()


class EvidenceOutcome(Schema):
    title = text()
    measure, direction, method = maybe(), maybe(), maybe()
    statements = several(EvidenceStatement, required=False)
    interactions = several(InteractionOut, required=False)
    sensitivity = several(Pooled, required=False)
    date = fields.Date(required=True)
    pooled = fields.Nested(Pooled, required=True, allow_none=True)
    pooled_reason = maybe()
    studies, published = several(StudyEffect), several(StudyEffect)
    notes = texts()


class Applicability(Schema):
    study, citation = text(), text()
    unknown = texts()  # type: ignore[assignment] # a field; marshmallow keeps fields and its own options apart
    matches, mismatches = texts(), texts()


class Changed(Schema):
    """A member of the row that the newest release answers otherwise (only with ?release=latest)."""

    member = text()
    before, after = fields.Raw(required=True), fields.Raw(required=True)


class AnswerOut(Schema):
    """A full answer. The view `brief` leaves out evidence, applicability and communication."""

    decision_id = fields.String(required=True, validate=validate.Regexp(r"^[A-Za-z0-9_-]{1,200}$"))
    guideline = fields.Nested(GuidelineNamed, required=True)
    summary = text()
    recommendations = several(RecommendationOut)
    because = fields.Nested(Because, required=True)
    missing_facts = several(MissingFact)
    must_check = texts()
    what_would_change = several(ChangeOut)
    modifiers = several(ModifierOut)
    warnings = several(WarningOut)
    data_conflicts = several(ConflictOut)
    refused = several(RefusedMember)
    applicability = several(Applicability, required=False)
    evidence = fields.Dict(fields.String(), fields.Nested(EvidenceOutcome))
    citations = several(CitationOut)
    dissent, open_questions = several(Told), several(Told)
    communication = fields.Nested(CommunicationOut, allow_none=True)
    disclaimer = text()
    changed = several(Changed, required=False)
    links = fields.Nested(Links, required=True)


class RowOut(Schema):
    """One line of a table of patients (view=row)."""

    decision_id, rule, code = text(), text(), text()
    direction, strength, certainty = word(DIRECTIONS), word(STRENGTHS), word((*CERTAINTIES, "none"))
    urgency = word(URGENCIES)
    warnings = texts()


class FaultOut(Schema):
    pointer, code, detail = text(), text(), text()
    rule = fields.String()


class UrgentOut(Schema):
    code, statement = text(), text()


class ProblemOut(Schema):
    """RFC 9457."""

    type, title, detail, instance = text(), text(), text(), text()
    status = fields.Integer(required=True)
    errors = several(FaultOut)
    urgent = fields.Nested(UrgentOut)


class RunnerUp(Schema):
    """The best of the evidence that lost, and why."""

    resource, why = text(), text()
    value = fields.Raw(required=True)
    date = maybe()


class Provenance(Schema):
    """Where a fact comes from."""

    resource, element, why = text(), text(), text()
    code, date = maybe(), maybe()
    runner_up = fields.Nested(RunnerUp, required=True, allow_none=True)


class IgnoredOut(Schema):
    resource, reason = text(), text()


class RecordConflict(Schema):
    """Sources that disagree; the fact stays unknown."""

    fact, detail = text(), text()
    values = fields.List(fields.Raw(), required=True)
    resources = texts()


class ResourceCounts(Schema):
    """How many resources were sent; the other three add up to that."""

    sent, used, ignored, unread = (fields.Integer(required=True) for _ in range(4))


SHOWN = {"enum": [True, False, "unknown"]}
"""Whether a record shows a cancer."""


class ExtractionOut(Schema):
    """The facts of one patient as a record states them.

    A guideline may have one more member, named by its content, that says whether the record shows its cancer.
    """

    facts = fields.Dict(fields.String(), fields.Raw(), required=True)
    provenance = fields.Dict(fields.String(), fields.Nested(Provenance), required=True)
    ignored = several(IgnoredOut)
    data_conflicts = several(RecordConflict)
    patient = maybe()
    other_patients = texts()
    subjects = fields.Dict(fields.String(), fields.Raw(metadata=SHOWN), required=True)
    resources = fields.Nested(ResourceCounts, required=True)


class RecordAnswer(Schema):
    """What one guideline reads in a record, and its answer. `remark` is there if the cancer is not known."""

    guideline = text()
    facts = fields.Dict(fields.String(), fields.Raw(), required=True)
    provenance = fields.Dict(fields.String(), fields.Nested(Provenance), required=True)
    data_conflicts = several(RecordConflict)
    answer = fields.Dict(required=True)
    remark = fields.String()


class RecordAnswersOut(Schema):
    """The answers of every guideline whose cancer a record shows, the most urgent first."""

    patient = maybe()
    other_patients = texts()
    ignored = several(IgnoredOut)
    resources = fields.Nested(ResourceCounts, required=True)
    subjects = fields.Dict(fields.String(), fields.Raw(metadata=SHOWN), required=True)
    answers = several(RecordAnswer)
