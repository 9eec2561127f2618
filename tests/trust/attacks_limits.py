"""Floods over the rate limit: of batches with an emergency, of failed credentials, of addresses."""

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from service.security.keys import new_key
from tests.api.asking import BATCH, JSON, ONE, RESPONDER, SEPSIS
from tests.trust.record import goal, status_line, table
from tests.trust.stand import Service

UNIT = "limits"
LIMIT = 20
"""Requests an hour."""
SETTINGS = {"RATE_LIMIT": f"{LIMIT}/hour", "PROXY_HOPS": "1"}
CROWD = 40
"""Addresses that show wrong keys."""
PATIENTS = [{}, SEPSIS, RESPONDER, SEPSIS | {"hat": 1}]
EMERGENCIES_EACH = 2
CUT = "cut"


class Flood:
    """What one attacker does without a pause, on one connection; what came of it."""

    def __init__(self, up: Service, seed: object) -> None:
        self.chance = random.Random(str(seed))
        self.statuses: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        self.addresses: Counter[str] = Counter()
        """Times that an address was told 401."""
        self.longest = 0.0
        self._connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[str, bytes]:
        """One request; the status, or that its connection ended (which one does with its worker)."""
        named = {"Content-Type": JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), named)
            response = self._connection.getresponse()
            status, text = str(response.status), response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            status, text = CUT, b""
        self.statuses[status] += 1
        return status, text

    def close(self) -> None:
        """End its connection."""
        self._connection.close()

    def address(self) -> str:
        """An address that nobody had before."""
        return ".".join(str(self.chance.randrange(1, 255)) for _ in range(4))


def figures(up: Service, keys: dict[str, str], seed: int, seconds: float) -> dict[str, Any]:
    """All floods at once for so long, while a modest client asks less than it may; what each of them got."""
    end = Event()
    floods = {name: Flood(up, f"{seed} {name}") for name in (*FLOODS, "modest", "emergencies")}
    workers = {*up.workers()}

    def go(name: str) -> None:
        while not end.is_set():
            FLOODS[name](floods[name], keys["greedy"])

    with ThreadPoolExecutor(len(FLOODS)) as pool:
        going = [pool.submit(go, name) for name in FLOODS]
        until = time.monotonic() + seconds
        asked = 0
        try:
            while time.monotonic() < until:
                if asked < LIMIT // 2:
                    floods["modest"].ask("POST", ONE, RESPONDER, X_API_Key=keys["modest"], X_Forwarded_For="10.0.0.1")
                    asked += 1
                _emergency(floods["emergencies"], keys["greedy"])
                workers |= {*up.workers()}
                end.wait(0.05)
        finally:
            end.set()
        for each in going:
            each.result()
    for flood in floods.values():
        flood.close()
    return {"seconds": seconds, "processes": len(workers)} | {
        name: {
            "statuses": dict(flood.statuses),
            "items": dict(flood.items),
            "most of an address": max(flood.addresses.values(), default=0),
            "longest ms": round(1000 * flood.longest),
        }
        for name, flood in floods.items()
    }


def _emergency(flood: Flood, key: str) -> None:
    """A patient in an emergency, of the client that has long had its number."""
    began = time.monotonic()
    flood.ask("POST", ONE, SEPSIS, X_API_Key=key, X_Forwarded_For="10.0.0.1")
    flood.longest = max(flood.longest, time.monotonic() - began)


def _plain(flood: Flood, key: str) -> None:
    flood.ask("POST", ONE, RESPONDER, X_API_Key=key, X_Forwarded_For=flood.address())


def _batches(flood: Flood, key: str) -> None:
    """Two emergencies among others: once in a while the answer to the others says that a whole batch was let in."""
    status, text = flood.ask("POST", BATCH, PATIENTS, X_API_Key=key, X_Forwarded_For=flood.address())
    if status == "200":
        for patient, item in zip(PATIENTS, json.loads(text), strict=True):
            kind = "emergency" if "complications" in patient and patient != RESPONDER else "other"
            flood.items[f"{kind} {item['status']}"] += 1


def _wrong_keys(flood: Flood, _key: str) -> None:
    """From a crowd of addresses, among them that of the greedy client's own; emergencies do not help them."""
    stranger = f"10.0.0.{flood.chance.randrange(1, CROWD + 1)}"
    shown = flood.chance.choice((f"ogs_greedy_{flood.chance.random()}", f"ogs_nobody_{flood.chance.random()}", "x"))
    status, _ = flood.ask("POST", ONE, SEPSIS, X_API_Key=shown, X_Forwarded_For=stranger)
    flood.addresses[stranger] += status == "401"


def _addresses(flood: Flood, _key: str) -> None:
    flood.ask("GET", "/v1/citations/none", X_Forwarded_For=f"{flood.address()}, {flood.address()}")


def _forged(flood: Flood, _key: str) -> None:
    """A header that names no address counts for whoever handed it on."""
    forged = flood.chance.choice(("unknown", "999.1.1.1", "", "10.0.0.1,", "[::1", "a" * 200, "10.0.0.1;10.0.0.2"))
    flood.ask("GET", "/v1/citations/none", X_Forwarded_For=forged)


FLOODS: dict[str, Callable[[Flood, str], None]] = {
    "a key over its limit": _plain,
    "batches with emergencies, of that key": _batches,
    f"wrong keys from {CROWD} addresses": _wrong_keys,
    "an address a request": _addresses,
    "forged addresses": _forged,
}


def clients(file: Path) -> dict[str, str]:
    """CLIENTS_FILE with two keys, which it gives."""
    made = {name: new_key(name) for name in ("greedy", "modest")}
    entries = [{"id": name, "hash": kept, "scopes": ["advice"]} for name, (_, kept) in made.items()]
    file.write_text(json.dumps({"keys": entries}))
    return {name: key for name, (key, _) in made.items()}


def goals(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The limit holds, and emergencies are answered whatever it says."""
    most = LIMIT * found["processes"]
    plain, batches, wrong, _, forged = (found[name] for name in FLOODS)
    modest, emergencies = found["modest"]["statuses"], found["emergencies"]
    let_in = plain["statuses"].get("200", 0) + batches["items"].get("other 200", 0) / EMERGENCIES_EACH
    answered = batches["items"].get("emergency 200", 0)
    inside = batches["statuses"].get("200", 0) * EMERGENCIES_EACH
    return [
        goal(
            f"batches with emergencies and many addresses let a key in no oftener than its limit of {LIMIT} an hour",
            f"{let_in:.0f} let in of {_sum(plain) + _sum(batches):,}; {found['processes']} processes may let in {most} "
            "until they have heard of each other",
            met=LIMIT <= let_in <= most and set(plain["statuses"]) <= {"200", "429", CUT},
        ),
        goal(
            "every emergency of that key is answered, alone and in batches",
            f"{emergencies['statuses'].get('200', 0):,} of {_sum(emergencies):,} alone, "
            f"{answered:,} of {inside:,} in batches; {emergencies['longest ms']} ms at most",
            met={*emergencies["statuses"], *batches["statuses"]} <= {"200", CUT}
            and emergencies["statuses"].get(CUT, 0) <= found["processes"]
            and answered == inside > 0
            and {*batches["items"]} <= {"emergency 200", "other 200", "other 429"},
        ),
        goal(
            "a client that asks less than it may is never refused meanwhile",
            f"{modest.get('200', 0)} of {sum(modest.values())}",
            met=modest.get("200", 0) > 0 and set(modest) <= {"200", CUT},
        ),
        goal(
            f"wrong keys are told 401 {LIMIT} times an address by each process at most, then 429, emergencies included",
            f"{wrong['most of an address']} times at most; {status_line(wrong['statuses'])}",
            met=set(wrong["statuses"]) <= {"401", "429", CUT} and wrong["most of an address"] <= most,
        ),
        goal(
            "forged addresses are counted as one, that of their sender",
            f"{forged['statuses'].get('404', 0)} let in of {_sum(forged):,}",
            met=set(forged["statuses"]) <= {"404", "429", CUT} and forged["statuses"].get("404", 0) <= most,
        ),
    ]


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """The table."""
    rows = [
        [name, f"{_sum(found[name]):,}", status_line(found[name]["statuses"]), status_line(found[name]["items"])]
        for name in (*FLOODS, "emergencies", "modest")
    ]
    about = f"All at once for {found['seconds']:.0f} s, RATE_LIMIT={LIMIT}/hour, PROXY_HOPS=1, counts shared in Redis."
    return table("Floods over the rate limit", ["flood", "requests", "statuses", "patients in batches"], rows, about)


def _sum(flood: dict[str, Any]) -> int:
    return sum(flood["statuses"].values())
