"""A guideline for people: what it is for, its decision table as maps, its rules with their sources."""

from typing import Any

from flask import Blueprint, Response, request

from service.advice.registry import find_rule
from service.advice.render import citation
from service.api.access import OPEN, scope
from service.api.knowledge import knowledge, requested_comparison, requested_guideline, settings
from service.engine.table import Box
from service.knowledge.guideline import Guideline
from service.knowledge.model import Rule
from service.knowledge.words import Words
from service.web.page import addresses_of, page
from service.web.table_map import maps

blueprint = Blueprint("guideline_pages", __name__)

LATEST = "latest"


@blueprint.get("/guidelines")
@scope(OPEN)
def guidelines_page() -> Response:
    """Return the list of the guidelines: title, question, sign-off, and where each is explored and read."""
    newest = [newest.guideline for newest in knowledge().newest_of_each(settings().guideline)]
    return page("guidelines.html", here="guidelines", guidelines=[(each, addresses_of(each)) for each in newest])


@blueprint.get("/guidelines/<guideline>")
@scope(OPEN)
def guideline_page(guideline: str) -> Response:
    """A release of a guideline: the newest, or that of ?release=."""
    asked = requested_guideline(guideline)
    return page(
        "guideline.html",
        here="guideline",
        guideline=asked,
        words=Words(asked),
        maps=maps(asked),
        cells=asked.table.table.cells,
        releases=sorted(knowledge().library.guidelines[guideline].items(), reverse=True),
        query=_query(),
        earlier=_earlier(guideline, asked.release.release),
        used={source.id for rule in asked.rules.values() for source in rule.sources},
    )


@blueprint.get("/guidelines/<guideline>/diff")
@scope(OPEN)
def diff_page(guideline: str) -> Response:
    """What a release changes: which patients get another answer, for which reason."""
    before, after, comparison = requested_comparison(guideline)
    return page(
        "diff.html",
        here="guideline",
        guideline=after.guideline,
        words=Words(after.guideline),
        diff=comparison,
        query=f"?from={before.guideline.release.release}&to={after.guideline.release.release}",
    )


@blueprint.get("/guidelines/<guideline>/rules/<rule>")
@scope(OPEN)
def rule_page(guideline: str, rule: str) -> Response:
    """One rule, by its id or its code."""
    asked = requested_guideline(guideline)
    found = find_rule(asked, rule)
    order = list(asked.rules)
    at = order.index(found.id)
    words = Words(asked)
    return page(
        "rule.html",
        here="guideline",
        guideline=asked,
        rule=found,
        words=words,
        boxes=lambda when: [_box(asked, words, box) for box in when],
        before=asked.rules[order[at - 1]] if at else None,
        after=asked.rules[order[at + 1]] if at + 1 < len(order) else None,
        options=[asked.options[offer.id] for offer in found.options],
        citations=_citations(asked, found),
        told=_told(asked, found),
        query=_query(),
    )


def _earlier(guideline: str, release: str) -> str | None:
    """The release before this one, with which it can be compared."""
    return max((known for known in knowledge().library.guidelines[guideline] if known < release), default=None)


def _query() -> str:
    """What keeps a reader of an older release in it."""
    release = request.args.get("release", LATEST)
    return "" if release == LATEST else f"?release={release}"


def _box(guideline: Guideline, words: Words, box: Box) -> list[tuple[str, str]]:
    """A box in words, the values in the order of their feature."""
    known = guideline.chain.features | guideline.wording.features
    told = []
    for name, accepted in box.items():
        order = known[name].values if name in known else sorted(accepted)
        values = [words.value(name, value) for value in order if value in accepted]
        told.append((words.title(name), "any" if len(values) == len(order) else ", or ".join(values)))
    return told


def _citations(guideline: Guideline, rule: Rule) -> list[dict[str, Any]]:
    """Each source once, with all that it supports here."""
    names = dict.fromkeys(source.id for source in rule.sources)
    return [citation(guideline.citations[name], [s for s in rule.sources if s.id == name]) for name in names]


def _told(guideline: Guideline, rule: Rule) -> dict[str, Any]:
    """The other opinions and open questions about a rule."""
    said = guideline.communication
    if said is None:
        return {"dissent": (), "questions": ()}
    return {
        "dissent": [each for each in said.dissent if rule.id in each.rules or each.id in rule.dissent],
        "questions": [each for each in said.open_questions if rule.id in each.rules],
    }
