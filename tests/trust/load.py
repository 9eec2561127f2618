"""Steady load from a process of its own: keep-alive clients in a closed loop, each answer compared with the reference.

`Load` is its handle; `python -m tests.trust.load PLAN RESULT` is the process. Moments are those of CLOCK_MONOTONIC,
which both share.
A request that found no whole answer is a sample of its own, and the next one goes on a new connection.
"""

import contextlib
import gc
import gzip
import hashlib
import json
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

from tests.conftest import ROOT

CLIENTS = 8
PATIENCE_SECONDS = 20
RIGHT, WRONG, CUT, UNCONNECTED, SILENT = "right", "wrong", "cut", "unconnected", "silent"
"""`cut`: the connection ended before the answer did; `unconnected`: none was taken; `silent`: no answer in time. Any
other kind is the status of an answer that nobody expected of this question."""
TOKEN_SECONDS = 120


class Sample(NamedTuple):
    """One request."""

    began: float
    ended: float
    kind: str
    clocks: int
    """Of a right answer: bit n says that the reference of clock n gives it."""
    cache: str
    port: int
    """Of the client's end of the connection."""


@dataclass(frozen=True)
class Question:
    """A request, and what the reference answers to it: for each clock status, Decision-Id and SHA-256 of the body."""

    head: str
    """Request line and headers, without credentials and the empty line."""
    body: str
    path: str
    often: bool
    answers: list[tuple[int, str, str]]


class Load:
    """The process. It asks every question once before it says that it is warm."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self._result = folder / "samples.json"
        written = folder / "plan.json"
        written.write_text(json.dumps(plan | {"questions": [vars(question) for question in plan["questions"]]}))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.trust.load", str(written), str(self._result)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.warm = self._process.stdout.readline() == b"warm\n"

    def stop(self) -> list[Sample]:
        """End it; what it saw."""
        self._process.communicate(timeout=PATIENCE_SECONDS + 10)
        assert self._process.returncode == 0, "the load failed"
        return [Sample(*each) for each in json.loads(self._result.read_text())]

    def close(self) -> None:
        """End it, however it stands."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def loaded(folder: Path, **plan: Any) -> Iterator[Load]:
    """Load, for as long as the block lasts: port, questions, rate (of all together, a second), access, seed."""
    load = Load(folder, plan)
    try:
        assert load.warm, "the load did not get warm"
        yield load
    finally:
        load.close()


class _Cut(Exception):  # noqa: N818 - no error of the load's
    pass


class _Client(Thread):
    def __init__(self, plan: dict[str, Any], number: int, sign: Callable[[str], str], stop: Event) -> None:
        super().__init__(daemon=True)
        self.port, self.interval = plan["port"], CLIENTS / plan["rate"]
        self.questions = [Question(**each) for each in plan["questions"]]
        self.first = self.questions[number::CLIENTS]
        self.often = [each for each in self.questions if each.often]
        self.seldom = [each for each in self.questions if not each.often]
        self.random = random.Random(f"{plan['seed']} {number}")
        self.sign, self.halt = sign, stop
        self.warm = Event()
        self.samples: list[Sample] = []
        self.socket: socket.socket | None = None

    def run(self) -> None:
        for question in self.first:
            self.ask(question)
        self.warm.set()
        due = time.monotonic() + self.random.random() * self.interval
        while not self.halt.wait(max(0.0, due - time.monotonic())):
            self.ask(self.random.choice(self.random.choice((self.often, self.seldom))))
            due = max(due + self.interval, time.monotonic())

    def ask(self, question: Question) -> None:
        request = f"{question.head}{self.sign(question.path)}\r\n{question.body}".encode()
        began, port, cache, clocks = time.monotonic(), 0, "", 0
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
            port = self.socket.getsockname()[1]
            status, headers, body = self.exchange(request)
            ended = time.monotonic()
            cache = _cache(headers)
            found = [status, headers.get("decision-id", ""), _digest(headers, body)]
            clocks = sum(1 << n for n, answer in enumerate(question.answers) if list(answer) == found)
            expected = {answer[0] for answer in question.answers}
            kind = RIGHT if clocks else WRONG if status in expected else str(status)
        except TimeoutError:
            kind, ended = SILENT, time.monotonic()
            self.hang_up()
        except (_Cut, OSError):
            kind, ended = UNCONNECTED if port == 0 else CUT, time.monotonic()
            self.hang_up()
            self.halt.wait(0.02)  # nobody listens: not to ask a thousand times a second
        self.samples.append(Sample(began, ended, kind, clocks, cache, port))

    def exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        assert self.socket is not None
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more()
        head, _, body = data.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        length = int(headers["content-length"])
        parts, got = [body], len(body)
        while got < length:
            parts.append(self.more())
            got += len(parts[-1])
        if headers.get("connection", "").lower() == "close":
            self.hang_up()
        return int(line.split()[1]), headers, b"".join(parts)

    def more(self) -> bytes:
        assert self.socket is not None
        data = self.socket.recv(1 << 20)
        if not data:
            raise _Cut
        return data

    def hang_up(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def _digest(headers: dict[str, str], body: bytes) -> str:
    try:
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    except (OSError, EOFError):
        return "it does not decompress"
    return hashlib.sha256(plain).hexdigest()


def _cache(headers: dict[str, str]) -> str:
    """In a word where the answer came from."""
    told = headers.get("cache-status", "")
    if told.endswith("near; hit"):
        return "near"
    if told.startswith("redis; hit"):
        return "redis"
    if "detail=" in told:
        return told.partition("detail=")[2].partition(",")[0]
    return {"": "none", "near; fwd=bypass": "once"}.get(told, "miss")


def _signer(access: Any) -> Callable[[str], str]:
    """Makes the header lines that a request for a path needs: none, a key, or a token of its own."""
    if access is None:
        return lambda _: ""
    if "key" in access:
        return lambda _: f"X-API-Key: {access['key']}\r\n"
    from joserfc import jwt  # noqa: PLC0415 - two of three loads do without
    from joserfc.jwk import ECKey  # noqa: PLC0415

    key = ECKey.import_key(access["jwk"])

    def sign(path: str) -> str:
        now = int(time.time())
        claims = {"iss": access["iss"], "aud": access["url"] + path.partition("?")[0], "iat": now}
        claims |= {"exp": now + TOKEN_SECONDS, "jti": str(uuid.uuid4())}
        head = {"alg": "ES384", "typ": "JWT", "kid": access["kid"]}
        return f"Authorization: Bearer {jwt.encode(head, claims, key, algorithms=['ES384'])}\r\n"

    return sign


def main(plan_file: str, result_file: str) -> None:
    """Ask until standard input ends."""
    plan = json.loads(Path(plan_file).read_text())
    stop, sign = Event(), _signer(plan["access"])
    clients = [_Client(plan, number, sign, stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.warm.wait()
    gc.collect()
    gc.disable()  # a collection stops all clients for 60 ms, which would be told of the service
    sys.stdout.write("warm\n")
    sys.stdout.flush()
    sys.stdin.read()
    stop.set()
    for client in clients:
        client.join()
    samples = sorted(sample for client in clients for sample in client.samples)
    Path(result_file).write_text(json.dumps(samples))


if __name__ == "__main__":
    main(*sys.argv[1:])
