"""A real Chromium that opens the pages of a real server, and notes whatever it should not see."""

import contextlib
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.api.asking import RESPONDER, SEPSIS
from tests.browser import BINARY, left_out
from tests.conftest import Server

collect_ignore = left_out("web")

BLEEDING = {
    "metastatic_status": "M1",
    "age_years": 70,
    "ecog": 3,
    "sex": "male",
    "complications": {"bleeding": {"grade": 3, "presence": "present"}, "pain": {"grade": 2, "presence": "present"}},
}
PATIENTS = {"responder": RESPONDER, "bleeding": BLEEDING, "emergency": SEPSIS}
PATIENCE = 10_000
"""Milliseconds after which something that should be there is missed."""
expect.set_options(timeout=PATIENCE)
Opening = Callable[..., AbstractContextManager[Page]]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Asks the application without a server."""
    return app.test_client()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser a process."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BINARY, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def opening(chromium: Browser, server: Server) -> Opening:
    """Open a page: `with opening("/") as page`. Fails on a console message, a request elsewhere, a cookie, a store."""

    @contextlib.contextmanager
    def opened(path: str, at: str = server.url, width: int = 1280, **options: Any) -> Iterator[Page]:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(PATIENCE)
        page, seen = context.new_page(), list[str]()
        page.on("console", lambda message: seen.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error: {error}"))
        page.on("requestfailed", lambda request: seen.append(f"failed: {request.url} {request.failure}"))
        page.on("request", lambda request: asked(request.url, seen))
        home = urlsplit(at).netloc

        def asked(url: str, seen: list[str]) -> None:
            if urlsplit(url).netloc != home:
                seen.append(f"elsewhere: {url}")

        answer = page.goto(at + path)
        assert answer is not None
        assert answer.status == 200
        yield page
        assert context.cookies() == []
        if options.get("java_script_enabled", True):
            assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        context.close()
        # An answer that a newer one overtook is given up on purpose.
        assert [each for each in seen if "ERR_ABORTED" not in each] == []

    return opened


@pytest.fixture(scope="session")
def ids(server: Server) -> dict[str, str]:
    """A decision_id for each patient."""

    def named(facts: dict) -> str:
        request = urllib.request.Request(
            f"{server.url}/v1/recommendations?view=row",
            data=json.dumps(facts).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)["decision_id"]

    return {name: named(facts) for name, facts in PATIENTS.items()}
