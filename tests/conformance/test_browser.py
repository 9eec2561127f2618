"""A real browser opens a chart. Where none is installed (conftest.py) `test_sandbox.py` alone checks what it checks."""

from pathlib import Path

import pytest

from tests.conformance import rules
from tests.conformance.browser import Ehr
from tests.conformance.charts import ONCOLOGICAL
from tests.conformance.servers import guarded_service, open_service
from tests.conformance.stand_in import standing_in


@pytest.mark.parametrize("way", ["none", "clients", "stranger"])
def test_a_browser_shows_the_cards_and_blocks_a_page_of_another_origin(way: str, redis: str, tmp_path: Path) -> None:
    ehr = Ehr(ONCOLOGICAL)
    profile = tmp_path / "profile"
    profile.mkdir()
    with standing_in(ehr) as page:
        if way == "clients":
            with guarded_service(tmp_path / "service", redis, origin=page.url) as (target, _):
                told = ehr.opened(
                    page.url, target.wire.url, profile, lambda path: target.party.token(target.public_url + path)
                )
        else:
            origin = page.url if way == "none" else "https://another.example"
            with open_service(tmp_path / "service", redis, origin=origin) as target:
                told = ehr.opened(page.url, target.wire.url, profile, None)
    if way == "stranger":
        assert told == {"calls": [], "feedback": [], "error": "TypeError: Failed to fetch"}
        return
    assert "error" not in told
    assert [(call["hook"], call["status"]) for call in told["calls"]] == [("patient-view", 200), ("order-select", 200)]
    for call in told["calls"]:
        assert call["response"]["cards"]
        assert list(rules.response(call["response"])) == []
    assert told["feedback"] == [200]
