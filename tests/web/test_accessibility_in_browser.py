"""Every page is accessible, by axe: wide and dark, narrow and light; a file of its own, so a process of its own.

The page's colours do not depend on its width, so each pair of the two is seen once.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.conftest import Opening
from tests.web.every_page import PAGES, WCAG


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (320, "light")])
def test_a_page_is_accessible(opening: Opening, ids: dict[str, str], path: str, width: int, scheme: str) -> None:
    with opening(path.format(**ids), width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        page.emulate_media(color_scheme=scheme)
        # A bar at the foot of the window covers what is scrolled beneath it; in a window of the whole page, nothing.
        page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight") + 99})
        violations = Axe().run(page, options=WCAG).response["violations"]
        faults = [(rule["id"], rule["nodes"][0]["html"], rule["nodes"][0]["failureSummary"]) for rule in violations]
        assert faults == []
