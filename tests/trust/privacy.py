"""Part 5: nothing that a caller sends is kept, counted, logged or shown to anybody else."""

import http.client
import json
import re
import socket
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from service.knowledge.library import load_library
from service.settings import CONTENT
from tests.cds_hooks.hooks import call
from tests.conformance.stand_in import Asked, Said, standing_in
from tests.conftest import GUIDELINE, RedisServer, until
from tests.trust.access import modes
from tests.trust.privacy_cases import EXTRACT, FINE, HOOK, MARK, Case, Words, cases
from tests.trust.record import Record, goal, table
from tests.trust.stand import Service, redis

TITLE = "Privacy"
ABOUT = """A word of our own, each with its number, in every place where a caller can put one: the values of every fact
of the vocabulary in every shape of JSON, names of members, ids, every element of every resource type of FHIR R4, of
calls and feedback, addresses, query strings, some fifty headers, heads that do not parse, and what a FHIR server
answers. Then standard output and standard error of a real gunicorn (LOG_LEVEL=debug), `/metrics`, every key and value
of Redis and its files on disk, errors, pages, answers and headers of answers are searched for them. Allowed are: what
the extraction reads back, and the card made of it, to that very caller; the name of an unknown member in a pointer, cut
at 64 characters. Two places are left out, for there the word is kept on purpose: `iss`, `tenant` and `jti` of a token
that is refused (in the log, so that an operator sees whose), and the comment on a card of ours (in the state Redis, for
30 days)."""

EVERY = 1
SOME = 23
"""Of all requests, in the short form every so many."""
WORD = re.compile(rf"{MARK}\d{{7}}", re.IGNORECASE)
NAMES = re.compile(rb'"(qz7kanarie\d{7})"\s*:')
Told = tuple[int, tuple[str, bytes]]
"""Status, head and body."""
TO_THEIR_OWN = (EXTRACT, "/cds-services/")


@dataclass
class Found:
    """What came of it."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    """Where a word turned up, and where it had been put."""
    words: int = 0
    lines: int = 0
    poor: int = 0
    """Lines of the log about a request that lack what an operator needs."""
    kept: int = 0
    """Keys of Redis."""


def run(record: Record, *, short: bool) -> None:
    """Once without asking who calls, once with keys."""
    for access in modes()[:2]:
        if access.name not in record.units:
            found = Found()
            with tempfile.TemporaryDirectory(prefix="trust-") as folder, redis() as server:
                with standing_in(_babbling) as fhir:
                    settings = {"REDIS_URL": server.url, "LOG_LEVEL": "debug", "FHIR_SERVERS": fhir.url}
                    with access.service(Path(folder), settings) as up:
                        _send(up, found, fhir.url, SOME if short else EVERY)
                        found.leaks += leaks("/metrics", up.get("/metrics", up.headers)[2])
                        until(lambda server=server: server.client.keys("*"), "answers are kept")
                        found.leaks += kept(server, found)
                text = up.log.read_bytes()
                found.leaks += leaks("the log", text)
                found.lines, found.poor = useful(text.decode())
            record.keep(access.name, vars(found) | {"requests": dict(found.requests), "statuses": dict(found.statuses)})
    _conclude(record)


def leaks(where: str, data: bytes | str, put: str = "") -> Iterator[str]:
    """Where one of our words stands, or a value that is finer than a band."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    for word in sorted({*WORD.findall(text), *(each for each in FINE if each in text)}):
        yield f"{where}: {word}{f' ({put})' if put else ''}"


def kept(server: RedisServer, found: Found) -> Iterator[str]:
    """All that Redis holds, and all that it ever wrote to its files."""
    for key, value in everything(server.client):
        found.kept += 1
        yield from leaks(f"Redis, {key[:40]!r}", key + b"\n" + value)
    for file in server.folder.rglob("*"):
        if file.is_file():
            yield from leaks(f"a file of Redis, {file.name}", file.read_bytes())


def everything(client: Redis) -> Iterator[tuple[bytes, bytes]]:
    """Each key with all that stands there."""
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    for key in client.keys("*"):
        value = read[client.type(key)](key)
        yield key, value if isinstance(value, bytes) else repr(value).encode()


def useful(text: str) -> tuple[int, int]:
    """Lines about requests, and of them those without id, time, route, status, or the rule and release of an answer."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    answered = [line for line in lines if line["event"] == "answered"]
    needed = ("request_id", "ms", "route", "status", "method", "timestamp")
    advised = ("/v1/recommendations", "/v1/guidelines/<guideline>/recommendations")
    poor = [
        line
        for line in answered
        if any(line.get(name) is None for name in needed)
        or (line["route"] in advised and line["status"] == 200 and not (line["rule"] and line["release"]))
    ]
    return len(answered), len(poor)


def _send(up: Service, found: Found, fhir: str, step: int) -> None:
    library = load_library(CONTENT)
    guideline = library.newest(GUIDELINE)
    assert guideline is not None
    words = Words()
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=30)
    for number, case in enumerate([*cases(words, guideline.vocabulary), *_fetched(words, fhir)]):
        if number % step and case.place != "values finer than a band":
            continue
        found.requests[case.place] += 1
        sent = f"{case.path} {case.headers}".encode() + case.body + case.raw
        found.words += len({*WORD.findall(sent.decode())})
        if case.raw:
            status, told = _over_the_wire(up.port, case.raw)
        else:
            status, told = _asked(connection, case, up.headers)
        found.statuses[f"{status // 100}xx"] += 1
        found.leaks += _repeated(case, status, told)
    connection.close()


def _fetched(words: Words, fhir: str) -> Iterator[Case]:
    """Calls that are completed from a FHIR server, which answers with our words too."""
    for _ in range(6):
        token = {
            "access_token": words(),
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": words(),
            "subject": words(),
        }
        body = call(fhirServer=fhir, fhirAuthorization=token)
        yield Case(
            "a FHIR server's token", "POST", HOOK, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )


def _babbling(asked: Asked) -> Said:
    """A FHIR server whose every answer is wrong in another way."""
    said = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": f"{MARK}9999999", "id": f"{MARK}9999998"}}],
    }
    kinds = (
        Said(500, f"{MARK}9999997", "text/html"),
        Said(200, said),
        Said(200, f"{MARK}9999996{{"),
        Said(302, said, headers={"Location": f"/{MARK}9999995"}),
        Said(404, {"resourceType": "OperationOutcome", "issue": [{"details": {"text": f"{MARK}9999994"}}]}),
    )
    return kinds[len(asked.path) % len(kinds)]


def _asked(
    connection: http.client.HTTPConnection, case: Case, headers: dict[str, str]
) -> tuple[int, tuple[str, bytes]]:
    given = headers | case.headers
    try:
        connection.request(case.method, case.path, case.body or None, given)
        answer = connection.getresponse()
        body = answer.read()
    except (http.client.HTTPException, OSError):
        connection.close()
        return 0, ("", b"")
    if answer.headers.get("Connection") == "close":
        connection.close()
    return answer.status, (str(answer.headers), body)


def _over_the_wire(port: int, raw: bytes) -> Told:
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        data = b""
        while more := client.recv(65536):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split()[1]) if head.startswith(b"HTTP") else 0
    return status, (head.decode("latin-1"), body)


def _repeated(case: Case, status: int, told: tuple[str, bytes]) -> Iterator[str]:
    """What an answer repeats that it should not."""
    head, body = told
    yield from leaks(f"a header of a {status}", head, case.place)
    if status == 200 and case.path.startswith(TO_THEIR_OWN):
        return
    text = body.decode("utf-8", "replace")
    for name in NAMES.findall(case.body):
        # Where it belongs to a pointer, and nowhere else.
        text = re.sub(rf'(/[^\s"]*){name.decode()}', r"\1", text)
    yield from leaks(f"the body of a {status}", text, case.place)


def _conclude(record: Record) -> None:
    units = record.units
    rows = []
    for name, unit in units.items():
        rows += [(name, place, number) for place, number in _gathered(unit["requests"])]
    record.tables(table("Requests by where the words stood", ["called with", "place", "requests"], rows))

    def total(what: str) -> int:
        return sum(unit[what] for unit in units.values())

    found = [leak for unit in units.values() for leak in unit["leaks"]]
    requests = sum(sum(unit["requests"].values()) for unit in units.values())
    record.end(
        [
            goal(
                "0 of our words in logs, metrics, Redis, errors, pages, answers or headers",
                f"{len(found)} found of {total('words')} words in {requests} requests",
                met=not found and total("words") > 0,
            ),
            goal(
                "each request has its line, with id, route, status, time, and the rule and release of an answer",
                f"{total('poor')} of {total('lines')} lines lack one",
                met=total("poor") == 0 < total("lines"),
            ),
            goal("Redis held answers while it was searched", f"{total('kept')} keys", met=total("kept") > 0),
        ],
        [
            *(f"found in {leak}" for leak in found[:20]),
            *(f"{name}: answers {unit['statuses']}" for name, unit in units.items()),
        ],
    )


def _gathered(requests: dict[str, Any]) -> Iterable[tuple[str, int]]:
    """Facts, resource types and headers each in one row."""
    rows = {"the fact ": "values of facts", "the elements of ": "elements of FHIR", "the header ": "headers"}
    found: Counter[str] = Counter()
    for place, number in requests.items():
        found[next((row for beginning, row in rows.items() if place.startswith(beginning)), place)] += number
    return sorted(found.items())
