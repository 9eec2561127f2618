"""What docker-compose.yml promises, as far as it can be seen without a Docker engine: its Redis commands are run."""

import contextlib
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from service.cache import embedded
from service.server.worker import HELD_BYTES
from service.settings import Settings
from tests.conftest import ROOT, some_free_port, until

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
ASKED = re.compile(r"\$\{(\w+)(:\?)?([^}]*)\}")
PROCESS_BYTES = 64 * 2**20
"""What the master or a worker has that answers nothing: 45 MB, of which workers share half."""
SENTENCE = "is missing, so run make secrets once; it writes .env"


def test_nothing_is_published_but_the_service_and_that_on_this_machine_only() -> None:
    assert {name: each.get("ports") for name, each in SERVICES.items()} == {
        "service": ["127.0.0.1:8000:8000"],
        "replica": ["127.0.0.1:8001:8000"],
        "cache": None,
        "state": None,
    }
    assert SERVICES["service"]["environment"]["AUTH"] == "none"


def test_the_replica_is_the_service_again_and_shares_its_secret_and_both_redis_servers() -> None:
    one, other = SERVICES["service"], SERVICES["replica"]
    assert other["profiles"] == ["replicas"]
    assert "profiles" not in one
    different = {"environment", "ports", "profiles"}
    assert {name: other[name] for name in other.keys() - different} == {n: one[n] for n in one.keys() - different}
    assert one["environment"] | {"PUBLIC_URL": "http://127.0.0.1:8001"} == other["environment"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_is_bounded_and_may_do_nothing_beyond_its_work(name: str) -> None:
    container = SERVICES[name]
    assert container["read_only"]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["mem_limit"]
    assert container["pids_limit"]
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert container.get("user") or re.search(r"^USER \d+$", dockerfile, re.MULTILINE)
    assert container.get("healthcheck") or "HEALTHCHECK" in dockerfile


def test_the_service_has_memory_for_all_that_may_be_in_it_at_once() -> None:
    container = SERVICES["service"]
    (temporary,) = container["tmpfs"]
    at_once = HELD_BYTES + Settings.memory_bytes
    processes = (Settings.workers + 1) * PROCESS_BYTES
    needed = bytes_of(temporary.split("size=")[1].split(",")[0]) + processes + Settings.workers * at_once
    assert needed == bytes_of(container["mem_limit"])


def test_every_secret_is_asked_for_with_the_sentence_that_helps() -> None:
    found = ASKED.findall(COMPOSE)
    assert {name for name, _, _ in found} == {"CACHE_PASSWORD", "STATE_PASSWORD", "SERVICE_SECRET"}
    assert {(mark, text) for _, mark, text in found} == {(":?", SENTENCE)}


def secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--file", str(ROOT / "Makefile"), "secrets"], cwd=folder, capture_output=True, text=True, check=True
    )


def test_make_secrets_writes_each_of_them_once(tmp_path: Path) -> None:
    done = secrets(tmp_path)
    file = tmp_path / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    values = dict(line.split("=") for line in text.splitlines())
    assert set(values) == {name for name, _, _ in ASKED.findall(COMPOSE)}
    assert len({*values.values()}) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in values.values())
    assert not any(value in done.stdout + done.stderr for value in values.values())
    assert "stays" in secrets(tmp_path).stdout
    assert file.read_text() == text


def test_git_ignores_the_secrets_and_the_data() -> None:
    for path in (".env", ".run/redis-8000/appendonlydir"):
        subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=True)


@contextlib.contextmanager
def container(name: str, folder: Path, password: str) -> Iterator[int]:
    """The command of a Redis container, run here in a folder, on a free port."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    port = some_free_port()
    server = bin_folder / "redis-server"
    server.write_text(f'#!/bin/sh\nexec {next(embedded.binaries())} "$@" --port {port} --bind 127.0.0.1\n')
    server.chmod(0o755)
    process = subprocess.Popen(
        [word.replace("$$", "$") for word in SERVICES[name]["command"]],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "REDISCLI_AUTH": password},
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cache", {"maxmemory-policy": "allkeys-lfu", "appendonly": "no", "save": ""}),
        (
            "state",
            {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always", "save": ""},
        ),
    ],
)
def test_the_commands_of_the_redis_containers_start_what_the_house_decided(
    tmp_path: Path, name: str, expected: dict[str, str]
) -> None:
    with container(name, tmp_path, "of-the-test") as port, Redis(port=port, password="of-the-test") as client:  # noqa: S106
        until(lambda: answers(client), "Redis answers")
        assert {key: client.config_get(key)[key] for key in expected} == expected
        assert 0 < int(client.config_get("maxmemory")["maxmemory"]) < bytes_of(SERVICES[name]["mem_limit"])
        with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                assert b"of-the-test" not in file.read_bytes(), "the password is on a command line"


def answers(client: Redis) -> bool:
    with contextlib.suppress(RedisError):
        return bool(client.ping())
    return False


def bytes_of(text: str) -> int:
    assert text.endswith("m")
    return int(text[:-1]) * 1024 * 1024
