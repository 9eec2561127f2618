"""The checklist that a CDS service is held to: one function a line, and what it takes to go through them."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.charts import ONCOLOGICAL, body_of
from tests.conformance.party import Party
from tests.conformance.rules import Violation
from tests.conformance.wire import Reply, Wire

JSON = "application/json"
DISCOVERY = "/cds-services"
PASS, FAIL, NOT_ASKED = "pass", "FAIL", "n/a"


class NotAskedError(Exception):
    """A line that has no meaning for this target; its text says why."""


@dataclass
class Target:
    """A running service and what is known of its settings."""

    wire: Wire
    public_url: str
    """What it was told to be its PUBLIC_URL: an audience is built from it."""
    origin: str | None = None
    """One of its CORS_ORIGINS; None where it is not known."""
    party: Party | None = None
    """A client of its registry that has a jku; None with AUTH=none."""
    plain: Party | None = None
    """A client of its registry without a jku."""
    archive: Path | None = None
    """A folder of recorded requests, beside our own."""
    calls: int = 40
    """How many calls T1 measures."""
    fetched: list[str] = field(default_factory=list)
    """What was fetched from a jku that is on no list. Must stay empty."""
    strange_jku: str = "https://evil.example/jwks"
    alive: Callable[[], bool] = lambda: True
    log: Path | None = None
    """What the service writes to its log, where that is known."""
    refusals: set[bytes] = field(default_factory=set)
    """The bodies of all 401."""

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, token: str | None = ""
    ) -> Reply:
        """One call with a fresh token of its own, another one, or None for none at all."""
        sent = dict(headers or {})
        if token == "" and self.party is not None:
            token = self.party.token(self.public_url + path)
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", JSON)
        reply = self.wire.call(method, path, data, sent)
        if reply.status == HTTPStatus.UNAUTHORIZED:
            self.refusals.add(reply.body)
        return reply

    @cached_property
    def services(self) -> list[dict[str, Any]]:
        """What discovery lists."""
        reply = self.call("GET", DISCOVERY)
        require(reply.status == HTTPStatus.OK, f"discovery: {reply.says()}")
        found: list[dict[str, Any]] = reply.json["services"]
        require(bool(found), "discovery lists no service")
        return found

    @property
    def service(self) -> dict[str, Any]:
        """The service of patient-view, at which a line asks that has no reason to ask at another."""
        return next((each for each in self.services if each["hook"] == "patient-view"), self.services[0])

    @property
    def address(self) -> str:
        """The path of that service."""
        return f"{DISCOVERY}/{self.service['id']}"

    def ask(self, body: Any, headers: dict[str, str] | None = None, token: str | None = "") -> Reply:
        """POST a body to that service."""
        return self.call("POST", self.address, body, headers, token)

    def body(self, chart: str = ONCOLOGICAL, **changes: Any) -> dict[str, Any]:
        """A right request for that service, with members changed; one that is `...` is left out."""
        made = body_of(self.service, chart) | changes
        return {name: value for name, value in made.items() if value is not ...}

    def feedback(self, *items: Any, **changes: Any) -> Reply:
        """POST feedback."""
        return self.call("POST", f"{self.address}/feedback", {"feedback": [*items]} | changes)


class Line(NamedTuple):
    """One line: S = SHALL, s = SHOULD, h = house rule."""

    name: str
    level: str
    text: str
    check: Callable[[Target], str]


class Verdict(NamedTuple):
    """What became of a line, and why."""

    line: Line
    verdict: str
    evidence: str


GROUPS = "DREPXFCSTZ"
"""Discovery, response, errors, prefetch, what is put up with, feedback, CORS, security, time, the end."""

LINES: list[Line] = []


def line(name: str, level: str, text: str) -> Callable[[Callable[[Target], str]], Callable[[Target], str]]:
    """Add a line. Its function gives the evidence, or raises AssertionError with it."""

    def add(check: Callable[[Target], str]) -> Callable[[Target], str]:
        LINES.append(Line(name, level, text, check))
        return check

    return add


def judged(one: Line, target: Target) -> Verdict:
    """Try one line. Whatever goes wrong, the line has failed and the next one is tried."""
    try:
        return Verdict(one, PASS, one.check(target))
    except NotAskedError as why:
        return Verdict(one, NOT_ASKED, str(why))
    except AssertionError as fault:
        return Verdict(one, FAIL, str(fault))
    except Exception as error:  # noqa: BLE001 - such as an answer that is no JSON, or none
        return Verdict(one, FAIL, f"{type(error).__name__}: {error}")


def in_order() -> list[Line]:
    """The lines in the order of the list, the one that asks whether the service is alive at the end."""
    return sorted(LINES, key=lambda one: (GROUPS.index(one.name[0]), one.name[1] == "*", len(one.name), one.name))


def gone_through(target: Target) -> Iterator[Verdict]:
    """Try every line in order."""
    for one in in_order():
        yield judged(one, target)


def require(true: object, otherwise: str) -> None:
    """Fail the line with this evidence."""
    if not true:
        raise AssertionError(otherwise)


def has_status(reply: Reply, *statuses: int) -> Reply:
    """The line needs one of these statuses."""
    require(reply.status in statuses, f"expected {' or '.join(map(str, statuses))}, got {reply.says()}")
    return reply


def no_violation(found: Iterable[Violation], *rules: str, must_only: bool = True) -> None:
    """The line needs these rules (all, where none is named) to be kept."""
    broken = [
        f"{one.rule} {one.pointer or '/'}: {one.detail}"
        for one in found
        if (one.must or not must_only) and (not rules or one.rule.startswith(rules))
    ]
    require(not broken, "; ".join(broken))
