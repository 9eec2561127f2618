"""The shape of cards.yaml, and what a shape cannot see: names, lengths, drafts of which nothing is said."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from marshmallow import fields, validate

from service.knowledge.cards import (
    SNOMED,
    SUMMARY,
    Cards,
    Coding,
    Datum,
    Notice,
    OrderKind,
    Orders,
    OrderText,
    OverrideReasons,
    Sentence,
    Service,
    Source,
    Suggestion,
    Uncertain,
)
from service.knowledge.model import URGENCIES, Option, Rule
from service.knowledge.schemas import Boxes, Content, Keyed, one_of, text, texts, truth
from service.knowledge.terminology import MEANINGS

HOOKS = ("patient-view", "order-select", "order-sign")
INDICATORS = ("info", "warning", "critical")
SIDES = ("left", "right", "bilateral")
PRIORITIES = ("routine", "urgent", "asap", "stat")
QUERY = (
    r"^([A-Z][A-Za-z]+/\{\{context\.patientId\}\}|"
    r"[A-Z][A-Za-z]+\?patient=\{\{context\.patientId\}\}(&[a-z_-]+(:in)?=[A-Za-z0-9,|:./_-]+)*)$"
)
"""An instance read or a flat search by the patient: the recommended subset of CDS Hooks."""
WORDS = (
    "link", "guideline", "order", "limits", "grading", "supporting", "reasons", "facts", "missing", "unread",
    "conflicts", "warnings", "checks", "sources", "ignored", "others", "partial", "failed", "absent", "overdue",
    "differs", "text_only", "site_unstated", "check_first",
)  # fmt: skip
"""The words of a card's detail."""


def faults(cards: Cards, rules: Sequence[Rule], options: Mapping[str, Option]) -> Iterator[tuple[str, str]]:
    """Path and detail of what a schema cannot see."""
    yield from _misnamed(cards, {rule.id for rule in rules}, options)
    for order, rule in product(cards.orders.kinds, rules):
        always = (text for text in cards.orders.texts if rule.id in text.rules and not text.when and not text.options)
        if not any(order.id in (text.kinds or (order.id,)) for text in always):
            yield "/orders/texts", f"nothing is said about a draft of kind {order.id} under rule {rule.id}"
    headed = [(f"the title of {rule.id}", rule.title) for rule in rules]
    headed += [(f"the heading {heading.id}", heading.text) for heading in cards.headings]
    for name, said in headed:
        if len(f"{cards.words['differs']}: {said}") > SUMMARY:
            yield "/words/differs", f"with {name} it has more than {SUMMARY} characters"
    if [name for name, shown in cards.indicators.items() if shown == "critical"] != ["emergency"]:
        yield "/indicators", "an emergency, and nothing else, is critical"


def _misnamed(cards: Cards, rules: set[str], options: Mapping[str, Option]) -> Iterator[tuple[str, str]]:
    placed = [(f"/headings/{heading.id}", heading.rules) for heading in cards.headings]
    placed += [(f"/cautions/{caution.id}", caution.rules) for caution in cards.cautions]
    placed += [(f"/suggestions/{suggestion.id}", suggestion.rules) for suggestion in cards.suggestions]
    said = [(f"/orders/texts/{text.id}", text) for text in cards.orders.texts]
    said += [(f"/orders/reservations/{text.id}", text) for text in cards.orders.reservations]
    placed += [(path, text.rules) for path, text in said]
    yield from ((path, f"no such rule: {name}") for path, named in placed for name in named if name not in rules)
    for datum in cards.prefetch:
        if datum.within is not None and datum.within not in {other.id for other in cards.prefetch}:
            yield f"/prefetch/{datum.id}/within", f"no such datum: {datum.within}"
    offering = [(path, text.options) for path, text in said]
    offering += [(f"/suggestions/{suggestion.id}", suggestion.options) for suggestion in cards.suggestions]
    yield from ((path, f"no such option: {name}") for path, named in offering for name in named if name not in options)
    kinds = {option.kind for option in options.values()}
    orders = {order.id for order in cards.orders.kinds}
    yield from ((f"/orders/kinds/{name}", f"no option has this kind: {name}") for name in orders - kinds)
    drafted = [(path, kind) for path, text in said for kind in text.kinds]
    yield from ((path, f"no such kind of order: {kind}") for path, kind in drafted if kind not in orders)


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
    text, words = text(), texts(required=True, least=1)


class SentenceSchema(Content):
    makes = Sentence
    id, when, rules, text = text(), Boxes(required=True), texts(required=True, least=1), text()


class NoticeSchema(Content):
    makes = Notice
    id, when, text = text(), Boxes(required=True), text()
    up_to_age = fields.Integer(required=True)


class OrderKindSchema(Content):
    makes = OrderKind
    id, title, elsewhere_too = text(), text(), truth()
    means = fields.List(one_of(MEANINGS["procedures"]), required=True, validate=validate.Length(min=1))
    means_at_breast = fields.List(one_of(MEANINGS["procedures"]), load_default=list)
    phrases, phrases_at_breast = texts(), texts()


class OrderTextSchema(Content):
    makes = OrderText
    id, text, differs = text(), text(), truth()
    rules, kinds, options = texts(required=True, least=1), texts(), texts()
    when = Boxes(load_default=list)


class OrdersSchema(Content):
    makes = Orders
    kinds = Keyed(OrderKindSchema, required=True)
    not_phrases, breast_words, removed = texts(), texts(required=True, least=1), text()
    diagnosis_phrases, elsewhere_words = texts(), texts()
    side_words = fields.Dict(one_of(SIDES), texts(), required=True)
    texts = fields.List(fields.Nested(OrderTextSchema), required=True)
    reservations = fields.List(fields.Nested(OrderTextSchema), load_default=list)


class SuggestionSchema(Content):
    makes = Suggestion
    id, label, description, order, priority = text(r"^[a-z_]+$"), text(), text(), text(), one_of(PRIORITIES)
    rules, when = texts(required=True, least=1), Boxes(load_default=list)
    options = texts()
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
    words = fields.Dict(one_of(WORDS), text(), required=True, validate=validate.Length(equal=len(WORDS)))
    headings = fields.List(fields.Nested(SentenceSchema), load_default=list)
    cautions = fields.List(fields.Nested(SentenceSchema), load_default=list)
    notices = fields.List(fields.Nested(NoticeSchema), load_default=list)
    orders = fields.Nested(OrdersSchema, required=True)
    suggestions = fields.List(fields.Nested(SuggestionSchema), load_default=list, validate=validate.Length(max=60))
    override_reasons = fields.Nested(OverrideReasonsSchema, required=True)
