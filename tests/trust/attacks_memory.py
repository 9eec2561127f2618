"""Hostile bodies and whole batches at once, again and again, under the memory that the container has."""

import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any

from service.settings import MEMORY_BYTES, Settings
from tests.api.asking import ONE, SEPSIS
from tests.memory_use import BESIDE, HEAVY, MIB, limit, limited, peak, post, processes
from tests.trust.record import goal, status_line, table
from tests.trust.stand import Service

UNIT = "memory"
SETTINGS = {"WORKERS": str(Settings.workers), "NEAR_CACHE_BYTES": str(Settings.near_cache_bytes)}
"""Those of the container; the trust runs have others."""
SENDERS = 24
CUT = "cut"
"""The connection ended before its answer: more was arriving than there is room for."""
EXPECTED = {"200", "408", "413", "422", "503", CUT}
"""408: a long body that came too slowly, as all do when so many are sent by one machine."""


def figures(up: Service, seed: int, seconds: float) -> dict[str, Any]:
    """Send what takes most memory from many threads for so long, and emergencies meanwhile."""
    before, end = processes(up), Event()
    waits: list[float] = []
    unanswered = 0
    with limited(up, limit() - BESIDE) as group, ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(_send, up, random.Random(f"{seed} {number}"), end) for number in range(SENDERS)]
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                began = time.monotonic()
                unanswered += _status(up, json.dumps(SEPSIS).encode(), ONE) != "200"
                waits.append(time.monotonic() - began)
        finally:
            end.set()
        statuses: Counter[str] = sum((sender.result() for sender in senders), Counter())
        after = processes(up)
        most = _most(group)
    return {
        "seconds": seconds,
        "limit MiB": (limit() - BESIDE) // MIB,
        "limited": group is not None,
        "most MiB": most,
        "worker MiB": [peak(pid) // MIB for pid in after[1:]],
        "statuses": dict(statuses),
        "same": before == after,
        "emergencies": len(waits),
        "unanswered": unanswered,
        "p50 s": round(sorted(waits)[len(waits) // 2], 2),
        "max s": round(max(waits), 2),
    }


def _send(up: Service, chance: random.Random, end: Event) -> Counter[str]:
    found: Counter[str] = Counter()
    while not end.is_set():
        path, body = chance.choice((*HEAVY, HEAVY[0], HEAVY[0]))
        found[_status(up, body, path)] += 1
    return found


def _status(up: Service, body: bytes, path: str) -> str:
    try:
        return str(post(up, body, path)[0])
    except (OSError, HTTPException):
        return CUT


def _most(group: Path | None) -> int | None:
    """The most that the processes of a control group had together, in MiB, what they share counted once."""
    files = [] if group is None else [group / "memory.peak", group / "memory.max_usage_in_bytes"]
    return next((int(file.read_text()) // MIB for file in files if file.exists()), None)


def goals(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Nobody is killed, and every emergency is answered."""
    bodies = sum(found["statuses"].values())
    where = (
        f"under {found['limit MiB']} MiB" if found["limited"] else "without a limit: no memory group can be made here"
    )
    return [
        goal(
            "nobody is killed for memory, whatever is sent at once, under the memory of the container",
            f"{'nobody' if found['same'] else 'somebody'}, of {bodies:,} bodies in {found['seconds']:.0f} s, {where}",
            met=found["same"] and found["limited"] and {"200", "413"} <= {*found["statuses"]} <= EXPECTED,
        ),
        goal(
            "meanwhile every emergency is answered",
            f"{found['emergencies'] - found['unanswered']} of {found['emergencies']}, after {found['max s']} s at most",
            met=found["unanswered"] == 0,
        ),
    ]


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """The table."""
    workers = " and ".join(map(str, found["worker MiB"]))
    cells = [found["limit MiB"], found["most MiB"] or "", workers, status_line(found["statuses"])]
    waits = f"{found['emergencies']}: {found['p50 s']} s (median), {found['max s']} s"
    return table(
        "Memory, while everything heavy is sent at once",
        ["limit MiB", "most MiB of all", "most MiB of a worker", "answers", "emergencies"],
        [[*cells, waits]],
        f"{SENDERS} senders without a pause: whole batches, crowds of small items, long texts. Each worker has "
        f"{MEMORY_BYTES // MIB} MiB for requests.",
    )
