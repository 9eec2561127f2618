"""Write the detail of a card: Markdown without HTML. Text from the record is escaped."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from service.advice.missing import Missing
from service.advice.question import Answer
from service.cds_hooks.prefetch_data import PrefetchData
from service.fhir.extract import Extraction
from service.knowledge.cards import Cards
from service.knowledge.guideline import Guideline
from service.knowledge.model import Citation, Cited
from service.knowledge.words import Words

MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
ADDRESS = re.compile(r"(@|:(?=//)|\.(?=[^\W\d_]))")
"""Where an address can be told from other text: readers of Markdown make links of bare ones, whatever is escaped."""
WORD_JOINER = "\u2060"
"""It is not seen, and on both sides of such a sign there is no address any more."""
MAX_LIST_ITEMS = 12
"""The whole answer is one link away."""
MAX_MISSING_FACTS = 5
"""That would change the code. Facts that could make it an emergency come first and are never cut."""
TEXTS = 4096
"""Texts of the content that are kept as a card writes them."""


@dataclass(frozen=True)
class RecordReading:
    """What was read of the record and what was not.

    `is_subject_unknown`: the card must say that the record does not show the cancer of the guideline.
    """

    extraction: Extraction
    data: PrefetchData
    words: Words
    is_overdue: bool
    is_subject_unknown: bool = False

    def sections(self, guideline: Guideline) -> Iterator[str]:
        """Yield the sections about the record, then the guideline and its disclaimer."""
        cards, extraction, release = cards_of(guideline), self.extraction, guideline.release
        words = cards.words
        fact_words = self.words if cards.facts_in_words else None
        yield from _section(words["facts"], (_fact(extraction, path, fact_words) for path in extraction.provenance))
        unread = [words[state.value].format(title=item.title) for item, state in self.data.unread_items(cards.prefetch)]
        yield from _section(words["unread"], unread)
        conflicts = (escape(str(conflict["detail"])) for conflict in extraction.data_conflicts)
        yield from _section(words["conflicts"], conflicts)
        if extraction.ignored:
            yield words["ignored"].format(count=len(extraction.ignored))
        if extraction.other_patients:
            yield words["others"].format(count=len(extraction.other_patients))
        if self.is_overdue:
            yield words["overdue"].format(date=release.review_by.isoformat())
        title, disclaimer = escape_content(release.title), escape_content(release.disclaimer)
        yield f"{words['guideline']}: {title}, {release.release}. {disclaimer}"


def advice_detail(answer: Answer, reading: RecordReading, remarks: list[str], notices: list[str]) -> str:
    """Return the text below the summary, most important first. The checks are never cut."""
    advice = answer.advice
    guideline, lead = advice.guideline, advice.lead
    words = cards_of(guideline).words
    parts = [escape_content(lead.statement) + (f" ({escape_content(lead.label)})" if lead.label else "")]
    if reading.is_subject_unknown:
        parts.append(words["subject_unknown"])
    parts += _section(words["order"], map(escape, remarks))
    removed = (f"{removed.kind.replace('_', ' ')} ({'; '.join(removed.because)})" for removed in lead.removed)
    parts += _section(words["limits"], map(escape, removed))
    grades = (lead.rule.direction, lead.rule.strength, lead.certainty, lead.urgency)
    parts.append(f"**{words['grading']}:** {', '.join(grade.replace('_', ' ') for grade in grades)}.")
    parts += _section(words["supporting"], (escape_content(other.statement) for other in advice.recommendations[1:]))
    grave = [fact for fact in advice.missing if fact.decisive and _may_be_emergency(fact)]
    other = [fact for fact in advice.missing if fact.decisive and not _may_be_emergency(fact)]
    missing = [_missing_fact(fact, lead.rule.code, advice.wordings.words) for fact in (*grave, *other)]
    parts += _section(words["missing"], missing, len(grave) + MAX_MISSING_FACTS)
    parts += _section(words["warnings"], (escape_content(clause.detail) for clause in advice.warnings))
    parts += _section(words["conflicts"], (escape_content(clause.detail) for clause in advice.data_conflicts))
    checks = [*map(escape, notices), *map(escape_content, advice.must_check)]
    parts += _section(words["checks"], checks, len(checks))
    parts += _section(words["reasons"], (escape_content(reason.text) for reason in lead.certainty_reasons))
    parts += _section(words["sources"], _sources(guideline, lead.citations))
    return "\n\n".join((*parts, *reading.sections(guideline)))


def cards_of(guideline: Guideline) -> Cards:
    """Return the content of the guideline's cards. Raises ValueError if it has none."""
    if guideline.cards is None:
        raise ValueError(f"{guideline.release.id} has no cards")
    return guideline.cards


def escape(text: str) -> str:
    """Return a text of a record on one line, without Markdown, HTML or addresses that become links."""
    return ADDRESS.sub(rf"{WORD_JOINER}\1{WORD_JOINER}", _escape_markup(text))


@lru_cache(maxsize=TEXTS)
def escape_content(text: str) -> str:
    """Return a text of the content on one line, without Markdown. Never of a record: it stays in memory."""
    return _escape_markup(text)


def _escape_markup(text: str) -> str:
    return MARKUP.sub(r"\\\1", " ".join(text.split()))


def value_at(facts: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted request path, or None."""
    value: Any = facts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _section(title: str, items: Iterable[str], max_items: int = MAX_LIST_ITEMS) -> list[str]:
    unique = list(dict.fromkeys(items))
    lines = [f"- {item}" for item in unique[:max_items]] + (["- ..."] if len(unique) > max_items else [])
    return [f"**{title}**\n\n" + "\n".join(lines)] if lines else []


def _may_be_emergency(fact: Missing) -> bool:
    return any(other.urgency == "emergency" for other in fact.outcomes)


def _missing_fact(fact: Missing, code: str, words: Words) -> str:
    """Return the fact with the values that would change the code, in words."""
    titles = fact.consequences(code, words)
    consequences = "; ".join(f"{' or '.join(values)}: {title}" for title, values in titles.items())
    return escape_content(f"{words.title(fact.fact)} ({consequences})")


def _sources(guideline: Guideline, citations: Iterable[Cited]) -> Iterator[str]:
    supports: dict[str, list[str]] = {}
    for citation in citations:
        supports.setdefault(citation.id, []).append(citation.supports)
    for name, sentences in supports.items():
        yield f"{_source(guideline.citations[name])}: {escape_content('; '.join(dict.fromkeys(sentences)))}"


def _source(citation: Citation) -> str:
    title = escape_content(citation.title or citation.source)
    if citation.url is not None:
        address = citation.url.replace("(", "%28").replace(")", "%29")
        title = f"[{title}]({address})"
    parts = [citation.year, f"doi {citation.doi}" if citation.doi else None]
    parts += ["second-hand"] if citation.verified != "yes" else []
    return ", ".join((title, *(escape_content(part) for part in parts if part)))


def _fact(extraction: Extraction, path: str, words: Words | None) -> str:
    """Return a fact of the record with its source; without words as a request spells it."""
    origin = extraction.provenance[path]
    source = ", ".join(str(origin[name]) for name in ("resource", "date") if origin.get(name))
    value = value_at(extraction.facts, path)
    text = f"{path}: {_value_text(value)}" if words is None else f"{words.title(path)}: {words.sent(path, value)}"
    return _escape_markup(text) + (f" ({escape(source)})" if source else "")


def _value_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value_text(member)}" for name, member in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
