"""Every name in a release stands for something that exists: ids, kinds, tiers, axes, facts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from service.engine.chain import Chain
from service.evidence.outcomes import Evidence
from service.knowledge.cases import Case
from service.knowledge.model import (
    Citation,
    Clause,
    Communication,
    ContextStatement,
    Modifier,
    Option,
    Prefix,
    Release,
    Rule,
    Unasked,
    Unheard,
)
from service.knowledge.vocabulary import Finding, Vocabulary
from service.knowledge.yaml_file import ContentFault


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a folder holds, before the names in it are known to be right."""

    folder: Path
    release: Release
    words: Vocabulary
    chain: Chain
    rules: list[Rule]
    options: Mapping[str, Option]
    modifiers: tuple[Modifier, ...]
    prefixes: list[Prefix]
    communication: Communication | None
    evidence: Evidence
    citations: Mapping[str, Citation]
    cases: list[Case]
    clauses: Mapping[str, Iterable[Clause]]

    @property
    def findings(self) -> Iterable[Finding]:
        """The findings, if the guideline asks for any."""
        return () if self.words.findings is None else self.words.findings.findings.values()


def misnamed(parts: Parts) -> list[ContentFault]:
    """A fault for each name without a thing, each thing without its due, each id that stands twice."""
    told = () if parts.communication is None else parts.communication.dissent
    rules = {rule.id for rule in parts.rules}
    kinds = {word for option in parts.options.values() for word in option.removable}
    facts = {*parts.words.facts, *parts.words.single_facts, *(f.grade for f in parts.findings)}
    known = {
        "citations": set(parts.citations),
        "cite_first": set(parts.citations),
        "options": set(parts.options),
        "rules": rules,
        "uncertainty_rules": rules,
        "becomes": rules,
        "not_abandonment_by_rule": rules,
        "dissent": {statement.id for statement in told},
        "remove": kinds,
        "mark": kinds,
        "offered": kinds,
        "offer_first": set(parts.options),
        "offer_second": set(parts.options),
        "findings": {finding.name for finding in parts.findings},
        "facts": facts,
        "asks": facts,
        "at": facts,
    }
    named: list[tuple[str, str, Any]] = [(f"rules/{rule.id}.yaml", "", rule) for rule in parts.rules]
    named += [("options.yaml", f"/{option.id}", option) for option in parts.options.values()]
    named += [("modifiers.yaml", f"/{modifier.id}", modifier) for modifier in parts.modifiers]
    named += [("modifiers.yaml", f"/prefixes/{prefix.name}", prefix) for prefix in parts.prefixes]
    named.append(("guideline.yaml", "", Listed(parts.release.unheard, parts.release.unasked, parts.release.context)))
    named += [(file, f"/{clause.id}", clause) for file, clauses in parts.clauses.items() for clause in clauses]
    if parts.communication is not None:
        named.append(("communication.yaml", "", parts.communication))
    outcomes = parts.evidence.outcomes
    cited = [(f"/outcomes/{o.id}", name) for o in outcomes for name in o.citations]
    cited += [(f"/populations/{each.study}", each.citation) for each in parts.evidence.populations]
    found = [
        ("evidence.yaml", f"/pools/{pool.id}/rules", f"no such id: {rule}")
        for pool in parts.evidence.pools.values()
        for rule in pool.rules
        if rule not in rules
    ]
    uncited = [(path, name) for path, name in cited if name not in parts.citations]
    found += [fault for file, path, thing in named for fault in _unknown(thing, file, path, known)]
    found += [("evidence.yaml", path, f"no such citation: {name}") for path, name in uncited]
    found += _of_release(parts.release, parts.chain, rules)
    found += _of_facts(parts.words, parts.citations)
    found += _of_rules(parts.rules, {case.rule for case in parts.cases})
    found += _never_asked(parts.rules, parts.words)
    found += [("modifiers.yaml", "", f"the id {name} stands twice") for name in _twice([m.id for m in parts.modifiers])]
    return [ContentFault(str(parts.folder / file), path, detail) for file, path, detail in found]


FACTS = ("asks", "at", "facts")


@dataclass(frozen=True)
class Listed:
    """The lists of guideline.yaml whose items name things."""

    unheard: tuple[Unheard, ...]
    unasked: tuple[Unasked, ...]
    context: tuple[ContextStatement, ...]


_Fault = tuple[str, str, str]


def _unknown(thing: Any, file: str, path: str, known: Mapping[str, set[str]]) -> Iterator[_Fault]:
    for member in fields(thing):
        value, below = getattr(thing, member.name), f"{path}/{member.name}"
        for item in value if isinstance(value, tuple | dict) else ():
            name = item if isinstance(item, str) else getattr(item, "id", None)
            if member.name in known and name not in known[member.name]:
                yield file, below, f"no such {'fact' if member.name in FACTS else 'id'}: {name}"
            if is_dataclass(item):
                yield from _unknown(item, file, below, known)


def _of_release(release: Release, chain: Chain, rules: set[str]) -> Iterator[_Fault]:
    file = "guideline.yaml"
    derived = {table.table.name: set(table.table.outputs) for table in chain.tables}
    for name in (*release.axes, *([release.tier] if release.tier else [])):
        if name not in chain.features:
            yield file, "/axes", f"no such feature: {name}"
    tiers = derived.get(release.tier or "", set())
    heard = {*release.supporting, *(tier for follow in release.supporting.values() for tier in follow)}
    for path, stated in (
        ("/emergency_tier", {release.emergency_tier}),
        ("/urgent_tier", {release.urgent_tier}),
        ("/supporting", heard),
    ):
        for tier in sorted(stated - tiers - {None}, key=str):
            yield file, path, f"no patient has this tier: {tier}"
    for gate in release.gates:
        if gate not in rules:
            yield file, "/gates", f"no such rule: {gate}"


def _of_facts(words: Vocabulary, citations: Mapping[str, Citation]) -> Iterator[_Fault]:
    for fact in (*words.facts.values(), *words.single_facts.values()):
        if fact.source is not None and fact.source not in citations:
            yield "facts.yaml", f"/{fact.path}/source", f"no such citation: {fact.source}"


def _of_rules(rules: Iterable[Rule], worked: set[str | None]) -> Iterator[_Fault]:
    rules = list(rules)
    for rule in rules:
        if rule.id not in worked:
            yield f"rules/{rule.id}.yaml", "", f"rule {rule.id} has no worked case"
    for ids in ([rule.id for rule in rules], [rule.code for rule in rules]):
        for name in _twice(ids):
            yield "rules", "", f"the id {name} stands twice"


def _never_asked(rules: Iterable[Rule], words: Vocabulary) -> Iterator[_Fault]:
    facts = {**words.facts, **words.single_facts}
    for rule in rules:
        for name in (name for listed in rule.together for name in listed):
            if name in facts and not facts[name].asked:
                yield f"rules/{rule.id}.yaml", "/asks", f'{name} is `asked: "false"`, so that no answer lists it'


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
