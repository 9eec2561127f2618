"""The code lists that FHIR resources are read by: content/terminology/<list>.yaml, immutable, with a digest of its own.

A list says what each of its codes means in words of a closed set. The readers in service/ehr know the words, never
a code, so a new code is a new line of YAML. `systems.yaml` names the code systems and the URIs that stand for them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields

from service.knowledge.schemas import Content, one_of, text, truth
from service.knowledge.yaml_file import ContentError, ContentFault, flat, read_yaml

SIDES = ("left", "right", "bilateral")
PROOFS = ("coded", "linked", "hint")
"""How far a code of a complication goes: says breast or tumour itself; needs a place or a link; never counts."""

SITES = (
    "bone", "lung", "liver", "brain", "pleura", "peritoneum", "distant_node", "skin_distant", "adrenal", "marrow",
    "other",
)  # fmt: skip

MEANINGS: Mapping[str, tuple[str, ...]] = {
    "body_sites": ("breast", "chest_wall", "regional_node", "bone", "lung", "liver", "brain", "elsewhere", "side"),
    "breast_cancer": (
        "invasive", "recurrence", "in_situ", "history", "other_breast", "generic", "other_primary", "histology",
    ),
    "complications": (
        "bleeding", "ulceration", "infection", "sepsis_signs", "pain", "odour", "lymphoedema", "plexopathy",
        "chest_wall_necrosis", "treatment_effect",
    ),
    "disease_status": (
        "status", "registry_status", "recist", "improved", "stable", "worsened", "undetermined",
        "distant_metastasis", "CR", "PR", "SD", "PD", "NE", "NON_CR_NON_PD",
    ),
    "drugs": ("chemotherapy", "anti_her2", "cdk46", "endocrine", "immunotherapy", "other"),
    "metastases": (
        "distant", "generic", "from_breast", "to_breast", "regional", "indeterminate", "supporting", "history",
        "other_primary",
    ),
    "observations": (
        "ecog", "er", "pr", "her2", "er_percent", "pr_percent", "menopause", "platelets", "haemoglobin",
        "temperature", "pregnant",
    ),
    "presence": ("present", "absent"),
    "procedures": (
        "mastectomy", "excision", "excision_of_mass", "node_surgery", "biopsy", "absence_of_breast", "radiotherapy",
        "radiotherapy_history", "chemotherapy", "chemotherapy_encounter",
    ),
    "staging": (
        "stage_group", "m_category", "distant_site", "node_count", "history_of_metastasis", "stage_iv",
        "stage_below_iv", "M0", "M0(i+)", "M1", "none_found", "staging_system",
    ),
    "tumour_traits": (
        "er_positive", "er_negative", "pr_positive", "pr_negative", "her2_positive", "her2_negative",
        "triple_negative", "inflammatory",
    ),
    "values": (
        "positive", "negative", "premenopausal", "perimenopausal", "postmenopausal",
        "ecog_0", "ecog_1", "ecog_2", "ecog_3", "ecog_4",
    ),
}  # fmt: skip
"""The lists, and the words that service/ehr understands of each."""

SHORTEST = 2
"""Fewest characters of a code whose descendants are meant as well."""


@dataclass(frozen=True)
class Concept:
    """A code and what it means here."""

    system: str
    code: str
    display: str
    means: str
    below: bool = False
    """Whether every code that begins with this one is meant too, unless it is listed itself."""
    side: str | None = None
    site: str | None = None
    proof: str | None = None
    grade: str | None = None
    """CTCAE grade that the code itself states, 1 to 4."""


@dataclass(frozen=True)
class CodeList:
    """One list: codes by system, and whole words for values that hosts send as text."""

    id: str
    title: str
    source: str
    meanings: Mapping[str, str]
    codes: tuple[Concept, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Meaning -> words, in lower case."""

    @cached_property
    def _exact(self) -> Mapping[tuple[str, str], Concept]:
        return {(concept.system, concept.code): concept for concept in self.codes}

    @cached_property
    def _word(self) -> Mapping[str, str]:
        return {word: means for means, words in self.words.items() for word in words}

    def find(self, system: str, code: str) -> Concept | None:
        """The concept of a code, or of the nearest listed code that it is below."""
        found = self._exact.get((system, code))
        for length in range(min(len(code), LONGEST) - 1, SHORTEST - 1, -1) if found is None else ():
            above = self._exact.get((system, code[:length]))
            if above is not None and above.below:
                return above
        return found

    def word(self, said: str) -> str | None:
        """What a whole text means, if it is one of the words of this list."""
        return self._word.get(_folded(said)) if len(said) <= LONGEST else None

    @cached_property
    def _some_word(self) -> re.Pattern[str]:
        words = sorted({word for words in self.words.values() for word in words}, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, words)) or r"(?!)")

    def meant(self, texts: Iterable[str]) -> set[str]:
        """The meanings of which a word stands somewhere in any of the texts."""
        telling = [text for text in map(_folded, texts) if self._some_word.search(text)]
        return {means for means, words in self.words.items() if any(word in text for text in telling for word in words)}

    def contains_word(self, said: str, means: str) -> str | None:
        """The first word of a meaning that stands somewhere in a text."""
        text = _folded(said)
        return next((word for word in self.words.get(means, ()) if word in text), None)


def _folded(text: str) -> str:
    """As the words of a list are written."""
    return " ".join(text.lower().split())


LONGEST = 64
"""No code and no word of a list is longer."""


@dataclass(frozen=True)
class Terminology:
    """All code lists; empty where the content has none."""

    systems: Mapping[str, str]
    """URI -> name of the code system."""
    lists: Mapping[str, CodeList]
    digest: str

    def __bool__(self) -> bool:
        """Whether there is anything to read by."""
        return bool(self.lists)

    def __getitem__(self, name: str) -> CodeList:
        """One list."""
        return self.lists[name]

    def concept(self, name: str, system: str, code: str) -> Concept | None:
        """What a code means in one list; the system as it was sent."""
        key = self.key(system, code)
        return None if key is None else self.lists[name].find(*key)

    def key(self, system: str, code: str) -> tuple[str, str] | None:
        """Name of the system and the code as the lists write it, or None where the system is not known."""
        name = self.systems.get(system.strip().rstrip("/").split("|", 1)[0].lower())
        return None if name is None else (name, _as_listed(name, code.strip()))


def _as_listed(system: str, code: str) -> str:
    """ICD codes are met without their dot, in lower case, and with the marks of the German edition."""
    if not system.startswith("icd10"):
        return code
    plain = code.upper().rstrip("+*! -")
    return f"{plain[:3]}.{plain[3:]}" if len(plain) > 3 and "." not in plain else plain  # noqa: PLR2004 - C50 | 911


class CodeSchema(Content):
    makes = Concept
    system, code, display, means = text(), text(), text(), text()
    below = truth()
    side = one_of(SIDES, required=False)
    site = one_of(SITES, required=False)
    proof = one_of(PROOFS, required=False)
    grade = one_of(("1", "2", "3", "4"), required=False)


class CodeListSchema(Content):
    id, title, source = text(), text(), text()
    meanings = fields.Dict(fields.String(), fields.String(), required=True)
    words = fields.Dict(fields.String(), fields.List(fields.String()), load_default=dict)
    codes = fields.List(fields.Nested(CodeSchema), required=True)


def load_terminology(folder: Path, digest: str) -> Terminology:
    """Load every list of a folder; without the folder there are none. Raises ContentError with all faults."""
    if not folder.exists():
        return Terminology({}, {}, digest)
    systems = _systems(folder / "systems.yaml")
    lists: dict[str, CodeList] = {}
    faults: list[ContentFault] = []
    schema = CodeListSchema()
    for file in sorted(folder.glob("*.yaml")):
        if file.name == "systems.yaml":
            continue
        try:
            made = schema.load(read_yaml(file))
        except ContentError as error:
            faults += error.faults
            continue
        except ValidationError as error:
            faults += [ContentFault(str(file), path, detail) for path, detail in flat(error.messages)]
            continue
        lists[file.stem] = CodeList(**made | {"words": {means: tuple(words) for means, words in made["words"].items()}})
        wrong = _faults(lists[file.stem], file.stem, set(systems.values()))
        faults += [ContentFault(str(file), path, detail) for path, detail in wrong]
    if not faults and (missing := sorted(set(MEANINGS) - set(lists))):
        faults = [ContentFault(str(folder), "", f"the list {name} is missing") for name in missing]
    if faults:
        raise ContentError(faults)
    return Terminology(MappingProxyType(systems), MappingProxyType(lists), digest)


def _systems(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, uris in _mapping(file).items():
        for index, uri in enumerate(uris if isinstance(uris, list) else [uris]):
            key = uri.rstrip("/").lower() if isinstance(uri, str) else ""
            if not key or key in found:
                detail = f"{key} stands twice" if key else "must be a list of URIs"
                raise ContentError([ContentFault(str(file), f"/{name}/{index}", detail)])
            found[key] = name
    return found


def _mapping(file: Path) -> dict[str, Any]:
    tree = read_yaml(file)
    if not isinstance(tree, dict):
        raise ContentError([ContentFault(str(file), "", "must map a name to a list of URIs")])
    return tree


def _faults(made: CodeList, stem: str, systems: set[str]) -> Iterable[tuple[str, str]]:
    if made.id != stem:
        yield "/id", "id and file name differ"
    known = MEANINGS.get(stem)
    if known is None:
        yield "", "nothing reads a list of this name"
        return
    for name in sorted({*known} ^ {*made.meanings}):
        yield f"/meanings/{name}", "missing" if name in known else "nothing understands this meaning"
    for means, words in made.words.items():
        if means not in known:
            yield f"/words/{means}", "no such meaning"
        if any(word != _folded(word) or not word for word in words):
            yield f"/words/{means}", "words are written in lower case"
    seen: set[tuple[str, str]] = set()
    for index, concept in enumerate(made.codes):
        if (concept.system, concept.code) in seen:
            yield f"/codes/{index}/code", f"{concept.code} stands twice"
        seen.add((concept.system, concept.code))
        for member, detail in _faults_of(concept, stem, systems):
            yield f"/codes/{index}/{member}", detail


def _faults_of(concept: Concept, stem: str, systems: set[str]) -> Iterable[tuple[str, str]]:
    if concept.system not in systems:
        yield "system", f"no such code system: {concept.system}"
    if concept.means not in MEANINGS[stem]:
        yield "means", f"no such meaning: {concept.means}"
    if concept.system == "snomed" and not check_digit_holds(concept.code):
        yield "code", f"{concept.code}: the check digit is wrong"
    if (concept.proof is None) == (stem == "complications"):
        yield "proof", "codes of complications say how far they go, others do not"


def check_digit_holds(code: str) -> bool:
    """Whether a SNOMED CT identifier ends in its check digit (Verhoeff)."""
    if not re.fullmatch(r"[0-9]{6,18}", code):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        number = int(digit)
        for _ in range(place % 8):
            number = _TURN[number]
        check = _times(check, number)
    return check == 0


_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _times(one: int, other: int) -> int:
    """The product in the dihedral group of the pentagon, on which Verhoeff's check digit is built."""
    if one < 5:  # noqa: PLR2004 - rotations are 0 to 4, reflections 5 to 9
        return (one + other) % 5 if other < 5 else 5 + (one + other) % 5  # noqa: PLR2004
    return 5 + (one - other) % 5 if other < 5 else (one - other) % 5  # noqa: PLR2004
