"""Published keys: fetched over https when they are needed, seldom, and never lost to a failing fetch."""

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.security import remote_keys
from service.security.remote_keys import (
    FIRST_PAUSE,
    FRESH_SECONDS,
    LONGEST_PAUSE,
    LONGEST_TRUST,
    FetchError,
    RemoteKeys,
    https_fetch,
)
from tests.certificates import self_signed
from tests.security.signing import pair, public
from tests.security.test_registry import Tick

JKU = "https://ehr.example/jwks"


def jwks(*names: str) -> bytes:
    return json.dumps({"keys": [public(name=name) for name in names]}).encode()


class Publisher:
    """What is published, and how often it was fetched."""

    def __init__(self, *names: str) -> None:
        self.body: bytes | Exception = jwks(*names)
        self.fetched = 0

    def __call__(self, url: str) -> bytes:
        assert url == JKU
        self.fetched += 1
        if isinstance(self.body, Exception):
            raise self.body
        return self.body


@pytest.fixture
def tick() -> Tick:
    return Tick()


# ---- when


def test_an_unknown_key_is_fetched_and_a_known_one_is_not_fetched_again(tick: Tick) -> None:
    publisher = Publisher("first")
    remote = RemoteKeys(publisher, tick)
    for _ in range(3):
        assert remote.find(JKU, "first")
        tick.on(60)
    assert publisher.fetched == 1


def test_a_rotated_key_is_found(tick: Tick) -> None:
    publisher = Publisher("first")
    remote = RemoteKeys(publisher, tick)
    assert remote.find(JKU, "first")
    publisher.body = jwks("second")
    tick.on(FIRST_PAUSE)
    assert remote.find(JKU, "second")
    assert remote.find(JKU, "first") is None


def test_a_key_that_was_withdrawn_is_forgotten_within_the_hour(tick: Tick) -> None:
    publisher = Publisher("first", "second")
    remote = RemoteKeys(publisher, tick)
    assert remote.find(JKU, "first")
    publisher.body = jwks("second")
    tick.on(FRESH_SECONDS)
    assert remote.find(JKU, "first") is None
    assert remote.find(JKU, "second")


@pytest.mark.parametrize("body", [b'{"keys": []}', b'{"keys": [{"kty": "oct", "k": "AAAA", "kid": "first"}]}'])
def test_a_set_of_which_every_key_was_withdrawn_is_a_set(tick: Tick, body: bytes) -> None:
    publisher = Publisher("first")
    remote = RemoteKeys(publisher, tick)
    assert remote.find(JKU, "first")
    publisher.body = body
    tick.on(FRESH_SECONDS)
    assert remote.find(JKU, "first") is None


def test_an_old_set_is_not_believed_for_ever(tick: Tick) -> None:
    publisher = Publisher("first")
    remote = RemoteKeys(publisher, tick)
    assert remote.find(JKU, "first")
    publisher.body = FetchError("TimeoutError")
    tick.on(LONGEST_TRUST - 1)
    assert remote.find(JKU, "first")
    tick.on(1)
    assert remote.find(JKU, "first") is None
    publisher.body = jwks("first")
    tick.on(LONGEST_PAUSE)
    assert remote.find(JKU, "first")


@pytest.mark.parametrize(
    "body",
    [FetchError("TimeoutError"), b"", b"{", b"[]", b'{"keys": 7}', b"[" * 100_000, b"\xff", b"null"],
)
@pytest.mark.usefixtures("all_lines")
def test_a_failing_fetch_keeps_the_old_set(tick: Tick, body: bytes | Exception) -> None:
    publisher = Publisher("first")
    remote = RemoteKeys(publisher, tick)
    assert remote.find(JKU, "first")
    publisher.body = body
    tick.on(FRESH_SECONDS)
    with capture_logs() as lines:
        assert remote.find(JKU, "first")
    assert publisher.fetched == 2
    assert [line["log_level"] for line in lines] == ["warning"]
    assert remote.find(JKU, "second") is None
    assert publisher.fetched == 2


def test_nobody_can_make_us_ask_often(tick: Tick) -> None:
    publisher = Publisher("first")
    remote = RemoteKeys(publisher, tick)
    moments = []
    while tick.now < 600:
        before = publisher.fetched
        remote.find(JKU, f"made up at {tick.now}")
        if publisher.fetched > before:
            moments.append(tick.now)
        tick.on(0.5)
    pauses = [after - before for before, after in pairwise(moments)]
    assert pauses[:4] == [10, 20, 40, 60]
    assert set(pauses[4:]) == {LONGEST_PAUSE}


def test_a_fetch_that_brings_the_key_ends_the_long_pauses(tick: Tick) -> None:
    publisher = Publisher("first")
    remote = RemoteKeys(publisher, tick)
    for _ in range(5):
        remote.find(JKU, "made up")
        tick.on(LONGEST_PAUSE)
    publisher.body = jwks("second")
    assert remote.find(JKU, "second")
    publisher.body = jwks("third")
    tick.on(FIRST_PAUSE)
    assert remote.find(JKU, "third")


def test_unusable_keys_of_a_published_set_are_passed_over(tick: Tick) -> None:
    publisher = Publisher()
    mixed = [
        {"kty": "oct", "k": "AAAA", "kid": "oct"},
        pair("ES384", "leak").as_dict(private=True) | {"kid": "private"},
        {"kty": "RSA", "n": "_" * 170, "e": "AQAB", "kid": "short"},
        public(name="good"),
        "rubbish",
        public("RS384", "good"),
    ]
    publisher.body = json.dumps({"keys": mixed}).encode()
    remote = RemoteKeys(publisher, tick)
    assert remote.find(JKU, "good").key_type == "EC"
    for kid in ("oct", "private", "short"):
        assert remote.find(JKU, kid) is None


def test_a_fetch_under_way_is_waited_for_by_a_few_threads_only(tick: Tick) -> None:
    began, release, found, fetched = threading.Event(), threading.Event(), [], []

    def slow(url: str) -> bytes:
        fetched.append(url)
        began.set()
        assert release.wait(20)
        return jwks("first")

    remote = RemoteKeys(slow, tick)
    threads = [
        threading.Thread(target=lambda: found.append(remote.find(JKU, "first")))
        for _ in range(remote_keys.MOST_WAITING)
    ]
    for thread in threads:
        thread.start()
    assert began.wait(20)
    while remote._waiting._value:
        threads[0].join(0.001)
    at = time.monotonic()
    assert remote.find(JKU, "first") is None
    assert time.monotonic() - at < 1, "it does not wait, too"
    release.set()
    for thread in threads:
        thread.join()
    assert len(found) == remote_keys.MOST_WAITING
    assert all(found)
    assert fetched == [JKU]


# ---- how: a real server


class Site(BaseHTTPRequestHandler):
    """Answers what the test put into `answers`."""

    answers: dict[str, Callable[["Site"], None]]

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.answers[self.path](self)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def drip(site: Site) -> None:
    site.send_response(200)
    site.end_headers()
    while not site.server.over.wait(0.05):
        site.wfile.write(b" ")


def drip_headers(site: Site) -> None:
    site.send_response(200)
    site.flush_headers()
    while not site.server.over.wait(0.05):
        site.wfile.write(b"X-Drip: 1\r\n" if site.path.endswith("/lines") else b"x")


def drip_lengths(site: Site) -> None:
    site.send_response(200)
    site.send_header("Transfer-Encoding", "chunked")
    site.end_headers()
    while not site.server.over.wait(0.05):
        site.wfile.write(b"0")


ANSWERS: dict[str, Callable[[Site], None]] = {
    "/jwks": lambda site: site.say(200, jwks("first")),
    "/moved": lambda site: site.say(302, Location="/jwks"),
    "/error": lambda site: site.say(500, jwks("first")),
    "/huge": lambda site: site.say(200, b" " * (remote_keys.MOST_BYTES + 1)),
    "/largest": lambda site: site.say(200, jwks("first").ljust(remote_keys.MOST_BYTES)),
    "/silent": lambda site: site.server.over.wait(20),
    "/drip": drip,
    "/drip/headers": drip_headers,
    "/drip/lines": drip_headers,
    "/drip/lengths": drip_lengths,
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """An https server: its address, the file of its authority, what it was asked."""
    file, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Site,), {"answers": ANSWERS}))
    server.handle_error = lambda *_: None  # a client that hangs up is expected here
    server.asked, server.over = [], threading.Event()
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", str(file), server.asked
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_set_is_fetched_over_https(site) -> None:
    address, authority, _ = site
    assert RemoteKeys(https_fetch(authority)).find(f"{address}/jwks", "first")
    assert len(https_fetch(authority)(f"{address}/largest")) == remote_keys.MOST_BYTES


def test_a_certificate_that_nobody_vouches_for_is_not_believed(site) -> None:
    address, _, asked = site
    with pytest.raises(FetchError, match="SSL"):
        https_fetch()(f"{address}/jwks")
    assert asked == []


def test_a_certificate_for_another_name_is_not_believed(site) -> None:
    address, authority, asked = site
    with pytest.raises(FetchError, match="SSL"):
        https_fetch(authority)(f"{address.replace('127.0.0.1', 'localhost')}/jwks")
    assert asked == []


def test_plain_http_is_not_fetched(site) -> None:
    address, authority, asked = site
    for url in (address.replace("https", "http"), "file:///etc/passwd", ""):
        with pytest.raises(FetchError, match="https"):
            https_fetch(authority)(url)
    assert asked == []


@pytest.mark.parametrize(
    ("path", "reason"), [("/moved", "302"), ("/error", "500"), ("/huge", "bytes"), ("/silent", "too long")]
)
def test_a_redirect_an_error_a_flood_or_silence_is_a_failure_and_is_not_repeated(
    site, path: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_keys, "SECONDS", 0.5)
    address, authority, asked = site
    with pytest.raises(FetchError, match=reason):
        https_fetch(authority)(address + path)
    assert asked == [path]


@pytest.mark.parametrize("path", ["/drip", "/drip/headers", "/drip/lines", "/drip/lengths"])
def test_an_answer_that_drips_does_not_hold_a_thread(site, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out of the socket begins anew at each byte; the server drips until the test is over."""
    monkeypatch.setattr(remote_keys, "SECONDS", 0.5)
    address, authority, _ = site
    with pytest.raises(FetchError, match="too long"):
        https_fetch(authority)(f"{address}{path}")


def test_a_handshake_that_drips_does_not_hold_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_keys, "SECONDS", 0.5)
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x3f\x00")  # a record of the handshake, of which a byte comes now and then
            while not over.wait(0.05):
                connection.sendall(b"\x02")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            with pytest.raises(FetchError):
                https_fetch()(f"https://127.0.0.1:{listening.getsockname()[1]}/jwks")
        finally:
            over.set()
            thread.join()


def test_nobody_listens(free_port: int) -> None:
    with pytest.raises(FetchError):
        https_fetch()(f"https://127.0.0.1:{free_port}/jwks")
