"""TNM notation is read whole or not at all; what it says of distant metastasis is the guideline's, organ by organ."""

import csv
from pathlib import Path

import pytest

from service.fhir.tnm import Place, TnmReader
from service.knowledge.extraction import Notation
from service.knowledge.library import Library

with (Path(__file__).parents[1] / "data" / "tnm_notation.csv").open(newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
EXACT = dict.fromkeys(("IV", "IVA", "IVB", "IVC"), "M1")
ORGANS = {
    "breast": {"itc": "M0(i+)", "groups": EXACT},
    "colorectum": {"groups": EXACT},
    "prostate": {"groups": {"IVB": "M1"}},
    "kidney": {"groups": {}},
}
"""Stage IV is M1 of breast and bowel; of the prostate only IVB; of the kidney it is T4 or M1."""
PLACES = {"M value": Place.M_CATEGORY, "stage text": Place.TEXT}
WORDS = {"M0": "M0", "M1": "M1", "metastatic_at_diagnosis": "M1", "metastatic_later": "M1"}


def notation(organ: str, **more: str) -> Notation:
    names = ("doubt", "denial", "alternative", "metastasis", "at_recurrence", "at_autopsy", "suffix", "deposits")
    return Notation(list="staging", m0="M0", m1="M1", **{name: name for name in names}, **ORGANS[organ], **more)


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['organ']}-{row['text']}" for row in ROWS])
def test_each_string_says_what_it_says_for_its_organ_and_place(library: Library, row: dict[str, str]) -> None:
    words = library.terminology["staging"]
    category = words.category_of_word(row["text"]) if row["place"] == "M value" else None
    staging = TnmReader(notation(row["organ"]), words).read(row["text"], PLACES[row["place"]])
    value = WORDS.get(category or "", staging.value if staging is not None else "")
    assert (value or "-", (staging.group if staging is not None else "") or "-") == (row["m"], row["stage"])


def test_a_stage_group_below_iv_implies_no_metastasis_and_does_not_say_it(library: Library) -> None:
    staging = TnmReader(notation("breast", below="M0"), library.terminology["staging"]).read("Stage IIB", Place.TEXT)
    assert staging is not None
    assert (staging.value, staging.implied, staging.group) == ("", "M0", "IIB")


@pytest.mark.parametrize(
    ("text", "place", "value"),
    [
        ("IV", Place.STAGE_GROUP, "M1"),
        ("4", Place.STAGE_GROUP, "M1"),
        ("4A", Place.STAGE_GROUP, "M1"),
        ("p4", Place.STAGE_GROUP, "M1"),
        ("stage iv", Place.STAGE_GROUP, "M1"),
        ("IIB", Place.STAGE_GROUP, "M0"),
        ("5", Place.STAGE_GROUP, None),
        ("IV", Place.CODE, "M1"),
        ("4", Place.CODE, None),
        ("2", Place.CODE, None),
        ("0", Place.BARE_M, "M0"),
        ("0i+", Place.BARE_M, "M0(i+)"),
        ("0mol+", Place.BARE_M, "M0(i+)"),
        ("1", Place.BARE_M, "M1"),
        ("1b(1)", Place.BARE_M, "M1"),
        ("K", Place.BARE_M, None),
        ("0", Place.M_CATEGORY, None),
    ],
)
def test_only_its_place_makes_a_bare_value_a_notation(library: Library, text, place, value) -> None:
    staging = TnmReader(notation("breast", below="M0"), library.terminology["staging"]).read(text, place)
    assert (None if staging is None else staging.value or staging.implied) == value


@pytest.mark.parametrize(
    ("text", "sites", "recurrent"),
    [("cM1 (OSS, HEP)", ("OSS", "HEP"), False), ("rcT2 cN1 rM1", (), True), ("ycT2 ycN0 cM1", (), False)],
)
def test_sites_and_the_prefix_of_a_recurrence_are_kept(library: Library, text, sites, recurrent) -> None:
    staging = TnmReader(notation("breast"), library.terminology["staging"]).read(text, Place.TEXT)
    assert staging is not None
    assert (staging.value, staging.sites, staging.recurrent) == ("M1", sites, recurrent)


@pytest.mark.parametrize(
    "text", ["M0\nM1", "cT2 " * 40, "yyT2 cM1", "Stage IV (", "Stage IV)", "()", "(cM1)) ", "cM1,"]
)
def test_what_is_not_notation_to_its_last_character_is_not_read(library: Library, text: str) -> None:
    assert TnmReader(notation("breast"), library.terminology["staging"]).read(text, Place.TEXT) is None
