"""A Redis for the replay guard and for feedback, shared by the tests here."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.conftest import RedisServer


@pytest.fixture(scope="session")
def redis() -> Iterator[str]:
    """Its URL."""
    with contextlib.closing(RedisServer()) as server:
        yield server.url
