"""What POST /cds-services/{id} answers with 200: the cards (§cds-service-response, §card-attributes)."""

import re
from collections.abc import Iterator

from tests.conformance.rules.violation import (
    Json,
    Member,
    Violation,
    coding,
    is_reference,
    items,
    members,
    nothing_empty,
    pointer,
    unknown_members,
)

LONGEST_SUMMARY = 139
INDICATORS = frozenset({"info", "warning", "critical"})
BEHAVIOURS = frozenset({"at-most-one", "any"})
ACTION_BEHAVIOURS = frozenset({"all", "any", "at-most-one"})
HTML = re.compile(r"</?[a-zA-Z][^>]*>")
RESPONSE = (
    Member("cards", "array", required=True, rule="§cds-service-response.cards"),
    Member("systemActions", "array", required=False, rule="I-75"),
)
CARD = (
    Member("summary", "string", required=True, rule="§card-attributes.summary"),
    Member("indicator", "string", required=True, rule="§card-attributes.indicator"),
    Member("source", "object", required=True, rule="§card-attributes.source"),
    Member("uuid", "uuid", required=False, rule="§card-attributes.uuid"),
    Member("detail", "string", required=False, rule="§card-attributes.detail"),
    Member("suggestions", "array", required=False, rule="§card-attributes.suggestions"),
    Member("selectionBehavior", "string", required=False, rule="§card-attributes.selectionBehavior"),
    Member("overrideReasons", "array", required=False, rule="§card-attributes.overrideReasons"),
    Member("links", "array", required=False, rule="§card-attributes.links"),
)
SOURCE = (
    Member("label", "string", required=True, rule="§source.label"),
    Member("url", "url", required=False, rule="§source.url"),
    Member("icon", "url", required=False, rule="§source.icon"),
    Member("topic", "object", required=False, rule="§source.topic"),
)
SUGGESTION = (
    Member("label", "string", required=True, rule="§suggestion.label"),
    Member("uuid", "uuid", required=False, rule="§suggestion.uuid"),
    Member("isRecommended", "boolean", required=False, rule="§suggestion.isRecommended"),
    Member("actions", "array", required=False, rule="§suggestion.actions"),
    Member("actionSelectionBehavior", "string", required=False, rule="§suggestion.actionSelectionBehavior"),
)
ACTION = (
    Member("type", "string", required=True, rule="§action.type"),
    Member("description", "string", required=True, rule="cds-resp-5"),
    Member("resource", "object", required=False, rule="§action.resource"),
    Member("resourceId", "string", required=False, rule="cds-resp-2"),
)
LINK = (
    Member("label", "string", required=True, rule="§link.label"),
    Member("url", "url", required=True, rule="§link.url"),
    Member("type", "string", required=True, rule="§link.type"),
    Member("appContext", "string", required=False, rule="cds-resp-3"),
    Member("autolaunchable", "boolean", required=False, rule="§link.autolaunchable"),
)


def response(body: Json) -> Iterator[Violation]:
    """The rules of a response with cards."""
    yield from nothing_empty(body, allowed=lambda at: at == "/cards")
    yield from members(body, "", RESPONSE, "§cds-service-response")
    yield from unknown_members(body, "", RESPONSE)
    seen: set[str] = set()
    for card, at in items(body, "", "cards"):
        yield from members(card, at, CARD, "§card-attributes")
        yield from unknown_members(card, at, CARD)
        if isinstance(card, dict):
            yield from _card(card, at)
        yield from _once(card, at, seen)
        for suggestion, below in items(card, at, "suggestions"):
            yield from _once(suggestion, below, seen)
    for action, at in items(body, "", "systemActions"):
        yield from _action(action, at)


def _once(value: Json, at: str, seen: set[str]) -> Iterator[Violation]:
    name = value.get("uuid") if isinstance(value, dict) else None
    if isinstance(name, str):
        if name in seen:
            yield Violation(pointer(at, "uuid"), "§card-attributes.uuid", "A uuid names one card or suggestion only.")
        seen.add(name)


def _card(card: dict[str, Json], at: str) -> Iterator[Violation]:
    summary, detail = card.get("summary"), card.get("detail")
    if isinstance(summary, str) and len(summary) > LONGEST_SUMMARY:
        yield Violation(pointer(at, "summary"), "I-83", "A summary has fewer than 140 characters.")
    if isinstance(summary, str) and "\n" in summary:
        yield Violation(
            pointer(at, "summary"), "§card-attributes.summary", "A summary is one sentence on one line.", must=False
        )
    if isinstance(detail, str) and HTML.search(detail):
        yield Violation(
            pointer(at, "detail"), "§card-attributes.detail", "Raw HTML in Markdown may not be shown.", must=False
        )
    if isinstance(card.get("indicator"), str) and card["indicator"] not in INDICATORS:
        yield Violation(
            pointer(at, "indicator"), "§card-attributes.indicator", "An indicator is info, warning or critical."
        )
    if "source" in card:
        yield from _source(card["source"], pointer(at, "source"))
    yield from _suggestions(card, at)
    for reason, below in items(card, at, "overrideReasons"):
        yield from coding(reason, below, display=True)
    for link, below in items(card, at, "links"):
        yield from _link(link, below)


def _source(source: Json, at: str) -> Iterator[Violation]:
    yield from members(source, at, SOURCE, "§source")
    yield from unknown_members(source, at, SOURCE)
    if isinstance(source, dict) and isinstance(source.get("topic"), dict):
        yield from coding(source["topic"], pointer(at, "topic"))


def _suggestions(card: dict[str, Json], at: str) -> Iterator[Violation]:
    behaviour = card.get("selectionBehavior")
    if "suggestions" in card and "selectionBehavior" not in card:
        yield Violation(pointer(at, "selectionBehavior"), "cds-resp-6", "suggestions need a selectionBehavior.")
    if isinstance(behaviour, str) and behaviour not in BEHAVIOURS:
        yield Violation(
            pointer(at, "selectionBehavior"),
            "§card-attributes.selectionBehavior",
            "selectionBehavior is at-most-one or any.",
        )
    recommended = 0
    for suggestion, below in items(card, at, "suggestions"):
        yield from members(suggestion, below, SUGGESTION, "§suggestion")
        yield from unknown_members(suggestion, below, SUGGESTION)
        if not isinstance(suggestion, dict):
            continue
        recommended += suggestion.get("isRecommended") is True
        chosen = suggestion.get("actionSelectionBehavior")
        if isinstance(chosen, str) and chosen not in ACTION_BEHAVIOURS:
            yield Violation(
                pointer(below, "actionSelectionBehavior"),
                "§suggestion.actionSelectionBehavior",
                "actionSelectionBehavior is all, any or at-most-one.",
            )
        for action, place in items(suggestion, below, "actions"):
            yield from _action(action, place)
    if recommended > 1 and behaviour != "any":
        yield Violation(
            pointer(at, "suggestions"),
            "cds-resp-1",
            "Several suggestions are recommended only where any may be chosen.",
        )


def _action(action: Json, at: str) -> Iterator[Violation]:
    yield from members(action, at, ACTION, "§action")
    yield from unknown_members(action, at, ACTION)
    if not isinstance(action, dict):
        return
    kind, resource, name = action.get("type"), action.get("resource"), action.get("resourceId")
    if isinstance(kind, str) and kind not in {"create", "update", "delete"}:
        yield Violation(pointer(at, "type"), "§action.type", "type is create, update or delete.")
    if kind in {"create", "update"} and "resource" not in action:
        yield Violation(pointer(at, "resource"), "§action.resource", f"{kind} needs the whole resource.")
    if isinstance(resource, dict) and resource and not isinstance(resource.get("resourceType"), str):
        yield Violation(pointer(at, "resource"), "§action.resource", "A FHIR resource has a resourceType.")
    if kind == "update" and isinstance(resource, dict) and "id" not in resource:
        yield Violation(pointer(at, "resource"), "§action.resource", "update names the resource by its id.")
    if kind == "delete" and "resource" in action:
        yield Violation(pointer(at, "resource"), "cds-resp-2", "delete names a resourceId and holds no resource.")
    if kind == "delete" and not (isinstance(name, str) and is_reference(name)):
        yield Violation(pointer(at, "resourceId"), "cds-resp-2", "delete needs a resourceId [Type]/[id].")


def _link(link: Json, at: str) -> Iterator[Violation]:
    yield from members(link, at, LINK, "§link")
    yield from unknown_members(link, at, LINK)
    if not isinstance(link, dict):
        return
    if isinstance(link.get("type"), str) and link["type"] not in {"absolute", "smart"}:
        yield Violation(pointer(at, "type"), "§link.type", "type is absolute or smart.")
    if "appContext" in link and link.get("type") != "smart":
        yield Violation(pointer(at, "appContext"), "cds-resp-3", "appContext is for links of type smart only.")
