"""A folder of YAML becomes one Guideline, or a ContentError that names every file, path and fault found.

What is not required will be missing: a rule without a citation with a locator or without a worked case,
a guideline without a review date, a table with a gap, an overlap or a dead row does not load.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError

from service.engine.chain import Chain
from service.engine.compile import CompiledTable
from service.engine.table import Table
from service.engine.verify import verify
from service.engine.vocabulary import UNKNOWN, Feature
from service.evidence.figures import FigureError, with_figures
from service.evidence.outcomes import Evidence, EvidenceError, pool_text, read_outcome
from service.evidence.study_file import misdirected_ratios
from service.knowledge import cards_file, extraction_faults, pages, schemas
from service.knowledge.cards import Cards
from service.knowledge.cases import Case, parse_cases, read_case_files
from service.knowledge.citing import CitingError, with_sources
from service.knowledge.extraction import Extraction
from service.knowledge.extraction_file import ExtractionSchema
from service.knowledge.guideline import Collection, Guideline, rule_table
from service.knowledge.model import (
    LISTINGS,
    URGENCIES,
    Boxes,
    Change,
    Check,
    Communication,
    Modifier,
    Offer,
    Option,
    Release,
    Rule,
)
from service.knowledge.names import Parts, misnamed
from service.knowledge.record_cases import case_faults
from service.knowledge.sentences import slot_faults
from service.knowledge.sources import Sources
from service.knowledge.tables_file import BoxError, boxes, derivation, expanded
from service.knowledge.terminology import Terminology
from service.knowledge.vocabulary import Vocabulary, feature_of
from service.knowledge.vocabulary_file import vocabulary
from service.knowledge.yaml_file import ContentError, ContentFault, flat

T = TypeVar("T")


def load_release(
    folder: Path, sources: Sources, terminology: Terminology, read: Callable[[Path], Any], *, prove: bool
) -> Guideline:
    """Load a release, whose digest its caller knows; check and prove it, unless it was proved before.

    `read` gives what a YAML file holds. Raises ContentError.
    """
    return _Loader(folder, sources, terminology, read, prove=prove).load()


class _Loader:
    """Faults are noted as they are found; `stop` raises them where nothing sensible can follow."""

    def __init__(
        self,
        folder: Path,
        sources: Sources,
        terminology: Terminology,
        read: Callable[[Path], Any],
        *,
        prove: bool,
    ) -> None:
        self.folder = folder
        self.read = read
        self.prove = prove
        self.terminology = terminology
        self.citations = sources.citations
        self.studies = sources.studies
        self.faults: list[ContentFault] = []
        self.pools: dict[str, str] = {}
        self.rules = schemas.RuleSchema()
        self.worded: dict[str, Feature] = {}
        """What a sentence may read: all derived features, modifiers, removed kinds, the trigger, wording tables."""

    def load(self) -> Guideline:
        self.strangers()
        release: Release = self.part("guideline.yaml", schemas.ReleaseSchema())
        evidence = self.evidence()
        words = self.built("facts.yaml", vocabulary)
        offered = self.part("options.yaml", schemas.OptionsFile()) or {}
        options = {option.id: option for option in offered.get("options", ())}
        rules = [self.rule(name) for name in self.rule_files()]
        modifiers: dict[str, Any] = self.optional("modifiers.yaml", schemas.ModifiersFile()) or {}
        contradictions = self.optional("contradictions.yaml", schemas.ContradictionsFile())
        warnings = self.optional("warnings.yaml", schemas.WarningsFile())
        communication: Communication | None = self.optional("communication.yaml", schemas.CommunicationSchema()) or None
        cards = self.optional("cards.yaml", cards_file.CardsSchema()) or None
        extraction = self.optional("extraction.yaml", ExtractionSchema()) or None
        shown: pages.Pages | None = self.optional("pages.yaml", pages.PagesSchema()) or None
        tables = self.part("derivations.yaml", schemas.DerivationsSchema())
        self.brief_lines(options, offered.get("brief_kinds", ()))
        self.stop()

        chain = self.chained(tables, "tables", (*words.features, *words.counted))
        derived = chain.features
        helpers = self.helpers(tables, release)
        further = _said_of_patient(modifiers.get("modifiers", ()), options.values(), words)
        wording = self.chained(tables, "wording", (*derived.values(), *further))
        self.worded = said = dict(wording.features)
        rules = [self.placed(rule, f"rules/{rule.id}.yaml", "", said) for rule in rules]
        prefixes = [
            self.placed(prefix, "modifiers.yaml", f"/prefixes/{index}", {**said, URGENCY.name: URGENCY})
            for index, prefix in enumerate(modifiers.get("prefixes", ()))
        ]
        release = self.placed(release, "guideline.yaml", "", derived)
        case_files = read_case_files(self.folder)
        if self.prove:
            parts = Parts(
                folder=self.folder,
                release=release,
                words=words,
                chain=chain,
                rules=rules,
                options=options,
                modifiers=modifiers.get("modifiers", ()),
                prefixes=prefixes,
                communication=communication,
                evidence=evidence,
                citations=self.citations,
                cases=self.cases(case_files),
                clauses={
                    file: [clause for name in names for clause in content.get(name, ())]
                    for file, content, names in (
                        ("contradictions.yaml", contradictions, ("contradictions", "conflicts")),
                        ("warnings.yaml", warnings, ("warnings", "checks")),
                    )
                },
            )
            self.misfits(parts, {table.table.name for table in wording.tables})
            self.misused(parts, shown, cards, extraction, helpers)
        populations = [
            self.placed(population, "evidence.yaml", f"/populations/{index}", derived)
            for index, population in enumerate(evidence.populations)
        ]
        collected = {
            name: self.collected(name, content, file, derived)
            for file, content in (
                ("modifiers.yaml", modifiers),
                ("contradictions.yaml", contradictions),
                ("warnings.yaml", warnings),
            )
            for name in MEMBERS[file]
        }  # fmt: skip
        if cards is not None:
            orders = self.placed(cards.orders, "cards.yaml", "/orders", said)
            cards = replace(self.placed(cards, "cards.yaml", "", said), orders=orders)
        if extraction is None and cards is not None:
            self.fault("extraction.yaml", "", "missing: cards are about records, and nothing says how they are read")
        self.stop()

        gates = [rule for name in release.gates for rule in rules if rule.id == name]
        in_table = [rule for rule in rules if rule.id not in release.gates]
        table = self.proved(release, in_table, derived)
        for flaw in (*chain.verify(), *wording.verify()) if self.prove else ():
            self.fault("derivations.yaml", "", str(flaw))
        self.stop()
        return Guideline(
            release=release,
            vocabulary=words,
            chain=chain,
            wording=wording,
            rules={rule.id: rule for rule in rules},
            table=CompiledTable(table),
            gates=Collection("gates", gates, derived),
            **collected,
            implausible=Collection("implausible", [w for w in collected["warnings"].items if w.implausible], derived),
            prefixes=tuple(prefixes),
            lists_all_modifiers=modifiers.get("listed", LISTINGS[0]) == LISTINGS[0],
            options=options,
            helpers=helpers,
            communication=communication,
            cards=cards,
            extraction=extraction,
            pages=shown,
            evidence=replace(evidence, populations=tuple(populations)),
            citations=self.citations,
            case_files=case_files,
        )

    # ---- reading

    def strangers(self) -> None:
        """A file of another name would be passed over in silence, and its warnings with it."""
        for file in sorted(self.folder.rglob("*")):
            name = file.relative_to(self.folder)
            known = name.name in FILES if len(name.parts) == 1 else name.parts[0] in FOLDERS and name.suffix == ".yaml"
            if file.suffix in {".yaml", ".yml"} and not known:
                self.fault(name.as_posix(), "", "this file belongs to no guideline; is its name misspelt?")

    def rule_files(self) -> list[str]:
        found = sorted(f"rules/{path.name}" for path in (self.folder / "rules").glob("*.yaml"))
        if not found:
            self.fault("rules", "", "no file in this folder")
        return found

    def rule(self, name: str) -> Rule:
        rule: Rule | None = self.part(name, self.rules)
        if rule is not None and name != f"rules/{rule.id}.yaml":
            self.fault(name, "/id", f"the rule {rule.id} stands in a file of another name")
        return rule  # type: ignore[return-value] # `stop` comes before anyone looks

    def built(self, name: str, make: Callable[[Any], T]) -> T:
        """Read the file and make something of it."""
        try:
            data = with_figures(expanded(self.read(self.folder / name)), self.studies, self.pools)
            return make(with_sources(data, self.citations, self.sources))
        except ContentError as error:
            self.faults += error.faults
        except (BoxError, CitingError, FigureError) as error:
            self.fault(name, "", str(error))
        except ValidationError as error:
            self.faults += [ContentFault(str(self.folder / name), path, text) for path, text in flat(error.messages)]
        return None  # type: ignore[return-value] # `stop` comes before anyone looks

    def part(self, name: str, schema: Schema) -> Any:
        return self.built(name, schema.load)

    def optional(self, name: str, schema: Schema) -> Any:
        return self.part(name, schema) if (self.folder / name).exists() else {}

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """Return the words of pages.yaml for sources; its other faults are told when it is read whole."""
        file = self.folder / "pages.yaml"
        try:
            stated = self.read(file) if file.exists() else {}
        except ContentError:
            return {}
        sources = stated.get("sources", {}) if isinstance(stated, dict) else {}
        return sources if isinstance(sources, dict) else {}

    def brief_lines(self, options: Mapping[str, Option], brief_kinds: Iterable[str]) -> None:
        """Refuse an option without benefit, harm or what is not known, unless its kind is a brief one."""
        for option in options.values():
            missing = [line for line in ("benefit", "harm", "unknown") if not getattr(option, line)]
            if missing and option.kind not in brief_kinds:
                detail = f"needs {' and '.join(missing)}, since {option.kind} is not among the brief_kinds"
                self.fault("options.yaml", f"/options/{option.id}", detail)

    def cases(self, files: Mapping[Path, bytes]) -> list[Case]:
        try:
            return parse_cases(files)
        except ContentError as error:
            self.faults += error.faults
            return []

    def evidence(self) -> Evidence:
        """Return the evidence with its pools computed; sentences of later files may quote a pool."""
        content = self.optional("evidence.yaml", schemas.EvidenceFile()) or {}
        arms = {arm.id: arm for arm in content.get("arms", ())}
        outcomes = []
        for index, entry in enumerate(content.get("outcomes", ())):
            try:
                outcomes.append(read_outcome(entry, self.studies, arms, content["timings"]))
            except EvidenceError as error:
                self.fault("evidence.yaml", f"/outcomes/{index}", str(error))
        populations = content.get("populations", ())
        for index, population in enumerate(populations):
            if population.study not in self.studies:
                self.fault("evidence.yaml", f"/populations/{index}", f"no such study: {population.study}")
        for detail in misdirected_ratios(self.studies, {name: arm.side for name, arm in arms.items()}):
            self.fault("evidence.yaml", "/arms", detail)
        self.pools = {pool.id: pool_text(pool) for outcome in outcomes for pool in outcome.pools}
        return Evidence(tuple(outcomes), tuple(populations), arms, content.get("labels", {}))

    # ---- resolving

    def chained(self, tables: Mapping[str, Any], member: str, stated: Iterable[Feature]) -> Chain:
        known = {feature.name: feature for feature in stated}
        first = tuple(known.values())
        made: list[Table] = []
        try:
            for entry in tables[member]:
                made.append(derivation(entry, known))
                known[entry["output"]] = Feature(entry["output"], tuple(entry["values"]))
            return Chain(first, made)
        except ValueError as error:
            self.fault("derivations.yaml", f"/{member}/{len(made)}", str(error))
            raise ContentError(self.faults) from error

    def helpers(self, tables: Mapping[str, Any], release: Release) -> frozenset[str]:
        """Return the tables that an answer does not list as steps."""
        helpers = frozenset(entry["output"] for entry in tables["tables"] if entry["helper"])
        for name in sorted(helpers.intersection((*release.axes, release.tier))):
            self.fault("derivations.yaml", f"/tables/{name}", "an answer tells this feature, so it is no helper")
        return helpers

    def collected(self, name: str, content: Mapping[str, Any], file: str, features: Mapping[str, Feature]) -> Any:
        placed = [
            self.placed(item, file, f"/{name}/{index}", features) for index, item in enumerate(content.get(name, ()))
        ]
        return Collection(name, [] if self.faults else placed, features)

    def placed(self, thing: T, file: str, path: str, features: Mapping[str, Feature]) -> T:
        """The thing with its boxes, and those of its parts, resolved against the features."""
        if not is_dataclass(thing) or isinstance(thing, type):
            return thing
        if isinstance(thing, Check | Offer | Change):
            features = self.worded or features
        changed: dict[str, Any] = {}
        for member in fields(thing):
            value, below = getattr(thing, member.name), f"{path}/{member.name}"
            if member.name in BOXED:
                try:
                    changed[member.name] = boxes(value, features)
                except BoxError as error:
                    self.fault(file, below, str(error))
            elif isinstance(value, tuple):
                changed[member.name] = tuple(
                    self.placed(item, file, f"{below}/{index}", features) for index, item in enumerate(value)
                )
        if isinstance(thing, Check) and thing.asks is not None:
            changed["when"] = self.unanswered(thing.asks, changed.get("when", ()), file, path)
        return replace(thing, **changed)  # type: ignore[type-var] # a dataclass, as asked above

    def unanswered(self, fact: str, where: Boxes, file: str, path: str) -> Boxes:
        """Return the boxes cut down to where the fact is not stated."""
        name = feature_of(fact, self.worded)
        if name is None or UNKNOWN not in self.worded[name].values:
            self.fault(file, f"{path}/asks", f"no such fact, or it has parts: {fact}")
            return where
        return tuple({**box, name: frozenset({UNKNOWN})} for box in where or ({},))

    # ---- proving

    def misfits(self, parts: Parts, slots: set[str]) -> None:
        """Refuse names of nothing, slots without a table, and effects that would decide over what they depend on."""
        self.faults += misnamed(parts)
        for file, path, detail in slot_faults(parts.rules, parts.prefixes, parts.modifiers, slots):
            self.fault(file, path, detail)
        for modifier in parts.modifiers:
            if any(effect.offered and effect.has_say for effect in modifier.effects):
                detail = "an effect with `offered` may only mark, note, cite and check"
                self.fault("modifiers.yaml", f"/{modifier.id}", detail)

    def misused(
        self,
        parts: Parts,
        shown: pages.Pages | None,
        cards: Cards | None,
        extraction: Extraction | None,
        helpers: frozenset[str],
    ) -> None:
        """Refuse pages, cards and extraction that speak of what is not there."""
        derived = parts.chain.features
        if shown is not None:
            tables = [derived[table.table.name] for table in parts.chain.tables if table.table.name not in helpers]
            for path, detail in pages.faults(shown, parts.words, tables):
                self.fault("pages.yaml", path, detail)
        if cards is not None:
            for path, detail in cards_file.faults(cards, parts.rules, parts.options, parts.words, self.terminology):
                self.fault("cards.yaml", path, detail)
        if extraction is not None:
            for path, detail in extraction_faults.faults(extraction, parts.words, self.terminology, self.citations):
                self.fault("extraction.yaml", path, detail)
            self.faults += case_faults(self.folder, extraction)

    def proved(self, release: Release, rules: list[Rule], features: Mapping[str, Feature]) -> Table:
        try:
            table = rule_table(release.id, rules, features, release.axes)
        except ValueError as error:
            self.fault("rules", "", str(error))
            raise ContentError(self.faults) from error
        for flaw in verify(table) if self.prove else ():
            self.fault("rules", "", str(flaw))
        return table

    def fault(self, file: str, path: str, detail: str) -> None:
        self.faults.append(ContentFault(str(self.folder / file), path, detail))

    def stop(self) -> None:
        if self.faults:
            raise ContentError(self.faults)


def _said_of_patient(modifiers: Iterable[Modifier], options: Iterable[Option], words: Vocabulary) -> list[Feature]:
    """Return what sentences may read beside derived features: modifiers, what they remove, the trigger."""
    removable = dict.fromkeys(word for option in options for word in option.removable)
    names = (*(f"modifier.{each.id}" for each in modifiers), *(f"removed.{word}" for word in removable))
    trigger = Feature("trigger", ("none", *(words.findings.findings if words.findings else ())))
    return [*(Feature(name, ("false", "true")) for name in names), trigger]


URGENCY = Feature("urgency", URGENCIES)
"""What only a prefix may read beside what sentences read: the urgency as finally graded."""
FILES = (
    "guideline.yaml",
    "facts.yaml",
    "derivations.yaml",
    "options.yaml",
    "contradictions.yaml",
    "warnings.yaml",
    "modifiers.yaml",
    "communication.yaml",
    "cards.yaml",
    "extraction.yaml",
    "pages.yaml",
    "evidence.yaml",
)
FOLDERS = ("rules", "cases", "studies", "citations")
BOXED = ("when", "fits", "misfits")
"""Members that hold boxes."""

MEMBERS: Mapping[str, tuple[str, ...]] = {
    "modifiers.yaml": ("modifiers",),
    "contradictions.yaml": ("contradictions", "conflicts"),
    "warnings.yaml": ("warnings", "checks"),
}
"""The lists of the optional files. Guideline has a collection of each name."""
