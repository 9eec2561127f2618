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

FREE_CHUNKS, CHUNK_BYTES = 4096, 64
"""A body may come in so many chunks, and in one more for each so many bytes. A megabyte in chunks of one byte took the
loop and the parser four seconds (measured), before anybody knew its sender."""

DIGITS = 9
"""Of a length; with more it is over any limit."""

_FIELDS = re.compile(rb"\r\n(content-length|transfer-encoding|expect):([^\r\n]*)", re.IGNORECASE)
_STREAM = re.compile(
    rb"(?:\r\n)?POST /v1/(?:guidelines/[^/ ?\r\n]+/)?recommendations/batch[ ?]"
    rb".*\r\ncontent-type:[ \t]*application/x-ndjson[ \t]*[;\r]",
    re.IGNORECASE | re.DOTALL,
)
_CHUNK = re.compile(rb"([0-9a-f]+)([ \t]*(?:;.*)?)", re.IGNORECASE | re.DOTALL)


class RequestFraming:
    """Where one request ends. Asked again whenever there is more of it."""

    is_exact = False
    """Whether all of it is there beyond doubt, up to `end`: only then another request may follow on its connection."""
    is_oversized = False
    """Whether its body is longer than what the loop reads: then a thread reads it, or refuses it by its length."""
    is_stream = False
    """Whether its body is lines in chunks, which a thread answers while they come (``service.api.stream``)."""
    is_fragmented = False
    """Whether its body comes in more chunks than its length explains: reading them would cost more than any answer."""
    awaits_continue = False
    """Whether its client sends the body after a 100 Continue only (RFC 9110, 10.1.1)."""
    body_start = 0
    """Where the body begins; 0 while the head has not ended."""
    end = 0
    """The bytes looked through in search of the head's end; then where the next chunk begins, or the request ends."""

    def __init__(self) -> None:
        self._is_doubtful = self._is_chunked = False
        self._chunks = 0
        self._is_plain = True
        """Whether its chunks leave no room for two readings: without extensions, each ended by a line's end."""

    def is_complete(self, data: bytearray) -> bool:
        """Return whether all of it is there, or enough to refuse it."""
        if not self.body_start and not self._head_ends(data):
            return False
        if self._is_doubtful or self.is_oversized or self.is_stream:
            return True
        if self._is_chunked:
            return self._chunks_end(data)
        self.is_exact = len(data) >= self.end
        return self.is_exact

    def _head_ends(self, data: bytearray) -> bool:
        end = data.find(b"\r\n\r\n", max(0, self.end - 3))
        if end > 0:
            self._read_head(bytes(data[: end + 2]), end + 4)
            return True
        self.end = len(data)
        too_long = len(data) > HEAD_BYTES or (len(data) > LINE_BYTES and data.find(b"\r\n", 0, LINE_BYTES + 4) < 0)
        # A line feed alone is refused wherever it stands, and so is an empty line before the request, but for one.
        self._is_doubtful = too_long or data.count(b"\n") != data.count(b"\r\n") or data.startswith(b"\r\n\r\n")
        return self._is_doubtful

    def _read_head(self, head: bytes, body_at: int) -> None:
        self.body_start = self.end = body_at
        found = [(name.lower(), value.strip(b" \t").lower()) for name, value in _FIELDS.findall(head)]
        fields = dict(found)
        coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length", b"0")
        expected = fields.get(b"expect", b"100-continue")
        if len(fields) < len(found) or (coding and b"content-length" in fields) or expected != b"100-continue":
            self._is_doubtful = True
        elif coding is not None:
            self._is_chunked = coding.endswith(b"chunked")
            self._is_doubtful = not self._is_chunked
            self.is_stream = coding == b"chunked" and _STREAM.match(head) is not None
        elif not length.isdigit():
            self._is_doubtful = True
        elif len(length.lstrip(b"0")) > DIGITS or int(length) > BODY_BYTES:
            self.is_oversized = True
        else:
            self.end += int(length)
        version = head.lstrip(b"\r\n").partition(b"\r\n")[0].rpartition(b" ")[2]
        self.awaits_continue = (
            b"expect" in fields and version == b"HTTP/1.1" and (self._is_chunked or self.end > body_at)
        )

    def _chunks_end(self, data: bytearray) -> bool:
        while (line_end := data.find(b"\r\n", self.end)) >= 0:
            size = _CHUNK.fullmatch(data, self.end, line_end)
            if size is None:
                return True  # refused
            self._is_plain &= not size[2] and data.startswith(b"\r\n", self.end - 2)
            if int(size[1], 16) == 0:
                self.is_exact = self._is_plain and data.startswith(b"\r\n\r\n", line_end)
                self.end = line_end + 4 if self.is_exact else self.end
                return data.find(b"\r\n\r\n", line_end) >= 0 or len(data) - line_end > HEAD_BYTES
            self.end = line_end + 2 + int(size[1], 16) + 2
            self._chunks += 1
            if self._chunks > FREE_CHUNKS + (self.end - self.body_start) // CHUNK_BYTES:
                self.is_fragmented = True
                return True
        self.is_oversized = len(data) - self.body_start > BODY_BYTES
        return self.is_oversized or len(data) - self.end > 2 * LINE_BYTES
