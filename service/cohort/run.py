"""A file of patients in, a file of answers out: batch by batch, resumable, whole or not at all.

Beside OUT a folder OUT.parts holds what is done so far: a file for each batch and `progress.json`, which is replaced
only after its batch is on disk. OUT appears under its name when all batches are done.
"""

import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from service.advice.question import Questioner
from service.cohort.dialect import text
from service.cohort.engine import Engine
from service.cohort.files import kind_of, open_source
from service.cohort.mapping import ANSWER, BadInputError, Names
from service.settings import VERSION

MEMORY = "1GB"
Tell = Callable[[int, int, int], None]
"""Told after each batch: rows done, place in the file, its size."""
Counts = dict[str, dict[str, int]]


class StaleError(RuntimeError):
    """What was begun belongs to another input, mapping or release, so it cannot be gone on with."""


@dataclass(frozen=True)
class Done:
    """What a finished run counted."""

    rows: int
    today: str
    counts: Counts
    resumed: bool


def run(  # noqa: PLR0913, PLR0917 - what a run is made of
    questioner: Questioner,
    source: Path,
    target: Path,
    names: Names,
    today: dt.date,
    tell: Tell,
    *,
    restart: bool = False,
    memory: str = MEMORY,
) -> Done:
    """Answer every patient of a file. Raises BadInputError, StaleError or OSError."""
    kind = kind_of(target)
    if target.resolve() == source.resolve():
        raise BadInputError(f"{target}: the answers would replace the patients")
    parts = target.with_name(f"{target.name}.parts")
    if restart:
        shutil.rmtree(parts, ignore_errors=True)
    resumed = (parts / "progress.json").is_file()
    parts.mkdir(parents=True, exist_ok=True)
    try:
        opened = open_source(source, questioner.guideline.vocabulary, names, parts)
    except BadInputError:
        if not resumed:
            shutil.rmtree(parts)
        raise
    progress = _Progress(parts, _identity(questioner, source, names, kind), today)
    engine = Engine(
        questioner, dt.date.fromisoformat(progress.today), opened.keep, (*names.keep, *names.ignore), parts, memory
    )
    tell(progress.rows, progress.next, opened.size)
    for batch in opened.batches(progress.next):
        try:
            rows = engine.answer(batch, progress.rows)
        except duckdb.InvalidInputException as error:
            raise BadInputError(f"{source}: {_where(error, progress.rows)}") from None
        engine.write(parts / f"{progress.parts:06}{kind}", kind)
        progress.add(rows, batch.next, engine.counts())
        tell(progress.rows, progress.next, opened.size)
    _together(engine, parts, target, kind, (*opened.keep, *ANSWER))
    shutil.rmtree(parts)
    return Done(progress.rows, progress.today, progress.counts, resumed)


class _Progress:
    """How far a run is; kept on disk."""

    def __init__(self, parts: Path, identity: Mapping[str, Any], today: dt.date) -> None:
        self.file = parts / "progress.json"
        self.identity = dict(identity)
        self.rows, self.next, self.parts, self.today = 0, 0, 0, today.isoformat()
        self.counts: Counts = {}
        if self.file.is_file():
            kept = json.loads(self.file.read_text(encoding="utf-8"))
            if kept["identity"] != self.identity:
                changed = ", ".join(
                    name for name, value in self.identity.items() if kept["identity"].get(name) != value
                )
                raise StaleError(f"{parts}: begun with another {changed}; --restart begins anew")
            self.rows, self.next, self.parts = kept["rows"], kept["next"], kept["parts"]
            self.today, self.counts = kept["today"], kept["counts"]

    def add(self, rows: int, place: int, counts: Counts) -> None:
        """A batch is on disk."""
        self.rows, self.next, self.parts = self.rows + rows, place, self.parts + 1
        for group, by_name in counts.items():
            mine = self.counts.setdefault(group, {})
            for name, number in by_name.items():
                mine[name] = mine.get(name, 0) + number
        kept = {name: getattr(self, name) for name in ("identity", "rows", "next", "parts", "today", "counts")}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.replace(self.file)


def _identity(questioner: Questioner, source: Path, names: Names, kind: str) -> dict[str, Any]:
    """What a run that goes on must have in common with the one that was begun."""
    state = source.stat()
    mapping = hashlib.sha256(json.dumps(asdict(names), sort_keys=True).encode()).hexdigest()
    return {
        "input": [str(source.resolve()), state.st_size, state.st_mtime_ns],
        "mapping": mapping,
        "release of the guideline": questioner.guideline.digest,
        "version of the service": VERSION,
        "format": kind,
    }


def _together(engine: Engine, parts: Path, target: Path, kind: str, header: Sequence[str]) -> None:
    """Make OUT of the parts; it appears under its name when it is whole."""
    files = sorted(parts.glob(f"[0-9]*{kind}"))
    new = parts / f"whole{kind}"
    if kind == ".parquet" and files:
        listed = ", ".join(text(str(file)) for file in files)
        engine.connection.execute(
            f"COPY (FROM read_parquet([{listed}])) TO {text(str(new))} (FORMAT parquet, COMPRESSION zstd)"
        )
    else:
        with new.open("wb") as out:
            if kind == ".csv":
                out.write((",".join(map(_quoted, header)) + "\n").encode())
            for file in files:
                with file.open("rb") as part:
                    shutil.copyfileobj(part, out, 1_048_576)
            out.flush()
            os.fsync(out.fileno())
    new.replace(target)


def _quoted(header: str) -> str:
    return '"' + header.replace('"', '""') + '"' if any(letter in header for letter in '",\n\r') else header


def _where(error: Exception, done: int) -> str:
    """The engine's words about a record, without the record itself."""
    lines = str(error).splitlines()
    told = next((line for line in lines if line.startswith(("Invalid Input Error", "CSV Error"))), lines[0])
    return f"after row {done}: {told}"
