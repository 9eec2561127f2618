"""Plain HTTP/1.1, so that nothing but what a line of the checklist says is sent: no redirects, no proxies."""

import contextlib
import http.client
import json
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SECONDS = 30


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of a header that stands twice the values, joined by commas."""
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def mimetype(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def says(self) -> str:
        """Short enough for evidence."""
        text = self.body.decode("utf-8", "replace")
        return f"{self.status} {self.mimetype} {text[:200]}"


class Wire:
    """A way to one service. Each call has a connection of its own."""

    def __init__(self, url: str, ca: Path | None = None) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._host, self._base = parts.netloc, parts.path
        self._tls = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None

    def call(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """One request as it is given. A path is sent as it stands."""
        connection = (
            http.client.HTTPSConnection(self._host, timeout=SECONDS, context=self._tls)
            if self._tls
            else http.client.HTTPConnection(self._host, timeout=SECONDS)
        )
        began = time.perf_counter()
        try:
            # A body that is too large may be refused before it has been sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._base + path, body, {"Connection": "close", **(headers or {})})
            answer = connection.getresponse()
            data = answer.read()
            named: dict[str, str] = {}
            for name, value in answer.getheaders():
                key = name.lower()
                named[key] = f"{named[key]}, {value}" if key in named else value
            return Reply(answer.status, named, data, time.perf_counter() - began)
        finally:
            connection.close()
