"""Figures in sentences: {figure:study/path} becomes the figure of that study, with its interval and caveat.

{pool:id} becomes a pool that we computed, with its intervals. A number is typed once, in the study's file;
a figure marked `display: never` does not load.
"""

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{(figure|pool):([^{}]+)\}")
_RATIOS = {"hr": "HR", "rr": "RR", "or": "OR"}


class FigureError(ValueError):
    """A figure that does not exist or must not be shown."""


def with_figures(data: Any, studies: Mapping[str, Any], pools: Mapping[str, str] | None = None) -> Any:
    """The YAML data with every placeholder filled; `pools` are sentences by id. Raises FigureError."""
    if isinstance(data, str):
        return _PLACEHOLDER.sub(lambda found: _filled(found[1], found[2], studies, pools or {}), data)
    if isinstance(data, list):
        return [with_figures(item, studies, pools) for item in data]
    if isinstance(data, dict):
        return {name: with_figures(item, studies, pools) for name, item in data.items()}
    return data


def _filled(kind: str, name: str, studies: Mapping[str, Any], pools: Mapping[str, str]) -> str:
    if kind == "figure":
        return _figure(name, studies)
    if name not in pools:
        raise FigureError(f"{name}: no such pool")
    return pools[name]


def _figure(path: str, studies: Mapping[str, Any]) -> str:
    study, *parts = path.split("/")
    place, caveats = studies.get(study), _caveats(path, studies.get(study))
    for part in parts:
        place = _inside(place, part)
        caveats += _caveats(path, place)
    if place is None:
        message = f"{path}: no such figure"
        raise FigureError(message)
    if parts and (parts[-1] in _RATIOS or parts[-1].startswith("ci_")):
        message = f"{path}: name the group, so that the ratio is shown with its interval"
        raise FigureError(message)
    shown = _shown(place, parts[-1] if parts else "")
    return ", ".join([shown, *(caveat for caveat in caveats if caveat not in shown)])


def _caveats(path: str, place: Any) -> list[str]:
    """What must stand beside the figures of this group."""
    display = place.get("display") if isinstance(place, dict) else None
    if display is None:
        return []
    if display != "with_caveat" or not place.get("caveat"):
        message = f"{path}: display: {display}" + (" without a caveat" if display == "with_caveat" else "")
        raise FigureError(message)
    return [place["caveat"]]


def _inside(place: Any, part: str) -> Any:
    if isinstance(place, dict):
        return place.get(part)
    if isinstance(place, list):
        return next((item for item in place if isinstance(item, dict) and item.get("name") == part), None)
    return None


def _shown(place: Any, name: str) -> str:
    if isinstance(place, str):
        return f"{place}%" if name.endswith("pct") else place
    for key, label in _RATIOS.items():
        if isinstance(place, dict) and place.get(key):
            low, high, level = (place.get(part) for part in ("ci_low", "ci_high", "ci_level"))
            if not low or not high:
                return f"{label} {_two(place[key])}"
            if not level:
                message = f"{name}: an interval without its level"
                raise FigureError(message)
            return f"{label} {_two(place[key])}, {level}% CI {_two(low)}-{_two(high)}"
    if isinstance(place, dict) and place.get("pct"):
        return f"{place['pct']}%"
    message = f"{name}: neither a ratio nor a percentage"
    raise FigureError(message)


def _two(number: str) -> str:
    """At least two decimals, so that 1.4 reads 1.40; more where the source prints more."""
    whole, _, decimals = number.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"
