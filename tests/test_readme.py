"""Every command of the README is run, but for blocks marked `<!-- not run: reason -->`; the outputs shown are true."""

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import pytest

from service.settings import Settings
from tests.conftest import RedisServer, Server, serving

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\n)?```sh\n(?P<text>.*?)```\n(?:\n```json\n(?P<shown>.*?)```)?", re.DOTALL
)


class Block(NamedTuple):
    text: str
    shown: str | None
    reason: str | None


def blocks() -> Iterator[Block]:
    for found in BLOCK.finditer(README):
        yield Block(found["text"], found["shown"], found["reason"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As `make run` serves: beside a Redis."""
    with (
        contextlib.closing(RedisServer()) as redis,
        serving(tmp_path_factory.mktemp("readme"), REDIS_URL=redis.url) as own,
    ):
        yield own


RUN = [block for block in blocks() if block.reason is None]


def test_the_readme_has_commands_to_run_and_says_why_others_are_not() -> None:
    assert len(RUN) >= 12
    assert all(block.reason.strip() for block in blocks() if block.reason is not None)


@pytest.mark.parametrize("block", RUN, ids=[block.text.split("\n")[0][:70] for block in RUN])
def test_command(server, block: Block) -> None:
    text = block.text.replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(["bash", "-euc", text], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "make" in text
    if block.text.startswith("curl") and "|" not in block.text:
        assert json.loads(done.stdout), "a curl of the README is answered with JSON"
        assert "/problems/" not in done.stdout or "contradiction" in done.stdout or "batch" in text
    if block.shown is not None:
        assert json.loads(done.stdout) == json.loads(block.shown)


def test_every_setting_is_in_the_table() -> None:
    table = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    internal = {"auth_stated", "clock"}
    assert sorted(table) == sorted(field.name.upper() for field in fields(Settings) if field.name not in internal)
