"""Figures in sentences: {figure:study/path} becomes the figure of that study, with its interval and caveat.

{pool:id} becomes a pool that we computed, with its intervals. A number is typed once, in the study's file;
a figure marked `display: never` does not load.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from service.evidence.study_file import part_named

RATIOS = {"hr": "HR", "rr": "RR", "or": "OR", "hr_ratio": "ratio of HRs"}
ABBREVIATIONS = {None: "CI", "credible": "CrI"}
"""`interval` of a group -> what its interval is called beside a figure."""
QUANTITIES = {"months": " months", "days": " days", "years": " years", "value": ""}
"""Members with a number that is printed with the interval of their group, and the word after it."""
COUNTS = ("n", "p", "p_below")
"""Members that are no percentage, also in a group of percentages."""
_PLACEHOLDER = re.compile(r"\{(figure|pool):([^{}]+)\}")
_PERCENT = re.compile(r"^pct|_pct(?!_points)")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class FigureError(ValueError):
    """A figure that does not exist or must not be shown."""


def with_figures(data: Any, studies: Mapping[str, Any], pools: Mapping[str, str] | None = None) -> Any:
    """Return the YAML data with every placeholder filled; `pools` are sentences by id. Raises FigureError."""
    if isinstance(data, str):
        return _PLACEHOLDER.sub(lambda match: _fill(match[1], match[2], studies, pools or {}), data)
    if isinstance(data, list):
        return [with_figures(item, studies, pools) for item in data]
    if isinstance(data, dict):
        return {name: with_figures(item, studies, pools) for name, item in data.items()}
    return data


def _fill(kind: str, name: str, studies: Mapping[str, Any], pools: Mapping[str, str]) -> str:
    if kind == "figure":
        return _figure(name, studies)
    if name not in pools:
        raise FigureError(f"{name}: no such pool")
    return pools[name]


def interaction_text(path: str, studies: Mapping[str, Any]) -> str:
    """Return an interaction of strata: a ratio of ratios with its interval, and its P. Raises FigureError."""
    group, caveats = _part(path, studies)
    stated = group if isinstance(group, dict) else {}
    ratio = [_text(group, (path,))] if any(stated.get(name) for name in RATIOS) else []
    bounds = (("p", "P ="), ("p_below", "P <"))
    words = [*ratio, *(f"{word} {stated[name]}" for name, word in bounds if stated.get(name))]
    if not words:
        message = f"{path}: an interaction needs a ratio (hr_ratio), p or p_below"
        raise FigureError(message)
    return ", ".join([*words, *caveats])


def group_text(group: Mapping[str, Any]) -> str:
    """Return the figure of a group with its interval. Raises FigureError if it has none."""
    return _text(group, ())


def _part(path: str, studies: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """Return the part of a study at the end of a path, and the caveats on the way."""
    study, *names = path.split("/")
    part, caveats = studies.get(study), _caveats(path, studies.get(study))
    for name in names:
        part = part_named(part, name)
        caveats += _caveats(path, part)
    if part is None:
        message = f"{path}: no such figure"
        raise FigureError(message)
    return part, caveats


def _figure(path: str, studies: Mapping[str, Any]) -> str:
    part, caveats = _part(path, studies)
    names = path.split("/")[1:]
    if names and (names[-1] in RATIOS or names[-1].startswith("ci_")):
        message = f"{path}: name the group, so that the ratio is shown with its interval"
        raise FigureError(message)
    text = _text(part, names)
    return ", ".join([text, *(caveat for caveat in caveats if caveat not in text)])


def _caveats(path: str, part: Any) -> list[str]:
    """Return what must stand beside the figures of this group."""
    display = part.get("display") if isinstance(part, dict) else None
    if display is None:
        return []
    if display != "with_caveat" or not part.get("caveat"):
        message = f"{path}: display: {display}" + (" without a caveat" if display == "with_caveat" else "")
        raise FigureError(message)
    return [part["caveat"]]


def _text(part: Any, names: Sequence[str]) -> str:
    if isinstance(part, str):
        return f"{part}%" if _is_percentage(part, names) else part
    name = names[-1] if names else ""
    if isinstance(part, dict):
        for key, label in RATIOS.items():
            if part.get(key):
                return f"{label} {_two(part[key])}{_interval(part, name, decimals=True)}"
        for key, unit in QUANTITIES.items():
            if part.get(key):
                return f"{part[key]}{unit}{_interval(part, name)}"
        if part.get("pct"):
            return f"{part['pct']}%"
    message = f"{name}: neither a ratio nor a percentage"
    raise FigureError(message)


def _is_percentage(number: str, names: Sequence[str]) -> bool:
    """Return whether a percent sign belongs to the number: its name says so, or that of the group around it."""
    *_, group, name = ("", "", *names)
    if name.endswith("pct"):
        return True
    is_listed = bool(_PERCENT.search(group)) and name not in COUNTS
    return bool(_NUMBER.fullmatch(number)) and (is_listed or bool(_PERCENT.search(name)))


def _interval(group: Mapping[str, Any], name: str, *, decimals: bool = False) -> str:
    """Return `, 95% CI 0.31-0.81`, or nothing where the group has no interval."""
    low, high, level = (group.get(member) for member in ("ci_low", "ci_high", "ci_level"))
    if not low or not high:
        return ""
    if not level:
        message = f"{name}: an interval without its level"
        raise FigureError(message)
    if group.get("interval") not in ABBREVIATIONS:
        message = f"{name}: an interval is credible, or the member is left out"
        raise FigureError(message)
    bounds = f"{_two(low)}-{_two(high)}" if decimals else f"{low}-{high}"
    return f", {level}% {ABBREVIATIONS[group.get('interval')]} {bounds}"


def _two(number: str) -> str:
    """Return at least two decimals, so that 1.4 reads 1.40; more where the source prints more."""
    whole, _, decimals = number.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"
