"""What is asked, and what is right: the answers of an application in this process that caches nothing."""

import datetime as dt
import hashlib
import json
import random
from collections.abc import Sequence
from typing import Any

from flask import Flask

from service import create_app
from service.settings import CONTENT, Settings, utc_now
from tests.api.asking import BODIES, JSON, ONE
from tests.strategies import BANDS, CATEGORIES, CHOICES, FLAGS, METHODS, TYPES
from tests.trust.load import Question

VIEWS = ("full", "row", "brief")
NO_SHIFT = dt.timedelta()
NEAR_MIDNIGHT = dt.timedelta(minutes=20)
"""A run that begins so shortly before midnight is compared with the answers of both days."""


def reference(shift: dt.timedelta = NO_SHIFT, **settings: Any) -> Flask:
    """The application without any cache, its clock moved."""
    settings = {"near_cache_bytes": 0, "log_level": "error", "content": CONTENT} | settings
    return create_app(Settings(clock=lambda: utc_now() + shift, **settings))


def different_bodies(seed: int, number: int) -> list[dict[str, Any]]:
    """Bodies of one patient each, no two the same, most of them answered and some refused."""
    chance, today = random.Random(seed), utc_now().date()
    found: dict[str, dict[str, Any]] = {}
    while len(found) < number:
        body: dict[str, Any] = {"metastatic_status": chance.choice(["M1", "M1", "M1", "M0", "de_novo_metastatic"])}
        for name in chance.sample(sorted(CHOICES.keys() - body.keys()), chance.randint(2, 6)):
            body[name] = chance.choice(CHOICES[name])
        for name in chance.sample(sorted(BANDS), 2):
            body[name] = chance.choice(list(BANDS[name].values()))
        for name in chance.sample(FLAGS, 2):
            body[name] = chance.choice([True, False])
        days = chance.choice([1, 30, 119, 121, 300])
        body["chemotherapy_response"] = chance.choice(
            [
                chance.choice(CATEGORIES),
                {
                    "overall": chance.choice(CATEGORIES),
                    "assessed_on": (today - dt.timedelta(days)).isoformat(),
                    "method": chance.choice(METHODS),
                },
            ]
        )
        body["complications"] = chance.choice(["none", "none", chance.sample(sorted(TYPES), chance.randint(1, 2))])
        found[json.dumps(body)] = body
    return list(found.values())


def questions(
    seed: int, number: int, shifts: Sequence[dt.timedelta] = (NO_SHIFT,), host: str = "127.0.0.1"
) -> list[Question]:
    """The fixed bodies in every view, that many different ones in one view each, and permalinks of a third of them."""
    chance = random.Random(seed)
    apps = [reference(shift) for shift in shifts]
    late = (utc_now() + NEAR_MIDNIGHT).date() != utc_now().date()
    ahead = [reference(shift + NEAR_MIDNIGHT) for shift in shifts] if late else []
    asked = [(body, view, True) for body in BODIES.values() for view in VIEWS]
    asked += [(body, chance.choice(VIEWS), False) for body in different_bodies(seed, number)]
    found: list[Question] = []

    def add(method: str, path: str, body: str, *, often: bool) -> tuple[int, str, str]:
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n"
        head += "Accept-Encoding: gzip\r\n" if chance.random() < 1 / 3 else ""
        head += f"Content-Type: {JSON}\r\nContent-Length: {len(body)}\r\n" if body else ""
        answers = [_answer(app, method, path, body) for app in (*apps, *ahead)]
        found.append(Question(head, body, path, often, answers))
        return answers[0]

    for index, (body, view, often) in enumerate(asked):
        _, decision, _ = add("POST", f"{ONE}?view={view}", json.dumps(body), often=often)
        if decision and index % 3 == 0:
            add("GET", f"{ONE}/{decision}?view={view}", "", often=often)
    return found


def _answer(app: Flask, method: str, path: str, body: str) -> tuple[int, str, str]:
    given = {"data": body, "content_type": JSON} if body else {}
    response = app.test_client().open(path, method=method, **given)
    return response.status_code, response.headers.get("Decision-Id", ""), hashlib.sha256(response.data).hexdigest()
