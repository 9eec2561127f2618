"""The invented guidelines, instead of the shipped one and beside it."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from service import create_app
from service.settings import CONTENT, Settings
from tests.conftest import GUIDELINE

TOY = Path(__file__).parent / "content"
EVIDENCE = Path(__file__).parents[1] / "evidence" / "content"
MARCH = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)


def app_of(content: Path, guideline: str) -> Flask:
    return create_app(Settings(content=content, guideline=guideline, clock=lambda: MARCH, log_level="error"))


def copy_several(folder: Path) -> Path:
    content = folder / "content"
    for part in (CONTENT, TOY, EVIDENCE):
        shutil.copytree(part, content, dirs_exist_ok=True)
    return content


@pytest.fixture(scope="session")
def toy() -> Flask:
    """The toys alone."""
    return app_of(TOY, "toy-umbrella")


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The toys beside the shipped guideline, the umbrella asked by default."""
    content = tmp_path_factory.mktemp("beside") / "content"
    shutil.copytree(CONTENT, content)
    shutil.copytree(TOY, content, dirs_exist_ok=True)
    return app_of(content, "toy-umbrella")


@pytest.fixture(scope="session")
def several_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped guideline, a toy with evidence of its own and a toy without any."""
    return copy_several(tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="session")
def several(several_content: Path) -> Flask:
    """All three of them, the shipped one asked by default."""
    return app_of(several_content, GUIDELINE)


@pytest.fixture(scope="session")
def ask_toy(toy: Flask) -> Callable[..., dict]:
    """POST facts to the umbrella guideline; gives the JSON of the answer."""

    def post(facts: object, status: int = 200, query: str = "") -> dict:
        response = toy.test_client().post(f"/v1/recommendations{query}", json=facts)
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()

    return post
