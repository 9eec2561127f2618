"""Every page is accessible, by axe, wide and narrow, light and dark; a file of its own, so a process of its own."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.web.conftest import Opening
from tests.web.every_page import PAGES, WCAG


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [1280, 320])
def test_a_page_is_accessible(opening: Opening, ids: dict[str, str], path: str, width: int) -> None:
    with opening(path.format(**ids), width=width) as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page, options=WCAG).response["violations"]
            faults = [(each["id"], each["nodes"][0]["html"], each["nodes"][0]["failureSummary"]) for each in found]
            assert (scheme, faults) == (scheme, [])
