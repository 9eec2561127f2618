"""What another loaded guideline, or a newer release, says of a fact that this one refuses."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.advice.question import Questioner, Refused, gravest
from service.advice.registry import GuidelineRegistry
from service.facts.json_body import Json
from service.facts.refusal import Fault
from service.facts.schema import UNKNOWN_MEMBER, UNKNOWN_VALUE
from service.knowledge.vocabulary import Vocabulary


def with_hints(
    registry: GuidelineRegistry, questioner: Questioner, tree: Json, refused: Refused, today: dt.date
) -> Refused:
    """Return a refusal that names who knows its unknown facts and findings, and says whether they are urgent there."""
    others = list(_others(registry, questioner))
    faults, knowing = [], dict[tuple[str, str], Questioner]()
    for fault in refused.faults:
        found = [other for other in others if _knows(other.guideline.vocabulary, fault, tree)]
        knowing |= {other.guideline.key: other for other in found}
        hints = (_hint(other, questioner) for other in found)
        faults.append(replace(fault, detail=" ".join((fault.detail, *hints))))
    urgent = refused.urgent or gravest(other.urgent_in(tree, today) for other in knowing.values())
    return Refused(tuple(faults), urgent)


def _others(registry: GuidelineRegistry, questioner: Questioner) -> Iterator[Questioner]:
    """Yield the newest release of each guideline, its own first, but for the one that refuses."""
    newest = registry.newest_of_each(questioner.guideline.release.id)
    return (other for other in newest if other is not questioner)


def _hint(other: Questioner, questioner: Questioner) -> str:
    name, release = other.guideline.key
    if name == questioner.guideline.release.id:
        return f"Release {release} of this guideline knows it."
    return f"The guideline {name} knows it: /v1/guidelines/{name}/recommendations."


def _knows(vocabulary: Vocabulary, fault: Fault, tree: Json) -> bool:
    """Return whether a vocabulary has the fact or finding that a fault is about."""
    path = [part.replace("~1", "/").replace("~0", "~") for part in fault.pointer.split("/")[1:]]
    findings = {} if vocabulary.findings is None else vocabulary.findings.findings
    if fault.code == UNKNOWN_MEMBER and path:
        name = ".".join(path)
        return name in vocabulary.facts or name in vocabulary.single_facts or path[-1] in findings
    word = _value_at(tree, path) if fault.code == UNKNOWN_VALUE else None
    return isinstance(word, str) and word in findings


def _value_at(tree: Json, path: Sequence[str]) -> Json:
    """Return the value at a path of keys and indices; None where the tree has none."""
    for part in path:
        if isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        elif isinstance(tree, dict):
            tree = tree.get(part)
        else:
            return None
    return tree
