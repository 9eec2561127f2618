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
from service.settings import CONTENT, Settings
from tests.api.asking import is_outcome
from tests.cds_hooks.hooks import ADDRESS, SERVICES, Ask, check_answer
from tests.conftest import GUIDELINE, NOON

OLD, CURRENT, NEW = "2026-11-23", "2026-12-01", "2027-02-01"
"""The shipped releases, and one that the tests make of the newer one."""


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
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content folder with the shipped releases and a newer one, in which rule R16 is strong."""
    content = tmp_path_factory.mktemp("releases") / "content"
    shutil.copytree(CONTENT, content)
    folders = content / "guidelines" / GUIDELINE
    shutil.copytree(folders / CURRENT, folders / NEW)
    edit(folders / NEW / "guideline.yaml", f'release: "{CURRENT}"', f'release: "{NEW}"')
    edit(folders / NEW / "rules" / "R16.yaml", "strength: conditional", "strength: strong")
    return content


@pytest.fixture(scope="session")
def updated(releases: Path) -> Flask:
    """The service after an update of the knowledge: the releases before it stay loaded."""
    return create_app(Settings(clock=lambda: NOON, log_level="error", content=releases))


@pytest.fixture(scope="session")
def only_new(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The service after the older releases were taken away."""
    content = tmp_path_factory.mktemp("new") / "content"
    shutil.copytree(releases, content)
    for older in (OLD, CURRENT):
        shutil.rmtree(content / "guidelines" / GUIDELINE / older)
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
