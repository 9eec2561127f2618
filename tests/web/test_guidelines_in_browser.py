"""The pages of a guideline that is not asked by default, in a real browser: each keeps to its guideline."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.conftest import GUIDELINE, Server, serving
from tests.toy.conftest import copy_several
from tests.web.conftest import Opening
from tests.web.test_explorer_in_browser import choose

HOME = "/guidelines/toy-umbrella"


@pytest.fixture(scope="module")
def several_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("several")
    with serving(folder, CONTENT=str(copy_several(folder)), GUIDELINE=GUIDELINE, WORKERS="1") as server:
        yield server


def test_the_explorer_of_another_guideline_answers_by_that_guideline(opening: Opening, several_server: Server) -> None:
    with opening("/guidelines", at=several_server.url) as page:
        page.get_by_role("link", name="Explore Taking an umbrella").click()
        choose(page, "Forecast", "rain")
        page.get_by_role("button", name="Examined: all are absent").click()
        expect(page.locator("#answer")).to_contain_text("TAKE_UMBRELLA")
        assert urlsplit(page.url).path == f"{HOME}/explore"


def test_trials_of_another_guideline_are_pooled_on_its_own_page(opening: Opening, several_server: Server) -> None:
    with opening(f"{HOME}/evidence", at=several_server.url) as page:
        page.locator("#dry-ears-brim_light").uncheck()
        expect(page.locator("#said")).to_contain_text("Not pooled")
        page.locator("#dry-ears-brim_heavy").check()
        expect(page.locator("#dry-ears .lead-figure")).to_be_visible()
        assert urlsplit(page.url).path == f"{HOME}/evidence"
