"""An answer as people read it: made from the JSON that the API gives, so that a page and the API cannot differ."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.advice.question import Answer
from service.advice.render import full
from service.knowledge.guideline import Guideline
from service.web.form import filled_from
from service.web.words import Words

FIRST = 4
"""Missing facts that are shown before one asks for the others."""


def answer_of(answer: Answer) -> dict[str, Any]:
    """The JSON of the answer, in the view full."""
    return full(answer)


def words_of(guideline: Guideline) -> Words:
    """The words of a release."""
    return Words(guideline)


@dataclass(frozen=True)
class Outcome:
    """What one value of a missing fact would make of the answer. `change` is what the form's buttons send."""

    word: str
    change: str
    title: str
    differs: bool
    emergency: bool
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Open:
    """A fact that is not known, with what each of its values would make of the answer."""

    title: str
    decisive: bool
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Step:
    """One table's part in the answer: what it read, in groups of equal values, and what came out."""

    title: str
    read: tuple[tuple[str, str], ...]
    gave: str


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
    studies: Mapping[str, str]

    @property
    def lead(self) -> Mapping[str, Any]:
        """The recommendation that answers the question."""
        found: Mapping[str, Any] = self.answer["recommendations"][0]
        return found

    @property
    def emergency(self) -> bool:
        """Whether it must not be missed."""
        return bool(self.lead["urgency"] == "emergency")

    def refs(self, names: Iterable[str]) -> list[int]:
        """Numbers of sources, in order."""
        return sorted(self.numbers[name] for name in names if name in self.numbers)


def shown_answer(answer: Answer) -> Shown:
    """The answer for a page."""
    told, guideline = answer_of(answer), answer.advice.guideline
    words, stated = words_of(guideline), answer.advice.stated
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
        studies={each["study"]: each["name"] for outcome in outcomes for each in outcome["studies"]},
    )


def _open(item: Mapping[str, Any], lead: Mapping[str, Any], words: Words) -> Open:
    fact = item["fact"]
    outcomes = (
        Outcome(
            word=words.value(fact, value),
            change=f"{fact}={value}",
            title=words.rules[told["code"]].title,
            differs=told["code"] != lead["code"],
            emergency=words.rules[told["code"]].urgency == "emergency",
            told=told,
        )
        for value, told in item["would_become"].items()
    )
    return Open(words.title(fact), item["decisive"], tuple(outcomes))


def _steps(trace: Iterable[Mapping[str, Any]], words: Words) -> Iterator[Step]:
    rules = words.guideline.rules
    for step in trace:
        read: dict[str, list[str]] = {}
        for name, value in step["inputs"].items():
            read.setdefault(words.value(name, value), []).append(words.title(name))
        groups = tuple((", ".join(dict.fromkeys(titles)), value) for value, titles in read.items())
        rule = rules.get(step["output"])
        title = step["title"] if rule else words.title(step["table"])
        yield Step(title, groups, f"{rule.title} ({rule.id})" if rule else words.value(step["table"], step["output"]))


def _neighbour(near: Mapping[str, Any], words: Words) -> Neighbour:
    feature = near["feature"]
    needed = " or ".join(words.value(feature, value) for value in near["needed"])
    return Neighbour(near["title"], words.title(feature), needed)
