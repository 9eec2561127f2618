"""Advice as a CDS Hooks card: one sentence, detail in Markdown, orders to take over, reasons to override."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from service.advice.decision import effects, wording_point
from service.advice.question import Answer
from service.advice.recommendation import OfferedOption
from service.cds_hooks.card_uuid import UNCERTAIN, CardUuids
from service.cds_hooks.detail import Findings, detail, value_at
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
from service.knowledge.model import Effect, Modifier


@dataclass(frozen=True)
class Place:
    """Where a card is shown and what it links to: absolute addresses, the service that was called."""

    public_url: str
    pages: bool
    service: int
    patient: str


@dataclass(frozen=True)
class Remark:
    """What is said about a draft order."""

    text: str
    differs: bool


class Told:
    """An answer as its card tells it. What several parts of the card read is worked out once."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.advice = answer.advice
        self.lead = answer.advice.lead
        self.cards = _cards(answer.advice.guideline)

    @cached_property
    def effects(self) -> list[tuple[Modifier, Effect]]:
        """What the modifiers of this patient do under the rule that leads."""
        return effects(self.advice.decision)

    @cached_property
    def point(self) -> Point:
        """All features, with what sentences may read as well: the trigger, modifiers, removed kinds."""
        return wording_point(self.advice.decision, self.effects)

    @cached_property
    def heading(self) -> str:
        """The title of the rule, or what stands in its place where that would mislead this patient's clinician."""
        return next((each.text for each in self.cards.headings if self.holds(each)), self.lead.rule.title)

    def holds(self, said: SummaryText | SuggestionText | OrderText) -> bool:
        """Whether something is said under this rule to this patient."""
        return self.lead.rule.id in said.rules and holds(said.when, self.point)


def advice_card(
    answer: Answer, findings: Findings, drafts: Sequence[Draft], place: Place, uuids: CardUuids
) -> dict[str, Any]:
    """The card of an answer."""
    told = Told(answer)
    guideline, cards, lead = told.advice.guideline, told.cards, told.lead
    remarks = [_remark(told, draft) for draft in drafts]
    differs = any(each.differs for each in remarks) and not told.advice.decision.emergency
    indicator = cards.indicators[lead.urgency]
    suggestions = list(_suggestions(told, place, uuids))
    card = {
        "uuid": uuids.make(guideline, lead.rule.id, place.service),
        "summary": _summary(told, differs=differs),
        "indicator": "warning" if differs and indicator == "info" else indicator,
        "detail": detail(answer, findings, [each.text for each in remarks], _notices(told, findings, drafts)),
        "source": _source(guideline, place),
        "suggestions": suggestions,
        "selectionBehavior": "any",
        "overrideReasons": _override_reasons(cards),
        "links": [_link(told, place)],
    }
    if not suggestions:
        del card["suggestions"], card["selectionBehavior"]
    return card


def uncertain_card(guideline: Guideline, findings: Findings, place: Place, uuids: CardUuids) -> dict[str, Any]:
    """The card that asks whether the guideline is about this patient at all."""
    cards = _cards(guideline)
    return {
        "uuid": uuids.make(guideline, UNCERTAIN, place.service),
        "summary": cards.uncertain.summary,
        "indicator": "info",
        "detail": "\n\n".join((cards.uncertain.text, *findings.sections(guideline))),
        "source": _source(guideline, place),
        "overrideReasons": _override_reasons(cards),
    }


def _remark(told: Told, draft: Draft) -> Remark:
    """What the advice says about a draft order. What does not differ comes with all that the answer reserves."""
    cards, drafted, offered = told.cards, draft.kind.title, _offered(told, draft.kind.id)
    known = {"text_only": draft.has_code, "site_unstated": draft.has_site}
    doubts = [cards.words[name] for name, said in known.items() if not said]
    because = _removed(told, draft.kind.id)
    for text in cards.orders.texts:
        option = next((each for each in offered if each.id in text.options), None)
        if not _fits(text, told, draft) or (option is None and text.options):
            continue
        wording = "" if option is None else _option(told, option)
        parts = [text.text.format(drafted=drafted, option=wording)]
        if because:
            gone = cards.orders.removed.format(drafted=drafted, because="; ".join(because))
            return Remark(" ".join((gone, *(parts if text.differs else ()), *doubts)), differs=True)
        if not text.differs:
            parts += [each.text for each in cards.orders.reservations if _fits(each, told, draft)]
        if option is not None and not text.differs and told.advice.must_check:
            parts.append(cards.words["check_first"].format(checks="; ".join(told.advice.must_check)))
        return Remark(" ".join((*parts, *doubts)), text.differs)
    raise ValueError("the content does not load without a text for every rule and kind")


def _removed(told: Told, kind: str) -> list[str]:
    """Why a kind of treatment is no option for this patient, whether or not the rule would offer it.

    Where the guideline does not apply, it takes nothing away.
    """
    if told.lead.rule.direction == "not_applicable":
        return []
    return list(dict.fromkeys(modifier.title for modifier, effect in told.effects if kind in effect.remove))


def _fits(text: OrderText, told: Told, draft: Draft) -> bool:
    return (not text.kinds or draft.kind.id in text.kinds) and told.holds(text)


def _offered(told: Told, kind: str) -> list[OfferedOption]:
    """The options of a kind as the advice offers them: in what leads, else in what supports it."""
    options = told.advice.guideline.options
    for given in told.advice.recommendations:
        if found := [each for each in given.options if options[each.id].kind == kind]:
            return found
    return []


def _option(told: Told, option: OfferedOption) -> str:
    text = told.advice.guideline.options[option.id].text
    return text if option.note is None else f"{text} ({option.note})"


def _cards(guideline: Guideline) -> Cards:
    if guideline.cards is None:
        raise ValueError(f"{guideline.release.id} has no cards")
    return guideline.cards


def _summary(told: Told, *, differs: bool) -> str:
    """The heading, whole, with what there is room for: what is no option, what to be careful about."""
    words = told.cards.words
    said = f"{words['differs']}: {told.heading}" if differs else told.heading
    kinds = ", ".join(removed.kind.replace("_", " ") for removed in told.lead.removed)
    more = [f"{words['limits']}: {kinds}."] if kinds else []
    more += [each.text for each in told.cards.cautions if told.holds(each)]
    for sentence in more:
        longer = f"{said.removesuffix('.')}. {sentence}"
        if len(longer) <= MAX_SUMMARY_CHARACTERS:
            said = longer
    return said


def _notices(told: Told, findings: Findings, drafts: Sequence[Draft]) -> list[str]:
    """What has to be checked before a local treatment that is advised or drafted."""
    if not drafts and not any(_offered(told, kind.id) for kind in told.cards.orders.kinds):
        return []
    facts = findings.extraction.facts
    return [notice.text for notice in told.cards.notices if _concerns(notice, facts) and holds(notice.when, told.point)]


def _concerns(notice: Notice, facts: Mapping[str, Any]) -> bool:
    """Return whether the fact of the notice is unknown or within its limit."""
    if notice.fact is None or notice.at_most is None:
        return True
    value = value_at(facts, notice.fact)
    return value is None or value <= notice.at_most


def _source(guideline: Guideline, place: Place) -> dict[str, Any]:
    source = _cards(guideline).source
    url = f"{place.public_url}/v1/guidelines/{guideline.release.id}"
    return {"label": source.label, "url": url, "topic": _coding(source.topic)}


def _link(told: Told, place: Place) -> dict[str, Any]:
    name = told.answer.decision_id
    path = f"/decisions/{name}" if place.pages else f"/v1/recommendations/{name}"
    return {"label": told.cards.words["link"], "url": f"{place.public_url}{path}", "type": "absolute"}


def _override_reasons(cards: Cards) -> list[dict[str, str]]:
    reasons = cards.override_reasons
    return [{"code": code, "system": reasons.system, "display": display} for code, display in reasons.codes.items()]


def _suggestions(told: Told, place: Place, uuids: CardUuids) -> Iterator[dict[str, Any]]:
    guideline, lead, offered = told.advice.guideline, told.lead, {each.id for each in told.lead.options}
    for index, suggestion in enumerate(told.cards.suggestions):
        if suggestion.options and offered.isdisjoint(suggestion.options):
            continue
        if told.holds(suggestion):
            yield {
                "label": suggestion.label,
                "uuid": uuids.make(guideline, lead.rule.id, place.service, index),
                "actions": [
                    {
                        "type": "create",
                        "description": suggestion.description,
                        "resource": _order(suggestion, told.heading, place.patient),
                    }
                ],
            }


def _order(suggestion: SuggestionText, reason: str, patient: str) -> dict[str, Any]:
    """A proposal, which nobody has to take over: a draft ServiceRequest of FHIR R4."""
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
