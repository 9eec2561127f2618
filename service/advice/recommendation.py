"""One recommendation: the rule's sentence for this patient, graded, with its options and sources."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeAlias

from service.advice.decision import Decision, effects, wording_point
from service.engine.compile import Point
from service.engine.vocabulary import UNKNOWN
from service.knowledge.guideline import Guideline, holds
from service.knowledge.model import (
    CERTAINTIES,
    DOMAINS,
    NAMINGS,
    URGENCIES,
    Addition,
    Boxes,
    Change,
    Check,
    Cited,
    Effect,
    Grading,
    Modifier,
    Offer,
    Option,
    Prefix,
    Reason,
    Rule,
    Wording,
)
from service.knowledge.sentences import MISSING, filled

NONE = "none"
NOT_NAMED = "what is missing"
"""What sentences say for the missing fact where everything that the rule asks for is known."""
SAFETY_ONLY = ("safety",)
Applied: TypeAlias = list[tuple[Modifier, Effect]]
"""What modifiers do here, each effect with its modifier."""
UNSOURCED = "safety proposal, awaiting sign-off"
"""How a statement that no read source supports is labelled (GUIDELINE E2.1)."""


@dataclass(frozen=True)
class OfferedOption:
    """An option as it stands for this patient; `note` is what a modifier says of it."""

    id: str
    note: str | None


@dataclass(frozen=True)
class Removed:
    """A kind of option that would stand here but for what is known of this patient."""

    kind: str
    because: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Recommendation:
    """What is recommended, on what grounds, how strongly and how soon. Compared by identity: see wordings.py."""

    rule: Rule
    statement: str
    label: str | None
    certainty: str
    certainty_reasons: tuple[Reason, ...]
    urgency: str
    time_critical: bool
    provenance: tuple[str, ...]
    options: tuple[OfferedOption, ...]
    removed: tuple[Removed, ...]
    citations: tuple[Cited, ...]
    must_check: tuple[str, ...]
    what_would_change: tuple[Change, ...]
    warnings: tuple[str, ...]
    decision_aid: bool
    key_message: str
    acting: frozenset[str]
    """Ids of the modifiers that do something here."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an answer would become, in short. Compared by identity: see wordings.py."""

    rule: Rule
    statement: str
    certainty: str
    urgency: str
    citations: tuple[Cited, ...]


@dataclass(frozen=True)
class _OptionsLeft:
    """The options at a point: ids and kinds of those that are left, and the kinds that were removed."""

    point: Point
    offered: Sequence[str]
    kinds: AbstractSet[str]
    removed: Sequence[str]

    def acting(self, applied: Applied, sayings: Iterable[Boxes], *, is_graded: bool) -> frozenset[str]:
        """Return the ids of the modifiers that a reader of the recommendation sees something of."""
        named = {name for when in sayings for box in when for name, values in box.items() if "false" not in values}
        visible = {name.removeprefix("modifier.") for name in named if name.startswith("modifier.")}
        visible |= {modifier.id for modifier, effect in applied if self._is_visible(effect, is_graded=is_graded)}
        return frozenset(visible)

    def _is_visible(self, effect: Effect, *, is_graded: bool) -> bool:
        words = (effect.note, effect.prefix, effect.adds, effect.ends, effect.message, effect.warning)
        moves = (*effect.offer_first, *effect.offer_second, effect.urgency_at_least, effect.decision_aid)
        due = _due((*effect.must_check, *effect.must_check_first), self.point)
        lowers = bool(effect.lowers_certainty) and is_graded
        marks = not self.kinds.isdisjoint(effect.mark) or not set(self.removed).isdisjoint(effect.remove)
        return lowers or marks or any((*words, *moves, *due))


@dataclass(frozen=True)
class _Worded:
    """What a rule says at a point and how sure it is; what only a whole recommendation tells is made of it."""

    point: Point
    applied: Applied
    fitting: Sequence[Wording]
    additions: Sequence[Addition]
    prefixes: Sequence[Prefix]
    grading: Grading
    slots: Mapping[str, str]
    choice: _OptionsLeft | None
    """None where no effect depends on what is left."""
    statement: str
    certainty: str
    lowered: tuple[Reason, ...]
    urgency: str
    citations: tuple[Cited, ...]

    @property
    def chosen(self) -> Wording | None:
        """The sentence in the place of the rule's own."""
        return next(iter(self.fitting), None)


def _word(decision: Decision, spoken_name: Callable[[str], str], missing: str | None) -> _Worded:
    rule, applied = decision.rule, effects(decision)
    point = wording_point(decision, applied)
    fitting = [wording for wording in rule.statements if holds(wording.when, point)]
    additions = [addition for addition in rule.additions if holds(addition.when, point)]
    grading = next((grade for grade in rule.grades if holds(grade.when, point)), Grading(when=()))
    chosen = fitting[0] if fitting else None

    slots = {table.table.name: point[table.table.name] for table in decision.guideline.wording.tables}
    if rule.id in decision.guideline.named_missing:
        fact = missing or first_unknown(decision)
        slots[MISSING] = NOT_NAMED if fact is None else spoken_name(fact)
    texts = {slot.id: next(text.text for text in slot.texts if holds(text.when, point)) for slot in rule.slots}
    slots |= {name: filled(text, slots) for name, text in texts.items()}
    sentence = rule.statement if chosen is None else chosen.statement.replace("{rule}", _open(rule.statement))
    sentence = filled(sentence, slots)
    for addition in additions:
        sentence = _open(sentence) + filled(addition.append, slots)
    choice = None
    if any(effect.offered for _, effect in applied):
        choice = _choice(decision, point, chosen, additions, applied)
        applied = [
            (owner, effect) for owner, effect in applied if not effect.offered or choice.kinds & {*effect.offered}
        ]
    cited = (chosen.citations if chosen is not None else ()) or grading.citations or rule.citations
    certainty, lowered = _lowered(grading.certainty or rule.certainty, applied)
    urgency = min(
        (grading.urgency or rule.urgency, *(e.urgency_at_least for _, e in applied if e.urgency_at_least)),
        key=URGENCIES.index,
    )
    prefixes = _prefixes(decision, point | {"urgency": urgency})
    before = "".join(dict.fromkeys(filled(prefix.text, slots) for prefix in prefixes))
    return _Worded(
        point=point,
        applied=applied,
        fitting=fitting,
        additions=additions,
        prefixes=prefixes,
        grading=grading,
        slots=slots,
        choice=choice,
        statement=before + filled(_modified(sentence, applied), slots),
        certainty=certainty,
        lowered=lowered,
        urgency=urgency,
        citations=_cited(cited, applied),
    )


def outcome(decision: Decision, spoken_name: Callable[[str], str]) -> Outcome:
    """Word and grade the rule that holds, in short."""
    worded = _word(decision, spoken_name, None)
    return Outcome(decision.rule, worded.statement, worded.certainty, worded.urgency, worded.citations)


def recommend(decision: Decision, spoken_name: Callable[[str], str], missing: str | None = None) -> Recommendation:
    """Word and grade the rule that holds.

    `missing`: the fact that its sentences name as not known; without it the first one that it asks for.
    """
    rule, worded = decision.rule, _word(decision, spoken_name, missing)
    point, applied, grading, slots = worded.point, worded.applied, worded.grading, worded.slots
    fitting, additions, chosen = worded.fitting, worded.additions, worded.chosen
    choice = worded.choice or _choice(decision, point, chosen, additions, applied)
    marks = {kind: mark for _, effect in applied for kind, mark in effect.mark.items()}
    checks = [
        *(item for _, effect in applied for item in effect.must_check_first),
        *rule.must_check,
        *(item for wording in fitting for item in wording.must_check),
        *(item for addition in additions for item in addition.must_check),
        *(item for _, effect in applied for item in effect.must_check),
    ]
    provenance = grading.provenance or rule.provenance
    spoken: tuple[Wording | Addition | Prefix, ...] = (*fitting[:1], *additions, *worded.prefixes)
    message = (chosen.key_message if chosen is not None else None) or rule.key_message
    return Recommendation(
        rule=rule,
        statement=worded.statement,
        label=(chosen.label if chosen is not None else None) or (UNSOURCED if provenance == SAFETY_ONLY else None),
        certainty=worded.certainty,
        certainty_reasons=(*(grading.certainty_reasons or rule.certainty_reasons), *worded.lowered),
        urgency=worded.urgency,
        time_critical=rule.time_critical if grading.time_critical is None else grading.time_critical,
        provenance=provenance,
        options=tuple(OfferedOption(name, _mark(decision.guideline.options[name], marks)) for name in choice.offered),
        removed=tuple(
            Removed(kind, tuple(dict.fromkeys(m.title for m, effect in applied if kind in effect.remove)))
            for kind in choice.removed
        ),
        citations=worded.citations,
        must_check=tuple(dict.fromkeys(filled(item.text, slots) for item in _due(checks, point))),
        what_would_change=tuple(change for change in rule.what_would_change if holds(change.when, point)),
        warnings=tuple(effect.warning for _, effect in applied if effect.warning),
        decision_aid=rule.decision_aid or any(effect.decision_aid for _, effect in applied),
        key_message=filled(" ".join((message, *(e.message for _, e in applied if e.message))), slots),
        acting=choice.acting(applied, [part.when for part in spoken], is_graded=worded.certainty != NONE),
    )


def first_unknown(decision: Decision) -> str | None:
    """Return the first fact that the rule asks for and that is not stated; for a rule that names it."""
    asked = decision.guideline.named_missing[decision.rule.id]
    return next((fact for fact, feature in asked.items() if decision.point[feature] == UNKNOWN), None)


def _choice(
    decision: Decision, point: Point, chosen: Wording | None, additions: Sequence[Addition], applied: Applied
) -> _OptionsLeft:
    removed = {kind for _, effect in applied for kind in effect.remove}
    removed |= {kind for addition in additions for kind in addition.remove}
    offers = chosen.options if chosen is not None and chosen.options else decision.rule.options
    return _options_left(decision.guideline, point, _moved(_listed(offers, additions, point), applied), removed)


def _prefixes(decision: Decision, point: Point) -> list[Prefix]:
    """Return what stands before the sentence; the point has the urgency as well."""
    return [
        prefix
        for prefix in decision.guideline.prefixes
        if (not prefix.rules or decision.rule.id in prefix.rules) and holds(prefix.when, point)
    ]


def _options_left(guideline: Guideline, point: Point, listed: Sequence[str], removed: AbstractSet[str]) -> _OptionsLeft:
    """Return which of the listed options are left."""
    words = {name: guideline.options[name].removable for name in listed}
    offered = [name for name in listed if removed.isdisjoint(words[name])]
    lost = dict.fromkeys(word for removable in words.values() for word in removable if word in removed)
    return _OptionsLeft(point, offered, {word for name in offered for word in words[name]}, tuple(lost))


def _mark(option: Option, marks: Mapping[str, str]) -> str | None:
    return next((marks[word] for word in option.removable if word in marks), None)


def _listed(options: Sequence[Offer], additions: Sequence[Addition], point: Point) -> list[str]:
    """Return the ids of the options of a sentence, then those of its additions."""
    listed = [offer.id for offer in options if holds(offer.when, point)]
    for offer in (offer for addition in additions for offer in addition.options):
        if offer.id not in listed and holds(offer.when, point):
            listed.append(offer.id)
    return listed


def _moved(listed: list[str], applied: Applied) -> list[str]:
    """Return the options with those that a modifier wants first or second in their place."""
    for place, names in ((0, "offer_first"), (1, "offer_second")):
        moved = list(dict.fromkeys(name for _, effect in applied for name in getattr(effect, names)))
        rest = [name for name in listed if name not in moved]
        listed = [*rest[:place], *moved, *rest[place:]]
    return listed


def _due(checks: Iterable[Check], point: Point) -> Iterator[Check]:
    return (item for item in checks if holds(item.when, point))


def _open(sentence: str) -> str:
    """The sentence without its final full stop, ready for more words."""
    return sentence.removesuffix(".")


def _modified(sentence: str, applied: list[tuple[Modifier, Effect]]) -> str:
    """First what is added, then what ends the sentence, then what stands before it; each words once."""
    additions = dict.fromkeys(effect.adds for _, effect in applied if effect.adds)
    endings = dict.fromkeys(effect.ends for _, effect in applied if effect.ends)
    for words in (*additions, *endings):
        sentence = _open(sentence) + words
    return "".join((*dict.fromkeys(effect.prefix for _, effect in applied if effect.prefix), sentence))


def _lowered(certainty: str, applied: list[tuple[Modifier, Effect]]) -> tuple[str, tuple[Reason, ...]]:
    """Down one level for each group of reasons, however many modifiers stand in it; never below very_low."""
    if certainty == NONE:
        return certainty, ()
    groups: dict[str, list[str]] = {}
    for modifier, effect in applied:
        if effect.lowers_certainty:
            groups.setdefault(effect.lowers_certainty, []).append(modifier.title)
    level = min(CERTAINTIES.index(certainty) + len(groups), len(CERTAINTIES) - 1)
    reasons = tuple(
        Reason(
            domain=group if group in DOMAINS else "other",
            text=f"One level down for this patient ({group.replace('_', ' ')}): {'; '.join(titles)}.",
        )
        for group, titles in groups.items()
    )
    return CERTAINTIES[level], reasons


def _cited(cited: tuple[Cited, ...], applied: list[tuple[Modifier, Effect]]) -> tuple[Cited, ...]:
    first = [name for _, effect in applied for name in effect.cite_first]
    ordered = sorted(cited, key=lambda item: first.index(item.id) if item.id in first else len(first))
    added = [item for _, effect in applied for item in effect.citations]
    return tuple({(item.id, item.supports): item for item in (*ordered, *added)}.values())


@dataclass(frozen=True)
class ModifierNotes:
    """A modifier that holds, with what it says; several that say the same stand together under the first's id."""

    id: str
    title: str
    notes: tuple[str, ...]


def modifier_notes(decision: Decision, given: Sequence[Recommendation]) -> list[ModifierNotes]:
    """Return the modifiers that hold with their notes: all, or those that do something in what is recommended."""
    applied = effects(decision)
    entries = [
        ModifierNotes(
            modifier.id,
            modifier.title,
            tuple(effect.note for owner, effect in applied if owner is modifier and effect.note),
        )
        for modifier in decision.modifiers
        if modifier.when != ({},)
    ]
    acting = frozenset[str]().union(*(item.acting for item in given))
    lists_all = decision.guideline.lists_all_modifiers
    namings = {modifier.id: modifier.named or NAMINGS[0 if lists_all else 1] for modifier in decision.modifiers}
    named = [entry for entry in entries if namings[entry.id] == NAMINGS[0] or entry.id in acting]
    return named if lists_all else _together(named)


def _together(entries: list[ModifierNotes]) -> list[ModifierNotes]:
    """Return the entries with each note that several have said once, under all their titles."""
    titles: dict[str, list[str]] = {}
    for note, title in ((note, entry.title) for entry in entries for note in entry.notes):
        titles.setdefault(note, []).append(title)
    shared = {note: "; ".join(names) for note, names in titles.items() if len(names) > 1}
    made = []
    for entry in entries:
        own = tuple(note for note in entry.notes if len(titles[note]) == 1)
        if own or not entry.notes:
            made.append(ModifierNotes(entry.id, entry.title, own))
        made += [ModifierNotes(entry.id, shared.pop(note), (note,)) for note in entry.notes if note in shared]
    return made
