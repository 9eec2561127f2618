"""Many patients: `python -m bench.cohort [--short]`. Adds its rows to bench/results.json, in their form.

`ndjson`: lines streamed through one worker beside single calls to it. `cohort_copy*`: a file of a registry answered,
beside the same file copied by the same engine. `cohort_equal`: a random million row for row as the API answers them
through NDJSON. `cohort_memory`: the most memory of a run over ten million beside one over a million.
"""

import argparse
import contextlib
import datetime as dt
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from itertools import cycle, islice
from pathlib import Path

import duckdb

from bench.build import ROOT
from bench.client import closed_loop
from bench.knowledge import guideline
from bench.patients import patients
from bench.report import RESULTS, printed, run_of, write
from bench.row import Effort, Measure, Pair, Row, Spec, Target, measured
from bench.serving import KEY, OURS, Server, serving
from service.advice.question import Questioner
from service.cohort.mapping import Names
from service.cohort.run import run
from tests.cohort.conftest import lines_of, write_csv
from tests.cohort.registry import patients as registry

BATCH = "/v1/recommendations/batch"
LINES, CALLS = 20_000, 1_000
PART, MILLION = 200_000, 1_000_000
COPIES = 5
"""Of a part of a registry in the file that is copied."""
MB = 1024


@contextlib.contextmanager
def _ndjson(effort: Effort) -> Iterator[Measure]:
    """Every patient is another, so that no cache answers."""
    drawn = patients(guideline())
    facts: dict[str, object] = {}
    with serving(OURS) as ours:

        def pair() -> Pair:
            bodies = [patient.body for patient in islice(drawn, effort.of(LINES + CALLS, 60))]
            calls, lines = bodies[: effort.of(CALLS, 20)], bodies[effort.of(CALLS, 20) :]
            began = time.perf_counter()
            answered = sum(b'"status":200' in line for line in stream(ours, lines))
            value = answered / (time.perf_counter() - began)
            if answered != len(lines):
                raise RuntimeError(f"{answered} of {len(lines)} lines were answered")
            single = (
                f"POST /v1/recommendations HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {KEY}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
                for body in cycle(calls)
            )
            seen = closed_loop(ours.port, single, effort.of(2.0, 0.2), connections=4)
            facts["worker_peak_mb"] = round(ours.peak_mb())
            return value, seen.rate

        yield Measure(pair, facts)


def stream(server: Server, lines: list[bytes]) -> Iterator[bytes]:
    """Write the lines in a thread and read the answers meanwhile."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:

        def write() -> None:
            client.sendall(
                f"POST {BATCH} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {KEY}\r\n"
                "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            )
            for start in range(0, len(lines), 100):
                data = b"\n".join(lines[start : start + 100]) + b"\n"
                client.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            client.sendall(b"0\r\n\r\n")

        writer = threading.Thread(target=write)
        writer.start()
        answer = HTTPResponse(client, method="POST")
        answer.begin()
        yield from iter(answer.readline, b"")
        writer.join()


def _copied(ending: str) -> Spec:
    @contextlib.contextmanager
    def opened(effort: Effort) -> Iterator[Measure]:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            part = write_csv(folder / "part.csv", list(registry(effort.of(PART, 500), seed=1)))
            source = repeat_rows(part, folder, COPIES)
            if ending == "parquet":
                duckdb.sql(f"COPY (FROM read_csv('{source}', all_varchar=true)) TO '{folder / 'in.parquet'}'")
            asked = Questioner(guideline())
            file = folder / f"in.{ending}"
            read = f"read_csv('{file}', all_varchar=true)" if ending == "csv" else f"read_parquet('{file}')"

            def pair() -> Pair:
                began = time.perf_counter()
                done = run(asked, file, folder / f"out.{ending}", Names(), _today(), lambda *_: None)
                value = done.rows / (time.perf_counter() - began)
                began = time.perf_counter()
                duckdb.sql(f"COPY (FROM {read}) TO '{folder / f'copy.{ending}'}'")
                return value, done.rows / (time.perf_counter() - began)

            yield Measure(pair)

    what = f"flask cohort run over {PART * COPIES:,} patients in {ending}, start and counts included"
    name = "cohort_copy" if ending == "csv" else f"cohort_copy_{ending}"
    return Spec(name, "patients/s", Target.read("ratio >= 0.5"), what, "the same file copied by DuckDB", opened)


@contextlib.contextmanager
def _equal(effort: Effort) -> Iterator[Measure]:
    """The value is the number of rows that are the same, the reference that of all."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, serving(OURS) as ours:
        folder, told = Path(name), dict[str, int]()

        def pair() -> Pair:
            number, same, sent = effort.of(MILLION, 1_000), 0, 0
            drawn = registry(number, seed=int(time.time()), faulty=0.01, free=0.1)
            asked = Questioner(guideline())
            while rows := list(islice(drawn, 50_000)):
                source = write_csv(folder / "in.csv", rows)
                run(asked, source, folder / "out.ndjson", Names(), _today(), lambda *_: None)
                with (folder / "out.ndjson").open() as found:
                    answers = stream(ours, [line.encode() for line in lines_of(rows)])
                    same += sum(_same(json.loads(one), json.loads(next(found))) for one in answers)
                sent += len(rows)
                if sent == len(rows) or sent % (MILLION // 5) == 0:
                    told[f"{sent:,}"] = round(ours.peak_mb())
            return same, number

        yield Measure(pair, {"worker_peak_mb_after_lines": told})


def _same(item: dict, row: dict) -> bool:
    """Whether a row of the cohort says what the API says."""
    answer, problem = item.get("answer", {}), item.get("problem", {})
    told = [f"{fault.get('rule') or fault['code']} {fault['pointer']}" for fault in problem.get("errors", [])]
    return (
        row["status"] == item["status"]
        and all(row[name] == answer.get(name) for name in ("decision_id", "rule", "code", "direction", "strength"))
        and (row["certainty"], row["urgency"]) == (answer.get("certainty"), answer.get("urgency"))
        and row["warnings"] == answer.get("warnings", [])
        and (row["status"] == 200 or sorted(row["errors"]) == sorted(told))  # noqa: PLR2004
        and row.get("urgent") == problem.get("urgent", {}).get("code")
    )


@contextlib.contextmanager
def _memory(effort: Effort) -> Iterator[Measure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, facts = Path(name), dict[str, object]()
        part = write_csv(folder / "part.csv", list(registry(effort.of(MILLION // 5, 500), seed=3)))

        def pair() -> Pair:
            peaks = {times: _peak(part, folder, times) for times in effort.of((5, 25, 50), (1, 2, 3))}
            facts["peak_mb"] = {f"{times * effort.of(MILLION // 5, 500):,}": round(mb) for times, mb in peaks.items()}
            return max(peaks.values()), min(peaks.values())

        yield Measure(pair, facts)


def _peak(part: Path, folder: Path, times: int) -> float:
    """The most memory that the command takes for so many times the part."""
    source = repeat_rows(part, folder, times)
    flask = str(Path(sys.executable).with_name("flask"))
    command = [flask, "--app", "service", "cohort", "run", str(source), str(folder / "out.parquet")]
    # A process counts as its own what its parent held when it began: hence a small parent.
    told = subprocess.run([sys.executable, "-c", _PEAK, *command], cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    return int(told.stdout.split()[-1]) / MB


_PEAK = """\
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def repeat_rows(part: Path, folder: Path, times: int) -> Path:
    """Write a file with the rows of a part so many times."""
    header, _, rows = part.read_bytes().partition(b"\n")
    with (folder / "in.csv").open("wb") as out:
        out.write(header + b"\n")
        for _ in range(times):
            out.write(rows)
    return folder / "in.csv"


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


SPECS = {
    spec.name: spec
    for spec in (
        Spec(
            "ndjson", "patients/s", Target.read("ratio >= 10"),
            "lines streamed to POST /v1/recommendations/batch, one worker, every patient another",
            "single calls to the same worker by four clients, every patient another", _ndjson,
        ),
        _copied("csv"),
        _copied("parquet"),
        Spec("cohort_equal", "rows", Target.read("ratio >= 1"), "rows as the API gives them", "all rows", _equal),
        Spec("cohort_memory", "MB", Target.read("ratio <= 1.2"), "most memory at 10 million", "at 1 million", _memory),
    )
}  # fmt: skip
ONCE = ("cohort_equal", "cohort_memory")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.cohort", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join(SPECS)}; all by default")
    parser.add_argument("--short", action="store_true", help="a tiny round of each: shows that it runs, no figures")
    asked = parser.parse_args()
    whole = not asked.short and not asked.rows
    if whole and not RESULTS.exists():
        parser.error("`make bench` first: its file is gone on with")
    began, rows = time.monotonic(), []
    for name in asked.rows or SPECS:
        sys.stderr.write(f"{name} ...\n")
        spec, effort = SPECS[name], Effort(asked.short)
        rows.append((measured(spec, effort) if name not in ONCE else _once(spec, effort)).as_json())
    ours = run_of(rows, [], {}, time.monotonic() - began)
    if whole:
        run_before = json.loads(RESULTS.read_text())
        run_before["rows"] = [row for row in run_before["rows"] if row["name"] not in SPECS] + rows
        write(run_before)
    sys.stdout.write(printed(ours))


def _once(spec: Spec, effort: Effort) -> Row:
    """A row that takes minutes and does not scatter is measured once."""
    with spec.open(effort) as measure:
        return Row.of(spec, [measure.pair()], measure.facts)


if __name__ == "__main__":
    main()
