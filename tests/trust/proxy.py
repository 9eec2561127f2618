"""A Redis that misbehaves: a process between the service and a real server, told on standard input what to do next.

`python -m tests.trust.proxy SOCKET PORT`. It takes a line `pass`, `slow MILLISECONDS`, `garbage`, `nonsense` or
`swapped`, and says `ok` when the next reply will be of that kind.
"""

import contextlib
import queue
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from tests.conftest import ROOT, some_free_port

SEED = 20261123


class Proxy:
    """The handle of the process."""

    def __init__(self, server: Path) -> None:
        port = some_free_port()
        self.url = f"redis://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.trust.proxy", str(server), str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.behave("pass")

    def behave(self, how: str) -> None:
        """From now on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{how}\n".encode())
        self._process.stdin.flush()
        assert self._process.stdout.readline() == b"ok\n"

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def proxied(server: Path) -> Iterator[Proxy]:
    """A proxy, for as long as the block lasts."""
    proxy = Proxy(server)
    try:
        yield proxy
    finally:
        proxy.close()


class _Misbehaving:
    def __init__(self, server: str) -> None:
        self.server, self.how, self.random = server, "pass", random.Random(SEED)
        self.last = b"$1\r\n0\r\n"

    def serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(self.server)
            commands, replies = client.makefile("rb"), upstream.makefile("rb")
            arrived: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            Thread(target=_read, args=[commands, arrived], daemon=True).start()
            while True:
                moment, command = arrived.get()
                if not command:
                    return
                upstream.sendall(command)
                client.sendall(self.changed(_message(replies), moment))

    def changed(self, reply: bytes, arrived: float) -> bytes:
        how, _, number = self.how.partition(" ")
        value = reply.startswith(b"$") and not reply.startswith(b"$-")
        if how == "slow":
            time.sleep(max(0.0, arrived + int(number) / 1000 - time.monotonic()))
        elif how == "garbage":
            return self.random.randbytes(200) + b"\r\n"
        elif how == "nonsense" and value:
            return b"$11\r\nhello world\r\n"
        elif how == "swapped" and value:
            reply, self.last = self.last, reply
        return reply


def _read(commands: BinaryIO, arrived: queue.SimpleQueue[tuple[float, bytes]]) -> None:
    """Several commands may come at once; each is late by itself. The empty one is the end."""
    while True:
        try:
            command = _message(commands)
        except OSError:
            arrived.put((0.0, b""))
            return
        arrived.put((time.monotonic(), command))


def _message(stream: BinaryIO) -> bytes:
    """A command or a reply, whole: both are of the same form."""
    line = stream.readline()
    if not line:
        raise OSError
    number = int(line[1:]) if line[:1] in b"$*" else -1
    if line[:1] == b"$" and number >= 0:
        return line + stream.read(number + 2)
    if line[:1] == b"*":
        return line + b"".join(_message(stream) for _ in range(number))
    return line


def main(server: str, port: str) -> None:
    """Serve until standard input ends."""
    misbehaving = _Misbehaving(server)
    with socket.create_server(("127.0.0.1", int(port))) as listener:

        def accept() -> None:
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                Thread(target=misbehaving.serve, args=[client], daemon=True).start()

        Thread(target=accept, daemon=True).start()
        for line in sys.stdin:
            misbehaving.how = line.strip()
            sys.stdout.write("ok\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
