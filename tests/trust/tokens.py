"""Part 4: tokens and keys. Whoever shows what does not hold is refused, always with the same words."""

import contextlib
import http.client
import json
import random
import shutil
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from service.security.keys import new_key
from service.security.rate import MOST_STRANGERS
from tests.api.asking import BATCH, ONE, RESPONDER, SEPSIS
from tests.api.test_access import DECIDED, path_of
from tests.security.signing import client, public, signed
from tests.trust.fuzz_wire import Reply, exchange, head
from tests.trust.record import Record, goal, table
from tests.trust.stand import Service, redis, service
from tests.trust.tokens_attacks import EC, RSA, TENANT, Target, attacks, bearer

TITLE = "Tokens and keys"
ABOUT = """Against a real service with AUTH=clients and a real Redis as its replay guard, each attempt on a connection
of its own, so that it meets any worker. A refusal counts as the same where status, headers and body are those of a call
that shows nothing; only Date and X-Request-ID may differ."""

OWN = {"date", "x-request-id"}
"""Headers that differ from answer to answer."""
OK, UNAUTHORISED, FORBIDDEN, TOO_MANY, UNAVAILABLE = 200, 401, 403, 429, 503
LIMIT = 60
"""Requests an hour."""
WRONG = 300
EXPIRED = "2020-01-01"
SCOPES = ("advice", "cds", "feedback", "metrics")
TIMED = 1_500
PROMISED_SECONDS = 5
"""Within which a change of CLIENTS_FILE is taken up."""
AFTERWARDS = 100


def run(record: Record, *, short: bool) -> None:
    """Do what is missing."""
    if "attacks" not in record.units:
        folder = Path(tempfile.mkdtemp(prefix="trust-tokens-"))
        try:
            with contextlib.ExitStack() as stack:
                server = stack.enter_context(redis())
                stranger = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                held = _clients(folder)
                settings = {"AUTH": "clients", "CLIENTS_FILE": str(folder / "clients.json"), "LOG_LEVEL": "error"}
                up = stack.enter_context(service(folder, REDIS_URL=server.url, REDIS_STATE_URL=server.url, **settings))
                target = Target(up.url + ONE, *held, stranger.getsockname()[1])
                record.keep("attacks", _attacked(up, target, random.Random(record.seed), 2 if short else 60))
                record.keep("controls", _controls(up, target))
                record.keep("replay", [_replayed(up, target) for _ in range(2 if short else 40)])
                record.keep("scopes", _scopes(up, target))
                record.keep("connections to the stranger", _connections(stranger))
                record.keep("timing", _timing(up, target, 100 if short else TIMED))
                limits = settings | {"RATE_LIMIT": f"{LIMIT}/hour", "PROXY_HOPS": "1", "WORKERS": "1"}
                limited = stack.enter_context(service(folder, REDIS_STATE_URL=server.url, **limits))
                record.keep("limits", _limited(limited, target.keys["advice"], 300 if short else 12_000))
                record.keep("revoked", _revoked(up, target, folder / "clients.json"))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    _conclude(record)


def _clients(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """CLIENTS_FILE; keys and what is kept of them."""
    made = {name: new_key(name) for name in (*SCOPES, "expired", "revoked")}
    scopes = {name: ["advice"] for name in ("expired", "revoked")}
    entries = [{"id": name, "hash": kept, "scopes": scopes.get(name, [name])} for name, (_, kept) in made.items()]
    entries[-2]["expires"] = EXPIRED
    keys = {"keys": [public("ES384", EC), public("RS384", RSA)]}
    clients = [
        client("ES384", EC, scopes=["advice"], tenants=[TENANT]) | {"jwks": keys},
        client("ES384", "other", iss="https://cds.example", scopes=["cds"]),
    ]
    (folder / "clients.json").write_text(json.dumps({"keys": entries, "clients": clients}))
    return {name: key for name, (key, _) in made.items()}, {name: kept for name, (_, kept) in made.items()}


def ask(up: Service, lines: tuple[str, ...], method: str = "POST", path: str = ONE) -> Reply:
    """One call on a connection of its own."""
    body = "{}" if method == "POST" else ""
    text = head(f"Content-Length: {len(body)}", "Connection: close", *lines, method=method, path=path) + body
    (reply,) = exchange(up, text.encode())
    return reply


def seen(reply: Reply) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """All of an answer that may not differ."""
    return reply.status, tuple(sorted(pair for pair in reply.headers.items() if pair[0] not in OWN)), reply.body


def _attacked(up: Service, target: Target, chance: random.Random, attempts: int) -> list[dict[str, Any]]:
    right = seen(ask(up, ()))
    assert right[0] == UNAUTHORISED
    found = []
    for group, makers in attacks(target).items():
        for name, make in makers.items():
            statuses: Counter = Counter()
            same = 0
            for _ in range(attempts):
                reply = ask(up, make(chance))
                statuses[str(reply.status)] += 1
                same += seen(reply) == right
            found.append({"group": group, "name": name, "attempts": attempts, "same": same, "statuses": dict(statuses)})
    return found


def _controls(up: Service, target: Target) -> dict[str, int]:
    """What does hold, and what holds for something else."""
    other = target.said(iss="https://cds.example", tenant=None)
    return {
        "a good token, ES384": _settled(up, lambda: signed(target.said())),
        "a good token, RS384": _settled(up, lambda: signed(target.said(), "RS384", RSA)),
        "a good key": ask(up, bearer(target.keys["advice"])).status,
        "a good key of another scope": ask(up, bearer(target.keys["metrics"])).status,
        "a good token of another scope": _settled(
            up, lambda: signed(other | {"jti": target.said()["jti"]}, "ES384", "other")
        ),
    }


def _settled(up: Service, make: Any) -> int:
    """The status; asked again with a new token where Redis took more than its 50 ms."""
    status = UNAVAILABLE
    for _ in range(20):
        status = ask(up, bearer(make())).status
        if status != UNAVAILABLE:
            break
    return status


def _replayed(up: Service, target: Target) -> dict[str, int]:
    """One token shown often: first at once by many, then again and again."""
    once = signed(target.said())
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: ask(up, bearer(once)).status, range(12)))
    found += [ask(up, bearer(once)).status for _ in range(12)]
    return {str(status): number for status, number in Counter(found).items()}


def _scopes(up: Service, target: Target) -> dict[str, Any]:
    """Every route against the table of API.md."""
    wrong, asked = [], 0
    for (method, rule), needed in DECIDED.items():
        path = path_of(rule)
        for holder in (None, *SCOPES):
            asked += 1
            status = ask(up, () if holder is None else bearer(target.keys[holder]), method, path).status
            expected = None if needed in {"open", holder} else UNAUTHORISED if holder is None else FORBIDDEN
            right = status == expected if expected else status not in {UNAUTHORISED, FORBIDDEN}
            if not right:
                wrong.append(f"{method} {rule} with {holder or 'nothing'}: {status}")
    return {"routes": len(DECIDED), "asked": asked, "wrong": wrong}


def _connections(stranger: socket.socket) -> int:
    stranger.settimeout(0.5)
    number = 0
    with contextlib.suppress(TimeoutError):
        while True:
            stranger.accept()[0].close()
            number += 1
    return number


def _timing(up: Service, target: Target, number: int) -> dict[str, float]:
    """Medians in microseconds over one connection; in turns, so that what else goes on meets all alike."""
    chance = random.Random(number)
    keys = {
        "unknown id": lambda: "ogs_nobody_" + _secret(chance),
        "wrong secret": lambda: "ogs_advice_" + _secret(chance),
        "expired": lambda: target.keys["expired"],
    }
    found: dict[str, list[float]] = {name: [] for name in keys}
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)
    for _ in range(number):
        for name, key in keys.items():
            headers = {"Authorization": f"Bearer {key()}", "Content-Type": "application/json"}
            began = time.perf_counter()
            connection.request("POST", ONE, "{}", headers)
            connection.getresponse().read()
            found[name].append((time.perf_counter() - began) * 1e6)
    connection.close()
    return {name: round(statistics.median(each), 1) for name, each in found.items()} | {"each": number}


def _secret(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=43))


def _limited(up: Service, key: str, number: int) -> dict[str, Any]:
    """What is let in over a limit of 60 an hour, by one process. Addresses are forged, one for each stranger."""
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)

    def call(method: str, path: str, stranger: int, key: str = "", body: str = "") -> tuple[int, bytes]:
        address = f"10.{stranger >> 16}.{stranger >> 8 & 255}.{stranger & 255}"
        headers = {"X-Forwarded-For": address, "Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()

    wrong = Counter(call("POST", ONE, 0, "ogs_advice_x", "{}")[0] for _ in range(WRONG))
    # With all others fewer requests than a worker takes before another follows it, who counts anew.
    late = [call("GET", "/v1/citations/none", stranger)[0] for stranger in range(1, number)][MOST_STRANGERS:]
    good = Counter(call("POST", ONE, 0, key, "{}")[0] for _ in range(3 * LIMIT))
    items: Counter = Counter()
    for _ in range(LIMIT):
        status, body = call("POST", BATCH, 0, key, json.dumps([{}, SEPSIS, RESPONDER]))
        items.update(item["status"] for item in json.loads(body) if status == OK)
    connection.close()
    return {
        "wrong keys": {str(status): times for status, times in wrong.items()},
        "late strangers": len(late),
        "late strangers let in": sum(status != TOO_MANY for status in late),
        "a key": {str(status): times for status, times in good.items()},
        "items": {str(status): times for status, times in items.items()},
    }


def _revoked(up: Service, target: Target, file: Path) -> dict[str, Any]:
    """A key is taken out of the file while all run: when it was last taken, and whether it is refused ever after.

    Then the file is broken, and each worker is killed and followed by another.
    """
    before = ask(up, bearer(target.keys["revoked"])).status
    entries = json.loads(file.read_text())
    entries["keys"] = [each for each in entries["keys"] if each["id"] != "revoked"]
    file.write_text(json.dumps(entries))
    began, last = time.monotonic(), 0.0
    while (passed := time.monotonic() - began) < PROMISED_SECONDS + 1:
        last = passed if ask(up, bearer(target.keys["revoked"])).status == OK else last
    right = seen(ask(up, ()))

    def refused() -> int:
        return sum(seen(ask(up, bearer(target.keys["revoked"]))) == right for _ in range(AFTERWARDS))

    same = refused()
    file.write_text("{")
    for _ in range(up.size):
        up.kill_worker()
    return {
        "before": before,
        "seconds": round(last, 1),
        "same": same,
        "refused later": refused(),
        "taken later": sum(ask(up, bearer(target.keys["advice"])).status == OK for _ in range(AFTERWARDS)),
        "attempts": AFTERWARDS,
    }


def _conclude(record: Record) -> None:
    units = record.units
    found, replay, scopes = (units[name] for name in ("attacks", "replay", "scopes"))
    timing, revoked = units["timing"], units["revoked"]
    attempts, same = sum(each["attempts"] for each in found), sum(each["same"] for each in found)
    taken = [each.get("200", 0) for each in replay]
    shown, refused = sum(sum(each.values()) for each in replay), sum(each.get("401", 0) for each in replay)
    strangers = units["connections to the stranger"]
    expected = {"a good key of another scope": FORBIDDEN, "a good token of another scope": FORBIDDEN}
    controls = units["controls"]
    record.tables(
        table("Attacks", ["group", "attack", "attempts", "refused alike", "statuses"], list(_rows(found))),
        table("What holds", ["credentials", "status"], [[*each] for each in controls.items()]),
    )
    record.end(
        [
            goal(
                f"each of {len(found)} attacks is refused with 401 and the same answer as a call that shows nothing",
                f"{same:,} of {attempts:,} attempts",
                met=same == attempts,
            ),
            goal(
                "what holds is taken, and refused with 403 where its scope is another",
                ", ".join(str(status) for status in controls.values()),
                met=all(status == expected.get(name, OK) for name, status in controls.items()),
            ),
            goal(
                "a token is taken once, whichever worker it is shown to",
                f"{sum(taken)} of {shown} shows of {len(replay)} tokens taken, {refused} refused with 401",
                met=max(taken) <= 1 and all(set(each) <= {"200", "401", "503"} for each in replay),
            ),
            goal("0 connections to a stranger's address in a token", strangers, met=strangers == 0),
            goal(
                "every route needs the scope that API.md gives it",
                f"{len(scopes['wrong'])} wrong of {scopes['asked']} calls on {scopes['routes']} routes",
                met=not scopes["wrong"],
            ),
            *_of_limits(units["limits"]),
            goal(
                f"a revoked key is refused by every worker within {PROMISED_SECONDS} s, while all run",
                f"{revoked['before']} before, last taken {revoked['seconds']} s after the change of the file",
                met=revoked["before"] == OK
                and revoked["seconds"] <= PROMISED_SECONDS
                and revoked["same"] == revoked["attempts"],
            ),
            goal(
                "workers that begin while CLIENTS_FILE is broken refuse a key revoked before, and take the others",
                f"of {revoked['attempts']} each {revoked['refused later']} refused, {revoked['taken later']} taken",
                met=revoked["refused later"] == revoked["taken later"] == revoked["attempts"],
            ),
        ],
        [
            (
                f"medians of {timing['each']} calls: unknown id {timing['unknown id']} us, wrong secret "
                f"{timing['wrong secret']} us, expired {timing['expired']} us (a figure, not a goal)"
            ),
            f"shows of a token answered with 503, since Redis took more than 50 ms: {shown - refused - sum(taken)}",
            *scopes["wrong"],
        ],
    )


def _of_limits(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """At the turn of an hour a part of the limit is let in once more."""
    wrong, good, items = found["wrong keys"], found["a key"], found["items"]
    yield goal(
        f"wrong keys are refused with 401 {LIMIT} times an hour and address at most, then with 429",
        f"401: {wrong.get('401', 0)}, 429: {wrong.get('429', 0)}",
        met=set(wrong) == {"401", "429"} and wrong["401"] < 2 * LIMIT,
    )
    yield goal(
        f"a key behind their address is let in {LIMIT} times an hour all the same, no oftener after many addresses",
        f"200: {good.get('200', 0)}, 429: {good.get('429', 0)}",
        met=set(good) == {"200", "429"} and LIMIT <= good["200"] < 2 * LIMIT,
    )
    yield goal(
        f"addresses beyond the {MOST_STRANGERS:,}th share one limit",
        f"{found['late strangers let in']} let in of {found['late strangers']}",
        met=found["late strangers let in"] < 2 * LIMIT,
    )
    yield goal(
        "of batches over the limit the emergencies are answered and nobody else",
        f"200: {items.get('200', 0)}, 429: {items.get('429', 0)}",
        met=items == {"200": LIMIT, "429": 2 * LIMIT},
    )


def _rows(found: list[dict[str, Any]]) -> Iterator[list[Any]]:
    for each in found:
        statuses = ", ".join(f"{status}: {number}" for status, number in each["statuses"].items())
        yield [each["group"], each["name"].replace("|", "\\|"), each["attempts"], each["same"], statuses]
