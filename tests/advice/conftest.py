"""Asking through the HTTP client, in as few words as the tests need."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from service.settings import CONTENT
from tests.conftest import GUIDELINE

DATA = Path(__file__).parents[1] / "data"
RELEASES = sorted(folder.name for folder in (CONTENT / "guidelines" / GUIDELINE).glob("*/"))


@pytest.fixture(scope="session")
def post(app: Flask) -> Callable[..., tuple[int, dict]]:
    """POST a body (a JSON value, or text as it is); gives status and JSON, whatever the status."""

    def posted(body: object, query: str = "") -> tuple[int, dict]:
        how = {"data": body, "content_type": "application/json"} if isinstance(body, str | bytes) else {"json": body}
        response = app.test_client().post(f"/v1/recommendations{query}", **how)
        assert response.mimetype in {"application/json", "application/problem+json"}
        return response.status_code, response.get_json()

    return posted


@pytest.fixture(scope="session", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """Each release of the guideline in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def cells(release: str) -> dict[tuple[str, str, str], dict[str, str]]:
    """The 560 cells of the specification's own enumeration, for a release."""
    with (DATA / f"decision_table_{release}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["metastatic_axis"], row["response_axis"], row["complication_tier"]): row for row in rows}
