"""Keep feedback in the state Redis: a bounded stream, counters and digests, written in one step or not at all.

feedback:stream        the last outcomes, without comments
feedback:counts        hash: month|guideline|release|rule|what -> number; `what` is an outcome, a reason or a suggestion
feedback:seen          sorted set of digests of (card, outcome, timestamp), so that a repeated outcome counts once
feedback:comment:<id>  free text of a clinician, by the id of its entry in the stream; it expires
feedback:commented     list of the ids that have a comment, oldest first
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
MAX_COMMENTS = 10_000
"""They take 87 MB at most (measured), because a full server refuses all writes, also the marks of used tokens.

One more is refused, because what was acknowledged is kept for its time.
"""
SEPARATOR = "|"
UNATTRIBUTED = ("-", "-", "-")

# A script runs alone, and all its writes reach the disk together, before the answer.
RECORD = """
local now, items, comments, counted = tonumber(ARGV[1]), cjson.decode(ARGV[2]), 0, 0
local oldest = redis.call('LINDEX', KEYS[4], 0)
while oldest and redis.call('EXISTS', ARGV[6] .. oldest) == 0 do
  redis.call('LPOP', KEYS[4])
  oldest = redis.call('LINDEX', KEYS[4], 0)
end
for _, item in ipairs(items) do
  if item.comment and not redis.call('ZSCORE', KEYS[3], item.seen) then comments = comments + 1 end
end
if comments > 0 and redis.call('LLEN', KEYS[4]) + comments > tonumber(ARGV[7]) then return -1 end
for _, item in ipairs(items) do
  if redis.call('ZADD', KEYS[3], 'NX', now, item.seen) == 1 then
    local id = redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], '*', unpack(item.entry))
    for _, name in ipairs(item.counts) do redis.call('HINCRBY', KEYS[2], name, 1) end
    if item.comment then
      redis.call('SET', ARGV[6] .. id, item.comment, 'EX', ARGV[5])
      redis.call('RPUSH', KEYS[4], id)
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
    """The store cannot be reached, would not keep what it acknowledges, or has no room."""


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
            counted = int(redis.eval(RECORD, 4, STREAM, COUNTS, SEEN, COMMENTED, *arguments))
        except RedisError as error:
            raise StoreError from error
        if counted < 0:
            raise StoreError
        return counted

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
        """Return the server. Raises StoreError if it does not write to its disk before it answers, or may evict."""
        if self._redis is None:
            raise StoreError
        try:
            with self._redis.pipeline(transaction=False) as steps:
                steps.info("persistence")
                steps.info("memory")
                persistence, memory = steps.execute()
        except RedisError as error:
            raise StoreError from error
        is_written = persistence.get("aof_enabled") and persistence.get("aof_last_write_status") == "ok"
        may_evict = memory.get("maxmemory") and memory.get("maxmemory_policy") != "noeviction"
        if not is_written or may_evict:
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
