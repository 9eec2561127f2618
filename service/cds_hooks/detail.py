"""The detail of a card: Markdown without HTML. What comes out of the record is escaped."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.advice.missing import Missing
from service.advice.question import Answer
from service.cds_hooks.prefetch import State
from service.cds_hooks.prefetch_data import Gathered
from service.fhir.extract import Extraction
from service.knowledge.guideline import Guideline
from service.knowledge.model import Citation, Cited

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
MOST = 12
"""Items of one list; the whole answer is one link away."""
MOST_MISSING = 5
"""Facts that would change the code, besides those that would make it an emergency: these are never cut."""


@dataclass(frozen=True)
class Findings:
    """What was read of the record, and what was not."""

    extraction: Extraction
    record: Gathered
    overdue: bool

    def sections(self, guideline: Guideline) -> Iterator[str]:
        """The sections about the record, then who speaks."""
        words = guideline.cards.words if guideline.cards is not None else {}
        extraction = self.extraction
        yield from _section(words["facts"], (_fact(extraction, path) for path in extraction.provenance))
        unread = [
            words[state.value].format(title=datum.title)
            for datum, state in self.record.states.items()
            if state is not State.WHOLE
        ]
        yield from _section(words["unread"], unread)
        yield from _section(words["conflicts"], (plain(str(each["detail"])) for each in extraction.data_conflicts))
        if extraction.ignored:
            yield words["ignored"].format(count=len(extraction.ignored))
        if extraction.other_patients:
            yield words["others"].format(count=len(extraction.other_patients))
        release = guideline.release
        if self.overdue:
            yield words["overdue"].format(date=release.review_by.isoformat())
        yield f"{words['guideline']}: {plain(release.title)}, {release.release}. {plain(release.disclaimer)}"


def detail(answer: Answer, findings: Findings, remarks: list[str], notices: list[str]) -> str:
    """What a card says below its summary, most important first. What must be checked is never cut."""
    advice = answer.advice
    guideline, lead = advice.guideline, advice.lead
    words = guideline.cards.words if guideline.cards is not None else {}
    parts = [plain(lead.statement) + (f" ({plain(lead.label)})" if lead.label else "")]
    parts += _section(words["order"], map(plain, remarks))
    parts += _section(
        words["limits"],
        (plain(f"{each.kind.replace('_', ' ')} ({'; '.join(each.because)})") for each in lead.removed),
    )
    grades = (lead.rule.direction, lead.rule.strength, lead.certainty, lead.urgency)
    parts.append(f"**{words['grading']}:** {', '.join(grade.replace('_', ' ') for grade in grades)}.")
    parts += _section(words["supporting"], (plain(other.statement) for other in advice.recommendations[1:]))
    grave = [item for item in advice.missing if item.decisive and _may_be_emergency(item)]
    other = [item for item in advice.missing if item.decisive and not _may_be_emergency(item)]
    missing = [_missing(item, lead.rule.code) for item in (*grave, *other)]
    parts += _section(words["missing"], missing, len(grave) + MOST_MISSING)
    parts += _section(words["warnings"], (plain(clause.detail) for clause in advice.warnings))
    parts += _section(words["conflicts"], (plain(clause.detail) for clause in advice.data_conflicts))
    checks = [*map(plain, notices), *map(plain, advice.must_check)]
    parts += _section(words["checks"], checks, len(checks))
    parts += _section(words["reasons"], (plain(reason.text) for reason in lead.certainty_reasons))
    parts += _section(words["sources"], _sources(guideline, lead.citations))
    return "\n\n".join((*parts, *findings.sections(guideline)))


def plain(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or HTML would take for its own."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(title: str, items: Iterable[str], most: int = MOST) -> list[str]:
    listed = list(dict.fromkeys(items))
    shown = [f"- {item}" for item in listed[:most]] + (["- ..."] if len(listed) > most else [])
    return [f"**{title}**\n\n" + "\n".join(shown)] if listed else []


def _may_be_emergency(item: Missing) -> bool:
    return any(other.urgency == "emergency" for other in item.would_become.values())


def _missing(item: Missing, code: str) -> str:
    """The fact, with the values that would change the code."""
    outcomes: dict[str, list[str]] = {}
    changing = ((value, other) for value, other in item.would_become.items() if other.rule.code != code)
    for value, other in changing:
        outcomes.setdefault(other.rule.title, []).append(value)
    leads = "; ".join(f"{' or '.join(values)}: {title}" for title, values in outcomes.items())
    return plain(f"{item.fact} ({leads})")


def _sources(guideline: Guideline, cited: Iterable[Cited]) -> Iterator[str]:
    supports: dict[str, list[str]] = {}
    for each in cited:
        supports.setdefault(each.id, []).append(each.supports)
    for name, said in supports.items():
        yield f"{_source(guideline.citations[name])}: {plain('; '.join(dict.fromkeys(said)))}"


def _source(citation: Citation) -> str:
    title = plain(citation.title or citation.source)
    if citation.url is not None:
        address = citation.url.replace("(", "%28").replace(")", "%29")
        title = f"[{title}]({address})"
    told = [citation.year, f"doi {citation.doi}" if citation.doi else None]
    told += ["second-hand"] if citation.verified != "yes" else []
    return ", ".join((title, *(plain(each) for each in told if each)))


def _fact(extraction: Extraction, path: str) -> str:
    origin = extraction.provenance[path]
    told = ", ".join(str(origin[name]) for name in ("resource", "date") if origin.get(name))
    value = _value(value_at(extraction.facts, path))
    return plain(f"{path}: {value}" + (f" ({told})" if told else ""))


def value_at(facts: Mapping[str, Any], path: str) -> Any:
    """Return the value at a dotted request path, or None."""
    value: Any = facts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(below)}" for name, below in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
