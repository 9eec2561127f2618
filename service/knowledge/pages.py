"""What people read on the pages of a guideline: the groups of its form, and short words for codes of the tables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from marshmallow import fields, validate

from service.engine.vocabulary import UNKNOWN, Feature
from service.knowledge.schemas import Content, text, texts, truth
from service.knowledge.vocabulary import Choice, Members, ReferenceDate, Vocabulary


@dataclass(frozen=True)
class Group:
    """Facts that stand together in the form; `open` where they are shown without being asked for."""

    title: str
    facts: tuple[str, ...]
    open: bool = False


@dataclass(frozen=True)
class Pages:
    """Groups of the form; titles by path or derived feature; words by path or derived feature and value."""

    groups: tuple[Group, ...]
    titles: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    """What a source is called in sentences, by id of the citation."""
    spoken: Mapping[str, str] = field(default_factory=dict)
    """Names of facts within a sentence, by path, where the title does not read well there."""


class GroupSchema(Content):
    """One group."""

    makes = Group
    title, facts, open = text(), texts(required=True, least=1), truth()


class PagesSchema(Content):
    """The file pages.yaml."""

    makes = Pages
    groups = fields.List(fields.Nested(GroupSchema), required=True, validate=validate.Length(min=1))
    titles = fields.Dict(text(), text(), load_default=dict)
    values = fields.Dict(text(), fields.Dict(text(), text()), load_default=dict)
    sources, spoken = fields.Dict(text(), text(), load_default=dict), fields.Dict(text(), text(), load_default=dict)


def faults(pages: Pages, words: Vocabulary, derived: Iterable[Feature]) -> Iterator[tuple[str, str]]:
    """Path and detail of each fact that the form would not ask for, and of each name or value without its word."""
    asked = [name for group in pages.groups for name in group.facts]
    due = [name for name, fact in words.facts.items() if not isinstance(fact, ReferenceDate)]
    yield from (("/groups", f"no group has the fact {name}") for name in due if name not in asked)
    yield from (("/groups", f"no such fact, or it stands twice: {name}") for name in _strange(asked, due))
    facts = {name: fact for name, fact in words.single_facts.items() if isinstance(fact, Choice | Members)}
    needed = {name: set(fact.values) for name, fact in facts.items()}
    tables = {feature.name: set(feature.values) for feature in derived}
    tiers = {finding.tier for finding in (words.findings.findings.values() if words.findings else ())}
    needed |= {name: values for name, values in tables.items() if name not in tiers}
    known = {*words.facts, *words.single_facts, *tables, *(feature.name for feature in words.features)}
    for member, named in (("titles", pages.titles), ("values", pages.values), ("spoken", pages.spoken)):
        yield from ((f"/{member}/{name}", "no such fact or derived feature") for name in named if name not in known)
    for name, values in needed.items():
        if missing := sorted(values - {UNKNOWN} - set(pages.values.get(name, ()))):
            yield f"/values/{name}", f"no words for {', '.join(missing)}"


def _strange(asked: list[str], due: list[str]) -> list[str]:
    return sorted({name for name in asked if name not in due or asked.count(name) > 1})
