"""One recommendation: the rule's sentence for this patient, graded, with its options and sources."""

from dataclasses import dataclass

from service.advice.decision import Decision, effects, wording_point
from service.knowledge.guideline import holds
from service.knowledge.model import CERTAINTIES, DOMAINS, Cited, Effect, Grading, Modifier, Reason, Rule

NONE = "none"
SAFETY_ONLY = ("safety",)
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
    provenance: tuple[str, ...]
    options: tuple[OfferedOption, ...]
    removed: tuple[Removed, ...]
    citations: tuple[Cited, ...]
    must_check: tuple[str, ...]
    warnings: tuple[str, ...]
    decision_aid: bool
    key_message: str


def recommend(decision: Decision) -> Recommendation:
    """Word and grade the rule that holds."""
    rule, applied = decision.rule, effects(decision)
    point = wording_point(decision, applied)
    fitting = [wording for wording in rule.statements if holds(wording.when, point)]
    additions = [addition for addition in rule.additions if holds(addition.when, point)]
    grading = next((grade for grade in rule.grades if holds(grade.when, point)), Grading(when=()))
    chosen = fitting[0] if fitting else None

    sentence = rule.statement if chosen is None else chosen.statement.replace("{rule}", _open(rule.statement))
    for addition in additions:
        sentence = _open(sentence) + addition.append
    removed = {kind for _, effect in applied for kind in effect.remove}
    removed |= {kind for addition in additions for kind in addition.remove}
    marks = {kind: mark for _, effect in applied for kind, mark in effect.mark.items()}
    options = decision.guideline.options
    offered = list(chosen.options if chosen is not None and chosen.options else rule.options)
    offered += [name for addition in additions for name in addition.options if name not in offered]
    checks = [
        *(item for _, effect in applied for item in effect.must_check_first),
        *rule.must_check,
        *(item for wording in fitting for item in wording.must_check),
        *(item for addition in additions for item in addition.must_check),
        *(item for _, effect in applied for item in effect.must_check),
    ]
    cited = (chosen.citations if chosen is not None else ()) or grading.citations or rule.citations
    provenance = grading.provenance or rule.provenance
    certainty, lowered = _lowered(grading.certainty or rule.certainty, applied)
    return Recommendation(
        rule=rule,
        statement=_modified(sentence, applied),
        label=(chosen.label if chosen is not None else None) or (UNSOURCED if provenance == SAFETY_ONLY else None),
        certainty=certainty,
        certainty_reasons=(*(grading.certainty_reasons or rule.certainty_reasons), *lowered),
        urgency=grading.urgency or rule.urgency,
        provenance=provenance,
        options=tuple(
            OfferedOption(name, marks.get(options[name].kind)) for name in offered if options[name].kind not in removed
        ),
        removed=tuple(
            Removed(kind, tuple(dict.fromkeys(m.title for m, effect in applied if kind in effect.remove)))
            for kind in dict.fromkeys(options[name].kind for name in offered if options[name].kind in removed)
        ),
        citations=_cited(cited, applied),
        must_check=tuple(dict.fromkeys(checks)),
        warnings=tuple(effect.warning for _, effect in applied if effect.warning),
        decision_aid=rule.decision_aid or any(effect.decision_aid for _, effect in applied),
        key_message=" ".join((rule.key_message, *(effect.message for _, effect in applied if effect.message))),
    )


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


def notes(decision: Decision) -> list[tuple[Modifier, list[str]]]:
    """Each modifier that holds, with its notes under this rule; one that does nothing here is named all the same."""
    told = effects(decision)
    return [
        (modifier, [effect.note for owner, effect in told if owner is modifier and effect.note])
        for modifier in decision.modifiers
        if modifier.when != ({},)
    ]
