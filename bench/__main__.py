"""Measure: `python -m bench [--short] [ROW ...]`. A whole run writes bench/results.json and docs/performance.md."""

import argparse
import sys
import time

from bench.alone import alone
from bench.growth import CURVES, grown
from bench.report import printed, run_of, write
from bench.row import ROUNDS, Effort, measured
from bench.serving import pin
from bench.specs import SPECS


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(SPECS)}; all by default")
    parser.add_argument("--short", action="store_true", help="a tiny round of each: shows that it runs, no figures")
    asked = parser.parse_args()
    if unknown := set(asked.rows) - set(SPECS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}. There are: {', '.join(SPECS)}")
    whole, effort = not asked.rows and not asked.short, Effort(asked.short)
    pin(-1)
    began = time.monotonic()
    client = alone(effort.of(1.0, 0.05))
    rows = []
    for name in asked.rows or SPECS:
        _say(f"{name} ... ")
        row = measured(SPECS[name], effort)
        rows.append(row.as_json())
        _say(f"{row.value:g} beside {row.reference:g} {row.unit}; {row.target}: {'met' if row.met else 'NOT met'}\n")
    growth = []
    for curve in CURVES if whole else ():
        _say(f"growth of {curve.name} ...\n")
        growth.append(grown(curve, ROUNDS))
    run = run_of(rows, growth, client, time.monotonic() - began)
    if whole:
        write(run)
    sys.stdout.write(printed(run))


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    main()
