"""What docker-compose.yml promises, as far as it can be seen without a Docker engine: its Redis commands are run."""

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from service.cache import embedded
from service.security.keys import new_key
from service.security.scopes import SCOPES
from service.server.worker import UNREAD_BYTES, UNSENT_BYTES
from service.settings import Settings
from tests.conftest import ROOT, serving, some_free_port, until
from tests.security import signing

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
IMAGES = [line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("FROM ")]
IMAGES += [each["image"] for each in SERVICES.values() if "image" in each]
PROCESS_BYTES = 64 * 2**20
"""What the master or a worker has that answers nothing: 45 MB, of which workers share half."""


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
    assert container["cpus"]
    assert container["ulimits"]["nofile"] >= 1024
    assert {"max-size", "max-file"} <= set(container["logging"]["options"])
    assert container["restart"] == "unless-stopped"
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert container.get("user") or re.search(r"^USER \d+$", dockerfile, re.MULTILINE)
    assert container.get("healthcheck") or "HEALTHCHECK" in dockerfile


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_is_an_exact_version_on_an_exact_system(image: str) -> None:
    assert re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+-(slim-[a-z]+|alpine\d+\.\d+)", image)


def test_every_secret_is_a_file_that_only_its_containers_have() -> None:
    assert {name: each.get("secrets") for name, each in SERVICES.items()} == {
        "service": ["redis_url", "redis_state_url", "service_secret"],
        "replica": ["redis_url", "redis_state_url", "service_secret"],
        "cache": ["redis_url"],
        "state": ["redis_state_url"],
    }
    assert COMPOSE["secrets"] == {name: {"file": f"./secrets/{name}"} for name in SERVICES["service"]["secrets"]}
    stated = SERVICES["service"]["environment"]
    assert {name: stated[name] for name in stated if "REDIS" in name or "SECRET" in name} == {
        f"{name.upper()}_FILE": f"/run/secrets/{name}" for name in SERVICES["service"]["secrets"]
    }
    assert "${" not in (ROOT / "docker-compose.yml").read_text(), "nothing comes from an environment"


def test_the_service_has_memory_for_all_that_may_be_in_it_at_once() -> None:
    container = SERVICES["service"]
    (temporary,) = container["tmpfs"]
    at_once = UNREAD_BYTES + UNSENT_BYTES + Settings.memory_bytes
    processes = (Settings.workers + 1) * PROCESS_BYTES
    needed = bytes_of(temporary.split("size=")[1].split(",")[0]) + processes + Settings.workers * at_once
    assert needed == bytes_of(container["mem_limit"])


def secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--file", str(ROOT / "Makefile"), "secrets"], cwd=folder, capture_output=True, text=True, check=True
    )


def test_make_secrets_writes_each_of_them_once(tmp_path: Path) -> None:
    done = secrets(tmp_path)
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    texts = {file.name: file.read_text() for file in folder.iterdir()}
    assert set(texts) == set(COMPOSE["secrets"])
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o444 for file in folder.iterdir()), "containers read them"
    words = [re.search("[0-9a-f]{64}", text) for text in texts.values()]
    assert len({word[0] for word in words if word}) == 3
    assert not any(word[0] in done.stdout + done.stderr for word in words if word)
    assert "stays" in secrets(tmp_path).stdout
    assert {file.name: file.read_text() for file in folder.iterdir()} == texts


def test_git_ignores_the_secrets_and_the_data() -> None:
    for path in ("secrets/redis_url", ".run/redis-8000/appendonlydir"):
        subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=True)


@contextlib.contextmanager
def container(name: str, folder: Path) -> Iterator[str]:
    """The command of a Redis container, run here beside secrets/, on a free port; gives the service's URL of it."""
    bin_folder, data, own = folder / f"bin-{name}", folder / f"data-{name}", folder / f"secrets-{name}"
    for each in (bin_folder, data, own):
        each.mkdir()
    (secret,) = SERVICES[name]["secrets"]
    shutil.copy(folder / "secrets" / secret, own)
    port = some_free_port()
    server = bin_folder / "redis-server"
    server.write_text(f'#!/bin/sh\nexec {embedded.find_binary()} "$@" --port {port} --bind 127.0.0.1\n')
    server.chmod(0o755)
    process = subprocess.Popen(
        [word.replace("$$", "$").replace("/run/secrets", str(own)) for word in SERVICES[name]["command"]],
        cwd=data,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
    )
    url = (own / secret).read_text().replace(f"@{name}:6379", f"@127.0.0.1:{port}")
    try:
        with Redis.from_url(url) as own_client:
            until(lambda: answers(own_client), "Redis answers")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Both Redis containers: the URLs of the service's user."""
    secrets(tmp_path)
    with container("cache", tmp_path) as cache, container("state", tmp_path) as state:
        yield {"cache": cache, "state": state}


def password(url: str) -> str:
    word = urlsplit(url).password
    assert word
    return word


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
    """Seen by an operator, whom the test lets in."""
    secrets(tmp_path)
    (script,) = [word for word in SERVICES[name]["command"] if "user default reset" in word]
    operator = script.replace("user default reset", "user default on nopass ~* +@all")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SERVICES[name], "command", [*SERVICES[name]["command"][:-1], operator])
        with container(name, tmp_path) as url, Redis(port=urlsplit(url).port or 0) as client:
            assert {key: client.config_get(key)[key] for key in expected} == expected
            assert 0 < int(client.config_get("maxmemory")["maxmemory"]) < bytes_of(SERVICES[name]["mem_limit"])
            assert int(client.config_get("maxclients")["maxclients"]) == 1000


def test_a_stranger_may_do_nothing_and_the_service_only_its_work(containers: dict[str, str]) -> None:
    for url in containers.values():
        with Redis(port=urlsplit(url).port or 0) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                assert password(url).encode() not in file.read_bytes(), "the password is on a command line"
        with Redis.from_url(url) as client:
            for words in (["SET", "other", "1"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["SHUTDOWN"]):
                with pytest.raises(NoPermissionError):
                    client.execute_command(*words)
    with Redis.from_url(containers["cache"]) as cache, pytest.raises(NoPermissionError):
        cache.set("feedback:comment:1", "x")


def test_the_health_check_of_each_asks_its_server(containers: dict[str, str], tmp_path: Path) -> None:
    """With a stand-in for redis-cli, which no wheel brings: it logs in with what it is given."""
    (program := tmp_path / "redis-cli").write_text(
        f"#!{sys.executable}\nimport os, sys, redis\n"
        "port, password = os.environ['PORT'], os.environ['REDISCLI_AUTH']\n"
        "client = redis.Redis(port=port, username=sys.argv[2], password=password)\n"
        "print('PONG' if sys.argv[1::2] == ['--user', 'ping'] and client.ping() else 'NO')\n"
    )
    program.chmod(0o755)
    for name, url in containers.items():
        kind, text = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        done = subprocess.run(
            ["sh", "-c", text.replace("$$", "$").replace("/run/secrets", str(tmp_path / f"secrets-{name}"))],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": str(urlsplit(url).port)},
            check=False,
        )
        assert done.returncode == 0


EXAMPLES = ROOT / "docs" / "examples"
JSON = {"Content-Type": "application/json"}


def test_the_service_does_all_its_work_as_that_user(containers: dict[str, str], tmp_path: Path) -> None:
    """As compose starts it: secrets in files, clients on, so that cache, feedback, replay guard and limits are used."""
    for name, url in (("redis_url", containers["cache"]), ("redis_state_url", containers["state"])):
        file = tmp_path / "secrets" / name
        file.chmod(0o600)
        file.write_text(url)
    names = SERVICES["service"]["secrets"]
    files = {f"{name.upper()}_FILE": str(tmp_path / "secrets" / name) for name in names}
    key, digest = new_key("board")
    clients = tmp_path / "clients.json"
    clients.write_text(
        json.dumps({"clients": [signing.client()], "keys": [{"id": "board", "hash": digest, "scopes": list(SCOPES)}]})
    )
    headers = JSON | {"X-API-Key": key}
    with serving(
        tmp_path, **files, WORKERS="1", NEAR_CACHE_BYTES="0", CLIENTS_FILE=str(clients), RATE_LIMIT="100/minute"
    ) as server:
        assert json.loads(server.get("/readyz")[2])["status"] == "ready", server.log.read_text()
        asked = partial(server.get, "/v1/recommendations", headers, (EXAMPLES / "bleeding.json").read_bytes())
        until(lambda: "redis; hit" in asked()[1]["cache-status"], "Redis has the answer")
        path = "/cds-services/mbc-primary-lrt-patient-view"
        (card,) = json.loads(server.get(path, headers, (EXAMPLES / "patient-view.json").read_bytes())[2])["cards"]
        outcome = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-23T10:05:31Z",
                   "overrideReason": {"userComment": "it stays here"}}  # fmt: skip
        assert server.get(f"{path}/feedback", headers, json.dumps({"feedback": [outcome]}).encode())[0] == 200
        assert json.loads(server.get("/v1/feedback/summary", headers)[2])["rules"]
        with Redis.from_url(containers["state"]) as state:
            until(lambda: any(state.scan_iter("rate:*")), "the limits are shared")
            assert state.zscore("replay-guard:tokens", "readyz")
            (comment,) = state.scan_iter("feedback:comment:*")
            assert state.unlink(comment, "feedback:commented") == 2
            assert state.bgrewriteaof()
        log = server.log.read_text()
        assert "NOPERM" not in log
        assert "is away" not in log


def answers(client: Redis) -> bool:
    with contextlib.suppress(RedisError):
        return bool(client.ping())
    return False


def bytes_of(text: str) -> int:
    assert text.endswith("m")
    return int(text[:-1]) * 1024 * 1024
