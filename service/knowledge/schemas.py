"""The shape of each content file. A member that is missing, unknown or out of its closed set is a fault with a path."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from service.evidence import outcomes
from service.knowledge import model
from service.knowledge.yaml_file import ContentError, ContentFault, flat, read_yaml

Boxed = list[dict[str, Any]]
LOWERING = (*model.DOMAINS, "unstated_category")
"""Groups of reasons for a lower certainty: a GRADE domain, or a fact sent without its category."""


class Boxes(fields.Field[Boxed]):
    """`when`: one box, or a list of boxes any of which may fit. A cell is a value, a list, or {not: ...}."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Boxed:
        del attr, data, kwargs
        boxes = value if isinstance(value, list) else [value]
        if not all(isinstance(box, dict) for box in boxes):
            raise ValidationError("A box maps a feature to the values that fit.")
        return boxes


def load_file(schema: Schema, file: Path, json_below: Collection[str] = (), content: bytes | None = None) -> Any:
    """Return what a schema makes of a YAML file. Raise ContentError with the faults of the file.

    Below the keys in `json_below` unquoted scalars are JSON values. `content` is what was read of the file before.
    """
    try:
        return schema.load(read_yaml(file, json_below, content))
    except ValidationError as error:
        faults = [ContentFault(str(file), path, detail) for path, detail in flat(error.messages)]
        raise ContentError(faults) from error


def text(pattern: str | None = None) -> fields.String:
    """A required string that is not empty, perhaps of a pattern."""
    if pattern is None:
        return fields.String(required=True, validate=validate.Length(min=1))
    shown = pattern.replace("{", "{{").replace("}", "}}")  # marshmallow takes an error for a format
    return fields.String(required=True, validate=validate.Regexp(pattern, error=f"Must match {shown}."))


def optional() -> fields.String:
    """A string that may be left out."""
    return fields.String(load_default=None)


def nullable() -> fields.String:
    """A string that must be given; the word null says that there is none."""
    return fields.String(required=True, allow_none=True)


def texts(*, required: bool = False, least: int = 0) -> fields.List[str]:
    """A list of strings."""
    if required:
        return fields.List(fields.String(), required=True, validate=validate.Length(min=least))
    return fields.List(fields.String(), load_default=list)


def words() -> fields.Dict:
    """A mapping of ids to words, empty when left out."""
    return fields.Dict(fields.String(), text(), load_default=dict)


def one_of(values: tuple[str, ...], *, required: bool = True) -> fields.String:
    """A word out of a closed set."""
    if required:
        return fields.String(required=True, validate=validate.OneOf(values))
    return fields.String(load_default=None, validate=validate.OneOf(values))


def truth() -> fields.Boolean:
    """The word true or false; false when left out."""
    return fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=False)


def whole() -> fields.Boolean:
    """The word true or false, required."""
    return fields.Boolean(truthy={"true"}, falsy={"false"}, required=True)


class Content(Schema):
    """A part of a content file. `makes` is the plain value that it becomes."""

    class Meta:
        unknown = RAISE

    makes: type[Any] = dict

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        """Make the plain value, lists as tuples."""
        return self.makes(**{name: tuple(v) if isinstance(v, list) else v for name, v in data.items()})


class Keyed(fields.Field[list[Any]]):
    """A mapping whose keys are the ids of its values."""

    def __init__(self, schema: type[Content], **options: Any) -> None:
        self.schema = schema()
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        del attr, data, kwargs
        if not isinstance(value, dict):
            raise ValidationError("Must map an id to each value.")
        made, faults = [], {}
        for name, body in value.items():
            try:
                made.append(self.schema.load({**body, "id": name} if isinstance(body, dict) else body))
            except ValidationError as error:
                faults[name] = error.messages
        if faults:
            raise ValidationError(faults)
        return made


class Worded(fields.Field[list[Any]]):
    """A list whose items are a word or sentence, or a mapping that says more; `member` is where the word goes."""

    def __init__(self, schema: type[Content], member: str, *, required: bool = False, least: int = 0) -> None:
        self.items = fields.List(fields.Nested(schema), validate=validate.Length(min=least))
        self.member = member
        if required:
            super().__init__(required=True)
        else:
            super().__init__(load_default=list)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        del attr, data, kwargs
        listed = value if isinstance(value, list) else [value]
        mappings = [item if isinstance(item, dict) else {self.member: item} for item in listed]
        loaded: list[Any] = self.items.deserialize(mappings)
        return loaded


class Words(fields.Field[str | list[str]]):
    """A word, or a list of words that belong together."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        del attr, data, kwargs
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(item, str) and item for item in listed):
            raise ValidationError("Must be the name of a fact, or a list of such names.")
        return value


class CitationSchema(Content):
    makes = model.Citation
    id, source, read_in = text(), text(), text()
    title, authors, journal, year = nullable(), nullable(), nullable(), nullable()
    doi, pmid, registry, url = nullable(), nullable(), nullable(), nullable()
    verified = one_of(("yes", "second-hand"))
    note = fields.String(load_default=None, allow_none=True)
    study = fields.String(load_default=None, allow_none=True)


class CitedSchema(Content):
    makes = model.Cited
    id, locator, supports = text(), text(), text()


class ReasonSchema(Content):
    makes = model.Reason
    domain, text = one_of(model.DOMAINS), text()


class ChangeSchema(Content):
    makes = model.Change
    change, becomes, when = text(), texts(), Boxes(load_default=list)


class CheckSchema(Content):
    makes = model.Check
    text, asks, when = text(), optional(), Boxes(load_default=list)


class OfferSchema(Content):
    makes = model.Offer
    id = fields.String(required=True, data_key="option", validate=validate.Length(min=1))
    when = Boxes(load_default=list)


def checks() -> Worded:
    """Things to check: sentences, or sentences with the fact or the boxes that they depend on."""
    return Worded(CheckSchema, "text")


def offers(*, required: bool = False, least: int = 0) -> Worded:
    """Options by id, perhaps with the boxes in which they are offered."""
    return Worded(OfferSchema, "option", required=required, least=least)


class OptionSchema(Content):
    makes = model.Option
    unknown = fields.String(load_default=None, allow_none=True)  # type: ignore[assignment] # a field, not the option
    benefit, harm = (fields.String(load_default=None, allow_none=True) for _ in range(2))
    id, kind, text = text(), text(), text()
    citations, advised_against = texts(), truth()
    timing = fields.String(data_key="when", load_default=None, validate=validate.OneOf(tuple(model.TIMINGS)))


class WordingSchema(Content):
    makes = model.Wording
    name, when, statement = text(), Boxes(required=True), text()
    options, must_check = offers(), checks()
    citations = fields.List(fields.Nested(CitedSchema), load_default=list)
    label, key_message = optional(), optional()


class AdditionSchema(Content):
    makes = model.Addition
    name, when, append = text(), Boxes(required=True), text()
    options, must_check, remove = offers(), checks(), texts()


class GradingSchema(Content):
    makes = model.Grading
    when = Boxes(required=True)
    certainty = one_of((*model.CERTAINTIES, "none"), required=False)
    certainty_reasons = fields.List(fields.Nested(ReasonSchema), load_default=list)
    urgency = one_of(model.URGENCIES, required=False)
    citations = fields.List(fields.Nested(CitedSchema), load_default=list)
    provenance = fields.List(one_of(model.PROVENANCES), load_default=list)
    time_critical = fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=None)


class SlotTextSchema(Content):
    makes = model.SlotText
    when, text = Boxes(required=True), fields.String(required=True)


class Slots(fields.Field[list[model.Slot]]):
    """A mapping of the names of slots to the texts that can stand there."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        del attr, data, kwargs
        texts = fields.Dict(fields.String(), fields.List(fields.Nested(SlotTextSchema))).deserialize(value)
        return [model.Slot(name, tuple(listed)) for name, listed in texts.items()]


class RuleSchema(Content):
    makes = model.Rule
    id, code, title, statement, key_message = text(), text(), text(), text(), text()
    when = Boxes(required=True)
    direction, strength = one_of(model.DIRECTIONS), one_of(model.STRENGTHS)
    certainty = one_of((*model.CERTAINTIES, "none"))
    certainty_reasons = fields.List(fields.Nested(ReasonSchema), required=True, validate=validate.Length(min=1))
    urgency, intent, time_critical = one_of(model.URGENCIES), one_of(model.INTENTS), whole()
    provenance = fields.List(one_of(model.PROVENANCES), required=True, validate=validate.Length(min=1))
    asks = fields.List(Words(), load_default=list)
    must_check, dissent = checks(), texts()
    decision_aid = truth()
    options = offers(required=True, least=2)
    what_would_change = fields.List(fields.Nested(ChangeSchema), required=True)
    citations = fields.List(
        fields.Nested(CitedSchema),
        required=True,
        validate=validate.Length(min=1, error="a rule needs a citation with a locator"),
    )

    statements = fields.List(fields.Nested(WordingSchema), load_default=list)
    additions = fields.List(fields.Nested(AdditionSchema), load_default=list)
    grades = fields.List(fields.Nested(GradingSchema), load_default=list)
    slots = Slots(load_default=list)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        """Make the rule: the facts that it asks for, and those of them that stand in a list of their own."""
        listed = data.pop("asks")
        together = tuple(tuple(item) for item in listed if isinstance(item, list))
        flat_names = (name for item in listed for name in (item if isinstance(item, list) else [item]))
        return super().make({**data, "asks": list(dict.fromkeys(flat_names)), "together": together})


class EffectSchema(Content):
    makes = model.Effect
    when = Boxes(load_default=list)
    rules, directions, remove, must_check, must_check_first = texts(), texts(), texts(), checks(), checks()
    cite_first, offered, offer_first, offer_second = texts(), texts(), texts(), texts()
    urgency_at_least = one_of(model.URGENCIES, required=False)
    lowers_certainty = one_of(LOWERING, required=False)
    prefix, adds, ends, note, message, warning = (optional() for _ in range(6))
    mark = fields.Dict(fields.String(), fields.String(), load_default=dict)
    citations = fields.List(fields.Nested(CitedSchema), load_default=list)
    decision_aid = truth()


class ModifierSchema(Content):
    makes = model.Modifier
    id, title, when = text(), text(), Boxes(required=True)
    named = one_of(model.NAMINGS, required=False)
    effects = fields.List(fields.Nested(EffectSchema), required=True)


class PrefixSchema(Content):
    makes = model.Prefix
    name, when, text, rules = text(), Boxes(required=True), text(), texts()


class ClauseSchema(Content):
    makes = model.Clause
    id, when, detail = text(), Boxes(required=True), text()
    at, implausible = texts(), truth()


class StatementSchema(Content):
    makes = model.Statement
    id, text = text(), text()
    citations = texts(required=True, least=1)
    rules = texts()


class CommunicationSchema(Content):
    makes = model.Communication
    not_abandonment, uncertainty, numbers_on_request = text(), text(), text()
    triggers_to_return, ask_patient, avoid = texts(required=True), texts(required=True), texts(required=True)
    uncertainty_rules = texts()
    dissent = Keyed(StatementSchema, load_default=list)
    open_questions = Keyed(StatementSchema, load_default=list)
    heard = Keyed(StatementSchema, load_default=list)
    not_abandonment_by_rule = words()


class RowSchema(Content):
    then, when = fields.String(required=True), Boxes(required=True)
    name = optional()


class TableSchema(Content):
    output, title = text(), text()
    hit_policy = one_of(("unique", "priority"))
    values = texts(required=True, least=1)
    rows = fields.List(fields.Nested(RowSchema), required=True, validate=validate.Length(min=1))


class StepSchema(TableSchema):
    helper = truth()


class DerivationsSchema(Content):
    tables = fields.List(fields.Nested(StepSchema), required=True)
    wording = fields.List(fields.Nested(TableSchema), load_default=list)


class ArmSchema(Content):
    makes = outcomes.Arm
    id, label = text(), text()
    side = one_of(outcomes.SIDES)


class TrialSchema(Content):
    study, effect, citation = text(), text(), text()
    id, stratum, timing, group = optional(), optional(), optional(), optional()
    argued, caveat = optional(), optional()


class PublishedSchema(Content):
    study, effect, citation = text(), text(), text()
    caveat = optional()


class PoolSchema(Content):
    id, title = text(), text()
    trials = texts(required=True, least=2)
    caveat, rules = optional(), texts()


class FavoursSchema(Content):
    below, above = text(), text()


class FindingSchema(Content):
    makes = outcomes.Finding
    text, citation = text(), text()


class InteractionSchema(Content):
    between = texts(required=True, least=2)
    figure = text()


class OutcomeSchema(Content):
    id, title, measure, direction = text(), text(), optional(), optional()
    favours = fields.Nested(FavoursSchema, load_default=None)
    default, pooled_reason = optional(), optional()
    trials = fields.List(fields.Nested(TrialSchema), load_default=list)
    pools = fields.List(fields.Nested(PoolSchema), load_default=list)
    published = fields.List(fields.Nested(PublishedSchema), load_default=list)
    statements = fields.List(fields.Nested(FindingSchema), load_default=list)
    interactions = fields.List(fields.Nested(InteractionSchema), load_default=list)
    notes = texts()


class CriterionSchema(Content):
    makes = outcomes.Criterion
    criterion = text()
    fits, misfits = Boxes(load_default=list), Boxes(load_default=list)


class PopulationSchema(Content):
    makes = outcomes.Population
    study, citation = text(), text()
    criteria = fields.List(fields.Nested(CriterionSchema), required=True, validate=validate.Length(min=1))


class EvidenceFile(Content):
    arms = Keyed(ArmSchema, load_default=list)
    timings, labels = words(), words()
    outcomes = fields.List(fields.Nested(OutcomeSchema), load_default=list)
    populations = fields.List(fields.Nested(PopulationSchema), load_default=list)


class OptionsFile(Content):
    options = Keyed(OptionSchema, required=True)
    brief_kinds = texts()


class ModifiersFile(Content):
    modifiers = fields.List(fields.Nested(ModifierSchema), required=True)
    prefixes = fields.List(fields.Nested(PrefixSchema), load_default=list)
    listed = fields.String(load_default=model.LISTINGS[0], validate=validate.OneOf(model.LISTINGS))


class ContradictionsFile(Content):
    contradictions = fields.List(fields.Nested(ClauseSchema), required=True)
    conflicts = fields.List(fields.Nested(ClauseSchema), load_default=list)


class WarningsFile(Content):
    warnings = fields.List(fields.Nested(ClauseSchema), required=True)
    checks = fields.List(fields.Nested(ClauseSchema), load_default=list)


class SourceAttributes(Content):
    """45 CFR 170.315(b)(11)(iv)(A)(1)-(13): all or none, and none of them empty."""

    bibliographic_citation, developer, funding_source, release_and_revision_dates = text(), text(), text(), text()
    use_of_race, use_of_ethnicity, use_of_language, use_of_sexual_orientation = text(), text(), text(), text()
    use_of_gender_identity, use_of_sex, use_of_date_of_birth = text(), text(), text()
    use_of_social_determinants_of_health, use_of_health_status_assessments = text(), text()


class HazardSchema(Content):
    makes = model.Hazard
    id, hazard = text(), text()
    controls, tests = texts(required=True, least=1), texts(required=True, least=1)


class UnheardSchema(Content):
    makes = model.Unheard
    rules, findings, when = texts(), texts(), Boxes(load_default=list)


class UnaskedSchema(Content):
    makes = model.Unasked
    facts, when = texts(required=True, least=1), Boxes(load_default=list)


class ContextSchema(Content):
    makes = model.ContextStatement
    text, citations = text(), texts(required=True, least=1)


class ReleaseSchema(Content):
    makes = model.Release
    # Both stand in every permalink, between underscores (service/facts/identifier.py).
    id = text(pattern=r"^[a-z0-9-]+$")
    release = text(pattern=r"^[A-Za-z0-9-]+$")
    title, question, developer, funding = (text() for _ in range(4))
    evidence_date = fields.Date(required=True)
    review_by = fields.Date(
        required=True, error_messages={"required": "a guideline without a review date does not load"}
    )
    sign_off = one_of(("awaiting", "signed"))
    sign_off_note, intended_use, disclaimer = text(), text(), text()
    intended_users, not_for, limits = texts(required=True), texts(required=True), texts(required=True)
    axes = texts(required=True, least=1)
    tier, emergency_tier, urgent_tier = optional(), optional(), optional()
    gates = texts()
    supporting = fields.Dict(fields.String(), fields.List(fields.String()), load_default=dict)
    changes = texts(required=True, least=1)
    source_attributes = fields.Nested(SourceAttributes, load_default=dict)
    hazards = fields.List(fields.Nested(HazardSchema), load_default=list)
    unheard = fields.List(fields.Nested(UnheardSchema), load_default=list)
    unasked = fields.List(fields.Nested(UnaskedSchema), load_default=list)
    context = fields.List(fields.Nested(ContextSchema), load_default=list)
