"""A guideline of another organ has every page: its own explorer, its rules, its evidence, its answers."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.other_organ.conftest import CONTAINED, HOME, PERFORATED, SPREAD, STOMACH

PAGES = f"/guidelines/{STOMACH}"
SHIPPED = ("breast", "Breast", "mastectomy", "HER2", "E2108")


def page(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    assert response.mimetype == "text/html"
    text: str = response.get_data(as_text=True)
    return text


def sent(client: FlaskClient, fields: dict[str, Any]) -> str:
    response = client.post(f"{PAGES}/explore", data=fields)
    assert response.status_code == 200, response.get_data(as_text=True)
    text: str = response.get_data(as_text=True)
    return text


def test_its_pages_are_its_own(stomach: FlaskClient) -> None:
    for path in (PAGES, f"{PAGES}/rules/S3", f"{PAGES}/explore", "/evidence/studies/toy_gaster_one"):
        text = page(stomach, path)
        assert "toy" in text.lower(), path
        assert [word for word in SHIPPED if word in text] == [], path


def test_it_is_listed_and_its_explorer_is_led_to(beside: Flask, alone: Flask) -> None:
    for app, explorer in ((beside, f"{PAGES}/explore"), (alone, "/")):
        client = app.test_client()
        assert f'href="{PAGES}"' in page(client, "/guidelines")
        assert f'href="{explorer}"' in page(client, PAGES)


def test_its_explorer_asks_its_facts_in_its_groups(stomach: FlaskClient) -> None:
    text = page(stomach, f"{PAGES}/explore")
    for words in ("The disease of the stomach", "The stomach today", "Blood", "Albumin", "peritoneum alone"):
        assert words in text, words
    assert "Ask about blood, pain and food first" in text


def test_the_call_that_its_explorer_tells_asks_it(beside: Flask, alone: Flask) -> None:
    assert f"{HOME}/recommendations" in page(beside.test_client(), f"{PAGES}/explore")
    assert "/v1/recommendations" in page(alone.test_client(), f"{PAGES}/explore")


def test_its_explorer_answers_what_its_form_says(stomach: FlaskClient) -> None:
    names = set(re.findall(r'name="([^"]+)"', page(stomach, f"{PAGES}/explore")))
    assert {"spread", "operation_done", "albumin_g_per_l"} <= names
    assert "See the stomach today" in sent(stomach, {"spread": "seen", "troubles.haematemesis.presence": "present"})
    assert "Use the emergency pathway now" in sent(stomach, {"troubles.perforation.presence": "present"})


def test_an_answer_has_its_page_and_leads_back_to_its_explorer(stomach: FlaskClient) -> None:
    for facts, statement in (
        (CONTAINED, "Remove the stomach"),
        (SPREAD, "Leave the stomach"),
        (PERFORATED, "pathway now"),
    ):
        answer = stomach.post(f"{HOME}/recommendations", json=facts).get_json()
        text = page(stomach, answer["links"]["page"])
        assert statement in text
        assert [word for word in SHIPPED if word in text] == []
        assert statement in page(stomach, f"/explore/{answer['decision_id']}")


def test_its_evidence_page_shows_its_own_studies_and_none_of_another_guideline(beside: Flask) -> None:
    text = page(beside.test_client(), f"{PAGES}/evidence")
    assert "TOY-GASTER-2" in text
    assert [word for word in SHIPPED if word in text] == []


def test_a_page_says_why_nothing_is_pooled(stomach: FlaskClient) -> None:
    text = page(stomach, f"{PAGES}/evidence")
    assert "The two toy trials are invented on different planets." in text
    assert "stomach left in place" in text


def test_alone_it_is_the_one_of_the_pages_without_an_id(alone: Flask) -> None:
    client = alone.test_client()
    assert "The disease of the stomach" in page(client, "/")
    assert "Length of life" in page(client, "/evidence")
    assert [word for word in SHIPPED if word in page(client, "/")] == []
