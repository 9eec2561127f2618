"""From end to end: a client process that speaks as the public sandbox does, a FHIR server, and a real service."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import rules
from tests.conformance.charts import CHARTS, ONCOLOGICAL, OTHER, PATIENT, found
from tests.conformance.checklist import Target
from tests.conformance.servers import ORIGIN, guarded_service, open_service
from tests.conformance.stand_in import Asked, Said, standing_in
from tests.conftest import ROOT


@pytest.fixture(scope="module", params=["none", "clients"])
def target(request, redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "none":
        with open_service(folder, redis) as running:
            yield running
    else:
        with guarded_service(folder, redis) as (running, _):
            yield running


def run_client(target: Target, folder: Path, chart: str, origin: str = ORIGIN) -> subprocess.CompletedProcess[str]:
    """Let the client open the chart."""

    def fhir(asked: Asked) -> Said:
        resource = found(CHARTS[chart], asked.path.removeprefix("/"))
        return Said(200 if resource else 404, resource or {"resourceType": "OperationOutcome"}, "application/fhir+json")

    party = []
    if target.party is not None:
        file = folder / "party.json"
        file.write_text(json.dumps(target.party.private()))
        party = [str(file)]
    with standing_in(fhir) as server:
        return subprocess.run(
            [sys.executable, "-m", "tests.conformance.sandbox_client", target.wire.url, server.url, origin, *party],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def told_by(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_chart_is_opened_an_order_selected_and_feedback_given(target: Target, tmp_path: Path) -> None:
    told = told_by(run_client(target, tmp_path, ONCOLOGICAL))
    assert list(rules.discovery({"services": told["services"]})) == []
    assert [call["hook"] for call in told["calls"]] == ["patient-view", "order-select"]
    for call in told["calls"]:
        service = next(one for one in told["services"] if one["hook"] == call["hook"])
        assert [one for one in rules.request(call["request"], service) if one.must] == []
        assert call["request"]["prefetch"]["patient"]["id"] == PATIENT
        assert call["status"] == 200
        assert call["response"]["cards"]
        assert list(rules.response(call["response"])) == []
    assert len(told["feedback"]) == 2
    assert set(told["feedback"]) <= {200, 204}
    preflights = [one.split("/cds-services")[0].strip() for one in told["preflights"]]
    assert preflights == ["GET"] * bool(target.party) + ["POST"] * 4


def test_a_patient_without_breast_cancer_is_shown_nothing(target: Target, tmp_path: Path) -> None:
    told = told_by(run_client(target, tmp_path, OTHER))
    assert [call["response"] for call in told["calls"]] == [{"cards": []}, {"cards": []}]
    assert told["feedback"] == []


def test_a_page_of_another_origin_is_blocked(target: Target, tmp_path: Path) -> None:
    done = run_client(target, tmp_path, ONCOLOGICAL, "https://stranger.example")
    assert done.returncode == 1
    assert "BlockedError" in done.stderr
