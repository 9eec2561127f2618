"""Feedback that was acknowledged is on the disk: the state server is killed -9 while it is being sent."""

import http.client
import itertools
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from tests.conftest import RedisServer, until
from tests.trust.record import goal, table
from tests.trust.stand import Service, redis, seconds, service

SENDERS = 6
PATH = "/cds-services/mbc-primary-lrt-patient-view/feedback"
UNIT = "feedback"


def figures(folder: Path, rounds: int, sending: float) -> list[dict[str, int]]:
    """For each round: sent, acknowledged, counted after the restart, counted once all was sent again."""
    with redis() as state, service(folder, AUTH="none", REDIS_URL=state.url) as up:
        return [_round(state, up, sending) for _ in range(rounds)]


def _round(state: RedisServer, up: Service, sending: float) -> dict[str, int]:
    begun, stop = _counted(up), Event()
    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(_send, up, stop) for _ in range(SENDERS)]
        seconds(sending)
        state.kill()
        seconds(sending / 4)
        stop.set()
        sent = dict(itertools.chain.from_iterable(sender.result().items() for sender in senders))
    state.start()
    until(lambda: _asked(up, "GET", "/v1/feedback/summary")[0] == http.HTTPStatus.OK, "the summary is back")
    after = _counted(up) - begun
    missing = [card for card, status in sent.items() if status != http.HTTPStatus.OK]
    for card in missing:
        until(lambda card=card: _asked(up, "POST", PATH, _outcome(card))[0] == http.HTTPStatus.OK, "it is taken")  # type: ignore[misc]
    return {
        "sent": len(sent),
        "acknowledged": len(sent) - len(missing),
        "counted": after,
        "refused": sum(status == http.HTTPStatus.SERVICE_UNAVAILABLE for status in sent.values()),
        "at the end": _counted(up) - begun,
    }


def _send(up: Service, stop: Event) -> dict[str, int]:
    """Outcomes one after the other, each once; the status of each."""
    sent: dict[str, int] = {}
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)
    while not stop.wait(0.005):
        card = str(uuid.uuid4())
        connection.request("POST", PATH, _outcome(card), {"Content-Type": "application/json"})
        with connection.getresponse() as response:
            response.read()
            sent[card] = response.status
    connection.close()
    return sent


def _outcome(card: str) -> str:
    outcome = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-23T10:05:31Z"}
    return json.dumps({"feedback": [outcome]})


def _asked(up: Service, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=20)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    with connection.getresponse() as response:
        found = response.status, response.read()
    connection.close()
    return found


def _counted(up: Service) -> int:
    """All outcomes of the summary."""
    summary: dict[str, Any] = json.loads(_asked(up, "GET", "/v1/feedback/summary")[1])
    listed = (*summary["rules"], summary["unattributed"])
    return sum(int(each["accepted"]) + int(each["overridden"]) for each in listed)


def shown(found: list[dict[str, int]]) -> dict[str, Any]:
    """The table."""
    columns = ["round", "sent", "acknowledged", "counted after the restart", "refused (503)", "counted, all sent again"]
    names = ("sent", "acknowledged", "counted", "refused", "at the end")
    rows = [[number, *(each[name] for name in names)] for number, each in enumerate(found, 1)]
    return table("Feedback, state Redis killed -9 while it is sent", columns, rows)


def goals(found: list[dict[str, int]]) -> list[dict[str, Any]]:
    """None lost, none twice."""
    lost = sum(max(0, each["acknowledged"] - each["counted"]) for each in found)
    sent, end = (sum(each[name] for each in found) for name in ("sent", "at the end"))
    taken, counted = (sum(each[name] for each in found) for name in ("acknowledged", "counted"))
    return [
        goal(
            "feedback acknowledged = counted after kill -9 and restart of the state server",
            f"{taken} acknowledged, {counted} counted; once the others are sent again {end} of {sent}",
            met=lost == 0 and end == sent and counted <= sent,
        )
    ]
