"""The code lists: what is misnamed does not load, and the digest of a guideline does not change with a code."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.knowledge.library import Library, load_library
from service.knowledge.terminology import Terminology, check_digit_holds, load_terminology
from service.knowledge.yaml_file import ContentError
from service.settings import CONTENT

CM = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.fixture
def terminology(library: Library) -> Terminology:
    return library.terminology


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the lists in which one text is another."""

    def change(file: str, before: str, after: str) -> Path:
        folder = tmp_path / "terminology"
        shutil.copytree(CONTENT / "terminology", folder, dirs_exist_ok=True)
        text = (folder / file).read_text()
        assert before in text
        (folder / file).write_text(text.replace(before, after, 1))
        return folder

    return change


def test_every_category_has_a_code_or_a_word(terminology: Terminology) -> None:
    for name, listed in terminology.lists.items():
        silent = set(listed.categories) - {concept.category for concept in listed.codes} - set(listed.words)
        assert not silent, f"{name}: {silent}"


@pytest.mark.parametrize(
    ("file", "before", "after", "path"),
    [
        ("metastases.yaml", "category: distant", "category: distnat", "/codes/"),
        ("metastases.yaml", 'code: "94222008"', 'code: "94222009"', "/codes/"),
        ("breast_cancer.yaml", "side: left}", "side: lefft}", "/side"),
        ("metastases.yaml", "system: snomed", "system: snowmed", "/codes/"),
        ("metastases.yaml", "  regional: ", "  regionel: ", "/codes/"),
        ("complications.yaml", ", proof: coded", ", proof: certain", "/proof"),
        ("complications.yaml", 'grade: "4"', 'grade: "5"', "/grade"),
        ("presence.yaml", "category: present", "means: present", "/codes/0"),
        ("drugs.yaml", "  cdk46: [", "  cdk64: [", "/words/cdk64"),
        ("drugs.yaml", '"paclitaxel"', '"Paclitaxel"', "/words/chemotherapy"),
        ("values.yaml", "id: values", "id: value", "/id"),
        ("values.yaml", "title: ", "titel: ", "/title"),
        ("presence.yaml", 'code: "2667000"', 'code: "52101004"', "/code"),
        ("systems.yaml", '"http://loinc.org"', '"http://snomed.info/sct"', "/loinc/0"),
        ("systems.yaml", "snomed:", "{snomed:", ""),
    ],
)
def test_a_fault_is_told_with_file_and_path(changed, file: str, before: str, after: str, path: str) -> None:
    with pytest.raises(ContentError) as caught:
        load_terminology(changed(file, before, after), "")
    assert any(fault.file.endswith(file) and path in fault.path for fault in caught.value.faults), str(caught.value)


def test_a_new_list_is_a_new_file_with_categories_of_its_own(changed) -> None:
    folder = changed("values.yaml", "id: values", "id: values")
    (folder / "colon_cancer.yaml").write_text(
        """id: colon_cancer
title: Cancer of the colon
source: invented
categories: {sigmoid: the sigmoid colon}
codes: [{system: icd10cm, code: C18.7, display: Malignant neoplasm of sigmoid colon, category: sigmoid}]
"""
    )
    assert find(load_terminology(folder, ""), "colon_cancer", CM, "C18.7") == "sigmoid"


def test_a_code_may_stand_in_several_lists(terminology: Terminology) -> None:
    """Each list says something of its own of a triple negative cancer; it is looked up once."""
    found = terminology.find("http://snomed.info/sct", "706970001")
    assert {name: concept.category for name, concept in found.items()} == {
        "breast_cancer": "invasive",
        "tumour_traits": "triple_negative",
    }


def test_a_library_without_lists_is_a_library(tmp_path: Path) -> None:
    assert not load_terminology(tmp_path / "none", "")


def test_a_code_changes_the_digest_of_the_lists_and_of_nothing_else(library: Library, tmp_path: Path) -> None:
    content = tmp_path / "content"
    shutil.copytree(CONTENT, content)
    file = content / "terminology" / "presence.yaml"
    file.write_text(file.read_text().replace("title: Present or absent", "title: Absent or present"))
    other = load_library(content)
    assert other.terminology.digest != library.terminology.digest
    for name, releases in library.guidelines.items():
        assert {key: each.digest for key, each in releases.items()} == {
            key: each.digest for key, each in other.guidelines[name].items()
        }


def find(terminology: Terminology, name: str, system: str, code: str) -> str | None:
    concept = terminology.find(system, code).get(name)
    return None if concept is None else concept.category


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (CM, "C50.912", "invasive"),
        (CM, "C50.999", "invasive"),
        (CM, "c50912", "invasive"),
        (f"{CM}|2026", "C50.912", "invasive"),
        (f"{CM}/", "C50.912 ", "invasive"),
        (CM, "C5", None),
        (CM, "C61", "other_primary"),
        (CM, "C80.1", "generic"),
        (CM, "", None),
        (CM, "C" * 500, None),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "C50.9+", "invasive"),
        ("http://example.org/local", "C50.912", None),
        ("", "C50.912", None),
    ],
)
def test_how_a_code_is_found(terminology: Terminology, system: str, code: str, expected: str | None) -> None:
    assert find(terminology, "breast_cancer", system, code) == expected


def test_the_nearest_listed_code_above_counts(terminology: Terminology) -> None:
    atc = "http://www.whocc.no/atc"
    assert find(terminology, "drugs", atc, "L01EF01") == "cdk46"
    assert find(terminology, "drugs", atc, "L01EB02") == "other"
    assert find(terminology, "drugs", atc, "L01FD01") == "anti_her2"
    assert find(terminology, "drugs", atc, "L01FD04") == "conjugate"


def test_words_are_whole_texts(terminology: Terminology) -> None:
    staging = terminology["staging"]
    assert staging.category_of_word(" Keine  Fernmetastasen ") == "M0"
    assert staging.category_of_word("not stage IV") is None


@pytest.mark.parametrize(
    ("code", "holds"), [("94222008", True), ("94222009", False), ("784176009", False), ("1", False), ("x" * 8, False)]
)
def test_check_digits(code: str, holds: object) -> None:
    assert check_digit_holds(code) is holds


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://snomed.info/sct", "snomed"),
        ("https://snomed.info/sct/", "snomed"),
        ("HTTP://snomed.info/sct", "snomed"),
        ("http://snomed.info/sct|http://snomed.info/sct/731000124108", "snomed"),
        ("http://snomed.info/sct/731000124108", "snomed"),
        ("http://snomed.info/sct/11000274103/version/20260515", "snomed"),
        ("urn:oid:2.16.840.1.113883.6.96", "snomed"),
        ("2.16.840.1.113883.6.96", "snomed"),
        ("urn:oid:2.16.840.1.113883.6.1", "loinc"),
        ("https://loinc.org", "loinc"),
        ("urn:oid:2.16.840.1.113883.6.88", "rxnorm"),
        ("urn:oid:2.16.840.1.113883.6.3", "icd10"),
        ("https://hl7.org/fhir/sid/icd-10-cm", "icd10cm"),
        ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "icd10gm"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm|2026", "icd10gm"),
        ("http://fhir.de/CodeSystem/dimdi/atc", "atc"),
        ("http://fhir.de/CodeSystem/dimdi/ops", "ops"),
        ("http://snomed.info/sctx", None),
        ("http://snomed.info", None),
        ("http://loinc.org/vs/LL1", None),
        ("", None),
        ("/" * 100_000, None),
    ],
)
def test_the_addresses_of_a_code_system(terminology: Terminology, address: str, name: str | None) -> None:
    assert terminology.system(address) == name
