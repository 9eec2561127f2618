"""The checklist of `make conformance`, line by line, against real services: one without tokens, one with."""

from collections.abc import Iterator

import pytest

from tests.conformance import lines
from tests.conformance.checklist import PASS, Line, Target, in_order, judged
from tests.conformance.servers import guarded_service, open_service

CALLS = 20
NAMES = {
    *(f"D{number}" for number in range(1, 9)),
    *(f"R{number}" for number in range(1, 7)),
    *(f"E{number}" for number in (*range(1, 15), "*o")),
    *(f"P{number}" for number in range(1, 10)),
    *(f"X{number}" for number in range(1, 6)),
    *(f"F{number}" for number in range(1, 13)),
    *(f"C{number}" for number in range(1, 6)),
    *(f"S{number}" for number in range(1, 20)),
    "T1",
    "Z1",
}


@pytest.fixture(scope="module")
def without_tokens(redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with open_service(tmp_path_factory.mktemp("none"), redis) as target:
        target.calls = CALLS
        yield target


@pytest.fixture(scope="module")
def with_tokens(redis: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with guarded_service(tmp_path_factory.mktemp("clients"), redis) as (target, _):
        target.calls = CALLS
        yield target


def test_every_line_is_there_once() -> None:
    names = [one.name for one in lines.LINES]
    assert set(names) == NAMES
    assert len(names) == len(NAMES)
    assert in_order()[-1].name == "Z1"


@pytest.mark.parametrize("one", [one for one in in_order() if not one.name.startswith("S")], ids=lambda one: one.name)
def test_line_without_tokens(without_tokens: Target, one: Line) -> None:
    verdict = judged(one, without_tokens)
    assert verdict.verdict == PASS, verdict.evidence


@pytest.mark.parametrize("one", in_order(), ids=lambda one: one.name)
def test_line_with_tokens(with_tokens: Target, one: Line) -> None:
    verdict = judged(one, with_tokens)
    assert verdict.verdict == PASS, verdict.evidence
