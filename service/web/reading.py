"""A study's file, as it was read, told in rows of label and text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RATIOS = {"hr": "Hazard ratio", "dl_hr": "Hazard ratio (DerSimonian-Laird)", "rr": "Relative risk", "or": "Odds ratio"}
QUANTITIES = {"months": "{} months", "pct": "{}%", "value": "{}", "n": "{} people", "years": "{}"}
INTERVAL = ("ci_low", "ci_high", "ci_level")
TOLD_ELSEWHERE = ("id", "short_name", "ref", "display", "caveat", "read_in", "biblio", "derived", "name")
ELSEWHERE = ("same_as", "see_study", "superseded_by")
"""Members whose value is the id of another study."""
WORDS = {
    "lrt": "with local treatment", "st": "with systemic therapy alone", "pct": "(%)", "n": "number", "ids": "numbers",
    "os": "overall survival", "pfs": "progression-free survival", "ci": "interval", "hr": "hazard ratio", "p": "p",
    "i2": "I2", "smd": "standardised mean difference", "rct": "randomised trials", "bcs": "breast conservation",
    "er": "ER", "her2": "HER2", "cns": "CNS", "ecog": "ECOG", "asco": "ASCO", "sabcs": "SABCS", "ct3": "cT3",
    "cn2": "cN2", "pmid": "PMID", "pmcid": "PMCID", "doi": "DOI", "jcog1017": "JCOG1017", "e2108": "E2108",
    "abcsg": "ABCSG-28", "mf10y": "MF07-01 at ten years",
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One row: its label, what is said, how it was read, what must be said beside it, the rows below it.

    `study` is another study that it names.
    """

    label: str
    text: str = ""
    read_in: str | None = None
    caveat: str | None = None
    derived: bool = False
    study: str | None = None
    rows: tuple["Told", ...] = ()


def rows(content: Mapping[str, Any]) -> tuple[Told, ...]:
    """The rows of a study, or of a part of it."""
    return tuple(_told(name, part) for name, part in content.items() if name not in TOLD_ELSEWHERE)


def label(name: str) -> str:
    """A member's name in words."""
    words = " ".join(WORDS.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:]


def _told(name: str, part: Any) -> Told:
    if isinstance(part, dict):
        used, text = _sentence(part)
        rest = {key: value for key, value in part.items() if key not in used}
        marked = part.get("derived") == "true"
        return Told(label(name), text, part.get("read_in"), part.get("caveat"), marked, rows=rows(rest))
    if isinstance(part, list):
        named = [item for item in part if isinstance(item, dict)]
        plain = "; ".join(_plain(item) for item in part if not isinstance(item, dict))
        return Told(label(name), plain, rows=tuple(_told(str(item.get("name", "")), item) for item in named))
    return Told(label(name), _plain(part), study=part if name in ELSEWHERE else None)


def _sentence(part: Mapping[str, Any]) -> tuple[set[str], str]:
    """The members that belong together in one sentence, and the sentence."""
    used: set[str] = set()
    said = []
    for name, words in RATIOS.items():
        if name in part and not isinstance(part[name], dict | list):
            said.append(f"{words} {_plain(part[name])}")
            used.add(name)
            break
    for name, form in QUANTITIES.items():
        if name in part and not isinstance(part[name], dict | list | type(None)):
            said.append(form.format(_plain(part[name])))
            used.add(name)
    if "ci_low" in part and "ci_high" in part:
        level = f"{part['ci_level']}% " if part.get("ci_level") else ""
        interval = f"{level}CI {part['ci_low']} to {part['ci_high']}"
        said[:1] = [f"{said[0]} ({interval})" if said else interval]
        used |= {*INTERVAL}
    if said and part.get("p") and not isinstance(part["p"], dict):
        said.append(f"p {part['p']}")
        used.add("p")
    return used, ", ".join(said)


def _plain(value: Any) -> str:
    return {"true": "yes", "false": "no", "None": "not known"}.get(str(value), str(value))
