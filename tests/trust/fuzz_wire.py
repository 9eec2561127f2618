"""What a browser never sends: requests written byte by byte, each with the statuses that it may get."""

import contextlib
import gzip
import json
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.api.asking import ONE
from tests.conftest import Server

MEGABYTE = 2**20
QUIET_SECONDS = 0.25
"""After an answer that leaves the connection open, so long is waited for one that nobody asked for."""
PATIENCE_SECONDS = 20
MARK = "smuggled-4711"
"""The path of a request that stands where the body of another should be."""
SMUGGLED = f"GET /{MARK} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
EMERGENCY = '{"complications":["sepsis_signs"]}'


@dataclass(frozen=True)
class Attack:
    """Bytes, and what may come of them: a status, or several in this order on one connection; "" is a closed one."""

    group: str
    name: str
    sent: bytes
    may: tuple[tuple[int, ...], ...]
    """The sequences of statuses that are right."""
    named: bool = True
    """Whether a refusal comes from the application, with a problem."""


@dataclass(frozen=True)
class Reply:
    """One answer on a connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(server: Server, sent: bytes, quiet: float = QUIET_SECONDS) -> list[Reply]:
    """Send bytes on a connection of their own; every answer that comes before it is quiet."""
    found: list[Reply] = []
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError), connection.makefile("rb") as stream:
            while reply := _reply(stream):
                found.append(reply)
                if reply.headers.get("connection") != "close":
                    connection.settimeout(quiet)
    return found


def _reply(stream) -> Reply | None:
    try:
        line = stream.readline()
    except TimeoutError:
        return None
    if not line:
        return None
    headers = {}
    while (each := stream.readline()) not in {b"\r\n", b""}:
        name, _, value = each.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    status = int(line.split()[1])
    return Reply(status, headers, stream.read(int(headers.get("content-length", 0))))


def head(*lines: str, method: str = "POST", path: str = ONE, version: str = "HTTP/1.1") -> str:
    """A head with the usual headers and more."""
    usual = (f"{method} {path} {version}", "Host: 127.0.0.1", "Content-Type: application/json")
    return "\r\n".join((*usual, *lines)) + "\r\n\r\n"


def sized(body: bytes | str, *lines: str, path: str = ONE) -> bytes:
    """A whole request with its length."""
    data = body.encode() if isinstance(body, str) else body
    return head(f"Content-Length: {len(data)}", *lines, path=path).encode() + data


def chunked(text: str, *lines: str, coding: str = "Transfer-Encoding: chunked") -> bytes:
    """A head that promises chunks, and what follows."""
    return (head(coding, *lines) + text).encode("latin-1")


REFUSED, OK = ((400,),), ((200,),)
OR_REFUSED, OR_LATE = ((200,), (400,)), ((400,), (408,), (413,))


def attacks() -> list[Attack]:
    """All of them."""
    return [*_bodies(), *_heads(), *_smuggling(), *_odd()]


def _bodies() -> list[Attack]:
    bomb = gzip.compress(b"[" * (100 * MEGABYTE), 9)
    large, refused, compressed = ((413,),), ((400,),), ((415,),)
    made: list[tuple[str, bytes, tuple[tuple[int, ...], ...]]] = [
        ("a zip bomb, 100 MB in 100 kB", sized(bomb, "Content-Encoding: gzip"), ((400,), (413,), (415,))),
        ("a small zip bomb", sized(gzip.compress(b"[" * MEGABYTE * 10), "Content-Encoding: gzip"), compressed),
        ("a zip bomb in a zip bomb", sized(gzip.compress(bomb), "Content-Encoding: gzip, gzip"), compressed),
        ("deflate that is none", sized(b"\x78\x9c\xff\xff", "Content-Encoding: deflate"), compressed),
        ("30,000 levels of arrays", sized("[" * 30_000 + "]" * 30_000), refused),
        ("10,000 levels of objects", sized('{"a":' * 10_000 + "1" + "}" * 10_000), refused),
        ("60,000 levels never closed", sized("[" * 60_000), refused),
        ("a number of 60,000 digits", sized('{"age_years":' + "9" * 60_000 + "}"), refused),
        ("a number beyond a double", sized('{"age_years":1e999}'), refused),
        ("a number of 4,000 digits", sized('{"age_years":' + "9" * 4_000 + "}"), ((422,),)),
        ("a fraction of 60,000 digits", sized('{"age_years":0.' + "3" * 60_000 + "}"), ((422,),)),
        ("half a surrogate pair", sized('{"sex":"\\ud800"}'), refused),
        ("half a surrogate pair in a key", sized('{"\\udfff":1}'), refused),
        ("a surrogate in UTF-8", sized(b'{"sex":"\xed\xa0\x80"}'), refused),
        ("overlong UTF-8", sized(b'{"sex":"\xc0\xaf"}'), refused),
        ("UTF-16", sized('{"sex":"female"}'.encode("utf-16")), refused),
        ("a text of 10 MB", sized('{"sex":"' + "a" * 10 * MEGABYTE + '"}'), large),
        ("10 MB of blanks", sized(b" " * 10 * MEGABYTE), large),
        ("10 MB in chunks", chunked(f"{10 * MEGABYTE:x}\r\n" + " " * 10 * MEGABYTE + "\r\n0\r\n\r\n"), large),
        ("3,000 members", sized(json.dumps({f"m{n}": n for n in range(3_000)})), ((422,),)),
        ("one key 5,000 times", sized("{" + ",".join(['"sex":"male"'] * 5_000) + "}"), ((422,),)),
        ("20,000 empty objects", sized("[" + ",".join(["{}"] * 20_000) + "]"), ((422,),)),
        (
            "an emergency among 3,000 members",
            sized(json.dumps({f"m{n}": n for n in range(3_000)})[:-1] + "," + EMERGENCY[1:]),
            OK,
        ),
        ("no body at all", head().encode(), refused),
        ("a body that ends early", head("Content-Length: 100", "Connection: close").encode() + b"{}", ((408,),)),
        ("XML", sized('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'), refused),
    ]
    return [Attack("bodies", *each) for each in made]


def _heads() -> list[Attack]:
    get = {"method": "GET", "path": "/livez"}
    made: list[tuple[str, str, tuple[tuple[int, ...], ...]]] = [
        ("1,000 headers", head(*(f"X-{n}: 1" for n in range(1_000)), **get), ((431,),)),
        ("a header of 100 kB", head("X-A: " + "a" * 100_000, **get), ((431,),)),
        ("headers of 1 MB", head(*("X-A: " + "a" * 8_000 for _ in range(130)), **get), ((431,),)),
        ("a request line of 100 kB", head(method="GET", path="/livez?" + "a" * 100_000), ((414,),)),
        ("a method of 5 kB", head(method="G" * 5_000, path="/livez"), ((400,), (414,))),
        ("no request line", "\r\n\r\n\r\n\r\n" + head(**get), ((400,), (200,))),
        ("nothing but a word", "hello\r\n\r\n", REFUSED),
        ("HTTP/0.9", "GET /livez\r\n\r\n", REFUSED),
        ("HTTP/3.0", head(**get, version="HTTP/3.0"), REFUSED),
        ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED),
        ("a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "a" * 100 + "\r\n\r\n", REFUSED),
        ("PROXY protocol", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + head(**get), REFUSED),
        ("a zero byte in a header", head("X-A: a\x00b", **get), REFUSED),
        ("a zero byte in a header's name", head("X-\x00A: b", **get), REFUSED),
        ("a zero byte in the path", head(method="GET", path="/livez\x00"), ((400,), (404,))),
        ("a line feed in a header", head("X-A: a\nX-B: b", **get), ((200,), (400,))),
        ("a carriage return in a header", head("X-A: a\rX-B: b", **get), REFUSED),
        ("a header without a colon", head("nonsense", **get), REFUSED),
        ("a header without a name", head(": a", **get), REFUSED),
        ("a header that goes on", head("X-A: a\r\n b", **get), REFUSED),
        ("bytes beyond ASCII in a header", head("X-A: \xff\xfe", **get), ((200,), (400,))),
        ("no Host", "GET /livez HTTP/1.1\r\n\r\n", REFUSED),
        ("two Hosts", head("Host: evil.example", **get), ((400,), (421,))),
        ("another Host", "GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", ((421,),)),
        ("a Host with a path", "GET /livez HTTP/1.1\r\nHost: 127.0.0.1/evil\r\n\r\n", ((400,), (421,))),
        ("X-Forwarded-Host", head("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher", **get), OK),
        ("an expectation that nobody knows", head("Expect: the-unexpected", "Content-Length: 2") + "{}", ((417,),)),
        (
            "an upgrade to h2c",
            head("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA", **get),
            OK,
        ),
        ("an upgrade to a web socket", head("Connection: Upgrade", "Upgrade: websocket", **get), OR_REFUSED),
        ("ranges", head("Range: bytes=" + ",".join(["0-"] * 1_000), **get), OK),
        ("an Accept of 8 kB", head("Accept: " + ",".join(["a/b;q=0.1"] * 800), **get), OK),
        (
            "an Accept-Language of 8 kB",
            head("Accept-Language: " + ",".join(["a-b;q=0.1"] * 800), method="GET", path="/v1/guidelines"),
            OK,
        ),
        (
            "an If-None-Match of 8 kB",
            head("If-None-Match: " + ",".join(['"a"'] * 2_000), method="GET", path="/v1/guidelines"),
            OK,
        ),
        ("an X-Request-ID that breaks lines", head("X-Request-ID: a%0d%0aSet-Cookie: b", **get), OK),
    ]
    return [Attack("heads", name, sent.encode("latin-1"), may, named=False) for name, sent, may in made]


def _smuggling() -> list[Attack]:
    """Where the request ends can be told in two ways: one answer, or a refusal, and never one to what is smuggled."""
    inside = f"0\r\n\r\n{SMUGGLED}"
    length = f"Content-Length: {len(inside)}"
    both = head(length, "Transfer-Encoding: chunked") + inside
    made: list[tuple[str, str, tuple[tuple[int, ...], ...]]] = [
        ("a length and chunks", both, REFUSED),
        ("chunks and a length", head("Transfer-Encoding: chunked", length) + inside, REFUSED),
        ("two lengths", head("Content-Length: 2", f"Content-Length: {2 + len(SMUGGLED)}") + "{}" + SMUGGLED, REFUSED),
        ("two equal lengths", head("Content-Length: 2", "Content-Length: 2") + "{}", OR_REFUSED),
        ("two lengths in one", head(f"Content-Length: 2, {2 + len(SMUGGLED)}") + "{}" + SMUGGLED, REFUSED),
        *(
            (f"the length {length!r}", head(f"Content-Length: {length}") + "{}" + SMUGGLED, ((400,), (413,)))
            for length in ("-2", "+2", "0x2", "2.0", "2e0", "two", " ", "2_0", "9" * 40, "\xb2", "2;", "2 2")
        ),
        *(
            (f"the coding {coding!r}", head(f"Transfer-Encoding: {coding}") + inside, may)
            for coding, may in (
                ("chunked, chunked", REFUSED),
                ("chunked, identity", REFUSED),
                ("xchunked", ((501,),)),
                ("chunked;q=1", ((400,), (501,))),
                ("\x0bchunked", ((400,), (501,))),
                ('"chunked"', ((400,), (501,))),
                ("identity", ((400,), (501,))),
                ("gzip, chunked", ((400,), (501,))),
                ("", ((400,), (501,))),
            )
        ),
        ("the coding twice", head("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + inside, REFUSED),
        ("a blank before the colon", head("Transfer-Encoding : chunked", length) + inside, REFUSED),
        ("a blank before the name", head("X-A: b\r\n Transfer-Encoding: chunked", length) + inside, REFUSED),
        ("an underscore", head("Transfer_Encoding: chunked", "Content-Length: 2") + "{}", OR_REFUSED),
        ("chunks in HTTP/1.0", head("Transfer-Encoding: chunked", version="HTTP/1.0") + inside, REFUSED),
        ("a length with GET", head(f"Content-Length: {len(SMUGGLED)}", method="GET", path="/livez") + SMUGGLED, OK),
        ("line feeds alone", (head("Content-Length: 2") + "{}").replace("\r\n", "\n"), OR_REFUSED),
        (
            "line feeds alone, and a length in dispute",
            f"POST {ONE} HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 0\r\nTransfer-Encoding: chunked\n\r\n{inside}",
            REFUSED,
        ),
    ]
    chunks: list[tuple[str, str, tuple[tuple[int, ...], ...]]] = [
        ("a chunk's extension", "2;a=b\r\n{}\r\n0\r\n\r\n", OR_REFUSED),
        ("a chunk's extension of 100 kB", "2;" + "a" * 100_000 + "\r\n{}\r\n0\r\n\r\n", REFUSED),
        ("a chunk's extension with a line feed", "2;\n{}\r\n0\r\n\r\n", REFUSED),
        ("a chunk's extension with a carriage return", "2;a\rb\r\n{}\r\n0\r\n\r\n", REFUSED),
        ("a trailer", "2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", OR_REFUSED),
        ("a trailer that is a length", "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n", OR_REFUSED),
        ("1,000 trailers", "2\r\n{}\r\n0\r\n" + "X-A: b\r\n" * 1_000 + "\r\n", OR_REFUSED),
        *(
            (f"a chunk of {size!r}", f"{size}\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}", REFUSED)
            for size in ("-2", "+2", "0x2", "2g", "", " ", "2 ", " 2", "2_0", "\xb2", "two")
        ),
        *(
            (f"a chunk of {len(size)} digits", f"{size}\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}", OR_LATE)
            for size in ("f" * 8, "f" * 16 + "2", "1" + "0" * 399)
        ),
        ("a chunk that is longer than it says", "2\r\n{}xx\r\n0\r\n\r\n", REFUSED),
        ("a chunk without its line's end", f"2\r\n{{}}0\r\n\r\n{SMUGGLED}", REFUSED),
        ("a chunk with a line feed alone", "2\n{}\n0\n\n", OR_LATE),
        ("100,000 chunks of one byte", "1\r\n \r\n" * 100_000, REFUSED),
        ("an emergency in chunks of one byte", "".join(f"1\r\n{each}\r\n" for each in EMERGENCY) + "0\r\n\r\n", OK),
    ]
    made += [(name, head("Transfer-Encoding: chunked") + text, may) for name, text, may in chunks]
    return [Attack("smuggling", name, sent.encode("latin-1"), may, named=False) for name, sent, may in made]


def _odd() -> list[Attack]:
    get = {"method": "GET", "path": "/livez"}
    one, four = head(**get), head("Content-Length: 2") + "{}"
    made: list[tuple[str, str, tuple[tuple[int, ...], ...]]] = [
        ("twenty requests in one packet", one * 20, ((200,) * 20,)),
        ("ten with bodies in one packet", four * 10, ((200,) * 10,)),
        ("a good one after a refused one", head("Content-Length: 1") + "{" + one, ((400, 200), (400,))),
        ("a good one after one too large", sized(b" " * 2 * MEGABYTE).decode() + one, ((413,), (413, 200))),
        ("an absolute address", head(method="GET", path="http://127.0.0.1/livez"), OK),
        (
            "an absolute address of another",
            head(method="GET", path="http://evil.example/livez"),
            ((200,), (400,), (421,)),
        ),
        ("an address without a slash", head(method="GET", path="livez"), ((400,), (404,))),
        ("CONNECT", head(method="CONNECT", path="evil.example:443"), ((400,), (404,), (405,))),
        ("OPTIONS *", head(method="OPTIONS", path="*"), ((200,), (204,), (400,), (404,))),
        ("TRACE", head(method="TRACE", path="/livez"), ((405,),)),
        ("a method that nobody knows", head(method="BREW", path="/livez"), ((405,),)),
        ("a method in small letters", head(method="get", path="/livez"), ((400,), (405,))),
        ("a path that leaves its folder", head(method="GET", path="/assets/../../../../etc/passwd"), ((404,),)),
        ("the same, encoded", head(method="GET", path="/assets/..%2f..%2f..%2fetc%2fpasswd"), ((404,),)),
        ("the same, encoded twice", head(method="GET", path="/assets/%252e%252e%252fetc"), ((404,),)),
        ("the same, overlong", head(method="GET", path="/assets/%c0%ae%c0%ae/etc"), ((404,),)),
        ("bytes that are no UTF-8", head(method="GET", path="/v1/studies/%ff%fe"), ((404,),)),
        ("a zero byte, encoded", head(method="GET", path="/v1/studies/%00"), ((404,),)),
        ("line ends, encoded", head(method="GET", path="/v1/studies/%0d%0aX-A:%20b"), ((404,),)),
        ("half of an encoded byte", head(method="GET", path="/v1/studies/%"), ((404,),)),
        ("two slashes", head(method="GET", path="//livez"), ((200,), (404,))),
        ("a query of 3 kB", head(method="GET", path="/v1/guidelines?" + "a=b&" * 750), OK),
        ("a view that is no UTF-8", head("Content-Length: 2", path=f"{ONE}?view=%ff") + "{}", ((400,),)),
        (
            "an emergency with a view that is none",
            head(f"Content-Length: {len(EMERGENCY)}", path=f"{ONE}?view=%ff") + EMERGENCY,
            OK,
        ),
        ("an id of 4 kB", head(method="GET", path=f"{ONE}/" + "1" * 3_900), ((404,),)),
    ]
    return [Attack("requests", name, sent.encode("latin-1"), may, named=False) for name, sent, may in made]


def faults(attack: Attack, replies: Sequence[Reply]) -> list[str]:
    """What is wrong with the answers to an attack."""
    statuses = tuple(reply.status for reply in replies)
    wrong = [] if statuses in attack.may else [f"{statuses or 'no answer'} instead of {attack.may}"]
    for reply in replies:
        if reply.status >= 500 and reply.status != 501:
            wrong.append(f"{reply.status}")
        if MARK.encode() in reply.body:
            wrong.append("what was smuggled was answered")
        if reply.status >= 400 and not names_fault(reply):
            wrong.append(f"a refusal that names no fault: {reply.body[:200]!r}")
    return wrong


def names_fault(reply: Reply) -> bool:
    """Whether a refusal says what is wrong."""
    if reply.headers.get("content-type") == "application/problem+json":
        problem = json.loads(reply.body)
        return bool(problem["errors"] or problem["detail"])
    text = reply.body.decode("latin-1")
    # The server's own: a page with a heading, and a sentence below it.
    return bool(text.partition("</h1>")[2].replace("</body>", "").replace("</html>", "").strip())


def timed(server: Server, sent: bytes) -> tuple[list[Reply], float]:
    """The answers, and the seconds until the last."""
    began = time.monotonic()
    return exchange(server, sent), time.monotonic() - began
