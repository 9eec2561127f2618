"""The guideline of another organ: beside the shipped one, and alone."""

import datetime as dt
import shutil
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import create_app
from service.settings import CONTENT, Settings

OTHER = Path(__file__).parent / "content"
STOMACH = "toy-stomach"
RELEASE = "2026-05-01"
FOLDER = OTHER / "guidelines" / STOMACH / RELEASE
HOME = f"/v1/guidelines/{STOMACH}"
NOON = dt.datetime(2026, 5, 10, 12, tzinfo=dt.UTC)
"""The day of every worked FHIR case."""

PERFORATED = {"troubles": {"perforation": "present"}}
CONTAINED = {"spread": "none_seen", "troubles": "none"}
SPREAD = {"spread": "seen", "first_seen": "together", "troubles": "none"}


def app_of(content: Path, **settings: object) -> Flask:
    """Return an application on the day of the worked FHIR cases, without a cache."""
    return create_app(Settings(content=content, clock=lambda: NOON, log_level="error", near_cache_bytes=0, **settings))


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped content with this guideline beside it; what it says of code systems is the shipped one's."""
    content = tmp_path_factory.mktemp("both") / "content"
    shutil.copytree(OTHER, content)
    shutil.copytree(CONTENT, content, dirs_exist_ok=True)
    return content


@pytest.fixture(scope="session")
def beside(both: Path) -> Flask:
    """Both guidelines; the shipped one is the default."""
    return app_of(both)


@pytest.fixture(scope="session")
def alone(both: Path) -> Flask:
    """The same content, of which `GUIDELINES` names this guideline alone."""
    return app_of(both, guidelines=(STOMACH,))


@pytest.fixture(scope="session", params=["beside", "alone"])
def stomach(request: pytest.FixtureRequest) -> FlaskClient:
    """A client of each: every door with the guideline's id answers alike."""
    app: Flask = request.getfixturevalue(request.param)
    return app.test_client()
