"""Rows beside an earlier build: both are up at once, and their rounds alternate."""

import contextlib
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import NamedTuple

import duckdb

from bench import process_rows
from bench.build import Build
from bench.client import Seen, UnexpectedError, ask, closed_loop
from bench.cohort import BATCH, COPIES, PART, repeat_rows, stream
from bench.http_rows import (
    ASK,
    BODY,
    CHART_BYTES,
    CONNECTIONS,
    RATE,
    RECALLED,
    SECONDS,
    SHORT_SECONDS,
    answer_with_card,
    patient_view_path,
    until_redis_has_all,
)
from bench.knowledge import guideline
from bench.patients import patients
from bench.records import bundle, laboratory_views, patient_views
from bench.row import Effort, Measure, Pair, Spec, Target, rounded
from bench.serving import OURS, Server, pin, redis, serving
from tests.cohort.conftest import write_csv
from tests.cohort.registry import patients as registry_patients

EXTRACT = "/v1/facts/extract"
RECORD_BYTES, SHORT_RECORD_BYTES = 5_000_000, 60_000
ENGINE_PATIENTS = 500
LINES = 5_000
MEGABYTE = 1e6
IN_PROCESS = Path(__file__).with_name("in_process.py")
Requests = Callable[[], Iterator[bytes]]
"""Return the requests of one round."""


class Builds(NamedTuple):
    """The two builds of a pair."""

    ours: Build
    theirs: Build


@dataclass(frozen=True)
class PairedRow:
    """A row that both builds are asked for. `open` sets it up."""

    name: str
    unit: str
    target: Target | None
    value: str
    open: Callable[[Builds, Effort], contextlib.AbstractContextManager[Measure]]

    def spec(self, builds: Builds) -> Spec:
        """Return the row for these two builds."""
        reference = f"the same of {builds.theirs.commit}"
        return Spec(self.name, self.unit, self.target, self.value, reference, partial(self.open, builds))


def measure_in_turn(ours: Callable[[], float], theirs: Callable[[], float]) -> Callable[[], Pair]:
    """Return what measures one round of both; the first of a round is the second of the next."""
    orders = cycle(((0, 1), (1, 0)))

    def pair() -> Pair:
        figures = [0.0, 0.0]
        for place in next(orders):
            figures[place] = (ours, theirs)[place]()
        return figures[0], figures[1]

    return pair


@dataclass(frozen=True)
class Load:
    """What a row sends to a server of each build, and the figure that it takes from the answers."""

    prepare: Callable[[Server, Effort], Requests]
    figure: Callable[[Seen], float] = lambda seen: seen.rate
    connections: int = CONNECTIONS
    status: int = 200
    settings: tuple[tuple[str, str], ...] = ()

    @contextlib.contextmanager
    def open(self, builds: Builds, effort: Effort) -> Iterator[Measure]:
        """Start both servers, each with a Redis of its own, and warm them up."""
        with contextlib.ExitStack() as stack:
            servers = [
                stack.enter_context(
                    serving(OURS, build=build, REDIS_URL=stack.enter_context(redis()), **dict(self.settings))
                )
                for build in builds
            ]
            ours, theirs = (_ServerLoad(self, server, effort) for server in servers)
            for server_load in (ours, theirs):
                server_load.measure()
                server_load.processor_ms.clear()
            facts: dict[str, object] = {"seconds": ours.seconds, "connections": self.connections}
            turns = measure_in_turn(ours.measure, theirs.measure)

            def pair() -> Pair:
                figures = turns()
                costs = [statistics.median(load.processor_ms) for load in (ours, theirs)]
                facts["processor_ms"] = [rounded(cost) for cost in costs]
                facts["processor_ratio"] = rounded(costs[0] / costs[1]) if costs[1] else None
                return figures

            yield Measure(pair, facts)


class _ServerLoad:
    """A load on one server, and the processor time that the server took for an answer in each round."""

    def __init__(self, load: Load, server: Server, effort: Effort) -> None:
        self._load, self._server = load, server
        self._requests = load.prepare(server, effort)
        self.seconds = effort.of(SECONDS, SHORT_SECONDS)
        self.processor_ms: list[float] = []

    def measure(self) -> float:
        """Send the requests of one round."""
        load, server = self._load, self._server
        requests = self._requests()
        before = server.processor_seconds()
        seen = closed_loop(server.port, requests, self.seconds, connections=load.connections, status=load.status)
        self.processor_ms.append((server.processor_seconds() - before) * 1000 / len(seen.latencies))
        return load.figure(seen)


def _warm(server: Server, effort: Effort) -> Requests:
    del effort
    return partial(repeat, server.post(ASK, BODY))


def _cold(server: Server, effort: Effort) -> Requests:
    bodies = (patient.body for patient in patients(guideline()))
    return _draw(server, ASK, bodies, int(4000 * effort.of(SECONDS, SHORT_SECONDS)))


def _redis(server: Server, effort: Effort) -> Requests:
    bodies = [patient.body for patient in islice(patients(guideline()), effort.of(RECALLED, 20))]
    until_redis_has_all(server, bodies)
    requests = cycle([server.post(ASK, body) for body in bodies])
    return lambda: requests


def _same_chart(server: Server, effort: Effort) -> Requests:
    bodies = patient_views(CHART_BYTES, same_chart=True)
    answer_with_card(server, patient_view_path(), next(bodies))
    requests = cycle([server.post(patient_view_path(), body) for body in islice(bodies, effort.of(100, 10))])
    return lambda: requests


def _new_charts(server: Server, effort: Effort) -> Requests:
    return _draw_charts(server, effort, patient_views(CHART_BYTES, same_chart=False), 2000)


def _laboratory_charts(server: Server, effort: Effort) -> Requests:
    return _draw_charts(server, effort, laboratory_views(), 1000)


def _draw_charts(server: Server, effort: Effort, bodies: Iterator[bytes], per_second: int) -> Requests:
    answer_with_card(server, patient_view_path(), next(bodies))
    return _draw(server, patient_view_path(), bodies, int(per_second * effort.of(SECONDS, SHORT_SECONDS)))


def _draw(server: Server, path: str, bodies: Iterator[bytes], number: int) -> Requests:
    """Return new requests for each round, made before the clock runs; more than a round can send."""
    return lambda: iter([server.post(path, body) for body in islice(bodies, number)])


def _record(server: Server, effort: Effort) -> Requests:
    request = server.post(EXTRACT, bundle(effort.of(RECORD_BYTES, SHORT_RECORD_BYTES)))
    _, answer = ask(server.port, request)
    if not json.loads(answer)["facts"]:
        raise UnexpectedError("the record of the benchmark holds facts")
    return partial(repeat, request)


@contextlib.contextmanager
def _extract_over_http(builds: Builds, effort: Effort) -> Iterator[Measure]:
    size = effort.of(RECORD_BYTES, SHORT_RECORD_BYTES)
    load = Load(_record, lambda seen: seen.percentile(50) * 1000 / (size / MEGABYTE), connections=1)
    with load.open(builds, effort) as measure:
        measure.facts["record_bytes"] = size
        yield measure


def _measure_in_process(
    entry: str, data: bytes, figure: Callable[[float], float], builds: Builds, effort: Effort
) -> contextlib.AbstractContextManager[Measure]:
    """Time an entry of `bench/in_process.py` in a process of each build; the same input for both."""

    @contextlib.contextmanager
    def opened() -> Iterator[Measure]:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
            file = Path(name) / "input"
            file.write_bytes(data)
            ours, theirs = (stack.enter_context(_entry(build, entry, file)) for build in builds)
            at_least = effort.of(1.0, 0.0)
            yield Measure(measure_in_turn(lambda: figure(ours(at_least)), lambda: figure(theirs(at_least))))

    return opened()


@contextlib.contextmanager
def _entry(build: Build, entry: str, file: Path) -> Iterator[Callable[[float], float]]:
    """Start an entry of a build; give what times one call of it, in seconds."""
    process = subprocess.Popen(  # noqa: S603 - our own file and arguments
        [str(build.python), "-P", str(IN_PROCESS), entry, str(file)],
        cwd=build.folder,
        env={"PYTHONPATH": str(build.folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: pin(0),  # noqa: PLW1509 - this process has one thread
    )

    def measure(at_least: float) -> float:
        # A process that has ended has written its traceback to our standard error.
        with contextlib.suppress(BrokenPipeError):
            print(at_least, file=process.stdin, flush=True)
        line = process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise RuntimeError(f"{build.commit}: {entry} ended without a figure")
        return float(line)

    try:
        yield measure
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # type: ignore[union-attr]


def _extract_in_process(builds: Builds, effort: Effort) -> contextlib.AbstractContextManager[Measure]:
    data = bundle(effort.of(RECORD_BYTES, SHORT_RECORD_BYTES))
    per_megabyte = 1000 / (len(data) / MEGABYTE)
    return _measure_in_process("extraction", data, lambda seconds: seconds * per_megabyte, builds, effort)


def _engine(builds: Builds, effort: Effort) -> contextlib.AbstractContextManager[Measure]:
    points = [patient.point for patient in islice(patients(guideline()), ENGINE_PATIENTS)]
    data = json.dumps(points).encode()
    return _measure_in_process("engine", data, lambda seconds: seconds * 1e6 / ENGINE_PATIENTS, builds, effort)


@contextlib.contextmanager
def _start(builds: Builds, effort: Effort) -> Iterator[Measure]:
    with _four_guidelines(builds, effort) as settings:
        ours, theirs = (
            partial(process_rows.start_seconds, OURS, build=build, **setting)
            for build, setting in zip(builds, settings, strict=True)
        )
        yield Measure(measure_in_turn(ours, theirs))


@contextlib.contextmanager
def _memory(builds: Builds, effort: Effort) -> Iterator[Measure]:
    bodies = process_rows.worker_bodies(effort)
    with _four_guidelines(builds, effort) as settings:
        ours, theirs = (
            partial(process_rows.worker_mb, bodies, build=build, **setting)
            for build, setting in zip(builds, settings, strict=True)
        )
        yield Measure(measure_in_turn(ours, theirs), {"patients_a_worker": len(bodies)})


@contextlib.contextmanager
def _four_guidelines(builds: Builds, effort: Effort) -> Iterator[list[dict[str, str]]]:
    """Write four guidelines for each build, copies of the one that it ships."""
    with contextlib.ExitStack() as stack:
        # Without the content of the options: an earlier build need not be able to read it.
        own_content = Effort(effort.short)
        yield [stack.enter_context(process_rows.four_guidelines(own_content, build)) for build in builds]


@contextlib.contextmanager
def _ndjson(builds: Builds, effort: Effort) -> Iterator[Measure]:
    with contextlib.ExitStack() as stack:
        ours, theirs = (stack.enter_context(serving(OURS, build=build)) for build in builds)
        number = effort.of(LINES, 40)

        def rate(server: Server, drawn: Iterator[bytes]) -> float:
            lines = list(islice(drawn, number))
            began = time.perf_counter()
            answers = sum(b'"status":200' in line for line in stream(server, lines))
            seconds = time.perf_counter() - began
            if answers != number:
                raise UnexpectedError(f"{answers} of {number} lines were answered")
            return number / seconds

        rates = (
            partial(rate, server, (patient.body for patient in patients(guideline()))) for server in (ours, theirs)
        )
        yield Measure(measure_in_turn(*rates), {"path": BATCH, "lines_a_round": number})


@contextlib.contextmanager
def _cohort(ending: str, builds: Builds, effort: Effort) -> Iterator[Measure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, number, copies = Path(name), effort.of(PART, 500), effort.of(COPIES, 1)
        part = write_csv(folder / "part.csv", list(registry_patients(number, seed=1)))
        source = repeat_rows(part, folder, copies)
        if ending == "parquet":
            duckdb.sql(f"COPY (FROM read_csv('{source}', all_varchar=true)) TO '{folder / 'in.parquet'}'")
        file = folder / f"in.{ending}"

        def rate(build: Build) -> float:
            flask = str(build.python.with_name("flask"))
            command = [flask, "--app", "service", "cohort", "run", str(file), str(folder / f"out.{ending}")]
            began = time.perf_counter()
            subprocess.run(command, cwd=build.folder, check=True, capture_output=True)  # noqa: S603 - ours
            return number * copies / (time.perf_counter() - began)

        pair = measure_in_turn(partial(rate, builds.ours), partial(rate, builds.theirs))
        yield Measure(pair, {"patients": number * copies})


def _ratio(limit: str) -> Target:
    return Target.read(f"ratio {limit}")


PAIRED_ROWS = (
    PairedRow(
        "recommend_warm",
        RATE,
        None,
        f"POST {ASK}, the README's patient, whole answer, near cache full",
        Load(_warm).open,
    ),
    PairedRow("recommend_cold", RATE, None, "the same for patients of whom each is asked about once", Load(_cold).open),
    PairedRow(
        "recommend_redis",
        RATE,
        None,
        f"the same for {RECALLED} patients whose answers Redis has; there is no near cache",
        Load(_redis, settings=(("NEAR_CACHE_BYTES", "0"),)).open,
    ),
    PairedRow(
        "patient_view_18kB",
        RATE,
        None,
        "POST of a patient-view call of 18 kB, the same chart each time",
        Load(_same_chart).open,
    ),
    PairedRow(
        "patient_view_cold",
        RATE,
        _ratio(">= 1.4"),
        "the same for charts of which each is opened once",
        Load(_new_charts).open,
    ),
    PairedRow(
        "patient_view_labs",
        RATE,
        _ratio(">= 3"),
        "the same for charts of 60 kB, of which 200 laboratory values belong to no code list",
        Load(_laboratory_charts).open,
    ),
    PairedRow(
        "extraction",
        "ms/MB",
        _ratio("<= 0.45"),
        "reading a Bundle of 5 MB and extracting its facts, processor time in process",
        _extract_in_process,
    ),
    PairedRow(
        "extraction_http",
        "ms/MB",
        _ratio("<= 0.45"),
        f"POST {EXTRACT} with this Bundle, from the request to the whole answer",
        _extract_over_http,
    ),
    PairedRow(
        "engine_us",
        "us/patient",
        None,
        "derivations, gate and rule of a patient in normal form, mean of 500 patients, in process",
        _engine,
    ),
    PairedRow("start_s", "s", None, "from the start of gunicorn to the first 200 of /readyz, four guidelines", _start),
    PairedRow("worker_mb", "MB", None, "memory of one more worker that has answered, four guidelines", _memory),
    PairedRow(
        "ndjson", "patients/s", None, f"lines streamed to POST {BATCH}, one worker, every patient another", _ndjson
    ),
    PairedRow(
        "cohort_copy",
        "patients/s",
        None,
        f"flask cohort run over {PART * COPIES:,} patients in CSV, start included",
        partial(_cohort, "csv"),
    ),
    PairedRow("cohort_copy_parquet", "patients/s", None, "the same in Parquet", partial(_cohort, "parquet")),
)
BOTH_WAYS = {"extraction": ("extraction", "extraction_http")}
"""Rows that are measured in process and over HTTP when they are asked for."""


def select_rows(names: list[str]) -> list[PairedRow]:
    """Return the rows of these names, all if there are none. Raises ValueError for names that no pair has."""
    rows = {row.name: row for row in PAIRED_ROWS}
    if unknown := sorted(set(names) - set(rows)):
        raise ValueError(f"not measured beside a commit: {', '.join(unknown)}. There are: {', '.join(rows)}")
    row_names = [row_name for name in names for row_name in BOTH_WAYS.get(name, (name,))]
    return [rows[name] for name in dict.fromkeys(row_names)] or list(PAIRED_ROWS)
