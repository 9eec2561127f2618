"""Feedback in the state Redis: a bounded stream, its counters, and what was seen, written in one step or not at all.

feedback:stream        the last outcomes, without comments
feedback:counts        hash: month|guideline|release|rule|what -> number; `what` is an outcome, a reason or a suggestion
feedback:seen          sorted set of digests of (card, outcome, moment), so that a repeated outcome counts once
feedback:comment:<id>  free text of a clinician, by the id of its entry in the stream; it expires
feedback:commented     list of the ids that have a comment, oldest first: of too many the oldest comments go
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis, RedisError

STREAM, COUNTS, SEEN, COMMENTED = "feedback:stream", "feedback:counts", "feedback:seen", "feedback:commented"
COMMENT = "feedback:comment:"
KEPT = 100_000
"""Outcomes in the stream, and digests of outcomes seen."""
PATIENCE_SECONDS = 2.0
"""For an answer of the server: it writes to its disk first, and no decision waits for it."""
SEEN_SECONDS = 90 * 86400
"""How long a repetition is recognised; a client that repeats does so within hours."""
COMMENT_SECONDS = 30 * 86400
"""How long a comment is kept."""
COMMENTS = 2000
"""Comments kept. The server also holds the marks of tokens and refuses all where it is full, so nobody may fill it."""
SEPARATOR = "|"
UNATTRIBUTED = ("-", "-", "-")

# Within a script nothing else runs, and what it wrote reaches the disk together, before the answer.
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
class Entry:
    """One outcome, attributed: `rule` is (guideline, release, rule). `counts` are the words it is counted under."""

    card: str
    outcome: str
    at: str
    service: str
    rule: tuple[str, str, str]
    counts: tuple[str, ...]
    comment: str | None = None


@dataclass(frozen=True)
class Count:
    """How often something was said about the cards of a rule in a month (YYYY-MM)."""

    month: str
    rule: tuple[str, str, str]
    what: str
    number: int


class NotKeptError(Exception):
    """The store cannot be reached, or would not keep what it is given."""


class FeedbackStore:
    """Made once, used by all threads; it connects when first used."""

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis

    def record(self, entries: Iterable[Entry], seconds: int, month: str) -> int:
        """Keep and count those not seen before; how many that were. `seconds` is the time, `month` its YYYY-MM.

        Returns only when the server has them on its disk. Raises NotKeptError, and then the whole may be sent again.
        """
        items = [_item(entry, month) for entry in entries]
        arguments: list[int | str] = [
            seconds,
            json.dumps(items),
            KEPT,
            SEEN_SECONDS,
            COMMENT_SECONDS,
            COMMENT,
            COMMENTS,
        ]
        redis = self._durable()
        try:
            return int(redis.eval(RECORD, 4, STREAM, COUNTS, SEEN, COMMENTED, *arguments))
        except RedisError as error:
            raise NotKeptError from error

    def counts(self) -> Iterator[Count]:
        """All counters. Raises NotKeptError."""
        if self._redis is None:
            raise NotKeptError
        try:
            found: Mapping[Any, Any] = self._redis.hgetall(COUNTS)
        except RedisError as error:
            raise NotKeptError from error
        for name, number in sorted(found.items()):
            month, guideline, release, rule, what = name.decode().split(SEPARATOR, 4)
            yield Count(month, (guideline, release, rule), what, int(number))

    def _durable(self) -> Redis:
        """The server, if it writes to its disk before it answers."""
        if self._redis is None:
            raise NotKeptError
        try:
            persistence: Mapping[str, Any] = self._redis.info("persistence")
        except RedisError as error:
            raise NotKeptError from error
        if not persistence.get("aof_enabled") or persistence.get("aof_last_write_status") != "ok":
            raise NotKeptError
        return self._redis


def _item(entry: Entry, month: str) -> dict[str, Any]:
    guideline, release, rule = entry.rule
    # The id of a stranger's card and a comment on it may be any text, so only those on ours are kept.
    ours = entry.rule != UNATTRIBUTED
    card = entry.card if ours else "-"
    told = {"card": card, "outcome": entry.outcome, "at": entry.at, "service": entry.service}
    told |= {"guideline": guideline, "release": release, "rule": rule, "counts": ",".join(entry.counts)}
    seen = f"{entry.card}\n{entry.outcome}\n{entry.at}"
    return {
        "seen": hashlib.sha256(seen.encode()).hexdigest()[:32],
        "entry": [word for pair in told.items() for word in pair],
        "counts": [SEPARATOR.join((month, *entry.rule, what)) for what in (entry.outcome, *entry.counts)],
    } | ({"comment": entry.comment} if ours and entry.comment else {})
