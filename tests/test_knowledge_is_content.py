"""Knowledge is content, never Python: no code names an organ, a drug, a trial or a fact of a guideline."""

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from service.knowledge.library import Library
from service.knowledge.vocabulary import Fact, Findings, Record
from tests.conftest import ROOT

ORGANS = (
    "breast", "breasts", "mamma", "mammary", "nipple", "axilla", "axillary", "mastectomy", "lumpectomy",
    "stomach", "gastric", "gastrectomy", "colonic", "colectomy", "rectum", "prostate", "prostatectomy", "pancreas",
    "kidney", "nephrectomy", "ovary", "uterus", "her2", "oestrogen", "estrogen",
)  # fmt: skip
"""Organs of solid cancers, their operations and receptors. No list of the content names organs as such."""

ALLOWED: Mapping[str, str] = {
    "metastatic_axis": "derived, a member of answers in API.md",
    "response_axis": "derived, a member of answers in API.md",
    "complication_tier": "derived, a member of answers in API.md",
    "as_of": "the day of the question, in whichever guideline: a plain variable",
    "submit": "an English word: a form is submitted",
    "cancer": "an English word in the name of a journal; this service is about cancers",
    "metastasis": "an English word in the name of a journal",
    "treat": "an English word in the name of a journal",
    "extend": "an English word, the short name of a trial: a list is extended",
    "surgery": "an English word in the title of a hypothesis",
    "necrosis": "an English word in the title of a series; the finding has a name of its own",
}
"""Word -> why it may stand in the code all the same."""

NAME = re.compile(r"\b[A-Z][A-Za-z0-9]{3,}\b")
"""A word of a study's short name that is a name: "E2108", "Tata", and not "five-year"."""
RUN = re.compile(r"[a-z0-9_]+")
Found = tuple[str, int, str]
"""File, line and word."""


def words_of(library: Library) -> set[str]:
    """Return what no code may name, in lower case."""
    words = set(ORGANS)
    for guideline in (release for releases in library.guidelines.values() for release in releases.values()):
        names = [name for fact in guideline.vocabulary.facts.values() for name in names_of(fact)]
        names += [table.table.name for table in guideline.chain.tables]
        words |= {part for name in names for part in name.split(".") if "_" in part}
        if guideline.extraction is not None:
            drugs = library.terminology[guideline.extraction.therapy.drugs.list]
            words |= {word for group in drugs.words.values() for word in group}
    for name, study in library.studies.items():
        words |= {name, *NAME.findall(f"{study.get('short_name', '')} {study.get('ref', '')}")}
    return {word.lower() for word in words}


def names_of(fact: Fact) -> Iterator[str]:
    """Yield the names of a fact and of its parts."""
    yield fact.path
    if isinstance(fact, Record):
        yield from fact.members
    if isinstance(fact, Findings):
        for name, finding in fact.findings.items():
            yield name
            yield from finding.flags


def named_in(sources: Iterable[Path], words: set[str]) -> list[Found]:
    """Return each word that stands in a name, a text or a comment; in a name it may be a part between underscores."""
    most = max(word.count("_") for word in words) + 1
    return [
        (file.name if not file.is_relative_to(ROOT) else str(file.relative_to(ROOT)), line, word)
        for file in sources
        for line, text in texts_in(file)
        for run in RUN.findall(text)
        for word in parts_of(run, most)
        if word in words
    ]


def parts_of(run: str, most: int) -> Iterator[str]:
    """Yield the parts of a name between its underscores, and up to so many of them together."""
    parts = run.split("_")
    for start in range(len(parts)):
        for end in range(start + 1, min(len(parts), start + most) + 1):
            yield "_".join(parts[start:end])


KINDS = (tokenize.NAME, tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))


def texts_in(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of names, texts and comments in lower case, with capitals inside a name as a new part of it."""
    for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline):
        if token.type in KINDS:
            for number, line in enumerate(token.string.splitlines()):
                yield token.start[0] + number, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", line).lower()


@pytest.fixture(scope="module")
def words(library: Library) -> set[str]:
    return words_of(library) - ALLOWED.keys()


def test_no_code_of_the_service_names_what_a_guideline_is_about(words: set[str]) -> None:
    assert named_in(sorted((ROOT / "service").rglob("*.py")), words) == []


def test_the_words_are_those_of_the_content(words: set[str]) -> None:
    assert {"metastatic_status", "assessed_on", "chest_wall_necrosis", "vessel_exposed"} <= words
    assert {"trastuzumab", "e2108", "jcog1017", "tata_lancet_oncol_2015"} <= words


def test_every_word_that_is_allowed_is_one_of_the_content(library: Library) -> None:
    assert ALLOWED.keys() <= words_of(library)


@pytest.mark.parametrize(
    "code",
    [
        "her2 = 1",
        "def is_breast(): ...",
        "class BreastCancer: ...",
        "x = {'metastatic_status': 1}",
        "x = f'{y} and haemoglobin_g_per_dl'",
        "x = point.chest_wall_necrosis",
        "x = 1  # as in E2108",
        '"""Doses\nof Trastuzumab."""',
        "no_metastatic_status = 1",
    ],
)
def test_a_word_is_found_wherever_it_stands(tmp_path: Path, words: set[str], code: str) -> None:
    file = tmp_path / "code.py"
    file.write_text(code)
    assert len(named_in([file], words)) == 1


def test_a_part_of_another_word_is_no_word(tmp_path: Path, words: set[str]) -> None:
    file = tmp_path / "code.py"
    file.write_text("abreast = colony = 'a semicolon; submitted as_of today'\n")
    assert named_in([file], words) == []
