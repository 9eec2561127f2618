"""Files of patients, a batch at a time: CSV, Parquet and NDJSON by the ending of the name.

A batch can be read from any place that `Batch.next` named, so an interrupted run goes on where it stopped.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO, Protocol

import duckdb

from service.cohort.bodies import Bodies
from service.cohort.dialect import DUCKDB, text
from service.cohort.mapping import BadInputError, Layout, Names, kept_faults, layout
from service.cohort.reading import EMPTY_LIST, SEPARATOR, columns_of
from service.engine.vocabulary import UNKNOWN
from service.facts.schema import NONE
from service.knowledge.vocabulary import Findings, Members, Vocabulary

KINDS = (".csv", ".parquet", ".ndjson")
ALIASES = {".jsonl": ".ndjson", ".pq": ".parquet", ".tsv": ".csv"}
BATCH_ROWS = 125_000
BATCH_BYTES = 28 * 1_048_576
"""A batch of CSV has so many bytes, one of Parquet so many patients, one of NDJSON what comes first."""
LONGEST = 96 * 1_048_576
"""Bytes of the longest line, and of what stands between two quotation marks."""
LONGEST_HEADER = 1_048_576
DELIMITERS = (",", ";", "\t", "|")
BOM = b"\xef\xbb\xbf"
BATCH = "batch-{}.csv"
"""The file of a batch of text that is to be answered, in the work folder."""


def kind_of(file: Path) -> str:
    """The format that a file's name says. Raises BadInputError."""
    ending = file.suffix.lower()
    ending = ALIASES.get(ending, ending)
    if ending not in KINDS:
        raise BadInputError(f"{file}: the name must end in {', '.join(KINDS)}")
    return ending


@dataclass(frozen=True)
class Batch:
    """Some patients in a row. `source` is SQL: a column of text for each column of facts, and those to keep.

    `rows`: how many they are, or None where only reading tells. `file`: where its cells stand, to be taken away.
    `start`: the byte of the source at which the text of `file` begins; None where it is no part of the source.
    """

    source: str
    next: int
    rows: int | None = None
    lines: Sequence[bytes] = ()
    file: Path | None = None
    start: int | None = None


class Source(Protocol):
    """A file that is read batch by batch. `size` is in the unit of `Batch.next`."""

    @property
    def size(self) -> int:
        """Where it ends."""

    @property
    def keep(self) -> Sequence[str]:
        """The headers to carry over."""

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from this place on."""


def open_source(file: Path, vocabulary: Vocabulary, names: Names, work: Path) -> Source:
    """The file, its header checked. Raises BadInputError. `work`: a folder for what has to be written meanwhile."""
    try:
        if not file.is_file():
            raise BadInputError(f"{file}: there is no such file")
        with file.open("rb"):
            pass
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None
    kind = kind_of(file)
    if kind == ".parquet":
        return ParquetSource(file, vocabulary, names)
    if file.stat().st_size == 0:
        raise BadInputError(f"{file}: the file is empty")
    return CsvSource(file, vocabulary, names, work) if kind == ".csv" else NdjsonSource(file, vocabulary, names, work)


class CsvSource:
    """A CSV file with a header line, in UTF-8; comma, semicolon, tab or bar between the cells."""

    def __init__(self, file: Path, vocabulary: Vocabulary, names: Names, work: Path) -> None:
        self.file, self.work = file, work
        self.size = file.stat().st_size
        with file.open("rb") as opened:
            line = _record(opened, LONGEST_HEADER)
            self.start = opened.tell()
            if line.count(b'"') % 2:
                raise _unclosed(opened)
        try:
            self.line_end = "\\r\\n" if line.endswith(b"\r\n") else "\\n"
            header = line.removeprefix(BOM).decode("utf-8")
        except UnicodeDecodeError:
            raise BadInputError(f"{file}: the header is not UTF-8 text") from None
        self.delimiter = "\t" if file.suffix.lower() == ".tsv" else max(DELIMITERS, key=header.count)
        try:
            self.headers = next(csv.reader(io.StringIO(header), delimiter=self.delimiter), [])
        except csv.Error:
            raise BadInputError(f"{file}: the header is no line of CSV; lines end in a line feed") from None
        self.layout: Layout = layout(vocabulary, names, self.headers)
        self.keep = self.layout.keep

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from this byte on."""
        with self.file.open("rb") as opened:
            opened.seek(start or self.start)
            for file in _files(self.work):
                if (batch := self._batch(file, opened)) is None:
                    break
                yield batch

    def _batch(self, file: Path, opened: BinaryIO) -> Batch | None:
        """The next batch; apart from the loop, which would hold its bytes while others work on it."""
        start = opened.tell()
        if not (chunk := _records(opened)):
            return None
        file.write_bytes(chunk)
        return Batch(self._source(file, chunk), opened.tell(), _rows(chunk), file=file, start=start)

    def _source(self, file: Path, chunk: bytes) -> str:
        # Between quotation marks the other kind of line break may stand; the engine takes it for what ends a line. Only
        # then it is told what does, since told so beside strict_mode=true it reads two lines as one.
        told = f"new_line='{self.line_end}', " if b"\r" in chunk and b'"' in chunk else "strict_mode=true, "
        # By number: the engine knows no column without a name.
        names = {header: f"c{number}" for number, header in enumerate(self.headers)}
        columns = ", ".join(f"c{number}: 'VARCHAR'" for number in range(len(self.headers)))
        read = (
            f"read_csv({path_of(file)}, auto_detect=false, header=false, delim={text(self.delimiter)}, "
            f"quote='\"', escape='\"', null_padding=false, {told}hive_partitioning=false, columns={{{columns}}})"
        )
        return f"(SELECT {self.layout.cells(DUCKDB, names, names)} FROM {read})"


class ParquetSource:
    """A Parquet file."""

    def __init__(self, file: Path, vocabulary: Vocabulary, names: Names) -> None:
        self.file, self.vocabulary = file, vocabulary
        try:
            rows = duckdb.execute(f"SELECT count(*) FROM {read_parquet([file])}").fetchone()
            described = duckdb.execute(f"DESCRIBE SELECT * FROM {read_parquet([file])}").fetchall()
        except duckdb.Error as error:
            raise BadInputError(f"{file}: {str(error).splitlines()[0]}") from None
        self.size = int(rows[0]) if rows else 0
        self.types: dict[str, str] = {name: kind for name, kind, *_ in described}
        self.layout = layout(vocabulary, names, list(self.types))
        self.keep = self.layout.keep

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from this row on."""
        facts = columns_of(self.vocabulary)
        several = {h for column, h in self.layout.stated.items() if isinstance(facts[column], Members | Findings)}
        texts = {name: _text_of(name, kind, several=name in several) for name, kind in self.types.items()}
        cells = self.layout.cells(DUCKDB, texts, {name: DUCKDB.name_of(name) for name in self.types})
        for first in range(start, self.size, BATCH_ROWS):
            end = min(first + BATCH_ROWS, self.size)
            read = read_parquet([self.file], "file_row_number=true")
            where = f"file_row_number >= {first} AND file_row_number < {end}"
            yield Batch(f"(SELECT {cells} FROM {read} WHERE {where})", end, end - first)


class NdjsonSource:
    """A body of a request on each line."""

    def __init__(self, file: Path, vocabulary: Vocabulary, names: Names, work: Path) -> None:
        if names.columns or names.values or names.missing:
            raise BadInputError(f"{file}: lines of NDJSON are bodies of requests; a mapping can only keep and ignore")
        if faults := list(kept_faults(names)):
            raise BadInputError("\n".join(faults))
        self.file, self.work = file, work
        self.size = file.stat().st_size
        self.keep = tuple(dict.fromkeys(names.keep))
        self.bodies = Bodies(vocabulary, self.keep, names.ignore)
        self.columns = [*columns_of(vocabulary), *(f"keep {number}" for number in range(len(self.keep)))]

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from this byte on."""
        with self.file.open("rb") as opened:
            opened.seek(start or (len(BOM) if opened.read(len(BOM)) == BOM else 0))
            for file in _files(self.work):
                if not (lines := _lines(opened)):
                    break
                yield self._batch(file, [line for line in lines if line.strip()], opened.tell())

    def _batch(self, file: Path, lines: list[bytes], end: int) -> Batch:
        q = DUCKDB.name_of
        with file.open("w", encoding="utf-8", newline="") as out:
            # Older Pythons put a lone \r between quotation marks only where it is part of what ends a line.
            writer = csv.DictWriter(out, [*self.columns, UNREAD], restval=None, lineterminator="\r\n")
            for line in lines:
                found = self.bodies.cells(line)
                writer.writerow(
                    {**self.bodies.kept(line), UNREAD: "true"} if found is None else {**found, UNREAD: "false"}
                )
        columns = ", ".join(f"{text(column)}: 'VARCHAR'" for column in (*self.columns, UNREAD))
        read = (
            f"read_csv({path_of(file)}, auto_detect=false, header=false, delim=',', "
            f"quote='\"', escape='\"', new_line='\\r\\n', hive_partitioning=false, columns={{{columns}}})"
        )
        # What cannot be said in cells is made a cell that cannot be read.
        first = f"CASE WHEN {q(UNREAD)} = 'true' THEN '?' ELSE {q(self.columns[0])} END AS {q(self.columns[0])}"
        return Batch(
            f"(SELECT {first}, {', '.join(map(q, self.columns[1:]))} FROM {read})", end, len(lines), lines, file
        )


UNREAD = "not cells"


def path_of(file: Path) -> str:
    """The literal of a path to be read: the engine takes a path for a pattern."""
    return text(re.sub(r"[*?[]", r"[\g<0>]", str(file.absolute())))


def read_parquet(files: Sequence[Path], *options: str) -> str:
    """The SQL that reads Parquet files and no more columns than are in them."""
    listed = ", ".join(map(path_of, files))
    return f"read_parquet({', '.join((f'[{listed}]', 'hive_partitioning=false', *options))})"


def _text_of(name: str, kind: str, *, several: bool) -> str:
    """A cell as text. A list where there can be none, or one that text would change, cannot be read as text either."""
    quoted = DUCKDB.name_of(name)
    if not (several and kind.endswith("[]")):
        return f"CAST({quoted} AS VARCHAR)"
    items = f"CAST({quoted} AS VARCHAR[])"
    joined = f"array_to_string({items}, '{SEPARATOR}')"
    # An item that is NULL falls out, one with a separator falls apart, and some words alone are said of the whole.
    changed = (
        f"{joined} IN ('', '{NONE}', '{UNKNOWN}', '{EMPTY_LIST}') OR list_count({items}) <> len({items}) "
        f"OR len(string_split({joined}, '{SEPARATOR}')) <> len({items})"
    )
    return (
        f"CASE WHEN len({items}) = 0 THEN '{EMPTY_LIST}' WHEN {changed} THEN concat({joined}, '{SEPARATOR}') "
        f"ELSE {joined} END"
    )


def line_of_record(source: Path, batch: Batch, record: int) -> int | None:
    """Return the line of the source on which a record of a batch of CSV begins, both from 1; None for other batches.

    A blank line counts as a record, and a line break between quotation marks ends none, as the engine counts.
    """
    if batch.file is None or batch.start is None:
        return None
    with source.open("rb") as opened:
        before = sum(1 for _ in _lines_before(opened, batch.start))
    with batch.file.open("rb") as opened:
        for _ in range(record - 1):
            before += _record(opened, LONGEST).count(b"\n")
    return before + 1


def _lines_before(opened: BinaryIO, end: int) -> Iterator[bytes]:
    while opened.tell() < end and (line := opened.readline()):
        yield line


def _files(work: Path) -> Iterator[Path]:
    return (work / BATCH.format(number) for number in count())


def _lines(opened: BinaryIO) -> list[bytes]:
    lines, size = [], 0
    while line := _line(opened):
        lines.append(line)
        size += len(line)
        if size > BATCH_BYTES or len(lines) >= BATCH_ROWS:
            break
    return lines


def _line(opened: BinaryIO) -> bytes:
    line = opened.readline(LONGEST)
    if len(line) == LONGEST:
        raise BadInputError(f"a line is longer than {LONGEST} bytes")
    return line


def _rows(chunk: bytes) -> int | None:
    """The rows of some lines of CSV; None where some line may be none or more than a row's part."""
    if b'"' in chunk or any(blank in chunk for blank in (b"\n\n", b"\n\r")) or chunk.startswith((b"\n", b"\r")):
        return None
    return chunk.count(b"\n") + (not chunk.endswith(b"\n"))


def _records(opened: BinaryIO) -> bytes:
    """Whole records of a CSV file: a line break inside quotation marks ends none."""
    chunk = opened.read(BATCH_BYTES)
    if not chunk.endswith(b"\n"):
        chunk += _line(opened)
    if chunk.count(b'"') % 2:
        chunk += _record(opened, LONGEST, inside=True)
    return chunk


def _record(opened: BinaryIO, most: int, *, inside: bool = False) -> bytes:
    lines, size = [], 0  # joined once: what is opened and not closed may be a million lines
    while line := opened.readline(most):
        lines.append(line)
        size += len(line)
        inside ^= bool(line.count(b'"') % 2)
        if not inside:
            break
        if size > most:
            raise _unclosed(opened)
    return b"".join(lines)


def _unclosed(opened: BinaryIO) -> BadInputError:
    """Return the fault of a quotation mark that is open where a file was read to, with the line that it stands on."""
    end, inside, opening = opened.tell(), False, 1
    opened.seek(0)
    for number, line in enumerate(_lines_before(opened, end), start=1):
        marks = line.replace(b'""', b"").count(b'"')  # two in a row are one in a cell, or an empty cell
        inside ^= bool(marks % 2)
        if marks and inside:
            opening = number
    return BadInputError(f"{opened.name}: line {opening}: a quotation mark is opened and not closed")
