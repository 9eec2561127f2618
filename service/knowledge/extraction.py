"""How the facts of a guideline are read out of a FHIR record: the plain values of extraction.yaml (docs/content.md).

Each fact has one resolver. A field made by `reference` names something of the content; loading checks that it exists.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PROPOSAL = "proposal"
"""The source of a window that no citation supports and that awaits sign-off."""
PREDICATES = ("current", "confirmed", "not_inactive", "of_subject", "about_subject", "on_side")
"""What a resource must be to count; service/fhir/predicates.py says what each asks."""
RESOURCES = ("Condition", "Observation", "Procedure")
STATUS_FACT, SITES_FACT = "earlier fact of the resolver strongest", "earlier fact of the resolver sites"
"""Kinds of name: a fact that another one reads."""
STAGE_GROUPS = ("IV", "IVA", "IVB", "IVC", "IVD")
"""Stage groups that may stand for a distant metastasis."""


def reference(kind: str, values: str = "") -> Any:
    """Return a dataclass field that names something; service/knowledge/extraction_faults.py knows the kinds.

    `kind` is that of a text, of the members of a list and of the keys of a mapping; `values` that of its values.
    """
    return field(metadata={"reference": kind, "values": values})


_SPELLINGS = str.maketrans(
    {"µ": "u", "μ": "u", "º": "°", "˚": "°", "℃": "°c", "℉": "°f", "³": "^3", "⁶": "^6", "⁹": "^9",
     "\N{MULTIPLICATION SIGN}": "x"}
)  # fmt: skip


def fold_unit(unit: str) -> str:
    """Return a unit as extraction.yaml writes it: in lower case, without spaces, in plain letters."""
    return "".join(unit.translate(_SPELLINGS).lower().split())


def template(*names: str) -> Any:
    """Return a dataclass field that holds a sentence with places for these names in braces."""
    return field(metadata={"template": names})


def optional_reference(kind: str) -> Any:
    """Return a field of the same kind that may be left out: then it is an empty tuple."""
    return field(default=(), metadata={"reference": kind})


@dataclass(frozen=True)
class Window:
    """A number of days, and who says so: a citation, or `proposal`."""

    id: str
    days: int
    source: str


@dataclass(frozen=True)
class Terms:
    """What the organ and the cancer are called in a reason that people read."""

    organ: str
    cancer: str


@dataclass(frozen=True)
class Places:
    """Body sites: which of them are the tumour's, and which of these is the organ itself."""

    list: str = reference("list")
    tumour: tuple[str, ...] = reference("place")
    organ: tuple[str, ...] = reference("place")
    side: str | None = field(default=None, metadata={"reference": "place"})
    """The place of a code that states a side alone; an unpaired organ has none."""


@dataclass(frozen=True)
class SubjectSource:
    """Which Conditions are this guideline's cancer, and which are another one."""

    list: str = reference("list")
    own: tuple[str, ...] = reference("category")
    recurrence: tuple[str, ...] = reference("category")
    never: Mapping[str, str] = reference("category")
    """Category -> why it is no such cancer."""
    history: tuple[str, ...] = reference("category")
    needs_site: tuple[str, ...] = reference("category")
    """A malignancy of which a body site, a histology or words must say where it is."""
    histology: tuple[str, ...] = reference("category")
    other: str = reference("category")
    malignancy: str = reference("category")
    """Its words may name any malignancy."""
    named: str = reference("category")
    """Its words name this cancer."""
    metastases: str = reference("list")
    harmless: tuple[str, ...] = reference("list")
    """A code of these lists is no cancer."""


@dataclass(frozen=True)
class DrugSource:
    """Systemic drugs: their list sorts them into classes; `by_name` is the order in which names are looked for."""

    list: str = reference("list")
    by_name: tuple[str, ...] = reference("category")


@dataclass(frozen=True)
class CourseSource:
    """Procedures that stand for a drug of a class."""

    list: str = reference("list")
    categories: tuple[str, ...] = reference("category")


@dataclass(frozen=True)
class RemovalSource:
    """Operations that remove the primary: procedures, procedures at the organ only, conditions after one."""

    list: str = reference("list")
    procedures: tuple[str, ...] = reference("category")
    at_organ: tuple[str, ...] = optional_reference("category")
    conditions: tuple[str, ...] = optional_reference("category")
    traces: tuple[str, ...] = optional_reference("category")
    """Procedures that remove nothing and tell that there was a cancer."""
    traces_at_tumour: tuple[str, ...] = optional_reference("category")
    """The same at the tumour's places only."""


@dataclass(frozen=True)
class TherapySource:
    """Systemic therapy and surgery, in which several facts look."""

    drugs: DrugSource
    courses: CourseSource
    removal: RemovalSource
    new_line: str = reference("window")
    course: str = reference("window")
    line_end: str = reference("window")
    """Days after its last dose for which a line goes on."""
    reasons: tuple[str, ...] = reference("list")
    """A reason of a treatment that is in one of these lists may be this cancer's."""
    unspecified: Mapping[str, str] = field(default_factory=dict, metadata={"reference": "class of drugs"})
    """Class that does not tell the kind of drug -> the class that it counts as for a threshold; empty for none.

    Of several in one procedure the first counts.
    """


@dataclass(frozen=True)
class ValueSource:
    """How a value is read: as a code or word of a list, or as a whole number."""

    list: str = reference("list")
    gives: Mapping[str, str] = reference("category")
    """Category -> value of the fact."""
    words: bool = False
    integer: tuple[int, ...] = ()
    """Least and greatest."""


@dataclass(frozen=True)
class ClaimSource:
    """Which resources say something of a fact: a type, a code of a list, and what they must be."""

    resource: str
    why: str
    list: str = reference("list")
    categories: tuple[str, ...] = optional_reference("category")
    gives: Mapping[str, str] = field(default_factory=dict, metadata={"reference": "category"})
    """Category of the code -> value of the fact."""
    value: ValueSource | None = None
    keep: tuple[str, ...] = ()
    at: tuple[str, ...] = optional_reference("place")
    statuses: tuple[str, ...] = ()
    proof_of: str = ""
    """What a resource of another status is no proof of."""


@dataclass(frozen=True)
class PassedOver:
    """Resources that are never read for a fact, and why."""

    reason: str
    list: str = reference("list")
    categories: tuple[str, ...] = reference("category")


@dataclass(frozen=True, kw_only=True)
class FactSource:
    """How one fact is read. `about` is tumour (only where the cancer is known) or person."""

    path: str
    about: str = "tumour"

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield each value that it may state, with the member that names it."""
        yield from ()


def _values_of_claims(claims: tuple[ClaimSource, ...]) -> Iterator[tuple[str, str]]:
    for index, claim in enumerate(claims):
        gives = claim.value.gives if claim.value is not None else claim.gives
        yield from ((f"claims/{index}", value) for value in gives.values())


@dataclass(frozen=True, kw_only=True)
class Newest(FactSource):
    """The newest final claim; sources of one day that disagree are a conflict."""

    claims: tuple[ClaimSource, ...]
    unread: str
    """What is said of a value that cannot be read."""
    valid: str | None = field(default=None, metadata={"reference": "window"})
    passed_over: tuple[PassedOver, ...] = ()

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield those of its claims."""
        yield from _values_of_claims(self.claims)


@dataclass(frozen=True, kw_only=True)
class AnyOf(FactSource):
    """True, or a value, where any claim says so: the last one."""

    claims: tuple[ClaimSource, ...]
    valid: str | None = field(default=None, metadata={"reference": "window"})
    stale: str = template("days")
    """What is said of a claim that is undated or too old; `{days}` is the window."""

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield those of its claims."""
        yield from _values_of_claims(self.claims)


@dataclass(frozen=True, kw_only=True)
class Quantity(FactSource):
    """The newest final number, in the unit of the fact."""

    list: str = reference("list")
    category: str = reference("category")
    units: Mapping[str, float]
    """Unit as sent, in lower case and without spaces -> factor to the fact's unit."""
    least: float
    greatest: float
    valid: str = reference("window")
    unread: str


@dataclass(frozen=True, kw_only=True)
class Threshold(FactSource):
    """True where a measurement of the last days reaches a bound and a class of drug was given not long before.

    A diagnosis may stand for the measurement. Without a class of drug the measurement alone counts.
    """

    list: str = reference("list")
    category: str = reference("category")
    units: Mapping[str, tuple[float, ...]]
    """Unit in lower case and without spaces -> what is subtracted from the number, and what it is divided by then."""
    at_least: float
    least: float
    greatest: float
    """What a person can have: a number beyond is a conflict."""
    valid: str = reference("window")
    diagnoses: tuple[str, ...] = optional_reference("category")
    """Conditions and adverse events that say that the bound was reached."""
    diagnosed: str | None = field(default=None, metadata={"reference": "window"})
    """Days for which such a diagnosis holds."""
    suggests: tuple[str, ...] = optional_reference("category")
    """Conditions that may say so, without a number: they are a conflict."""
    drug: str | None = field(default=None, metadata={"reference": "class of drugs"})
    given: str | None = field(default=None, metadata={"reference": "window"})
    why: str = template("at_least", "drug", "days")
    why_diagnosed: str = template("drug", "days")


@dataclass(frozen=True, kw_only=True)
class Person(FactSource):
    """An element of the Patient: a code of a closed set, or the age in completed years at a birth date."""

    element: str
    codes: tuple[str, ...] = ()
    oldest: int = 0
    why: str = template("today")

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield the codes."""
        yield from (("codes", value) for value in self.codes)


@dataclass(frozen=True)
class LineClasses:
    """A value of the fact, and the classes of drugs of which such a line consists."""

    value: str = reference("value")
    classes: tuple[str, ...] = reference("class of drugs")


@dataclass(frozen=True, kw_only=True)
class Line(FactSource):
    """The class of the current line of systemic therapy."""

    classes: Mapping[str, tuple[str, ...]] = reference("value", "class of drugs")
    """Value of the fact -> the classes of drugs of which the line consists."""
    further: tuple[LineClasses, ...] = ()
    """Further sets of classes with a value, for a value that has several."""
    otherwise: str

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield the one of a line of other classes."""
        yield "otherwise", self.otherwise


@dataclass(frozen=True, kw_only=True)
class Removal(FactSource):
    """The value of the fact where an operation removed the primary."""

    gives: str
    why: str

    def values(self) -> Iterator[tuple[str, str]]:
        """Yield the one."""
        yield "gives", self.gives


@dataclass(frozen=True)
class SecondarySource:
    """Conditions that may be a metastasis."""

    why: str
    at: Mapping[str, tuple[str, ...]] = reference("category", "place")
    """Category -> the places at which a generic one belongs to it, the first that fits."""
    list: str = reference("list")
    proof: tuple[str, ...] = reference("category")
    own: tuple[str, ...] = reference("category")
    """Codes that say themselves which cancer the metastasis is of."""
    against: tuple[str, ...] = reference("category")
    """Beside a proof these make a Condition contradict itself."""
    generic: str = reference("category")
    """A metastasis of which the body site says what it is."""
    placed: str = reference("category")
    unplaced: str = reference("category")
    """What a generic one is at any other place or at none, and at a place that is not known."""
    reasons: Mapping[str, str] = reference("category")
    """Category -> why it is no proof, the first that fits."""
    settled: tuple[str, ...] = reference("category")
    """Alone, these leave no doubt about an absence either."""
    first_staging: str = reference("category")
    """Doubts of this category belong to the first staging for as long as the window `first`."""


@dataclass(frozen=True)
class Notation:
    """What TNM notation says of distant metastasis of this organ; service/fhir/tnm.py has the grammar."""

    list: str = reference("list")
    m0: str = reference("value")
    m1: str = reference("value")
    groups: Mapping[str, str] = reference("stage group", "value")
    """Stage group IV, with or without its letter -> value; one that is not here says nothing."""
    doubt: str = reference("category")
    """Its words in a remark make the notation uncertain; those of the next three deny, give a choice, and name."""
    denial: str = reference("category")
    alternative: str = reference("category")
    metastasis: str = reference("category")
    at_recurrence: str = reference("category")
    """An extension of this category is the prefix r; those of the next four are a, a suffix, and its deposits."""
    at_autopsy: str = reference("category")
    suffix: str = reference("category")
    deposits: str = reference("category")
    itc: str | None = field(default=None, metadata={"reference": "value"})
    """The value of M0 with isolated tumour cells, where this cancer has it."""
    below: str | None = field(default=None, metadata={"reference": "value"})
    """The value that any stage group below IV implies."""
    systems: tuple[str, ...] = optional_reference("code system")
    """Code systems whose codes are notation."""
    bare_systems: tuple[str, ...] = optional_reference("code system")
    """Code systems whose codes are the M category without its letter."""
    site_system: str | None = field(default=None, metadata={"reference": "code system"})
    """The code system of the three letters of a site."""


@dataclass(frozen=True)
class StageSource:
    """Observations and Condition.stage that state a stage or a category of distant metastasis."""

    why: str
    why_stage: str
    history_reason: str
    status_gives: Mapping[str, str] = reference("status", "value")
    """Category in `status_list` -> value of the fact; other values of such an observation are no stage."""
    list: str = reference("list")
    gives: Mapping[str, str] = reference("category", "value")
    """Category of the value -> value of the fact."""
    weights: Mapping[str, int] = reference("category")
    """Category of the observation -> weight; of claims of one day the heaviest is named."""
    systems: tuple[str, ...] = reference("category")
    """Categories of a stage's type that say that it is a stage."""
    history: str = reference("category")
    status_list: str = reference("list")
    status_doubts: tuple[str, ...] = optional_reference("status")
    """Categories in `status_list` that may be a metastasis."""
    recurrences: tuple[str, ...] = optional_reference("status")
    """Categories in `status_list` that say that the cancer came back, wherever."""
    notation: Notation | None = None


@dataclass(frozen=True)
class SiteSource:
    """Observations of the site of a metastasis."""

    why: str
    list: str = reference("list")
    category: str = reference("category")
    none: str = reference("category")
    places: tuple[str, ...] = reference("place")
    """Places that are sites of the same name."""
    unplaced: tuple[str, ...] = optional_reference("place")
    """Places that prove a metastasis and name no site."""


@dataclass(frozen=True)
class MentionSource:
    """A metastasis that a conclusion, a reason or a value names: it proves none, and forbids an older absence."""

    why: str
    list: str = reference("list")
    """The list of values that say present or absent."""
    absent: str = reference("category")


@dataclass(frozen=True, kw_only=True)
class Strongest(FactSource):
    """Distant metastasis: proof outweighs an earlier absence, and both close together are a conflict."""

    proof: str = reference("value")
    """The value that a proof states."""
    absence: tuple[str, ...] = reference("value")
    secondaries: SecondarySource
    stages: StageSource
    sites: SiteSource
    mentions: MentionSource | None = None
    close: str = reference("window")
    first: str = reference("window")


@dataclass(frozen=True, kw_only=True)
class Interval(FactSource):
    """A value by the days between the first diagnosis and the first proof of another fact."""

    of: str = reference(STATUS_FACT)
    window: str = reference("window")
    within: str = reference("value")
    after: str = reference("value")
    stated: Mapping[str, str] = field(
        default_factory=dict, metadata={"reference": "category of a stage", "values": "value"}
    )
    """Category of a stage that says itself when the metastasis came -> value."""


@dataclass(frozen=True, kw_only=True)
class Sites(FactSource):
    """The sites of metastasis as they were when it was found."""

    of: str = reference(STATUS_FACT)
    window: str = reference("window")


@dataclass(frozen=True, kw_only=True)
class OnlySites(FactSource):
    """A value where the sites of another fact are exactly these, and nothing is unclear."""

    of: str = reference(SITES_FACT)
    gives: Mapping[str, tuple[str, ...]] = reference("value", "site")


@dataclass(frozen=True)
class ResponsePart:
    """A part of the disease that an assessment states apart: its codes, and what its values are as a response."""

    list: str = reference("list")
    codes: tuple[str, ...] = reference("category")
    """Categories of the code of a component."""
    gives: Mapping[str, str] = reference("category")
    residual: tuple[str, ...] = optional_reference("category")
    """Values that say that disease is left, and not how it changed."""
    member: str = ""
    """The member of the fact; empty for a part that the fact does not tell apart."""

    @property
    def known(self) -> frozenset[str]:
        """The values that are of this part."""
        return frozenset((*self.gives, *self.residual))


@dataclass(frozen=True, kw_only=True)
class Response(FactSource):
    """The response to the current line: an assessment after its first dose and before the next operation."""

    list: str = reference("list")
    observations: tuple[str, ...] = reference("category")
    methods: tuple[str, ...] = reference("category")
    never: Mapping[str, str] = reference("category")
    elsewhere: tuple[str, ...] = reference("category")
    """Values that another fact reads."""
    gives: Mapping[str, str] = reference("category")
    exact: tuple[str, ...] = reference("category")
    """Values that state a category of response."""
    progression: str
    complete: str = ""
    """The response after which nothing is left; asked for where there are parts."""
    member: str
    dated: str
    parts: tuple[ResponsePart, ...] = ()
    mixed: tuple[str, ...] = optional_reference("category")
    """Values that say that the parts responded differently."""
    close: str = reference("window")
    of: str = reference(STATUS_FACT)
    window: str = reference("window")
    why_exact: str
    why_other: str


@dataclass(frozen=True)
class Anywhere:
    """A finding that counts for some days wherever it comes from."""

    finding: str
    why: str
    old: str = template("days")
    """What is said of an older one whose source is not known; `{days}` is the window."""
    window: str = reference("window")
    sources: tuple[str, ...] = ()
    """Findings that, where present, are its source."""


@dataclass(frozen=True, kw_only=True)
class FindingsSource(FactSource):
    """Findings of the tumour, present or absent, with what may speak against an absence."""

    list: str = reference("list")
    presence: str = reference("list")
    grading: str
    """Code system whose codes are terms of a grading scale: a bare number is a grade there."""
    recent: str = reference("window")
    stale: str = reference("window")
    emergencies: Mapping[str, int] = field(default_factory=dict)
    """Finding -> the least grade of an emergency; at 1 it is one whatever its grade."""
    treatment_effect: str
    """What is said of an adverse event that is none."""
    anywhere: tuple[Anywhere, ...] = ()
    known: tuple[str, ...] = reference("list")
    """A code of these lists is something else than a finding that was not understood."""
    hint: str
    """What is said of a code that is no proof."""


Source = (
    Newest | AnyOf | Quantity | Threshold | Person | Line | Removal | Strongest | Interval | Sites | OnlySites
    | Response | FindingsSource
)  # fmt: skip


@dataclass(frozen=True)
class Extraction:
    """All of extraction.yaml."""

    terms: Terms
    places: Places
    subject: SubjectSource
    therapy: TherapySource
    windows: Mapping[str, Window]
    facts: Mapping[str, Source]
    """Request path -> how it is read, in the order in which they are read."""
    not_extracted: Mapping[str, str]
    """Request path -> why no record holds it."""
    legacy_member: str | None = None
    """Name under which POST /v1/facts/extract has told whether the record shows this cancer since v1."""

    def days(self, window: str) -> int:
        """Return the days of a window."""
        return self.windows[window].days
