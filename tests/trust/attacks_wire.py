"""Tiny chunks, before anybody knows their sender; and files that run out."""

import contextlib
import json
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

from service.server.request_framing import FREE_CHUNKS
from tests.api.asking import BATCH, JSON, NDJSON, ONE, SEPSIS
from tests.memory_use import MIB
from tests.sockets import children, processor_seconds, rest
from tests.trust.fuzz_wire import head
from tests.trust.record import goal, status_line, table
from tests.trust.stand import Service

CHUNKS, FILES = "chunks", "files"
FEW_FILES = 128
"""As `ulimit -n` may say; with so few there are 48 places for connections."""
FEW_THREADS = 4
SPARE = 12
"""Files that a worker may still open when its limit is lowered while it runs."""
CONNECTIONS = 300
SECONDS_A_MEGABYTE = 0.5
SHAPES: dict[str, tuple[bytes, str]] = {
    "one byte": (b"1\r\n \r\n", JSON),
    "one byte, with an extension": (b"1;a=b\r\n \r\n", JSON),
    "one byte, noughts before its length": (b"00000001\r\n \r\n", JSON),
    "two bytes": (b"2\r\n  \r\n", JSON),
    "sixteen bytes": (b"10\r\n" + b" " * 16 + b"\r\n", JSON),
    "sixty-four bytes": (b"40\r\n" + b" " * 64 + b"\r\n", JSON),
    "one byte, lines of a stream": (b"1\r\n\n\r\n", NDJSON),
}


def chunks(up: Service, megabytes: int) -> list[dict[str, Any]]:
    """Send so much of each shape of tiny chunks without credentials; what the one worker needed for it."""
    (worker,) = up.workers()
    found = []
    endless = {name: _begun(kind) + chunk * (MIB // len(chunk)) for name, (chunk, kind) in SHAPES.items()}
    whole = _begun(JSON) + b"1\r\n \r\n" * FREE_CHUNKS + b"0\r\n\r\n"
    for name, data in (endless | {"as many of one byte as may be": whole}).items():
        before, sent, statuses = processor_seconds(worker), 0, Counter[str]()
        while sent < megabytes * MIB:
            more, status = _sent(up, data)
            sent += more
            statuses[status] += 1
        used = processor_seconds(worker) - before
        found.append({"chunks": name, "sent": sent, "seconds": round(used, 2), "statuses": dict(statuses)})
        found[-1]["same"] = up.workers() == [worker]
    return found


def _begun(kind: str) -> bytes:
    path = BATCH if kind == NDJSON else ONE
    return head("Transfer-Encoding: chunked", path=path).replace(JSON, kind).encode()


def _sent(up: Service, data: bytes) -> tuple[int, str]:
    """Send what is taken of some bytes; how many those were, and the status of the answer."""
    with socket.create_connection(("127.0.0.1", up.port), 20) as connection:
        sent = 0
        with contextlib.suppress(OSError):
            while sent < len(data):
                sent += connection.send(data[sent : sent + 65_536])
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        status = rest(connection).partition(b"\r\n")[0].split(b" ")
    return sent, status[1].decode() if len(status) > 1 else "ended"


def files(up: Service, key: str, seconds: float) -> dict[str, Any]:
    """Hold more connections than there are files, and open them anew; emergencies meanwhile."""
    workers = up.workers()
    until = time.monotonic() + seconds
    statuses: Counter[str] = Counter()
    longest, opened = 0.0, 0
    while time.monotonic() < until:
        with contextlib.ExitStack() as stack:
            for number in range(CONNECTIONS):
                with contextlib.suppress(OSError):
                    connection = stack.enter_context(socket.create_connection(("127.0.0.1", up.port), 20))
                    connection.sendall((b"", b"GET /livez HTTP/1.1\r\n", _begun(JSON) + b"1\r\n{")[number % 3])
                    opened += 1
            for _ in range(10):
                began = time.monotonic()
                statuses[_status(up, key)] += 1
                longest = max(longest, time.monotonic() - began)
    return {
        "opened": opened,
        "statuses": dict(statuses),
        "longest": round(longest, 2),
        "same": up.workers() == workers,
        "refused by the system": up.log.read_text().count("a connection was not accepted: Too many open files"),
    }


def _status(up: Service, key: str) -> str:
    try:
        return str(up.get(ONE, {"Content-Type": JSON, "X-API-Key": key}, json.dumps(SEPSIS).encode())[0])
    except (OSError, HTTPException) as error:
        return type(error).__name__


@contextlib.contextmanager
def fewer_files(up: Service) -> Iterator[None]:
    """Let the workers of a running service open only a few files more than they have open."""
    for worker in children(up.master):
        held = len(list(Path(f"/proc/{worker}/fd").iterdir()))
        resource.prlimit(
            worker, resource.RLIMIT_NOFILE, (held + SPARE, resource.prlimit(worker, resource.RLIMIT_NOFILE)[1])
        )
    yield


FILES_KINDS: dict[str, Callable[[Service], contextlib.AbstractContextManager[None]]] = {
    f"{FEW_FILES} from the start": lambda _: contextlib.nullcontext(),
    f"{SPARE} more than are open": fewer_files,
}


def goals(tiny: list[dict[str, Any]], few: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Little work for strangers; workers that live, and answer."""
    worst = max(tiny, key=_cost)
    answers: Counter[str] = sum((Counter(each["statuses"]) for each in few.values()), Counter())
    longest = max(each["longest"] for each in few.values())
    return [
        goal(
            f"tiny chunks of somebody unknown cost {SECONDS_A_MEGABYTE} s of a processor a megabyte at most",
            f"{_cost(worst):.3f} s at most ({worst['chunks']}), of {sum(each['sent'] for each in tiny) // MIB} MiB",
            met=_cost(worst) <= SECONDS_A_MEGABYTE
            and all(each["same"] and "200" not in each["statuses"] for each in tiny),
        ),
        goal(
            "workers outlive that files run out, and answer every emergency",
            f"{answers['200']} of {sum(answers.values())}, after {longest} s at most; "
            f"{'no worker' if all(each['same'] for each in few.values()) else 'a worker'} ended",
            met=set(answers) == {"200"} and all(each["same"] for each in few.values()),
        ),
    ]


def _cost(each: dict[str, Any]) -> float:
    return float(each["seconds"] / (each["sent"] / MIB))


def shown(tiny: list[dict[str, Any]], few: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The tables."""
    yield table(
        "Tiny chunks without credentials, on one worker",
        ["chunks of", "MiB sent", "processor s", "processor s a MiB", "answers"],
        [
            [
                each["chunks"],
                f"{each['sent'] / MIB:.1f}",
                each["seconds"],
                f"{_cost(each):.3f}",
                status_line(each["statuses"]),
            ]
            for each in tiny
        ],
    )
    yield table(
        "Connections while files run out",
        ["files", "connections", "refused by the system", "emergencies", "longest s"],
        [
            [name, f"{each['opened']:,}", each["refused by the system"], status_line(each["statuses"]), each["longest"]]
            for name, each in few.items()
        ],
        f"{CONNECTIONS} at a time: idle, half a head, half a body.",
    )
