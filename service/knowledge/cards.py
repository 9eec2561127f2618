"""What an EHR shows of a guideline: its CDS Hooks services, the data they ask for, the words of their cards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


from marshmallow import fields, validate

from service.knowledge.model import URGENCIES, Boxes, Rule
from service.knowledge.schemas import Boxes as BoxesField
from service.knowledge.schemas import Content, Keyed, one_of, text, texts, truth

HOOKS = ("patient-view", "order-select", "order-sign")
INDICATORS = ("info", "warning", "critical")
PRIORITIES = ("routine", "urgent", "asap", "stat")
SUMMARY = 139
"""Characters that a summary may have (CDS Hooks: fewer than 140)."""
QUERY = (
    r"^([A-Z][A-Za-z]+/\{\{context\.patientId\}\}|"
    r"[A-Z][A-Za-z]+\?patient=\{\{context\.patientId\}\}(&[a-z_-]+(:in)?=[A-Za-z0-9,|:./_-]+)*)$"
)
"""An instance read or a flat search by the patient: the recommended subset of CDS Hooks."""
SNOMED = "http://snomed.info/sct"
WORDS = (
    "link guideline order limits grading supporting reasons facts missing unread conflicts warnings checks sources ignored "
    "others partial failed absent overdue differs text_only site_unstated"
).split()  # fmt: skip


@dataclass(frozen=True)
class Service:
    """One CDS service: it answers one hook."""

    id: str
    hook: str
    title: str
    description: str


@dataclass(frozen=True)
class Datum:
    """What a service wants to have prefetched. `id` is the key, `query` a template, `title` names it to a clinician.

    `within` names the datum that, when it is whole, holds this one too.
    """

    id: str
    query: str
    title: str
    required: bool
    within: str | None = None

    @property
    def resource_type(self) -> str:
        """The FHIR resource type that the query gives."""
        return self.query.partition("?")[0].partition("/")[0]


@dataclass(frozen=True)
class Coding:
    """A code in a code system."""

    code: str
    display: str
    system: str = SNOMED


@dataclass(frozen=True)
class Source:
    """Who speaks, about what."""

    label: str
    topic: Coding


@dataclass(frozen=True)
class Uncertain:
    """What is said when it is not certain that the guideline is about this patient."""

    summary: str
    text: str


@dataclass(frozen=True)
class Caution:
    """What the summary adds to the rule's title for the patients in its boxes."""

    id: str
    when: Boxes
    rules: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class OrderKind:
    """A kind of draft order that the guideline is about; `elsewhere_too`: its codes are used for other sites as well."""

    id: str
    title: str
    codes: tuple[Coding, ...]
    phrases: tuple[str, ...]
    elsewhere_too: bool


@dataclass(frozen=True)
class OrderText:
    """What is said about a draft order under some rules; `differs` when the draft goes against the advice."""

    id: str
    rules: tuple[str, ...]
    text: str
    when: Boxes = ()
    kinds: tuple[str, ...] = ()
    differs: bool = False


@dataclass(frozen=True)
class Orders:
    """How draft orders are recognised, and what is said about them."""

    kinds: tuple[OrderKind, ...]
    not_phrases: tuple[str, ...]
    breast_words: tuple[str, ...]
    removed: str
    texts: tuple[OrderText, ...]


@dataclass(frozen=True)
class Suggestion:
    """An order that the clinician may take over; `kind`: not where that kind of option is removed for the patient."""

    id: str
    rules: tuple[str, ...]
    label: str
    description: str
    order: str
    priority: str
    when: Boxes = ()
    kind: str | None = None
    coding: Coding | None = None


@dataclass(frozen=True)
class OverrideReasons:
    """Why a clinician may decide otherwise: code to words, in a code system of our own."""

    system: str
    codes: Mapping[str, str]


@dataclass(frozen=True)
class Cards:
    """Everything that cards of one guideline say beyond its rules."""

    services: tuple[Service, ...]
    usage_requirements: str
    prefetch: tuple[Datum, ...]
    source: Source
    indicators: Mapping[str, str]
    words: Mapping[str, str]
    uncertain: Uncertain
    cautions: tuple[Caution, ...]
    orders: Orders
    suggestions: tuple[Suggestion, ...]
    override_reasons: OverrideReasons


def faults(cards: Cards, rules: Sequence[Rule], kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Path and detail of what a schema cannot see: names, lengths, drafts of which nothing is said."""
    known = {rule.id for rule in rules}
    for member, group in (("cautions", cards.cautions), ("suggestions", cards.suggestions)):
        yield from ((f"/{member}/{item.id}", f"no such rule: {n}") for item in group for n in item.rules if n not in known)
    for item in cards.orders.texts:
        yield from ((f"/orders/texts/{item.id}", f"no such rule: {name}") for name in item.rules if name not in known)
    for datum in cards.prefetch:
        if datum.within is not None and datum.within not in {other.id for other in cards.prefetch}:
            yield f"/prefetch/{datum.id}/within", f"no such datum: {datum.within}"
    for item in cards.suggestions:
        if item.kind is not None and item.kind not in kinds:
            yield f"/suggestions/{item.id}/kind", f"no option has this kind: {item.kind}"
    for order in cards.orders.kinds:
        if order.id not in kinds:
            yield f"/orders/kinds/{order.id}", f"no option has this kind: {order.id}"
        for rule in rules:
            if not any(rule.id in t.rules and not t.when and order.id in (t.kinds or (order.id,)) for t in cards.orders.texts):
                yield "/orders/texts", f"nothing is said about a draft of kind {order.id} under rule {rule.id}"
    for rule in rules:
        if len(f"{cards.words['differs']}: {rule.title}") > SUMMARY:
            yield "/words/differs", f"with the title of {rule.id} it has more than {SUMMARY} characters"
    if [name for name, shown in cards.indicators.items() if shown == "critical"] != ["emergency"]:
        yield "/indicators", "an emergency, and nothing else, is critical"


class ServiceSchema(Content):
    makes = Service
    id = text(r"^[a-z0-9][a-z0-9-]{0,63}$")
    hook, title, description = one_of(HOOKS), text(), text()


class DatumSchema(Content):
    makes = Datum
    id, query, title, required = text(r"^[a-z]+$"), text(QUERY), text(), truth()
    within = fields.String(load_default=None)


class CodingSchema(Content):
    makes = Coding
    code, display = text(r"^\S+$"), text()
    system = fields.String(load_default=SNOMED, validate=validate.Regexp(r"^(https?|urn):\S+$"))


class SourceSchema(Content):
    makes = Source
    label = text()
    topic = fields.Nested(CodingSchema, required=True)


class UncertainSchema(Content):
    makes = Uncertain
    summary = fields.String(required=True, validate=validate.Length(1, SUMMARY))
    text = text()


class CautionSchema(Content):
    makes = Caution
    id, when, rules, text = text(), BoxesField(required=True), texts(required=True, least=1), text()


class OrderKindSchema(Content):
    makes = OrderKind
    id, title, elsewhere_too = text(), text(), truth()
    codes = fields.List(fields.Nested(CodingSchema), required=True, validate=validate.Length(min=1))
    phrases = texts()


class OrderTextSchema(Content):
    makes = OrderText
    id, text, differs = text(), text(), truth()
    rules, kinds = texts(required=True, least=1), texts()
    when = BoxesField(load_default=list)


class OrdersSchema(Content):
    makes = Orders
    kinds = Keyed(OrderKindSchema, required=True)
    not_phrases, breast_words, removed = texts(), texts(required=True, least=1), text()
    texts = fields.List(fields.Nested(OrderTextSchema), required=True)


class SuggestionSchema(Content):
    makes = Suggestion
    id, label, description, order, priority = text(r"^[a-z_]+$"), text(), text(), text(), one_of(PRIORITIES)
    rules, when = texts(required=True, least=1), BoxesField(load_default=list)
    kind = fields.String(load_default=None)
    coding = fields.Nested(CodingSchema, load_default=None)


class OverrideReasonsSchema(Content):
    makes = OverrideReasons
    system = text(r"^(https?|urn):\S+$")
    codes = fields.Dict(text(r"^[a-z-]+$"), text(), required=True, validate=validate.Length(min=1))


class CardsSchema(Content):
    makes = Cards
    services = Keyed(ServiceSchema, required=True)
    usage_requirements = text()
    prefetch = Keyed(DatumSchema, required=True)
    source, uncertain = fields.Nested(SourceSchema, required=True), fields.Nested(UncertainSchema, required=True)
    indicators = fields.Dict(one_of(URGENCIES), one_of(INDICATORS), required=True, validate=validate.Length(equal=4))
    words = fields.Dict(one_of(tuple(WORDS)), text(), required=True, validate=validate.Length(equal=len(WORDS)))
    cautions = fields.List(fields.Nested(CautionSchema), load_default=list)
    orders = fields.Nested(OrdersSchema, required=True)
    suggestions = fields.List(fields.Nested(SuggestionSchema), load_default=list, validate=validate.Length(max=60))
    override_reasons = fields.Nested(OverrideReasonsSchema, required=True)
