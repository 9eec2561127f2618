"""The real gunicorn: clients that do not read their answers hold no thread, and are given up in time."""

import json
import select
import time
from collections.abc import Iterator

import pytest

from service.security.keys import new_key
from service.server.send_queue import GRACE_SECONDS
from tests.api.asking import BATCH, ONE, RESPONDER
from tests.conftest import Server, serving, until
from tests.slow_readers import ASSET, PIPELINE, slow_readers, waits
from tests.sockets import connect, head, rest

READERS = 300
MOST_SECONDS = 1.0
KEY, HASH = new_key("ward")
GET = f"GET {ASSET} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
LAST = f"{GET}Connection: close\r\n\r\n".encode()


@pytest.fixture(scope="module", name="server")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, whose callers need a key."""
    folder = tmp_path_factory.mktemp("readers")
    clients = folder / "clients.json"
    clients.write_text(json.dumps({"keys": [{"id": "ward", "hash": HASH, "scopes": ["advice"]}]}))
    with serving(folder, WORKERS="1", CLIENTS_FILE=str(clients), RATE_LIMIT="off") as running:
        yield running


def full_answers() -> bytes:
    """Requests with a key for 40 answers of 80 kB."""
    body = json.dumps(RESPONDER).encode()
    return 40 * (head(f"{ONE}?view=full", len(body), f"X-API-Key: {KEY}") + body)


@pytest.mark.parametrize("asked", [PIPELINE, full_answers()], ids=["without a key", "with a key"])
def test_slow_readers_leave_health_and_emergencies_answered(server: Server, asked: bytes) -> None:
    with slow_readers(server, asked, READERS):
        took = waits(server, {"X-API-Key": KEY}, seconds=3)
    assert {path: max(each) for path, each in took.items() if max(each) > MOST_SECONDS} == {}


def test_a_pipelined_request_waits_until_the_answer_before_it_is_sent(server: Server) -> None:
    def answered() -> int:
        return server.log.read_text().count('"/assets/<name>"')

    before = answered()
    with connect(server) as connection:
        connection.sendall(f"{GET}\r\n".encode() * 2 + LAST)
        until(lambda: answered() == before + 1, "the first is answered")
        for _ in range(20):
            assert server.get("/livez")[0] == 200
        assert answered() == before + 1, "the next is answered although the first was not read"
        assert rest(connection).count(b"HTTP/1.1 200 OK") == answered() - before == 3


def test_a_reader_slower_than_the_minimum_rate_is_given_up_and_a_faster_one_is_not(server: Server) -> None:
    with slow_readers(server, LAST, 1, bytes_per_second=4096) as (slow,), connect(server) as fast:
        fast.sendall(LAST)
        began, size = time.monotonic(), 0
        while data := fast.recv(65_536):  # 200 kB a second: the pace of the reader, not a wait for anything
            size += len(data)
            select.select([], [], [], max(0.0, size / 200_000 - (time.monotonic() - began)))
        assert size > 1_700_000
        until(lambda: slow.fileno() < 0, "the slow one is given up")
        assert time.monotonic() - began < 20


def test_unread_answers_do_not_fill_the_memory(server: Server) -> None:
    """60 answers of 1.7 MB are more than the 64 MiB that may wait: the slowest readers go before their time is over."""
    with slow_readers(server, LAST, 60) as readers:
        began = time.monotonic()
        until(lambda: sum(each.fileno() < 0 for each in readers) >= 10, "the slowest are given up")
        assert time.monotonic() - began < GRACE_SECONDS
        assert len(server.get(ASSET)[2]) > 1_700_000, "one that reads fast is not"


def test_a_crowd_of_batches_leaves_threads_to_health_and_emergencies(server: Server) -> None:
    """They come together, so that none of them is late when the next is let in, and would have had every thread."""
    body = json.dumps([RESPONDER] * 40).encode()
    batch = head(f"{BATCH}?view=full", len(body), f"X-API-Key: {KEY}", "Connection: close") + body
    with slow_readers(server, batch, 100):
        took = waits(server, {"X-API-Key": KEY}, seconds=3)
    assert {path: max(each) for path, each in took.items() if max(each) > MOST_SECONDS} == {}
