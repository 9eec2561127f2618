"""Each line of the checklist is seen to fail, on a service whose answers are spoilt on their way."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformance import lines
from tests.conformance.checklist import DISCOVERY, FAIL, Target, in_order, judged
from tests.conformance.servers import guarded_service
from tests.conformance.wire import Reply, Wire

Spoil = Callable[[Reply, str, str, dict[str, str]], Reply]
NOTHING_TO_SAY = json.dumps({"cards": []}).encode()


class Spoilt(Wire):
    """A way to a service that changes what comes back."""

    def __init__(self, url: str, spoil: Spoil) -> None:
        super().__init__(url)
        self._spoil = spoil

    def call(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        return self._spoil(super().call(method, path, body, headers), method, path, headers or {})


def with_body(reply: Reply, change: Callable[[Any], Any]) -> Reply:
    return dataclasses.replace(reply, body=json.dumps(change(reply.json)).encode())


def broken_looks_like_silence(reply: Reply, *_: Any) -> Reply:
    return dataclasses.replace(reply, status=200, body=NOTHING_TO_SAY) if reply.status >= 400 else reply


def nobody_may(reply: Reply, *_: Any) -> Reply:
    return dataclasses.replace(reply, status=401, body=b"<h1>No</h1>")


def bare(reply: Reply, *_: Any) -> Reply:
    return dataclasses.replace(reply, headers={})


def poor_discovery(reply: Reply, method: str, path: str, _: Any) -> Reply:
    service = {"id": "Ä/1", "description": "", "hook": "patient-view"}
    templates = {"patient": "Patient/{{context.patient.id}}", "x": "Condition?_include=x"}
    listed = {"services": [{**service, "prefetch": templates}, service]}
    return with_body(reply, lambda _: listed) if (method, path) == ("GET", DISCOVERY) else reply


def any_origin(reply: Reply, _: str, __: str, headers: dict[str, str]) -> Reply:
    origin = {"access-control-allow-origin": headers.get("Origin", "*")}
    return dataclasses.replace(reply, headers=reply.headers | origin)


def of_cards(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Spoil:
    def spoil(reply: Reply, *_: Any) -> Reply:
        if reply.status != 200 or not reply.body.startswith(b'{"cards"'):
            return reply
        return with_body(reply, lambda told: told | {"cards": [change(card) for card in told["cards"]]})

    return spoil


def slow(reply: Reply, *_: Any) -> Reply:
    return dataclasses.replace(reply, seconds=1)


UUID = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
SPOILERS: dict[str, tuple[Spoil, str]] = {
    "what is broken looks like silence": (
        broken_looks_like_silence,
        (
            "E1 E2 E4 E5 E6 E7 E8 E9 E10 E11 E12 E13 E14 E*o P1 P2 P3 P5 P7 P9 X5 F7 F8 F9 F10 F11 F12 C5 "
            "S1 S4 S5 S6 S7 S8 S9 S10 S11 S12 S13 S14 S15 S18 S19"
        ),
    ),
    "nobody may ask": (
        nobody_may,
        "D1 D3 R1 R2 R5 E3 P4 P6 P8 X1 X2 X3 X4 X5 F1 F2 F3 F4 F5 F6 C2 S2 S3 S14 S15 S16 S17 T1 Z1",
    ),
    "no header gets through": (bare, "D2 R5 R6 E10 E*o F1 C1 C2 C3 C5 S1 S4"),
    "a poor discovery": (poor_discovery, "D3 D4 D5 D6 D7 D8"),
    "any origin is let in": (any_origin, "C4"),
    "cards without uuid": (of_cards(lambda card: {k: v for k, v in card.items() if k != "uuid"}), "R3 R4 F1"),
    "the same uuid again": (of_cards(lambda card: card | {"uuid": UUID}), "R4"),
    "an empty detail": (of_cards(lambda card: card | {"detail": ""}), "R2 E3 X1"),
    "a card without reasons": (of_cards(lambda card: {k: v for k, v in card.items() if k != "overrideReasons"}), "F3"),
    "slow": (slow, "T1"),
}


@pytest.fixture(scope="module")
def target(redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with guarded_service(tmp_path_factory.mktemp("spoilt"), redis) as (right, _):
        yield dataclasses.replace(right, calls=3)


def test_every_line_has_a_spoiler() -> None:
    assert {name for _, names in SPOILERS.values() for name in names.split()} == {one.name for one in lines.LINES}


@pytest.mark.parametrize("name", SPOILERS)
def test_the_lines_fail(target: Target, name: str) -> None:
    spoil, wanted = SPOILERS[name]
    away = dataclasses.replace(target, wire=Spoilt(target.wire.url, spoil), refusals=set())
    verdicts = [judged(one, away) for one in in_order() if one.name in wanted.split()]
    assert [one.line.name for one in verdicts if one.verdict != FAIL] == []


def test_a_jku_that_is_fetched_fails_its_line(target: Target) -> None:
    curious = dataclasses.replace(target, fetched=["/jwks"])
    (one,) = [judged(line, curious) for line in in_order() if line.name == "S10"]
    assert (one.verdict, one.evidence) == (FAIL, "fetched: ['/jwks']")


def test_a_process_that_ended_fails_the_last_line(target: Target) -> None:
    (one,) = [
        judged(line, dataclasses.replace(target, alive=lambda: False)) for line in in_order() if line.name == "Z1"
    ]
    assert (one.verdict, one.evidence) == (FAIL, "a process has ended")
