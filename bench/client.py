"""The load: keep-alive connections over raw sockets, prebuilt bytes out, answers read by their Content-Length.

One thread and one epoll; `python -m bench` measures how fast it is alone (`alone`), so that it is seen not to be
the bottleneck.
"""

import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

HEAD_END = b"\r\n\r\n"
LENGTH = b"\r\ncontent-length: "
CHUNK = 1 << 18


@dataclass
class Seen:
    """What a load saw. Latencies are in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    """Heads of the answers, in lower case, where they were asked for."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Latency below which so many percent lie."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class UnexpectedError(RuntimeError):
    """The server answered something else than was asked for: no figure can be had from that."""


def request(method: str, path: str, port: int, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a request; `X_API_Key` becomes X-API-Key."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    if body:
        headers = {"Content_Type": "application/json", **headers, "Content_Length": str(len(body))}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + HEAD_END + body


class Connection:
    """A connection, and the request that is under way on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begun = 0.0
        self._data = b""
        self._whole = 0

    def send(self, data: bytes, begun: float) -> None:
        """Begin a request."""
        self.begun, self._data, self._whole = begun, b"", 0
        self.socket.sendall(data)

    def receive(self) -> bytes | None:
        """Read what came; the answer once it is whole, else None."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise UnexpectedError("the server closed a connection")
        self._data = data = self._data + data if self._data else data
        if not self._whole:
            end = data.find(HEAD_END)
            if end < 0:
                return None
            head = data[:end].lower()
            at = head.find(LENGTH)
            length = 0 if at < 0 else int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
            self._whole = end + len(HEAD_END) + length
        return data if len(data) >= self._whole else None


def closed_loop(  # noqa: PLR0913 - what a load is made of
    port: int,
    requests: Iterator[bytes] | bytes,
    seconds: float,
    *,
    connections: int,
    status: int = 200,
    heads: bool = False,
) -> Seen:
    """As many requests as the server answers: each connection sends the next one once it has its answer."""
    sending = repeat(requests) if isinstance(requests, bytes) else requests
    expected = f"HTTP/1.1 {status} ".encode()
    seen, opened = Seen(), [Connection(port) for _ in range(connections)]
    by_number = {each.socket.fileno(): each for each in opened}
    clock, latencies = time.perf_counter, seen.latencies
    with select.epoll() as ready:
        for number in by_number:
            ready.register(number, select.EPOLLIN)
        began = clock()
        end = began + seconds
        for each in opened:
            each.send(next(sending), clock())
        under_way = connections
        while under_way:
            for number, _ in ready.poll():
                each = by_number[number]
                answer = each.receive()
                if answer is None:
                    continue
                now = clock()
                latencies.append(now - each.begun)
                _check(answer, expected)
                if heads:
                    seen.heads.append(answer[: answer.index(HEAD_END)].lower())
                if now < end:
                    each.send(next(sending), now)
                else:
                    under_way -= 1
        seen.seconds = clock() - began
    for each in opened:
        each.socket.close()
    return seen


def open_loop(port: int, data: bytes, rate: float, seconds: float, *, connections: int) -> Seen:
    """Requests at a fixed rate, whatever the server does: a latency counts from when the request was due."""
    expected = b"HTTP/1.1 200 "
    seen, free = Seen(), [Connection(port) for _ in range(connections)]
    opened = list(free)
    by_number = {each.socket.fileno(): each for each in opened}
    clock, latencies = time.perf_counter, seen.latencies
    total, sent = int(rate * seconds), 0
    with select.epoll() as ready:
        for number in by_number:
            ready.register(number, select.EPOLLIN)
        began = clock()
        while len(latencies) < total:
            due = began + sent / rate
            while sent < total and free and clock() >= due:
                free.pop().send(data, due)
                sent += 1
                due = began + sent / rate
            # A poll cannot wait for less than a millisecond in time, so shortly before a request is due it spins.
            wait = max(0.0, due - clock() - 0.001) if free and sent < total else 0.05
            for number, _ in ready.poll(wait):
                each = by_number[number]
                answer = each.receive()
                if answer is not None:
                    latencies.append(clock() - each.begun)
                    _check(answer, expected)
                    free.append(each)
        seen.seconds = clock() - began
    for each in opened:
        each.socket.close()
    return seen


def ask(port: int, data: bytes, status: int = 200) -> tuple[bytes, bytes]:
    """One request: the head in lower case, and the body."""
    connection = Connection(port)
    connection.send(data, 0.0)
    while (answer := connection.receive()) is None:
        pass
    connection.socket.close()
    _check(answer, f"HTTP/1.1 {status} ".encode())
    head, _, body = answer.partition(HEAD_END)
    return head.lower(), body


def header(head: bytes, name: str) -> str:
    """The value of a header of a head in lower case; empty where there is none."""
    for line in head.decode("latin-1").split("\r\n"):
        if line.startswith(f"{name}: "):
            return line.partition(": ")[2]
    return ""


def _check(answer: bytes, expected: bytes) -> None:
    if not answer.startswith(expected):
        raise UnexpectedError(f"expected {expected.decode().strip()}, got {answer[:600].decode('latin-1')}")
