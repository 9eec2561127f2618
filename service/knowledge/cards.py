"""What an EHR shows of a guideline: its CDS Hooks services, the data they ask for, the words of their cards."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.knowledge.model import Boxes

SUMMARY = 139
"""Characters that a summary may have (CDS Hooks: fewer than 140)."""
SNOMED = "http://snomed.info/sct"


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
    """What is said when it is not certain that the guideline is about this patient; `words` of a diagnosis raise it."""

    summary: str
    text: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Sentence:
    """What a summary says, under some rules, for the patients in its boxes."""

    id: str
    when: Boxes
    rules: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Notice:
    """What must be checked where local treatment is advised or drafted, up to an age in years or at an unknown one."""

    id: str
    when: Boxes
    up_to_age: int
    text: str


@dataclass(frozen=True)
class OrderKind:
    """A kind of draft order that the guideline is about, by what codes and texts of procedures mean.

    `means_at_breast` and `phrases_at_breast` count only at the breast; `elsewhere_too`: its codes are used for other
    sites as well.
    """

    id: str
    title: str
    means: tuple[str, ...]
    means_at_breast: tuple[str, ...]
    phrases: tuple[str, ...]
    phrases_at_breast: tuple[str, ...]
    elsewhere_too: bool


@dataclass(frozen=True)
class OrderText:
    """What is said about a draft order under some rules; `differs` when the draft goes against the advice.

    With `options` only where the advice offers one of them for the patient, of the kind that is drafted.
    """

    id: str
    rules: tuple[str, ...]
    text: str
    when: Boxes = ()
    kinds: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    differs: bool = False


@dataclass(frozen=True)
class Orders:
    """How draft orders are recognised, and what is said about them."""

    kinds: tuple[OrderKind, ...]
    not_phrases: tuple[str, ...]
    breast_words: tuple[str, ...]
    diagnosis_phrases: tuple[str, ...]
    elsewhere_words: tuple[str, ...]
    side_words: Mapping[str, tuple[str, ...]]
    removed: str
    texts: tuple[OrderText, ...]
    reservations: tuple[OrderText, ...] = ()
    """Of these not the first, but each that fits is said beside a text that does not differ."""


@dataclass(frozen=True)
class Suggestion:
    """An order that the clinician may take over; with `options` only where what leads offers one of them."""

    id: str
    rules: tuple[str, ...]
    label: str
    description: str
    order: str
    priority: str
    when: Boxes = ()
    options: tuple[str, ...] = ()
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
    headings: tuple[Sentence, ...]
    """In place of the rule's title, where that would mislead: the first that fits."""
    cautions: tuple[Sentence, ...]
    """Beside the title, as far as there is room."""
    notices: tuple[Notice, ...]
    orders: Orders
    suggestions: tuple[Suggestion, ...]
    override_reasons: OverrideReasons
