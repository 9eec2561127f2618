"""Evidence, guideline and API pages in a real browser: choosing trials, the map by keyboard, swagger-ui."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from tests.web.conftest import Opening
from tests.web.every_page import WCAG
from tests.web.knowledge_pages import HOME, OS, ratio, read


def shown(page: Page) -> dict[str, str]:
    """The drawn numbers by line, of the plot that is visible."""
    rows = page.locator("#overall-survival .wide g[data-id]")
    return {row.get_attribute("data-id"): row.locator("text.ratio").text_content() for row in rows.all()}


def test_the_plot_on_the_page_has_the_numbers_of_the_api(opening: Opening, client: FlaskClient) -> None:
    told = read(client, OS)
    with opening("/evidence") as page:
        drawn = shown(page)
    lines = {each["study"]: each for each in (*told["studies"], *told["published"])}
    lines |= {name: told["pooled"][name] for name in ("fixed", "random", "hartung_knapp")}
    assert drawn == {name: ratio(each) for name, each in lines.items()}


def test_taking_a_trial_out_moves_the_pool_to_what_the_api_says(opening: Opening, client: FlaskClient) -> None:
    with opening("/evidence") as page:
        box = page.get_by_role("checkbox", name="MF07-01 (5-year) in the pool")
        box.focus()
        page.keyboard.press("Space")  # keyboard alone suffices
        names = "tata_lancet_oncol_2015,e2108_jco_2022,jcog1017,abcsg28_2019"
        pool = read(client, f"{OS}?trials={names}")["pooled"]
        expect(page.locator("#overall-survival .lead-figure dd")).to_contain_text(ratio(pool["random"]))
        assert shown(page)["random"] == ratio(pool["random"])
        expect(page.locator("#said")).to_contain_text(ratio(pool["random"]))
        expect(page.get_by_role("checkbox", name="MF07-01 (5-year) in the pool")).to_be_focused()
        assert "overall-survival=jcog1017" in page.url


def test_the_other_report_of_a_trial_takes_the_place_of_the_first(opening: Opening, client: FlaskClient) -> None:
    with opening("/evidence") as page:
        page.get_by_role("checkbox", name="MF07-01 (10-year) in the pool").check()
        pool = next(each for each in read(client, OS)["pools"] if each["id"] == "five_trials_mf10y_as_published")
        expect(page.locator("#overall-survival .lead-figure dd")).to_contain_text(ratio(pool["random"]))
        expect(page.get_by_role("checkbox", name="MF07-01 (5-year) in the pool")).not_to_be_checked()
        expect(page.locator("#overall-survival")).to_contain_text("interval is narrower than 265 women allow")


def test_the_pools_by_timing_are_one_click_away(opening: Opening, client: FlaskClient) -> None:
    with opening("/evidence") as page:
        for pool in read(client, OS)["pools"]:
            page.get_by_role("link", name=pool["title"]).click()
            expect(page.locator("#overall-survival .lead-figure dd")).to_contain_text(ratio(pool["random"]))
            ticked = page.locator("#overall-survival input:checked").evaluate_all("all => all.map(each => each.value)")
            assert set(ticked) == {each["study"] for each in pool["weights"]}


def test_the_last_trial_stays_in(opening: Opening) -> None:
    with opening("/evidence?overall-survival=jcog1017") as page:
        expect(page.locator("#overall-survival")).to_contain_text("Only one trial is chosen.")
        page.get_by_role("checkbox", name="JCOG1017 PRIM-BC in the pool").click()
        expect(page.locator("#said")).to_have_text("At least one trial stays in.")
        expect(page.get_by_role("checkbox", name="JCOG1017 PRIM-BC in the pool")).to_be_checked()


def test_trials_are_chosen_without_script(opening: Opening, client: FlaskClient) -> None:
    with opening("/evidence", java_script_enabled=False) as page:
        page.get_by_role("checkbox", name="ABCSG-28 POSYTIVE in the pool").uncheck()
        page.get_by_role("button", name="Pool these trials").click()
        names = "tata_lancet_oncol_2015,e2108_jco_2022,jcog1017,mf07_01_2018"
        pool = read(client, f"{OS}?trials={names}")["pooled"]
        expect(page.locator("#overall-survival .lead-figure dd")).to_contain_text(ratio(pool["random"]))
        files = page.locator("#overall-survival figcaption a").evaluate_all("all => all.map(each => each.href)")
        assert all(file.endswith(f"?trials={names}") for file in files)


# ---- the guideline


def test_a_field_of_the_map_leads_to_its_rule_by_keyboard(opening: Opening) -> None:
    with opening(HOME) as page:
        field = page.locator('td[data-rule="R16"] a').first
        field.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{HOME}/rules/R16")
        expect(page.locator("h1")).to_contain_text("R16")


# ---- the API


def test_the_docs_show_every_operation_and_open_one(opening: Opening, client: FlaskClient) -> None:
    document = read(client, "/openapi.json")
    with opening("/docs") as page:
        expect(page.locator(".opblock")).to_have_count(sum(len(each) for each in document["paths"].values()))
        page.locator(".opblock-summary-control").first.click()
        expect(page.locator(".opblock-body").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_opened_operation_has_no_accessibility_fault(opening: Opening, scheme: str) -> None:
    with opening("/docs", color_scheme=scheme) as page:
        page.locator(".opblock").first.wait_for()
        for width in (320, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not Axe().run(page, options=WCAG).response["violations"]
        page.locator(".opblock-summary-control").first.click()
        expect(page.locator(".opblock-body .responses-table").first).to_be_visible()
        expect(page.locator("select:not([aria-label])")).to_have_count(0)
        found = Axe().run(page, options=WCAG).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_without_script_the_operations_are_a_list(opening: Opening, client: FlaskClient) -> None:
    with opening("/docs", java_script_enabled=False) as page:
        for path in read(client, "/openapi.json")["paths"]:
            expect(page.locator("#list")).to_contain_text(path)
