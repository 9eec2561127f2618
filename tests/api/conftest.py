"""Applications besides the shared one: at another time and place, and with two releases of the guideline."""

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import create_app
from service.settings import Settings
from tests.api.asking import is_outcome
from tests.cds_hooks.hooks import ADDRESS, SERVICES, Ask, check_answer
from tests.conftest import GUIDELINE, NOON, copy_first_release

OLD, NEW = "2026-11-23", "2027-02-01"
"""The shipped release, and one that the tests make of it."""


class Clock:
    """A clock that a test can set."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> dt.datetime:
        return self.moment

    def set(self, day: dt.date) -> None:
        self.moment = dt.datetime.combine(day, dt.time(12), dt.UTC)


@pytest.fixture(scope="session")
def away() -> tuple[Flask, Clock]:
    """The same knowledge with another PUBLIC_URL, and its clock."""
    clock = Clock()
    return create_app(
        Settings(clock=clock, public_url="https://guideline.example", log_level="error", near_cache_bytes=0)
    ), clock


@pytest.fixture
def elsewhere(away: tuple[Flask, Clock]) -> Flask:
    """The same knowledge at the same noon with another PUBLIC_URL."""
    app, clock = away
    clock.set(NOON.date())
    return app


@pytest.fixture
def later(away: tuple[Flask, Clock]) -> Flask:
    """The same knowledge 400 days later, with another PUBLIC_URL."""
    app, clock = away
    clock.set(NOON.date() + dt.timedelta(days=400))
    return app


@pytest.fixture(scope="session")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content folder with the shipped release and a newer one, in which rule R16 is strong."""
    content = copy_first_release(tmp_path_factory.mktemp("releases") / "content")
    releases = content / "guidelines" / GUIDELINE
    shutil.copytree(releases / OLD, releases / NEW)
    edit(releases / NEW / "guideline.yaml", f'release: "{OLD}"', f'release: "{NEW}"')
    edit(releases / NEW / "rules" / "R16.yaml", "strength: conditional", "strength: strong")
    return content


@pytest.fixture(scope="session")
def updated(two_releases: Path) -> Flask:
    """The service after an update of the knowledge: both releases are loaded."""
    return create_app(Settings(clock=lambda: NOON, log_level="error", content=two_releases))


@pytest.fixture(scope="session")
def only_new(two_releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The service after the old release was taken away."""
    content = tmp_path_factory.mktemp("new") / "content"
    shutil.copytree(two_releases, content)
    shutil.rmtree(content / "guidelines" / GUIDELINE / OLD)
    return create_app(replace(Settings(clock=lambda: NOON, log_level="error"), content=content))


def edit(file: Path, before: str, after: str) -> None:
    """Change the one place in a file that reads so."""
    text = file.read_text()
    assert text.count(before) == 1, f"{file} has {text.count(before)} times: {before}"
    file.write_text(text.replace(before, after))


@pytest.fixture
def hook(client: FlaskClient) -> Ask:
    """POST a call; gives its cards, or with a status the OperationOutcome."""

    def post(body: Any, status: int = 200, service: str | None = None, **options: Any) -> Any:
        name = service or SERVICES.get(body.get("hook", "") if isinstance(body, dict) else "", SERVICES["patient-view"])
        sent = {"content_type": "application/json"} | options
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        response = client.post(f"{ADDRESS}{name}", data=data, **sent)
        if status != 200:
            return is_outcome(response, status)
        assert response.status_code == 200, response.get_data(as_text=True)
        assert response.mimetype == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
        return check_answer(response.get_json())

    return post
