"""The knowledge as plain, immutable values. Each mirrors one part of a content file (docs/content.md)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from datetime import date

from service.engine.table import Box

Boxes = tuple[Box, ...]


def boxes_in(part: object, without: tuple[type, ...] = ()) -> Iterator[Box]:
    """Yield every box of a part of the content, and of the parts inside it but for those of the types `without`."""
    if isinstance(part, tuple):
        for item in part:
            yield from boxes_in(item, without)
    elif is_dataclass(part) and not isinstance(part, (type, *without)):
        for name, value in vars(part).items():
            yield from value if name == "when" else boxes_in(value, without)


CERTAINTIES = ("high", "moderate", "low", "very_low")
"""GRADE certainty, from the best down; `none` stands outside the scale."""
DIRECTIONS = ("for", "against", "consider", "not_applicable", "insufficient")
STRENGTHS = ("strong", "conditional", "none")
URGENCIES = ("emergency", "urgent", "soon", "routine")
INTENTS = ("survival", "local_control", "symptom", "none")
PROVENANCES = ("trial", "news", "other", "safety")
LISTINGS = ("always", "where_they_act")
"""Which modifiers that hold are listed in an answer."""
NAMINGS = ("always", "where_it_acts")
"""Where one modifier that holds is named; left out, the listing of the release decides."""
TIMINGS = {"now": "now", "after_response": "after a response", "trial_only": "in a trial only"}
"""When an option is taken, in words."""
DOMAINS = ("risk_of_bias", "inconsistency", "indirectness", "imprecision", "publication_bias", "other")


@dataclass(frozen=True)
class Citation:
    """A source in the catalogue. `read_in` says where it was read; `verified` is yes or second-hand."""

    id: str
    title: str | None
    source: str
    authors: str | None
    journal: str | None
    year: str | None
    doi: str | None
    pmid: str | None
    registry: str | None
    url: str | None
    read_in: str
    verified: str
    note: str | None = None
    study: str | None = None


@dataclass(frozen=True)
class Cited:
    """What one source supports in one place, and where in the source that stands."""

    id: str
    locator: str
    supports: str


@dataclass(frozen=True)
class Reason:
    """Why the certainty is what it is, by GRADE domain."""

    domain: str
    text: str


@dataclass(frozen=True)
class Change:
    """What would change the answer, and the rules it could lead to; in the boxes, everywhere without any."""

    change: str
    becomes: tuple[str, ...]
    when: Boxes = ()


@dataclass(frozen=True)
class Check:
    """Something to check. `asks` is the fact that answers it: the item is left out where that fact is stated."""

    text: str
    asks: str | None = None
    when: Boxes = ()


@dataclass(frozen=True)
class Offer:
    """An option in a list of options, offered in the boxes, everywhere without any."""

    id: str
    when: Boxes = ()


@dataclass(frozen=True)
class Option:
    """Something that can be done. `kind` is what a modifier may remove. A line of a brief kind may be None."""

    id: str
    kind: str
    text: str
    benefit: str | None
    harm: str | None
    unknown: str | None
    citations: tuple[str, ...] = ()
    advised_against: bool = False
    """Listed for comparison only: a card treats it as not offered."""
    timing: str | None = None
    """`when` in the content: when it is taken."""

    @property
    def removable(self) -> tuple[str, ...]:
        """The words by which a modifier may remove or mark it."""
        return (self.kind,) if self.timing is None else (self.kind, self.timing)


@dataclass(frozen=True)
class Wording:
    """A sentence for the patients in its boxes; of several that fit, the first. `{rule}` is the rule's own sentence."""

    name: str
    when: Boxes
    statement: str
    options: tuple[Offer, ...] = ()
    must_check: tuple[Check, ...] = ()
    citations: tuple[Cited, ...] = ()
    label: str | None = None
    key_message: str | None = None


@dataclass(frozen=True)
class Addition:
    """Words added to the chosen sentence, in place of its final full stop, for all patients in its boxes."""

    name: str
    when: Boxes
    append: str
    options: tuple[Offer, ...] = ()
    must_check: tuple[Check, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grading:
    """What differs from the rule's own grading for the patients in its boxes; of several that fit, the first."""

    when: Boxes
    certainty: str | None = None
    certainty_reasons: tuple[Reason, ...] = ()
    urgency: str | None = None
    citations: tuple[Cited, ...] = ()
    provenance: tuple[str, ...] = ()
    time_critical: bool | None = None


@dataclass(frozen=True)
class SlotText:
    """Words for the patients in the boxes."""

    when: Boxes
    text: str


@dataclass(frozen=True)
class Slot:
    """Words in the sentences of a rule that change with the patient; of several texts that fit, the first."""

    id: str
    texts: tuple[SlotText, ...]


@dataclass(frozen=True)
class Rule:
    """One rule of the guideline: where it holds, what it says, how sure, and on what grounds."""

    id: str
    code: str
    title: str
    when: Boxes
    direction: str
    strength: str
    certainty: str
    certainty_reasons: tuple[Reason, ...]
    urgency: str
    time_critical: bool
    intent: str
    provenance: tuple[str, ...]
    asks: tuple[str, ...]
    decision_aid: bool
    statement: str
    key_message: str
    options: tuple[Offer, ...]
    must_check: tuple[Check, ...]
    what_would_change: tuple[Change, ...]
    citations: tuple[Cited, ...]
    dissent: tuple[str, ...] = ()
    statements: tuple[Wording, ...] = ()
    additions: tuple[Addition, ...] = ()
    grades: tuple[Grading, ...] = ()
    slots: tuple[Slot, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    """Facts of `asks` that are always listed while they are not known, and tried together."""

    @property
    def sources(self) -> tuple[Cited, ...]:
        """Everything that the rule cites for anybody."""
        said = (item for wording in self.statements for item in wording.citations)
        graded = (item for grading in self.grades for item in grading.citations)
        return (*self.citations, *said, *graded)


@dataclass(frozen=True)
class Effect:
    """What a modifier does, on which rules and directions, for the patients in its boxes. It never changes a code.

    `offered`: it holds only where an option of one of these kinds is left.
    """

    when: Boxes = ()
    rules: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    lowers_certainty: str | None = None
    remove: tuple[str, ...] = ()
    mark: Mapping[str, str] = field(default_factory=dict)
    prefix: str | None = None
    adds: str | None = None
    ends: str | None = None
    note: str | None = None
    message: str | None = None
    warning: str | None = None
    must_check: tuple[Check, ...] = ()
    must_check_first: tuple[Check, ...] = ()
    cite_first: tuple[str, ...] = ()
    citations: tuple[Cited, ...] = ()
    decision_aid: bool = False
    offered: tuple[str, ...] = ()
    offer_first: tuple[str, ...] = ()
    offer_second: tuple[str, ...] = ()
    urgency_at_least: str | None = None

    @property
    def has_say(self) -> bool:
        """Whether it changes the sentence, the grades or which options there are."""
        words = (self.prefix, self.adds, self.ends, self.message, self.warning)
        grades = (self.lowers_certainty, self.urgency_at_least, self.decision_aid)
        return any((*words, *grades, *self.remove, *self.offer_first, *self.offer_second))


@dataclass(frozen=True)
class Modifier:
    """A fact about the patient that changes modality, certainty (down only), checks and wording."""

    id: str
    title: str
    when: Boxes
    effects: tuple[Effect, ...]
    named: str | None = None


@dataclass(frozen=True)
class Prefix:
    """Words before the sentence of some rules, for the patients in the boxes, which may read the urgency as well."""

    name: str
    when: Boxes
    text: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clause:
    """A contradiction, a conflict or a warning: where it holds, what it says, which members it is about.

    `implausible`: a missing fact is not asked for by a value that would bring this warning about.
    """

    id: str
    when: Boxes
    detail: str
    at: tuple[str, ...] = ()
    implausible: bool = False


@dataclass(frozen=True)
class Statement:
    """A sourced sentence beside the rules: the other opinion, an open question."""

    id: str
    text: str
    citations: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Communication:
    """What to say to the patient, and what not (GUIDELINE section F)."""

    not_abandonment: str
    triggers_to_return: tuple[str, ...]
    uncertainty: str
    uncertainty_rules: tuple[str, ...]
    ask_patient: tuple[str, ...]
    avoid: tuple[str, ...]
    numbers_on_request: str
    dissent: tuple[Statement, ...]
    open_questions: tuple[Statement, ...]
    heard: tuple[Statement, ...] = ()
    """How the advice can be heard by a patient."""
    not_abandonment_by_rule: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hazard:
    """Something that could go wrong, what stands against it, and the tests of that."""

    id: str
    hazard: str
    controls: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Unheard:
    """Findings without a supporting recommendation under these leading rules and in these boxes; all if none named."""

    rules: tuple[str, ...]
    findings: tuple[str, ...]
    when: Boxes


@dataclass(frozen=True)
class Unasked:
    """Facts that the summary never asks for in these boxes."""

    facts: tuple[str, ...]
    when: Boxes


@dataclass(frozen=True)
class ContextStatement:
    """A sourced sentence for the page of the guideline."""

    text: str
    citations: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """What a release of a guideline says about itself."""

    id: str
    release: str
    title: str
    question: str
    developer: str
    funding: str
    evidence_date: date
    review_by: date
    sign_off: str
    sign_off_note: str
    intended_use: str
    intended_users: tuple[str, ...]
    not_for: tuple[str, ...]
    limits: tuple[str, ...]
    disclaimer: str
    axes: tuple[str, ...]
    gates: tuple[str, ...]
    tier: str | None
    emergency_tier: str | None
    urgent_tier: str | None
    supporting: Mapping[str, list[str]]
    changes: tuple[str, ...]
    source_attributes: Mapping[str, str] = field(default_factory=dict)
    hazards: tuple[Hazard, ...] = ()
    unheard: tuple[Unheard, ...] = ()
    unasked: tuple[Unasked, ...] = ()
    context: tuple[ContextStatement, ...] = ()
