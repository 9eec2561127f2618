"""Advice as a CDS Hooks card: one sentence, detail in Markdown, orders to take over, reasons to override."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.advice.question import Answer
from service.ehr.card_uuid import UNCERTAIN, CardUuids
from service.ehr.detail import Findings, detail
from service.ehr.orders import Draft
from service.knowledge.cards import SUMMARY, Cards, Coding, Suggestion
from service.knowledge.guideline import Guideline, holds
from service.knowledge.model import Option


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


def advice_card(
    answer: Answer, findings: Findings, drafts: Sequence[Draft], place: Place, uuids: CardUuids
) -> dict[str, Any]:
    """The card of an answer."""
    guideline, cards = answer.advice.guideline, _cards(answer.advice.guideline)
    rule, urgency = answer.advice.lead.rule, answer.advice.lead.urgency
    remarks = [remark(answer, draft) for draft in drafts]
    differs = any(each.differs for each in remarks) and not answer.advice.decision.emergency
    indicator = cards.indicators[urgency]
    suggestions = list(_suggestions(answer, place, uuids))
    card = {
        "uuid": uuids.make(guideline, rule.id, place.service),
        "summary": _summary(answer, differs=differs),
        "indicator": "warning" if differs and indicator == "info" else indicator,
        "detail": detail(answer, findings, [each.text for each in remarks]),
        "source": _source(guideline, place),
        "suggestions": suggestions,
        "selectionBehavior": "any",
        "overrideReasons": _override_reasons(cards),
        "links": [_link(answer, place)],
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


def remark(answer: Answer, draft: Draft) -> Remark:
    """What the advice says about a draft order."""
    cards, lead = _cards(answer.advice.guideline), answer.advice.lead
    point, drafted = answer.advice.decision.point, draft.kind.title
    known = {"text_only": draft.coded, "site_unstated": draft.sited}
    doubts = [cards.words[name] for name, said in known.items() if not said]
    for removed in lead.removed:
        if removed.kind == draft.kind.id:
            said = cards.orders.removed.format(drafted=drafted, because="; ".join(removed.because))
            return Remark(" ".join((said, *doubts)), differs=True)
    offered = _offered(answer, draft.kind.id)
    for text in cards.orders.texts:
        option = next((each for each in offered if each.id in text.options), None)
        kinds = text.kinds or (draft.kind.id,)
        if lead.rule.id not in text.rules or draft.kind.id not in kinds or not holds(text.when, point):
            continue
        if option is not None or not text.options:
            said = text.text.format(drafted=drafted, option="" if option is None else option.text)
            return Remark(" ".join((said, *doubts)), text.differs)
    raise ValueError("the content does not load without a text for every rule and kind")


def _offered(answer: Answer, kind: str) -> list[Option]:
    """The options of a kind as the advice offers them: in what leads, else in what supports it."""
    options = answer.advice.guideline.options
    for given in answer.advice.recommendations:
        if found := [options[each.id] for each in given.options if options[each.id].kind == kind]:
            return found
    return []


def _cards(guideline: Guideline) -> Cards:
    if guideline.cards is None:
        raise ValueError(f"{guideline.release.id} has no cards")
    return guideline.cards


def _summary(answer: Answer, *, differs: bool) -> str:
    """The title of the rule, whole, with what there is room for: what is no option, what to be careful about."""
    cards, lead, point = _cards(answer.advice.guideline), answer.advice.lead, answer.advice.decision.point
    said = f"{cards.words['differs']}: {lead.rule.title}" if differs else lead.rule.title
    kinds = ", ".join(removed.kind.replace("_", " ") for removed in lead.removed)
    more = [f"{cards.words['limits']}: {kinds}."] if kinds else []
    more += [each.text for each in cards.cautions if lead.rule.id in each.rules and holds(each.when, point)]
    for sentence in more:
        longer = f"{said.removesuffix('.')}. {sentence}"
        if len(longer) <= SUMMARY:
            said = longer
    return said


def _source(guideline: Guideline, place: Place) -> dict[str, Any]:
    source = _cards(guideline).source
    url = f"{place.public_url}/v1/guidelines/{guideline.release.id}"
    return {"label": source.label, "url": url, "topic": _coding(source.topic)}


def _link(answer: Answer, place: Place) -> dict[str, Any]:
    path = f"/decisions/{answer.decision_id}" if place.pages else f"/v1/recommendations/{answer.decision_id}"
    label = _cards(answer.advice.guideline).words["link"]
    return {"label": label, "url": f"{place.public_url}{path}", "type": "absolute"}


def _override_reasons(cards: Cards) -> list[dict[str, str]]:
    reasons = cards.override_reasons
    return [{"code": code, "system": reasons.system, "display": display} for code, display in reasons.codes.items()]


def _suggestions(answer: Answer, place: Place, uuids: CardUuids) -> Iterator[dict[str, Any]]:
    guideline, lead = answer.advice.guideline, answer.advice.lead
    removed = {each.kind for each in lead.removed}
    for index, suggestion in enumerate(_cards(guideline).suggestions):
        if lead.rule.id not in suggestion.rules or suggestion.kind in removed:
            continue
        if holds(suggestion.when, answer.advice.decision.point):
            yield {
                "label": suggestion.label,
                "uuid": uuids.make(guideline, lead.rule.id, place.service, index),
                "actions": [
                    {
                        "type": "create",
                        "description": suggestion.description,
                        "resource": _order(suggestion, lead.rule.title, place.patient),
                    }
                ],
            }


def _order(suggestion: Suggestion, reason: str, patient: str) -> dict[str, Any]:
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


def _coding(coding: Coding) -> dict[str, str]:
    return {"system": coding.system, "code": coding.code, "display": coding.display}
