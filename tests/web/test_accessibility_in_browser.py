"""Every page is accessible, by axe, wide and narrow, light and dark; a file of its own, so a process of its own."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.conftest import Opening
from tests.web.every_page import PAGES, WCAG


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark"), (320, "light"), (1280, "dark")])
def test_a_page_is_accessible(opening: Opening, ids: dict[str, str], path: str, width: int, scheme: str) -> None:
    with opening(path.format(**ids), width=width, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        found = Axe().run(page, options=WCAG).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"]) for each in found] == []
