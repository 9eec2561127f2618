"""What is wrong with an Extraction that loads: a name that stands for nothing, a fact that nothing reads."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from string import Formatter
from typing import Any

from service.knowledge import extraction
from service.knowledge.extraction import PROPOSAL, STAGE_GROUPS, Extraction, FactSource, Source, fold_unit
from service.knowledge.terminology import HINT, Terminology
from service.knowledge.vocabulary import (
    Choice,
    Fact,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    ReferenceDate,
    Vocabulary,
)

Fault = tuple[str, str]
"""Path below extraction.yaml, and what is wrong there."""
KINDS: Mapping[type[FactSource], tuple[type[Fact], ...]] = {
    extraction.Newest: (Choice, Flag, Number),
    extraction.AnyOf: (Choice, Flag, Number),
    extraction.Quantity: (Number,),
    extraction.Threshold: (Flag,),
    extraction.Person: (Choice, Number),
    extraction.Line: (Choice,),
    extraction.Removal: (Choice, Flag),
    extraction.Strongest: (Choice,),
    extraction.Interval: (Choice,),
    extraction.Sites: (Members,),
    extraction.OnlySites: (Choice,),
    extraction.Response: (Record,),
    extraction.FindingsSource: (Findings,),
}
"""The kinds of fact that each resolver can state."""


def faults(
    made: Extraction, vocabulary: Vocabulary, terminology: Terminology, citations: Mapping[str, Any]
) -> Iterator[Fault]:
    """Yield a fault for each name that stands for nothing, and for each fact with neither resolver nor reason."""
    names = _Names(made, vocabulary, terminology)
    for window in made.windows.values():
        if window.source != PROPOSAL and window.source not in citations:
            yield f"/windows/{window.id}/source", f"neither a citation nor {PROPOSAL}: {window.source}"
    for part in ("places", "subject", "therapy"):
        yield from names.check(getattr(made, part), f"/{part}")
    for path, source in made.facts.items():
        fact = _fact(vocabulary, path)
        if fact is None:
            yield f"/facts/{path}", "no such fact"
            continue
        yield from names.check(source, f"/facts/{path}", path)
        details = [*_source_faults(source, fact, terminology), *_site_faults(made, source, fact, terminology)]
        yield from ((f"/facts/{path}{at}", detail) for at, detail in details)
        names.earlier.add(path)
    yield from _unread_facts(made, vocabulary)


def _unread_facts(made: Extraction, vocabulary: Vocabulary) -> Iterator[Fault]:
    """Yield a fault for each fact that is neither read nor among not_extracted, or both."""
    read = {path.partition(".")[0] for path in made.facts}
    for path in made.not_extracted:
        if _fact(vocabulary, path) is None:
            yield f"/not_extracted/{path}", "no such fact"
        if path in made.facts:
            yield f"/not_extracted/{path}", "it has a resolver, too"
    for path, fact in vocabulary.facts.items():
        if path not in read and path not in made.not_extracted and not isinstance(fact, ReferenceDate):
            yield "/facts", f"{path} has no resolver and is not among not_extracted"


class _Names:
    """What the names of an extraction may stand for."""

    def __init__(self, made: Extraction, vocabulary: Vocabulary, terminology: Terminology) -> None:
        self.made, self.vocabulary, self.terminology = made, vocabulary, terminology
        self.earlier: set[str] = set()

    def check(self, part: Any, path: str, fact: str = "") -> Iterator[Fault]:
        """Yield a fault for each name in a part, and in the parts below it, that stands for nothing."""
        for member in fields_of(part):
            value, at = getattr(part, member.name), f"{path}/{member.name}"
            if value is None:
                continue
            for kind, name in _names(value, member.metadata):
                if not self.is_known(kind, name, part, fact):
                    yield at, f"no such {kind}: {name}"
            if (filled := member.metadata.get("template")) is not None:
                yield from ((at, detail) for detail in _template_faults(value, filled))
            for index, below in enumerate(value if isinstance(value, tuple) else (value,)):
                if is_dataclass(below) and not isinstance(below, type):
                    yield from self.check(below, f"{at}/{index}" if isinstance(value, tuple) else at, fact)

    def is_known(self, kind: str, name: str, part: Any, fact: str) -> bool:
        """Return whether a name of a kind stands for something."""
        match kind:
            case "value":
                return _is_value(_fact(self.vocabulary, fact), name)
            case "site":
                return _is_value(_fact(self.vocabulary, part.of), name)
            case extraction.STATUS_FACT:
                return name in self.earlier and isinstance(self.made.facts[name], extraction.Strongest)
            case extraction.SITES_FACT:
                return name in self.earlier and isinstance(self.made.facts[name], extraction.Sites)
            case "category of a stage":
                status = self.made.facts.get(part.of)
                return isinstance(status, extraction.Strongest) and name in self.categories(status.stages.list)
            case _:
                return name in self.known(kind, part)

    def known(self, kind: str, part: Any) -> Collection[str]:
        """Return the names of a kind that is no matter of facts."""
        match kind:
            case "list":
                return self.terminology.lists
            case "window":
                return self.made.windows
            case "place":
                return self.categories(self.made.places.list)
            case "class of drugs":
                therapy = self.made.therapy
                return {*self.categories(therapy.drugs.list), *therapy.courses.categories}
            case "code system" | "stage group":
                return STAGE_GROUPS if kind == "stage group" else set(self.terminology.systems.values())
            case _:
                return self.categories(part.status_list if kind == "status" else part.list)

    def categories(self, name: str) -> Mapping[str, str]:
        """Return the categories of a list; none of a list that does not exist, which is a fault of its own."""
        code_list = self.terminology.lists.get(name)
        return {} if code_list is None else code_list.categories


def _names(value: Any, metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the kind and the name of each reference in the value of a field."""
    if (kind := metadata.get("reference")) is not None:
        yield from ((kind, name) for name in ([value] if isinstance(value, str) else value))
    if kind := metadata.get("values"):
        for names in value.values():
            yield from ((kind, name) for name in ([names] if isinstance(names, str) else names))


def _template_faults(text: str, names: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with a sentence that has places for names."""
    try:
        places = [place for _, place, _, _ in Formatter().parse(text) if place is not None]
    except ValueError:
        yield "a brace stands alone"
        return
    yield from (f"nothing fills {{{place}}}" for place in places if place not in names)


def _source_faults(source: Source, fact: Fact, terminology: Terminology) -> Iterator[Fault]:
    """Yield what the fact forbids: a resolver of another kind of fact, a value that it does not have."""
    if not isinstance(fact, KINDS[type(source)]):
        yield "", "this resolver states no fact of this kind"
        return
    yield from ((f"/{at}", f"no such value: {value}") for at, value in source.values() if not _is_value(fact, value))
    if isinstance(fact, Number) and any(not fact.minimum <= bound <= fact.maximum for bound in _bounds(source)):
        yield "", "it may state a number beyond the bounds of the fact"
    if isinstance(source, extraction.Quantity | extraction.Threshold):
        yield from _measured_faults(source)
    if isinstance(source, extraction.AnyOf) and source.valid is not None and not source.stale:
        yield "/stale", "what is said of a claim that is too old?"
    if isinstance(source, extraction.Newest | extraction.AnyOf):
        for index, claim in enumerate(source.claims):
            if bool(claim.gives) == (claim.value is not None):
                yield f"/claims/{index}", "a claim gives a value by its code (gives) or by its value (value)"
    if isinstance(source, extraction.Response) and isinstance(fact, Record):
        yield from _response_faults(source, fact)
    if isinstance(source, extraction.FindingsSource) and isinstance(fact, Findings):
        yield from _findings_faults(source, fact, terminology)


def _measured_faults(source: extraction.Quantity | extraction.Threshold) -> Iterator[Fault]:
    units = (unit for unit in source.units if unit != fold_unit(unit))
    yield from (("/units", f"a unit is written in lower case and without spaces: {unit}") for unit in units)
    if not isinstance(source, extraction.Threshold):
        return
    if (source.drug is None) != (source.given is None):
        yield "/drug", "drug and given stand together"
    if not source.least <= source.at_least <= source.greatest:
        yield "/at_least", "it is beyond what a person can have (least, greatest)"
    if source.diagnoses and not (source.diagnosed and source.why_diagnosed):
        yield "/diagnoses", "how long does a diagnosis hold (diagnosed), and what is said of it (why_diagnosed)?"


def _response_faults(source: extraction.Response, fact: Record) -> Iterator[Fault]:
    for name in (source.member, source.dated):
        if name not in fact.members:
            yield "", f"the fact has no part {name}"
    values = [*(("/gives", value) for value in source.gives.values()), ("/progression", source.progression)]
    member = fact.members.get(source.member)
    yield from ((at, f"no such value: {value}") for at, value in values if not _is_value(member, value))
    for index, part in enumerate(source.parts):
        if part.member and part.member not in fact.members:
            yield f"/parts/{index}/member", f"the fact has no part {part.member}"
        for value in part.gives.values():
            if not _is_value(fact.members.get(part.member or source.member), value):
                yield f"/parts/{index}/gives", f"no such value: {value}"
    if source.parts and not _is_value(member, source.complete):
        yield "/complete", f"no such value: {source.complete}"


def _bounds(source: Source) -> Iterator[float]:
    """Yield the least and greatest numbers that a source may state."""
    match source:
        case extraction.Quantity():
            yield from (source.least, source.greatest)
        case extraction.Person():
            yield source.oldest
        case extraction.Newest():
            for claim in source.claims:
                yield from claim.value.integer if claim.value is not None else ()
        case _:
            pass


def _site_faults(made: Extraction, source: Source, fact: Fact, terminology: Terminology) -> Iterator[Fault]:
    """Yield the sites that the code lists or places of another fact state and this one does not have."""
    status = made.facts.get(source.of) if isinstance(source, extraction.Sites) else None
    if isinstance(status, extraction.Strongest):
        listed = terminology.lists.get(status.secondaries.list)
        sites = {concept.site for concept in listed.codes if concept.site} if listed is not None else set()
        sites.update(status.sites.places)
        yield from (("", f"no such site: {site}") for site in sorted(sites) if not _is_value(fact, site))


def _findings_faults(source: extraction.FindingsSource, fact: Findings, terminology: Terminology) -> Iterator[Fault]:
    listed = terminology.lists.get(source.list)
    for concept in () if listed is None else listed.codes:
        if concept.proof is None:
            yield "/list", f"{source.list}: the code {concept.code} does not say how far it goes (proof)"
        elif concept.category not in fact.findings and concept.proof != HINT:
            yield "/list", f"{source.list}: {concept.category} is no finding, so {concept.code} can only be a hint"
    if source.grading not in terminology.systems.values():
        yield "/grading", f"no such code system: {source.grading}"
    presence = terminology.lists.get(source.presence)
    if presence is not None and {*presence.categories} != {"present", "absent"}:
        yield "/presence", f"{source.presence}: its categories must be present and absent"
    yield from (
        ("/emergencies", f"no such finding: {name}") for name in source.emergencies if name not in fact.findings
    )
    for index, anywhere in enumerate(source.anywhere):
        for name in (anywhere.finding, *anywhere.sources):
            if name not in fact.findings:
                yield f"/anywhere/{index}", f"no such finding: {name}"


def _is_value(fact: Fact | None, value: str) -> bool:
    """Return whether a fact may have a value, written as content writes it."""
    match fact:
        case Choice() | Members():
            return value in fact.words
        case Flag():
            return value in {"true", "false"}
        case Number():
            return value.isdecimal() and fact.minimum <= int(value) <= fact.maximum
        case _:
            return False


def _fact(vocabulary: Vocabulary, path: str) -> Fact | None:
    return vocabulary.facts.get(path) or vocabulary.single_facts.get(path)
