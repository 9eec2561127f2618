"""Short form of part 3, and that its rules can be broken. `python -m tests.trust fuzz` does more of all."""

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from service.cds_hooks.answer import CallAnswer
from service.facts.refusal import Fault
from service.fhir.extract import Extraction
from tests.conftest import Server, serving
from tests.trust import fuzz_extraction, fuzz_facts, fuzz_hooks, fuzz_records, fuzz_relations, fuzz_wire
from tests.trust.fuzz_cases import Broken, Case, application, judged, points_at, readable, tree

SEED = 4711
CASES: dict[str, tuple[Case, int]] = {
    "facts": (fuzz_facts.case, 1_200),
    "records": (fuzz_records.case, 1_200),
    "relations": (fuzz_relations.case, 300),
    "hooks": (functools.partial(fuzz_hooks.case, sound=fuzz_hooks.sources(None)), 200),
}


@pytest.fixture(scope="module")
def app() -> Flask:
    """As the long form asks it."""
    return application()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that many connections are made to."""
    with serving(tmp_path_factory.mktemp("wire"), LOG_LEVEL="error", AUTH="none") as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_no_rule_is_broken_by_what_is_damaged(app: Flask, name: str) -> None:
    case, number = CASES[name]
    found = judged(app, name, case, SEED, range(number))
    assert not found.broken, found.examples[:3]
    assert found.counts["cases"] == number


def test_every_request_of_the_wire_has_an_answer_that_it_may_have(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda attack: (attack, fuzz_wire.exchange(server, attack.sent)), fuzz_wire.attacks())
        wrong = [(attack.name, fault) for attack, replies in answers for fault in fuzz_wire.faults(attack, replies)]
    assert wrong == []


def test_a_case_is_the_same_each_time(app: Flask) -> None:
    first, second = (judged(app, "facts", fuzz_facts.case, SEED, range(40, 60)) for _ in range(2))
    assert first == second
    assert first.counts != judged(app, "facts", fuzz_facts.case, SEED + 1, range(40, 60)).counts


# ---- each rule can be broken


def broken(app: Flask, case: Case, number: int = 600) -> Counter:
    return judged(app, "broken", case, SEED, range(number)).broken


def test_a_service_that_answers_no_emergencies_is_found_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.facts.tolerant.TolerantReader.read", lambda *_: {})
    assert "an emergency is never answered with an error" in broken(app, fuzz_facts.case)


def test_a_refusal_with_a_false_place_or_with_the_value_is_found_out(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Fault.__init__

    def misplaced(self: Fault, pointer: str, code: str, detail: str, rule: str | None = None) -> None:
        whole(self, f"{pointer}/nowhere/at/all", code, detail, rule)

    monkeypatch.setattr(Fault, "__init__", misplaced)
    assert "every fault has a place in the body" in broken(app, fuzz_facts.case)


def test_an_answer_that_repeats_a_refused_value_is_found_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.facts.schema.unknown_word", lambda word, *_: f"{word} is no word.")
    assert "what was refused is not repeated" in broken(app, fuzz_facts.case)


def test_a_reader_that_takes_anything_is_found_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.facts.json_body._encodable", lambda _: True)
    assert broken(app, fuzz_facts.case)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda found: found.facts.update(hat=1), "extracted facts are always accepted"),
        (lambda found: found.facts.update(sex="male"), "every fact has a provenance"),
    ],
)
def test_an_extraction_that_states_what_it_may_not_is_found_out(
    app: Flask, monkeypatch: pytest.MonkeyPatch, change: Callable, rule: str
) -> None:
    real = fuzz_records.extract

    def changed(*given: object) -> object:
        found = real(*given)
        if "sex" not in found.facts and found.subject is not False:
            change(found)
        return found

    monkeypatch.setattr(fuzz_records, "extract", changed)
    assert rule in broken(app, fuzz_records.case)


@pytest.mark.parametrize(
    ("fact", "told", "rule"),
    [
        ("sex", {"Procedure/r1": "something"}, "a resource less invents no fact"),
        ("primary_tumour", {}, "a fact that a resource takes away is accounted for"),
        ("primary_tumour", {"Observation/r0": "its status is cancelled"}, "a fact that a resource takes away is"),
        ("primary_tumour", {"Procedure/r1": "the cancer came back"}, None),
        ("primary_tumour", {"Observation/r0": "only suspected"}, None),
    ],
)
def test_an_extraction_that_loses_a_fact_without_a_word_is_found_out(
    app: Flask, fact: str, told: dict[str, str], rule: str | None
) -> None:
    said = [{"resource": label, "reason": reason} for label, reason in told.items()]
    found = Extraction(subject=True, ignored=said)
    source = {"resource": "Procedure/r1", "runner_up": None}
    less = Extraction({fact: "resected"}, {fact: source}, subject=True)
    resources = [{"resourceType": "Observation", "id": "r0"}, {"resourceType": "Procedure", "id": "r1"}]
    terminology = app.config["KNOWLEDGE"].library.terminology
    with pytest.raises(Broken, match=rule) if rule else contextlib.nullcontext():
        fuzz_extraction.without_one(terminology, (found, less), (resources, "us", 0))


def test_a_card_that_breaks_the_specification_is_found_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.cds_services.answer_call", lambda *_: CallAnswer([{}], is_repeatable=False))
    assert broken(app, CASES["hooks"][0], 60)


def test_a_wrong_answer_of_the_wire_is_found_out() -> None:
    attack = fuzz_wire.Attack("heads", "one", b"", ((400,),))
    good = fuzz_wire.Reply(400, {}, b"<h1><p>Bad Request</p></h1>\nA header is malformed.\n</body>")
    assert fuzz_wire.faults(attack, [good]) == []
    for replies in (
        [],
        [good, good],
        [fuzz_wire.Reply(500, {}, good.body)],
        [fuzz_wire.Reply(400, {}, b"<h1><p>Bad Request</p></h1>\n</body></html>")],
        [fuzz_wire.Reply(400, {}, good.body + fuzz_wire.MARK.encode())],
    ):
        assert fuzz_wire.faults(attack, replies)


def test_what_judges_the_places_knows_them() -> None:
    read = tree(b'{"a": [1, {"b~/": 2}], "a": {"c": 3}, "": 4}')
    for place in ("", "/a", "/a/0", "/a/1/b~0~1", "/a/1/missing", "/a/c", "/missing", "/"):
        assert points_at(read, place), place
    for place in ("/missing/b", "/a/9/b", "/a/0/b", "/a/c/d"):
        assert not points_at(read, place), place
    assert not readable(b'{"a": NaN}')
    assert not readable(b'"\\ud800"')


def test_recorded_bodies_are_damaged_where_a_folder_of_them_is_given(tmp_path: Path) -> None:
    (tmp_path / "patient-view-1.json").write_text('{"hook": "patient-view", "hookInstance": "x", "context": {}}')
    assert len(fuzz_hooks.sources(tmp_path)) == len(fuzz_hooks.sources(None)) + 1
