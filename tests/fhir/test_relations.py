"""Relations that hold for every record: what a change of the record may never do to what is read of it."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.fhir.extract import Extraction
from service.knowledge.library import Library
from tests.fhir.building import CM, SCT, cancer, concept, condition, reasons, us
from tests.fhir.building import given as given_drug
from tests.trust import fuzz_relations
from tests.trust.fuzz_records import PATIENT, extracted
from tests.trust.fuzz_relations import COMPLICATIONS, FORMS, INCOMPLETE, METASTASES, WITHDRAWN, chart

# A relation that fails is told with its seed; that the library beside it is long is no fault of its own.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

seeds = st.integers(0, 2**32)
"""Of records: drawn by hypothesis itself nearly all of them would be alike."""


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="session")
def read_all(library: Library) -> Callable[[list[Any]], Extraction]:
    return lambda resources: extracted(library, resources, PATIENT)


@pytest.mark.parametrize("form", METASTASES)
@given(seed=seeds)
@examples(60)
def test_a_metastasis_more_in_any_form_never_leaves_m0(library: Library, read_all, form: str, seed: int) -> None:
    chance = random.Random(seed)
    fuzz_relations.judge_metastasis(read_all, chance, library.terminology, form)


@pytest.mark.parametrize("form", COMPLICATIONS)
@given(seed=seeds)
@examples(60)
def test_a_complication_more_in_any_form_never_leaves_it_absent(
    library: Library, read_all, form: str, seed: int
) -> None:
    chance = random.Random(seed)
    fuzz_relations.judge_complication(read_all, chance, library.terminology, form)


@pytest.mark.parametrize("way", INCOMPLETE)
@given(seed=seeds)
@examples(100)
def test_an_incomplete_page_proves_no_absence(library: Library, read_all, way: str, seed: int) -> None:
    chance = random.Random(seed)
    for resources in (
        chart(chance, library.terminology),
        fuzz_relations.staged(chance, library.terminology)[0],
        fuzz_relations.examined(chance, library.terminology)[0],
    ):
        fuzz_relations.judge_incomplete(read_all, chance, resources, way)


@pytest.mark.parametrize("form", FORMS)
@given(seed=seeds)
@examples(100)
def test_order_addresses_and_bundles_change_nothing(library: Library, read_all, form: str, seed: int) -> None:
    chance = random.Random(seed)
    fuzz_relations.judge_same(read_all, chance, chart(chance, library.terminology), form)


@given(seed=seeds)
@examples(200)
def test_a_code_of_another_system_with_the_same_meaning_changes_nothing(library: Library, read_all, seed: int) -> None:
    chance = random.Random(seed)
    fuzz_relations.judge_codes(read_all, chance, library.terminology, chart(chance, library.terminology))


@pytest.mark.parametrize("way", WITHDRAWN)
@given(seed=seeds)
@examples(150)
def test_a_withdrawn_resource_adds_nothing_but_what_it_contradicted(
    library: Library, read_all, way: str, seed: int
) -> None:
    chance = random.Random(seed)
    resources = chart(chance, library.terminology)
    fuzz_relations.judge_withdrawn(read_all, chance, library.terminology, resources, way)


@pytest.mark.parametrize("day", ["2026-11-23", "2026-11-23T10:00:00+02:00"])
def test_of_two_metastases_of_one_day_a_day_of_recording_leaves_it_open_in_each_order(read, day: str) -> None:
    recorded = condition("94222008", recordedDate=day, id="recorded")
    begun = condition("94381002", "2026-11-23", id="begun")
    found = [read(us(), cancer("2024-07-09"), *pair).facts for pair in ((recorded, begun), (begun, recorded))]
    assert all("presentation" not in facts for facts in found)


@pytest.mark.parametrize("reason", [(SCT, "200657008"), (CM, "N61.1")])
def test_a_reason_that_is_no_cancer_is_none_in_each_system(read, reason: tuple[str, str]) -> None:
    """Drugs against cancer are given for other diseases of the breast, too."""
    drug = given_drug("10324", "2026-05-01", reasonCode=[concept(reason)])
    extraction = read(us(), cancer(), drug)
    assert "systemic_therapy" not in extraction.facts
    assert "given for a reason that is no cancer of the breast" in reasons(extraction, "10324")


def test_many_codes_have_a_peer_in_another_system(library: Library) -> None:
    """Else the relation of the codes would say nothing."""
    systems = {system for system, _ in fuzz_relations.equal_codes(library.terminology)}
    assert {"snomed", "icd10cm", "loinc"} <= systems


@pytest.mark.parametrize("withdrawal", [{"verificationStatus": "entered-in-error"}, {"verificationStatus": "refuted"}])
def test_a_reason_that_was_withdrawn_is_as_one_that_is_not_there(read, withdrawal: dict[str, str]) -> None:
    ulcer = condition("200657008", id="ulcer")
    drug = given_drug("10324", "2026-10-01") | {"reasonReference": [{"reference": "Condition/ulcer"}]}
    absent = read(us(), cancer(), drug).facts
    assert absent["systemic_therapy"] == "endocrine"
    assert "systemic_therapy" not in read(us(), cancer(), ulcer, drug).facts
    assert read(us(), cancer(), ulcer | withdrawal, drug).facts == absent
