"""The schema of cards.yaml, and the checks that a schema cannot make: names, lengths, drafts without a remark."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from marshmallow import fields, validate

from service.knowledge.cards import (
    HOOKS,
    MAX_SUMMARY_CHARACTERS,
    SHARED_SERVICES,
    SNOMED,
    CardCoding,
    Cards,
    CardSource,
    Notice,
    OrderCodeLists,
    OrderContent,
    OrderKind,
    OrderSite,
    OrderText,
    OverrideReasons,
    PrefetchItem,
    ServiceText,
    Side,
    SuggestionText,
    SummaryText,
    SuspectConditions,
    SuspectObservations,
    Suspicion,
    UncertainText,
)
from service.knowledge.model import URGENCIES, Option, Rule
from service.knowledge.schemas import Boxes, Content, Keyed, one_of, text, texts, truth
from service.knowledge.terminology import Terminology
from service.knowledge.vocabulary import Number, Vocabulary

INDICATORS = ("info", "warning", "critical")
PRIORITIES = ("routine", "urgent", "asap", "stat")
MAX_SERVICES = 12
"""With the three services of all guidelines they fit into the four bits of a card's UUID."""
QUERY = (
    r"^([A-Z][A-Za-z]+/\{\{context\.patientId\}\}|"
    r"[A-Z][A-Za-z]+\?patient=\{\{context\.patientId\}\}(&[a-z_-]+(:in)?=[A-Za-z0-9,|:./_-]+)*)$"
)
"""A read of one resource or a flat search by patient: the subset that CDS Hooks recommends."""
WORDS = (
    "link", "guideline", "order", "limits", "grading", "supporting", "reasons", "facts", "missing", "unread",
    "conflicts", "warnings", "checks", "sources", "ignored", "others", "partial", "failed", "absent", "overdue",
    "differs", "text_only", "site_unstated", "check_first", "subject_unknown",
)  # fmt: skip
"""Keys of the words of a card's detail."""

PathFault = tuple[str, str]
"""A path in cards.yaml, and the fault there."""


def faults(
    cards: Cards,
    rules: Sequence[Rule],
    options: Mapping[str, Option],
    vocabulary: Vocabulary,
    terminology: Terminology,
) -> Iterator[PathFault]:
    """Yield the faults of a file that fits the schema."""
    yield from _terminology_faults(cards, terminology)
    yield from _name_faults(cards, {rule.id for rule in rules}, options)
    yield from _notice_faults(cards.notices, vocabulary)
    for word in cards.suspicion.conditions.words:
        if word != word.lower():
            yield "/suspicion/conditions/words", f"words are written in lower case: {word}"
    for order, rule in product(cards.orders.kinds, rules):
        remarks = (text for text in cards.orders.texts if rule.id in text.rules and not text.when and not text.options)
        if not any(order.id in (text.kinds or (order.id,)) for text in remarks):
            yield "/orders/texts", f"nothing is said about a draft of kind {order.id} under rule {rule.id}"
    headings = [(f"the title of {rule.id}", rule.title) for rule in rules]
    headings += [(f"the heading {heading.id}", heading.text) for heading in cards.headings]
    for name, heading in headings:
        if len(f"{cards.words['differs']}: {heading}") > MAX_SUMMARY_CHARACTERS:
            yield "/words/differs", f"with {name} it has more than {MAX_SUMMARY_CHARACTERS} characters"
    if [name for name, indicator in cards.indicators.items() if indicator == "critical"] != ["emergency"]:
        yield "/indicators", "an emergency, and nothing else, is critical"


def _terminology_faults(cards: Cards, terminology: Terminology) -> Iterator[PathFault]:
    """Yield a fault for each code list or category that does not exist."""
    for path, name, categories in _code_list_uses(cards):
        if name not in terminology.lists:
            yield path, f"no such code list: {name}"
            continue
        for category in categories:
            if category not in terminology[name].categories:
                yield path, f"the code list {name} has no category {category}"


def shared_faults(cards_by_guideline: Mapping[str, Cards]) -> Iterator[tuple[str, str, str]]:
    """Yield guideline, path and detail where the cards of two guidelines cannot be offered side by side."""
    services: dict[str, str] = dict.fromkeys(SHARED_SERVICES.values(), "all guidelines")
    queries: dict[str, tuple[str, str]] = {}
    for name, cards in cards_by_guideline.items():
        for service in cards.services:
            if service.id in services:
                yield name, f"/services/{service.id}", f"this id is a service of {services[service.id]}"
            services[service.id] = name
        for item in cards.prefetch:
            other, query = queries.setdefault(item.id, (name, item.query))
            if item.query != query:
                yield name, f"/prefetch/{item.id}/query", f"the key {item.id} has another query in {other}"


def _code_list_uses(cards: Cards) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield path, code list and categories of each use."""
    orders, suspicion = cards.orders, cards.suspicion
    yield "/orders/code_lists/procedures", orders.code_lists.procedures, ()
    for kind in orders.kinds:
        for member in ("categories", "categories_at_site"):
            yield f"/orders/kinds/{kind.id}/{member}", orders.code_lists.procedures, getattr(kind, member)
    yield "/orders/code_lists/places", orders.code_lists.places, ()
    for member in ("categories", "laterality_categories"):
        yield f"/orders/site/{member}", orders.code_lists.places, getattr(orders.site, member)
    for name in suspicion.conditions.code_lists:
        yield "/suspicion/conditions/code_lists", name, ()
    if suspicion.observations is not None:
        yield "/suspicion/observations", suspicion.observations.code_list, suspicion.observations.categories


def _name_faults(cards: Cards, rules: set[str], options: Mapping[str, Option]) -> Iterator[PathFault]:
    remarks = [(f"/orders/texts/{text.id}", text) for text in cards.orders.texts]
    remarks += [(f"/orders/reservations/{text.id}", text) for text in cards.orders.reservations]
    uses = [(f"/headings/{heading.id}", heading.rules) for heading in cards.headings]
    uses += [(f"/cautions/{caution.id}", caution.rules) for caution in cards.cautions]
    uses += [(f"/suggestions/{suggestion.id}", suggestion.rules) for suggestion in cards.suggestions]
    uses += [(path, text.rules) for path, text in remarks]
    yield from ((path, f"no such rule: {name}") for path, names in uses for name in names if name not in rules)
    items = {item.id for item in cards.prefetch}
    for item in cards.prefetch:
        if item.within is not None and item.within not in items:
            yield f"/prefetch/{item.id}/within", f"no such prefetch item: {item.within}"
    uses = [(path, text.options) for path, text in remarks]
    uses += [(f"/suggestions/{suggestion.id}", suggestion.options) for suggestion in cards.suggestions]
    yield from ((path, f"no such option: {name}") for path, names in uses for name in names if name not in options)
    kinds = {option.kind for option in options.values()}
    orders = {order.id for order in cards.orders.kinds}
    yield from ((f"/orders/kinds/{name}", f"no option has this kind: {name}") for name in orders - kinds)
    drafts = [(path, kind) for path, text in remarks for kind in text.kinds]
    yield from ((path, f"no such kind of order: {kind}") for path, kind in drafts if kind not in orders)


def _notice_faults(notices: Sequence[Notice], vocabulary: Vocabulary) -> Iterator[PathFault]:
    for notice in notices:
        path = f"/notices/{notice.id}"
        if (notice.fact is None) != (notice.at_most is None):
            yield path, "fact and at_most stand together"
        elif notice.fact is not None and not isinstance(vocabulary.single_facts.get(notice.fact), Number):
            yield f"{path}/fact", f"no such fact with a number: {notice.fact}"


class ServiceSchema(Content):
    makes = ServiceText
    id = text(r"^[a-z0-9][a-z0-9-]{0,63}$")
    hook, title, description = one_of(HOOKS), text(), text()


class PrefetchSchema(Content):
    makes = PrefetchItem
    id, query, title, required = text(r"^[a-z]+$"), text(QUERY), text(), truth()
    within = fields.String(load_default=None)


class CodingSchema(Content):
    makes = CardCoding
    code, display = text(r"^\S+$"), text()
    system = fields.String(load_default=SNOMED, validate=validate.Regexp(r"^(https?|urn):\S+$"))


class SourceSchema(Content):
    makes = CardSource
    label = text()
    topic = fields.Nested(CodingSchema, required=True)


class UncertainSchema(Content):
    makes = UncertainText
    summary = fields.String(required=True, validate=validate.Length(1, MAX_SUMMARY_CHARACTERS))
    text = text()


class SuspectConditionsSchema(Content):
    makes = SuspectConditions
    code_lists, words = texts(), texts()


class SuspectObservationsSchema(Content):
    makes = SuspectObservations
    code_list, categories = text(), texts(required=True, least=1)


class SuspicionSchema(Content):
    makes = Suspicion
    conditions = fields.Nested(SuspectConditionsSchema, required=True)
    observations = fields.Nested(SuspectObservationsSchema, load_default=None)


class SummarySchema(Content):
    makes = SummaryText
    id, when, rules, text = text(), Boxes(required=True), texts(required=True, least=1), text()


class NoticeSchema(Content):
    makes = Notice
    id, when, text = text(), Boxes(required=True), text()
    fact = fields.String(load_default=None)
    at_most = fields.Float(load_default=None)


class OrderCodeListsSchema(Content):
    makes = OrderCodeLists
    procedures, places = text(), text()


class OrderSiteSchema(Content):
    makes = OrderSite
    categories, laterality_categories, words, other_site_words, diagnosis_phrases = (texts() for _ in range(5))


class OrderKindSchema(Content):
    makes = OrderKind
    id, title, also_at_other_sites = text(), text(), truth()
    categories, categories_at_site = texts(required=True, least=1), texts()
    phrases, phrases_at_site = texts(), texts()


class OrderTextSchema(Content):
    makes = OrderText
    id, text, differs = text(), text(), truth()
    rules, kinds, options = texts(required=True, least=1), texts(), texts()
    when = Boxes(load_default=list)


class OrderContentSchema(Content):
    makes = OrderContent
    code_lists = fields.Nested(OrderCodeListsSchema, required=True)
    site = fields.Nested(OrderSiteSchema, required=True)
    kinds = Keyed(OrderKindSchema, required=True)
    excluded_phrases, removed = texts(), text()
    side_words: Any = fields.Dict(one_of(tuple(Side)), texts(), load_default=dict)
    texts = fields.List(fields.Nested(OrderTextSchema), required=True)
    reservations = fields.List(fields.Nested(OrderTextSchema), load_default=list)


class SuggestionSchema(Content):
    makes = SuggestionText
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
    services = Keyed(ServiceSchema, required=True, validate=validate.Length(max=MAX_SERVICES))
    usage_requirements = text()
    prefetch = Keyed(PrefetchSchema, required=True)
    source, uncertain = fields.Nested(SourceSchema, required=True), fields.Nested(UncertainSchema, required=True)
    suspicion = fields.Nested(SuspicionSchema, required=True)
    indicators = fields.Dict(one_of(URGENCIES), one_of(INDICATORS), required=True, validate=validate.Length(equal=4))
    words = fields.Dict(one_of(WORDS), text(), required=True, validate=validate.Length(equal=len(WORDS)))
    headings = fields.List(fields.Nested(SummarySchema), load_default=list)
    cautions = fields.List(fields.Nested(SummarySchema), load_default=list)
    notices = fields.List(fields.Nested(NoticeSchema), load_default=list)
    orders = fields.Nested(OrderContentSchema, required=True)
    suggestions = fields.List(fields.Nested(SuggestionSchema), load_default=list, validate=validate.Length(max=60))
    override_reasons = fields.Nested(OverrideReasonsSchema, required=True)
    not_known, facts_in_words = fields.String(load_default=None), truth()
