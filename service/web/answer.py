"""An answer as people read it: made from the JSON that the API gives, so that a page and the API cannot differ."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from service.advice.question import Answer
from service.api.knowledge import knowledge
from service.knowledge.citing import source_name
from service.knowledge.guideline import Guideline
from service.knowledge.words import Words
from service.web.form import filled_from

FIRST = 4
"""Missing facts that are shown before one asks for the others."""


def answer_of(answer: Answer) -> dict[str, Any]:
    """The JSON of the answer, in the view full."""
    return knowledge().renderer(answer).read(answer, "full")


@dataclass(frozen=True)
class Outcome:
    """What some values of a missing fact would make of the answer: each in words, and as the form's buttons send it."""

    values: tuple[tuple[str, str], ...]
    title: str
    differs: bool
    same: bool
    certainty_differs: bool
    emergency: bool
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Open:
    """A fact that is not known, with what each of its values would make of the answer."""

    title: str
    decisive: bool
    outcomes: tuple[Outcome, ...]
    together: tuple[tuple[str, Mapping[str, Any], str], ...] = ()
    """Values of several facts in words, what they would make of the answer, and the title of its rule."""


@dataclass(frozen=True)
class Step:
    """One table's part in the answer: what it read, in groups of equal values, what came out, and the rule."""

    title: str
    read: tuple[tuple[str, str], ...]
    gave: str
    rule: str | None


@dataclass(frozen=True)
class Neighbour:
    """A rule that would hold but for one fact."""

    title: str
    axis: str
    needed: str


@dataclass(frozen=True)
class Shown:
    """An answer, and what the page says of it in the words of its guideline."""

    answer: Mapping[str, Any]
    stated: tuple[tuple[str, str], ...]
    hidden: tuple[tuple[str, str], ...]
    numbers: Mapping[str, int]
    first: tuple[Open, ...]
    others: tuple[Open, ...]
    derived: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    neighbours: tuple[Neighbour, ...]
    changes: tuple[tuple[str, tuple[str, ...]], ...]
    studies: Mapping[str, str]
    sources: Mapping[str, int]
    """What a source is called in sentences -> its number."""

    @property
    def lead(self) -> Mapping[str, Any]:
        """The recommendation that answers the question."""
        found: Mapping[str, Any] = self.answer["recommendations"][0]
        return found

    @property
    def emergency(self) -> bool:
        """Whether it must not be missed."""
        return bool(self.lead["urgency"] == "emergency")

    def linked(self, text: str) -> Markup:
        """Return the text with each source that it names as a link to that source."""
        parts = self._named_sources.split(text) if self.sources else [text]
        return Markup("").join(  # escapes what it joins
            Markup('<a href="#source-{}">{}</a>').format(self.sources[part], part) if part in self.sources else part
            for part in parts
        )

    @cached_property
    def _named_sources(self) -> re.Pattern[str]:
        names = "|".join(re.escape(name) for name in sorted(self.sources, key=len, reverse=True))
        return re.compile(rf"\b({names})\b")

    def refs(self, names: Iterable[str]) -> list[int]:
        """Numbers of sources, in order."""
        return sorted(self.numbers[name] for name in names if name in self.numbers)


def shown_answer(answer: Answer) -> Shown:
    """The answer for a page."""
    told, guideline = answer_of(answer), answer.advice.guideline
    words, stated = Words(guideline), answer.advice.stated
    missing = [_open(item, told["recommendations"][0], words) for item in told["missing_facts"]]
    first = [item for item in missing if item.decisive][:FIRST] or missing[:FIRST]
    because, outcomes = told["because"], told["evidence"].values()
    return Shown(
        answer=told,
        stated=tuple(words.stated(stated)),
        hidden=tuple(filled_from(guideline.vocabulary, stated).items(multi=True)),
        numbers={source["id"]: number for number, source in enumerate(told["citations"], 1)},
        first=tuple(first),
        others=tuple(item for item in missing if item not in first),
        derived=tuple((words.title(axis), words.value(axis, value)) for axis, value in because["derived"].items()),
        steps=tuple(_steps(because["trace"], words)),
        neighbours=tuple(dict.fromkeys(_neighbour(near, words) for near in because["nearest"])),
        changes=tuple(
            (change["change"], tuple(words.rules[code].title for code in change["becomes"]))
            for change in told["what_would_change"]
        ),
        sources=_source_numbers(told["citations"], guideline),
        studies={each["study"]: each["name"] for outcome in outcomes for each in outcome["studies"]},
    )


def _source_numbers(citations: Iterable[Mapping[str, Any]], guideline: Guideline) -> dict[str, int]:
    """Return the number of each source by what the sentences of the release call it."""
    names = guideline.pages.sources if guideline.pages is not None else {}
    known = {each["id"]: number for number, each in enumerate(citations, 1)}
    called = {source_name(guideline.citations[name], names): number for name, number in known.items()}
    return {name: number for name, number in called.items() if name is not None}


def _open(item: Mapping[str, Any], lead: Mapping[str, Any], words: Words) -> Open:
    fact = item["fact"]
    alike: dict[tuple[str, ...], list[str]] = {}
    for value, told in item["would_become"].items():
        alike.setdefault((told["code"], told["statement"], told["certainty"]), []).append(value)
    outcomes = []
    for (code, statement, certainty), values in alike.items():
        outcomes.append(
            Outcome(
                values=tuple((words.value(fact, value), f"{fact}={value}") for value in values),
                title=words.rules[code].title,
                differs=code != lead["code"],
                same=statement == lead["statement"],
                certainty_differs=certainty != lead["certainty"],
                emergency=words.rules[code].urgency == "emergency",
                told=item["would_become"][values[0]],
            )
        )
    pairs = tuple(
        (words.together(pair["facts"]), pair["becomes"], words.rules[pair["becomes"]["code"]].title)
        for pair in item.get("together", ())
    )
    return Open(words.title(fact), item["decisive"], tuple(outcomes), pairs)


def _steps(trace: Iterable[Mapping[str, Any]], words: Words) -> Iterator[Step]:
    rules = words.guideline.rules
    for step in trace:
        read: dict[str, list[str]] = {}
        for name, value in step["inputs"].items():
            if name in words.guideline.helpers and name not in words.pages.values:
                continue
            read.setdefault(words.value(name, value), []).append(words.title(name))
        groups = tuple((", ".join(dict.fromkeys(titles)), value) for value, titles in read.items())
        rule = rules.get(step["output"])
        title = step["title"] if rule else words.title(step["table"])
        gave = rule.title if rule else words.value(step["table"], step["output"])
        yield Step(title, groups, gave, rule.id if rule else None)


def _neighbour(near: Mapping[str, Any], words: Words) -> Neighbour:
    feature = near["feature"]
    needed = " or ".join(words.value(feature, value) for value in near["needed"])
    return Neighbour(near["title"], words.title(feature), needed)
