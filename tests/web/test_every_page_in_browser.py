"""What holds for every page, in a real browser: readable at any width, dark and light, with and without script."""

import pytest

from tests.web.conftest import Opening
from tests.web.every_page import ANSWERS, PAGES


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_never_wider_than_the_screen(opening: Opening, ids: dict[str, str], path: str) -> None:
    with opening(path.format(**ids)) as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        for width in (320, 360, 768, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PAGES)
def test_dark_is_dark_and_light_is_light(opening: Opening, ids: dict[str, str], path: str) -> None:
    grounds = {}
    with opening(path.format(**ids)) as page:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
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
