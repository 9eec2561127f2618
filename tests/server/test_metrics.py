"""What is counted: by all processes together, for as long as the server lives, and nothing about a patient."""

import json
import os
import re
import shutil
import signal
from pathlib import Path

from flask import Flask

from tests.conftest import Server, serving, until

ONE = "/v1/recommendations"
CANARY = "Rosalind4711"
FACTS = {"metastatic_status": "M1", "presentation": "de_novo", "complications": "none"}


def ask(server: Server, facts: object = FACTS) -> int:
    return server.get(ONE, {"Content-Type": "application/json"}, json.dumps(facts).encode())[0]


def samples(server: Server) -> dict[str, float]:
    status, headers, body = server.get("/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert headers["cache-control"] == "no-store"
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def asked(server: Server, status: int = 200) -> float:
    name = f'guideline_http_requests_total{{method="POST",route="/v1/recommendations",status="{status}"}}'
    return samples(server).get(name, 0)


def workers(server: Server) -> set[int]:
    master = server.process.pid
    return {int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()}


def answering(server: Server) -> set[int]:
    return {int(found) for found in re.findall(r"Booting worker with pid: (\d+)", server.log.read_text())}


def test_all_processes_are_added_up_and_nothing_is_lost_when_one_dies(tmp_path: Path) -> None:
    with serving(tmp_path, WORKERS="3") as server:
        for _ in range(60):
            assert ask(server) == 200
        assert asked(server) == 60
        before = workers(server)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(workers(server) - before) == 3 and workers(server) <= answering(server), "others took over")
        for _ in range(60):
            assert ask(server) == 200
        assert asked(server) == 120
        folders = {line for pid in workers(server) for line in counting(pid)}
        assert len(folders) == 1, "one folder for all"
        (folder,) = folders
        assert len(list(Path(folder).glob("counter_*.db"))) <= 4, "the dead left no files beside those of the living"
    assert not Path(folder).exists()


def test_a_worker_counts_and_answers_after_the_folder_was_cleaned_away(tmp_path: Path) -> None:
    """As cleaners of /tmp do with what is old."""
    with serving(tmp_path, WORKERS="1") as server:
        assert ask(server) == 200
        (pid,) = workers(server)
        (folder,) = counting(pid)
        shutil.rmtree(folder)
        assert ask(server) == 200
        assert server.get("/metrics")[0] == 200
        os.kill(pid, signal.SIGKILL)
        until(lambda: workers(server) - {pid} and workers(server) <= answering(server), "another took over")
        assert ask(server) == 200
        assert asked(server) == 1


def counting(pid: int) -> set[str]:
    """Folders in which a process has files of counters."""
    return set(re.findall(r"\s(/\S*guideline-metrics-[^/]+)/counter", Path(f"/proc/{pid}/maps").read_text()))


def test_each_outcome_is_counted_by_our_own_words(tmp_path: Path) -> None:
    with serving(tmp_path, WORKERS="1") as server:
        assert ask(server) == 200
        assert ask(server) == 200
        assert ask(server, {"hat": CANARY, CANARY: 1}) == 422
        assert server.get(f"/{CANARY}")[0] == 404
        assert server.get(f"{ONE}/{CANARY}")[0] == 404
        assert server.get(f"/v1/facts?{CANARY}={CANARY}", {"X-Request-ID": CANARY})[0] == 200
        found = samples(server)
        assert CANARY not in server.get("/metrics")[2].decode()
    rule = [name for name in found if name.startswith("guideline_answers_total")]
    assert len(rule) == 1
    assert re.search(r'guideline="mbc-primary-lrt",release="[^"]+",rule="R\d\d"', rule[0])
    assert found[rule[0]] == 2
    assert found['guideline_cache_lookups_total{cache="near",outcome="miss"}'] == 1
    assert found['guideline_cache_lookups_total{cache="near",outcome="hit"}'] == 1
    requests = {name: value for name, value in found.items() if name.startswith("guideline_http_requests_total")}
    assert {re.search(r'route="([^"]+)"', name)[1] for name in requests} >= {ONE, f"{ONE}/<decision_id>", "-"}
    assert found['guideline_http_request_seconds_count{route="/v1/recommendations"}'] == 3
    assert [name for name in found if name.startswith("guideline_loaded")]


def test_an_application_without_a_server_counts_too(app: Flask) -> None:
    client = app.test_client()
    name = 'guideline_http_requests_total{method="GET",route="/livez",status="200"}'

    def count() -> float:
        text = client.get("/metrics").get_data(as_text=True)
        return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)), 0)

    before = count()
    client.get("/livez")
    assert count() == before + 1


def test_openmetrics_is_answered_to_who_asks_for_it(app: Flask) -> None:
    response = app.test_client().get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert response.mimetype == "application/openmetrics-text"
    assert response.get_data(as_text=True).endswith("# EOF\n")
