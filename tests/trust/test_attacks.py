"""Short form of part 6, and that its goals can be missed."""

from pathlib import Path
from typing import Any

import pytest

from tests.trust import attacks, attacks_keys, attacks_limits, attacks_memory, attacks_near, attacks_wire
from tests.trust.fuzz_cases import application, judged
from tests.trust.record import Record

SEED = 4711
MEMORY = {
    "seconds": 1, "limit MiB": 896, "limited": True, "most MiB": 300, "worker MiB": [200, 200],
    "statuses": {"200": 9, "413": 9, "503": 9}, "same": True, "emergencies": 9, "unanswered": 0,
    "p50 s": 0.1, "max s": 1,
}  # fmt: skip
ROUND = {
    "broken": "empty", "replaced": "HUP", "workers": 3, "one": 0.5, "every": 1.0,
    "revoked": {"401": 9, "gone": 1}, "kept": {"200": 9},
}  # fmt: skip


def test_no_attack_comes_through(tmp_path: Path) -> None:
    """The short forms of the two others are tests too: server/test_memory.py, and the end of test_tokens.py."""
    record = Record("attacks", SEED, short=True, folder=tmp_path)
    record.keep(attacks_memory.UNIT, MEMORY)
    record.keep(attacks_keys.UNIT, {"rounds": [ROUND]})
    attacks.run(record, short=True)
    assert record.missed() == []
    assert record.whole
    assert len(record.units[attacks_wire.CHUNKS]) == len(attacks_wire.SHAPES) + 1
    assert record.units[attacks.NEAR]["counts"]["answered with 422"] > 200


@pytest.mark.parametrize(
    "changes", [{"same": False}, {"statuses": {"200": 1, "413": 1, "500": 1}}, {"limited": False}, {"unanswered": 1}]
)
def test_a_worker_that_is_killed_or_an_emergency_that_is_not_answered_is_told(changes: dict[str, Any]) -> None:
    assert all(each["met"] for each in attacks_memory.goals(MEMORY))
    assert sum(not each["met"] for each in attacks_memory.goals(MEMORY | changes)) == 1


@pytest.mark.parametrize("changes", [{"revoked": {"401": 9, "200": 1}}, {"every": 5.0}, {"kept": {"200": 9, "401": 1}}])
def test_a_key_that_comes_back_to_life_is_told(changes: dict[str, Any]) -> None:
    assert all(each["met"] for each in attacks_keys.goals({"rounds": [ROUND]}))
    assert sum(not each["met"] for each in attacks_keys.goals({"rounds": [ROUND, ROUND | changes]})) == 1


def test_a_limit_that_does_not_hold_is_told() -> None:
    flood = {"statuses": {}, "items": {}, "most of an address": 0, "longest ms": 1}
    plain, batches, wrong, addresses, forged = attacks_limits.FLOODS
    found = {"seconds": 1, "processes": 3} | dict.fromkeys((addresses, "modest", "emergencies"), flood)
    found |= {
        plain: flood | {"statuses": {"200": 61}},
        batches: flood | {"statuses": {"200": 2}, "items": {"emergency 200": 3, "other 429": 4, "emergency 429": 1}},
        wrong: flood | {"statuses": {"401": 61, "200": 1}, "most of an address": 61},
        forged: flood | {"statuses": {"404": 61}},
    }
    assert [each["met"] for each in attacks_limits.goals(found)] == [False] * 5


def test_chunks_that_cost_much_and_a_worker_that_ends_are_told() -> None:
    tiny = {"chunks": "one byte", "sent": 2**20, "seconds": 4.0, "statuses": {"401": 1}, "same": True}
    few = {"opened": 1, "statuses": {"200": 9}, "longest": 0.1, "same": False, "refused by the system": 1}
    assert [each["met"] for each in attacks_wire.goals([tiny], {"128": few})] == [False, False]


def test_a_service_that_folds_too_little_or_too_much_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    app = application()
    with monkeypatch.context() as patch:
        patch.setattr("service.facts.tolerant._compatible", str.lower)
        found = judged(app, attacks.NEAR, attacks_near.near_miss, SEED, range(200))
        assert "the refusal of a near miss says what to do" in found.broken
    with monkeypatch.context() as patch:
        patch.setattr("service.facts.tolerant.TolerantReader._fold", lambda _, text: attacks_near.folded(text))
        found = judged(app, attacks.NEAR, attacks_near.near_miss, SEED, range(200))
        assert "a near miss is refused with 422" in found.broken
    monkeypatch.setattr("service.facts.tolerant._compatible", lambda text: text.lower().removeprefix("no "))
    found = judged(app, attacks.LOOKS, attacks_near.look_alike, SEED, range(400))
    assert "what only looks like an emergency is not told as one" in found.broken
