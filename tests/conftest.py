"""What all tests share: the application on a fixed clock, and a real gunicorn on loopback."""

import contextlib
import datetime as dt
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis, RedisError

from service import create_app
from service.cache import embedded
from service.knowledge.guideline import Guideline
from service.knowledge.library import Library, load_library
from service.settings import CONTENT, Settings
from tests import browser

ROOT = Path(__file__).parents[1]
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
GUIDELINE = "mbc-primary-lrt"
GUNICORN = str(Path(sys.executable).with_name("gunicorn"))
"""The script, as `make run` and the image start it: a master that was started by `-m` cannot start its successor."""


def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores: tests of real servers mostly wait for them."""
    return (os.cpu_count() or 1) + 1


def pytest_configure() -> None:
    if browser.REQUIRED and not browser.BINARY:
        raise pytest.UsageError("REQUIRE_BROWSER is set, but no chromium is installed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not browser.BINARY:
        terminalreporter.write_line(browser.LEFT_OUT)


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped knowledge."""
    return load_library(CONTENT)


@pytest.fixture(scope="session", autouse=True)
def read_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """The shipped knowledge cannot change once it is loaded, and loading it is most of a start: the applications of
    one process share it. A server that a test starts, and any other folder, is read as ever."""

    def load(content: Path, only: Sequence[str] = ()) -> Library:
        shared = content == CONTENT and not only
        return request.getfixturevalue("library") if shared else load_library(content, only)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.load_library", load)
        yield


@pytest.fixture(scope="session")
def guideline(library: Library) -> Guideline:
    """The newest release of the first guideline."""
    found = library.newest(GUIDELINE)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def app() -> Flask:
    """The application at noon of 2026-11-23, so that no test depends on the day it is run; without a cache, so that
    what is compared was worked out twice."""
    return create_app(Settings(clock=lambda: NOON, log_level="error", near_cache_bytes=0))


@pytest.fixture(scope="session")
def ask(app: Flask) -> Callable[..., dict]:
    """POST one patient's facts; gives the JSON of the answer, asserting the status."""

    def post(facts: object, status: int = 200, query: str = "") -> dict:
        response = app.test_client().post(f"/v1/recommendations{query}", json=facts)
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()

    return post


@pytest.fixture
def finite() -> Iterator[None]:
    """What loops must end: after 5 seconds of work of its own the test fails, instead of never."""

    def late(*_: object) -> None:
        raise TimeoutError("it does not end")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, 5, 5)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


Reply = tuple[int, dict[str, str], bytes]
"""Status, headers with names in lower case, body."""


class Server:
    """A real gunicorn, as `make run` starts it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, headers: dict[str, str] | None = None, data: bytes | None = None) -> Reply:
        """One request: status, headers (names in lower case), body."""
        request = urllib.request.Request(self.url + path, data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def some_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(name="serving")
def serving_fixture(tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[Server]]:
    """Start a server of one's own: `with serving(AUTH="none") as server`."""
    return lambda **environment: serving(tmp_path, **environment)


@contextlib.contextmanager
def serving(folder: Path, *, app: str = "service:create_app()", **environment: str) -> Iterator[Server]:
    """Start gunicorn with an application, wait until it is ready, stop it afterwards."""
    port = some_free_port()
    log = folder / f"gunicorn-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [GUNICORN, "--config", "python:service.server.gunicorn_config", app],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port), **environment},
        )
    server = Server(process, port, log)
    try:
        until(lambda: process.poll() is not None or _ready(server), "the server is ready")
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@pytest.fixture
def free_port() -> int:
    """A port on loopback that nobody listens on."""
    return some_free_port()


@pytest.fixture(name="until", scope="session")
def until_fixture() -> Callable[..., None]:
    """Wait for a condition."""
    return until


def until(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for a condition; fail with its name when the time is over."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def _ready(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.get("/readyz")[0] == 200
    return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that only ask it."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


OPTIONS = embedded.COMMON | embedded.STATE


class RedisServer:
    """A real server on a socket of its own, which can be killed, stopped and started again at the same address."""

    def __init__(self) -> None:
        self.binary = embedded.find_binary()
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))  # short, as a socket's path must be
        self.url = f"unix://{self.folder / 'redis.sock'}"
        self.client: Redis = Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Start it, with what it kept."""
        places = {"dir": str(self.folder), "unixsocket": str(self.folder / "redis.sock")}
        # What was written survives a kill all the same; a busy disk is not what is tested.
        options = {**OPTIONS, **places, "appendfsync": "everysec"}
        self.process = subprocess.Popen(
            [self.binary, *(word for name, value in options.items() for word in (f"--{name}", value))],
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, "Redis answers")

    def renew(self) -> None:
        """As it was at first, and empty, whatever a test did to it."""
        if self.process.poll() is not None:
            self.start()
        for name in ("appendonly", "maxmemory", "maxmemory-policy", "requirepass"):
            self.client.config_set(name, OPTIONS.get(name, ""))
        self.client.flushall()

    def kill(self) -> None:
        """Kill it, as if the machine had failed."""
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(RedisError):
            return bool(self.client.ping())
        return False

    def close(self) -> None:
        """End it and what it kept."""
        self.client.close()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def lasting_redis() -> Iterator[RedisServer]:
    """A Redis for the tests of a file, each of which renews it."""
    server = RedisServer()
    yield server
    server.close()
