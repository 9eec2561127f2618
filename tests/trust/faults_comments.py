"""Acknowledged comments are kept: both servers of `make run` fill and are killed, and the service starts anew."""

import os
import signal
from pathlib import Path
from typing import Any

from redis.exceptions import OutOfMemoryError

from service.cds_hooks.feedback_store import COMMENT, COMMENT_SECONDS, MAX_COMMENTS
from tests.conftest import until
from tests.runner import comment_on, fill, service, states
from tests.trust.record import goal, table

UNIT = "comments"
BATCH = 100
LONGEST = "\U0001d538" * 2000
"""Four bytes a character: what a comment can take."""
HELD = ("ready", "ok", "ok")


def figures(folder: Path, batches: int) -> dict[str, int]:
    """Send batches until one is refused, or so many; fill and kill both servers; start anew. Gives what was counted."""
    folder /= "data"
    secret = "of the trust runs, long enough to be one"  # noqa: S105 - of the tests only
    with service(folder, SERVICE_SECRET=secret) as (server, runner):
        acknowledged, refused = 0, 0
        while acknowledged < batches * BATCH and not refused:
            if comment_on(server, *[LONGEST] * BATCH, first=acknowledged) == 200:
                acknowledged += BATCH
            else:
                refused += BATCH
        with runner.client("cache") as cache, runner.client("state") as state:
            megabytes = state.info("memory")["used_memory"] // 1_000_000
            fill(cache)
            try:
                for number in range(1000):
                    state.set(f"other {number}", b"x" * 1_000_000)
                filled = 0
            except OutOfMemoryError:
                filled = 1
            for key in state.scan_iter("other *"):
                state.unlink(key)
        for pid in runner.servers().values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: states(server) != HELD, "both are gone")
        until(lambda: states(server) == HELD, "both are back")
    with service(folder, SERVICE_SECRET=secret) as (_, runner), runner.client("state") as state:
        left = [state.ttl(key) for key in state.scan_iter(f"{COMMENT}*", 1000)]
    kept = sum(COMMENT_SECONDS - 86400 < seconds <= COMMENT_SECONDS for seconds in left)
    return {
        "acknowledged": acknowledged,
        "refused": refused,
        "megabytes": megabytes,
        "filled": filled,
        "kept": kept,
    }


def shown(found: dict[str, int]) -> dict[str, Any]:
    """The table."""
    columns = ["acknowledged", "refused (503)", "state server, MB", "kept for their time"]
    row = [found[name] for name in ("acknowledged", "refused", "megabytes", "kept")]
    about = f"Comments of 8,000 bytes, of which {MAX_COMMENTS:,} are taken; then both servers are filled and killed -9."
    return table("Comments under pressure, with the servers of make run", columns, [row], about)


def goals(found: dict[str, int]) -> list[dict[str, Any]]:
    """None lost, and the state server was full."""
    return [
        goal(
            "comments acknowledged = comments kept after a full cache, a full state, kill -9 of both and a new start",
            f"{found['acknowledged']} acknowledged, {found['kept']} kept",
            met=found["kept"] == found["acknowledged"] > 0 and found["filled"] == 1,
        )
    ]
