"""Measure: `python -m bench [--short] [--against COMMIT [--release RELEASE] [--save]] [ROW ...]`.

A whole run without a commit writes bench/results.json and docs/performance.md; with --save a run beside a commit adds
its rows to both.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.alone import alone
from bench.build import CURRENT, BuildError, build_commit, with_release
from bench.growth import CURVES, grown
from bench.report import Json, paired_table, printed, run_of, write, write_pairs
from bench.row import ROUNDS, Effort, Row, SkippedError, Spec, measured
from bench.serving import pin
from bench.specs import SPECS


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(SPECS)}; all by default")
    parser.add_argument("--short", action="store_true", help="a tiny round of each: shows that it runs, no figures")
    parser.add_argument("--against", metavar="COMMIT", help="build this commit beside and pair each row with it")
    parser.add_argument("--release", help="of --against: leave out the releases that are newer than this one")
    parser.add_argument("--save", action="store_true", help="keep the rows of --against in bench/results.json")
    parser.add_argument(
        "--content", type=Path, metavar="FOLDER", help="content whose guideline the rows of four guidelines copy"
    )
    options = parser.parse_args()
    effort = Effort(options.short, options.content)
    pin(-1)
    if options.against:
        _measure_pairs(parser, options, effort)
        return
    if options.save or options.release:
        parser.error("--release and --save belong to --against COMMIT; a whole run is kept anyway")
    if unknown := set(options.rows) - set(SPECS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}. There are: {', '.join(SPECS)}")
    whole = not options.rows and not options.short
    began = time.monotonic()
    client = alone(effort.of(1.0, 0.05))
    rows, skipped = _measure([SPECS[name] for name in options.rows or SPECS], effort)
    growth = []
    for curve in CURVES if whole else ():
        _say(f"growth of {curve.name} ...\n")
        growth.append(grown(curve, ROUNDS))
    run = {**run_of(rows, growth, client, time.monotonic() - began), "skipped": skipped}
    if whole:
        write(run)
    sys.stdout.write(printed(run))


def _measure_pairs(parser: argparse.ArgumentParser, options: argparse.Namespace, effort: Effort) -> None:
    """Measure rows beside a commit and print them."""
    from bench.pairing import Builds, select_rows  # noqa: PLC0415 - needs the libraries of the cohort, which rows do not

    try:
        paired_rows = select_rows(options.rows)
    except ValueError as error:
        parser.error(str(error))
    began = time.monotonic()
    _say(f"building {options.against} ...\n")
    try:
        with contextlib.ExitStack() as stack:
            theirs = stack.enter_context(build_commit(options.against))
            ours = stack.enter_context(with_release(CURRENT, options.release)) if options.release else CURRENT
            rows, skipped = _measure([row.spec(Builds(ours, theirs)) for row in paired_rows], effort)
            run = {**run_of(rows, [], {}, time.monotonic() - began), "against": theirs.commit, "skipped": skipped}
    except BuildError as error:
        parser.error(str(error))
    if options.save and not options.short:
        write_pairs(run)
    sys.stdout.write(f"{paired_table(run)}\n")


def _measure(specs: Sequence[Spec], effort: Effort) -> tuple[list[Json], list[Json]]:
    """Measure rows; return them, and the name and reason of each that this build cannot be asked for."""
    rows: list[Json] = []
    skipped: list[Json] = []
    for spec in specs:
        _say(f"{spec.name} ... ")
        try:
            row = measured(spec, effort)
        except SkippedError as error:
            skipped.append({"name": spec.name, "reason": str(error)})
            _say(f"skipped: {error}\n")
        else:
            rows.append(row.as_json())
            _say(f"{_summarise(row)}\n")
    return rows, skipped


def _summarise(row: Row) -> str:
    target = f"; {row.target}: {'met' if row.met else 'NOT met'}" if row.target else ""
    return f"{row.value:g} beside {row.reference:g} {row.unit}, ratio {row.ratio:g}{target}"


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    main()
