"""What holds for every page is asked of these; a page that is added to the service is added here."""

from tests.web.knowledge_pages import HOME

ANSWERS = ("/", f"{HOME}/explore", "/explore/{responder}", "/explore/{emergency}", "/decisions/{responder}",
           "/decisions/{bleeding}", "/decisions/{emergency}")  # fmt: skip
PAGES = (*ANSWERS, "/evidence", "/evidence?decision={responder}", "/guidelines", f"{HOME}/evidence", f"{HOME}",
         f"{HOME}/rules/R16", f"{HOME}/rules/R01",
         "/evidence/studies/mf07_01_2021_10y", "/problems/refused-facts")  # fmt: skip
WCAG = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
"""What axe is asked to look for, and to tell: every fault, but not each part that has none, which takes it longest."""
