"""A Redis for the replay guard and for feedback, shared by the tests here."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.browser import left_out
from tests.conftest import RedisServer

# Not every machine that runs the tests has a browser, and no line of the checklist depends on one.
collect_ignore = left_out("conformance")


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """Its URL."""
    with contextlib.closing(RedisServer()) as server:
        yield server.url
