"""Whose resources they are: the right patient only, whatever form the reference has; what may not be used is told."""

import pytest

from tests.fhir.building import CM, US, bundle, cancer, concept, condition, observation, reasons, us

BONE = ("C79.51", "2026-01-20", CM)


def others_bone(reference: str = "Patient/else") -> dict:
    return condition(*BONE, subject={"reference": reference})


def test_another_patients_metastasis_is_reported_and_never_used(read) -> None:
    found = read(us(), cancer(), others_bone())
    assert "metastatic_status" not in found.facts
    assert found.other_patients == ["Patient/else"]
    assert reasons(found, "C79.51") == ["belongs to another patient"]


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/us",
        "Patient/us/_history/3",
        "https://ehr.example/fhir/r4/Patient/us",
        "https://ehr.example/Patient/us/_history/1",
    ],
)
@pytest.mark.parametrize("named", [None, "us", "Patient/us", "https://ehr.example/fhir/Patient/us"])
def test_forms_of_a_reference(read, reference: str, named: str | None) -> None:
    found = read(us(), cancer(), others_bone(reference), patient=named)
    assert found.facts["metastatic_status"] == "M1"
    assert found.other_patients == []
    assert found.patient == "us"


def test_urn_uuid_through_the_full_url(read) -> None:
    urn = "urn:uuid:6f1b0c1e-0000-4000-8000-000000000001"
    primary, bone = cancer(subject={"reference": urn}), others_bone(urn)
    sent = bundle(primary, bone)
    sent["entry"].append({"fullUrl": urn, "resource": us()})
    assert read(sent).facts["metastatic_status"] == "M1"
    bare = us(id="6f1b0c1e-0000-4000-8000-000000000001")
    assert read(bundle(bare, primary, bone)).facts["metastatic_status"] == "M1"


def test_another_resource_of_the_same_id_is_no_patient(read) -> None:
    found = read(us(), cancer(), others_bone("Group/us"))
    assert "metastatic_status" not in found.facts


def test_the_patient_named_wins(read) -> None:
    found = read(us(), cancer(), us(id="else"), others_bone(), patient="else")
    assert found.patient == "else"
    assert found.other_patients == ["Patient/us"]
    assert found.subject is None


def test_else_the_only_patient_resource(read) -> None:
    assert read(us(), others_bone(), condition("I10", system=CM, subject={"reference": "Patient/else"})).patient == "us"


def test_else_the_subject_of_most_resources(read) -> None:
    found = read(cancer(), condition("C77.3", system=CM), others_bone())
    assert found.patient == "us"
    assert found.other_patients == ["Patient/else"]


def test_a_tie_is_nobody(read) -> None:
    found = read(cancer(), others_bone())
    assert found.patient is None
    assert found.facts == {}
    assert found.data_conflicts[0]["fact"] == "patient"


def test_a_resource_without_a_subject_counts_only_where_nobody_else_can_be_meant(read) -> None:
    nobodys = {name: value for name, value in condition(*BONE).items() if name != "subject"}
    assert read(us(), cancer(), nobodys).facts["metastatic_status"] == "M1"
    for found in (read(us(), cancer(), nobodys, patient="us"), read(us(), cancer(), nobodys, others_bone())):
        assert "metastatic_status" not in found.facts
        assert "names no patient" in reasons(found, "C79.51")


def test_bundles_in_bundles_and_lists(read) -> None:
    inner = bundle(us(), cancer(), bundle(condition(*BONE)))
    del inner["type"]
    for sent in (bundle(inner), [inner], [us(), [cancer(), bundle(condition(*BONE))]]):
        assert read(sent).facts["metastatic_status"] == "M1"


def test_what_is_no_resource_is_listed(read) -> None:
    found = read(us(), cancer(), 5, {"id": "x"}, bundle(condition(*BONE)) | {"entry": [{"resource": "?"}, 7]})
    assert len([reason for reason in reasons(found) if "no resourceType" in reason]) == 4
    assert found.facts["sex"] == "female"


def test_an_outcome_in_an_entry_is_a_failed_query(read) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": {"severity": "error"}}
    sent = bundle(us(), condition("I10", system=CM))
    sent["entry"].append({"response": {"status": "500", "outcome": failed}})
    assert read(sent).subject is None


def test_forms_that_epic_sends(read) -> None:
    odd = condition({"coding": [{}, {"system": CM, "code": "C50.912"}]}, "2026-01-10", category={"coding": [{}]})
    site = condition(*BONE, bodySite=concept("272673000"))
    assert read(us(), odd, site).facts["metastatic_status"] == "M1"
    stage = observation([concept("21907-1", system="LOINC")], "1229903009")
    assert read(us(), cancer(), stage).facts["metastatic_status"] == "M1"


def test_a_label_is_never_longer_than_its_reader_wants(read) -> None:
    found = read(us(), cancer(), condition({"text": "?"}, id="x" * 5000))
    assert max(len(each["resource"]) for each in found.ignored) <= 128


def test_patient_is_a_reference_of_old_releases_too(read) -> None:
    old = {name: value for name, value in condition(*BONE).items() if name != "subject"} | {"patient": US}
    assert read(us(), cancer(), old, patient="us").facts["metastatic_status"] == "M1"
