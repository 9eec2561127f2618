"""CLIENTS_FILE in use: a change is taken up, a broken file never."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.security import registry as registry_module
from service.security.clients_file import ClientsFileError
from service.security.registry import LOOK_SECONDS, PROMISED_SECONDS, Registry
from tests.security.signing import client


class Tick:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def on(self, seconds: float = LOOK_SECONDS) -> None:
        self.now += seconds


def write(file: Path, *issuers: str) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({"clients": [client(iss=iss) for iss in issuers]}))
    fresh.replace(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write(tmp_path / "clients.json", "a")
    return tmp_path / "clients.json"


def issuers(registry: Registry) -> list[str]:
    return list(registry.clients().clients)


def test_a_change_is_taken_up_within_five_seconds(file: Path) -> None:
    tick = Tick()
    registry = Registry(file, tick)
    write(file, "b", "c")
    tick.on(5)
    assert issuers(registry) == ["b", "c"]


def test_the_file_is_looked_at_once_a_second_at_most(file: Path) -> None:
    tick = Tick()
    registry = Registry(file, tick)
    write(file, "b")
    tick.on(LOOK_SECONDS * 0.9)
    assert issuers(registry) == ["a"]
    tick.on(LOOK_SECONDS * 0.2)
    assert issuers(registry) == ["b"]


def test_a_file_that_did_not_change_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick = Tick()
    registry = Registry(file, tick)
    monkeypatch.setattr("service.security.registry.read_text", lambda _: pytest.fail("read again"))
    for _ in range(3):
        tick.on()
        assert issuers(registry) == ["a"]


def test_a_file_that_changed_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tick = Tick()
    registry = Registry(file, tick)
    write(file, "b")
    tick.on()
    assert issuers(registry) == ["b"]
    monkeypatch.setattr("service.security.registry.read_text", lambda _: pytest.fail("read again"))
    tick.on()
    assert issuers(registry) == ["b"]


@pytest.mark.parametrize("text", ["{", "", '{"clients": [{"iss": 1}]}', '{"kunden": []}', None])
@pytest.mark.usefixtures("all_lines")
def test_a_broken_or_lost_file_keeps_the_last_good_one_and_says_so_once(file: Path, text: str | None) -> None:
    tick = Tick()
    registry = Registry(file, tick)
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    with capture_logs() as lines:
        for _ in range(3):
            tick.on()
            assert issuers(registry) == ["a"]
    assert registry.fault
    assert [line["log_level"] for line in lines] == ["error"]
    write(file, "b")
    with capture_logs() as lines:
        tick.on()
        assert issuers(registry) == ["b"]
    assert registry.fault == ""
    assert [line["log_level"] for line in lines] == ["info"]


def test_a_file_that_could_not_be_read_for_a_moment_is_read_again_though_it_did_not_change(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = Tick()
    registry = Registry(file, tick)
    write(file, "b")

    def fails(path: Path) -> None:
        raise ClientsFileError(path, [("", "too many open files")])

    with monkeypatch.context() as for_now:
        for_now.setattr("service.security.registry.read_text", fails)
        tick.on()
        assert issuers(registry) == ["a"]
    tick.on()
    assert issuers(registry) == ["b"]


@pytest.mark.parametrize("overdue", [False, True])
def test_whoever_comes_while_another_looks_waits_only_if_the_last_look_is_longer_ago_than_was_promised(
    file: Path, monkeypatch: pytest.MonkeyPatch, *, overdue: bool
) -> None:
    """A worker that begins has what its master read at the start, and its first requests may come together."""
    tick, looks, goes_on = Tick(), threading.Event(), threading.Event()
    registry = Registry(file, tick)
    read = registry_module.read_text

    def slowly(path: Path) -> str:
        looks.set()
        assert goes_on.wait(10)
        return read(path)

    monkeypatch.setattr(registry_module, "read_text", slowly)
    write(file, "b")
    tick.on(PROMISED_SECONDS if overdue else LOOK_SECONDS)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(issuers, registry)
        assert looks.wait(10)
        other = pool.submit(issuers, registry)
        if not overdue:
            assert other.result(10) == ["a"]
        goes_on.set()
        assert first.result(10) == ["b"]
        assert other.result(10) == (["b"] if overdue else ["a"])


def test_a_text_that_a_dying_process_did_not_write_to_its_end_lets_nobody_in(file: Path) -> None:
    tick = Tick()
    registry = Registry(file, tick)
    file.write_text("{")
    os.ftruncate(registry._newest._memory.fileno(), 60)
    tick.on()
    assert issuers(registry) == []
    write(file, "b")
    tick.on()
    assert issuers(registry) == ["b"]


def test_without_a_good_file_nothing_starts(file: Path) -> None:
    file.write_text("{")
    with pytest.raises(ClientsFileError):
        Registry(file)
    with pytest.raises(ClientsFileError):
        Registry(file.parent / "none")


def test_a_link_that_points_elsewhere_is_a_change(file: Path, tmp_path: Path) -> None:
    """So does a mounted secret change."""
    link, other, tick = tmp_path / "link", tmp_path / "other.json", Tick()
    write(other, "b")
    link.symlink_to(file)
    registry = Registry(link, tick)
    link.unlink()
    link.symlink_to(other)
    tick.on()
    assert issuers(registry) == ["b"]
