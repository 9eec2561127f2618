"""`make run` brings a Redis of its own: private, on no port, gone when the service is gone, and not needed."""

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis

from service.cache import embedded
from tests.conftest import ROOT, Server, until

TOLD = "import os, sys, time; print(os.environ.get('REDIS_URL', 'none'), flush=True); sys.stdin.read()"


class Pair(NamedTuple):
    """The command that was run beside a server, and what it was told."""

    process: subprocess.Popen[str]
    url: str

    @property
    def socket(self) -> Path:
        return Path(self.url.removeprefix("unix://"))

    def server(self) -> int:
        """The process of the server."""
        (pid,) = [int(pid) for pid in children(self.process.pid) if "-server" in name(int(pid))]
        return pid


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextlib.contextmanager
def beside(folder: Path, *command: str, **environment: str) -> Iterator[Pair]:
    """Run a command as `make run` does. Without one, a program that says where its Redis is and waits."""
    process = subprocess.Popen(
        [sys.executable, "-P", "service/cache/embedded.py", str(folder), *(command or (sys.executable, "-c", TOLD))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a signal to its group is not one to the tests
        env={**{k: v for k, v in os.environ.items() if k != "REDIS_URL"}, **environment},
    )
    assert process.stdout
    with process:
        try:
            yield Pair(process, process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait(timeout=30)


def test_it_is_a_descendant_on_a_private_socket_and_no_port(tmp_path: Path) -> None:
    with beside(tmp_path / "data") as pair:
        assert name(pair.server()) in {"redis-server", "valkey-server"}
        assert stat.S_IMODE(pair.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        inodes = {str(file.readlink()) for file in Path(f"/proc/{pair.server()}/fd").iterdir()}
        listening = [
            line.split()[9]
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            if line.split()[3] == "0A"
        ]
        assert not {f"socket:[{inode}]" for inode in listening} & inodes


def test_it_keeps_state_on_disk_and_lets_only_what_has_a_time_to_live_go(tmp_path: Path) -> None:
    with beside(tmp_path) as pair, embedded_client(pair) as client:
        said = {key: client.config_get(key)[key] for key in ("appendonly", "appendfsync", "maxmemory-policy", "save")}
        assert said == {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "volatile-lfu", "save": ""}
        assert int(client.config_get("maxmemory")["maxmemory"]) > 0
        client.set("state", "kept")
        os.kill(pair.server(), signal.SIGKILL)
    with beside(tmp_path) as pair, embedded_client(pair) as client:
        assert client.get("state") == b"kept"


@contextlib.contextmanager
def embedded_client(pair: Pair) -> Iterator[Redis]:
    with Redis.from_url(pair.url) as client:
        yield client


def test_its_death_does_not_stop_the_command(tmp_path: Path) -> None:
    with beside(tmp_path) as pair:
        server = pair.server()
        os.kill(server, signal.SIGKILL)
        until(lambda: not alive(server), "the server is dead")
        assert pair.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_command_and_then_the_server(tmp_path: Path, number: int) -> None:
    with beside(tmp_path) as pair:
        server = pair.server()
        pair.process.send_signal(number)
        assert pair.process.wait(timeout=30) != 0
        assert not alive(server)
        assert not pair.socket.parent.exists()


def test_killed_it_takes_the_server_along(tmp_path: Path) -> None:
    with beside(tmp_path) as pair:
        server = pair.server()
        pair.process.kill()
        until(lambda: not alive(server), "the server is gone too")
        shutil.rmtree(pair.socket.parent)


def test_the_exit_status_is_that_of_the_command(tmp_path: Path) -> None:
    with beside(tmp_path, sys.executable, "-c", "raise SystemExit(7)") as pair:
        assert pair.process.wait(timeout=30) == 7


SUCCESSOR = (
    "import os, sys\nif os.fork():\n    sys.exit()\nprint(os.environ['REDIS_URL'], flush=True)\nsys.stdin.read()"
)


@pytest.mark.parametrize("end", ["it ends", "it is told to"])
def test_the_server_outlives_the_command_for_as_long_as_a_successor_lives(tmp_path: Path, end: str) -> None:
    """So that a gunicorn that was upgraded by USR2 keeps its Redis when the old master goes."""
    with beside(tmp_path, sys.executable, "-c", SUCCESSOR) as pair:
        server = pair.server()
        until(lambda: [c for c in children(pair.process.pid) if alive(int(c))] == [str(server)], "the first is gone")
        if end == "it ends":
            assert pair.process.stdin
            pair.process.stdin.close()
        else:
            pair.process.send_signal(signal.SIGTERM)
        assert pair.process.wait(timeout=30) == 0
        assert not alive(server)


def test_a_redis_that_is_named_is_left_alone(tmp_path: Path) -> None:
    with beside(tmp_path / "data", REDIS_URL="redis://cache.example") as pair:
        assert pair.url == "redis://cache.example"
        assert not (tmp_path / "data").exists()


def test_where_none_fits_one_line_says_so_and_the_command_runs(tmp_path: Path) -> None:
    """A redis-server that does not start, and no wheel."""
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    script = tmp_path / "embedded.py"
    text = Path(embedded.__file__).read_text()
    script.write_text(text.replace('Path(sys.prefix) / "embedded"', 'Path("/nowhere")'))
    assert script.read_text() != text
    done = subprocess.run(
        [sys.executable, "-P", str(script), str(tmp_path / "data"), sys.executable, "-c", TOLD],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env={**{k: v for k, v in os.environ.items() if k != "REDIS_URL"}, "PATH": str(tmp_path)},
    )
    assert done.stdout == "none\n"
    assert done.stderr == embedded.NEITHER
    assert done.stderr.count("\n") == 1


def test_a_redis_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "redis-server"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert next(embedded.binaries()) == str(installed)


def test_two_on_the_same_data_do_not_destroy_it(tmp_path: Path) -> None:
    with beside(tmp_path) as first, beside(tmp_path) as second:
        assert first.url.startswith("unix://")
        assert second.url == "none"


def test_make_run_uses_it_and_stops_it_after_gunicorn(free_port: int, until: Callable[..., None]) -> None:
    with subprocess.Popen(
        ["make", "run", f"PORT={free_port}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={k: v for k, v in os.environ.items() if k != "REDIS_URL"},
    ) as process:
        server = Server(process, free_port, Path())
        data = ROOT / ".run" / f"redis-{free_port}"
        try:
            until(lambda: process.poll() is not None or ready(server), "make run is ready", 90)
            parts = json.loads(server.get("/readyz")[2])["parts"]
            assert [parts[name]["detail"] for name in ("cache", "state")] == ["it answers", "it answers"]
            assert data.is_dir()
            started = servers(process.pid)
            assert len(started) == 1
        finally:
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    assert not alive(started[0])
    shutil.rmtree(data)


def servers(pid: int) -> list[int]:
    """Every descendant that is a Redis."""
    found = []
    for child in map(int, children(pid)):
        found += [child] if name(child) in {"redis-server", "valkey-server"} else servers(child)
    return found


def ready(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.get("/readyz")[0] == 200
    return False
