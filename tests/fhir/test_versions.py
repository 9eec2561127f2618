"""Of one resource only the newest version counts, whatever tells which that is; what was deleted is gone."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from service.fhir.extract import Extraction, count_resources, extract
from service.fhir.record_reader import read_record
from service.knowledge.guideline import Guideline
from service.knowledge.library import Library
from tests.fhir.building import CM, TODAY, Resource, bundle, cancer, concept, condition, reasons, us

Read = Callable[..., Extraction]
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def bone(version: str | None = None, updated: str | None = None, **more: Any) -> Resource:
    meta = {name: value for name, value in (("versionId", version), ("lastUpdated", updated)) if value}
    return condition("C79.51", "2026-01-20", CM, id="bone", **({"meta": meta} if meta else {}), **more)


def withdrawn(version: str | None = None, updated: str | None = None, word: str = "entered-in-error") -> Resource:
    return bone(version, updated, clinical=None, verificationStatus=concept(word, system=VERIFICATION))


def history(*entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "history", "entry": list(entries)}


def deletion(address: str = "Condition/bone", **response: str) -> Resource:
    found: Resource = {"request": {"method": "DELETE", "url": address}}
    return found | ({"response": response} if response else {})


PAIRS = {
    "by version": (bone("1"), withdrawn("2")),
    "by version, as numbers": (bone("9"), withdrawn("10")),
    "by day": (bone(None, "2026-02-01T09:00:00Z"), withdrawn(None, "2026-03-01T09:00:00Z")),
    "by instant, across zones": (bone(None, "2026-02-01T09:00:00+02:00"), withdrawn(None, "2026-02-01T08:00:00Z")),
    "by both": (bone("1", "2026-02-01T09:00:00Z"), withdrawn("2", "2026-03-01T09:00:00Z", word="refuted")),
    "by day where versions are no numbers": (bone("a", "2026-02-01T09:00:00Z"), withdrawn("b", "2026-03-01T09:00:00Z")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_metastasis_that_a_newer_version_withdraws_is_none_in_any_order(read: Read, name: str) -> None:
    for pair in itertools.permutations(PAIRS[name]):
        for found in (
            read(us(), cancer(), *pair),
            read(history(*({"resource": each} for each in pair)), us(), cancer()),
        ):
            assert "metastatic_status" not in found.facts
            assert "presentation" not in found.facts
            assert any("older version" in reason for reason in reasons(found, "Condition/bone/_history"))


def test_a_withdrawal_that_a_newer_version_takes_back_is_none(read: Read) -> None:
    assert read(us(), cancer(), withdrawn("1"), bone("2")).facts["metastatic_status"] == "M1"


def test_a_history_without_versions_lists_the_newest_first(read: Read) -> None:
    listed = [{"resource": withdrawn()}, {"resource": bone()}]
    assert "metastatic_status" not in read(us(), cancer(), history(*listed)).facts
    assert read(us(), cancer(), history(*reversed(listed))).facts["metastatic_status"] == "M1"


def test_a_response_may_say_when_a_version_was_written(read: Read) -> None:
    old = {"resource": bone(), "response": {"status": "201", "lastModified": "2026-02-01T09:00:00Z"}}
    new = {"resource": withdrawn(), "response": {"status": "200", "lastModified": "2026-03-01T09:00:00Z"}}
    for entries in ([old, new], [new, old]):
        sent = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        assert "metastatic_status" not in read(us(), cancer(), sent).facts


def test_versions_of_unknown_order_prove_nothing_where_one_withdraws(read: Read) -> None:
    for pair in itertools.permutations((bone(), withdrawn())):
        found = read(us(), cancer(), *pair)
        assert "metastatic_status" not in found.facts
        assert any("another version withdraws it" in reason for reason in reasons(found, "Condition/bone"))


def test_signs_that_contradict_put_nothing_in_order(read: Read) -> None:
    found = read(us(), cancer(), bone("2", "2026-02-01T09:00:00Z"), withdrawn("1", "2026-03-01T09:00:00Z"))
    assert "metastatic_status" not in found.facts


def test_a_resource_that_is_sent_twice_is_one(read: Read) -> None:
    assert read(us(), cancer(), bone("1"), bone("1")).facts["metastatic_status"] == "M1"


def test_the_same_id_of_another_server_or_type_is_another_resource(read: Read) -> None:
    entries = [
        {"fullUrl": "https://a.example/fhir/Condition/bone", "resource": bone("1")},
        {"fullUrl": "https://b.example/fhir/Condition/bone", "resource": withdrawn("2")},
    ]
    sent = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert read(us(), cancer(), sent).facts["metastatic_status"] == "M1"


@pytest.mark.parametrize(
    "response", [{}, {"status": "204", "lastModified": "2026-03-01T09:00:00Z"}, {"status": "204", "etag": 'W/"2"'}]
)
def test_what_was_deleted_is_gone_and_told(read: Read, response: dict[str, str]) -> None:
    old = {"resource": bone("1", "2026-02-01T09:00:00Z")}
    for entries in ([deletion(**response), old], [old, deletion(**response)] if response else [deletion(), old]):
        found = read(us(), cancer(), history(*entries))
        assert "metastatic_status" not in found.facts
        assert reasons(found, "Condition/bone") == ["it was deleted"]


def test_what_was_made_again_after_a_deletion_counts(read: Read) -> None:
    entries = [{"resource": bone("3")}, deletion(etag='W/"2"'), {"resource": bone("1")}]
    assert read(us(), cancer(), history(*entries)).facts["metastatic_status"] == "M1"


def test_a_deletion_in_a_transaction_takes_away_what_stands_beside_it(read: Read) -> None:
    sent = bundle(us(), cancer(), bone())
    sent["entry"].append(deletion())
    assert "metastatic_status" not in read(sent).facts


def test_a_deletion_by_a_search_leaves_the_record_incomplete(read: Read) -> None:
    sent = bundle(us(), condition("I10", system=CM))
    sent["entry"].append(deletion("Condition?identifier=https://hospital.example|1"))
    assert read(bundle(us(), condition("I10", system=CM))).subject is False
    assert read(sent).subject is None


def test_a_resource_that_was_given_to_another_patient_is_no_longer_this_ones(read: Read) -> None:
    found = read(us(), cancer(), bone("1"), bone("2", subject={"reference": "Patient/else"}))
    assert "metastatic_status" not in found.facts


def test_older_versions_and_deleted_resources_are_counted(library: Library, guideline: Guideline) -> None:
    entries = [
        {"resource": bone("2")},
        {"resource": bone("1")},
        deletion("Condition/x"),
        {"resource": bone() | {"id": "x"}},
    ]
    record = read_record(library.terminology, [us(), cancer(), history(*entries)], None, TODAY)
    counts = count_resources(record, [extract(record, guideline)])
    assert counts == {"sent": 5, "used": 3, "ignored": 2, "unread": 0}
