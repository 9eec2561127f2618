"""The code lists that FHIR resources are read by: content/terminology/<list>.yaml, immutable, with a digest of its own.

A list sorts its codes into categories that it names itself. What a category means for a guideline stands in the
guideline's extraction.yaml. All lists together make one index, so that each code of a record is looked up once.
`systems.yaml` names the code systems and the URIs that stand for them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from marshmallow import fields

from service.knowledge.schemas import Content, load_file, one_of, optional, text, truth
from service.knowledge.yaml_file import ContentError, ContentFault, read_yaml

SIDES = ("left", "right", "bilateral")
CODED, HINT = "coded", "hint"
PROOFS = (CODED, "linked", HINT)
"""How far the code of a finding goes: it says the organ itself; it needs a place or a link; it never counts."""

SHORTEST = 2
"""Fewest characters of a code whose descendants are meant as well."""


@dataclass(frozen=True)
class Concept:
    """A code and its category in one list."""

    system: str
    code: str
    display: str
    category: str
    below: bool = False
    """Whether every code that begins with this one is meant too, unless it is listed itself."""
    side: str | None = None
    site: str | None = None
    """The metastatic site that the code itself states, in the words of the guidelines that read it."""
    proof: str | None = None
    grade: str | None = None
    """CTCAE grade that the code itself states, 1 to 4."""


@dataclass(frozen=True)
class CodeList:
    """One list: codes by system, and whole words for values that hosts send as text."""

    id: str
    title: str
    source: str
    categories: Mapping[str, str]
    """Category -> what it stands for."""
    codes: tuple[Concept, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Category -> words, in lower case."""

    @cached_property
    def _categories_by_word(self) -> Mapping[str, str]:
        return {word: category for category, words in self.words.items() for word in words}

    def category_of_word(self, text: str) -> str | None:
        """Return the category of a whole text, if it is one of the words of this list."""
        return self._categories_by_word.get(_folded(text)) if len(text) <= LONGEST else None

    @cached_property
    def classifications(self) -> frozenset[str]:
        """The systems of which whole classes are listed: a code in none of them is certainly something else."""
        return frozenset(concept.system for concept in self.codes if concept.below)

    @cached_property
    def _any_word(self) -> re.Pattern[str]:
        words = sorted({word for words in self.words.values() for word in words}, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, words)) or r"(?!)")

    def categories_within(self, texts: Iterable[str]) -> frozenset[str]:
        """Return the categories of which a word stands somewhere in any of the texts."""
        candidates = [text for text in map(_folded, texts) if self._any_word.search(text)]
        if not candidates:
            return frozenset()
        return frozenset(
            category
            for category, words in self.words.items()
            if any(word in text for text in candidates for word in words)
        )

    def word_within(self, text: str, category: str) -> str | None:
        """Return the first word of a category that stands somewhere in a text."""
        folded = _folded(text)
        return next((word for word in self.words.get(category, ()) if word in folded), None)


def _folded(text: str) -> str:
    """Return the text as the words of a list are written."""
    return " ".join(text.lower().split())


LONGEST_ADDRESS = 512
"""Characters of the address of a code system, its version included."""
LONGEST = 64
"""Characters; no code and no word of a list is longer."""


class CodeIndex:
    """Every code of every list: (system, code) -> list -> concept."""

    def __init__(self, lists: Iterable[CodeList]) -> None:
        exact: dict[tuple[str, str], dict[str, Concept]] = {}
        for code_list in lists:
            for concept in code_list.codes:
                exact.setdefault((concept.system, concept.code), {})[code_list.id] = concept
        self._exact: Mapping[tuple[str, str], Mapping[str, Concept]] = exact
        self._below = {
            key: {name: concept for name, concept in found.items() if concept.below}
            for key, found in exact.items()
            if any(concept.below for concept in found.values())
        }
        self._below_systems = frozenset(system for system, _ in self._below)

    def find(self, system: str, code: str) -> Mapping[str, Concept]:
        """Return the concept of a code in each list that holds it, or holds the nearest code that it is below."""
        found = self._exact.get((system, code), NO_CONCEPTS)
        if system not in self._below_systems:
            return found
        for length in range(min(len(code), LONGEST) - 1, SHORTEST - 1, -1):
            above = self._below.get((system, code[:length]))
            if above is not None:
                found = {**above, **found}
        return found


NO_CONCEPTS: Mapping[str, Concept] = MappingProxyType({})


@dataclass(frozen=True)
class Terminology:
    """All code lists; empty where the content has none."""

    systems: Mapping[str, str]
    """Address -> name of the code system; `/*` at its end stands for every address below."""
    lists: Mapping[str, CodeList]
    digest: str

    def __bool__(self) -> bool:
        """Return whether there is anything to read by."""
        return bool(self.lists)

    def __getitem__(self, name: str) -> CodeList:
        """Return one list."""
        return self.lists[name]

    @cached_property
    def index(self) -> CodeIndex:
        """The index over all lists."""
        return CodeIndex(self.lists.values())

    def find(self, system: str, code: str) -> Mapping[str, Concept]:
        """Return the concept of a code in each list that knows it; system and code as they were sent."""
        key = self.key(system, code)
        return NO_CONCEPTS if key is None else self.index.find(*key)

    def key(self, system: str, code: str) -> tuple[str, str] | None:
        """Return the system's name and the code as the lists write it; None where the system is not known."""
        name = self.system(system)
        return None if name is None else (name, _as_listed(name, code.strip()))

    def system(self, address: str) -> str | None:
        """Return the name of a code system by any of its addresses; None where it is not known."""
        if len(address) > LONGEST_ADDRESS:
            return None
        above = plain_address(address.split("|", 1)[0])
        name = self.systems.get(above)
        while name is None and "/" in above:
            above = above.rpartition("/")[0]
            name = self.systems.get(f"{above}/*")
        return name


def plain_address(address: str) -> str:
    """Return what tells the address of one code system from that of another."""
    plain = address.strip().rstrip("/").lower()
    return plain.removeprefix("https://").removeprefix("http://").removeprefix("urn:oid:")


def _as_listed(system: str, code: str) -> str:
    """ICD codes are met without their dot, in lower case, and with the marks of the German edition."""
    if not system.startswith(("icd10", "icd9")):
        return code
    plain = code.upper().rstrip("+*! -")
    stem = 4 if system == "icd9cm" and plain.startswith("E") else 3  # C50 | 911, E878 | 1
    return f"{plain[:stem]}.{plain[stem:]}" if len(plain) > stem and "." not in plain else plain


class CodeSchema(Content):
    makes = Concept
    system, code, display, category = text(), text(), text(), text()
    below = truth()
    side = one_of(SIDES, required=False)
    site = optional()
    proof = one_of(PROOFS, required=False)
    grade = one_of(("1", "2", "3", "4"), required=False)


class CodeListSchema(Content):
    id, title, source = text(), text(), text()
    categories = fields.Dict(fields.String(), fields.String(), required=True)
    words = fields.Dict(fields.String(), fields.List(fields.String()), load_default=dict)
    codes = fields.List(fields.Nested(CodeSchema), required=True)


def load_terminology(folder: Path, digest: str) -> Terminology:
    """Load every list of a folder; without the folder there are none. Raise ContentError with all faults."""
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
            made = load_file(schema, file)
        except ContentError as error:
            faults += error.faults
            continue
        lists[file.stem] = CodeList(**made | {"words": {name: tuple(words) for name, words in made["words"].items()}})
        wrong = _faults(lists[file.stem], file.stem, set(systems.values()))
        faults += [ContentFault(str(file), path, detail) for path, detail in wrong]
    if faults:
        raise ContentError(faults)
    return Terminology(MappingProxyType(systems), MappingProxyType(lists), digest)


def _systems(file: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, uris in _mapping(file).items():
        for index, uri in enumerate(uris if isinstance(uris, list) else [uris]):
            key = plain_address(uri) if isinstance(uri, str) else ""
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
    for category, words in made.words.items():
        if category not in made.categories:
            yield f"/words/{category}", "no such category"
        if any(word != _folded(word) or not word for word in words):
            yield f"/words/{category}", "words are written in lower case"
    seen: set[tuple[str, str]] = set()
    for index, concept in enumerate(made.codes):
        if (concept.system, concept.code) in seen:
            yield f"/codes/{index}/code", f"{concept.code} stands twice"
        seen.add((concept.system, concept.code))
        if concept.system not in systems:
            yield f"/codes/{index}/system", f"no such code system: {concept.system}"
        if concept.category not in made.categories:
            yield f"/codes/{index}/category", f"no such category: {concept.category}"
        if concept.system == "snomed" and not check_digit_holds(concept.code):
            yield f"/codes/{index}/code", f"{concept.code}: the check digit is wrong"


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
