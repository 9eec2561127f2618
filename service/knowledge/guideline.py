"""One release of a guideline, ready to be asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from service.engine.chain import Chain
from service.engine.compile import DENSE_CELLS, CompiledTable, Point, ones, points
from service.engine.table import HitPolicy, Row, Table, collect_table, features_read, is_inside
from service.engine.vocabulary import Feature
from service.evidence.outcomes import Evidence
from service.knowledge.cards import Cards
from service.knowledge.cases import Case, parse_cases
from service.knowledge.extraction import Extraction
from service.knowledge.model import Boxes, Citation, Clause, Communication, Modifier, Option, Prefix, Release, Rule
from service.knowledge.pages import Pages
from service.knowledge.sentences import names_missing
from service.knowledge.vocabulary import REPEATED, Finding, Vocabulary, feature_of


class Placed(Protocol):
    """Anything that holds in some boxes."""

    @property
    def when(self) -> Boxes:
        """The boxes."""


T = TypeVar("T", bound=Placed)


class Collection(Generic[T]):
    """Things that hold in boxes, asked by point: a COLLECT table with a thing for each row."""

    def __init__(self, name: str, items: Sequence[T], features: Mapping[str, Feature]) -> None:
        self.items = tuple(items)
        self._by_row = {str(index): item for index, item in enumerate(items)}
        parts = [(row, item.when) for row, item in self._by_row.items()]
        self.table = CompiledTable(collect_table(name, parts, features))
        self._fitting = self.table.grouped()
        # A small one is laid out whole: mostly nothing holds, as of the gates, and that must cost next to nothing.
        stated = self.table.table.inputs if self.table.table.cells <= DENSE_CELLS else ()
        self._laid_out = {self.table.cell(point): self._found(point) for point in points(stated)} if stated else {}

    def at(self, point: Point) -> Iterator[T]:
        """The things that hold at this point, each once, in the order of the content."""
        return iter(self._laid_out[self.table.cell(point)] if self._laid_out else self._found(point))

    def _found(self, point: Point) -> tuple[T, ...]:
        bits = self._fitting(point)
        if not bits:
            return ()
        names = dict.fromkeys(self.table.table.entries[entry][0].name for entry in ones(bits))
        return tuple(self._by_row[name] for name in names)


def holds(when: Boxes, point: Point) -> bool:
    """Whether the point lies in any of the boxes; no boxes at all means everywhere."""
    return not when or is_inside(when, point)


@dataclass(frozen=True)
class Guideline:
    """A release of a guideline: immutable, complete, proved. `digest` is the SHA-256 of its content."""

    release: Release
    vocabulary: Vocabulary
    chain: Chain
    wording: Chain
    rules: Mapping[str, Rule]
    table: CompiledTable
    gates: Collection[Rule]
    contradictions: Collection[Clause]
    conflicts: Collection[Clause]
    warnings: Collection[Clause]
    checks: Collection[Clause]
    implausible: Collection[Clause]
    modifiers: Collection[Modifier]
    prefixes: tuple[Prefix, ...]
    lists_all_modifiers: bool
    options: Mapping[str, Option]
    communication: Communication | None
    cards: Cards | None
    extraction: Extraction | None
    pages: Pages | None
    evidence: Evidence
    citations: Mapping[str, Citation]
    case_files: Mapping[Path, bytes]
    """Content of each file of worked cases."""
    digest: str = ""
    helpers: frozenset[str] = frozenset()
    """Tables that an answer does not list as steps and that need no words in pages.yaml."""
    studies: frozenset[str] = frozenset()
    """Ids of the studies that its files name, or a citation that they name."""

    @property
    def key(self) -> tuple[str, str]:
        """Its id and release."""
        return self.release.id, self.release.release

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The worked cases. No answer rests on them, so they are parsed when somebody asks for them."""
        return tuple(parse_cases(self.case_files))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that have a tier, in the order in which they lead."""
        group = self.vocabulary.findings
        return () if group is None else tuple(f for f in group.findings.values() if f.tier in self.chain.features)

    @cached_property
    def tier_rank(self) -> Mapping[str, int]:
        """The tiers that the findings have together, 0 the gravest."""
        tier = self.release.tier
        return {} if tier is None else {name: rank for rank, name in enumerate(self.chain.features[tier].values)}

    @cached_property
    def finding_tiers(self) -> tuple[tuple[str, str], ...]:
        """Name of each finding and of the feature that is its tier."""
        return tuple((finding.name, finding.tier) for finding in self.findings)

    @cached_property
    def tiers_of_findings(self) -> frozenset[str]:
        """Names of those features."""
        return frozenset(name for _, name in self.finding_tiers)

    def present(self, finding: Finding, point: Point) -> bool:
        """Whether a finding is present: its tier is then one of the tiers that the findings have together."""
        return point.get(finding.tier) in self.tier_rank

    @cached_property
    def repeated_key_rule(self) -> str | None:
        """The contradiction that a key which stands twice breaks; None where the content has no such rule."""
        clauses = (
            clause.id for clause in self.contradictions.items if any(REPEATED.name in box for box in clause.when)
        )
        return next(clauses, None)

    @cached_property
    def contradicted_by(self) -> Mapping[str, Boxes]:
        """Stated feature -> the contradictions that a value of it can bring about."""
        return self._brought_about(self.contradictions)

    @cached_property
    def implausible_by(self) -> Mapping[str, Boxes]:
        """Stated feature -> the implausible states that a value of it can bring about."""
        return self._brought_about(self.implausible)

    def _brought_about(self, clauses: Collection[Clause]) -> dict[str, Boxes]:
        boxes = [box for _, box in clauses.table.table.entries]
        found = {}
        for feature in (*self.vocabulary.features, *self.vocabulary.counted):
            moved = {feature.name, *self.chain.following[feature.name]}
            found[feature.name] = tuple(box for box in boxes if not moved.isdisjoint(box))
        return found

    @cached_property
    def unmodified(self) -> Mapping[str, str]:
        """What sentences may read beside the point, for a patient whom no modifier touches."""
        names = (*(f"modifier.{item.id}" for item in self.modifiers.items), *(f"removed.{kind}" for kind in self.kinds))
        return dict.fromkeys(names, "false")

    @cached_property
    def named_missing(self) -> Mapping[str, Mapping[str, str]]:
        """Rule that names the fact that is missing -> each fact that it asks for, with the feature that is unknown."""
        features = self.chain.features
        return {
            rule.id: {fact: name for fact in rule.asks if (name := feature_of(fact, features))}
            for rule in self.rules.values()
            if names_missing(rule)
        }

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Words by which options can be removed, kinds and times, in the order of the content."""
        return tuple(dict.fromkeys(word for option in self.options.values() for word in option.removable))


def rule_table(name: str, rules: Sequence[Rule], features: Mapping[str, Feature], axes: Sequence[str]) -> Table:
    """The decision table: one row a rule, UNIQUE over the axes."""
    rows = tuple(Row(rule.id, rule.id, rule.when) for rule in rules)
    inputs = tuple(features[axis] for axis in axes)
    if strange := [feature.name for feature in features_read(rows, features) if feature not in inputs]:
        message = f"the rules read {strange}, which are not among the axes"
        raise ValueError(message)
    return Table(
        name=name,
        title="Decision table",
        hit_policy=HitPolicy.UNIQUE,
        inputs=inputs,
        outputs=tuple(rule.id for rule in rules),
        rows=rows,
    )
