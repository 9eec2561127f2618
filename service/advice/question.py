"""From a body to an answer or a refusal. An emergency in the body is answered whatever else is wrong with it."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from marshmallow import ValidationError

from service.advice.advice import Advice
from service.advice.decision import Decision, contradictions, decide
from service.advice.wordings import Wordings
from service.facts.identifier import Encoder, write
from service.facts.json_body import Json, Repeated, crowded, pointer, repeated, repeats, salvage
from service.facts.normal_form import normal_form, recount
from service.facts.refusal import Fault, Refusal
from service.facts.schema import SCHEMA, UNKNOWN_MEMBER, FactsSchema, request_schema
from service.facts.tolerant import FoldingReader, TolerantReader
from service.knowledge.guideline import Guideline
from service.knowledge.model import Clause
from service.knowledge.vocabulary import REPEATED

MEMBERS = 1000
"""Members and items of one body, all told; the fullest patient has about a hundred. Looking at each of 80,000 takes
seconds, so a body with more is refused as a whole, unless an emergency is in it."""
COMBINATIONS = 1024
"""Of repeated keys so many combinations are tried; beyond it one feature after the other."""


@dataclass(frozen=True)
class Answer:
    """An answer, its permanent name, and, in an emergency, the members that could not be read."""

    advice: Advice
    decision_id: str
    refused: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Urgent:
    """What to do today although the facts are refused."""

    code: str
    statement: str
    is_emergency: bool


@dataclass(frozen=True)
class Refused:
    """Facts that are refused: every fault at once."""

    faults: tuple[Fault, ...]
    urgent: Urgent | None


class Questioner:
    """Asks one release of a guideline. Made once, used by all threads."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.schema: FactsSchema = request_schema(guideline.vocabulary)
        self.encoder = Encoder(guideline.vocabulary)
        self.wordings = Wordings(guideline)
        rules = (
            clause for clause in guideline.contradictions.items if any(REPEATED.name in box for box in clause.when)
        )
        self.repeated = next((clause.id for clause in rules), None)

    def ask(self, tree: Json, today: dt.date) -> Answer | Refused:
        """Answer for a parsed body; `today` is the day in UTC."""
        if crowded(tree, MEMBERS):
            detail = f"A patient has at most {MEMBERS} members and items; this is something else."
            return self._faulty(tree, [Fault("", "too_many_members", detail)], today)
        faults: list[Fault] = []
        if repeats(tree):
            detail = "This key is stated more than once; each value was counted."
            faults = [Fault(place, "repeated_key", detail, self.repeated) for place in repeated(tree)]
        loaded, more = self._load(_once(tree) if faults else tree)
        faults += more
        if faults:
            return self._faulty(tree, faults, today)
        stated = normal_form(self.guideline.vocabulary, loaded, today)
        decision = decide(self.guideline, stated)
        if not decision.emergency and (wrong := contradictions(decision)):
            return Refused(tuple(_placed(wrong, tree)), self._urgent(decision))
        return self._answer(decision, stated)

    def recall(self, facts: str) -> Answer | None:
        """Answer for the facts part of a decision_id, or None where it is not one that could have been given."""
        stated = self.encoder.decode(facts)
        if stated is None:
            return None
        decision = decide(self.guideline, stated)
        if contradictions(decision) and not decision.emergency:
            return None
        return self._answer(decision, stated)

    def emergency_in(self, tree: Json, today: dt.date) -> bool:
        """Whether anything readable in a body amounts to an emergency: all that those ask who will not answer more."""
        return decide(self.guideline, self._readable(tree, today)).emergency

    def _answer(self, decision: Decision, stated: Mapping[str, str], refused: tuple[Fault, ...] = ()) -> Answer:
        name = write(*self.guideline.key, self.encoder.encode(stated))
        return Answer(Advice(decision, stated, self.wordings), name, refused)

    def faults(self, tree: Json) -> list[Fault]:
        """What the schema says against a body without repeated keys."""
        return self._load(tree)[1]

    def _load(self, tree: Json) -> tuple[dict[str, Any], list[Fault]]:
        try:
            return self.schema.load(tree), []
        except ValidationError as error:
            loaded = error.valid_data if isinstance(error.valid_data, dict) else {}
            return loaded, list(_flat(error.messages))

    def _faulty(self, tree: Json, faults: list[Fault], today: dt.date) -> Answer | Refused:
        return self.despite(tree, faults, self._readable(tree, today), today)

    def despite(self, tree: Json, faults: list[Fault], stated: Mapping[str, str], today: dt.date) -> Answer | Refused:
        """What is said although a body has these faults: the answer in an emergency, else the refusal.

        `stated`: the point of everything that can be read.
        """
        decision = decide(self.guideline, stated)
        if decision.emergency:
            return self._answer(decision, stated, tuple(sorted(faults)))
        told = {fault.pointer for fault in faults}
        wrong = [
            fault for fault in _placed(contradictions(decision), tree) if fault.pointer not in told and fault.pointer
        ]
        return Refused(tuple(sorted((*faults, *wrong))), self.urgent_in(tree, today) or self._urgent(decision))

    def urgent_in(self, tree: Json, today: dt.date) -> Urgent | None:
        """Return what to do today for a patient whose body is refused, near misses of names and values included."""
        patient = tree[0] if isinstance(tree, list) and len(tree) == 1 else tree
        return self._urgent(decide(self.guideline, self._readable(patient, today, FoldingReader)))

    def urgent_in_unreadable(self, body: bytes, today: dt.date, most: int = 1) -> Urgent | None:
        """Return what to do today for the gravest of at most `most` patients in a body that `parse` refuses."""
        try:
            tree = salvage(body)
            patients = tree if isinstance(tree, list) else [tree]
            return gravest(self.urgent_in(patient, today) for patient in patients) if len(patients) <= most else None
        except RecursionError:
            return None

    def _readable(self, tree: Json, today: dt.date, reader: type[TolerantReader] = TolerantReader) -> dict[str, str]:
        """The point of everything that can be read; of several values for one feature the gravest."""
        vocabulary = self.guideline.vocabulary
        found = reader(vocabulary, today).read(tree)
        point = dict(vocabulary.nothing) | {name: values[0] for name, values in found.items() if values}
        if repeats(tree):
            point[REPEATED.name] = "yes"
        return recount(vocabulary, self._gravest(point, {name: v for name, v in found.items() if len(v) > 1}))

    def _gravest(self, point: dict[str, str], several: Mapping[str, list[str]]) -> dict[str, str]:
        """The point with, of several values for a feature, those that together are gravest."""
        if prod(map(len, several.values())) <= COMBINATIONS:
            trials = ({**point, **dict(zip(several, values, strict=True))} for values in product(*several.values()))
            return min(trials, key=self._rank)
        for name, values in several.items():
            point = min(({**point, name: value} for value in values), key=self._rank)
        return point

    def _rank(self, point: Mapping[str, str]) -> int:
        """How grave a point is, 0 the gravest."""
        tier = self.guideline.release.tier
        if tier is None:
            return 0
        return self.guideline.chain.features[tier].values.index(self.guideline.chain.derive(point)[tier])

    def _urgent(self, decision: Decision) -> Urgent | None:
        if not (decision.urgent or decision.emergency):
            return None
        return Urgent(decision.rule.code, self.wordings.of(decision).statement, decision.emergency)


def gravest(found: Iterable[Urgent | None]) -> Urgent | None:
    """Return an emergency if there is one, else the first that is urgent."""
    return min(filter(None, found), key=lambda urgent: not urgent.is_emergency, default=None)


def _once(tree: Json) -> Json:
    """The tree without the keys that stand more than once, for the schema; they are refused by themselves."""
    if isinstance(tree, dict):
        return {key: _once(value) for key, value in tree.items() if not isinstance(value, Repeated)}
    return [_once(value) for value in tree] if isinstance(tree, list) else tree


def _flat(messages: Any, *path: str | int) -> Iterator[Fault]:
    if isinstance(messages, dict):
        for name, below in messages.items():
            whole = name == SCHEMA and all(getattr(text, "code", "") != UNKNOWN_MEMBER for text in below)
            yield from _flat(below, *(path if whole else (*path, name)))
    else:
        for text in messages:
            code, rule = (text.code, text.rule) if isinstance(text, Refusal) else ("invalid_value", None)
            yield Fault(pointer(*path), code, str(text), rule)


def _placed(clauses: list[Clause], tree: Json) -> Iterator[Fault]:
    """A fault for each member that a contradiction is about, with a pointer to where the body states it."""
    seen = set()
    for clause in clauses:
        for path in clause.at:
            place = pointer(*_stated_at(path.split("."), tree))
            if (place, clause.id) not in seen:
                seen.add((place, clause.id))
                yield Fault(place, "contradiction", clause.detail, clause.id)


def _stated_at(path: list[str], tree: Json) -> Iterator[str | int]:
    """The part of the path that the body has: a bare word stands for its parts."""
    for part in path:
        if isinstance(tree, list) and part in tree:
            yield tree.index(part)
            return
        if not isinstance(tree, dict) or part not in tree:
            return
        yield part
        tree = tree[part]
