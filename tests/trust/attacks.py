"""Part 6: the attacks that once brought the service down or past its limits, for longer and in more shapes."""

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.sockets import open_files
from tests.trust import attacks_keys as keys
from tests.trust import attacks_limits as limits
from tests.trust import attacks_memory as memory
from tests.trust import attacks_near as near
from tests.trust import attacks_wire as wire
from tests.trust.fuzz_cases import application, judged
from tests.trust.fuzz_cases import run as run_cases
from tests.trust.record import Record, goal, table
from tests.trust.stand import Service, redis, service

TITLE = "Attacks"
ABOUT = """What a hostile user did to the service once, done again on real servers for minutes: bodies that take memory,
keys that were revoked, floods over the rate limit, tiny chunks, connections beyond the files there are. Near misses of
an emergency and words that only look like one are made of seed and number, and judged in process. Slow readers are a
part of bad input, comments under pressure a part of faults."""

NEAR, LOOKS = "near misses", "look-alikes"
CASES = {NEAR: (near.near_miss, 60_000), LOOKS: (near.look_alike, 30_000)}
SHORT_CASES = 400
CASES_SECONDS = 100.0
MEMORY_SECONDS, LIMITS_SECONDS, FILES_SECONDS = 75.0, 45.0, 8.0
ROUNDS, REPLACEMENTS = 12, 2
"""Each way of breaking CLIENTS_FILE twice, each way of replacing workers three times; in each round so many times."""
CHUNKS_MEGABYTES = 8


def run(record: Record, *, short: bool) -> None:
    """Do what is missing."""
    share = 0.02 if short else 1
    with tempfile.TemporaryDirectory(prefix="trust-") as name:
        folder = Path(name)
        for unit, figures in (
            (memory.UNIT, functools.partial(_memory, seconds=MEMORY_SECONDS * share)),
            (keys.UNIT, functools.partial(_keys, rounds=1 if short else ROUNDS, times=1 if short else REPLACEMENTS)),
            (limits.UNIT, functools.partial(_limits, seconds=LIMITS_SECONDS * max(share, 0.06))),
            (wire.CHUNKS, functools.partial(_chunks, megabytes=1 if short else CHUNKS_MEGABYTES)),
            (wire.FILES, functools.partial(_files, seconds=FILES_SECONDS * share, kinds=[*wire.FILES_KINDS][short:])),
        ):
            if unit not in record.units:
                record.keep(unit, figures(folder, record.seed))
    done = _cases(record) if short else run_cases(record, CASES, CASES_SECONDS)
    _conclude(record, done, short=short)


def _memory(folder: Path, seed: int, seconds: float) -> dict[str, Any]:
    with service(folder, AUTH="none", LOG_LEVEL="error", **memory.SETTINGS) as up:
        return memory.figures(up, seed, seconds)


def _keys(folder: Path, _seed: int, rounds: int, times: int) -> dict[str, Any]:
    with keys.clients_file(folder, rounds) as held, _with_keys(folder, held.file) as up:
        return keys.figures(up, held, times)


def _limits(folder: Path, seed: int, seconds: float) -> dict[str, Any]:
    held = limits.clients(folder / "clients.json")
    with (
        redis() as state,
        _with_keys(folder, folder / "clients.json", REDIS_STATE_URL=state.url, **limits.SETTINGS) as up,
    ):
        return limits.figures(up, held, seed, seconds)


def _chunks(folder: Path, _seed: int, megabytes: int) -> list[dict[str, Any]]:
    limits.clients(folder / "clients.json")
    with _with_keys(folder, folder / "clients.json", WORKERS="1", RATE_LIMIT="off") as up:
        return wire.chunks(up, megabytes)


def _files(folder: Path, _seed: int, seconds: float, kinds: list[str]) -> dict[str, Any]:
    held, found = limits.clients(folder / "clients.json"), {}
    for name in kinds:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(redis())
            settings = {"REDIS_URL": server.url, "REDIS_STATE_URL": server.url, "THREADS": str(wire.FEW_THREADS)}
            settings["LOG_LEVEL"] = "warning"  # what the system refused is counted in the log
            with open_files(wire.FEW_FILES) if "start" in name else contextlib.nullcontext():
                up = stack.enter_context(_with_keys(folder, folder / "clients.json", **settings))
            stack.enter_context(wire.FILES_KINDS[name](up))
            found[name] = wire.files(up, held["modest"], seconds)
    return found


def _with_keys(folder: Path, file: Path, **settings: str) -> contextlib.AbstractContextManager[Service]:
    return service(folder, **{"AUTH": "clients", "CLIENTS_FILE": str(file), "LOG_LEVEL": "error"} | settings)


def _cases(record: Record) -> dict[str, dict[str, Any]]:
    """Some of each kind, in this process."""
    app, done = application(), {}
    for name, (case, _) in CASES.items():
        made = judged(app, name, case, record.seed, range(SHORT_CASES))
        found = {"done": SHORT_CASES, "seconds": made.seconds, "examples": made.examples}
        done[name] = found | {"counts": dict(made.counts), "broken": dict(made.broken)}
        record.keep(name, done[name])
    return done


def _conclude(record: Record, done: dict[str, dict[str, Any]], *, short: bool) -> None:
    units = record.units
    parts = [(module, units[module.UNIT]) for module in (memory, keys, limits)]
    tiny, few = units[wire.CHUNKS], units[wire.FILES]
    totals = {name: SHORT_CASES if short else number for name, (_, number) in CASES.items()}
    record.tables(
        *(module.shown(found) for module, found in parts),
        *wire.shown(tiny, few),
        *_of_cases(done),
    )
    record.end(
        [
            *(each for module, found in parts for each in module.goals(found)),
            *wire.goals(tiny, few),
            _goal(done[NEAR], totals[NEAR], "near misses of an emergency are refused, each with what to do"),
            _goal(done[LOOKS], totals[LOOKS], "words that only look like an emergency are not told as one"),
        ],
        ["clients and servers share this machine, so the times are those of both together"],
    )
    record.data["whole"] = all(each["done"] >= totals[name] for name, each in done.items())


def _goal(found: dict[str, Any], total: int, said: str) -> dict[str, Any]:
    wrong = sum(found["broken"].values())
    return goal(f"{total:,} {said}", f"{wrong} wrong of {found['done']:,}", met=not wrong and found["done"] >= total)


def _of_cases(done: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    rows = [
        [name, what, f"{number:,}"]
        for name, found in done.items()
        for what, number in sorted(found["counts"].items())
        if what != "cases"
    ]
    yield table("Near misses of an emergency, and what only looks like one", ["kind", "what", "number"], rows)
    broken = [
        [name, each["number"], each["rule"], each["detail"][:200].replace("|", "\\|").replace("\n", " ")]
        for name, found in done.items()
        for each in found["examples"][:20]
    ]
    if broken:
        yield table("Broken rules of near misses", ["kind", "case", "rule", "detail"], broken)
