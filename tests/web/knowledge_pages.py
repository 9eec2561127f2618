"""A real Chromium on the pages of what the service knows; every page is watched for what it must not do."""

import contextlib
from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.conftest import GUIDELINE

HOME = f"/guidelines/{GUIDELINE}"
PAGES = {
    "evidence": "/evidence",
    "chosen": "/evidence?overall-survival=jcog1017&overall-survival=abcsg28_2019",
    "study": "/evidence/studies/mf07_01_2021_10y",
    "review": "/evidence/studies/cochrane_2018",
    "guideline": HOME,
    "rule": f"{HOME}/rules/R16",
    "gate": f"{HOME}/rules/G01",
    "emergency": f"{HOME}/rules/R01",
    "docs": "/docs",
    "problem": "/problems/refused-facts",
}


@contextlib.contextmanager
def looking(browser: Browser, base: str, path: str, **context: object) -> Iterator[Page]:
    """A page, opened; at the end nothing was asked of another host, refused by the policy, or an error."""
    with browser.new_context(base_url=base, **context) as opened:
        page, faults = opened.new_page(), []
        page.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((base, "data:")) else faults.append(asked.url))
        page.goto(path)
        page.wait_for_load_state("networkidle")
        yield page
        assert faults == []
        assert opened.cookies() == []
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
