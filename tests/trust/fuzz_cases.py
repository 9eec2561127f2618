"""Cases by number: each is made of the seed and its number alone, so any one can be looked at again, and a run that was
cut short goes on where it stopped."""

import codecs
import gc
import io
import json
import os
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from flask import Flask

from service import create_app
from service.settings import CONTENT, Settings
from tests.conftest import NOON
from tests.trust.record import Record

CHUNK = 500
KEPT = 20
"""Broken cases of one kind that are kept; all are counted."""
DEEPEST = 64
CANARY = "xyzzy4711"
"""Part of every faulty text: an answer that holds it repeats what was refused."""


class Broken(AssertionError):  # noqa: N818 - what is broken is a rule
    """A rule of the service that a case broke."""

    def __init__(self, rule: str, detail: object = "") -> None:
        super().__init__(rule)
        self.rule, self.detail = rule, str(detail)[:2000]


def holds(true: object, rule: str, detail: object = "") -> None:
    """Say that a rule is broken where it does not hold."""
    if not true:
        raise Broken(rule, detail)


Case = Callable[[Flask, random.Random, Counter], None]
"""Makes and judges one case; counts what came of it. Raises Broken."""


@dataclass
class Chunk:
    """What came of some cases."""

    counts: Counter = field(default_factory=Counter)
    broken: Counter = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = field(default=0.0, compare=False)
    """Of a core, so that what else runs on the machine does not count."""


def application() -> Flask:
    """The application on a fixed clock, that keeps nothing: what is compared was worked out twice."""
    return create_app(Settings(clock=lambda: NOON, log_level="error", near_cache_bytes=0, content=CONTENT))


def judged(app: Flask, name: str, case: Case, seed: int, numbers: range) -> Chunk:
    """Make and judge these cases."""
    made = Chunk()
    for number in numbers:
        try:
            case(app, random.Random(f"{seed} {name} {number}"), made.counts)
            continue
        except Broken as broken:
            rule, detail = broken.rule, broken.detail
        except Exception as error:  # noqa: BLE001 - that anything is raised is what is looked for
            rule, detail = f"nothing is raised: {type(error).__name__}", repr(error)
        made.broken[rule] += 1
        if made.broken[rule] <= KEPT:
            made.examples.append({"number": number, "rule": rule, "detail": detail})
    made.counts["cases"] += len(numbers)
    return made


Kind = tuple[Case, int]
"""A judge, and how many of its cases there are."""


def run(record: Record, kinds: Mapping[str, Kind], seconds: float) -> dict[str, dict[str, Any]]:
    """Go on with all kinds of cases until they are done or the time is over, on every core; the figures of all runs."""
    nothing = {"done": 0, "seconds": 0.0, "counts": {}, "broken": {}, "examples": []}
    kept = {name: record.units.get(name) or dict(nothing) for name in kinds}
    until = time.monotonic() + seconds
    cores = os.cpu_count() or 1
    if any(kept[name]["done"] < total for name, (_, total) in kinds.items()):
        cases = {name: case for name, (case, _) in kinds.items()}
        with ProcessPoolExecutor(cores, get_context("spawn"), _begin, (cases,)) as pool:
            waiting: deque[tuple[str, range, Future[Chunk]]] = deque()
            for name, numbers in _chunks(kept, kinds):
                if time.monotonic() > until:
                    break
                waiting.append((name, numbers, pool.submit(_work, name, record.seed, numbers)))
                if len(waiting) > 2 * cores:  # so that no core waits for another
                    _keep(record, kept, waiting)
            while waiting:
                _keep(record, kept, waiting)
    return kept


def _chunks(kept: Mapping[str, dict[str, Any]], kinds: Mapping[str, Kind]) -> Iterator[tuple[str, range]]:
    """What is left, kind by kind in turn, so that a run that is cut short has done its part of each."""
    done = {name: each["done"] for name, each in kept.items()}
    while left := [name for name, (_, total) in kinds.items() if done[name] < total]:
        name = min(left, key=lambda each: done[each] / kinds[each][1])
        numbers = range(done[name], min(done[name] + CHUNK, kinds[name][1]))
        done[name] = numbers.stop
        yield name, numbers


def _keep(record: Record, kept: dict[str, dict[str, Any]], waiting: deque[tuple[str, range, Future[Chunk]]]) -> None:
    """Add the chunk that was begun first."""
    name, numbers, future = waiting.popleft()
    made, of = future.result(), kept[name]
    of["counts"] = dict(Counter(of["counts"]) + made.counts)
    of["broken"] = dict(Counter(of["broken"]) + made.broken)
    of["examples"] = (of["examples"] + made.examples)[: 5 * KEPT]
    of["seconds"] = round(of["seconds"] + made.seconds, 1)
    of["done"] = numbers.stop
    record.keep(name, of)


_here: dict[str, Any] = {}
"""The application and the judges of a process of the pool."""


def _begin(cases: Mapping[str, Case]) -> None:
    _here.update(app=application(), cases=cases)
    # As the service does: what lives as long as the process is not looked through again and again.
    gc.collect()
    gc.freeze()


def _work(name: str, seed: int, numbers: range) -> Chunk:
    began = time.process_time()
    made = judged(_here["app"], name, _here["cases"][name], seed, numbers)
    made.seconds = time.process_time() - began
    return made


# ---- asking, in this process


Answer = tuple[int, dict[str, str], bytes]


def call(
    app: Flask, method: str, path: str, body: bytes = b"", *, query: str = "", kind: str = "application/json"
) -> Answer:
    """Status, headers and body, through the whole application and without the cost of a test client."""
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": kind,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    given = app(environ, lambda status, headers, _=None: begun.append((status, headers)))  # type: ignore[arg-type,misc,return-value]
    text = b"".join(given)
    return int(begun[0][0][:3]), dict(begun[0][1]), text


# ---- what was sent, read by nobody but the tests


class Members(list):
    """An object as its pairs, keys as often as they stand."""


def tree(body: bytes) -> Any:
    """The body with every key as often as it stands. Raises ValueError or RecursionError for what none should read."""
    text = body.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    read = json.loads(text, object_pairs_hook=Members, parse_constant=_no_constant, parse_float=_finite)
    if _depth(read) > DEEPEST:
        raise RecursionError
    json.dumps(read, ensure_ascii=False).encode("utf-8")  # which half a surrogate pair does not survive
    return read


def readable(body: bytes) -> bool:
    """Whether it is JSON at all."""
    try:
        tree(body)
    except (ValueError, RecursionError):
        return False
    return True


def _no_constant(_: str) -> float:
    raise ValueError


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError
    return number


def _depth(read: Any) -> int:
    deepest, layer = 0, [read]
    while layer:
        layer = [
            below
            for item in layer
            if isinstance(item, list)
            for below in ((value for _, value in item) if isinstance(item, Members) else item)
        ]
        deepest += bool(layer)
    return deepest


def points_at(read: Any, pointer: str) -> bool:
    """Whether a JSON Pointer names something in the body, or something missing from an object or list in it. Of a key
    that stands more than once every value is meant; long keys are cut at 64 characters."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    layer = [read]
    for index, part in enumerate(parts):
        below = []
        for item in layer:
            if isinstance(item, Members):
                below += [value for key, value in item if key[:64] == part]
            elif isinstance(item, list) and part.isdecimal() and int(part) < len(item):
                below.append(item[int(part)])
        if not below:
            return index == len(parts) - 1 and any(isinstance(item, list) for item in layer)
        layer = below
    return True


def written(value: Any) -> str:
    """JSON text of a tree of Members, lists and values; a Verbatim stands as it is."""
    if isinstance(value, Verbatim):
        return str.__str__(value)
    if isinstance(value, dict):
        value = Members(value.items())
    if isinstance(value, Members):
        return "{" + ",".join(f"{json.dumps(key)}:{written(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


class Verbatim(str):
    """Text that stands in the JSON as it is."""

    __slots__ = ()


def refused(status: int, headers: dict[str, str], answer: bytes, body: bytes) -> dict[str, Any]:
    """Judge a refusal: it names every fault with a place in the body, and repeats nothing of it."""
    holds(status < 500, f"no {status}", answer)
    holds(CANARY.encode() not in answer, "what was refused is not repeated", answer)
    problem: dict[str, Any] = json.loads(answer)
    holds(headers["Content-Type"] == "application/problem+json", "a refusal is a problem", headers)
    holds(problem["errors"], "every refusal names a fault", answer)
    read = tree(body) if readable(body) else None
    for error in problem["errors"]:
        holds(error["code"] and error["detail"], "every fault has a code and a detail", error)
        holds(points_at(read, error["pointer"]), "every fault has a place in the body", error)
    return problem
