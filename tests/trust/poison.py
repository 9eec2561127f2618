"""Part 2: whoever may write to Redis can cost time, and cannot change an answer."""

import contextlib
import functools
import http.client
import json
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from redis import Redis

from service import create_app
from service.cache.seal import SEAL, Seal
from service.settings import CONTENT, Settings
from tests.api.asking import JSON, ONE
from tests.conftest import RedisServer, until
from tests.trust.record import Record, goal, table
from tests.trust.reference import different_bodies, reference
from tests.trust.stand import SECRET, Service, redis, service

TITLE = "Poisoned cache"
ABOUT = """With write access to Redis. An entry is changed, its question asked of a real service that keeps nothing
near, and the answer compared with that of an application without a cache. An entry counts as accepted where the answer
is not the right one, or where the service took it from Redis."""

NUMBER, FEW = 10_000, 400
VICTIMS = 60
OTHER_SECRET = SECRET[::-1]
HUGE = 64 * 2**20
MOST_MORE_MIB = 16
NAMES = "guideline:cache:*"
FORGED, DOWN, HIT = "detail=forged", "detail=down", "redis; hit"


@dataclass(frozen=True)
class Entry:
    """An answer in Redis: what to ask, what is right, where it stands."""

    path: str
    body: str
    right: bytes
    name: str
    sealed: bytes


@dataclass(frozen=True)
class Loot:
    """All that a thief has."""

    own: list[Entry]
    released: dict[str, bytes]
    """By path and body what a service with the same secret and another release keeps."""
    stranger: dict[str, bytes]
    """The same of a service with another secret."""


Lie = Callable[[random.Random, Entry, Loot], bytes | Callable[[Redis], Any]]
"""What stands at the name of the entry instead, or what puts it there."""


def _flip(chance: random.Random, entry: Entry, within: range, bits: int = 1) -> bytes:
    changed = bytearray(entry.sealed)
    for place in chance.sample(within, bits):
        changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _other(chance: random.Random, entry: Entry, loot: Loot) -> Entry:
    return chance.choice([each for each in loot.own if each is not entry])


def _typed(command: str, *arguments: str) -> Lie:
    def lie(_: random.Random, entry: Entry, __: Loot) -> Callable[[Redis], Any]:
        return lambda server: server.execute_command(command, entry.name, *arguments)

    return lie


def _spliced(chance: random.Random, entry: Entry, loot: Loot) -> bytes:
    other, place = _other(chance, entry, loot).sealed, chance.randrange(SEAL, len(entry.sealed))
    return entry.sealed[:place] + other[place:] + b" "  # or two of the same length and end could be equal


def _extended(chance: random.Random, entry: Entry, _: Loot) -> bytes:
    return entry.sealed + chance.randbytes(chance.randint(1, 5000))


LIES: dict[str, Lie] = {
    "a bit of the digest flipped": lambda chance, entry, _: _flip(chance, entry, range(SEAL)),
    "a bit of the answer flipped": lambda chance, entry, _: _flip(chance, entry, range(SEAL, len(entry.sealed))),
    "several bits flipped": lambda chance, entry, _: _flip(chance, entry, range(len(entry.sealed)), 8),
    "cut at the end": lambda chance, entry, _: entry.sealed[: chance.randrange(1, len(entry.sealed))],
    "cut at the beginning": lambda chance, entry, _: entry.sealed[chance.randrange(1, len(entry.sealed)) :],
    "its digest alone": lambda *given: given[1].sealed[:SEAL],
    "empty": lambda *_: b"",
    "something at the end": _extended,
    "something at the beginning": lambda chance, entry, _: chance.randbytes(chance.randint(1, 100)) + entry.sealed,
    "its digest before another's answer": lambda chance, entry, loot: (
        entry.sealed[:SEAL] + _other(chance, entry, loot).sealed[SEAL:]
    ),
    "another's digest before its answer": lambda chance, entry, loot: (
        _other(chance, entry, loot).sealed[:SEAL] + entry.sealed[SEAL:]
    ),
    "spliced with another": _spliced,
    "another question's, whole": lambda chance, entry, loot: _other(chance, entry, loot).sealed,
    "the same question's of another release": lambda _, entry, loot: loot.released[entry.path + entry.body],
    "the same question's under another secret": lambda _, entry, loot: loot.stranger[entry.path + entry.body],
    "any answer sealed for this name with another secret": lambda chance, entry, loot: Seal(
        OTHER_SECRET.encode()
    ).close(entry.name, _other(chance, entry, loot).sealed[SEAL:]),
    "any answer with no digest": lambda chance, entry, loot: _other(chance, entry, loot).sealed[SEAL:],
    "any answer with a digest of zeros": lambda chance, entry, loot: (
        bytes(SEAL) + _other(chance, entry, loot).sealed[SEAL:]
    ),
    "random bytes": lambda chance, entry, _: chance.randbytes(len(entry.sealed)),
    "a number": lambda *_: b"1",
    "a list": _typed("RPUSH", "a", "b"),
    "a hash": _typed("HSET", "a", "b"),
    "a set": _typed("SADD", "a", "b"),
    "a sorted set": _typed("ZADD", "1", "a"),
    "a stream": _typed("XADD", "*", "a", "b"),
}


def run(record: Record, *, short: bool) -> None:
    """All lies in turn."""
    number = FEW if short else NUMBER
    environment = {"AUTH": "none", "WORKERS": "1", "NEAR_CACHE_BYTES": "0"}
    with (
        tempfile.TemporaryDirectory(prefix="trust-") as folder,
        redis() as server,
        service(Path(folder), **environment, REDIS_URL=server.url) as up,
        contextlib.closing(Asker(up)) as ask,
    ):
        loot = _gathered(record.seed, Path(folder), server, ask)
        record.keep("lies", _told(record.seed, number, loot, server, ask))
        record.keep("huge", _huge(loot.own[0], server, ask))
    _conclude(record)


def _told(seed: int, number: int, loot: Loot, server: RedisServer, ask: "Asker") -> dict[str, Any]:
    """Tell each lie and ask. One that was not read is told again: the service's own late write had replaced it, or the
    machine was so busy that the service did without Redis."""
    chance, again = random.Random(seed), 0
    told: dict[str, Counter[str]] = {name: Counter() for name in LIES}
    before = ask.up.lookups("forged")
    names = list(LIES)
    for index in range(number):
        name, entry = names[index % len(names)], loot.own[index % len(loot.own)]
        while True:
            lie = LIES[name](chance, entry, loot)
            if lie == entry.sealed:
                continue
            _plant(server.client, entry, lie)
            status, body = ask(entry)
            replaced = status.startswith(HIT) and _is(server.client, entry.name, entry.sealed)
            if body == entry.right and (replaced or DOWN in status):
                again += 1
                continue
            break
        told[name]["told"] += 1
        told[name]["accepted"] += body != entry.right or status.startswith(HIT)
        told[name]["refused"] += FORGED in status
    figures = {name: dict(each) for name, each in told.items()}
    return {"told": figures, "counted": ask.up.lookups("forged") - before, "again": again}


def _plant(client: Redis, entry: Entry, lie: bytes | Callable[[Redis], Any]) -> None:
    if isinstance(lie, bytes):
        client.set(entry.name, lie)
    else:
        client.delete(entry.name)
        lie(client)


def _is(client: Redis, name: str, value: bytes) -> bool:
    return bool(client.type(name) == b"string" and client.get(name) == value)


class Asker:
    """A keep-alive client: Cache-Status and body."""

    def __init__(self, up: Service) -> None:
        self.up = up
        self._connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)

    def __call__(self, entry: Entry) -> tuple[str, bytes]:
        headers = {"Content-Type": JSON} if entry.body else {}
        self._connection.request("POST" if entry.body else "GET", entry.path, entry.body or None, headers)
        with self._connection.getresponse() as response:
            return response.headers["Cache-Status"] or "", response.read()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _gathered(seed: int, folder: Path, server: RedisServer, ask: "Asker") -> Loot:
    """Answers that Redis holds, and what services of another release and with another secret hold for the same."""
    right = reference()
    own = list(_kept(_questions(seed, right), server.client, ask))
    content = folder / "content"
    shutil.copytree(CONTENT, content)
    file = next(content.glob("guidelines/*/*/guideline.yaml"))
    file.write_text(file.read_text().replace("disclaimer: ", "disclaimer: Changed. ", 1))
    with redis() as elsewhere:
        given: dict[str, Any] = {"redis_url": elsewhere.url, "near_cache_bytes": 0, "log_level": "error"}
        changed = create_app(Settings(service_secret=SECRET, content=content, **given))
        released = _kept_by(changed, own, elsewhere.client)
        stranger = _kept_by(create_app(Settings(service_secret=OTHER_SECRET, **given)), own, elsewhere.client)
    return Loot(own, released, stranger)


def _questions(seed: int, app: Flask) -> Iterator[Entry]:
    for body in different_bodies(seed, 4 * VICTIMS):
        for view in ("full", "row"):
            path, text = f"{ONE}?view={view}", json.dumps(body)
            response = app.test_client().post(path, data=text, content_type=JSON)
            if response.status_code == 200 and "refused" not in response.get_json():
                yield Entry(path, text, response.data, "", b"")
                recalled = f"{ONE}/{response.headers['Decision-Id']}?view=brief"
                yield Entry(recalled, "", app.test_client().get(recalled).data, "", b"")


def _kept(questions: Iterator[Entry], client: Redis, ask: Callable[[Entry], tuple[str, bytes]]) -> Iterator[Entry]:
    """The first of them that make an entry of their own, with its name."""
    known: set[bytes] = set()
    for question in questions:
        if len(known) == VICTIMS:
            return
        status, body = ask(question)
        assert body == question.right
        if not status.startswith(HIT):
            name = _new(client, known, functools.partial(ask, question))
            yield Entry(question.path, question.body, question.right, name.decode(), client.get(name))


def _kept_by(app: Flask, entries: list[Entry], client: Redis) -> dict[str, bytes]:
    """What another service keeps for the same questions."""
    found, known = {}, set(client.keys(NAMES))
    for entry in entries:
        given = {"data": entry.body, "content_type": JSON} if entry.body else {}
        method = "POST" if entry.body else "GET"
        ask = functools.partial(app.test_client().open, entry.path, method=method, **given)
        found[entry.path + entry.body] = client.get(_new(client, known, ask))
    return found


def _new(client: Redis, known: set[bytes], ask: Callable[[], object]) -> bytes:
    """The name of the entry that asking makes. It is asked again: on a busy machine a service may do without Redis."""
    until(lambda: ask() and len(client.keys(NAMES)) > len(known), "it is in Redis")
    (name,) = set(client.keys(NAMES)) - known
    known.add(name)
    return bytes(name)


def _huge(entry: Entry, server: RedisServer, ask: "Asker") -> dict[str, Any]:
    """A value that is far too long: it must cost neither the answer nor the process."""
    server.client.config_set("maxmemory", "0")
    server.client.set(entry.name, bytes(HUGE))
    began, before = time.monotonic(), _peak(ask.up)
    status, body = ask(entry)
    took = (time.monotonic() - began) * 1000
    return {"right": body == entry.right, "status": status, "ms": round(took), "MiB": _peak(ask.up) - before}


def _peak(up: Service) -> int:
    """Most memory that the worker ever had, in MiB."""
    (worker,) = up.workers()
    status = Path(f"/proc/{worker}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def _conclude(record: Record) -> None:
    lies, huge = record.units["lies"], record.units["huge"]
    told, accepted, refused = (sum(each[n] for each in lies["told"].values()) for n in ("told", "accepted", "refused"))
    rows = [[name, each["told"], each["accepted"], each["refused"]] for name, each in lies["told"].items()]
    record.tables(table("Entries, by what was done to them", ["entry", "told", "accepted", "not believed"], rows))
    record.end(
        [
            goal("0 poisoned entries accepted", f"{accepted} of {told}", met=accepted == 0),
            goal(
                "each is counted (guideline_cache_lookups_total, forged)",
                f"{lies['counted']:.0f} of {told}; Cache-Status says so of {refused}",
                met=lies["counted"] == refused == told,
            ),
            goal(
                "a value of 64 MiB changes no answer and is not read into memory",
                f"{huge['ms']} ms, {huge['MiB']} MiB more",
                met=huge["right"] and huge["MiB"] < MOST_MORE_MIB,
            ),
        ],
        [f"{lies['again']} entries were replaced by the service or not asked for, and were told again"],
    )
