"""Reads sentences as a person would: what must never stand in a sentence of an answer, a card or a page."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from service.evidence.study_file import study_name
from service.knowledge.guideline import Guideline
from service.knowledge.library import Library

Json = Mapping[str, Any]
UNDERSCORED = re.compile(r"(?<![/\w-])[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+\b")
ADDRESS = re.compile(r"https?://\S+|\b10\.\d{4,}/\S+")
"""Addresses and DOIs, which may hold anything."""
STRONG = re.compile(r"^(?:do not|must)\b", re.IGNORECASE)
UNREAD = "no source read"
SEED = re.compile(r"\bseed (?:text|quotation)\b")
NEGATED = re.compile(r"\b(?:not|no|without|never|nothing|avoided|removed)\b")
MODALITIES = {
    "surgery": re.compile(r"\b(?:surger|surgical|operat|excis|mastectom)", re.IGNORECASE),
    "radiotherapy": re.compile(r"\b(?:radiotherap|irradiat|fraction)", re.IGNORECASE),
}
"""Kind of option -> words that name it."""
HIDDEN = {"script", "style", "code", "svg", "head"}
HIDDEN_CLASSES = {"code", "cite", "refs"}


class Reader:
    """Knows the identifiers of one release."""

    def __init__(self, guideline: Guideline, library: Library) -> None:
        release = guideline.release
        features = {*guideline.chain.features, *guideline.vocabulary.single_facts, *guideline.vocabulary.facts}
        names = {name for name in features if "." in name}
        names |= {rule.id for rule in guideline.rules.values()} | {rule.code for rule in guideline.rules.values()}
        names |= {clause.id for clause in guideline.contradictions.items}
        tier = guideline.chain.features[release.tier].values if release.tier else ()
        names |= {value for value in tier if any(letter.isdigit() for letter in value)}
        names |= {source for source in guideline.citations if not _is_trial(source, guideline, library)}
        words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        self._names = re.compile(rf"(?<![/\w.-])(?:{words})(?![\w-])")

    def identifiers(self, text: str) -> list[str]:
        """Return the fact paths, codes, values and ids of citations in a text."""
        text = ADDRESS.sub(" ", text)
        return [*self._names.findall(text), *UNDERSCORED.findall(text)]

    def faults(self, text: str) -> Iterator[str]:
        """Yield what no sentence may hold."""
        yield from (f"identifier {name}: {text}" for name in self.identifiers(text))
        if UNREAD in text.lower():
            yield f"no source read: {text}"
        if SEED.search(text):
            yield f"seed text: {text}"


def _is_trial(source: str, guideline: Guideline, library: Library) -> bool:
    """Whether the id of a citation is also what the trial is called, or its registry number."""
    citation = guideline.citations[source]
    study = library.studies.get(citation.study or "", {})
    known = (citation.title, citation.source, citation.registry, study_name("", study))
    return any(source in (text or "") for text in known)


def answer_faults(answer: Json, reader: Reader) -> Iterator[str]:
    """Yield what is wrong in the sentences of an answer in the view full."""
    for text in answer_texts(answer):
        yield from reader.faults(text)
    for item in (*answer["recommendations"], *_outcomes(answer)):
        if item["strength"] != "strong" and STRONG.match(item["statement"]):
            yield f"strong verb: {item['statement']}"
    for item in answer["recommendations"]:
        statement = item["statement"]
        if item["direction"] != "against":
            yield from _removed_but_named(item, statement)


def _removed_but_named(item: Json, statement: str) -> Iterator[str]:
    gone = {removed["kind"] for removed in item["removed"]} & set(MODALITIES)
    for clause in re.split(r"[.;:,]", statement):
        if not NEGATED.search(clause):
            yield from (f"{kind} is removed: {statement}" for kind in sorted(gone) if MODALITIES[kind].search(clause))


def _outcomes(answer: Json) -> Iterator[Json]:
    """Yield what each value of each missing fact would make of the answer."""
    for fact in answer["missing_facts"]:
        yield from fact["would_become"].values()


def answer_texts(answer: Json) -> Iterator[str]:
    """Yield every text for people in an answer."""
    yield from (answer["summary"], answer["disclaimer"])
    yield from (item["statement"] for item in _outcomes(answer))
    for criteria in answer.get("applicability", ()):
        yield from (*criteria["matches"], *criteria["mismatches"], *criteria["unknown"])
    for item in answer["recommendations"]:
        yield from _texts(item, "title", "statement", "label")
        yield from (reason["text"] for reason in item["certainty_reasons"])
        for option in item["options"]:
            yield from _texts(option, "text", "benefit", "harm", "unknown", "note")
        yield from (word for removed in item["removed"] for word in removed["because"])
    yield from answer["must_check"]
    yield from (item["change"] for item in answer["what_would_change"])
    for item in answer["modifiers"]:
        yield from (item["title"], *item["notes"])
    for member in ("warnings", "data_conflicts"):
        yield from (item["detail"] for item in answer[member])
    for member in ("dissent", "open_questions"):
        yield from (item["text"] for item in answer[member])
    yield from (source["supports"] for source in answer["citations"] if source["supports"])
    for outcome in answer.get("evidence", {}).values():
        yield from _texts(outcome, "title", "measure", "direction", "pooled_reason")
        yield from outcome["notes"]
        yield from (item["text"] for item in outcome.get("statements", ()))
        yield from (caveat for study in (*outcome["studies"], *outcome["published"]) for caveat in study["caveats"])
    yield from _communication(answer.get("communication") or {})


def _texts(item: Json, *members: str) -> Iterator[str]:
    yield from (item[name] for name in members if item[name])


def _communication(told: Json) -> Iterator[str]:
    for value in told.values():
        items = value if isinstance(value, list) else [value]
        yield from (item["text"] if isinstance(item, dict) else item for item in items if item)


def card_texts(body: Json) -> Iterator[str]:
    """Yield every text for people of the cards of a CDS Hooks answer."""
    for card in body["cards"]:
        yield card["summary"]
        yield re.sub(r"\[[^\]]*\]\([^)]*\)|<[^>]+>", " ", card.get("detail", ""))
        yield from (suggestion["label"] for suggestion in card.get("suggestions", ()))
        yield from (reason["display"] for reason in card.get("overrideReasons", ()))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        classes = set((dict(attrs).get("class") or "").split())
        if tag not in {"meta", "link", "br", "input", "img", "hr", "col", "wbr"}:
            self._hidden.append(tag in HIDDEN or bool(classes & HIDDEN_CLASSES))

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag not in {"meta", "link", "br", "input", "img", "hr", "col", "wbr"}:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(self._hidden):
            self.texts.append(" ".join(data.split()))


def page_texts(html: str) -> list[str]:
    """Return the pieces of text that a page shows, without code, drawings and the ids beside sources."""
    page = _Page()
    page.feed(html)
    return page.texts
