"""Slow clients, who hold their requests open or their answers unread while others ask; and what the workers keep."""

import contextlib
import functools
import json
import random
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flask import Flask

from service.server.connection import READ_SECONDS
from tests.api.asking import BATCH, ONE, RESPONDER
from tests.conftest import GUIDELINE
from tests.slow_readers import PIPELINE, slow_readers, waits
from tests.trust.fuzz_cases import written
from tests.trust.fuzz_facts import patient
from tests.trust.fuzz_wire import Attack, exchange, head, sized, timed
from tests.trust.stand import Service

DRIP_SECONDS = 0.3
BODY = b'{"metastatic_status":"M1","complications":"none"}'
LATE = b"HTTP/1.1 408 "


class Slow:
    """One way to be slow: what is sent at once, and what is added byte by byte."""

    def __init__(self, name: str, begun: bytes, drip: bytes = b"") -> None:
        self.name, self.begun, self.drip = name, begun, drip


WAYS = (
    Slow("half a body", head(f"Content-Length: {len(BODY)}").encode() + BODY[:9]),
    Slow("a body byte by byte", head("Content-Length: 100000").encode(), b" "),
    Slow("half a chunk", head("Transfer-Encoding: chunked").encode() + b"ff\r\n{"),
    Slow("chunks byte by byte", head("Transfer-Encoding: chunked").encode(), b"1\r\n \r\n"),
    Slow("half a head", head()[:40].encode()),
    Slow("a head byte by byte", b"GET /livez HTTP/1.1\r\nX-A: ", b"a"),
)


def held(server: Service, each: int) -> dict[str, Any]:
    """Hold so many requests of each way open, ask whole ones meanwhile; how long those took, and how the slow ended."""
    seconds: list[float] = []
    ends: dict[str, Counter] = {way.name: Counter() for way in WAYS}
    with contextlib.ExitStack() as stack:
        open_: dict[socket.socket, Slow] = {}
        poll = stack.enter_context(selectors.DefaultSelector())
        for way in WAYS * each:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
            connection.sendall(way.begun)
            open_[connection] = way
            poll.register(connection, selectors.EVENT_READ)
        began = dripped = time.monotonic()
        statuses: Counter = Counter()
        while open_ and time.monotonic() - began < 6 * READ_SECONDS:
            replies, took = timed(server, sized(BODY, "Connection: close"))
            seconds.append(took)
            statuses[replies[0].status if replies else 0] += 1
            for key, _ in poll.select(0):
                connection = poll.unregister(key.fileobj).fileobj
                ends[open_.pop(connection).name][_end(connection)] += 1
                connection.close()
            if time.monotonic() - dripped > DRIP_SECONDS:
                dripped = time.monotonic()
                for connection, way in open_.items():
                    with contextlib.suppress(OSError):
                        connection.sendall(way.drip)
        lasted = time.monotonic() - began
        for way in open_.values():
            ends[way.name]["still open"] += 1
    seconds.sort()
    return {
        "held": each * len(WAYS),
        "lasted": round(lasted, 1),
        "asked": len(seconds),
        "statuses": {str(status): number for status, number in statuses.items()},
        "p50_ms": round(seconds[len(seconds) // 2] * 1000, 1),
        "p99_ms": round(seconds[int(len(seconds) * 0.99)] * 1000, 1),
        "max_ms": round(seconds[-1] * 1000, 1),
        "ends": {name: dict(counted) for name, counted in ends.items()},
    }


def _end(connection: socket.socket) -> str:
    found = b""
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        while data := connection.recv(65536):
            found += data
    return "408" if found.startswith(LATE) else found[:12].decode("latin-1") or "closed without a word"


# ---- answers

ONE_BODY = json.dumps(RESPONDER).encode()
BATCH_BODY = json.dumps([RESPONDER | {"age_years": 20 + number % 60} for number in range(40)]).encode()
READERS = {
    "a file of the pages, 1.7 MB, 12 times": PIPELINE,
    "a full answer, 80 kB, 40 times": 40 * sized(ONE_BODY, path=f"{ONE}?view=full"),
    "a batch of 40 in full, 3.2 MB, twice": 2 * sized(BATCH_BODY, path=f"{BATCH}?view=full"),
}
"""What is asked for, in one packet, by clients that read 16 kB a second."""


def readers(server: Service, name: str, number: int, seconds: float) -> dict[str, Any]:
    """Let so many read slowly; how long others wait meanwhile, and what the one worker holds at most."""
    (worker,) = server.workers()
    took: dict[str, list[float]] = {}
    held, end = 0, time.monotonic() + seconds
    with slow_readers(server, READERS[name], number) as connections:
        while time.monotonic() < end:
            for path, each in waits(server, server.headers, 1).items():
                took.setdefault(path, []).extend(each)
            held = max(held, _rollup(worker, "Pss"))
        ended = sum(connection.fileno() < 0 for connection in connections)
    return {
        "asked for": name,
        "readers": number,
        "asked": sum(map(len, took.values())),
        "max_ms": {path: round(max(each) * 1000, 1) for path, each in took.items()},
        "pss_kib": held,
        "ended": ended,
        "same worker": server.workers() == [worker],
    }


# ---- memory


def memory(server: Service, app: Flask, attacks: list[Attack], rounds: int, seed: int) -> Iterator[dict[str, Any]]:
    """All attacks and some sound questions, again and again; after each round what the workers hold, in KiB."""
    vocabulary = app.config["KNOWLEDGE"].newest(GUIDELINE).guideline.vocabulary
    chance = random.Random(seed)
    sent = 0
    workers = server.workers()
    for number in range(rounds):
        asked = [attack.sent for attack in attacks]
        asked += [sized(written(patient(chance, vocabulary)), "Connection: close") for _ in range(300)]
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(functools.partial(_asked, server), asked))
        sent += len(asked)
        yield {
            "round": number,
            "sent": sent,
            "pss_kib": sum(_rollup(pid, "Pss") for pid in workers),
            "private_kib": sum(_rollup(pid, "Private_Dirty") for pid in workers),
            "same workers": server.workers() == workers,
        }


def _asked(server: Service, sent: bytes) -> None:
    """Ask and go on soon: what comes was judged before."""
    with contextlib.suppress(TimeoutError):
        exchange(server, sent, 0.01)


def _rollup(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def slope(found: list[dict[str, Any]], of: Callable[[dict[str, Any]], float]) -> float:
    """Growth for each thousand requests, by least squares."""
    xs, ys = [each["sent"] / 1000 for each in found], [of(each) for each in found]
    middle, mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    return sum((x - middle) * (y - mean) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0
