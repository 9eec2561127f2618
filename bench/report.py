"""What is shown and kept of a run: the table, bench/results.json, and the tables of docs/performance.md."""

import datetime as dt
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.serving import CORES, ROOT
from bench.specs import SPECS

RESULTS = ROOT / "bench" / "results.json"
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by make bench from bench/results.json -->", "<!-- end of the figures -->"
CUT = "# ----"
Json = dict[str, Any]


def run_of(rows: Sequence[Json], growth: Sequence[Json], client: Json, seconds: float) -> Json:
    """All of a run, as it stands in results.json."""
    return {
        "measured": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC",
        "seconds": round(seconds),
        "commit": _git("rev-parse", "--short=12", "HEAD") + ("+changes" if _git("status", "--porcelain") else ""),
        "machine": machine(),
        "client": client,
        "rows": list(rows),
        "growth": list(growth),
    }


def machine() -> Json:
    """Where it was measured, and with what."""
    model = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "?")
    return {
        "processor": model,
        "cores": len(CORES),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("flask", "gunicorn", "marshmallow", "redis", "zen-engine")},
    }


def floor_lines() -> str:
    """The eight lines of FLOOR."""
    text = (ROOT / "bench" / "floor.py").read_text()
    return text.split(CUT)[1].partition("\n")[2].strip()


def table(run: Json) -> str:
    """The rows, for a terminal and for the document alike."""
    lines = [
        "| row | value | reference | unit | ratio (quartiles) | target | met |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in run["rows"]:
        low, high = row["quartiles"]["ratio"]
        met = "yes" if row["met"] else "**no**"
        figures = f"{row['value']:,g} | {row['reference']:,g} | {row['unit']}"
        lines.append(f"| {row['name']} | {figures} | {row['ratio']:g} ({low:g}-{high:g}) | {row['target']} | {met} |")
    return "\n".join(lines)


def growth_tables(run: Json) -> str:
    """One table a curve."""
    parts = []
    for each in run["growth"]:
        sizes = " | ".join(f"{size:,}" for size in each["sizes"])
        costs = " | ".join(
            f"{cost:g} ({low:g}-{high:g})" for cost, (low, high) in zip(each["values"], each["quartiles"], strict=True)
        )
        parts.append(
            f"| {each['against']} | {sizes} |\n|{'---|' * (len(each['sizes']) + 1)}\n"
            f"| {each['name']}, {each['unit']} | {costs} |\n\nGrows with the size to the power of {each['power']:g}."
        )
    return "\n\n".join(parts)


def described() -> str:
    """What each row compares."""
    lines = ["| row | value | reference |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {each.name} | {each.value} | {each.reference} |" for each in SPECS.values())])


def printed(run: Json) -> str:
    """All of it for a terminal."""
    return f"{table(run)}\n\n{growth_tables(run)}\n\nFLOOR is gunicorn as shipped with\n\n{floor_lines()}\n"


def document(run: Json) -> str:
    """All of it for docs/performance.md."""
    machine, client = run["machine"], run["client"]
    place = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}"
    return f"""
Measured {run["measured"]} in {run["seconds"]} s at commit {run["commit"]}.

{place}; load {machine["load_before"]} when it began. The load client alone: {client["value"]:,g} answers/s.

{table(run)}

{described()}

FLOOR is gunicorn as shipped with these eight lines:

```python
{floor_lines()}
```

### Growth

{growth_tables(run)}
"""


def write(run: Json) -> None:
    """Keep the run in results.json, and its tables in the document."""
    RESULTS.write_text(json.dumps(run, indent=1) + "\n")
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{document(run)}\n{END}{rest.partition(END)[2]}")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip()


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:
        return []
