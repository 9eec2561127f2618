"""What holds for every page of knowledge: light, without a dead link, gone with PAGES=off; and what others wrote."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service import create_app
from service.api.problems import KINDS
from service.settings import Settings
from service.web.page import ASSETS
from tests.conftest import Server
from tests.web.knowledge_pages import HOME, PAGES

LARGEST = 100_000
"""Bytes of a page with all that it loads, as sent."""


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
