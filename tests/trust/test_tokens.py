"""Short form of part 4."""

import contextlib
from pathlib import Path

from tests.trust import tokens
from tests.trust.record import Record


def test_whoever_shows_what_does_not_hold_is_refused_with_the_same_words(tmp_path: Path) -> None:
    record = Record("tokens", 4711, short=True, folder=tmp_path)
    tokens.run(record, short=True)
    assert record.missed() == []
    assert len(record.units["attacks"]) > 150
    assert len({(each["group"], each["name"]) for each in record.units["attacks"]}) == len(record.units["attacks"])


def test_an_answer_that_gives_a_hint_or_a_token_that_is_taken_twice_is_told(tmp_path: Path) -> None:
    attack = {"group": "claims", "name": "aud", "attempts": 2, "same": 1, "statuses": {"401": 2}}
    units = {
        "attacks": [attack],
        "controls": {"a good key": 401},
        "replay": [{"200": 2}],
        "scopes": {"routes": 1, "asked": 1, "wrong": ["GET /metrics with nothing: 200"]},
        "connections to the stranger": 1,
        "timing": {"each": 1, "unknown id": 1.0, "wrong secret": 1.0, "expired": 1.0},
        "limits": {
            "wrong keys": {"401": 300},
            "late strangers": 2000,
            "late strangers let in": 2000,
            "a key": {"200": 180},
            "items": {"200": 180},
        },
        "revoked": {
            "before": 200,
            "seconds": 0.1,
            "same": 99,
            "refused later": 99,
            "taken later": 100,
            "attempts": 100,
        },
    }
    record = Record("tokens", 4711, folder=tmp_path)
    for name, figures in units.items():
        record.keep(name, figures)
    with contextlib.suppress(AssertionError):
        tokens.run(record, short=True)
    assert len(record.missed()) == 11
