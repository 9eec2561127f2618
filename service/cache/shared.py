"""The cache in Redis, shared by processes and machines. It may hang, die, fill, forget or lie: then we do without.

A request waits for Redis once at most, and for one time-out; once it has waited in vain for a while, others do not
begin to wait beside it. What is to be kept is written by a thread of its own, which also watches: after a failure no
request asks Redis until that thread has seen it answer again.
"""

import queue
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

import structlog
from redis.exceptions import ResponseError

from service.cache.seal import SEAL, Seal
from service.server.redis_client import connect

KEPT_SECONDS = 7 * 24 * 3600
"""Nothing kept can go stale; the time to live bounds how long it can be found (docs/data-sheet.md)."""
PROBE_SECONDS = 1.0
SILENCE_SECONDS = 0.01
"""While somebody has waited this long and nobody has heard anything, nobody else asks. A Redis nearby answers a hundred
times sooner, and working an answer out takes less."""
MOST_BYTES = 1_048_576
"""Of a value with its seal. An answer in full has some thirty thousand."""
WAITING = 64
"""Values that wait to be written; more are not kept."""

HIT, MISS, FORGED, DOWN = "hit", "miss", "forged", "down"
OUTCOMES = (HIT, MISS, FORGED, DOWN)


class Shared:
    """Sealed values in Redis behind one breaker. `tell` hears "opened", "closed" and "unwritten"."""

    def __init__(self, url: str, secret: bytes, tell: Callable[[str], None]) -> None:
        self._redis = connect(url)
        self._seal = Seal(secret)
        self._tell = tell
        self._queue: queue.Queue[tuple[str, bytes] | None] = queue.Queue(WAITING)
        self._lock = Lock()
        self._thread: Thread | None = None
        self._never = Event()
        self._waiting = 0
        self._heard = 0.0
        self.down = False

    def get(self, name: str) -> tuple[bytes | None, str]:
        """The value, and how it came about."""
        if self.down or not self._begin():
            return None, DOWN
        key = self._seal.name(name)
        try:
            # Never more than ours can have: whoever may write there could make it as long as the memory of a machine.
            # What is read of nothing and of an empty value is the same, hence the second command, in one round trip.
            both = self._redis.pipeline(transaction=False)
            both.getrange(key, 0, MOST_BYTES - 1)
            both.exists(key)
            sealed, there = both.execute()
        except ResponseError:  # what stands there is no string, so it is not ours
            return None, FORGED
        except Exception as error:  # noqa: BLE001 - a server that answers nonsense raises whatever its parser raises
            self._open(error)
            return None, DOWN
        finally:
            self._end()
        if not sealed and not there:
            return None, MISS
        value = self._seal.open(key, sealed) if isinstance(sealed, bytes) else None
        return (None, FORGED) if value is None else (value, HIT)

    def put(self, name: str, value: bytes) -> None:
        """Keep the value, soon, if that can be."""
        if not self.down and len(value) + SEAL <= MOST_BYTES:
            self._later((name, value))

    def _begin(self) -> bool:
        """Whether to ask; then `_end` must follow."""
        now = time.monotonic()
        with self._lock:
            if not self._waiting:
                self._heard = now
            elif now - self._heard > SILENCE_SECONDS:
                return False
            self._waiting += 1
        return True

    def _end(self) -> None:
        with self._lock:
            self._waiting -= 1
            self._heard = time.monotonic()

    def _later(self, item: tuple[str, bytes] | None) -> None:
        with self._lock:
            if self._thread is None:  # made in the worker that needs it: threads do not survive a fork
                self._thread = Thread(target=self._work, name="shared cache", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            if item is not None:
                self._tell("unwritten")

    def _open(self, error: Exception) -> None:
        with self._lock:
            first, self.down = not self.down, True
        if first:
            self._tell("opened")
            structlog.get_logger().warning("redis cache is away; answers are worked out", error=type(error).__name__)
            self._later(None)  # wakes the thread

    def _work(self) -> None:
        while True:
            item = self._queue.get()
            if item is not None and not self.down:
                self._write(*item)
            while self.down:
                self._never.wait(PROBE_SECONDS)
                self._probe()

    def _write(self, name: str, value: bytes) -> None:
        key = self._seal.name(name)
        try:
            self._redis.set(key, self._seal.close(key, value), ex=KEPT_SECONDS)
        except ResponseError:  # full, or read only: what it holds can still be read
            self._tell("unwritten")
        except Exception as error:  # noqa: BLE001 - see get
            self._open(error)

    def _probe(self) -> None:
        try:
            self._redis.ping()
        except Exception:  # noqa: BLE001 - see get
            return
        self.down = False
        self._tell("closed")
        structlog.get_logger().info("redis cache is back")
