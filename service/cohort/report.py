"""The data-quality report of a run, for people (HTML) and machines (JSON)."""

import json
import tempfile
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from service.cohort.run import Done
from service.engine.vocabulary import UNKNOWN
from service.knowledge.guideline import Guideline


def write(place: Path, guideline: Guideline, source: Path, done: Done) -> None:
    """Write place.json and place.html, each whole or not at all."""
    told = report(guideline, source, done)
    templates = PackageLoader("service.cohort", "templates")
    files = Environment(loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = files.get_template("report.html").render(told)
    for ending, content in (("json", json.dumps(told, indent=2) + "\n"), ("html", page)):
        _replace(place.with_name(f"{place.name}.{ending}"), content)


def _replace(file: Path, content: str) -> None:
    """Write a file whole or not at all, under a name that nobody could plant a link at."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, delete=False) as new:
        try:
            new.write(content)
            new.flush()
            Path(new.name).replace(file)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


def report(guideline: Guideline, source: Path, done: Done) -> dict[str, Any]:
    """What is told of a run: how much was answered and refused and why, what is unknown, what was recommended."""
    counts = {name: dict(found) for name, found in done.counts.items()}
    status, unknown = counts.get("status", {}), counts.get("unknown", {})
    read = unknown.get("read", 0)
    by_rule = counts.get("rule", {})
    return {
        "source": source.name,
        "guideline": {"id": guideline.release.id, "release": guideline.release.release, "digest": guideline.digest},
        "sign_off": guideline.release.sign_off,
        "day": done.today,
        "patients": done.rows,
        "answered": status.get("200", 0),
        "refused": done.rows - status.get("200", 0),
        "urgent_refusals": counts.get("urgent_refusals", {}).get("urgent", 0),
        "formula_cells": counts.get("formulas", {}).get("cells", 0),
        "read_by_relations": read,
        "recommendations": [
            {
                "rule": name,
                "code": rule.code,
                "title": rule.title,
                "direction": rule.direction,
                "patients": by_rule[name],
            }
            for name, rule in guideline.rules.items()
            if name in by_rule
        ],
        "urgency": _most(counts.get("urgency", {})),
        "certainty": _most(counts.get("certainty", {})),
        "faults": _faults(guideline, counts.get("error", {})),
        "warnings": _warnings(guideline, counts.get("warning", {})),
        "unknown": _unknown(guideline, unknown, read),
    }


def _faults(guideline: Guideline, errors: dict[str, int]) -> list[dict[str, Any]]:
    """Count the faults by contradiction or code and by member, with the detail of the contradiction."""
    details = {clause.id: clause.detail for clause in guideline.contradictions.items}
    found = [(*error.partition(" ")[::2], number) for error, number in errors.items()]
    return [
        {"rule": rule, "detail": details.get(rule, ""), "member": member, "number": number}
        for rule, member, number in sorted(found, key=lambda item: (item[0], -item[2]))
    ]


def _most(counts: dict[str, int]) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _warnings(guideline: Guideline, counts: dict[str, int]) -> list[dict[str, Any]]:
    """What a modifier warns of depends on the patient, so it has no sentence here."""
    details = {clause.id: clause.detail for clause in guideline.warnings.items}
    return [{"id": name, "detail": details.get(name, ""), "number": number} for name, number in _most(counts).items()]


def _unknown(guideline: Guideline, unknown: dict[str, int], read: int) -> list[dict[str, Any]]:
    """Each fact with the number of patients of whom it is not known. Of details only where their finding is stated."""
    found = []
    for path, fact in guideline.vocabulary.single_facts.items():
        features = [feature for feature in fact.features if UNKNOWN in feature.values]
        if path.count(".") > 1 or not features:
            continue
        number = unknown.get(features[0].name, 0)
        found.append({"fact": path, "title": fact.title, "patients": number, "share": number / read if read else 0.0})
    return found
