"""A study's file: its name, people, registry numbers, the groups inside it, and what cannot be right."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LABELS = "labels"
"""Member of a study's file with the words for its own ids."""


def study_name(study_id: str, study: Mapping[str, Any]) -> str:
    """Return what people call the study: its short name, else its reference, else its id."""
    return str(study.get("short_name") or study.get("ref") or study_id)


def displayable(part: Any) -> Any:
    """Return a study's file, or a part of it, without the groups that are marked `display: never`."""
    if isinstance(part, dict):
        return {name: displayable(value) for name, value in part.items() if not _is_hidden(value)}
    return [displayable(item) for item in part if not _is_hidden(item)] if isinstance(part, list) else part


def _is_hidden(part: Any) -> bool:
    return isinstance(part, dict) and part.get("display") == "never"


def part_named(group: Any, name: str) -> Any:
    """Return the member of a mapping, or the item of a list that has this name; None if there is none."""
    if isinstance(group, dict):
        return group.get(name)
    if isinstance(group, list):
        return next((item for item in group if isinstance(item, dict) and item.get("name") == name), None)
    return None


def registry_numbers(study: Mapping[str, Any]) -> frozenset[str]:
    """Return the registry numbers of the study. Two reports with one in common are of the same people."""
    registry = study.get("registry_ids")
    return frozenset(registry.get("values", ())) if isinstance(registry, dict) else frozenset()


def people_analysed(study: Mapping[str, Any], groups: Sequence[Mapping[str, Any]] = ()) -> int | None:
    """Return how many people the innermost of the groups says were analysed, else how many the study randomised."""
    for group in reversed(groups):
        for member in ("n_analysed", "n"):
            if str(group.get(member)).isdigit():
                return int(group[member])
    randomised = study.get("n_randomised")
    sizes = randomised if isinstance(randomised, dict) else {}
    number = sizes.get("n_analysed", sizes.get("value"))
    return None if number is None else int(number)


def study_faults(studies: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each study whose arms do not sum to its people or whose labels are no words."""
    for name, study in studies.items():
        labels = study.get(LABELS, {})
        if not isinstance(labels, dict) or not all(isinstance(word, str) for word in labels.values()):
            yield f"{name}/{LABELS}: labels map an id to its words"
        arms, total = study.get("arms"), study.get("n_randomised")
        if not isinstance(arms, dict) or not isinstance(total, dict) or "value" not in total:
            continue
        sizes = [int(arm["n"]) for arm in arms.values() if isinstance(arm, dict) and "n" in arm]
        if sizes and sum(sizes) != int(total["value"]):
            yield f"{name}: the arms sum to {sum(sizes)}, not {total['value']}"


def misdirected_ratios(studies: Mapping[str, Any], sides: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each hazard ratio on the other side of 1 than the arm that its group says it favours.

    `sides`: arm -> below or above.
    """
    groups = list(studies.items())
    while groups:
        path, group = groups.pop()
        if isinstance(group, list):
            groups += [(f"{path}/{index}", item) for index, item in enumerate(group)]
        elif isinstance(group, dict):
            groups += [(f"{path}/{name}", value) for name, value in group.items()]
            ratio, arm = group.get("hr"), group.get("favours")
            side = sides.get(arm) if isinstance(arm, str) else None
            if isinstance(ratio, str) and side is not None and (float(ratio) < 1) != (side == "below"):
                yield f"{path}: a hazard ratio of {ratio} does not favour {arm}"
