"""A file of patients in, a file of answers out: batch by batch, resumable, whole or not at all.

Beside OUT a folder OUT.parts holds what is done so far: a file for each batch and `progress.json`, which is replaced
only after its batch is on disk. OUT appears under its name when all batches are done. One run at a time holds `lock`.
"""

import datetime as dt
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from service.advice.question import Questioner
from service.cohort.bodies import Bodies
from service.cohort.crew import Turn, side_by_side
from service.cohort.dialect import text
from service.cohort.engine import Engine, Task, nothing
from service.cohort.files import BATCH, Batch, Source, kind_of, line_of_record, open_source, read_parquet
from service.cohort.mapping import ANSWER, BadInputError, Names
from service.settings import VERSION

MEMORY = 1_000_000_000
"""Bytes that all engines together may use before they write to disk."""
LEAST = 250_000_000
"""Bytes that an engine has, unless there are fewer altogether."""
SPILL = "spill-{}"
"""The folder for what the memory of an engine does not hold, in the work folder."""
CHUNK = 1_048_576
LOCK, PROGRESS = "lock", "progress.json"
Tell = Callable[[int, int, int], None]
"""Told after each batch: rows done, place in the file, its size."""
Counts = dict[str, dict[str, int]]


class StaleError(RuntimeError):
    """What was begun belongs to another input, mapping, release or run, so it cannot be gone on with."""


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
    memory: int = MEMORY,
    engines: int | None = None,
    safe_cells: bool = False,
    report: Callable[[Done], None] = lambda _: None,
) -> Done:
    """Answer every patient of a file. `report` is called when OUT is there and before OUT.parts is taken away.

    `memory`: of all `engines` together, which are as many as cores where none are named, but none with less than LEAST.
    `safe_cells`: quote the cells of CSV, those that a spreadsheet would take for formulas beginning with an apostrophe.
    Raises BadInputError, StaleError or OSError.
    """
    kind = kind_of(target)
    if safe_cells and kind != ".csv":
        raise BadInputError(f"{target}: --safe-cells is for CSV")
    if target.resolve() == source.resolve():
        raise BadInputError(f"{target}: the answers would replace the patients")
    parts = target.with_name(f"{target.name}.parts")
    with _private(), _held(parts, restart=restart):
        resumed = (parts / PROGRESS).is_file()
        try:
            opened = open_source(source, questioner.guideline.vocabulary, names, parts)
        except BadInputError:
            if not resumed:
                shutil.rmtree(parts)
            raise
        progress = _Progress(parts, _identity(questioner, source, names, kind, safe_cells=safe_cells), today)
        facts = Bodies(questioner.guideline.vocabulary, names.keep, names.ignore).without
        task = Task(questioner, dt.date.fromisoformat(progress.today), opened.keep, facts, safe_cells=safe_cells)
        engines = max(1, min(engines or len(os.sched_getaffinity(0)), memory // LEAST))
        work = _Work(task, source, target, progress, progress.parts, memory // engines)
        tell(progress.rows, progress.next, opened.size)
        left = _left(opened, progress, task)
        with closing(side_by_side(work.engine, engines, left, progress.rows, work.answer)) as answered:
            for written in answered:
                progress.add(written)
                tell(progress.rows, progress.next, opened.size)
        with writing(target):
            _together(progress, target, memory, (*opened.keep, *ANSWER))
        done = Done(progress.rows, progress.today, progress.counts, resumed)
        report(done)
        shutil.rmtree(parts)
    return done


@contextmanager
def _private() -> Iterator[None]:
    """What is written meanwhile, the engine's files too, is for its owner's eyes only: 0600."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _held(parts: Path, *, restart: bool) -> Iterator[None]:
    """The folder of the parts, for this run alone; the patients of a batch are not left in it."""
    parts.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A folder that others may change, or a link, could hold links of theirs, and answers would be written elsewhere.
    found = parts.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise FileExistsError(errno.EEXIST, "this must be a folder that nobody else may change", str(parts))
    if any(parts.iterdir()) and not any((parts / name).exists() for name in (LOCK, PROGRESS)):
        raise FileExistsError(errno.EEXIST, "a folder of this name is there and is not that of a run", str(parts))
    with (parts / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StaleError(f"{parts}: another run is at work there") from None
        parts.chmod(0o700)
        if restart:
            for file in parts.iterdir():
                if file.is_dir():
                    shutil.rmtree(file)
                elif file.name != LOCK:
                    file.unlink()
        try:
            yield
        finally:
            for file in parts.glob(BATCH.format("*")):
                file.unlink()
            for folder in parts.glob(SPILL.format("*")):
                shutil.rmtree(folder, ignore_errors=True)


def _left(opened: Source, progress: "_Progress", task: Task) -> Iterator[Batch]:
    """What is left to answer; a batch of no patients where there are none at all."""
    batch = None
    for batch in opened.batches(progress.next):
        yield batch
    if batch is None and not progress.parts:
        yield nothing(task)


@dataclass(frozen=True)
class Written:
    """A batch that is on disk, so many bytes. `next`: where in the source the one after it begins."""

    rows: int
    size: int
    next: int
    counts: Counts


@dataclass(frozen=True)
class _Work:
    """How the batches of a run are answered. `first`: the number of the first of them; `memory` is an engine's."""

    task: Task
    source: Path
    target: Path
    progress: "_Progress"
    first: int
    memory: int

    def engine(self, number: int) -> Engine:
        """Another engine."""
        with writing(self.target):
            return Engine(self.task, self.progress.folder / SPILL.format(number), self.memory)

    def in_lines_of_the_source(self, words: str, batch: Batch) -> str:
        """Return the engine's words with the line of the source; the engine counts the records of the batch."""

        def line(record: re.Match[str]) -> str:
            return f"{record[1]}{line_of_record(self.source, batch, int(record[2])) or record[2]}"

        return re.sub(r"(CSV Error on Line: )(\d+)", line, words)

    def answer(self, engine: Engine, batch: Batch, turn: Turn) -> Written:
        """Answer a batch; its rows are on disk before they are counted."""
        try:
            rows = engine.answer(batch)
        except (duckdb.Error, BadInputError) as error:
            if isinstance(error, duckdb.OutOfMemoryException) or NO_SPACE in str(error):
                raise _not_written(error, self.target) from None
            words = self.in_lines_of_the_source(_words(error), batch)
            raise BadInputError(f"{self.source}: after row {turn.before}: {words}") from None
        finally:
            if batch.file is not None:
                batch.file.unlink(missing_ok=True)
        turn.counted(rows)
        file = self.progress.part(self.first + turn.number)
        with writing(self.target):
            if engine.write(file, self.progress.kind, turn.before) != rows:
                raise OSError(errno.EIO, "not every row was written", str(file))
        _on_disk(file)
        return Written(rows, file.stat().st_size, batch.next, engine.counts())


class _Progress:
    """How far a run is; kept on disk. `next` is a place in the source, `size` the bytes of all parts."""

    def __init__(self, parts: Path, identity: Mapping[str, Any], today: dt.date) -> None:
        self.folder, self.file, self.kind = parts, parts / PROGRESS, identity["format"]
        self.identity = dict(identity)
        self.rows, self.size, self.next, self.parts, self.today = 0, 0, 0, 0, today.isoformat()
        self.counts: Counts = {}
        if self.file.is_file():
            try:
                self._go_on(json.loads(self.file.read_text(encoding="utf-8")))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise StaleError(f"{self.file}: cannot be read; --restart begins anew") from None

    def _go_on(self, kept: Mapping[str, Any]) -> None:
        if kept["identity"] != self.identity:
            changed = ", ".join(name for name, value in self.identity.items() if kept["identity"].get(name) != value)
            raise StaleError(f"{self.folder}: begun with another {changed}; --restart begins anew")
        self.rows, self.size, self.next, self.parts = kept["rows"], kept["size"], kept["next"], kept["parts"]
        self.today, self.counts = kept["today"], kept["counts"]

    def part(self, number: int) -> Path:
        """The file of a batch."""
        return self.folder / f"{number:06}{self.kind}"

    def add(self, batch: Written) -> None:
        """The next batch is on disk."""
        self.rows, self.size = self.rows + batch.rows, self.size + batch.size
        self.next, self.parts = batch.next, self.parts + 1
        for group, by_name in batch.counts.items():
            mine = self.counts.setdefault(group, {})
            for name, number in by_name.items():
                mine[name] = mine.get(name, 0) + number
        names = ("identity", "rows", "size", "next", "parts", "today", "counts")
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({name: getattr(self, name) for name in names}), encoding="utf-8")
        _on_disk(new)
        new.replace(self.file)
        _on_disk(self.folder)


def _identity(questioner: Questioner, source: Path, names: Names, kind: str, *, safe_cells: bool) -> dict[str, Any]:
    """What a run that goes on must have in common with the one that was begun."""
    state = source.stat()
    mapping = hashlib.sha256(json.dumps(asdict(names), sort_keys=True).encode()).hexdigest()
    return {
        "input": [str(source.resolve()), state.st_size, state.st_mtime_ns],
        "mapping": mapping,
        "release of the guideline": questioner.guideline.digest,
        "version of the service": VERSION,
        "format": kind,
        "--safe-cells": safe_cells,
    }


def _together(progress: _Progress, target: Path, memory: int, header: Sequence[str]) -> None:
    """Make OUT of the parts; it appears under its name when it is whole."""
    files, kind = [progress.part(number) for number in range(progress.parts)], progress.kind
    whole = sum(file.stat().st_size for file in files if file.is_file()) == progress.size
    new = progress.folder / f"whole{kind}"
    if whole and kind == ".parquet":
        # Several threads are hardly faster, and the more is laid ready for them the more parts there are.
        with duckdb.connect(config={"memory_limit": f"{memory}B", "threads": 1}) as connection:
            copied = connection.execute(
                f"COPY (FROM {read_parquet(files)}) TO {text(str(new))} (FORMAT parquet, COMPRESSION zstd)"
            ).fetchone()
        whole = copied == (progress.rows,)
    elif whole:
        with new.open("wb") as out:
            if kind == ".csv":
                out.write((",".join(map(_quoted, header)) + "\n").encode())
            for file in files:
                with file.open("rb") as part:
                    shutil.copyfileobj(part, out, CHUNK)
    if not whole:
        raise StaleError(f"{progress.folder}: the parts are not what was written; --restart begins anew")
    _on_disk(new)
    new.replace(target)
    _on_disk(target.absolute().parent)


def _on_disk(place: Path) -> None:
    """A file or folder outlives what stops the machine."""
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _quoted(header: str) -> str:
    return '"' + header.replace('"', '""') + '"' if any(letter in header for letter in '",\n\r') else header


NO_SPACE = "No space left on device"
SAYABLE = (
    rf"CSV Error on Line: \d+|Expected Number of Columns: \d+ Found: \d+|Value with unterminated quote|{NO_SPACE}"
    r"|Maximum line size of \d+ bytes exceeded|Invalid unicode \(byte sequence mismatch\)"
)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """What the engine cannot do here is no fault of the input, but an OSError."""
    try:
        yield
    except duckdb.Error as error:
        raise _not_written(error, target) from None


def _not_written(error: Exception, target: Path) -> OSError:
    why = "--memory is too little for it" if isinstance(error, duckdb.OutOfMemoryException) else _words(error)
    return OSError(errno.EIO, why, str(target))


def _words(error: Exception) -> str:
    """The engine's words without those of a record, which it likes to repeat."""
    if not isinstance(error, duckdb.Error):
        return str(error)
    said = ", ".join(dict.fromkeys(re.findall(SAYABLE, str(error))))
    return said or f"the engine cannot go on ({type(error).__name__})"
