"""Here are loops, and each has to end."""

import pytest


@pytest.fixture(autouse=True)
def _each_ends(finite: None) -> None:
    """Every test of this folder."""
