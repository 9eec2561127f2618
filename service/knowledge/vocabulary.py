"""The facts a guideline asks for: kinds of fact, each with the features (closed sets) that tables read.

The first value of every feature is the one that holds when nothing is stated, so an all-default point
is the patient of whom nothing is known.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from service.engine.vocabulary import UNKNOWN, Feature

Stated = tuple[str, Mapping[str, str]]
"""A value as a caller would send it, and the features that it sets."""

GRADES = ("0", "1", "2", "3", "4", "5")
REPEATED = Feature("form.repeated", ("no", "yes"))
"""Whether the body repeated a key: a fact about the form of the request (contradiction V12)."""


@dataclass(frozen=True)
class Code:
    """A code of a terminology for a fact or a value."""

    system: str
    code: str
    display: str


@dataclass(frozen=True)
class Value:
    """One value of a closed set, with the other words accepted for it.

    `offered` is false for a value that nobody should be asked to send (a category left unstated).
    """

    meaning: str
    synonyms: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    offered: bool = True


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What every kind of fact has. `path` is the request path, dotted."""

    path: str
    title: str
    meaning: str
    source: str | None = None
    note: str | None = None
    codes: tuple[Code, ...] = ()
    asked: bool = True
    """Whether an answer may ask for it where it is not known."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features that this fact sets, each a digit of the decision_id."""
        raise NotImplementedError

    @cached_property
    def first(self) -> str:
        """Name of its first feature, which is unknown where nothing is stated."""
        return self.features[0].name

    @property
    def counted(self) -> tuple[Feature, ...]:
        """Features that follow from the others of the same fact, so that the decision_id leaves them out."""
        return ()

    @cached_property
    def statable(self) -> tuple[Stated, ...]:
        """Each value that a caller who knows the fact could send, with the features that it sets."""
        return tuple(
            (value, {feature.name: value}) for feature in self.features for value in feature.values if value != UNKNOWN
        )


@dataclass(frozen=True, kw_only=True)
class Choice(Fact):
    """One of a closed set of words. `refused` maps a word to the question that it leaves open."""

    values: Mapping[str, Value]
    refused: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def words(self) -> dict[str, str]:
        """Every accepted word -> the value it stands for."""
        words = {UNKNOWN: UNKNOWN} | {name: name for name in self.values}
        return words | {word: name for name, value in self.values.items() for word in value.synonyms}

    @property
    def features(self) -> tuple[Feature, ...]:
        """One feature: the value."""
        return (Feature(self.path, (UNKNOWN, *self.values)),)

    @cached_property
    def statable(self) -> tuple[Stated, ...]:
        """Only what is offered."""
        return tuple((name, {self.path: name}) for name, value in self.values.items() if value.offered)


@dataclass(frozen=True, kw_only=True)
class Flag(Fact):
    """True or false. `asserts` is the one that states the finding it belongs to (D3)."""

    asserts: str | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """One feature: unknown, false or true."""
        return (Feature(self.path, (UNKNOWN, "false", "true")),)


@dataclass(frozen=True, kw_only=True)
class Number(Fact):
    """A number within bounds, kept only as the band that the tables read. Bands: name -> inclusive lower bound."""

    minimum: float
    maximum: float
    bands: Mapping[str, float]
    whole: bool
    unit: str | None = None
    outside: str = ""

    @property
    def features(self) -> tuple[Feature, ...]:
        """One feature: the band."""
        return (Feature(self.path, (UNKNOWN, *self.bands)),)

    def band(self, value: float) -> str:
        """The band that the value lies in."""
        return [name for name, lower in self.bands.items() if value >= lower][-1]


@dataclass(frozen=True, kw_only=True)
class Date(Fact):
    """A day, kept only as its distance from the reference date: within `within_days`, older, or after it."""

    within_days: int

    @property
    def recent(self) -> str:
        """Name of the band of days that still count."""
        return f"within_{self.within_days}_days"

    @property
    def features(self) -> tuple[Feature, ...]:
        """One feature: the band."""
        return (Feature(self.path, (UNKNOWN, self.recent, "older", "future")),)

    @cached_property
    def statable(self) -> tuple[Stated, ...]:
        """A day in the future is refused."""
        return tuple((band, {self.path: band}) for band in (self.recent, "older"))


@dataclass(frozen=True, kw_only=True)
class ReferenceDate(Fact):
    """The day against which dated facts are judged; today where it is left out. Kept only as whether it is to come."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """One feature: whether the day is after today."""
        return (Feature(self.path, ("not_future", "future")),)

    @cached_property
    def statable(self) -> tuple[Stated, ...]:
        """Nothing that a caller could know more of."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Members(Fact):
    """A list of words out of a closed set. A stated list says of each word whether it is in it."""

    values: Mapping[str, Value]

    @cached_property
    def words(self) -> dict[str, str]:
        """Every accepted word -> the value it stands for."""
        words = {name: name for name in self.values}
        return words | {word: name for name, value in self.values.items() for word in value.synonyms}

    @property
    def features(self) -> tuple[Feature, ...]:
        """One feature a word."""
        return tuple(Feature(f"{self.path}.{name}", (UNKNOWN, "not_listed", "listed")) for name in self.values)

    @property
    def counted(self) -> tuple[Feature, ...]:
        """How many are listed."""
        return (Feature(f"{self.path}.count", (UNKNOWN, "0", "1", "2+")),)

    @cached_property
    def statable(self) -> tuple[Stated, ...]:
        """Each word alone; the tables ask which words there are and whether there is more than one."""
        none = dict.fromkeys((feature.name for feature in self.features), "not_listed")
        one = {f"{self.path}.count": "1"}
        return tuple((name, none | {f"{self.path}.{name}": "listed"} | one) for name in self.values)


@dataclass(frozen=True, kw_only=True)
class Record(Fact):
    """Named parts. A bare word stands for the part named `shorthand`."""

    shorthand: str
    members: Mapping[str, Fact]

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features of its parts."""
        return tuple(feature for member in self.members.values() for feature in member.features)


@dataclass(frozen=True)
class Ctcae:
    """The CTCAE term under which a finding is graded, and the grades that it defines."""

    term: str
    meddra: str
    lowest: str
    highest: str
    grades: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Finding(Fact):
    """A finding that is present or absent, perhaps graded, perhaps with flags."""

    ctcae: Ctcae | None = None
    flags: Mapping[str, Flag] = field(default_factory=dict)

    @property
    def presence(self) -> str:
        """Name of its presence feature."""
        return f"{self.path}.presence"

    @property
    def grade(self) -> str:
        """Name of its grade feature."""
        return f"{self.path}.grade"

    @cached_property
    def parts(self) -> dict[str, Feature]:
        """What an object about it may hold."""
        return {feature.name.rpartition(".")[2]: feature for feature in self.features}

    @property
    def tier(self) -> str:
        """Name of the derived feature that says how grave it is."""
        return f"{self.path}.tier"

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def features(self) -> tuple[Feature, ...]:
        """Presence, grade, and one a flag."""
        flags = (feature for flag in self.flags.values() for feature in flag.features)
        presence = Feature(self.presence, (UNKNOWN, "absent", "present"))
        return (presence, Feature(self.grade, (UNKNOWN, *GRADES)), *flags)


@dataclass(frozen=True, kw_only=True)
class Findings(Fact):
    """Many findings, stated as a word (none, unknown), an object or a list. `screen` must be absent to be clear."""

    findings: Mapping[str, Finding]
    screen: tuple[str, ...]

    @property
    def form(self) -> Feature:
        """What is said about the form: an empty list says nothing, and the answer warns of it."""
        return Feature(f"{self.path}.form", ("other", "empty_list"))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The form, and the features of each finding."""
        return (self.form, *(feature for finding in self.findings.values() for feature in finding.features))


class Vocabulary:
    """All facts of a guideline, in order of importance, and the words that are refused by name."""

    def __init__(self, facts: Mapping[str, Fact], spellings: Mapping[str, str]) -> None:
        self.facts = dict(facts)
        self.spellings = dict(spellings)
        self.features: tuple[Feature, ...] = (REPEATED, *(f for fact in facts.values() for f in fact.features))
        self.counted: tuple[Feature, ...] = tuple(f for fact in facts.values() for f in fact.counted)
        self.nothing: dict[str, str] = {f.name: f.values[0] for f in (*self.features, *self.counted)}

    @cached_property
    def reference(self) -> str | None:
        """Name of the fact that holds the reference date, if there is one."""
        return next((name for name, fact in self.facts.items() if isinstance(fact, ReferenceDate)), None)

    @cached_property
    def findings(self) -> Findings | None:
        """The guideline's findings, if it asks for any."""
        return next((fact for fact in self.facts.values() if isinstance(fact, Findings)), None)

    @cached_property
    def screened(self) -> frozenset[str]:
        """Paths of the findings that must be absent for a patient to be clear."""
        return (
            frozenset()
            if self.findings is None
            else frozenset(self.findings.findings[name].path for name in self.findings.screen)
        )

    @cached_property
    def askable(self) -> tuple[Fact, ...]:
        """The facts of which a caller could know more, parts by themselves, findings together."""
        tops = self.facts.values()
        each = (part for fact in tops for part in (fact.members.values() if isinstance(fact, Record) else (fact,)))
        return tuple(fact for fact in each if fact.asked and (isinstance(fact, Findings) or fact.statable))

    @cached_property
    def single_facts(self) -> dict[str, Fact]:
        """Request path -> each fact that holds one value of its own (parts and findings included)."""
        return {fact.path: fact for top in self.facts.values() for fact in _single(top)}


def _single(fact: Fact) -> Iterator[Fact]:
    match fact:
        case Record():
            for member in fact.members.values():
                yield from _single(member)
        case Findings():
            yield from fact.findings.values()
            yield from (flag for finding in fact.findings.values() for flag in finding.flags.values())
        case _:
            yield fact


def rising(bands: Mapping[str, float], minimum: float) -> bool:
    """Whether the bands start at the minimum and rise, so that every value has one."""
    bounds = list(bands.values())
    return bool(bounds) and bounds[0] <= minimum and all(a < b for a, b in pairwise(bounds))


def feature_of(fact: str, features: Container[str]) -> str | None:
    """Return the feature that says whether a fact is known: the fact's own, its count or its presence, or None."""
    return next((name for name in (fact, f"{fact}.count", f"{fact}.presence") if name in features), None)
