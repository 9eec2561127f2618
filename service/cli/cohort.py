"""`flask --app service cohort run | columns | export`."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import click
from flask.cli import AppGroup

from service.advice.question import Questioner
from service.api.knowledge import settings
from service.cli.guideline_option import guideline_option
from service.cohort.mapping import BadInputError, read_names
from service.cohort.reading import columns_of

cohort = AppGroup("cohort", help="Many patients at once: files of facts in, files of answers out.")

BAD_INPUT, NOT_WRITTEN, STALE = 3, 4, 5
EXTRA = "this needs the extra `cohort` (DuckDB): pip install --require-hashes -r requirements-cohort.txt"


def _amount(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Bytes."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT])(i?)B", value, re.IGNORECASE)
    if found is None:
        raise click.BadParameter("an amount such as 500MB or 2GB")
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (1 + "KMGT".index(unit.upper())))


@cohort.command("run")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--mapping", type=click.Path(path_type=Path), help="YAML: a hospital's own names and codes.")
@click.option("--keep", multiple=True, help="A column to carry over, such as the patient's number; may be repeated.")
@click.option("--ignore", multiple=True, help="A column that is no fact; may be repeated.")
@click.option(
    "--report", type=click.Path(path_type=Path), help="Where the report goes, without ending; default OUT.report."
)
@click.option(
    "--memory",
    default="1GB",
    show_default=True,
    callback=_amount,
    help="What the engines may use together before they write to disk.",
)
@click.option(
    "--engines", type=click.IntRange(1), help="How many work side by side, each with 250 MB at least; default: cores."
)
@click.option("--safe-cells", is_flag=True, help="Quote every cell of CSV, with ' before what a spreadsheet would run.")
@click.option("--restart", is_flag=True, help="Begin anew what was interrupted.")
@guideline_option
def run(  # noqa: PLR0913, PLR0917 - one for each option
    source: Path,
    target: Path,
    mapping: Path | None,
    keep: tuple[str, ...],
    ignore: tuple[str, ...],
    report: Path | None,
    memory: int,
    engines: int | None,
    safe_cells: bool,  # noqa: FBT001 - a flag of the command line
    restart: bool,  # noqa: FBT001 - a flag of the command line
    questioner: Questioner,
) -> None:
    """Answer every patient of IN (CSV, Parquet or NDJSON by its ending) in OUT.

    Interrupted, the same command goes on. Exit: 0 done, 3 input that cannot be used, 4 OUT cannot be written,
    5 what was begun belongs to another input, or another run is at work on it.
    """
    try:
        from service.cohort import report as reports  # noqa: PLC0415 - an optional extra
        from service.cohort import run as runs  # noqa: PLC0415
    except ImportError:
        raise click.ClickException(EXTRA) from None
    bar = _Bar()
    place = report or target.with_name(f"{target.name}.report")
    if report is not None and not os.access(report.parent, os.W_OK):
        raise _Stop(f"{report.parent}: a report cannot be written there", NOT_WRITTEN)
    tell = partial(reports.write, place, questioner.guideline, source)
    try:
        names = read_names(mapping, keep, ignore)
        today = settings().today()
        with _ended_in_order():
            done = runs.run(
                questioner, source, target, names, today, bar.tell,
                restart=restart, memory=memory, engines=engines, safe_cells=safe_cells, report=tell,
            )  # fmt: skip
    except BadInputError as error:
        raise _Stop(str(error), BAD_INPUT) from None
    except runs.StaleError as error:
        raise _Stop(str(error), STALE) from None
    except OSError as error:
        raise _Stop(f"{error.filename or target}: {error.strerror or error}", NOT_WRITTEN) from None
    bar.end(done.rows)
    formulas = done.counts.get("formulas", {}).get("cells", 0)
    if formulas:
        click.echo(
            f"Warning: {formulas:,} cells that were carried over begin like a formula (= + - @), which a spreadsheet "
            "would run. --safe-cells quotes them.",
            err=True,
        )


@cohort.command("columns")
@guideline_option
def columns(questioner: Questioner) -> None:
    """List the columns of facts, as the header of a CSV file wants them."""
    for column, fact in columns_of(questioner.guideline.vocabulary).items():
        click.echo(f"{column}\t{fact.title}")


@cohort.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@guideline_option
def export(folder: Path, questioner: Questioner) -> None:
    """Write the relations (Parquet) and the statements that join them (SQL) to FOLDER, for other engines."""
    try:
        from service.cohort import export as exports  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise click.ClickException(EXTRA) from None
    try:
        for file in exports.export(questioner.guideline, folder):
            click.echo(folder / file)
    except OSError as error:
        raise _Stop(f"{error.filename or folder}: {error.strerror or error}", NOT_WRITTEN) from None


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Who is told to end (SIGTERM) leaves no patients in the work folder either."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Stop(click.ClickException):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc] # click declares it for the class


class _Bar:
    """Progress on standard error: one line that is rewritten at a terminal, else a line for each batch."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.first: tuple[int, int] | None = None

    def tell(self, rows: int, place: int, size: int) -> None:
        if self.first is None:
            self.first = (rows, place)
            if rows:
                click.echo(f"goes on after {rows} patients", err=True)
            return
        seconds = max(time.monotonic() - self.began, 1e-9)
        rate = (rows - self.first[0]) / seconds
        left = (size - place) * seconds / max(place - self.first[1], 1)
        share = place / size if size else 1
        line = f"{share:5.1%} {'#' * int(share * 30):30} {rows:,} patients, {rate:,.0f}/s, {left:,.0f} s left"
        if sys.stderr.isatty():
            click.echo(f"\r{line}   ", err=True, nl=False)
        else:
            click.echo(line, err=True)

    def end(self, rows: int) -> None:
        seconds = time.monotonic() - self.began
        start = "\n" if sys.stderr.isatty() else ""
        click.echo(f"{start}{rows:,} patients in {seconds:,.1f} s", err=True)
