"""Advice as a CDS Hooks card: one sentence, detail in Markdown, orders to take over, reasons to override."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.advice.decision import effects, wording_point
from service.advice.question import Answer
from service.advice.recommendation import OfferedOption
from service.ehr.card_uuid import UNCERTAIN, CardUuids
from service.ehr.detail import Findings, detail
from service.ehr.orders import Draft
from service.engine.compile import Point
from service.knowledge.cards import SUMMARY, Cards, Coding, OrderText, Suggestion
from service.knowledge.guideline import Guideline, holds


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
        "detail": detail(answer, findings, [each.text for each in remarks], _notices(answer, findings, drafts)),
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
    """What the advice says about a draft order. What does not differ comes with all that the answer reserves."""
    cards, point = _cards(answer.advice.guideline), _point(answer)
    drafted, offered = draft.kind.title, _offered(answer, draft.kind.id)
    known = {"text_only": draft.coded, "site_unstated": draft.sited}
    doubts = [cards.words[name] for name, said in known.items() if not said]
    because = _removed(answer, draft.kind.id)
    for text in cards.orders.texts:
        option = next((each for each in offered if each.id in text.options), None)
        if not _fits(text, answer, draft, point) or (option is None and text.options):
            continue
        wording = "" if option is None else _option(answer, option)
        parts = [text.text.format(drafted=drafted, option=wording)]
        if because:
            gone = cards.orders.removed.format(drafted=drafted, because="; ".join(because))
            return Remark(" ".join((gone, *(parts if text.differs else ()), *doubts)), differs=True)
        if not text.differs:
            parts += [each.text for each in cards.orders.reservations if _fits(each, answer, draft, point)]
        if option is not None and not text.differs and answer.advice.must_check:
            parts.append(cards.words["check_first"].format(checks="; ".join(answer.advice.must_check)))
        return Remark(" ".join((*parts, *doubts)), text.differs)
    raise ValueError("the content does not load without a text for every rule and kind")


def _point(answer: Answer) -> Point:
    """All features, with what sentences may read as well: the trigger, modifiers, removed kinds."""
    return wording_point(answer.advice.decision, effects(answer.advice.decision))


def _removed(answer: Answer, kind: str) -> list[str]:
    """Why a kind of treatment is no option for this patient, whether or not the rule would offer it.

    Where the guideline does not apply, it takes nothing away.
    """
    if answer.advice.lead.rule.direction == "not_applicable":
        return []
    told = effects(answer.advice.decision)
    return list(dict.fromkeys(modifier.title for modifier, effect in told if kind in effect.remove))


def _fits(text: OrderText, answer: Answer, draft: Draft, point: Point) -> bool:
    kinds = text.kinds or (draft.kind.id,)
    return answer.advice.lead.rule.id in text.rules and draft.kind.id in kinds and holds(text.when, point)


def _offered(answer: Answer, kind: str) -> list[OfferedOption]:
    """The options of a kind as the advice offers them: in what leads, else in what supports it."""
    options = answer.advice.guideline.options
    for given in answer.advice.recommendations:
        if found := [each for each in given.options if options[each.id].kind == kind]:
            return found
    return []


def _option(answer: Answer, option: OfferedOption) -> str:
    text = answer.advice.guideline.options[option.id].text
    return text if option.note is None else f"{text} ({option.note})"


def _cards(guideline: Guideline) -> Cards:
    if guideline.cards is None:
        raise ValueError(f"{guideline.release.id} has no cards")
    return guideline.cards


def _heading(answer: Answer) -> str:
    """The title of the rule, or what stands in its place where that would mislead this patient's clinician."""
    cards, rule, point = _cards(answer.advice.guideline), answer.advice.lead.rule, _point(answer)
    fitting = (each.text for each in cards.headings if rule.id in each.rules and holds(each.when, point))
    return next(fitting, rule.title)


def _summary(answer: Answer, *, differs: bool) -> str:
    """The heading, whole, with what there is room for: what is no option, what to be careful about."""
    cards, lead, point = _cards(answer.advice.guideline), answer.advice.lead, _point(answer)
    said = f"{cards.words['differs']}: {_heading(answer)}" if differs else _heading(answer)
    kinds = ", ".join(removed.kind.replace("_", " ") for removed in lead.removed)
    more = [f"{cards.words['limits']}: {kinds}."] if kinds else []
    more += [each.text for each in cards.cautions if lead.rule.id in each.rules and holds(each.when, point)]
    for sentence in more:
        longer = f"{said.removesuffix('.')}. {sentence}"
        if len(longer) <= SUMMARY:
            said = longer
    return said


def _notices(answer: Answer, findings: Findings, drafts: Sequence[Draft]) -> list[str]:
    """What has to be checked before a local treatment that is advised or drafted."""
    cards, point, age = _cards(answer.advice.guideline), _point(answer), findings.extraction.facts.get("age_years")
    if not drafts and not any(_offered(answer, kind.id) for kind in cards.orders.kinds):
        return []
    return [each.text for each in cards.notices if holds(each.when, point) and (age is None or age <= each.up_to_age)]


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
    point, heading, offered = _point(answer), _heading(answer), {each.id for each in lead.options}
    for index, suggestion in enumerate(_cards(guideline).suggestions):
        if suggestion.options and offered.isdisjoint(suggestion.options):
            continue
        if lead.rule.id in suggestion.rules and holds(suggestion.when, point):
            yield {
                "label": suggestion.label,
                "uuid": uuids.make(guideline, lead.rule.id, place.service, index),
                "actions": [
                    {
                        "type": "create",
                        "description": suggestion.description,
                        "resource": _order(suggestion, heading, place.patient),
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
