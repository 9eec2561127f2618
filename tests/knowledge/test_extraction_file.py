"""extraction.yaml and its worked records: every name stands for something, and a typo is a fault with file and path."""

import shutil
from pathlib import Path

import pytest

from tests.knowledge.conftest import Copy

CONTENT = Path(__file__).parents[1] / "other_organ" / "content"
RELEASE = "guidelines/toy-stomach/2026-05-01"
FILE = "extraction.yaml"
RECORDS = "cases/fhir/records.yaml"


@pytest.fixture
def stomach(tmp_path: Path) -> Copy:
    """The invented guideline of the stomach, to be broken."""
    shutil.copytree(CONTENT, tmp_path / "content")
    return Copy(tmp_path / "content", RELEASE)


NAMES = [
    # old, new, path, part of the detail
    ("places: {list: stomach_places,", "places: {list: stomach_plaecs,", "/places/list", "no such list"),
    ("tumour: [stomach], organ", "tumour: [stomahc], organ", "/places/tumour", "no such place: stomahc"),
    ("organ: [stomach]}\n", "organ: [stomach], side: hand}\n", "/places/side", "no such place: hand"),
    ("  own: [stomach]\n", "  own: [stomahc]\n", "/subject/own", "no such category: stomahc"),
    ("  metastases: stomach_spread\n", "  metastases: spread\n", "/subject/metastases", "no such list: spread"),
    ("by_name: [antibody, cytotoxic]", "by_name: [antibodies]", "/therapy/drugs/by_name", "no such category"),
    ("  new_line: next_line\n", "  new_line: next\n", "/therapy/new_line", "no such window: next"),
    ("source: TOY-STOMACH-BOOK}", "source: TOY-BOOK}", "/windows/under_drugs/source", "neither a citation"),
    ("    close: contradiction\n", "    close: close\n", "/facts/spread/close", "no such window: close"),
    ("    proof: seen\n", "    proof: sene\n", "/facts/spread/proof", "no such value: sene"),
    ("interval, of: spread,", "interval, of: sites,", "/facts/first_seen/of", "no such fact: sites"),
    ("m1: seen, four: seen}", "m1: seen, four: sene}", "/facts/spread/stages", "no such value: sene"),
    ("cytotoxic: [cytotoxic]}\n", "toxic: [cytotoxic]}\n", "/facts/drugs_now/classes", "no such value: toxic"),
    ("gives: {shrinking: shrinking,", "gives: {shrinking: small,", "/facts/course_of_disease/gives", "no such value"),
    ("member: state\n", "member: status\n", "/facts/course_of_disease", "the fact has no part status"),
    ("- finding: blood_poisoning\n", "- finding: poison\n", "/facts/troubles/anywhere/0", "no such finding: poison"),
    ("    category: albumin\n", "    category: albumen\n", "/facts/albumin_g_per_l/category", "no such category"),
    ("codes: [female, male], why", "codes: [female, man], why", "/facts/gender/codes", "no such value: man"),
    ("  family_history:\n", "  family_story:\n", "/facts/family_story", "no such fact"),
    ("  wish: the patient is asked\n", "  wishes: the patient is asked\n", "/not_extracted/wishes", "no such fact"),
    ("  wish: the patient is asked\n", "  wish: asked\n  age: asked\n", "/not_extracted/age", "it has a resolver, too"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "detail"), NAMES, ids=[new.strip() for _, new, _, _ in NAMES])
def test_a_name_without_a_thing_is_a_fault_with_its_path(
    stomach: Copy, old: str, new: str, path: str, detail: str
) -> None:
    stomach.change(FILE, old, new)
    faults = [fault for fault in stomach.faults() if fault.file.endswith(f"{RELEASE}/{FILE}")]
    assert any(fault.path == path and detail in fault.detail for fault in faults), faults


SHAPES = [
    ("member", "places: {list: stomach_places,", "places: {listt: stomach_places,", "/places/listt"),
    ("resolver", "resolver: removal, gives", "resolver: remover, gives", "/facts/operation_done/resolver"),
    ("predicate", "keep: [on_side]", "keep: [on_sied]", "/facts/irradiated_before/claims/0/keep/0"),
    ("resource", "- resource: Procedure\n", "- resource: Procedures\n", "/facts/irradiated_before/claims/0/resource"),
    ("number", '    at_least: "38.0"\n', "    at_least: warm\n", "/facts/fever_on_drugs/at_least"),
    ("days", 'protein: {days: "40"', 'protein: {days: "0"', "/windows/protein/days"),
]


@pytest.mark.parametrize(("old", "new", "path"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES])
def test_a_word_outside_its_closed_set_is_a_fault_with_its_path(stomach: Copy, old: str, new: str, path: str) -> None:
    stomach.change(FILE, old, new)
    assert path in [fault.path for fault in stomach.faults() if fault.file.endswith(FILE)]


def test_a_fact_that_is_neither_read_nor_said_to_be_unread_is_a_fault(stomach: Copy) -> None:
    stomach.change(FILE, "not_extracted:\n  wish: the patient is asked\n", "")
    assert [fault.detail for fault in stomach.faults()] == ["wish has no resolver and is not among not_extracted"]


def test_a_claim_gives_a_value_by_its_code_or_by_its_value_and_not_by_both(stomach: Copy) -> None:
    stomach.change(FILE, '        gives: {irradiation: "true"}\n', "        categories: [irradiation]\n")
    assert [fault.path for fault in stomach.faults()] == ["/facts/irradiated_before/claims/0"]


@pytest.mark.parametrize(
    ("fact", "old", "new"),
    [
        ("operation_done", '{resolver: removal, gives: "true", why: the stomach was removed}',
         '{resolver: line, classes: {"true": [cytotoxic]}, otherwise: "false"}'),
        ("age", 'resolver: person, element: birthDate, oldest: "120", why: "completed years on {today}"',
         "resolver: sites, of: spread, window: warm"),
    ],
)  # fmt: skip
def test_a_resolver_is_refused_for_a_fact_that_it_cannot_state(stomach: Copy, fact: str, old: str, new: str) -> None:
    stomach.change(FILE, old, new)
    assert any(
        fault.path == f"/facts/{fact}" and "this resolver states no fact of this kind" in fault.detail
        for fault in stomach.faults()
    )


def test_a_code_of_a_finding_says_how_far_it_goes(stomach: Copy) -> None:
    code = "display: Gastric perforation, category: perforation"
    stomach.change("/terminology/stomach_troubles.yaml", f"{code}, proof: coded", code)
    (fault,) = stomach.faults()
    assert (fault.path, "10017815" in fault.detail) == ("/facts/troubles/list", True)


def test_cards_without_an_extraction_do_not_load(stomach: Copy) -> None:
    stomach.file(FILE).unlink()
    assert [fault.file.rsplit("/", 1)[1] for fault in stomach.faults()] == [FILE]


def test_a_fact_that_is_read_has_a_worked_record(stomach: Copy) -> None:
    stomach.change(RECORDS, "    protects: [operation_done]\n", "    protects: [spread]\n")
    (fault,) = stomach.faults()
    assert (fault.path, fault.detail) == ("/facts/operation_done", "has no worked case in cases/fhir")


def test_a_worked_record_protects_facts_that_are_read(stomach: Copy) -> None:
    stomach.change(RECORDS, "    protects: [operation_done]\n", "    protects: [operation_done, wish]\n")
    (fault,) = stomach.faults()
    assert fault.file.endswith(RECORDS)
    assert fault.detail == "no fact that is read: wish"


def test_a_worked_record_of_another_shape_is_a_fault_with_its_path(stomach: Copy) -> None:
    stomach.change(RECORDS, "ignored_contain: [carcinoma in situ of the stomach]", "ignores: [carcinoma]")
    assert any(fault.file.endswith(RECORDS) and fault.path.endswith("/expect/ignores") for fault in stomach.faults())


def test_how_records_are_read_is_no_new_release(stomach: Copy) -> None:
    before = stomach.load()
    stomach.change(FILE, 'protein: {days: "40"', 'protein: {days: "41"')
    after = stomach.load()
    assert before.newest("toy-stomach").digest == after.newest("toy-stomach").digest
