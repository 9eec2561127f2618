"""A study's file as rows of label and text, in the words of the study and of the guideline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.evidence.figures import ABBREVIATIONS
from service.evidence.outcomes import Evidence
from service.evidence.study_file import LABELS

RATIOS = {
    "hr": "Hazard ratio",
    "dl_hr": "Hazard ratio (DerSimonian-Laird)",
    "rr": "Relative risk",
    "or": "Odds ratio",
    "hr_ratio": "Ratio of hazard ratios",
}
QUANTITIES = {"months": "{} months", "pct": "{}%", "value": "{}", "n": "{} people", "years": "{}"}
INTERVAL = ("ci_low", "ci_high", "ci_level", "interval")
SHOWN_ELSEWHERE = ("id", "short_name", "ref", "display", "caveat", "read_in", "biblio", "derived", "name", LABELS)
STUDY_REFERENCES = ("same_as", "see_study", "superseded_by")
"""Members whose value is the id of another study."""
WORDS = {
    "pct": "(%)", "n": "number", "ids": "numbers", "ci": "interval", "hr": "hazard ratio", "i2": "I2",
    "smd": "standardised mean difference", "rct": "randomised trials", "pmid": "PMID", "pmcid": "PMCID", "doi": "DOI",
}  # fmt: skip
"""Words for parts of ids that mean the same in the studies of every guideline."""


@dataclass(frozen=True)
class StudyRow:
    """One row: its label, its text, how it was read, what must be said beside it, the rows below it.

    `study` is another study that it names.
    """

    label: str
    text: str = ""
    read_in: str | None = None
    caveat: str | None = None
    derived: bool = False
    study: str | None = None
    rows: tuple["StudyRow", ...] = ()


def study_rows(study: Mapping[str, Any], evidence: Evidence) -> tuple[StudyRow, ...]:
    """Return the rows of a study. Its own labels come before those of the guideline."""
    return _StudyReader(study, evidence).rows(study)


class _StudyReader:
    def __init__(self, study: Mapping[str, Any], evidence: Evidence) -> None:
        self.arms = {name: arm.label for name, arm in evidence.arms.items()}
        arms = {name.lower(): f"with {label}" for name, label in self.arms.items()}
        self.labels = {**WORDS, **arms, **evidence.labels, **study.get(LABELS, {})}

    def rows(self, group: Mapping[str, Any]) -> tuple[StudyRow, ...]:
        return tuple(self.row(name, part) for name, part in group.items() if name not in SHOWN_ELSEWHERE)

    def label(self, name: str) -> str:
        words = " ".join(self.labels.get(word, word) for word in name.split("_"))
        return words[:1].upper() + words[1:]

    def row(self, name: str, part: Any) -> StudyRow:
        if isinstance(part, dict):
            used, text = _sentence(part)
            rest = {key: value for key, value in part.items() if key not in used}
            is_derived = part.get("derived") == "true"
            rows = self.rows(rest)
            return StudyRow(self.label(name), text, part.get("read_in"), part.get("caveat"), is_derived, rows=rows)
        if isinstance(part, list):
            groups = [item for item in part if isinstance(item, dict)]
            text = "; ".join(_plain(item) for item in part if not isinstance(item, dict))
            rows = tuple(self.row(str(item.get("name", "")), item) for item in groups)
            return StudyRow(self.label(name), text, rows=rows)
        text = self.arms.get(part, _plain(part)) if name == "favours" else _plain(part)
        return StudyRow(self.label(name), text, study=part if name in STUDY_REFERENCES else None)


def _sentence(group: Mapping[str, Any]) -> tuple[set[str], str]:
    """Return the members that belong together in one sentence, and the sentence."""
    used: set[str] = set()
    parts = []
    for name, words in RATIOS.items():
        if name in group and not isinstance(group[name], dict | list):
            parts.append(f"{words} {_plain(group[name])}")
            used.add(name)
            break
    for name, form in QUANTITIES.items():
        if name in group and not isinstance(group[name], dict | list | type(None)):
            parts.append(form.format(_plain(group[name])))
            used.add(name)
    if "ci_low" in group and "ci_high" in group:
        level = f"{group['ci_level']}% " if group.get("ci_level") else ""
        kind = ABBREVIATIONS.get(group.get("interval"), "CI")
        interval = f"{level}{kind} {group['ci_low']} to {group['ci_high']}"
        parts[:1] = [f"{parts[0]} ({interval})" if parts else interval]
        used |= {*INTERVAL}
    for name, word in (("p", "p"), ("p_below", "p below")):
        if parts and group.get(name) and not isinstance(group[name], dict):
            parts.append(f"{word} {group[name]}")
            used.add(name)
    return used, ", ".join(parts)


def _plain(value: Any) -> str:
    return {"true": "yes", "false": "no", "None": "not known"}.get(str(value), str(value))
