"""Is it breast cancer, on which side: codes of every system, what is no breast cancer, and what cannot be told."""

import pytest

from tests.fhir.building import CM, GM, ICD10, LEFT, SCT, bundle, cancer, concept, condition, reasons, us


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (CM, "C50.912"),
        (CM, "C50"),
        (CM, "c50912"),
        (CM, "C50.A1"),
        ("urn:oid:2.16.840.1.113883.6.90", "C50.411"),
        (ICD10, "C50.9"),
        (GM, "C50.4"),
        (GM, "C50.9+"),
        (SCT, "254837009"),
        (SCT, "353431000119107"),
        ("http://snomed.info/sct/", "372137005"),
        (SCT, "314955001"),
    ],
)
def test_codes_of_a_breast_cancer(read, system: str, code: str) -> None:
    assert read(us(), condition(code, system=system)).subject is True


@pytest.mark.parametrize(
    ("system", "code"),
    [(CM, "D05.12"), (ICD10, "D05.1"), (SCT, "109889007"), (CM, "C44.501"), (CM, "D24.1"), (CM, "C61"), (CM, "I50.32")],
)
def test_codes_of_no_breast_cancer(read, system: str, code: str) -> None:
    found = read(us(), condition(code, system=system))
    assert found.subject is False
    assert found.facts == {}


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_refuted_cancer_is_none(read, status: str) -> None:
    found = read(us(), cancer(verificationStatus=concept(status)))
    assert found.subject is False
    assert any(status in reason for reason in reasons(found, "Condition/cancer"))


@pytest.mark.parametrize("status", ["unconfirmed", "provisional", "differential"])
def test_a_suspected_cancer_is_neither_known_nor_excluded(read, status: str) -> None:
    assert read(us(), cancer(verificationStatus=concept(status))).subject is None


def test_missing_statuses_are_common_and_do_not_drop_a_cancer(read) -> None:
    assert read(us(), cancer(clinical=None)).subject is True


def test_a_cancer_in_remission_is_still_the_cancer(read) -> None:
    assert read(us(), cancer(clinical="remission")).subject is True


def test_statuses_as_plain_words_of_older_releases(read) -> None:
    assert read(us(), cancer(clinical=None, clinicalStatus="active", verificationStatus="refuted")).subject is False


def test_a_personal_history_leaves_it_open(read) -> None:
    assert read(us(), condition("Z85.3", system=CM)).subject is None


def test_a_generic_malignancy_is_placed_by_its_body_site(read) -> None:
    assert read(us(), condition("363346000", bodySite=[concept(LEFT)])).subject is True
    assert read(us(), condition("363346000", bodySite=[concept("41216001")])).subject is False
    assert read(us(), condition("363346000")).subject is None


def test_a_generic_malignancy_is_placed_by_its_histology(read) -> None:
    url = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-histology-morphology-behavior"
    histology = {"url": url, "valueCodeableConcept": concept("278054005")}
    assert read(us(), condition("363346000", extension=[histology])).subject is True


@pytest.mark.parametrize(("display", "known"), [("Breast Cancer", True), ("Prostate cancer", False), ("Cancer", None)])
def test_a_generic_malignancy_is_placed_by_its_display_and_that_is_told(read, display, known) -> None:
    found = read(us(), condition(concept((SCT, "363346000", display))))
    assert found.subject is known
    assert bool(reasons(found)) is (known is not False)


def test_text_alone_is_not_read_and_leaves_it_open(read) -> None:
    found = read(us(), condition({"text": "Breast cancer, left"}))
    assert found.subject is None
    assert reasons(found) == ["says what it is in text only: text is not read"]


def test_a_code_in_no_list_may_be_a_malignancy_if_its_words_say_so(read) -> None:
    assert read(us(), condition(concept((SCT, "999000", "Tumor of breast")))).subject is None
    assert read(us(), condition(concept((SCT, "999000")))).subject is None
    assert read(us(), condition(concept((SCT, "59621000", "Hypertension")))).subject is False
    assert read(us(), condition(concept(("urn:local", "X1", "Hypertension")))).subject is None


def test_metastases_without_a_primary_may_be_of_a_breast_cancer(read) -> None:
    assert read(us(), condition("C79.51", system=CM)).subject is None


def test_metastases_beside_another_primary_are_its_own(read) -> None:
    assert read(us(), condition("C79.31", system=CM), condition("C34.90", system=CM)).subject is False


def test_no_condition_at_all_is_unknown(read) -> None:
    assert read(us()).subject is None


def test_a_failed_query_is_not_no_findings(read) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    found = read(us(), condition("I10", system=CM), outcome)
    assert found.subject is None
    assert any("failed" in reason for reason in reasons(found))


def test_a_hint_beside_the_results_is_no_failure(read) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
    assert read(us(), condition("I10", system=CM), outcome).subject is False


def test_one_page_of_several_excludes_nothing(read) -> None:
    page = bundle(us(), condition("I10", system=CM), link=[{"relation": "next", "url": "https://ehr.example/?page=2"}])
    assert read(page).subject is None


def test_a_concept_of_two_cancers_is_read_as_breast_and_told(read) -> None:
    found = read(us(), condition(concept("254637007", (CM, "C50.211"))))
    assert found.subject is True
    assert [each["fact"] for each in found.data_conflicts] == ["breast_cancer"]


def test_without_a_known_breast_cancer_no_stage_is_stated(read) -> None:
    found = read(us(), condition("C79.51", "2026-02-01", CM))
    assert set(found.facts) == {"sex", "age_years"}


@pytest.mark.parametrize("text", ["no evidence of breast cancer", "Mother had breast cancer"])
def test_free_text_beside_a_code_for_any_malignancy_is_not_believed(read, text: str) -> None:
    found = read(us(), condition(concept("363346000", text=text), "2026-01-10"))
    assert found.subject is None


def test_a_relatives_cancer_is_not_the_patients(read) -> None:
    assert read(us(), condition("429740004", "2026-01-10")).subject is False
