"""Make CDS Hooks cards: a summary, detail in Markdown, orders to take over, reasons to override."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from service.advice.decision import effects, wording_point
from service.advice.question import Answer
from service.advice.recommendation import OfferedOption
from service.cds_hooks.card_uuid import UNCERTAIN, CardUuids
from service.cds_hooks.detail import RecordReading, advice_detail, cards_of, value_at
from service.cds_hooks.orders import Draft
from service.engine.compile import Point
from service.knowledge.cards import (
    MAX_SUMMARY_CHARACTERS,
    CardCoding,
    Cards,
    Notice,
    OrderText,
    SuggestionText,
    SummaryText,
)
from service.knowledge.guideline import Guideline, holds
from service.knowledge.model import TIMINGS, Effect, Modifier


@dataclass(frozen=True)
class CardTarget:
    """The call that a card answers: its service and patient, and the base of absolute links."""

    public_url: str
    has_pages: bool
    service: str
    patient: str


@dataclass(frozen=True)
class Remark:
    """A remark about a draft order. `differs`: the draft contradicts the advice."""

    text: str
    differs: bool


class CardContext:
    """An answer with the values that several parts of its card read."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.advice = answer.advice
        self.lead = answer.advice.lead
        self.cards = cards_of(answer.advice.guideline)

    @cached_property
    def effects(self) -> list[tuple[Modifier, Effect]]:
        """Return what the modifiers of this patient do under the leading rule."""
        return effects(self.advice.decision)

    @cached_property
    def point(self) -> Point:
        """Return all features, with those that only sentences read: the trigger, modifiers, removed kinds."""
        return wording_point(self.advice.decision, self.effects)

    @cached_property
    def heading(self) -> str:
        """Return the title of the rule, or the heading that replaces it."""
        return next((heading.text for heading in self.cards.headings if self.fits(heading)), self.lead.rule.title)

    def fits(self, text: SummaryText | SuggestionText | OrderText) -> bool:
        """Return whether a text is for the leading rule and for this patient."""
        return self.lead.rule.id in text.rules and holds(text.when, self.point)


def advice_card(
    answer: Answer, reading: RecordReading, drafts: Sequence[Draft], target: CardTarget, uuids: CardUuids
) -> dict[str, Any]:
    """Return the card of an answer."""
    context = CardContext(answer)
    guideline, cards, lead = context.advice.guideline, context.cards, context.lead
    remarks = [_remark(context, draft) for draft in drafts]
    differs = any(remark.differs for remark in remarks) and not context.advice.decision.emergency
    indicator = cards.indicators[lead.urgency]
    suggestions = list(_suggestions(context, target, uuids))
    notices = _notices(context, reading, drafts)
    card = {
        "uuid": uuids.make(guideline, lead.rule.id, target.service),
        "summary": _summary(context, differs=differs),
        "indicator": "warning" if differs and indicator == "info" else indicator,
        "detail": advice_detail(answer, reading, [remark.text for remark in remarks], notices),
        "source": _source(guideline, target),
        "suggestions": suggestions,
        "selectionBehavior": "any",
        "overrideReasons": _override_reasons(cards),
        "links": [_link(context, target)],
    }
    if not suggestions:
        del card["suggestions"], card["selectionBehavior"]
    return card


def uncertain_card(
    guideline: Guideline, reading: RecordReading, target: CardTarget, uuids: CardUuids
) -> dict[str, Any]:
    """Return the card that asks whether the patient belongs to the guideline at all."""
    cards = cards_of(guideline)
    return {
        "uuid": uuids.make(guideline, UNCERTAIN, target.service),
        "summary": cards.uncertain.summary,
        "indicator": "info",
        "detail": "\n\n".join((cards.uncertain.text, *reading.sections(guideline))),
        "source": _source(guideline, target),
        "overrideReasons": _override_reasons(cards),
    }


def _remark(context: CardContext, draft: Draft) -> Remark:
    """Return the remark about a draft order. If it does not differ, all reservations that fit are added."""
    cards, title, offered = context.cards, draft.kind.title, _offered_options(context, draft.kind.id)
    certainties = {"text_only": draft.has_code, "site_unstated": draft.has_site}
    doubts = [cards.words[name] for name, is_certain in certainties.items() if not is_certain]
    reasons = _removal_reasons(context, draft.kind.id)
    for text in cards.orders.texts:
        option = next((option for option in offered if option.id in text.options), None)
        if not _fits_draft(text, context, draft) or (option is None and text.options):
            continue
        option_text = "" if option is None else _option_text(context, option)
        parts = [text.text.format(drafted=title, option=option_text)]
        if reasons:
            removed = cards.orders.removed.format(drafted=title, because="; ".join(reasons))
            return Remark(" ".join((removed, *(parts if text.differs else ()), *doubts)), differs=True)
        if not text.differs:
            parts += [other.text for other in cards.orders.reservations if _fits_draft(other, context, draft)]
        if option is not None and not text.differs and context.advice.must_check:
            checks = "; ".join(check.removesuffix(".") for check in context.advice.must_check)
            parts.append(cards.words["check_first"].format(checks=checks))
        return Remark(" ".join((*parts, *doubts)), text.differs)
    raise ValueError("the content does not load without a text for every rule and kind")


def _removal_reasons(context: CardContext, kind: str) -> list[str]:
    """Return why a kind of treatment is no option for this patient, whether or not the rule would offer it.

    A guideline that does not apply removes nothing.
    """
    if context.lead.rule.direction == "not_applicable":
        return []
    return list(dict.fromkeys(modifier.title for modifier, effect in context.effects if kind in effect.remove))


def _fits_draft(text: OrderText, context: CardContext, draft: Draft) -> bool:
    return (not text.kinds or draft.kind.id in text.kinds) and context.fits(text)


def _offered_options(context: CardContext, kind: str) -> list[OfferedOption]:
    """Return the options of a kind in the first recommendation that has any."""
    content = context.advice.guideline.options
    for recommendation in context.advice.recommendations:
        listed = (option for option in recommendation.options if content[option.id].kind == kind)
        if options := [option for option in listed if not content[option.id].advised_against]:
            return options
    return []


def _option_text(context: CardContext, option: OfferedOption) -> str:
    content = context.advice.guideline.options[option.id]
    notes = [*([TIMINGS[content.timing]] if content.timing else []), *([option.note] if option.note else [])]
    return f"{content.text} ({'; '.join(notes)})" if notes else content.text


def _summary(context: CardContext, *, differs: bool) -> str:
    """Return the whole heading, with the removed kinds, the cautions and the missing fact that still have room."""
    words = context.cards.words
    summary = f"{words['differs']}: {context.heading}" if differs else context.heading
    kinds = ", ".join(removed.kind.replace("_", " ") for removed in context.lead.removed)
    sentences = [f"{words['limits']}: {kinds}."] if kinds else []
    sentences += [caution.text for caution in context.cards.cautions if context.fits(caution)]
    if context.cards.not_known is not None and (missing := context.advice.most_wanted) is not None:
        sentences.append(context.cards.not_known.format(fact=context.advice.wordings.words.spoken(missing.fact)))
    for sentence in sentences:
        longer = f"{summary.removesuffix('.')}. {sentence}"
        if len(longer) <= MAX_SUMMARY_CHARACTERS:
            summary = longer
    return summary


def _notices(context: CardContext, reading: RecordReading, drafts: Sequence[Draft]) -> list[str]:
    """Return the checks before a treatment that is advised or drafted."""
    if not drafts and not any(_offered_options(context, kind.id) for kind in context.cards.orders.kinds):
        return []
    facts = reading.extraction.facts
    return [
        notice.text
        for notice in context.cards.notices
        if _is_within_limit(notice, facts) and holds(notice.when, context.point)
    ]


def _is_within_limit(notice: Notice, facts: Mapping[str, Any]) -> bool:
    if notice.fact is None or notice.at_most is None:
        return True
    value = value_at(facts, notice.fact)
    return value is None or value <= notice.at_most


def _source(guideline: Guideline, target: CardTarget) -> dict[str, Any]:
    source = cards_of(guideline).source
    url = f"{target.public_url}/v1/guidelines/{guideline.release.id}"
    return {"label": source.label, "url": url, "topic": _coding(source.topic)}


def _link(context: CardContext, target: CardTarget) -> dict[str, Any]:
    decision_id = context.answer.decision_id
    path = f"/decisions/{decision_id}" if target.has_pages else f"/v1/recommendations/{decision_id}"
    return {"label": context.cards.words["link"], "url": f"{target.public_url}{path}", "type": "absolute"}


def _override_reasons(cards: Cards) -> list[dict[str, str]]:
    reasons = cards.override_reasons
    return [{"code": code, "system": reasons.system, "display": display} for code, display in reasons.codes.items()]


def _suggestions(context: CardContext, target: CardTarget, uuids: CardUuids) -> Iterator[dict[str, Any]]:
    guideline, lead, offered = context.advice.guideline, context.lead, {option.id for option in context.lead.options}
    for index, suggestion in enumerate(context.cards.suggestions):
        if suggestion.options and offered.isdisjoint(suggestion.options):
            continue
        if context.fits(suggestion):
            yield {
                "label": suggestion.label,
                "uuid": uuids.make(guideline, lead.rule.id, target.service, index),
                "actions": [
                    {
                        "type": "create",
                        "description": suggestion.description,
                        "resource": _order(suggestion, context.heading, target.patient),
                    }
                ],
            }


def _order(suggestion: SuggestionText, reason: str, patient: str) -> dict[str, Any]:
    """Return a draft ServiceRequest of FHIR R4 with the intent `proposal`."""
    code: dict[str, Any] = {"text": suggestion.order}
    if suggestion.coding is not None:
        code["coding"] = [_coding(suggestion.coding)]
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "priority": suggestion.priority,
        "code": code,
        "subject": {"reference": f"Patient/{patient}"},
        "reasonCode": [{"text": reason}],
    }


def _coding(coding: CardCoding) -> dict[str, str]:
    return {"system": coding.system, "code": coding.code, "display": coding.display}
