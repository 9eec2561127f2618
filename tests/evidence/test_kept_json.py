"""What is kept takes the memory of its length: a worker keeps thousands of such parts."""

import tracemalloc

import orjson

from service.evidence.kept_json import kept_json

PARTS, LENGTH = 200, 900


def test_what_is_kept_takes_no_more_memory_than_its_length() -> None:
    tracemalloc.start()
    try:
        kept = [kept_json({"text": "x" * LENGTH}) for _ in range(PARTS)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert orjson.loads(orjson.dumps(kept[0])) == {"text": "x" * LENGTH}
    assert taken < PARTS * LENGTH * 1.5
