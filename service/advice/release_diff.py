"""Two releases of a guideline side by side: which patients get another answer, and from which words and figures.

Counted over every cell of the decision table and over the patients of the worked cases of both releases. A patient whom
the older release cannot hear of in full is told to it without the facts that it does not know.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from threading import Lock
from typing import Any

from service.advice.case_check import case_body
from service.advice.question import Answer, Questioner
from service.evidence.outcomes import Effect, Outcome, ratio_text
from service.facts.json_body import parse
from service.knowledge.citing import source_name
from service.knowledge.guideline import Guideline
from service.knowledge.model import Rule
from service.knowledge.words import Words

Json = dict[str, Any]
Cell = tuple[str, ...]
MAX_TRIES = 30_000
"""Patients tried, one fact away from a worked case, to find one for a cell that no worked case lies in."""
MAX_SENTENCES = 3
"""Pairs of sentences shown of one rule; the others are counted."""
GRADES = ("direction", "strength", "certainty", "urgency")


@dataclass(frozen=True)
class Patient:
    """One patient with the answer of each release, and the name of the worked case."""

    name: str | None
    before: Answer
    after: Answer

    @property
    def rules(self) -> tuple[str, str]:
        """Ids of the rules that lead, before and after."""
        return self.before.advice.decision.rule.id, self.after.advice.decision.rule.id


class ComparisonBusyError(Exception):
    """A comparison is being worked out for another caller."""


class ComparisonCache:
    """The comparisons of one day, each worked out once. A comparison takes seconds of a processor: one at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._comparisons: dict[tuple[tuple[str, str], tuple[str, str], dt.date], Json] = {}

    def compare(self, before: Questioner, after: Questioner, today: dt.date) -> Json:
        """Return the comparison of two releases. Raises ComparisonBusyError while one is worked out for another caller.

        A caller does not wait, because it would hold a thread that the advice needs.
        """
        key = before.guideline.key, after.guideline.key, today
        comparison = self._comparisons.get(key)
        if comparison is not None:
            return comparison
        if not self._lock.acquire(blocking=False):
            raise ComparisonBusyError
        try:
            if key not in self._comparisons:
                of_today = {other: known for other, known in self._comparisons.items() if other[-1] == today}
                self._comparisons = {**of_today, key: compare_releases(before, after, today)}
            return self._comparisons[key]
        finally:
            self._lock.release()


def compare_releases(before: Questioner, after: Questioner, today: dt.date) -> Json:
    """Return what is different in the answers of two releases, as JSON. Worked cases without a day are asked today."""
    return _Comparison(before, after).to_json(today)


class _Comparison:
    def __init__(self, before: Questioner, after: Questioner) -> None:
        self.before, self.after = before, after
        self.words = Words(after.guideline)

    def to_json(self, today: dt.date) -> Json:
        patients = list(self.patients(today))
        cells = list(self.changed_cells())
        same = [patient for patient in patients if not _is_another(patient)]
        words = [patient for patient in same if _statements(patient)[0] != _statements(patient)[1]]
        return {
            "guideline": self.after.guideline.release.id,
            "from": _release(self.before.guideline),
            "to": _release(self.after.guideline),
            "changes": list(self.after.guideline.release.changes),
            "counts": {
                "cells": self.after.guideline.table.table.cells,
                "cells_with_another_rule": len(cells),
                "patients": len(patients),
                "patients_with_another_rule": len(patients) - len(same),
                "patients_with_other_words": len(words),
            },
            "answers": list(self.answers(patients, cells)),
            "grades": list(self.grades(same)),
            "wording": list(self.wording(words)),
            "options": list(self.options(same)),
            "facts": self.facts(),
            "evidence": self.evidence(),
        }

    # ---- patients

    def patients(self, today: dt.date) -> Iterator[Patient]:
        """Yield the patient of each worked case of both releases that both answer, each once."""
        known = set()
        for questioner in (self.before, self.after):
            for case in questioner.guideline.cases:
                result = questioner.ask(parse(case_body(case).encode()), today)
                if isinstance(result, Answer) and not result.refused:
                    patient = self.patient(case.name, result.advice.stated)
                    if patient is not None and patient.after.decision_id not in known:
                        known.add(patient.after.decision_id)
                        yield patient

    def patient(self, name: str | None, stated: Mapping[str, str]) -> Patient | None:
        """Return the answers of both releases to these facts; None if one of them refuses them."""
        before, after = (_recalled(questioner, stated) for questioner in (self.before, self.after))
        return None if before is None or after is None else Patient(name, before, after)

    def changed_cells(self) -> Iterator[tuple[Cell, tuple[str, str]]]:
        """Yield each cell that another rule answers, with the ids of both; none if the axes are others."""
        axes = self.after.guideline.release.axes
        if self.before.guideline.release.axes != axes:
            return
        features = [
            [release.guideline.chain.features[axis].values for axis in axes] for release in (self.before, self.after)
        ]
        for values in product(*features[1]):
            if all(value in known for value, known in zip(values, features[0], strict=True)):
                cell = dict(zip(axes, values, strict=True))
                rules = tuple(release.guideline.table.decide(cell).output for release in (self.before, self.after))
                if rules[0] != rules[1]:
                    yield values, (rules[0], rules[1])

    # ---- another answer

    def answers(self, patients: Sequence[Patient], cells: Sequence[tuple[Cell, tuple[str, str]]]) -> Iterator[Json]:
        """Yield each change from one rule to another with how many it concerns and a patient of it."""
        groups: dict[tuple[str, str], list[Patient]] = {}
        for patient in filter(_is_another, patients):
            groups.setdefault(patient.rules, []).append(patient)
        in_table: dict[tuple[str, str], list[Cell]] = {}
        for cell, rules in cells:
            in_table.setdefault(rules, []).append(cell)
        keys = dict.fromkeys((*in_table, *groups))
        for rules in sorted(keys, key=lambda key: (key[1] in self.after.guideline.release.gates, key)):
            concerned = groups.get(rules, [])
            example = concerned[0] if concerned else self.neighbour(patients, in_table[rules], rules)
            old, new = self.before.guideline.rules[rules[0]], self.after.guideline.rules[rules[1]]
            yield {
                "why": self.reason(rules, in_table=rules in in_table),
                "before": _rule(old),
                "after": _rule(new),
                "cells": [self.cell_words(cell) for cell in in_table.get(rules, [])],
                "patients": len(concerned),
                "patient": example and self.told(example),
            }

    def cell_words(self, cell: Cell) -> list[str]:
        """Return a cell in words, an axis after the other."""
        axes = self.after.guideline.release.axes
        return [self.words.value(axis, value) for axis, value in zip(axes, cell, strict=True)]

    def reason(self, rules: tuple[str, str], *, in_table: bool) -> str:
        """Return whether a gate, the table or another reading of the facts made the change."""
        if rules[1] in self.after.guideline.release.gates or rules[0] in self.before.guideline.release.gates:
            return "gate"
        return "table" if in_table else "facts"

    def neighbour(self, patients: Sequence[Patient], cells: Sequence[Cell], rules: tuple[str, str]) -> Patient | None:
        """Return a patient of one of these cells, one fact away from a worked case."""
        axes, chain = self.after.guideline.release.axes, self.after.guideline.chain
        reach = {axis: {name for name, follows in chain.following.items() if axis in follows} for axis in axes}
        moves = [
            changes
            for fact in self.after.guideline.vocabulary.askable
            for _, changes in fact.statable
            if any(not reach[axis].isdisjoint(changes) for axis in axes)
        ]
        tries = (
            {**patient.after.advice.stated, **changes}
            for patient, changes in product(patients, moves)
            if any(_distance(patient, axes, cell) <= 1 for cell in cells)
        )
        for stated in islice(tries, MAX_TRIES):
            point = chain.derive(stated)
            if tuple(point[axis] for axis in axes) in cells:
                found = self.patient(None, stated)
                if found is not None and found.rules == rules:
                    return found
        return None

    # ---- the same rule, otherwise said

    def grades(self, patients: Iterable[Patient]) -> Iterator[Json]:
        """Yield each grade of a rule that is another for some patients."""
        groups: dict[tuple[str, str, str, str], list[Patient]] = {}
        for patient in patients:
            old, new = (_graded(answer) for answer in (patient.before, patient.after))
            for name in GRADES:
                if old[name] != new[name]:
                    groups.setdefault((patient.rules[1], name, old[name], new[name]), []).append(patient)
        for (rule, name, was, becomes), concerned in sorted(groups.items(), key=lambda item: item[0]):
            change = {"grade": name, "before": was, "after": becomes}
            yield _rule(self.after.guideline.rules[rule]) | change | self.counted(concerned)

    def wording(self, patients: Iterable[Patient]) -> Iterator[Json]:
        """Yield for each rule the sentences that are others, the most frequent first."""
        by_rule: dict[str, dict[tuple[str, str], list[Patient]]] = {}
        for patient in patients:
            by_rule.setdefault(patient.rules[1], {}).setdefault(_statements(patient), []).append(patient)
        for rule, pairs in sorted(by_rule.items()):
            ordered = sorted(pairs.items(), key=lambda item: -len(item[1]))
            yield _rule(self.after.guideline.rules[rule]) | {
                "patients": sum(map(len, pairs.values())),
                "sentences": [
                    {"before": old, "after": new} | self.counted(concerned)
                    for (old, new), concerned in ordered[:MAX_SENTENCES]
                ],
                "further_sentences": max(0, len(ordered) - MAX_SENTENCES),
            }

    def options(self, patients: Iterable[Patient]) -> Iterator[Json]:
        """Yield for each rule the options that are offered more, or no more, to somebody."""
        changed: dict[str, tuple[Counter[str], Counter[str], list[Patient]]] = {}
        for patient in patients:
            old, new = (_options(answer) for answer in (patient.before, patient.after))
            if set(old) != set(new):
                added, removed, concerned = changed.setdefault(patient.rules[1], (Counter(), Counter(), []))
                added.update(text for text in new if text not in old)
                removed.update(text for text in old if text not in new)
                concerned.append(patient)
        for rule, (added, removed, concerned) in sorted(changed.items()):
            lists = {"added": list(added), "removed": list(removed)}
            yield _rule(self.after.guideline.rules[rule]) | lists | self.counted(concerned)

    # ---- facts and evidence

    def facts(self) -> Json:
        """Return the facts and the values that only one of the releases knows, in words."""
        old, new = (release.guideline.vocabulary.single_facts for release in (self.before, self.after))
        earlier = Words(self.before.guideline)
        values = [
            {"fact": self.words.title(name), "values": [self.words.value(name, value) for value in more]}
            for name, fact in new.items()
            if name in old and (more := [v for v in _values(fact) if v not in _values(old[name])])
        ]
        return {
            "added": [self.words.title(name) for name in new if name not in old],
            "removed": [earlier.title(name) for name in old if name not in new],
            "values_added": values,
        }

    def evidence(self) -> Json:
        """Return the figures, pools and sources that are others."""
        old, new = (release.guideline for release in (self.before, self.after))
        outcomes = {outcome.id: outcome for outcome in old.evidence.outcomes}
        return {
            "outcomes": [
                {"title": outcome.title, "changes": changes}
                for outcome in new.evidence.outcomes
                if (changes := list(_outcome_changes(outcomes.get(outcome.id), outcome)))
            ],
            "sources_added": _sources(new, _cited(new) - _cited(old)),
            "sources_removed": _sources(old, _cited(old) - _cited(new)),
        }

    # ---- telling

    def counted(self, concerned: Sequence[Patient]) -> Json:
        return {"patients": len(concerned), "patient": self.told(concerned[0])}

    def told(self, patient: Patient) -> Json:
        """Return a patient with the facts in words and both answers."""
        stated = self.words.stated(patient.after.advice.stated)
        return {
            "case": patient.name,
            "facts": [{"fact": title, "value": value} for title, value in stated],
            "before": _answer(patient.before),
            "after": _answer(patient.after),
        }


def _recalled(questioner: Questioner, stated: Mapping[str, str]) -> Answer | None:
    """Return the answer of a release to those of the facts that it knows."""
    vocabulary = questioner.guideline.vocabulary
    values = {feature.name: feature.values for feature in (*vocabulary.features, *vocabulary.counted)}
    known = {name: value for name, value in stated.items() if value in values.get(name, ())}
    return questioner.recall(questioner.encoder.encode({**vocabulary.nothing, **known}))


def _distance(patient: Patient, axes: Sequence[str], cell: Cell) -> int:
    """Return how many axes of a patient lie elsewhere than in the cell."""
    point = patient.after.advice.decision.point
    return sum(point[axis] != value for axis, value in zip(axes, cell, strict=True))


def _is_another(patient: Patient) -> bool:
    old, new = (answer.advice.decision.rule for answer in (patient.before, patient.after))
    return (old.id, old.code) != (new.id, new.code)


def _statements(patient: Patient) -> tuple[str, str]:
    return patient.before.advice.lead.statement, patient.after.advice.lead.statement


def _graded(answer: Answer) -> dict[str, str]:
    lead = answer.advice.lead
    return dict(zip(GRADES, (lead.rule.direction, lead.rule.strength, lead.certainty, lead.urgency), strict=True))


def _options(answer: Answer) -> list[str]:
    options = answer.advice.guideline.options
    return [options[offered.id].text for offered in answer.advice.lead.options]


def _values(fact: Any) -> tuple[str, ...]:
    return tuple(getattr(fact, "values", ()))


def _answer(answer: Answer) -> Json:
    lead = answer.advice.lead
    return _rule(lead.rule) | {
        "statement": lead.statement,
        "urgency": lead.urgency,
        "decision_id": answer.decision_id,
        "page": f"/decisions/{answer.decision_id}",
    }


def _rule(rule: Rule) -> Json:
    return {"rule": rule.id, "title": rule.title, "direction": rule.direction}


def _release(guideline: Guideline) -> Json:
    release = guideline.release
    return {"release": release.release, "digest": guideline.digest, "evidence_date": release.evidence_date.isoformat()}


def _cited(guideline: Guideline) -> set[str]:
    rules = {source.id for rule in guideline.rules.values() for source in rule.sources}
    return rules | {name for option in guideline.options.values() for name in option.citations}


def _sources(guideline: Guideline, ids: Iterable[str]) -> list[Json]:
    names = guideline.pages.sources if guideline.pages is not None else {}
    sources = [guideline.citations[name] for name in sorted(ids)]
    return [{"id": s.id, "name": source_name(s, names) or s.source, "title": s.title or s.source} for s in sources]


def _outcome_changes(old: Outcome | None, new: Outcome) -> Iterator[str]:
    """Yield a sentence for each figure, pool or statement of an outcome that is another."""
    if old is None:
        yield "The outcome is new."
        old_parts: dict[str, str] = {}
    else:
        old_parts = _parts(old)
    new_parts = _parts(new)
    for name, text in new_parts.items():
        if name not in old_parts:
            yield f"New: {text}."
        elif old_parts[name] != text:
            yield f"{old_parts[name]} becomes {text}."
    yield from (f"No longer shown: {text}." for name, text in old_parts.items() if name not in new_parts)


def _parts(outcome: Outcome) -> dict[str, str]:
    """Return what an outcome shows, each part by a key that both releases share."""
    parts = {f"trial {each.id}": _effect(each) for each in (*outcome.trials, *outcome.published)}
    parts |= {f"pool {pool.id}": f"{pool.title}, {ratio_text(pool.pool.random)}" for pool in outcome.pools}
    return parts | {f"words {each.text}": each.text.removesuffix(".") for each in outcome.statements}


def _effect(effect: Effect) -> str:
    name = ", ".join(filter(None, (effect.name, effect.stratum)))
    return f"{name}, {ratio_text(effect.interval)}"
