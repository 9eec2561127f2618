"""What holds for every page, in a real browser: accessible, readable at any width, alone with its own server.

A page that is added to the service is added to PAGES.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.conftest import Opening
from tests.web.knowledge_pages import HOME

ANSWERS = ("/", "/explore/{responder}", "/explore/{emergency}", "/decisions/{responder}", "/decisions/{bleeding}",
           "/decisions/{emergency}")  # fmt: skip
PAGES = (*ANSWERS, "/evidence", "/evidence?decision={responder}", f"{HOME}", f"{HOME}/rules/R16", f"{HOME}/rules/R01",
         "/evidence/studies/mf07_01_2021_10y", "/problems/refused-facts")  # fmt: skip
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark"), (320, "light"), (1280, "dark")])
def test_a_page_is_accessible(opening: Opening, ids: dict[str, str], path: str, width: int, scheme: str) -> None:
    with opening(path.format(**ids), width=width, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        found = Axe().run(page, options=WCAG).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"]) for each in found] == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [320, 360, 768, 1280, 3840])
def test_a_page_is_never_wider_than_the_screen(opening: Opening, ids: dict[str, str], path: str, width: int) -> None:
    with opening(path.format(**ids), width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PAGES)
def test_dark_is_dark_and_light_is_light(opening: Opening, ids: dict[str, str], path: str) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        with opening(path.format(**ids), color_scheme=scheme) as page:
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            grounds[scheme] = sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    assert grounds["light"] > 3 * 220
    assert grounds["dark"] < 3 * 40


@pytest.mark.parametrize("path", ANSWERS)
def test_a_page_without_script_shows_the_same(opening: Opening, ids: dict[str, str], path: str) -> None:
    with opening(path.format(**ids)) as page:
        shown = page.locator("#statement").text_content()
    with opening(path.format(**ids), java_script_enabled=False) as page:
        assert page.locator("#statement").text_content() == shown
