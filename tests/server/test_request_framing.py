"""When a request is whole: never too late, and too early only where it is refused at once."""

import pytest

from service.server.request_framing import BODY_BYTES, FREE_CHUNKS, HEAD_BYTES, LINE_BYTES, RequestFraming

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: a", *lines)) + b"\r\n\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"
WHOLE = {
    "no body": GET,
    "no header": b"GET / HTTP/1.0\r\n\r\n",
    "an empty line before": b"\r\n" + GET,
    "a body": post(b"Content-Length: 4", body=b"abcd"),
    "a body of nothing": post(b"content-length:0"),
    "a body with the end of a head in it": post(b"Content-Length: 8", body=b"\r\n\r\nabcd"),
    "a head in the body's words": post(b"X-A: Content-Length: 7", b"Content-Length: 2", body=b"ab"),
    "chunks": post(CHUNKED, body=b"2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n"),
    "chunks with the end of chunks in one": post(CHUNKED, body=b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"),
    "as many small chunks as may be": post(CHUNKED, body=b"1\r\na\r\n" * FREE_CHUNKS + b"0\r\n\r\n"),
    "compressed chunks": post(b"transfer-encoding: gzip, Chunked", body=b"0\r\n\r\n"),
}
UNUSUAL = {
    "chunks with an extension": post(CHUNKED, body=b"2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"),
    "chunks with a blank after their size": post(CHUNKED, body=b"2 \r\nab\r\n0\r\n\r\n"),
    "chunks without the end of their line": post(CHUNKED, body=b"2\r\nabcd0\r\n\r\n"),
    "chunks with trailers": post(CHUNKED, body=b"1\r\na\r\n00\r\nX-A: b\r\nX-C: d\r\n\r\n"),
}
REFUSED = {
    "two lengths": post(b"Content-Length: 4", b"Content-Length: 5"),
    "a length and chunks": post(b"Content-Length: 4", CHUNKED),
    "a length that is none": post(b"Content-Length: +4"),
    "two expectations": post(b"Content-Length: 4", b"Expect: 100-continue", b"Expect: 100-continue"),
    "two codings": post(b"Transfer-Encoding: gzip", CHUNKED),
    "a length of 40 digits": post(b"Content-Length: " + b"9" * 40),
    "a body that is too long": post(b"Content-Length: %d" % (BODY_BYTES + 1)),
    "an expectation that nobody knows": post(b"Content-Length: 4", b"Expect: the-unexpected"),
    "a line feed alone": b"GET / HTTP/1.1\nHost: a",
    "a line that does not end": b"G" * (LINE_BYTES + 5),
    "a head that does not end": b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * (HEAD_BYTES // 8 + 1),
    "empty lines": b"\r\n\r\n",
    "a chunk of no size": post(CHUNKED, body=b"\r\n"),
    "a chunk of a negative size": post(CHUNKED, body=b"-2\r\n"),
    "a chunk of another number": post(CHUNKED, body=b"0x2\r\n"),
    "a chunk whose size does not end": post(CHUNKED, body=b"1" * (2 * LINE_BYTES + 1)),
    "chunks of one byte": post(CHUNKED, body=b"1\r\na\r\n" * (FREE_CHUNKS * 2)),
    "chunks that do not end": post(CHUNKED, body=b"%x\r\n" % (4 * BODY_BYTES) + b"a" * (BODY_BYTES + 1)),
}


@pytest.mark.parametrize("sent", (WHOLE | UNUSUAL).values(), ids=WHOLE | UNUSUAL)
def test_it_is_whole_with_its_last_byte_and_not_before(sent: bytes) -> None:
    framing, data = RequestFraming(), bytearray()
    whole = []
    for byte in sent:
        data.append(byte)
        whole.append(framing.is_complete(data))
    assert whole == [False] * (len(sent) - 1) + [True]
    assert RequestFraming().is_complete(bytearray(sent))
    assert RequestFraming().is_complete(bytearray(sent + GET))


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_not_waited_for(sent: bytes) -> None:
    framing = RequestFraming()
    assert framing.is_complete(bytearray(sent))
    assert not framing.is_exact, "no thread reads on, and the connection is closed"


def test_what_is_whole_is_so_beyond_doubt() -> None:
    for sent in WHOLE.values():
        framing = RequestFraming()
        framing.is_complete(bytearray(sent))
        assert framing.is_exact
        assert framing.end == len(sent)


def test_after_what_two_readers_may_read_in_two_ways_nothing_else_is_read() -> None:
    for sent in UNUSUAL.values():
        framing = RequestFraming()
        assert framing.is_complete(bytearray(sent + GET))
        assert not framing.is_exact


def test_a_length_with_noughts_before_it_is_that_length() -> None:
    sent = bytearray(post(b"Content-Length: 0000000000004", body=b"abc"))
    assert not RequestFraming().is_complete(sent)
    assert RequestFraming().is_complete(sent + b"d")


def test_a_field_is_read_in_one_go() -> None:
    """Found by review: a value of blanks that did not end took a time that grew with the square of its length."""
    assert RequestFraming().is_complete(bytearray(post(b"Content-Length: 1" + b" " * 500_000 + b"x")))


@pytest.mark.parametrize(
    ("sent", "awaits"),
    [
        (post(b"Content-Length: 4", b"Expect: 100-Continue"), True),
        (post(CHUNKED, b"Expect: 100-continue"), True),
        (post(b"Content-Length: 4"), False),
        (post(b"Content-Length: 0", b"Expect: 100-continue"), False),
        (post(b"Content-Length: 4", b"Expect: 100-continue").replace(b"1.1", b"1.0"), False),
        (post(b"Content-Length: %d" % (BODY_BYTES + 1), b"Expect: 100-continue"), False),
    ],
)
def test_who_awaits_a_go_ahead(sent: bytes, awaits: bool) -> None:  # noqa: FBT001 - a case
    framing = RequestFraming()
    assert not framing.awaits_continue
    framing.is_complete(bytearray(sent))
    assert framing.awaits_continue is awaits


LINES = (
    b"POST /v1/recommendations/batch?view=row HTTP/1.1\r\nHost: a\r\n"
    b"content-type: Application/x-ndjson; charset=utf-8\r\n"
)


@pytest.mark.parametrize("path", [b"/v1/recommendations/batch", b"/v1/guidelines/toy-coat/recommendations/batch"])
def test_lines_in_chunks_are_for_a_thread_from_the_end_of_their_head(path: bytes) -> None:
    head = LINES.replace(b"/v1/recommendations/batch", path) + CHUNKED + b"\r\n\r\n"
    framing = RequestFraming()
    assert not framing.is_complete(bytearray(head[:-1]))
    assert framing.is_complete(bytearray(head))
    assert framing.is_stream
    assert not framing.is_exact
    assert not framing.awaits_continue


@pytest.mark.parametrize(
    "head",
    [
        LINES + b"Content-Length: 5",
        LINES.replace(b"x-ndjson", b"json") + CHUNKED,
        LINES.replace(b"x-ndjson", b"x-ndjsons") + CHUNKED,
        LINES.replace(b"/batch?view=row", b"") + CHUNKED,
        LINES.replace(b"/batch", b"/batches") + CHUNKED,
        LINES.replace(b"/v1/", b"/v1/guidelines/toy-coat/rules/") + CHUNKED,
        LINES.replace(b"/v1/", b"/v1/guidelines//") + CHUNKED,
        LINES.replace(b"content-type", b"accept") + CHUNKED,
        LINES + b"Transfer-Encoding: gzip, chunked",
    ],
)
def test_nothing_else_is_for_a_thread_before_it_is_whole(head: bytes) -> None:
    framing = RequestFraming()
    assert not framing.is_complete(bytearray(head + b"\r\n\r\n"))
    assert not framing.is_stream
