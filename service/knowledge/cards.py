"""Content of the CDS Hooks cards of a guideline: its services, the data they prefetch and the words they show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from service.knowledge.model import Boxes

MAX_SUMMARY_CHARACTERS = 139
"""CDS Hooks asks for fewer than 140 characters."""
SNOMED = "http://snomed.info/sct"
HOOKS = ("patient-view", "order-select", "order-sign")
SHARED_SERVICES = {hook: f"oncology-{hook}" for hook in HOOKS}
"""Ids of the services that ask all guidelines, by hook."""


class Side(StrEnum):
    """Laterality of a site, as the code lists write it."""

    LEFT = "left"
    RIGHT = "right"
    BILATERAL = "bilateral"


@dataclass(frozen=True)
class ServiceText:
    """A CDS service of a guideline. It answers one hook."""

    id: str
    hook: str
    title: str
    description: str


@dataclass(frozen=True)
class PrefetchItem:
    """A prefetch template: `id` is its key, `query` the template, `title` its name for a clinician.

    `within` names another item. When that item is complete, it contains this one.
    """

    id: str
    query: str
    title: str
    required: bool
    within: str | None = None

    @property
    def resource_type(self) -> str:
        """Return the FHIR resource type that the query asks for."""
        return self.query.partition("?")[0].partition("/")[0]

    @property
    def is_instance_read(self) -> bool:
        """Whether the query reads one resource. Other queries search."""
        return "?" not in self.query


@dataclass(frozen=True)
class CardCoding:
    """A code in a code system."""

    code: str
    display: str
    system: str = SNOMED


@dataclass(frozen=True)
class CardSource:
    """Label and topic of `card.source`."""

    label: str
    topic: CardCoding


@dataclass(frozen=True)
class UncertainText:
    """Words of the card that asks whether the patient belongs to this guideline."""

    summary: str
    text: str


@dataclass(frozen=True)
class SuspectConditions:
    """Conditions that raise the question: coded in one of the code lists, or with one of the words in their text."""

    code_lists: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class SuspectObservations:
    """Observations that raise the question: those in these categories of a code list."""

    code_list: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Suspicion:
    """Signs in a record that the patient may belong to this guideline although no diagnosis says so."""

    conditions: SuspectConditions = SuspectConditions()
    observations: SuspectObservations | None = None


@dataclass(frozen=True)
class SummaryText:
    """A sentence of the summary under some rules, for the patients in its boxes."""

    id: str
    when: Boxes
    rules: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Notice:
    """A check before a treatment that is advised or drafted.

    With a `fact`, it is shown where the fact is unknown or its number is not above `at_most`.
    """

    id: str
    when: Boxes
    text: str
    fact: str | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class OrderCodeLists:
    """The code lists that draft orders are read with: one of procedures, one of places."""

    procedures: str
    places: str


@dataclass(frozen=True)
class OrderSite:
    """The site of the guideline, in categories of the list of places and in words of a draft order.

    `laterality_categories` state a side and no place. `diagnosis_phrases` are removed before words are searched: a
    diagnosis in the text of an order is no site.
    """

    categories: tuple[str, ...] = ()
    laterality_categories: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    other_site_words: tuple[str, ...] = ()
    diagnosis_phrases: tuple[str, ...] = ()


@dataclass(frozen=True)
class OrderKind:
    """A kind of draft order: its categories of the list of procedures, and its phrases in the text of an order.

    `categories_at_site` and `phrases_at_site` count only if the order names the site. `also_at_other_sites`: the codes
    are used for other sites too, so an order that names another site is not of this kind.
    """

    id: str
    title: str
    categories: tuple[str, ...]
    categories_at_site: tuple[str, ...]
    phrases: tuple[str, ...]
    phrases_at_site: tuple[str, ...]
    also_at_other_sites: bool


@dataclass(frozen=True)
class OrderText:
    """A remark about a draft order under some rules. `differs` is set if the draft contradicts the advice.

    With `options`, it is used only if the advice offers the patient one of them, of the drafted kind.
    """

    id: str
    rules: tuple[str, ...]
    text: str
    when: Boxes = ()
    kinds: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    differs: bool = False


@dataclass(frozen=True)
class OrderContent:
    """How draft orders are recognised, and the remarks about them."""

    code_lists: OrderCodeLists
    site: OrderSite
    kinds: tuple[OrderKind, ...]
    excluded_phrases: tuple[str, ...]
    side_words: Mapping[Side, tuple[str, ...]]
    removed: str
    texts: tuple[OrderText, ...]
    reservations: tuple[OrderText, ...] = ()
    """All that fit are added to a text that does not differ. Of `texts` only the first that fits is used."""


@dataclass(frozen=True)
class SuggestionText:
    """An order that a card suggests. With `options`, only if the leading recommendation offers one of them."""

    id: str
    rules: tuple[str, ...]
    label: str
    description: str
    order: str
    priority: str
    when: Boxes = ()
    options: tuple[str, ...] = ()
    coding: CardCoding | None = None


@dataclass(frozen=True)
class OverrideReasons:
    """Reasons to override a card: code to display, in a code system of our own."""

    system: str
    codes: Mapping[str, str]


@dataclass(frozen=True)
class Cards:
    """The content of cards.yaml."""

    services: tuple[ServiceText, ...]
    usage_requirements: str
    prefetch: tuple[PrefetchItem, ...]
    source: CardSource
    indicators: Mapping[str, str]
    words: Mapping[str, str]
    uncertain: UncertainText
    headings: tuple[SummaryText, ...]
    """Replace the title of the rule where it would mislead. The first that fits is used."""
    cautions: tuple[SummaryText, ...]
    """Follow the heading, as far as there is room."""
    notices: tuple[Notice, ...]
    orders: OrderContent
    suggestions: tuple[SuggestionText, ...]
    override_reasons: OverrideReasons
    suspicion: Suspicion = field(default_factory=Suspicion)
    not_known: str | None = None
    """The last sentence of the summary, if there is room: names the one fact that is most wanted."""
    facts_in_words: bool = False
    """Facts of the record are named by their titles and the titles of their values, not as a request spells them."""
