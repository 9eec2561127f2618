"""Slots in sentences: {x} stands for the value of the wording table x."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import is_dataclass, replace

from service.knowledge.model import Check, Modifier, Prefix, Rule, Slot, SlotText

SLOT = re.compile(r"\{([a-z_0-9]+)\}")
RULE = "rule"
"""In the sentences of a rule: the rule's own sentence."""
MISSING = "missing"
"""In the sentences of a rule: the first fact that it asks for and that is not known."""
SPOKEN = ("statement", "append", "key_message", "prefix", "adds", "ends", "message")
"""Members whose slots are filled."""


def filled(sentence: str, values: Mapping[str, str]) -> str:
    """Return the sentence with the value of each wording table that it names."""
    if "{" not in sentence:
        return sentence
    return SLOT.sub(lambda match: values.get(match[1], match[0]), sentence)


def slots_in(part: object) -> Iterator[str]:
    """Yield the name of every slot in the spoken members of a part of the content, and of the parts inside it."""
    if isinstance(part, tuple):
        for item in part:
            yield from slots_in(item)
    elif is_dataclass(part) and not isinstance(part, type):
        for name, value in vars(part).items():
            if isinstance(value, str) and (name in SPOKEN or _is_said(part, name)):
                yield from SLOT.findall(value)
            elif isinstance(value, tuple):
                yield from slots_in(value)


def names_missing(rule: Rule) -> bool:
    """Return whether a sentence of the rule names the fact that is not known."""
    return MISSING in slots_in(rule)


def _is_said(part: object, member: str) -> bool:
    return member == "text" and isinstance(part, Check | Prefix | SlotText)


def slot_faults(
    rules: Iterable[Rule], prefixes: Iterable[Prefix], modifiers: Iterable[Modifier], slots: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Yield file, path and detail of each slot that no wording table fills."""
    parts: list[tuple[str, str, object]] = [(f"rules/{rule.id}.yaml", "", rule) for rule in rules]
    parts += [("modifiers.yaml", f"/prefixes/{prefix.name}", prefix) for prefix in prefixes]
    parts += [("modifiers.yaml", f"/{modifier.id}", modifier) for modifier in modifiers]
    for file, path, part in parts:
        own = {RULE, MISSING, *(slot.id for slot in part.slots)} if isinstance(part, Rule) else set()
        for name in dict.fromkeys(slots_in(part)):
            if name not in slots and name not in own:
                yield file, path, f"no wording table fills {{{name}}}"
    for rule in rules:
        if names_missing(rule) and not rule.asks:
            yield (
                f"rules/{rule.id}.yaml",
                "/asks",
                "{missing} names a fact that the rule asks for, and it asks for none",
            )
        named = set(slots_in(replace(rule, slots=())))
        for slot in rule.slots:
            if detail := _fault_of(slot, named, slots):
                yield f"rules/{rule.id}.yaml", f"/slots/{slot.id}", detail


def _fault_of(slot: Slot, named: Collection[str], tables: Collection[str]) -> str | None:
    """Return the fault of a slot: its name, a text that no patient gets, or patients without a text."""
    if not SLOT.fullmatch(f"{{{slot.id}}}") or slot.id in {RULE, MISSING}:
        return "a slot is named in small letters, digits and underscores, and neither `rule` nor `missing`"
    if slot.id in tables:
        return "a wording table has this name"
    if slot.id not in named:
        return f"no sentence of the rule has {{{slot.id}}}"
    everywhere = [{} in text.when for text in slot.texts]
    if True not in everywhere:
        return "the last text holds for all patients: `when: {}`"
    return None if everywhere.index(True) == len(everywhere) - 1 else "nobody reads what stands after `when: {}`"
