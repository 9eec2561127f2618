"""A Redis for the replay guard and for feedback, shared by the tests here."""

from collections.abc import Iterator

import pytest

from tests.conformance.redis_server import redis_server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url
