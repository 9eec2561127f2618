"""Whether a request has arrived whole: found out without parsing it, from where its head ends and how long its body is.

In doubt it counts as whole: then gunicorn's parser reads it, and refuses at once what is wrong with it. It is never
less than whole for longer than its parser would wait.
"""

from __future__ import annotations

import re

LINE_BYTES = 4096
HEAD_BYTES = 540_000
"""More than gunicorn reads of a head with the limits of gunicorn_config.py: what is longer it refuses at once."""
BODY_BYTES = 16 * 2**20
"""The longest body that any route takes by default. A longer one is refused by its length, or read by a thread."""

DIGITS = 9
"""Of a length; with more it is over any limit."""

_FIELDS = re.compile(rb"\r\n(content-length|transfer-encoding|expect):([^\r\n]*)", re.IGNORECASE)
_STREAM = re.compile(
    rb"(?:\r\n)?POST /v1/(?:guidelines/[^/ ?\r\n]+/)?recommendations/batch[ ?]"
    rb".*\r\ncontent-type:[ \t]*application/x-ndjson[ \t]*[;\r]",
    re.IGNORECASE | re.DOTALL,
)
_CHUNK = re.compile(rb"([0-9a-f]+)[ \t]*(?:;.*)?", re.IGNORECASE | re.DOTALL)


class Arrival:
    """How far one request has arrived. Is asked again whenever there is more of it."""

    sure = False
    """Whether all of it is there beyond doubt, so that nobody who answers it needs to read on."""
    long = False
    """Whether its body is longer than what the loop reads: then a thread reads it, or refuses it by its length."""
    streams = False
    """Whether its body is lines in chunks, which a thread answers while they come (``service.api.stream``)."""
    awaits_go_ahead = False
    """Whether its client sends the body after a 100 Continue only (RFC 9110, 10.1.1)."""

    def __init__(self) -> None:
        self._body_at = 0
        """Where the body begins; 0 while the head has not ended."""
        self._doubtful = self._chunked = False
        self._next = 0
        """The bytes looked through in search of the head's end; then where the next chunk begins, or the body ends."""

    def whole(self, data: bytearray) -> bool:
        """Whether all of it is there, or enough to refuse it."""
        if not self._body_at and not self._head_ends(data):
            return False
        if self._doubtful or self.long or self.streams:
            return True
        if self._chunked:
            return self._chunks_end(data)
        self.sure = len(data) >= self._next
        return self.sure

    def _head_ends(self, data: bytearray) -> bool:
        end = data.find(b"\r\n\r\n", max(0, self._next - 3))
        if end > 0:
            self._read_head(bytes(data[: end + 2]), end + 4)
            return True
        self._next = len(data)
        too_long = len(data) > HEAD_BYTES or (len(data) > LINE_BYTES and data.find(b"\r\n", 0, LINE_BYTES + 4) < 0)
        # A line feed alone is refused wherever it stands, and so is an empty line before the request, but for one.
        self._doubtful = too_long or data.count(b"\n") != data.count(b"\r\n") or data.startswith(b"\r\n\r\n")
        return self._doubtful

    def _read_head(self, head: bytes, body_at: int) -> None:
        self._body_at = self._next = body_at
        found = [(name.lower(), value.strip(b" \t").lower()) for name, value in _FIELDS.findall(head)]
        fields = dict(found)
        coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length", b"0")
        expected = fields.get(b"expect", b"100-continue")
        if len(fields) < len(found) or (coding and b"content-length" in fields) or expected != b"100-continue":
            self._doubtful = True
        elif coding is not None:
            self._chunked = coding.endswith(b"chunked")
            self._doubtful = not self._chunked
            self.streams = coding == b"chunked" and _STREAM.match(head) is not None
        elif not length.isdigit():
            self._doubtful = True
        elif len(length.lstrip(b"0")) > DIGITS or int(length) > BODY_BYTES:
            self.long = True
        else:
            self._next += int(length)
        version = head.lstrip(b"\r\n").partition(b"\r\n")[0].rpartition(b" ")[2]
        self.awaits_go_ahead = (
            b"expect" in fields and version == b"HTTP/1.1" and (self._chunked or self._next > body_at)
        )

    def _chunks_end(self, data: bytearray) -> bool:
        while (end := data.find(b"\r\n", self._next)) >= 0:
            size = _CHUNK.fullmatch(data, self._next, end)
            if size is None:
                return True  # refused
            if int(size[1], 16) == 0:
                self.sure = data.find(b"\r\n\r\n", end) >= 0
                return self.sure or len(data) - end > HEAD_BYTES
            self._next = end + 2 + int(size[1], 16) + 2
        self.long = len(data) - self._body_at > BODY_BYTES
        return self.long or len(data) - self._next > 2 * LINE_BYTES
