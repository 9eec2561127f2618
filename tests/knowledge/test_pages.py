"""pages.yaml: every fact is asked for once, every code has words, every name stands for something."""

from dataclasses import replace

import pytest

from service.knowledge.guideline import Guideline
from service.knowledge.pages import Group, Pages, faults


def told(guideline: Guideline, pages: Pages) -> list[tuple[str, str]]:
    chain = guideline.chain
    return list(faults(pages, guideline.vocabulary, [chain.features[table.table.name] for table in chain.tables]))


@pytest.fixture
def pages(guideline: Guideline) -> Pages:
    assert guideline.pages is not None
    return guideline.pages


def test_the_shipped_pages_have_no_fault(guideline: Guideline, pages: Pages) -> None:
    assert told(guideline, pages) == []


def test_a_fact_that_nobody_asks_for_is_a_fault(guideline: Guideline, pages: Pages) -> None:
    assert told(guideline, replace(pages, groups=pages.groups[1:])) == [
        ("/groups", "no group has the fact metastatic_status"),
        ("/groups", "no group has the fact presentation"),
    ]


@pytest.mark.parametrize("name", ["hat", "ecog", "as_of"])
def test_a_fact_that_there_is_not_or_that_stands_twice_is_a_fault(
    guideline: Guideline, pages: Pages, name: str
) -> None:
    groups = (*pages.groups, Group("More", (name,)))
    assert told(guideline, replace(pages, groups=groups)) == [("/groups", f"no such fact, or it stands twice: {name}")]


def test_a_value_without_words_is_a_fault(guideline: Guideline, pages: Pages) -> None:
    for name in ("sex", "complication_tier"):
        values = {**pages.values, name: dict(list(pages.values[name].items())[1:])}
        missing = next(iter(pages.values[name]))
        assert told(guideline, replace(pages, values=values)) == [(f"/values/{name}", f"no words for {missing}")]


def test_a_name_of_nothing_is_a_fault(guideline: Guideline, pages: Pages) -> None:
    assert told(guideline, replace(pages, titles={**pages.titles, "hat": "Hat"})) == [
        ("/titles/hat", "no such fact or derived feature")
    ]
