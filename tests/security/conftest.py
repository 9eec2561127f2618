"""What the tests of this room share."""

from collections.abc import Iterator

import pytest
import structlog

from service.server import logs


@pytest.fixture
def all_lines() -> Iterator[None]:
    """Every line is logged, whatever level another test's application chose."""
    before = structlog.get_config()
    logs.configure("debug")
    yield
    structlog.configure(**before)
