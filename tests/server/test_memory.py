"""No request, and no eight at once, take more memory than the container has: real servers, and the most they took."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.asking import BATCH, ONE, SEPSIS
from tests.conftest import Server, serving, until
from tests.memory_use import (
    BESIDE,
    EXTRACT,
    HEAVY,
    ITEMS,
    MIB,
    WHOLE_BATCH,
    crowd,
    limit,
    limited,
    peak,
    post,
    processes,
)


@pytest.fixture(name="alone", scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("memory"), WORKERS="1", LOG_LEVEL="error") as server:
        yield server


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize(("path", "size"), [(BATCH, 16 * MIB), (EXTRACT, 8 * MIB)])
def test_a_body_of_millions_of_items_is_refused_before_it_is_parsed(
    alone: Server, item: bytes, path: str, size: int
) -> None:
    """Parsed, 16 MB of {} were 440 MB of objects."""
    status, problem = post(alone, crowd(item, size), path)
    assert (status, problem["type"]) == (413, "/problems/body-too-large")
    assert "members and items" in problem["detail"]
    assert peak(processes(alone)[1]) < 160 * MIB


GIVEN_UP = 0
"""In the place of a status: on a busy machine a reader of 70 MB may be slower than the service waits for."""


def sent(server: Server, body: bytes, path: str = BATCH) -> int:
    """Send what has a long answer; return its status, or GIVEN_UP."""
    try:
        return post(server, body, path)[0]
    except ConnectionResetError:
        return GIVEN_UP


def test_eight_whole_batches_at_once_stay_within_the_memory_of_the_container(tmp_path: Path) -> None:
    with serving(tmp_path, LOG_LEVEL="error") as server, ThreadPoolExecutor(8) as pool:
        until(lambda: len(processes(server)) == 3, "both workers run")
        before = processes(server)
        batches = [pool.submit(sent, server, WHOLE_BATCH) for _ in range(8)]
        asked = 0
        while not all(batch.done() for batch in batches):
            assert post(server, json.dumps(SEPSIS).encode(), ONE)[0] == 200
            asked += 1
        statuses = [batch.result() for batch in batches]
        assert asked
        assert set(statuses) <= {200, 503, GIVEN_UP}
        assert 200 in statuses
        assert processes(server) == before, "nobody was killed"
        assert sum(map(peak, before)) < limit()


def test_whatever_is_sent_at_once_nobody_is_killed_for_memory(tmp_path: Path) -> None:
    """Under the limit of the container, less what its /tmp takes and what was there before the group was.

    Sixteen whole batches alone were 1.2 GB.
    """
    with serving(tmp_path, LOG_LEVEL="error") as server, ThreadPoolExecutor(32) as pool:
        until(lambda: len(processes(server)) == 3, "both workers run")
        before = processes(server)
        with limited(server, limit() - BESIDE) as group:
            if group is None:
                pytest.skip("no memory group can be made here")
            asked = [pool.submit(sent, server, body, path) for path, body in (*HEAVY * 2, *HEAVY[:1] * 16)]
            statuses = {each.result() for each in asked}
            assert post(server, json.dumps(SEPSIS).encode(), ONE)[0] == 200
            assert processes(server) == before, "somebody was killed"
        assert statuses <= {200, 413, 422, 503, GIVEN_UP}
        assert {200, 413} <= statuses
