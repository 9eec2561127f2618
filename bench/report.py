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

from bench.build import ROOT
from bench.serving import CORES

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
    """Return the rows as a table for a terminal and for the document alike."""
    lines = [
        "| row | value | reference | unit | ratio (quartiles) | target | met |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_row_line, run["rows"])]) + _skipped_lines(run)


def paired_table(run: Json) -> str:
    """Return the rows of a run beside a commit as a table."""
    theirs = run["against"]
    lines = [
        f"| row | ours | {theirs} | unit | ratio (quartiles) | target | met | ratio of processor time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [f"{_row_line(row)} {row['facts'].get('processor_ratio', '-')} |" for row in run["rows"]]
    return "\n".join(lines) + _skipped_lines(run)


def _row_line(row: Json) -> str:
    low, high = row["quartiles"]["ratio"]
    met = {True: "yes", False: "**no**", None: "-"}[row["met"]]
    figures = f"{row['value']:,g} | {row['reference']:,g} | {row['unit']}"
    return f"| {row['name']} | {figures} | {row['ratio']:g} ({low:g}-{high:g}) | {row['target'] or '-'} | {met} |"


def _skipped_lines(run: Json) -> str:
    return "".join(f"\n\n{row['name']} was skipped: {row['reason']}." for row in run.get("skipped", ()))


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


def comparison_table(run: Json) -> str:
    """Return a table of what each row compares."""
    lines = ["| row | value | reference |", "|---|---|---|"]
    rows = ((row["name"], row["compares"]["value"], row["compares"]["reference"]) for row in run["rows"])
    return "\n".join([*lines, *(f"| {name} | {value} | {reference} |" for name, value, reference in rows)])


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

{comparison_table(run)}

FLOOR is gunicorn as shipped with these eight lines:

```python
{floor_lines()}
```

### Growth

{growth_tables(run)}
{"".join(map(_paired_section, run.get("pairs", {}).values()))}"""


def _paired_section(run: Json) -> str:
    load = run["machine"]["load_before"]
    return f"""
### Beside {run["against"]}

Measured {run["measured"]} in {run["seconds"]} s at commit {run["commit"]}; load {load} when it began.

{paired_table(run)}

{comparison_table(run)}
"""


def write(run: Json) -> None:
    """Keep the run in results.json, and its tables in the document. Runs beside a commit stay."""
    if RESULTS.exists():
        run = {**run, "pairs": run.get("pairs", json.loads(RESULTS.read_text()).get("pairs", {}))}
    RESULTS.write_text(json.dumps(run, indent=1) + "\n")
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{document(run)}\n{END}{rest.partition(END)[2]}")


def write_pairs(run: Json) -> None:
    """Keep a run beside a commit in results.json, in place of an earlier one beside the same commit."""
    whole = json.loads(RESULTS.read_text())
    whole["pairs"] = {**whole.get("pairs", {}), run["against"]: run}
    write(whole)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.strip()


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text().splitlines()
    except OSError:
        return []
