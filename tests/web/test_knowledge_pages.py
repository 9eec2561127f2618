"""Evidence, guideline, API and problem pages in a real Chromium: what they show is what the API says."""

import contextlib
import gzip
import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

from service import create_app
from service.api.problems import KINDS
from service.settings import Settings
from service.web.page import ASSETS
from tests.api.asking import RESPONDER
from tests.conftest import GUIDELINE, Server
from tests.web.knowledge_pages import HOME, PAGES, looking, violations

OS = "/v1/evidence/overall-survival"
LARGEST = 100_000
"""Bytes of a page with all that it loads, as sent."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def at(chromium: Browser, server: Server) -> Callable[..., contextlib.AbstractContextManager[Page]]:
    """Open a page of the running server."""
    return lambda path, **context: looking(chromium, server.url, path, **context)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Settings(log_level="error")).test_client()


def read(client: FlaskClient, path: str) -> dict:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.get_json()


def ratio(part: dict) -> str:
    return f"{part['hr']:.2f} ({part['ci_low']:.2f} to {part['ci_high']:.2f})"


# ---- every page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_accessibility_fault(at, name: str) -> None:
    with at(PAGES[name]) as page:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == [], scheme


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_screen(at, name: str) -> None:
    with at(PAGES[name]) as page:
        for width in (320, 360, 1280, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_its_matter_without_script(at, name: str) -> None:
    with at(PAGES[name], java_script_enabled=False) as page:
        assert page.locator("h1").count() == 1
        assert len(page.locator("main").inner_text()) > 400


@pytest.mark.parametrize("name", [name for name in PAGES if name != "docs"])
def test_a_page_is_light(server: Server, name: str) -> None:
    """The docs carry swagger-ui, which nobody at a tumour board loads."""
    seen, sent = {PAGES[name]}, 0
    status, headers, body = server.get(PAGES[name], {"Accept-Encoding": "gzip", "Accept": "text/html"})
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    sent += len(body)
    for file in set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', gzip.decompress(body).decode())) - seen:
        sent += len(server.get(file, {"Accept-Encoding": "gzip"})[2])
    assert sent < LARGEST


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_somewhere(client: FlaskClient, name: str) -> None:
    page = client.get(PAGES[name], headers={"Accept": "text/html"}).get_data(as_text=True)
    inside = set(re.findall(r'(?:href|src|action)="(/[^"#]*)', page))
    assert inside
    for address in inside:
        assert client.get(address.replace("&amp;", "&")).status_code == 200, address
    here = set(re.findall(r'href="#([^"]+)"', page))
    assert here <= set(re.findall(r'id="([^"]+)"', page))


@pytest.mark.parametrize("path", [*PAGES.values()])
def test_pages_off_takes_them_away(path: str) -> None:
    app = create_app(Settings(pages=False, log_level="error"))
    response = app.test_client().get(path, headers={"Accept": "text/html"})
    if path.startswith("/problems"):
        assert response.mimetype == "application/json"  # what a type leads to stays for programs
    else:
        assert response.status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/evidence/studies/none", "/guidelines/none", f"{HOME}/rules/none", "/problems/none", "/evidence?decision=x"],
)
def test_what_is_not_there_is_a_problem(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"Accept": "text/html"})
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


# ---- evidence


def shown(page: Page) -> dict[str, str]:
    """The drawn numbers by line, of the plot that is visible."""
    rows = page.locator("#overall-survival .wide g[data-id]")
    return {row.get_attribute("data-id"): row.locator("text.ratio").text_content() for row in rows.all()}


def test_the_plot_on_the_page_has_the_numbers_of_the_api(at, client: FlaskClient) -> None:
    told = read(client, OS)
    with at("/evidence") as page:
        drawn = shown(page)
    lines = {each["study"]: each for each in (*told["studies"], *told["published"])}
    lines |= {name: told["pooled"][name] for name in ("fixed", "random", "hartung_knapp")}
    assert drawn == {name: ratio(each) for name, each in lines.items()}


def test_taking_a_trial_out_moves_the_pool_to_what_the_api_says(at, client: FlaskClient) -> None:
    with at("/evidence") as page:
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


def test_the_other_report_of_a_trial_takes_the_place_of_the_first(at, client: FlaskClient) -> None:
    with at("/evidence") as page:
        page.get_by_role("checkbox", name="MF07-01 (10-year) in the pool").check()
        pool = next(each for each in read(client, OS)["pools"] if each["id"] == "five_trials_mf10y_as_published")
        expect(page.locator("#overall-survival .lead-figure dd")).to_contain_text(ratio(pool["random"]))
        expect(page.get_by_role("checkbox", name="MF07-01 (5-year) in the pool")).not_to_be_checked()
        expect(page.locator("#overall-survival")).to_contain_text("interval is narrower than 265 women allow")


def test_the_pools_by_timing_are_one_click_away(at, client: FlaskClient) -> None:
    with at("/evidence") as page:
        for pool in read(client, OS)["pools"]:
            page.get_by_role("link", name=pool["title"]).click()
            expect(page.locator("#overall-survival .lead-figure dd")).to_contain_text(ratio(pool["random"]))
            ticked = page.locator("#overall-survival input:checked").evaluate_all("all => all.map(each => each.value)")
            assert set(ticked) == {each["study"] for each in pool["weights"]}


def test_the_last_trial_stays_in(at) -> None:
    with at("/evidence?overall-survival=jcog1017") as page:
        expect(page.locator("#overall-survival")).to_contain_text("One trial: nothing to pool.")
        page.get_by_role("checkbox", name="JCOG1017 PRIM-BC in the pool").click()
        expect(page.locator("#said")).to_have_text("At least one trial stays in.")
        expect(page.get_by_role("checkbox", name="JCOG1017 PRIM-BC in the pool")).to_be_checked()


def test_trials_are_chosen_without_script(at, client: FlaskClient) -> None:
    with at("/evidence", java_script_enabled=False) as page:
        page.get_by_role("checkbox", name="ABCSG-28 POSYTIVE in the pool").uncheck()
        page.get_by_role("button", name="Pool these trials").click()
        names = "tata_lancet_oncol_2015,e2108_jco_2022,jcog1017,mf07_01_2018"
        pool = read(client, f"{OS}?trials={names}")["pooled"]
        expect(page.locator("#overall-survival .lead-figure dd")).to_contain_text(ratio(pool["random"]))
        files = page.locator("#overall-survival figcaption a").evaluate_all("all => all.map(each => each.href)")
        assert all(file.endswith(f"?trials={names}") for file in files)


def test_two_reports_of_one_trial_are_not_pooled_without_script_either(client: FlaskClient) -> None:
    query = "overall-survival=mf07_01_2018&overall-survival=mf07_01_2021_10y"
    page = client.get(f"/evidence?{query}").get_data(as_text=True)
    assert "count twice" in page
    assert "lead-figure" not in page


def test_the_traps_are_said_aloud(client: FlaskClient) -> None:
    page = client.get("/evidence").get_data(as_text=True)
    for trap in ("report 90% intervals", "ABCSG-28 printed its ratio", "narrower than 265 women allow"):
        assert trap in page


def test_what_must_not_be_shown_is_on_no_page(client: FlaskClient) -> None:
    hidden = 0
    for name, study in client.application.config["KNOWLEDGE"].library.studies.items():
        page = client.get(f"/evidence/studies/{name}").get_data(as_text=True)
        for key, part in study.items():
            if isinstance(part, dict) and part.get("display") == "never":
                hidden += 1
                label = key.replace("_", " ").capitalize()
                assert f"<h3>{label}</h3>" not in page, name
    assert hidden


@pytest.mark.parametrize("study", ["tata_lancet_oncol_2015", "abcsg28_2019", "reinhorn_2021"])
def test_a_figure_leads_to_its_study_and_its_citation(client: FlaskClient, study: str) -> None:
    assert f'href="/evidence/studies/{study}"' in client.get("/evidence").get_data(as_text=True)
    page = client.get(f"/evidence/studies/{study}").get_data(as_text=True)
    assert "https://doi.org/" in page
    assert "hazard ratio" in page.lower()


def test_the_patient_in_hand_stands_beside_each_trial(client: FlaskClient) -> None:
    answer = client.post("/v1/recommendations", json={**RESPONDER, "age_years": 70, "sex": "female"}).get_json()
    response = client.get(f"/evidence?decision={answer['decision_id']}")
    page = response.get_data(as_text=True)
    assert response.headers["Cache-Control"] == "private, no-cache"
    cells = re.findall(r'<th scope="row">([^<]+)</th>((?:<td.*?</td>)+)</tr>', page)
    told = {name: re.sub(r"<[^>]+>", "|", row) for name, row in cells}
    assert "does not fit" in told["up to 65 years old"]
    assert told["women"].count("|fits|") == 5
    for population in answer["applicability"]:
        for kind, word in (("matches", "fits"), ("mismatches", "does not fit"), ("unknown", "not known")):
            for criterion in population[kind]:
                assert f"|{word}|" in told[criterion]


# ---- the guideline


def cells(page: str) -> dict[tuple[str, ...], str]:
    """Every cell of the decision table as the maps draw it: the values of the axes, and the rule."""
    found = {}
    for fixed, table in re.findall(r'<table class="cells" data-fixed="([^"]*)">(.*?)</table>', page, re.DOTALL):
        head, body = table.split("<tbody>")
        columns = [names.split() for names in re.findall(r'<th scope="col" data-values="([^"]+)"', head)]
        rows = body.split("<tr>")[1:]
        values = [re.search(r'<th scope="row" data-values="([^"]+)"', row)[1].split() for row in rows]
        taken: dict[tuple[int, int], str] = {}
        for y, row in enumerate(rows):
            x = 0
            for rule, more in re.findall(r'<td class="\w+" data-rule="(\w+)"([^>]*)>', row):
                while (x, y) in taken:
                    x += 1
                right, below = (
                    int((re.search(f'{side}="(\\d+)"', more) or [0, 1])[1]) for side in ("colspan", "rowspan")
                )
                taken |= {(x + step, y + down): rule for step in range(right) for down in range(below)}
        for (x, y), rule in taken.items():
            found |= {(first, second, fixed): rule for first in columns[x] for second in values[y]}
    return found


def test_the_maps_hold_every_cell_of_the_decision_table(client: FlaskClient) -> None:
    table = read(client, f"/v1{HOME}/decision-table")
    told = {tuple(cell[axis] for axis in table["columns"][:3]): cell["rule"] for cell in table["cells"]}
    assert len(told) == 560
    assert cells(client.get(HOME).get_data(as_text=True)) == told


def test_a_field_of_the_map_leads_to_its_rule_by_keyboard(at) -> None:
    with at(HOME) as page:
        field = page.locator('td[data-rule="R16"] a').first
        field.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{HOME}/rules/R16")
        expect(page.locator("h1")).to_contain_text("R16")


def test_the_guideline_page_says_what_the_api_says_of_it(client: FlaskClient) -> None:
    page = re.sub(r"\s+", " ", client.get(HOME).get_data(as_text=True)).replace("&#39;", "'").replace("&#34;", '"')
    told = read(client, f"/v1{HOME}")
    said = [told[name] for name in ("question", "sign_off_note", "intended_use", "developer", "funding", "digest")]
    said += [*told["intended_users"], *told["not_for"], *told["limits"]]
    said += [change for release in told["releases"] for change in release["changes"]]
    attributes = read(client, f"/v1{HOME}/source-attributes")["source_attributes"]
    assert len(attributes) == 13
    said += [each["value"] for each in attributes]
    said += [hazard["hazard"] for hazard in read(client, f"/v1{HOME}/hazards")["hazards"]]
    for text in said:
        assert text in page, text


@pytest.mark.parametrize("rule", [f"R{number:02}" for number in range(1, 26)] + ["G01"])
def test_a_rule_page_says_what_the_api_says_of_it(client: FlaskClient, rule: str) -> None:
    page = client.get(f"{HOME}/rules/{rule}").get_data(as_text=True).replace("&#39;", "'").replace("&#34;", '"')
    page = page.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
    told = read(client, f"/v1{HOME}/rules/{rule}")
    said = [told["title"], told["statement"], told["key_message"], told["code"], *told["must_check"]]
    said += [reason["text"] for reason in told["certainty_reasons"]]
    said += [change["change"] for change in told["what_would_change"]]
    for source in told["citations"]:
        said += [source["id"], source["supports"], source["locator"]]
    for text in said:
        assert text in page, text


def test_the_decision_table_comes_as_csv_by_a_link(client: FlaskClient) -> None:
    by_link = client.get(f"/v1{HOME}/decision-table.csv")
    by_accept = client.get(f"/v1{HOME}/decision-table", headers={"Accept": "text/csv"})
    assert by_link.mimetype == "text/csv"
    assert by_link.data == by_accept.data


# ---- API and problems


def test_the_docs_show_every_operation_and_open_one(at, client: FlaskClient) -> None:
    document = read(client, "/openapi.json")
    with at("/docs") as page:
        expect(page.locator(".opblock")).to_have_count(sum(len(each) for each in document["paths"].values()))
        page.locator(".opblock-summary-control").first.click()
        expect(page.locator(".opblock-body").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_opened_operation_has_no_accessibility_fault(at, scheme: str) -> None:
    with at("/docs", color_scheme=scheme) as page:
        page.locator(".opblock-summary-control").first.click()
        expect(page.locator(".opblock-body .responses-table").first).to_be_visible()
        expect(page.locator("select:not([aria-label])")).to_have_count(0)
        assert violations(page) == []


def test_what_others_wrote_is_as_they_wrote_it() -> None:
    folder = ASSETS / "swagger-ui"
    sums = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert {"swagger-ui-bundle.js", "swagger-ui.css", "LICENSE"} <= set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    assert {path.name for path in folder.iterdir()} == {*sums, "SHA256SUMS", "VERSION"}


def test_swagger_ui_is_sent_compressed_and_is_in_the_wheel(server: Server) -> None:
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        status, headers, body = server.get(f"/assets/{name}", {"Accept-Encoding": "gzip"})
        assert (status, headers["content-encoding"]) == (200, "gzip")
        whole = (ASSETS / "swagger-ui" / name).read_bytes()
        assert gzip.decompress(body) == whole
        assert len(body) < len(whole) / 3
    assert '"web/assets/**/*"' in (Path(__file__).parents[2] / "pyproject.toml").read_text()


@pytest.mark.parametrize("code", KINDS)
def test_a_kind_of_problem_has_its_page_for_people_and_its_json_for_programs(client: FlaskClient, code: str) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page = client.get(f"/problems/{code}", headers={"Accept": browser})
    assert page.mimetype == "text/html"
    assert "Accept" in page.headers["Vary"]
    text = page.get_data(as_text=True).replace("&#39;", "'")
    for said in (KINDS[code].title, str(KINDS[code].status), KINDS[code].cause, KINDS[code].cure):
        assert said in text
    for accept in ("application/json", "*/*", "application/problem+json", ""):
        told = client.get(f"/problems/{code}", headers={"Accept": accept} if accept else {})
        assert told.get_json()["cure"] == KINDS[code].cure


def test_another_release_is_read_in_its_own_pages(client: FlaskClient) -> None:
    release = read(client, f"/v1/guidelines/{GUIDELINE}")["release"]
    page = client.get(f"{HOME}?release={release}").get_data(as_text=True)
    assert f"/rules/R16?release={release}" in page
    assert client.get(f"{HOME}?release=2001-01-01").status_code == 404
