"""Whose resources they are: the right patient only, whatever form the reference has; what may not be used is told."""

import pytest

from tests.fhir.building import (
    BREAST,
    CM,
    CM0,
    RXNORM,
    US,
    bundle,
    cancer,
    concept,
    condition,
    observation,
    reasons,
    us,
)

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


# ---- a patient who is named by an identifier or a search

MRN = {"system": "https://hospital.example/mrn", "value": "4711"}
ADDRESS = "Patient?identifier=https://hospital.example/mrn|4711"
LOGICAL = [
    {"type": "Patient", "identifier": MRN},
    {"identifier": [MRN]},
    {"reference": ADDRESS},
    {"reference": f"https://ehr.example/fhir/{ADDRESS.replace('|', '%7C')}"},
    {"reference": "Patient?identifier=4711"},
    {"reference": "Patient?_id=us"},
]


@pytest.mark.parametrize("subject", LOGICAL)
@pytest.mark.parametrize("named", [None, "us"])
def test_an_identifier_or_a_search_is_answered_by_the_patient(read, subject: dict, named: str | None) -> None:
    found = read(us(identifier=[MRN]), cancer(subject=subject), condition(*BONE, subject=subject), patient=named)
    assert found.facts["metastatic_status"] == "M1"
    assert found.other_patients == []


def test_a_patient_inside_the_resource_is_known_by_the_identifier(read) -> None:
    inside = {"resourceType": "Patient", "id": "p", "identifier": [MRN]}
    bone = condition(*BONE, subject={"reference": "#p"}, contained=[inside])
    assert read(us(identifier=[MRN]), cancer(), bone).facts["metastatic_status"] == "M1"


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": {"system": MRN["system"], "value": "0815"}},
        {"identifier": {"value": "4711"}},
        {"reference": "Patient?identifier=https://elsewhere.example|4711"},
        {"reference": "Patient?name=Ada"},
    ],
)
def test_a_patient_nobody_answers_for_is_unknown(read, subject: dict) -> None:
    patient, hypertension = us(identifier=[MRN]), condition("I10", system=CM)
    assert read(patient, hypertension, patient="us").subject is False
    assert read(patient, hypertension, cancer(subject=subject), patient="us").subject is None
    staged = observation("21907-1", CM0, "2026-01-20")
    assert read(patient, cancer(), staged, patient="us").facts["metastatic_status"] == "M0"
    found = read(patient, cancer(), staged, condition(*BONE, subject=subject), patient="us")
    assert "metastatic_status" not in found.facts
    assert any("whose it is is not known" in reason for reason in reasons(found, "C79.51"))
    assert found.other_patients == []


def test_a_bleeding_of_nobody_known_withdraws_an_examination(read) -> None:
    absent = observation(concept("52297004"), "2667000", "2026-11-20", bodySite=concept(BREAST))
    assert read(us(), cancer(), absent).facts["complications"] == {"bleeding": "absent"}
    bleeding = condition("52297004", "2026-11-22", subject={"identifier": MRN})
    assert "complications" not in read(us(), cancer(), absent, bleeding).facts


def test_one_identifier_alone_is_the_patient_where_nobody_else_is_named(read) -> None:
    subject = {"identifier": MRN}
    assert read(cancer(subject=subject), condition(*BONE, subject=subject)).facts["metastatic_status"] == "M1"
    assert read(cancer(subject=subject), condition(*BONE, subject=subject), patient="us").facts == {}


def test_another_patients_identifier_is_another_patient(read) -> None:
    other = us(id="else", identifier=[MRN])
    found = read(us(), cancer(), other, condition(*BONE, subject={"identifier": MRN}), patient="us")
    assert "metastatic_status" not in found.facts
    assert found.other_patients == ["Patient/else"]


# ---- a record that says itself that a part is missing


def outcome(code: str, severity: str = "warning") -> dict:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


def page(*resources: dict, total: int | None = None, **links: str) -> dict:
    linked = [{"relation": name, "url": url} for name, url in links.items()]
    return bundle(*resources, type="searchset", link=linked, **({} if total is None else {"total": total}))


HYPERTENSION = condition("I10", system=CM)
MISSING = {
    "total": page(HYPERTENSION, total=14),
    "total without entries": bundle(HYPERTENSION)
    | {"entry": [{"resource": HYPERTENSION}, {"resource": page(total=3)}]},
    "next page": page(HYPERTENSION, total=1, next="https://ehr.example?page=2"),
    "earlier page": page(HYPERTENSION, previous="https://ehr.example?page=1"),
    "incomplete": bundle(HYPERTENSION, outcome("incomplete")),
    "suppressed": bundle(HYPERTENSION, outcome("suppressed", "information")),
    "timeout": bundle(HYPERTENSION, outcome("timeout")),
    "error": bundle(HYPERTENSION, outcome("processing", "error")),
    "an outcome without an issue": bundle(HYPERTENSION, {"resourceType": "OperationOutcome"}),
    "refused": bundle(HYPERTENSION)
    | {"entry": [{"resource": HYPERTENSION}, {"response": {"status": "403 Forbidden"}}]},
    "server error": bundle(HYPERTENSION) | {"entry": [{"resource": HYPERTENSION}, {"response": {"status": "500"}}]},
}


@pytest.mark.parametrize("name", MISSING)
def test_a_record_that_lacks_a_part_denies_nothing(read, name: str) -> None:
    missing = MISSING[name]
    assert read(us(), missing).subject is None
    absent = observation(concept("52297004"), "2667000", "2026-11-20", bodySite=concept(BREAST))
    staged = observation("21907-1", CM0, "2026-01-20")
    found = read(us(), missing, cancer(), staged, absent)
    assert found.facts.keys() <= {"sex", "age_years"}
    found = read(us(), missing, cancer(), condition(*BONE))
    assert found.facts["metastatic_status"] == "M1"
    assert "presentation" not in found.facts


@pytest.mark.parametrize(
    "sent",
    [
        page(HYPERTENSION, total=1),
        page(HYPERTENSION, outcome("not-found"), total=1),
        page(HYPERTENSION, outcome("informational", "information")),
        bundle(HYPERTENSION) | {"entry": [{"resource": HYPERTENSION, "response": {"status": "200 OK"}}]},
        [
            page(HYPERTENSION, total=2, self="https://ehr.example?page=1", next="https://ehr.example?page=2"),
            page(us(), total=2, self="https://ehr.example?page=2", previous="https://ehr.example?page=1"),
        ],
    ],
)
def test_a_record_that_lacks_nothing_denies(read, sent: object) -> None:
    assert read(us(), sent).subject is False


def test_staging_of_a_cancer_that_is_not_in_the_record_denies_nothing(read) -> None:
    staged = observation("21907-1", CM0, "2026-01-20")
    assert read(us(), HYPERTENSION, staged).subject is None
    assert read(us(), HYPERTENSION, staged, condition("C34.90", system=CM)).subject is False


# ---- shapes


def test_what_stands_inside_another_resource_is_told_and_denies(read) -> None:
    inside = {name: value for name, value in condition(*BONE, id="x").items() if name != "subject"}
    report = {"resourceType": "DiagnosticReport", "id": "r", "subject": US, "contained": [inside]}
    staged = observation("21907-1", CM0, "2026-01-20")
    found = read(us(), cancer(), staged, report)
    assert "metastatic_status" not in found.facts
    assert any("inside another resource" in reason for reason in reasons(found, "DiagnosticReport/r#x"))
    family = {"resourceType": "FamilyMemberHistory", "id": "f", "patient": US, "contained": [inside]}
    assert read(us(), cancer(), staged, family).facts["metastatic_status"] == "M0"


@pytest.mark.parametrize("kind", ["MedicationStatement", "MedicationAdministration"])
def test_a_drug_in_the_form_of_r5_is_read(read, kind: str) -> None:
    drug = {"concept": concept("56946", system=RXNORM)}
    when = {"effectiveDateTime": "2026-10-01"} if kind == "MedicationStatement" else {"occurenceDateTime": "2026-10-01"}
    status = "recorded" if kind == "MedicationStatement" else "completed"
    sent = {"resourceType": kind, "id": "d", "status": status, "subject": US, "medication": drug, **when}
    assert read(us(), cancer(), sent).facts["systemic_therapy"] == "chemotherapy"
    behind = {"resourceType": "Medication", "id": "m", "code": concept("56946", system=RXNORM)}
    named = sent | {"medication": {"reference": {"reference": "Medication/m"}}}
    assert read(us(), cancer(), named, behind).facts["systemic_therapy"] == "chemotherapy"
    of_lung = sent | {"reason": [{"concept": concept("C34.90", system=CM)}]}
    assert "systemic_therapy" not in read(us(), cancer(), of_lung).facts
    not_taken = sent | {"status": "recorded", "adherence": {"code": concept("not-taking", system="x")}}
    assert "systemic_therapy" not in read(us(), cancer(), not_taken).facts


@pytest.mark.parametrize("kind", ["Observation", "Procedure"])
def test_a_code_of_a_system_that_is_not_read_is_told(read, kind: str) -> None:
    code = concept("x", system="https://hospital.example/codes")
    sent = {"resourceType": kind, "id": "local", "status": "final", "subject": US, "code": code}
    assert reasons(read(us(), cancer(), sent), "local") == ["its code is of no code system that is read"]
