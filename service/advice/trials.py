"""What a caller could still tell of a patient, and what each of its values would move in the point."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from service.engine.bounded_memo import BoundedMemo
from service.engine.compile import Point, values_of
from service.engine.table import Box
from service.engine.vocabulary import UNKNOWN
from service.knowledge.guideline import Guideline
from service.knowledge.model import Boxes
from service.knowledge.vocabulary import Finding, Findings, Stated

GRADES_OF_THE_LIVING = ("1", "2", "3", "4")
KEPT = 3_000
"""Sets of trials kept for each guideline, at about a kilobyte."""


class Trial(NamedTuple):
    """One value of a fact, as a caller would send it, and all that it moves in the point."""

    value: str
    moved: Mapping[str, str]
    implausible: Boxes
    """What it would bring about that cannot be, as far as this is not known yet."""
    contradicted: Boxes
    """The same for what contradicts other facts, which no emergency heeds."""


Trials: TypeAlias = tuple[frozenset[str], tuple[Trial, ...]]
"""Each value of a fact tried, after the names of all that any of them moves."""


class About(NamedTuple):
    """What the open facts of one guideline share."""

    guideline: Guideline
    known: BoundedMemo[tuple[str, object], Trials]


class OpenFact:
    """A fact that may be unknown. What its values move is worked out once for all patients alike in what it hears.

    Shared between threads: two may work out the same at once, which is the same twice.
    """

    def __init__(self, path: str, statable: Sequence[Stated], about: About, is_open: Callable[[Point], bool]) -> None:
        self.path = path
        self.is_open = is_open
        self._statable = statable
        self._guideline, self._known = about
        chain = self._guideline.chain
        names = {name for _, changes in statable for name in changes}
        self.reach = frozenset(names.union(*(chain.following[name] for name in names)))
        heard = chain.heard(names)
        self._settled = heard | self.reach
        self._alike = values_of(sorted(heard))

    def trials(self, point: Point) -> Trials:
        """Each value tried, after the names of all that any of them moves."""
        key = self.path, self._alike(point)
        found = self._known.get(key)
        if found is None:
            made = tuple(self._trial(value, changes, point) for value, changes in self._statable)
            found = self._known.remember(key, (frozenset[str]().union(*(each.moved for each in made)), made))
        return found

    def _trial(self, value: str, changes: Mapping[str, str], point: Point) -> Trial:
        moved = self._guideline.chain.moved(point, changes)
        after = {**point, **moved}
        implausible, contradicted = (
            tuple(self._unsettled([box for name in changes for box in brought[name]], after))
            for brought in (self._guideline.implausible_by, self._guideline.contradicted_by)
        )
        return Trial(value, moved, implausible, contradicted)

    def _unsettled(self, boxes: Iterable[Box], point: Point) -> Iterator[Box]:
        """Of the boxes in which such a point may lie, what is left to be looked at in each."""
        for box in boxes:
            if all(point[name] in accepted for name, accepted in box.items() if name in self._settled):
                yield {name: accepted for name, accepted in box.items() if name not in self._settled}


def open_facts(guideline: Guideline) -> Iterator[OpenFact]:
    """Every fact of which a caller could know more; a group of findings first as a whole, then each of them."""
    about = About(guideline, BoundedMemo(KEPT))
    for fact in guideline.vocabulary.askable:
        if isinstance(fact, Findings):
            yield from _of_findings(fact, about)
        else:
            yield OpenFact(fact.path, fact.statable, about, partial(_unknown, fact.first))


def _unknown(name: str, point: Point) -> bool:
    return point[name] == UNKNOWN


def _of_findings(fact: Findings, about: About) -> Iterator[OpenFact]:
    guideline, findings = about.guideline, tuple(fact.findings.values())

    def none_present(point: Point) -> bool:
        unknown = any(point[finding.presence] == UNKNOWN for finding in findings)
        return unknown and not any(guideline.present(finding, point) for finding in findings)

    none = {finding.presence: "absent" for finding in findings}
    yield OpenFact(fact.path, [("none", none)], about, none_present)
    for finding in findings:

        def perhaps(point: Point, finding: Finding = finding) -> bool:
            return point[finding.presence] == UNKNOWN and not guideline.present(finding, point)

        either = [(presence, {finding.presence: presence}) for presence in ("absent", "present")]
        yield OpenFact(finding.path, either, about, perhaps)
        for name, statable in _details(finding):

            def detail(point: Point, finding: Finding = finding, name: str = name) -> bool:
                return point[name] == UNKNOWN and guideline.present(finding, point)

            yield OpenFact(name, statable, about, detail)


def _details(finding: Finding) -> Iterator[tuple[str, Sequence[Stated]]]:
    if finding.ctcae is not None:
        yield finding.grade, [(grade, {finding.grade: grade}) for grade in GRADES_OF_THE_LIVING]
    for flag in finding.flags.values():
        yield flag.path, flag.statable
