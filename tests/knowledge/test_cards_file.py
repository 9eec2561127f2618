"""What an EHR shows is content with a shape: one thing broken in cards.yaml, and it does not load."""

import shutil
from pathlib import Path

import pytest

from service import create_app
from service.knowledge.library import load_library
from service.knowledge.yaml_file import ContentError
from service.settings import Settings
from tests.conftest import GUIDELINE
from tests.content import RELEASES, copy_release

RELEASE = f"guidelines/{GUIDELINE}/{RELEASES[0]}"

# What is broken: words there, words instead, and the words of the fault.
BROKEN = {
    "no such hook": ("hook: patient-view", "hook: patient-look", "/services/mbc-primary-lrt-patient-view/hook"),
    "an id that is no part of an address": ("mbc-primary-lrt-order-sign:", "Sign/it:", "/services/Sign~1it"),
    "a query with a chain": ("Procedure?patient=", "Procedure?subject.name=x&patient=", "/prefetch/procedures/query"),
    "a query with another token": (
        "Patient/{{context.patientId}}", "Patient/{{userPatientId}}", "/prefetch/patient/query",
    ),
    "a datum within one that there is not": ("within: observations", "within: notes", "no such prefetch item: notes"),
    "an indicator besides emergencies that is critical": ("urgent: warning", "urgent: critical", "nothing else"),
    "an emergency that is not critical": ("emergency: critical", "emergency: warning", "and nothing else, is critical"),
    "a word that is missing": ("  partial: ", "  parcial: ", "/words"),
    "a summary that is too long": ("summary: Is this breast cancer?", f"summary: {'x' * 100}", "/uncertain/summary"),
    "words before a title that are too long": ("differs: Differs", f"differs: {'x' * 60}", "more than 139 characters"),
    "a caution on no rule": ("rules: [R21, R24, R25]", "rules: [R21, R99]", "no such rule: R99"),
    "a caution on no feature": ("visceral_crisis: ", "visceral_crises: ", "visceral_crises"),
    "a suggestion of no option": ("[radiotherapy_opinion]", "[radiotherapy_word]", "no such option: radiotherapy_wor"),
    "a text on no kind of order": ("kinds: [surgery]", "kinds: [surgeries]", "no such kind of order: surgeries"),
    "a heading on no rule": ("rules: [R24]\n    when: {preg", "rules: [R94]\n    when: {preg", "no such rule: R94"),
    "a heading that is too long": ("text: Relieve the", f"text: {'x' * 90} the", "the heading severe_pain it has"),
    "a heading on no trigger": ("{trigger: pain}", "{trigger: ache}", "trigger is never ache"),
    "a side that there is not": ("{left: [left]", "{leftish: [left]", "/orders/side_words"),
    "a rule under which nothing is said of a draft": ("rules: [R14]", "rules: [R12]", "under rule R14"),
    "an option that there is not": ("[surgery_last, ", "[surgery_first, ", "no such option: surgery_first"),
    "an order of a category that there is not": (
        "categories: [mastectomy, ", "categories: [amputation, ", "the code list procedures has no category amputation",
    ),
    "a site of a category that there is not": (
        "categories: [breast, chest_wall]", "categories: [breast, chest]", "/orders/site/categories",
    ),
    "a side of a category that there is not": (
        "laterality_categories: [side]", "laterality_categories: [flank]", "body_sites has no category flank",
    ),
    "orders of a code list that there is not": ("places: body_sites", "places: places", "no such code list: places"),
    "a suspicion of a code list that there is not": (
        "code_lists: [breast_cancer, ", "code_lists: [cancer, ", "/suspicion/conditions/code_lists",
    ),
    "a suspicion of a category that there is not": (
        "categories: [er, ", "categories: [oestrogen, ", "observations has no category oestrogen",
    ),
    "a suspicion in capitals": ("words: [breast, mamma, ca", "words: [breast, Mamma, ca", "in lower case: Mamma"),
    "a notice on a fact that there is not": ("fact: age_years", "fact: years", "no such fact with a number: years"),
    "a notice on a fact that is no number": ("fact: age_years", "fact: sex", "no such fact with a number: sex"),
    "a notice with a limit and no fact": ("    fact: age_years\n", "", "fact and at_most stand together"),
    "a priority that FHIR does not know": ("priority: asap", "priority: soon", "/suggestions"),
    "no word for a kind of order": ("      title: breast surgery\n", "", "/orders/kinds/surgery/title"),
}  # fmt: skip


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """The shipped content, to be broken."""
    return copy_release(tmp_path / "content", RELEASES[0])


@pytest.mark.parametrize("what", BROKEN)
def test_one_thing_broken_does_not_load_and_is_named(content: Path, what: str) -> None:
    before, after, fault = BROKEN[what]
    file = content / RELEASE / "cards.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    with pytest.raises(ContentError) as refused:
        load_library(content)
    assert "cards.yaml" in str(refused.value)
    assert fault.replace("~1", "/") in str(refused.value)


def test_without_cards_no_service_is_offered(content: Path) -> None:
    for file in content.glob(f"guidelines/{GUIDELINE}/*/cards.yaml"):
        file.unlink()
    client = create_app(Settings(content=content, log_level="error")).test_client()
    assert client.get("/cds-services").get_json() == {"services": []}
    assert client.post("/cds-services/mbc-primary-lrt-patient-view", json={}).status_code == 404


def test_cards_without_code_lists_do_not_load(content: Path) -> None:
    """Rather than a service that finds nothing in every record."""
    shutil.rmtree(content / "terminology")
    with pytest.raises(ContentError) as refused:
        load_library(content)
    assert "cards.yaml: /orders/code_lists/procedures: no such code list: procedures" in str(refused.value)
