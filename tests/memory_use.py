"""Requests that take much memory, and how much of it the processes of a server took.

``python -m tests.memory_use`` tells of each hard body the memory that reading it takes, as a share of what is reckoned
with.
"""

import contextlib
import ctypes
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from service.facts import json_body
from tests.api.asking import BATCH, JSON, ONE, RESPONDER
from tests.conftest import ROOT, Server

MIB = 2**20
BESIDE = 128 * MIB
"""Of the limit of the container: what its /tmp takes, and what was there before a control group was."""
EXTRACT = "/v1/facts/extract"
WHOLE_BATCH = json.dumps([RESPONDER | {"age_years": n % 100, "ecog": n % 5} for n in range(1000)]).encode()
ITEMS = {
    "empty objects": b"{}",
    "empty lists": b"[]",
    "objects": b'{"":{}}',
    "lists in lists": b"[[]]",
    "texts": b'""',
    "numbers": b"1.5",
}


def crowd(item: bytes, size: int, levels: int = 1) -> bytes:
    """Return a list of about so many bytes that holds the same item again and again."""
    times = (size - 2 * levels) // (len(item) + 1)
    return b"[" * levels + b",".join([item] * times) + b"]" * levels


OBJECT = b'{"":{}}'
HEAVY = [
    (f"{BATCH}?view=full", WHOLE_BATCH),
    (f"{BATCH}?view=full", crowd(b'{"complications":["sepsis_signs"]}', 35_000)),
    (BATCH, crowd(OBJECT, 700_000, 60)),
    (BATCH, crowd(b"{}", 16 * MIB)),
    (EXTRACT, crowd(OBJECT, 2_000_000, 60)),
    (EXTRACT, crowd(b"{}", 8 * MIB)),
    (ONE, crowd(OBJECT, MIB)),
    (ONE, b'{"hat":"' + "\U0001f600".encode() * 200_000 + b'"}'),
]
"""What takes most memory of each kind that is let in, and what would, were it."""


def limit() -> int:
    """Return the memory that the container of the service has, in bytes."""
    stated = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["service"]["mem_limit"]
    return int(stated.removesuffix("m")) * MIB


def post(server: Server, body: bytes, path: str = f"{BATCH}?view=full") -> tuple[int, Any]:
    """Return the status of the answer to a JSON body, and what it says; nothing of what the worker's loop refuses."""
    status, _, answer = server.get(path, {"Content-Type": JSON}, body)
    return status, None if answer.startswith(b"<") else json.loads(answer)


def processes(server: Server) -> list[int]:
    """Return the ids of the master and its workers."""
    master = server.process.pid
    return [master, *map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split())]


@contextlib.contextmanager
def limited(server: Server, size: int) -> Iterator[Path | None]:
    """Let the kernel kill a process of a server that would take more than so many bytes with the others.

    Gives the control group, or None where none can be made: that takes root and a kernel with memory groups.
    """
    group = _own_group() / f"guideline-{server.port}"
    try:
        group.mkdir()
        (group / ("memory.max" if (group / "memory.max").exists() else "memory.limit_in_bytes")).write_text(str(size))
        for process in processes(server):
            (group / "cgroup.procs").write_text(str(process))
    except OSError:
        with contextlib.suppress(OSError):
            group.rmdir()
        yield None
        return
    try:
        yield group
    finally:
        for process in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):  # it has ended
                (group.parent / "cgroup.procs").write_text(process)
        group.rmdir()


def _own_group() -> Path:
    """Return the folder of the memory group that this process is in, of the first or the second kind."""
    root = Path("/sys/fs/cgroup")
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    return root / "memory" / groups["memory"][1:] if "memory" in groups else root / groups[""][1:]


def peak(process: int) -> int:
    """Return the most memory that a process ever had, in bytes; what it shares with others included."""
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1])


LONG_TEXT = "\U0001f600" * 4000
HARD = {
    **{name: crowd(item, MIB) for name, item in ITEMS.items()},
    **{f"{name}, 60 levels deep": crowd(item, MIB, 60) for name, item in ITEMS.items()},
    "members": json.dumps({f"{n:x}": n for n in range(70_000)}).encode(),
    "objects with a name of their own": json.dumps([{f"{n:x}": {}} for n in range(50_000)]).encode(),
    "texts of four bytes a character": json.dumps([LONG_TEXT] * 30 + ["a" * 4000] * 60, ensure_ascii=False).encode(),
    "one character among many": json.dumps("a" * MIB + "\U0001f600", ensure_ascii=False).encode(),
    "escapes": b'["' + b"\\u0001" * 150_000 + b'"]',
}
"""Bodies of about a megabyte for whose sort much memory is needed."""


def resident(name: str) -> int:
    """Return VmRSS or VmHWM of this process, in bytes."""
    return 1024 * int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def share_taken(reader: str, body: bytes) -> float:
    """Return the memory that reading a body takes at most, as a share of what is reckoned with."""
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    before = resident("VmRSS")
    tree = getattr(json_body, reader)(body)
    taken = len(body) + resident("VmHWM") - before
    del tree
    return taken / json_body.parsing_bytes(body)


if __name__ == "__main__":
    ctypes.CDLL(None).mallopt(-3, 256 * 1024)  # as gunicorn_config.py: what is freed goes back to the system
    shares = {
        f"{name}, {read}": share_taken(read, body) for read in ("parse", "parse_long") for name, body in HARD.items()
    }
    sys.stdout.write(json.dumps(shares))
