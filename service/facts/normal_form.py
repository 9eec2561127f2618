"""Normal form: what was stated, in the bands that the tables read; everything else at its default, unknown."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from service.engine.vocabulary import UNKNOWN
from service.facts.schema import NONE
from service.knowledge.vocabulary import Date, Fact, Findings, Members, Record, ReferenceDate, Vocabulary

GRACE = dt.timedelta(days=1)
"""A date up to a day ahead of as_of is not in the future: the caller may live east of UTC."""


def normal_form(vocabulary: Vocabulary, loaded: Mapping[str, Any], today: dt.date) -> dict[str, str]:
    """Feature -> value, from what the request schema has loaded."""
    point = dict(vocabulary.nothing)
    as_of = (loaded.get(vocabulary.reference) if vocabulary.reference else None) or today
    for name, value in loaded.items():
        if value is not None and name in vocabulary.facts:
            place(vocabulary.facts[name], value, point, as_of)
    if vocabulary.reference is not None and as_of > today:
        point[vocabulary.reference] = "future"
    return point


def place(fact: Fact, value: Any, point: dict[str, str], as_of: dt.date) -> None:
    """Set the features of one fact."""
    match fact:
        case Record():
            for name, part in value.items():
                if part is not None:
                    place(fact.members[name], part, point, as_of)
        case Findings():
            _findings(fact, value, point)
        case Members():
            for name in fact.values:
                point[f"{fact.path}.{name}"] = "listed" if name in value else "not_listed"
            point[f"{fact.path}.count"] = counted(len(set(value)))
        case Date():
            point[fact.path] = dated(fact, value, as_of)
        case ReferenceDate():
            pass
        case _:
            point[fact.path] = value


def dated(fact: Date, day: dt.date, as_of: dt.date) -> str:
    """The band of a day: within, older, or future."""
    if day - as_of > GRACE:
        return "future"
    return "older" if (as_of - day).days > fact.within_days else fact.recent


def counted(number: int) -> str:
    """The band of the number of words in a list."""
    return str(number) if number <= 1 else "2+"


def recount(vocabulary: Vocabulary, point: dict[str, str]) -> dict[str, str]:
    """Set the features that follow from others (how many words a list has). The point is changed and given back."""
    for fact in vocabulary.facts.values():
        if isinstance(fact, Members):
            stated = [point[feature.name] for feature in fact.features]
            known = UNKNOWN not in stated
            point[f"{fact.path}.count"] = counted(stated.count("listed")) if known else UNKNOWN
    return point


def _findings(fact: Findings, value: Any, point: dict[str, str]) -> None:
    if value == NONE:
        for finding in fact.findings.values():
            point[finding.presence] = "absent"
    elif isinstance(value, list):
        if not value:
            point[fact.form.name] = "empty_list"
        for name in value:
            point[fact.findings[name].presence] = "present"
    elif isinstance(value, dict):
        for name, entry in value.items():
            for part, stated in (entry or {}).items():
                if stated is not None:
                    point[f"{fact.findings[name].path}.{part}"] = stated
