"""Short form of part 5: some of the places; that the list of elements is FHIR's; and that a leak would be seen."""

import json
from pathlib import Path

import fhirkit
import pytest

from tests.conftest import RedisServer
from tests.trust import privacy
from tests.trust.privacy_cases import MARK, Case, Words, cases, datatypes, elements
from tests.trust.record import Record

SEED = 4711
WORD = f"{MARK}0000001"


def test_nothing_that_is_sent_is_found_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "SOME", 97)
    record = Record("privacy", SEED, short=True, folder=tmp_path)
    privacy.run(record, short=True)
    assert record.missed() == []
    assert {*record.units} == {"none", "keys"}
    for unit in record.units.values():
        assert unit["words"] > 500
        assert {"2xx", "4xx"} <= {*unit["statuses"]}


def test_every_place_has_its_own_word(guideline) -> None:
    words = Words()
    made = list(cases(words, guideline.vocabulary))
    assert words.number > 20_000
    assert len({case.place for case in made}) > 200
    sent = [word for case in made for word in {*privacy.WORD.findall(f"{case.path}{case.headers}")}]
    assert len(sent) == len({*sent})


def test_the_elements_are_those_of_fhir() -> None:
    """As a validator of FHIR R4 sees it; of the types that are read the number is that of the specification."""
    found = elements()
    assert {*found} == {*fhirkit.RESOURCE_TYPES}
    for kind, names in found.items():
        for name in names:
            issues = fhirkit.validate({"resourceType": kind, name: "x"})
            assert not any(each.message == "unknown element" and each.path == f"{kind}.{name}" for each in issues)
    assert {kind: len(found[kind]) for kind in ("Condition", "Observation", "Patient", "Procedure")} == {
        "Condition": 33,
        "Observation": 45,
        "Patient": 26,
        "Procedure": 40,
    }
    assert {"coding", "display", "valueString", "family", "given", "reference"} <= {*datatypes()}


# ---- a leak would be seen


@pytest.mark.parametrize("data", [f"x {WORD} y", WORD.upper(), f'{{"a":"{WORD}"}}'.encode(), b"assessed 2026-09-13"])
def test_a_word_and_a_fine_value_are_seen(data: bytes | str) -> None:
    assert len(list(privacy.leaks("there", data))) == 1


def test_words_are_seen_in_every_kind_of_key_and_in_files(redis_server: RedisServer) -> None:
    client = redis_server.client
    client.set("a", WORD)
    client.hset("b", WORD, 1)
    client.sadd("c", WORD)
    client.rpush("d", WORD)
    client.zadd("e", {WORD: 1})
    client.xadd("f", {"g": WORD})
    client.set(WORD, 1)
    client.set("gone", f"{MARK}0000002")
    client.delete("gone")
    found = list(privacy.kept(redis_server, privacy.Found()))
    assert sum("Redis, b" in each for each in found) == 7
    assert any("a file of Redis" in each and "0000002" in each for each in found), "also what was deleted"


def answered(body: object, sent: object, path: str = "/v1/recommendations", status: int = 422, head: str = "") -> list:
    case = Case("a place", "POST", path, json.dumps(sent).encode())
    return list(privacy._repeated(case, status, (head, json.dumps(body).encode())))


def test_the_name_of_a_member_may_stand_in_a_pointer_and_nowhere_else() -> None:
    assert not answered({"errors": [{"pointer": f"/a/{WORD}"}], "detail": f"1 fault: /a/{WORD} is unknown"}, {WORD: 1})
    assert answered({"errors": [{"detail": f"there is no {WORD}"}]}, {WORD: 1})
    assert answered({"errors": [{"pointer": f"/{WORD}"}]}, {"a": WORD}), "a value is no name"


def test_only_a_caller_s_own_record_is_read_back() -> None:
    for path in ("/v1/facts/extract", "/cds-services/x"):
        assert not answered({"a": WORD}, {"a": WORD}, path, 200)
        assert answered({"a": WORD}, {"a": WORD}, path, 422)
        assert answered({}, {}, path, 200, f"X: {WORD}")
    assert answered({"a": WORD}, {"a": WORD}, status=200)


def test_a_line_without_what_an_operator_needs_is_counted() -> None:
    line = {"event": "answered", "request_id": "x", "ms": 0.1, "route": "/v1/recommendations", "status": 200,
            "method": "POST", "timestamp": "now", "rule": "R16", "release": "2026-11-23"}  # fmt: skip
    assert privacy.useful(json.dumps(line)) == (1, 0)
    for name in set(line) - {"event"}:
        assert privacy.useful(json.dumps(line | {name: None})) == (1, 1)
