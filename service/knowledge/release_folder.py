"""A folder of YAML becomes one Guideline, or a ContentError that names every file, path and fault found.

What is not required will be missing: a rule without a citation with a locator or without a worked case,
a guideline without a review date, a table with a gap, an overlap or a dead row does not load.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from marshmallow import Schema, ValidationError

from service.engine.chain import Chain
from service.engine.compile import CompiledTable
from service.engine.table import Table
from service.engine.verify import verify
from service.engine.vocabulary import Feature
from service.knowledge import schemas
from service.knowledge.cases import read_cases
from service.knowledge.figures import FigureError, with_figures
from service.knowledge.guideline import Collection, Guideline, rule_table
from service.knowledge.model import Citation, Clause, Modifier, Option, Rule
from service.knowledge.tables_file import BoxError, boxes, derivation, expanded
from service.knowledge.vocabulary import Vocabulary
from service.knowledge.vocabulary_file import vocabulary
from service.knowledge.yaml_file import ContentError, ContentFault, read_yaml

T = TypeVar("T")


def load_release(folder: Path, citations: Mapping[str, Citation], studies: Mapping[str, Any], digest: str) -> Guideline:
    """Load, check and prove. Raises ContentError."""
    return _Loader(folder, citations, studies).load(digest)


class _Loader:
    def __init__(self, folder: Path, citations: Mapping[str, Citation], studies: Mapping[str, Any]) -> None:
        self.folder = folder
        self.citations = citations
        self.studies = studies
        self.faults: list[ContentFault] = []

    def load(self, digest: str) -> Guideline:
        release = self.part("guideline.yaml", schemas.ReleaseSchema())
        words: Vocabulary = self.build("facts.yaml", vocabulary)
        options = {o.id: o for o in self.named("options.yaml", "options", schemas.OptionSchema())}
        rules: list[Rule] = [self.part(name, schemas.RuleSchema()) for name in self.files("rules")]
        modifiers: list[Modifier] = self.many("modifiers.yaml", "modifiers", schemas.ModifierSchema())
        contradictions: list[Clause] = self.many("contradictions.yaml", "contradictions", schemas.ClauseSchema())
        conflicts: list[Clause] = self.many("contradictions.yaml", "conflicts", schemas.ClauseSchema())
        warnings: list[Clause] = self.many("warnings.yaml", "warnings", schemas.ClauseSchema())
        checks: list[Clause] = self.many("warnings.yaml", "checks", schemas.ClauseSchema())
        communication = self.communication()
        tables = self.build("derivations.yaml", lambda raw: schemas.DerivationsSchema().load(expanded(raw)))
        self.stop()

        stated = (*words.features, *words.counted)
        chain = self.chained(tables["tables"], stated)
        derived = chain.features
        kinds = dict.fromkeys(option.kind for option in options.values())
        after = [Feature(f"modifier.{modifier.id}", ("false", "true")) for modifier in modifiers]
        after += [Feature(f"removed.{kind}", ("false", "true")) for kind in kinds]
        wording = self.chained(tables["wording"], (*derived.values(), *after))
        trigger = Feature("trigger", ("none", *(words.findings.findings if words.findings else ())))
        said = wording.features | {trigger.name: trigger}
        rules = [self.placed(rule, file, said) for rule, file in zip(rules, self.files("rules"), strict=True)]
        modifiers = [self.placed(m, "modifiers.yaml", derived) for m in modifiers]
        contradictions = [self.placed(c, "contradictions.yaml", derived) for c in contradictions]
        conflicts = [self.placed(c, "contradictions.yaml", derived) for c in conflicts]
        warnings = [self.placed(w, "warnings.yaml", derived) for w in warnings]
        checks = [self.placed(c, "warnings.yaml", derived) for c in checks]
        self.stop()

        gates = [rule for rule in rules if rule.id in release.gates]
        in_table = [rule for rule in rules if rule.id not in release.gates]
        table = self.proved(rule_table(release.id, in_table, derived, release.axes), "rules")
        for flaw in (*chain.verify(), *wording.verify()):
            self.fault("derivations.yaml", "", str(flaw))
        cases = self.cases()
        self.check_names(rules, modifiers, options)
        self.check_places(rules, modifiers, cases, words)
        self.stop()
        return Guideline(
            release=release,
            digest=digest,
            vocabulary=words,
            chain=chain,
            wording=wording,
            rules={rule.id: rule for rule in rules},
            table=CompiledTable(table),
            gates=Collection("gates", gates, derived),
            contradictions=Collection("contradictions", contradictions, derived),
            conflicts=Collection("conflicts", conflicts, derived),
            warnings=Collection("warnings", warnings, derived),
            checks=Collection("checks", checks, derived),
            modifiers=Collection("modifiers", modifiers, derived),
            options=options,
            communication=communication,
            citations=self.citations,
            cases=len(cases),
        )

    # ---- reading

    def files(self, name: str) -> list[str]:
        found = sorted(path.relative_to(self.folder).as_posix() for path in (self.folder / name).glob("*.yaml"))
        if not found:
            self.fault(name, "", "no file in this folder")
        return found

    def build(self, name: str, make: Callable[[Any], T]) -> T:
        """Read the file and make something of it; faults are noted, and the next `stop` raises them."""
        try:
            return make(with_figures(read_yaml(self.folder / name), self.studies))
        except ContentError as error:
            self.faults += error.faults
        except (BoxError, FigureError) as error:
            self.fault(name, "", str(error))
        except ValidationError as error:
            self.faults += [ContentFault(str(self.folder / name), path, text) for path, text in flat(error.messages)]
        return None  # type: ignore[return-value]

    def part(self, name: str, schema: Schema) -> Any:
        return self.build(name, schema.load)

    def many(self, name: str, member: str, schema: Schema) -> list[Any]:
        """The list below one member of an optional file, with each for_each written out."""
        if not (self.folder / name).exists():
            return []

        def made(raw: Any) -> list[Any]:
            items = [(member, index, item) for index, item in enumerate(expanded(raw.get(member, [])))]
            return [_at(f"{place}/{index}", schema, item) for place, index, item in items]

        return self.build(name, made) or []

    def named(self, name: str, member: str, schema: Schema) -> list[Any]:
        """The mapping below one member of a file, each key the id of its value."""

        def made(raw: Any) -> list[Any]:
            items = raw.get(member, {}).items()
            return [_at(f"{member}/{key}", schema, {"id": key, **value}) for key, value in items]

        return self.build(name, made) or []

    def communication(self) -> Any:
        name = "communication.yaml"
        if not (self.folder / name).exists():
            return None

        def made(raw: Any) -> Any:
            lists = {
                member: [{"id": key, **value} for key, value in (raw.get(member) or {}).items()]
                for member in ("dissent", "open_questions")
            }
            return schemas.CommunicationSchema().load(raw | lists)

        return self.build(name, made)

    def cases(self) -> list[Any]:
        try:
            return read_cases(self.folder)
        except ContentError as error:
            self.faults += error.faults
            return []

    # ---- resolving

    def chained(self, raw: Iterable[Mapping[str, Any]], stated: Iterable[Feature]) -> Chain:
        known = {feature.name: feature for feature in stated}
        first = tuple(known.values())
        tables: list[Table] = []
        try:
            for entry in raw:
                tables.append(derivation(entry, known))
                known[entry["output"]] = Feature(entry["output"], tuple(entry["values"]))
            return Chain(first, tables)
        except ValueError as error:
            place = f"/tables/{len(tables)}"
            raise ContentError(
                [*self.faults, ContentFault(str(self.folder / "derivations.yaml"), place, str(error))]
            ) from error

    def placed(self, thing: T, file: str, features: Mapping[str, Feature]) -> T:
        """The thing with its boxes, and those of its parts, resolved against the features."""
        return self._placed(thing, file, "", features)

    def _placed(self, thing: T, file: str, path: str, features: Mapping[str, Feature]) -> T:
        if not is_dataclass(thing) or isinstance(thing, type):
            return thing
        changed: dict[str, Any] = {}
        for member in fields(thing):
            value, below = getattr(thing, member.name), f"{path}/{member.name}"
            if member.name == "when":
                try:
                    changed["when"] = boxes(value, features)
                except BoxError as error:
                    self.fault(file, below, str(error))
            elif isinstance(value, tuple):
                changed[member.name] = tuple(
                    self._placed(item, file, f"{below}/{index}", features) for index, item in enumerate(value)
                )
        return replace(thing, **changed)

    # ---- checking

    def proved(self, table: Table, file: str) -> Table:
        for flaw in verify(table):
            self.fault(file, "", str(flaw))
        return table

    def check_names(self, rules: Iterable[Rule], modifiers: Iterable[Modifier], options: Mapping[str, Option]) -> None:
        """Every citation, option and rule that is named exists."""
        ids = {rule.id for rule in rules}
        known = {"citations": set(self.citations), "options": set(options), "rules": ids, "becomes": ids}
        for rule in rules:
            self._named(rule, f"rules/{rule.id}.yaml", "", known)
        for modifier in modifiers:
            self._named(modifier, "modifiers.yaml", f"/{modifier.id}", known)
        for option in options.values():
            self._named(option, "options.yaml", f"/{option.id}", known)

    def _named(self, thing: Any, file: str, path: str, known: Mapping[str, set[str]]) -> None:
        for member in fields(thing):
            value, below = getattr(thing, member.name), f"{path}/{member.name}"
            for item in value if isinstance(value, tuple) else ():
                name = item if isinstance(item, str) else getattr(item, "id", None)
                if member.name in known and name not in known[member.name]:
                    self.fault(file, below, f"no such id: {name}")
                if is_dataclass(item):
                    self._named(item, file, below, known)

    def check_places(
        self, rules: Iterable[Rule], modifiers: Iterable[Modifier], cases: Iterable[Any], words: Vocabulary
    ) -> None:
        """Each rule has a worked case and its own file, asks for facts that exist; ids stand once."""
        worked = {case.rule for case in cases}
        for rule in rules:
            file = f"rules/{rule.id}.yaml"
            if rule.id not in worked:
                self.fault(file, "", f"rule {rule.id} has no worked case")
            for path in rule.asks:
                if path not in words.facts and path not in words.single_facts:
                    self.fault(file, "/asks", f"no such fact: {path}")
        for ids in ([rule.id for rule in rules], [rule.code for rule in rules], [m.id for m in modifiers]):
            for twice in sorted({name for name in ids if ids.count(name) > 1}):
                self.fault("", "", f"the id {twice} stands twice")

    def fault(self, file: str, path: str, detail: str) -> None:
        self.faults.append(ContentFault(str(self.folder / file), path, detail))

    def stop(self) -> None:
        if self.faults:
            raise ContentError(self.faults)


def _at(place: str, schema: Schema, data: Any) -> Any:
    try:
        return schema.load(data)
    except ValidationError as error:
        raise ValidationError({place: error.messages}) from error


def flat(messages: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Marshmallow's nested messages as pairs of path and text."""
    if isinstance(messages, dict):
        for name, below in messages.items():
            yield from flat(below, f"{path}/{name}")
    else:
        for text in messages if isinstance(messages, list) else [messages]:
            yield path, str(text)
