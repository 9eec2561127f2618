"""Keep feedback in the state Redis: a bounded stream, counters and digests, written in one step or not at all.

feedback:stream        the last outcomes, without comments
feedback:counts        hash: month|guideline|release|rule|what -> number; `what` is an outcome, a reason or a suggestion
feedback:seen          sorted set of digests of (card, outcome, timestamp), so that a repeated outcome counts once
feedback:comment:<id>  free text of a clinician, by the id of its entry in the stream; it expires
feedback:commented     list of the ids that have a comment, oldest first; if there are too many, the oldest are deleted
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis, RedisError

STREAM, COUNTS, SEEN, COMMENTED = "feedback:stream", "feedback:counts", "feedback:seen", "feedback:commented"
COMMENT = "feedback:comment:"
MAX_ENTRIES = 100_000
"""In the stream, and in the set of digests."""
TIMEOUT_SECONDS = 2.0
"""The server writes to its disk before it answers, and no decision waits for it."""
SEEN_SECONDS = 90 * 86400
"""For so long a repeated outcome is recognised. Clients repeat within hours."""
COMMENT_SECONDS = 30 * 86400
"""For so long a comment is kept."""
MAX_COMMENTS = 2000
"""Comments must not fill the server: it keeps the marks of used tokens too, and refuses all writes when it is full."""
SEPARATOR = "|"
UNATTRIBUTED = ("-", "-", "-")

# A script runs alone, and all its writes reach the disk together, before the answer.
RECORD = """
local now, counted = tonumber(ARGV[1]), 0
for _, item in ipairs(cjson.decode(ARGV[2])) do
  if redis.call('ZADD', KEYS[3], 'NX', now, item.seen) == 1 then
    local id = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], '*', unpack(item.entry))
    for _, name in ipairs(item.counts) do redis.call('HINCRBY', KEYS[2], name, 1) end
    if item.comment then
      redis.call('SET', ARGV[6] .. id, item.comment, 'EX', ARGV[5])
      if redis.call('RPUSH', KEYS[4], id) > tonumber(ARGV[7]) then
        redis.call('DEL', ARGV[6] .. redis.call('LPOP', KEYS[4]))
      end
    end
    counted = counted + 1
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[4]))
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -tonumber(ARGV[3]) - 1)
return counted
"""


@dataclass(frozen=True)
class FeedbackEntry:
    """The feedback on one card. `rule` is (guideline, release, rule); `counts` names further counters to increment."""

    card: str
    outcome: str
    timestamp: str
    service: str
    rule: tuple[str, str, str]
    counts: tuple[str, ...]
    comment: str | None = None


@dataclass(frozen=True)
class FeedbackCount:
    """A counter of the cards of a rule in a month (YYYY-MM)."""

    month: str
    rule: tuple[str, str, str]
    what: str
    number: int


class StoreError(Exception):
    """The store cannot be reached, or would not write to its disk."""


class FeedbackStore:
    """A store for all threads. It connects on first use."""

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis

    def record(self, entries: Iterable[FeedbackEntry], seconds: int, month: str) -> int:
        """Store and count the entries that are not repetitions, and return their number.

        `seconds` is the time, `month` its YYYY-MM. Returns when the server has written to its disk. Raises StoreError;
        then the whole may be sent again.
        """
        items = [_item(entry, month) for entry in entries]
        arguments: list[int | str] = [
            seconds,
            json.dumps(items),
            MAX_ENTRIES,
            SEEN_SECONDS,
            COMMENT_SECONDS,
            COMMENT,
            MAX_COMMENTS,
        ]
        redis = self._durable()
        try:
            return int(redis.eval(RECORD, 4, STREAM, COUNTS, SEEN, COMMENTED, *arguments))
        except RedisError as error:
            raise StoreError from error

    def counts(self) -> Iterator[FeedbackCount]:
        """Yield all counters. Raises StoreError."""
        if self._redis is None:
            raise StoreError
        try:
            counters: Mapping[Any, Any] = self._redis.hgetall(COUNTS)
        except RedisError as error:
            raise StoreError from error
        for name, number in sorted(counters.items()):
            month, guideline, release, rule, what = name.decode().split(SEPARATOR, 4)
            yield FeedbackCount(month, (guideline, release, rule), what, int(number))

    def _durable(self) -> Redis:
        """Return the server. Raises StoreError if it does not write to its disk before it answers."""
        if self._redis is None:
            raise StoreError
        try:
            persistence: Mapping[str, Any] = self._redis.info("persistence")
        except RedisError as error:
            raise StoreError from error
        if not persistence.get("aof_enabled") or persistence.get("aof_last_write_status") != "ok":
            raise StoreError
        return self._redis


def _item(entry: FeedbackEntry, month: str) -> dict[str, Any]:
    guideline, release, rule = entry.rule
    # The id of an unknown card and a comment on it may be any text, so they are not kept.
    is_attributed = entry.rule != UNATTRIBUTED
    card = entry.card if is_attributed else "-"
    members = {"card": card, "outcome": entry.outcome, "at": entry.timestamp, "service": entry.service}
    members |= {"guideline": guideline, "release": release, "rule": rule, "counts": ",".join(entry.counts)}
    seen = f"{entry.card}\n{entry.outcome}\n{entry.timestamp}"
    return {
        "seen": hashlib.sha256(seen.encode()).hexdigest()[:32],
        "entry": [word for pair in members.items() for word in pair],
        "counts": [SEPARATOR.join((month, *entry.rule, what)) for what in (entry.outcome, *entry.counts)],
    } | ({"comment": entry.comment} if is_attributed and entry.comment else {})
