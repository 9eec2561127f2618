"""docs/connect-your-ehr.md: what it tells a hospital to type in is what the service asks for."""

import re

import pytest
from flask import Flask

from tests.conformance import lines
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "connect-your-ehr.md").read_text()
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def services(app: Flask) -> list[dict]:
    return app.test_client().get("/cds-services").get_json()["services"]


def test_the_ids_are_those_of_discovery(services: list[dict]) -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `([\w-]+)` \| [^|]+ \|$", GUIDE, re.MULTILINE)
    assert rows == [(one["hook"], one["id"]) for one in services]
    named = set(re.findall(r"/cds-services/([\w-]+)", GUIDE + README))
    of_one_guideline = {one["id"] for one in services if not one["id"].startswith("oncology-")}
    assert named == of_one_guideline - {"mbc-primary-lrt-order-sign"}


def test_the_templates_are_those_of_discovery(services: list[dict]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (needed)? ?\|$", GUIDE, re.MULTILINE)
    for service in services:
        assert {key: template for key, template, _ in rows} == service["prefetch"]
    assert [key for key, _, needed in rows if needed] == ["patient", "conditions"]


def test_the_checklist_is_as_long_as_is_said() -> None:
    assert re.findall(r"checklist of (\d+) lines", GUIDE + README) == [str(len(lines.LINES))] * 2
