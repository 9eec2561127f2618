"""The explorer and the page behind a permalink as people use them: with and without script, by keyboard, on paper."""

import io
import re
import urllib.parse

import pypdf
import pytest
from playwright.sync_api import Page, expect

from service.knowledge.guideline import Guideline
from tests.conftest import Server
from tests.web.conftest import PATIENCE, Opening

NARROW, WIDE = 390, 1280
"""Pixels: a phone, and a screen that has room for the facts beside the answer."""


def choose(page: Page, question: str, answer: str) -> None:
    page.get_by_role("radiogroup", name=question, exact=True).get_by_role("radio", name=answer, exact=True).click()


def test_the_answer_follows_the_facts(opening: Opening) -> None:
    with opening("/") as page:
        expect(page.locator("#answer")).to_contain_text("STAGE_FIRST")
        choose(page, "Metastatic status", "M1")
        expect(page.locator("#answer")).to_contain_text("EXAMINE_BREAST_FIRST")
        choose(page, "Metastases found", "at first diagnosis (de novo)")
        page.get_by_role("button", name="Examined: all are absent").click()
        choose(page, "Response to the systemic therapy given now", "partial (PR)")
        expect(page.locator("#answer")).to_contain_text("NO_ROUTINE_LRT_RESPONDER_EXTENT_CAVEAT")
        expect(page.locator("#said")).to_contain_text("Against: We suggest not treating the breast routinely")
        expect(page).to_have_title(re.compile("No routine local treatment"))
        assert urllib.parse.urlsplit(page.url).path == "/"
        assert "?" not in page.url
        expect(page.get_by_role("button", name="Show the answer")).to_be_hidden()


def test_a_what_if_is_one_click_and_the_form_follows(opening: Opening) -> None:
    with opening("/") as page:
        choose(page, "Metastatic status", "M1")
        page.get_by_role("button", name="Examined: all are absent").click()
        page.get_by_role("button", name="Metastases found: later (recurrent)").click()
        expect(page.locator("#answer")).to_contain_text("TRIAL_NOT_APPLICABLE_RECURRENT")
        assert page.locator("input[name=presentation]:checked").get_attribute("value") == "recurrent"
        expect(page.locator("#statement")).to_be_focused()


def test_without_script_the_form_and_the_what_ifs_work(opening: Opening) -> None:
    with opening("/", java_script_enabled=False) as page:
        choose(page, "Metastatic status", "M1")
        page.get_by_role("button", name="Show the answer").click()
        expect(page.locator("#answer")).to_contain_text("EXAMINE_BREAST_FIRST")
        page.get_by_role("button", name="Examined: all are absent").click()
        page.get_by_role("button", name="Metastases found: later (recurrent)").click()
        expect(page.locator("#answer")).to_contain_text("TRIAL_NOT_APPLICABLE_RECURRENT")
        assert page.locator("input[name=metastatic_status]:checked").get_attribute("value") == "M1"
        assert urllib.parse.urlsplit(page.url).query == ""


def test_an_emergency_takes_over_the_page(opening: Opening) -> None:
    with opening("/", width=360) as page:
        choose(page, "Signs of sepsis", "present")
        alarm = page.get_by_role("alert")
        expect(alarm).to_contain_text("Use the local emergency pathway now")
        expect(alarm).to_be_in_viewport()
        choose(page, "Signs of sepsis", "absent")
        expect(alarm).to_have_count(0)


def test_a_grave_finding_asks_for_its_details_and_they_never_hide_what_is_stated(opening: Opening) -> None:
    with opening("/") as page:
        grade = page.locator('[id="f-complications.bleeding.grade"]')
        expect(grade).to_be_hidden()
        choose(page, "Bleeding", "present")
        expect(grade).to_be_visible()
        grade.get_by_role("radio", name="grade 3").click()
        choose(page, "Bleeding", "absent")
        expect(grade).to_be_visible()
        expect(page.locator(".told p").first).to_be_visible()


def test_a_fault_is_seen_at_its_field_although_its_group_was_closed(opening: Opening) -> None:
    with opening("/") as page:
        page.get_by_text("Extent of the metastases", exact=True).click()
        page.locator("input[name=metastatic_sites][value=bone]").check()
        page.get_by_text("Extent of the metastases", exact=True).click()
        choose(page, "Metastatic status", "M0")
        expect(page.locator("#e-metastatic_sites p")).to_be_visible()
        expect(page.locator("#answer")).to_contain_text("put right first")
        choose(page, "Metastatic status", "M1")
        expect(page.locator("#e-metastatic_sites p")).to_have_count(0)


def test_a_fact_stated_by_a_button_is_not_lost_by_the_next_click_and_does_not_take_it_back(opening: Opening) -> None:
    with opening("/") as page:
        held = []
        page.route("**/", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks the handler
        page.get_by_role("button", name="Examined: all are absent").click()
        page.wait_for_function("document.getElementById('answer').getAttribute('aria-busy') === 'true'")
        choose(page, "Bleeding", "present")
        page.unroute("**/")  # lets go of what was held
        expect(page.locator("#answer")).to_contain_text("R03")
        assert page.locator("input[name='complications.bleeding.presence']:checked").get_attribute("value") == "present"
        assert page.locator("input[name='complications.pain.presence']:checked").get_attribute("value") == "absent"


def test_an_answer_that_comes_too_late_is_dropped(opening: Opening) -> None:
    with opening("/") as page:
        held = []

        def hold(route: object) -> None:
            held.append(route)

        page.route("**/", hold)
        choose(page, "Metastatic status", "M0")
        page.wait_for_function("document.getElementById('answer').getAttribute('aria-busy') === 'true'")
        page.unroute("**/", hold)
        choose(page, "Metastatic status", "M1")
        expect(page.locator("#answer")).to_contain_text("EXAMINE_BREAST_FIRST")
        expect(page.locator("#answer")).not_to_have_attribute("aria-busy", "true")


def test_where_the_service_is_gone_no_old_answer_stays(chromium: object, server: Server) -> None:
    context = chromium.new_context()  # type: ignore[attr-defined]
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(server.url)
    page.route("**/", lambda route: route.abort())
    choose(page, "Metastatic status", "M1")
    expect(page.get_by_role("alert")).to_contain_text("no answer for these facts")
    expect(page.locator("#statement")).to_have_count(0)
    page.unroute("**/")
    page.get_by_role("button", name="Show the answer").click()
    expect(page.locator("#answer")).to_contain_text("EXAMINE_BREAST_FIRST")
    context.close()


def test_the_keyboard_alone_suffices(opening: Opening) -> None:
    with opening("/") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.locator("input[name=metastatic_status]:checked").focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(page.locator("input[name=metastatic_status][value=M1]")).to_be_checked()
        expect(page.locator("#answer")).to_contain_text("EXAMINE_BREAST_FIRST")
        definition = page.get_by_text("What Metastatic status means").locator("..")
        definition.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("TNM 8 M category")).to_be_visible()


def test_a_permalink_opens_and_its_facts_can_be_changed(opening: Opening) -> None:
    with opening("/") as page:
        choose(page, "Metastatic status", "M1")
        expect(page.locator("#answer")).to_contain_text("EXAMINE_BREAST_FIRST")
        page.get_by_role("link", name="Open as a page to print or to send").click()
        expect(page.locator("h1")).to_contain_text("examine the breast")
        page.get_by_role("link", name="Change these facts").click()
        expect(page.locator("input[name=metastatic_status][value=M1]")).to_be_checked()
        page.go_back()
        page.get_by_role("button", name="Bleeding: present").click()
        expect(page.locator("#answer")).to_contain_text("URGENT_LOCAL_CONTROL")


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}], ids=["script", "no script"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_facts_of_a_permalink_stand_beside_its_answer_and_fold_where_there_is_no_room(
    opening: Opening, ids: dict[str, str], width: int, options: dict[str, bool]
) -> None:
    with opening(f"/explore/{ids['bleeding']}", width=width, **options) as page:
        facts = page.locator("label", has=page.locator("input[name=metastatic_status][value=M1]"))
        if width == NARROW:
            expect(facts).to_be_hidden()
            page.get_by_text("See and change the facts").click()
        expect(facts).to_be_visible()


def test_a_call_can_be_copied(opening: Opening) -> None:
    with opening("/", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.get_by_text("The same from the API").click()
        page.get_by_role("button", name="Copy").click()
        expect(page.locator("#said")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == page.locator("#curl").text_content()


@pytest.mark.parametrize("patient", ["responder", "bleeding", "emergency"])
def test_a_decision_prints_on_six_pages_with_all_that_identifies_it(
    opening: Opening, ids: dict[str, str], patient: str, guideline: Guideline
) -> None:
    with opening(f"/decisions/{ids[patient]}") as page:
        printed = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
        statement = page.locator("#statement").text_content() or ""
        sources = page.locator("#sources li").count()
        digest = page.locator(".digest code").text_content() or ""
    assert len(printed.pages) <= 6
    width, height = printed.pages[0].mediabox.width, printed.pages[0].mediabox.height
    assert (round(width), round(height)) == (595, 842)
    text = "".join("".join(sheet.extract_text() for sheet in printed.pages).split())
    release = guideline.release
    dated = (f"release {release.release}", f"Evidence of {release.evidence_date}", "Clinical sign-off: awaiting")
    for phrase in (statement, *dated, digest, ids[patient], "Not signed off."):
        assert "".join(phrase.split()) in text
    assert sources > 5
    assert f"{sources}." in text
    assert "Changethesefacts" not in text


@pytest.mark.parametrize("door", ["decisions", "explore"])
@pytest.mark.parametrize("patient", ["responder", "bleeding", "emergency"])
def test_on_a_phone_two_screens_hold_what_one_must_know_and_the_rest_unfolds_and_prints_whole(
    opening: Opening, ids: dict[str, str], patient: str, door: str
) -> None:
    with opening(f"/{door}/{ids[patient]}", width=NARROW) as page:
        screen = page.viewport_size["height"]
        for part in ("#statement", "#brief", "#checks"):
            box = page.locator(part).bounding_box()
            assert box["y"] + box["height"] <= 2 * screen, part
        assert page.evaluate("document.documentElement.scrollHeight") <= 5 * screen
        if door == "explore":
            expect(page.locator("#patient input").first).to_be_hidden()
        expect(page.locator("#options article").first).to_be_hidden()
        page.locator("#options > summary").click()
        expect(page.locator("#options article").first).to_be_visible()
        page.locator(".refs a").first.click()  # a source stands in a part that is folded
        expect(page.locator(page.locator(".refs a").first.get_attribute("href"))).to_be_visible()
        printed = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
        options = page.locator("#options article h3").all_text_contents()
        others = page.locator("#missing-others .fact strong").all_text_contents()
    text = "".join("".join(sheet.extract_text() for sheet in printed.pages).split())
    told = ["".join(option.split("Sources")[0].split()) for option in (*options, *others)]
    assert [option for option in told if option not in text] == []
