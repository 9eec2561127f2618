"""Revoked keys while CLIENTS_FILE is broken and workers are replaced again and again."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any

from service.security.keys import new_key
from service.security.registry import PROMISED_SECONDS
from tests.api.asking import JSON, ONE, SEPSIS
from tests.conftest import until
from tests.trust.record import goal, status_line, table
from tests.trust.stand import Service

UNIT = "keys"
CALLERS = 4
ASKED = 12
"""Calls with each key, on connections of their own, after the workers were replaced."""
GONE = "gone"


class Keys:
    """CLIENTS_FILE, and the keys that are in it or were."""

    def __init__(self, file: Path, number: int) -> None:
        self.file = file
        self.made = {name: new_key(name) for name in ("kept", *(f"revoked-{round_ + 1}" for round_ in range(number)))}
        self.left = list(self.made)
        self.revoked: list[str] = []
        """The keys that a worker has refused."""
        self.write()

    def write(self) -> None:
        """Write the file whole, with the keys that are left."""
        self.remove()
        entries = [{"id": name, "hash": self.made[name][1], "scopes": ["advice"]} for name in self.left]
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"keys": entries}))
        fresh.replace(self.file)

    def revoke(self) -> str:
        """Take the next key out of the file; gives it."""
        name = self.left.pop()
        self.write()
        return self.made[name][0]

    def remove(self) -> None:
        """Take away whatever stands there."""
        if self.file.is_dir():
            self.file.rmdir()
        self.file.unlink(missing_ok=True)


def _half(keys: Keys) -> None:
    keys.file.write_bytes(keys.file.read_bytes()[:40])


def _folder(keys: Keys) -> None:
    keys.remove()
    keys.file.mkdir()


def _misspelt(keys: Keys) -> None:
    """The whole text of the start, in which one word is wrong: nothing of it may be taken."""
    entries = [{"id": name, "hash": kept, "scopes": ["advise"]} for name, (_, kept) in keys.made.items()]
    keys.file.write_text(json.dumps({"keys": entries}))


BROKEN: dict[str, Callable[[Keys], object]] = {
    "half of it": _half,
    "empty": lambda keys: keys.file.write_text(""),
    "no file": Keys.remove,
    "no text": lambda keys: keys.file.write_bytes(b"\xff\xfe\x00"),
    "a folder": _folder,
    "all keys of the start with a fault": _misspelt,
}


def _killed(up: Service) -> None:
    for worker in up.workers():
        os.kill(worker, signal.SIGKILL)


def _ended(up: Service) -> None:
    for worker in up.workers():
        os.kill(worker, signal.SIGTERM)


def _reloaded(up: Service) -> None:
    os.kill(up.master, signal.SIGHUP)


def _upgrade_refused(up: Service) -> None:
    """Begin a new master, which finds the file broken and gives up; then kill the workers of the old one."""
    os.kill(up.master, signal.SIGUSR2)
    until(up.followers, "a new master has begun")
    until(lambda: not up.followers(), "the new master has given up")
    _killed(up)


REPLACED: dict[str, Callable[[Service], None]] = {
    "KILL to all": _killed,
    "TERM to all": _ended,
    "HUP": _reloaded,
    "USR2, then KILL to all": _upgrade_refused,
}


def figures(up: Service, keys: Keys, replacements: int) -> dict[str, Any]:
    """In each round revoke a key; once one worker refuses it break the file, and replace all workers so many times."""
    rounds = []
    for number, _ in enumerate(keys.left[1:]):
        broken, replaced = (tuple(each)[number % len(each)] for each in (BROKEN, REPLACED))
        key = keys.revoke()
        began = time.monotonic()
        until(lambda key=key: _status(up, key) == "401", "a worker refuses the key", PROMISED_SECONDS)
        one = every = time.monotonic() - began
        BROKEN[broken](keys)
        while (passed := time.monotonic() - began) < PROMISED_SECONDS:
            every = every if _status(up, key) == "401" else passed
        keys.revoked.append(key)
        with _calling(up, keys) as found:
            for _ in range(replacements):
                before = {*up.workers()}
                REPLACED[replaced](up)
                until(lambda before=before: not before & {*up.workers()} and up.ready(), "others work")
                for _ in range(ASKED):
                    found["kept"][_status(up, keys.made["kept"][0])] += 1
        kept = {
            "broken": broken,
            "replaced": replaced,
            "one": round(one, 1),
            "every": round(every, 1),
            "workers": replacements * up.size,
        }
        rounds.append(kept | {name: dict(counted) for name, counted in found.items()})
        keys.write()
    return {"rounds": rounds}


@contextlib.contextmanager
def _calling(up: Service, keys: Keys) -> Iterator[dict[str, Counter[str]]]:
    """Call with each revoked key without a pause: the first request of a new worker shall be one of these."""
    end = Event()
    found: dict[str, Counter[str]] = {"revoked": Counter(), "kept": Counter()}

    def call(number: int) -> Counter[str]:
        counted: Counter[str] = Counter()
        while not end.is_set():
            counted[_status(up, keys.revoked[number % len(keys.revoked)])] += 1
            number += 1
        return counted

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call, number) for number in range(CALLERS)]
        try:
            yield found
            for key in keys.revoked * ASKED:
                found["revoked"][_status(up, key)] += 1
        finally:
            end.set()
        for caller in callers:
            found["revoked"].update(caller.result())


def _status(up: Service, key: str) -> str:
    """The status of a call on a connection of its own; or that nobody was there, while workers are replaced."""
    try:
        return str(up.get(ONE, {"Content-Type": JSON, "X-API-Key": key}, json.dumps(SEPSIS).encode())[0])
    except (OSError, HTTPException):
        return GONE


@contextlib.contextmanager
def clients_file(folder: Path, number: int) -> Iterator[Keys]:
    """A file with one key to keep and so many to revoke."""
    place = folder / "clients"
    place.mkdir()
    yield Keys(place / "clients.json", number)
    shutil.rmtree(place)


def goals(found: dict[str, Any]) -> list[dict[str, Any]]:
    """None is taken again, and the key that was kept is taken all the time."""
    revoked, kept = (sum((Counter(each[name]) for each in found["rounds"]), Counter()) for name in ("revoked", "kept"))
    workers, slowest = (
        sum(each["workers"] for each in found["rounds"]),
        max(each["every"] for each in found["rounds"]),
    )
    return [
        goal(
            "a revoked key is never taken again, however CLIENTS_FILE is broken and however workers are replaced",
            f"{revoked['401']:,} of {sum(revoked.values()) - revoked[GONE]:,} refused while {workers} workers began",
            met=revoked["401"] > 0 and set(revoked) <= {"401", GONE},
        ),
        goal(
            f"all workers refuse it within {PROMISED_SECONDS:.0f} s, though one alone read the good file",
            f"last taken {slowest} s after it was revoked",
            met=slowest < PROMISED_SECONDS - 1,
        ),
        goal(
            "the keys that are left are taken meanwhile",
            f"{kept['200']} of {sum(kept.values())}",
            met=kept["200"] > 0 and set(kept) == {"200"},
        ),
    ]


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """The table."""
    columns = ["the file", "workers replaced by", "workers that began", "one refuses, s", "last taken, s"]
    return table(
        "Revoked keys while CLIENTS_FILE is broken",
        [*columns, "calls with revoked keys", "with a key that is left"],
        [
            [
                *(each[name] for name in ("broken", "replaced", "workers", "one", "every")),
                *map(status_line, (each["revoked"], each["kept"])),
            ]
            for each in found["rounds"]
        ],
        f"{CALLERS} callers show the revoked keys without a pause; {GONE}: the worker was just ended.",
    )
