"""Whether a Condition holds: FHIR's own code counts wherever it stands; certainty in an extension; words; doubts."""

from collections.abc import Callable
from typing import Any

import pytest

from service.fhir.extract import Extraction
from service.fhir.statuses import read_statuses
from service.knowledge.terminology import Terminology
from tests.fhir.building import CM, CM0, GM, SCT, Resource, cancer, concept, condition, observation, reasons, us

Read = Callable[..., Extraction]
LOCAL = "https://hospital.example/status"
MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-primaertumor-diagnosesicherung"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
OLD_VERIFICATION = "http://hl7.org/fhir/condition-ver-status"
KBV = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT"
CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
M0 = observation("21907-1", CM0, "2026-01-20")


def bone(**more: Any) -> Resource:
    return condition("C79.51", "2026-01-20", CM, **{"id": "bone", "clinical": None, **more})


@pytest.mark.parametrize(
    "status",
    [
        concept((LOCAL, "9"), (VERIFICATION, "refuted")),
        concept((MII, "7"), (OLD_VERIFICATION, "refuted")),
        concept((VERIFICATION, "confirmed"), (LOCAL, "entered-in-error")),
        concept((VERIFICATION, "refuted"), (MII, "7")),
        {"text": "Ruled out"},
        {"text": "ausgeschlossen"},
        "refuted",
    ],
)
def test_any_coding_that_withdraws_a_metastasis_wins(read: Read, status: Any) -> None:
    found = read(us(), cancer(), bone(verificationStatus=status), M0)
    assert found.facts["metastatic_status"] == "M0"


@pytest.mark.parametrize(
    "status",
    [
        concept((MII, "1"), (VERIFICATION, "provisional")),
        concept((LOCAL, "3"), (OLD_VERIFICATION, "differential")),
        {"text": "Verdacht auf"},
        {"text": "who knows"},
        concept((LOCAL, "3")),
        concept((MII, "9")),
    ],
)
def test_what_is_suspected_or_cannot_be_read_is_neither_m1_nor_m0(read: Read, status: Any) -> None:
    assert "metastatic_status" not in read(us(), cancer(), bone(verificationStatus=status), M0).facts


def test_a_verification_that_cannot_be_read_is_told(read: Read) -> None:
    found = read(us(), cancer(), bone(verificationStatus=concept((LOCAL, "3"))))
    assert "its verificationStatus cannot be read: it proves nothing" in reasons(found, "bone")


@pytest.mark.parametrize(
    "status", [concept((LOCAL, "1"), (VERIFICATION, "confirmed")), concept((MII, "7.1")), {"text": "Gesichert"}, None]
)
def test_a_confirmed_metastasis_counts(read: Read, status: Any) -> None:
    more = {"verificationStatus": status} if status else {}
    assert read(us(), cancer(), bone(**more)).facts["metastatic_status"] == "M1"


@pytest.mark.parametrize(
    "status",
    [
        concept((LOCAL, "3"), (CLINICAL, "resolved")),
        {"text": "Resolved"},
        {"text": "Inaktiv"},
        concept((LOCAL, "resolved")),
    ],
)
def test_a_bleeding_that_is_over_is_not_present(read: Read, status: Any) -> None:
    bleeding = condition("52297004", "2026-11-20", SCT, clinical=None, clinicalStatus=status)
    assert "complications" not in read(us(), cancer(), bleeding).facts


def test_a_clinical_status_that_cannot_be_read_is_told_and_ends_nothing(read: Read) -> None:
    bleeding = condition("52297004", "2026-11-20", SCT, clinical=None, clinicalStatus={"text": "?"}, id="bleed")
    found = read(us(), cancer(), bleeding)
    assert found.facts["complications"] == {"bleeding": "present"}
    assert "its clinicalStatus cannot be read" in reasons(found, "bleed")


# ---- certainty in an extension


def certain(code: str, system: str | None = KBV) -> list[Resource]:
    return [{"url": CERTAINTY, "valueCoding": {"code": code} | ({"system": system} if system else {})}]


def coded(*codes: Resource) -> Resource:
    return {"coding": list(codes)}


def german(code: str, certainty: str | None = None, system: str | None = KBV) -> Resource:
    return {"system": GM, "code": code} | ({"extension": certain(certainty, system)} if certainty else {})


@pytest.mark.parametrize("place", ["coding", "second coding", "code", "condition", "without a system"])
def test_an_excluded_metastasis_is_none_wherever_the_certainty_stands(read: Read, place: str) -> None:
    snomed = {"system": SCT, "code": "94222008"}
    code = {
        "coding": coded(german("C79.5", "A")),
        "second coding": coded(snomed, german("C79.5", "A")),
        "code": coded(german("C79.5")) | {"extension": certain("A")},
        "condition": coded(german("C79.5")),
        "without a system": coded(german("C79.5", "A", None)),
    }[place]
    more = {"extension": certain("A")} if place == "condition" else {}
    found = read(us(), cancer(), condition(code, "2026-01-20", clinical=None, id="bone", **more), M0)
    assert found.facts["metastatic_status"] == "M0"
    assert reasons(found, "bone") == ["its status is refuted"]


@pytest.mark.parametrize(("certainty", "subject"), [("A", False), ("V", None), ("G", True), ("Z", True)])
def test_the_cancer_itself_is_as_certain_as_its_code_says(read: Read, certainty: str, subject: bool | None) -> None:  # noqa: FBT001
    found = read(us(), condition(coded(german("C50.9", certainty)), "2026-01-10", clinical=None))
    assert found.subject is subject
    assert found.history_only is (certainty == "Z")


def test_a_state_after_a_metastasis_is_history(read: Read) -> None:
    after = condition(coded(german("C79.5", "Z")), "2026-01-20", clinical=None)
    assert "metastatic_status" not in read(us(), cancer(), after, M0).facts


@pytest.mark.parametrize("certainty", ["A", "V"])
def test_a_certainty_against_the_status_proves_nothing_and_is_told(read: Read, certainty: str) -> None:
    confirmed = concept("confirmed", system=VERIFICATION)
    sent = condition(
        coded(german("C79.5", certainty)), "2026-01-20", clinical=None, verificationStatus=confirmed, id="b"
    )
    found = read(us(), cancer(), sent, M0)
    assert "metastatic_status" not in found.facts
    assert any("it proves nothing" in reason for reason in reasons(found, "Condition/b"))


def test_codes_of_different_certainty_prove_nothing(read: Read) -> None:
    sent = condition(coded(german("C79.5", "G"), german("C79.5", "V")), "2026-01-20", clinical=None)
    assert "metastatic_status" not in read(us(), cancer(), sent, M0).facts


# ---- a diagnosis of an encounter


def of_encounter(code: str, on: str, ended: str, **more: Any) -> Resource:
    category = concept("encounter-diagnosis", system="http://terminology.hl7.org/CodeSystem/condition-category")
    return condition(code, on, CM, clinical=None, category=[category], abatementDateTime=ended, **more)


def test_a_diagnosis_closed_with_its_encounter_has_not_ended(read: Read) -> None:
    sent = (of_encounter("C50.912", "2026-09-24", "2026-09-24"), of_encounter("C79.51", "2026-11-03", "2026-11-03"))
    found = read(us(), *sent)
    assert found.facts["metastatic_status"] == "M1"
    assert not found.history_only
    stay = {
        "resourceType": "Encounter",
        "id": "stay",
        "subject": {"reference": "Patient/us"},
        "period": {"start": "2026-11-03", "end": "2026-11-09T10:00:00Z"},
    }
    long = of_encounter("C79.51", "2026-11-03", "2026-11-09", encounter={"reference": "Encounter/stay"})
    assert read(us(), cancer(), long, stay).facts["metastatic_status"] == "M1"


def test_a_diagnosis_that_ended_on_another_day_or_by_its_status_has_ended(read: Read) -> None:
    later = of_encounter("C79.51", "2026-01-03", "2026-03-03")
    by_status = of_encounter("C79.51", "2026-01-03", "2026-01-03", clinicalStatus=concept("resolved", system=CLINICAL))
    listed = {
        name: value for name, value in of_encounter("C79.51", "2026-01-03", "2026-01-03").items() if name != "category"
    }
    for sent in (later, by_status, listed):
        assert "metastatic_status" not in read(us(), cancer(), sent).facts


# ---- a side in an extension


def sided(
    code: str, side: str, system: str = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_SEITENLOKALISATION"
) -> Resource:
    url = "http://fhir.de/StructureDefinition/seitenlokalisation"
    return {"system": GM, "code": code, "extension": [{"url": url, "valueCoding": {"system": system, "code": side}}]}


@pytest.mark.parametrize(("side", "present"), [("L", True), ("R", False), ("B", True), ("U", True)])
def test_the_side_of_a_code_tells_whose_tumour_it_is(read: Read, side: str, present: bool) -> None:  # noqa: FBT001
    sent = (condition(coded(sided("C50.4", "L")), "2026-10-10"), condition(coded(sided("N61", side)), "2026-11-20"))
    assert ("complications" in read(us(), *sent).facts) is present


def test_fhirs_own_codes_need_no_list() -> None:
    bare = Terminology({}, {}, "")
    refuted = bone(
        verificationStatus=concept((LOCAL, "9"), (VERIFICATION, "refuted")), clinicalStatus={"text": "Active"}
    )
    said = read_statuses(bare, refuted)
    assert (said.clinical, said.verification) == ("active", "refuted")
