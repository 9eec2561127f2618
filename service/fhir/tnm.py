"""TNM notation: a stage that is written as a formula, such as `UICC IV (cT3 cN2a cM1)`. Read whole, or not at all.

Nothing is searched for in a sentence. What a category and a stage group say of distant metastasis differs by organ:
that stands in the guideline's extraction.yaml (`notation`), and so do the words of a remark.
"""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from enum import Enum

from service.knowledge.extraction import Notation
from service.knowledge.terminology import CodeList

LONGEST = 120
"""Characters of a formula with its remark."""
PARTS = frozenset("yra")
"""Prefixes that say when a category was found: after therapy, at a recurrence, at an autopsy."""
AUTOPSY = "a"
NOT_KNOWN = "MX is not known"
"""The fault of a notation that is no evidence either way."""

_INVISIBLE = {ord(char): None for char in "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"}
_DASHES = {ord(char): "-" for char in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"}
_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_TAG = re.compile(r" ?\((?:qualifier value|finding|tumor staging)\)\Z", re.IGNORECASE)
_CATEGORY = re.compile(r" category\Z", re.IGNORECASE)
_AUTHORITY = re.compile(
    r"(?:American Joint Committee on Cancer|Union for International Cancer Control"
    r"|AJCC/UICC [0-9]th(?: clinical| pathological)?) "
)

_PREFIX = r"(?P<when>[yra]{0,2})[cpu]?"
_ITC = r"(?: ?\((?:i|mol)[+-]\)| ?(?:i|mol)[+-])"
_SITE = r"(?:PUL|OSS|HEP|BRA|LYM|MAR|PLE|PER|ADR|SKI|OTH|GEN)"
_GROUP = r"(?P<group>(?:IV|I{1,3})(?:[A-D][1-3]?)?|0(?:is|a)?|[1-4][A-D]?)(?![A-Za-z0-9+(])"
_T = re.compile(
    _PREFIX + r"T(?:X|x|0|is|a|[1-4](?:mic|mi)?[a-e]?[1-3]?)(?: ?\((?:DCIS|LCIS|Paget|LAMN|m|is|[0-9]{1,3})\))*"
)
_N = re.compile(
    _PREFIX + r"N(?:X|x|0|[1-3])(?:mi|[a-c])?(?: ?\((?:(?:i|mol)[+-]|sn|mi|f|[0-9]{1,3}/[0-9]{1,3})\))*(?![0-9?])"
)
_M_TOKEN = (
    _PREFIX
    + rf"M(?P<m>[Xx]|0(?P<itc>{_ITC})?|1[a-e]?(?:\([01]\))?(?P<sites> ?\({_SITE}(?:(?: ?[,;/] ?| ){_SITE})*\))?)"
    + r"(?![A-Za-z0-9?+])"
)
_M = re.compile(_M_TOKEN)
_M_ALONE = re.compile(_M_TOKEN, re.IGNORECASE)
_BARE_M = re.compile(rf"(?P<m>[Xx]|0(?P<itc>{_ITC})?|1[a-e]?(?:\([01]\))?)", re.IGNORECASE)
"""The field of the M category without its letter, as registries store it."""
_OTHER = re.compile(r"(?:L[01X]|V[0-2X]|Pn[01X]|R(?:1\((?:is|cy\+)\)|[0-2X])|S[0-3X]|G[1-4X])(?![A-Za-z0-9?])")
_LABEL = r"(?:(?:AJCC/UICC(?: [0-9]th)?|AJCC|UICC|TNM) )?"
_STAGE = re.compile(rf"(?:{_LABEL}(?:Stage|stage|Stadium|stadium)|UICC|AJCC) {_GROUP}")
_STAGE_ALONE = re.compile(rf"(?:{_LABEL}(?:Stage|Stadium) |(?:UICC|AJCC) )?[cp]?{_GROUP}", re.IGNORECASE)
_ROMAN_GROUP = re.compile(r"(?P<group>(?:IV|I{1,3})(?:[A-D][1-3]?)?)")
_STAGE_SIGN = re.compile(r"(?P<group>(?:IV|I{1,3})(?:[A-D][1-3]?)?)\u671f")
_SEPARATOR = re.compile(r" ?[,;/] ?| ")
_WORD = re.compile(r"\w+")
_ROMAN = {"1": "I", "2": "II", "3": "III", "4": "IV"}


class Place(Enum):
    """Where a text stands: the code beside it decides how short a notation may be."""

    M_CATEGORY = "the value of an observation of the M category"
    BARE_M = "the same in a code system that leaves the letter M out"
    STAGE_GROUP = "the value of an observation of the stage group"
    CODE = "a code of a code system of TNM at a Condition"
    TEXT = "anywhere else"


@dataclass(frozen=True)
class Staging:
    """What a notation says of distant metastasis."""

    value: str = ""
    """The value of the fact that an M category or a stage group states; empty for none."""
    implied: str = ""
    """The value that a stage group implies although the text does not say it."""
    group: str = ""
    sites: tuple[str, ...] = ()
    """Codes of the sites behind an M category."""
    recurrent: bool = False
    """Whether it was found at a recurrence (prefix r)."""
    fault: str = ""
    """Why a notation that was understood states no value."""


@dataclass
class _Formula:
    """The tokens of a formula, as written."""

    m: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    sites: list[str] = field(default_factory=list)
    when: set[str] = field(default_factory=set)
    """Prefixes of the M category; those of T and N say nothing of it, but for r."""
    recurrent: bool = False


class TnmReader:
    """Reads notations as one guideline understands them; each distinct text once."""

    def __init__(self, notation: Notation, words: CodeList) -> None:
        self.notation, self.words = notation, words
        self._doubts = words.words.get(notation.doubt, ())
        self._denials = frozenset(words.words.get(notation.denial, ()))
        self._alternatives = frozenset(words.words.get(notation.alternative, ()))
        self._metastases = words.words.get(notation.metastasis, ())

    def read(self, text: str, place: Place) -> Staging | None:
        """Return what a text says; None for what is no notation from its first to its last character."""
        cleaned = clean(text)
        if cleaned is None:
            return None
        formula = _of_place(cleaned, place)
        if formula is None and place is not Place.BARE_M:
            formula = self._text(cleaned)
        return None if formula is None else self._staging(formula)

    def _text(self, text: str) -> _Formula | None:
        head, dash, remark = text.partition(" - ")
        formula = _Formula()
        if not _parse(head, formula):
            return None
        if not dash or _parse(remark, other := _Formula()):
            return formula if not dash else _both(formula, other)
        return None if self._forbids(remark, formula) else formula

    def _forbids(self, remark: str, formula: _Formula) -> bool:
        """Return whether a remark in words doubts or contradicts the formula before it."""
        folded = remark.casefold()
        words = frozenset(_WORD.findall(folded))
        if "?" in folded or any(word in folded for word in self._doubts):
            return True
        notation = self.notation
        value = self._staging(formula).value
        if (formula.m or value == notation.m1) and words & self._alternatives:
            return True
        metastasis = any(word in folded for word in self._metastases)
        denied = bool(words & self._denials)
        return metastasis and (
            (value == notation.m1 and denied) or (bool(value) and value != notation.m1 and not denied)
        )

    def _staging(self, formula: _Formula) -> Staging:
        notation = self.notation
        group = next(iter(formula.groups), "") if len(formula.groups) == 1 else ""
        by_group = notation.groups.get(group) or notation.groups.get(group.rstrip("123")) or ""
        is_below = bool(group) and not group.startswith("IV")
        staging = Staging(group=group, sites=tuple(formula.sites), recurrent=formula.recurrent)
        fault = _fault(formula)
        values = {_m_value(notation, token) for token in formula.m}
        if not fault and None in values:
            fault = "M0 with isolated tumour cells, which does not exist for this cancer"
        if not fault and len(values) > 1:
            fault = "two M categories that differ"
        value = next(iter(values), "") or "" if not fault else ""
        group_value = by_group or (notation.m0 if is_below else "")
        if value and group_value and (value == notation.m1) != (group_value == notation.m1):
            fault, value = "the M category and the stage group exclude each other", ""
        if fault:
            return replace(staging, fault=fault)
        if value:
            return replace(staging, value=value)
        return replace(staging, value=by_group, implied=(notation.below or "") if is_below else "")


def _fault(formula: _Formula) -> str:
    if AUTOPSY in formula.when:
        return "an M category found at an autopsy"
    if "MX" in formula.m:
        return NOT_KNOWN
    if len(formula.groups) > 1:
        return "two stage groups that differ"
    return ""


def _m_value(notation: Notation, token: str) -> str | None:
    """Return the value of an M category; None for one that does not exist for this cancer."""
    return {"M0": notation.m0, "M1": notation.m1}.get(token, notation.itc)


def clean(text: str) -> str | None:
    """Return a text as the grammar reads it; None for what holds a footnote or a line break, or is too long."""
    if any(unicodedata.decomposition(char).startswith(("<super>", "<sub>")) for char in text if char > "\x7f"):
        return None
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_INVISIBLE).translate(_DASHES)
    plain = re.sub(" {2,}", " ", plain).strip(" ")
    if not plain or len(plain) > LONGEST or _LINE_BREAK.search(plain):
        return None
    plain = _CATEGORY.sub("", _TAG.sub("", plain))
    return _AUTHORITY.sub("", plain, count=1) if _AUTHORITY.match(plain) else plain


def _of_place(text: str, place: Place) -> _Formula | None:
    """Return what a text says that only its place makes a notation: an M category alone, a bare stage group."""
    pattern = {
        Place.M_CATEGORY: _M_ALONE,
        Place.BARE_M: _BARE_M,
        Place.STAGE_GROUP: _STAGE_ALONE,
        Place.CODE: _ROMAN_GROUP,
    }.get(place)
    match = pattern.fullmatch(text) if pattern is not None else None
    if match is None:
        return None
    formula = _Formula()
    if place in {Place.M_CATEGORY, Place.BARE_M}:
        return formula if _take_m(match, formula) else None
    formula.groups.add(_group(match["group"]))
    return formula


def _parse(text: str, formula: _Formula) -> bool:
    """Read a whole formula; return whether nothing is left over."""
    end = _tokens(text, 0, formula, nested=False)
    return end == len(text)


def _tokens(text: str, start: int, formula: _Formula, *, nested: bool) -> int:
    """Read tokens from a position, and return where they end; -1 for none or for what is no token."""
    position, touching = start, False
    while True:
        category = _category(text, position, formula)
        end = category
        if end < 0 and not touching:
            end = _other_token(text, position, formula, nested=nested)
        if end < 0:
            return -1
        if end == len(text) or (nested and text[end] == ")"):
            return end
        separator = _SEPARATOR.match(text, end)
        if separator is None and category < 0:
            return -1
        # T, N and M may stand without a space between them; nothing else may.
        touching, position = separator is None, end if separator is None else separator.end()


def _category(text: str, position: int, formula: _Formula) -> int:
    for pattern in (_T, _N):
        if match := pattern.match(text, position):
            formula.recurrent |= "r" in match["when"]
            return match.end() if _are_distinct(match["when"]) else -1
    match = _M.match(text, position)
    return match.end() if match is not None and _take_m(match, formula) else -1


def _other_token(text: str, position: int, formula: _Formula, *, nested: bool) -> int:
    if match := _OTHER.match(text, position):
        return match.end()
    if match := _STAGE.match(text, position) or _STAGE_SIGN.match(text, position):
        formula.groups.add(_group(match["group"]))
        return match.end()
    if not nested and text.startswith("(", position):
        end = _tokens(text, position + 1, formula, nested=True)
        return end + 1 if 0 <= end < len(text) else -1
    return -1


def _take_m(match: re.Match[str], formula: _Formula) -> bool:
    parts = match.groupdict()
    when, category = (parts.get("when") or "").lower(), parts["m"].upper()
    if not _are_distinct(when):
        return False
    deposits = (parts["itc"] or "").endswith(("+", "+)"))
    formula.m.add("MX" if category == "X" else f"M{category[0]}{'(i+)' if deposits else ''}")
    formula.when.update(when)
    formula.recurrent |= "r" in when
    formula.sites += re.findall("[A-Z]{3}", (parts.get("sites") or "").upper())
    return True


def _are_distinct(when: str) -> bool:
    return len(set(when)) == len(when)


def _group(text: str) -> str:
    group = text if text.startswith("0") else text.upper()
    return _ROMAN.get(group[0], group[0]) + group[1:] if group[0].isdigit() else group


def _both(formula: _Formula, other: _Formula) -> _Formula:
    return _Formula(
        formula.m | other.m,
        formula.groups | other.groups,
        formula.sites + other.sites,
        formula.when | other.when,
        formula.recurrent or other.recurrent,
    )
