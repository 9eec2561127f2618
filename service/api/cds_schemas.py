"""The shapes of CDS Hooks, for the OpenAPI document. What else a client sends is passed over."""

from marshmallow import Schema, fields, validate

from service.api.schemas import several, text, word
from service.knowledge.cards import HOOKS
from service.knowledge.cards_file import INDICATORS, PRIORITIES


def counts() -> fields.Dict:
    """A number for each name."""
    return fields.Dict(fields.String(), fields.Integer(), required=True)


class CdsService(Schema):
    id, title, description, usageRequirements, version = text(), text(), text(), text(), text()
    hook = word(HOOKS)
    prefetch = fields.Dict(fields.String(), fields.String(), required=True)


class CdsServicesOut(Schema):
    services = several(CdsService)


class CodingOut(Schema):
    code, system, display = text(), text(), text()


class CardSourceOut(Schema):
    label, url = text(), text()
    topic = fields.Nested(CodingOut, required=True)


class ConceptOut(Schema):
    text = text()
    coding = several(CodingOut, required=False)


class ReferenceOut(Schema):
    reference = text()


class ReasonTextOut(Schema):
    text = text()


class ServiceRequestOut(Schema):
    """A proposal in FHIR R4."""

    resourceType, status, intent = word(("ServiceRequest",)), word(("draft",)), word(("proposal",))
    priority = word(PRIORITIES)
    code, subject = fields.Nested(ConceptOut, required=True), fields.Nested(ReferenceOut, required=True)
    reasonCode = several(ReasonTextOut)


class ActionOut(Schema):
    type, description = word(("create",)), text()
    resource = fields.Nested(ServiceRequestOut, required=True)


class SuggestionOut(Schema):
    label, uuid = text(), text()
    actions = several(ActionOut)


class LinkOut(Schema):
    label, url, type = text(), text(), word(("absolute",))


class Card(Schema):
    uuid, detail = text(), text()
    summary = fields.String(required=True, validate=validate.Length(max=139))
    indicator = word(INDICATORS)
    source = fields.Nested(CardSourceOut, required=True)
    suggestions = several(SuggestionOut, required=False)
    selectionBehavior = fields.String(validate=validate.OneOf(("any",)))
    overrideReasons = several(CodingOut)
    links = several(LinkOut, required=False)


class CdsCardsOut(Schema):
    cards = several(Card)


class HookCallOut(Schema):
    """A call. The context has patientId and userId; of the order hooks draftOrders, of order-select selections too."""

    hook = word(HOOKS)
    hookInstance = text()
    context = fields.Dict(required=True)
    prefetch, fhirAuthorization = fields.Dict(), fields.Dict()
    fhirServer = fields.String()


class AcceptedOut(Schema):
    id = text()


class CardOutcomeOut(Schema):
    """Of one card. The reason for an override may also be called overrideReasons, as Epic does."""

    card, outcome = text(), word(("accepted", "overridden"))
    acceptedSuggestions = several(AcceptedOut, required=False)
    overrideReason = fields.Dict()
    outcomeTimestamp = fields.AwareDateTime(required=True)


class HookFeedbackOut(Schema):
    feedback = fields.List(fields.Nested(CardOutcomeOut), required=True, validate=validate.Length(min=1))


class RuleFeedback(Schema):
    guideline, release, rule = text(), text(), text()
    accepted, overridden = fields.Integer(required=True), fields.Integer(required=True)
    reasons, suggestions = counts(), counts()


class UnattributedFeedback(Schema):
    accepted, overridden = fields.Integer(required=True), fields.Integer(required=True)
    reasons, suggestions = counts(), counts()


class FeedbackSummaryOut(Schema):
    month = fields.String()
    rules = several(RuleFeedback)
    unattributed = fields.Nested(UnattributedFeedback, required=True)


class IssueOut(Schema):
    severity, code = word(("error",)), text()
    details = fields.Nested(ReasonTextOut, required=True)
    diagnostics = fields.String()


class OperationOutcomeOut(Schema):
    """An error on a CDS Hooks route."""

    resourceType = word(("OperationOutcome",))
    issue = several(IssueOut)


ALL: tuple[type[Schema], ...] = (
    CdsServicesOut,
    CdsCardsOut,
    HookCallOut,
    HookFeedbackOut,
    FeedbackSummaryOut,
    OperationOutcomeOut,
)
