"""The shipped vocabulary, its reader and its schema."""

import datetime as dt
from collections.abc import Callable

import pytest

from service.facts.normal_form import normal_form
from service.facts.schema import FactsSchema, request_schema
from service.knowledge.guideline import Guideline
from service.knowledge.vocabulary import Vocabulary
from tests.strategies import TODAY


@pytest.fixture(scope="session")
def vocabulary(guideline: Guideline) -> Vocabulary:
    return guideline.vocabulary


@pytest.fixture(scope="session")
def schema(vocabulary: Vocabulary) -> FactsSchema:
    return request_schema(vocabulary)


@pytest.fixture(scope="session")
def normal(vocabulary: Vocabulary, schema: FactsSchema) -> Callable[..., dict[str, str]]:
    """The normal form of a body that the schema accepts."""

    def formed(body: dict, today: dt.date = TODAY) -> dict[str, str]:
        return normal_form(vocabulary, schema.load(body), today)

    return formed
