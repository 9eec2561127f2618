"""Part 3: bad input. What is damaged, and what must be true of every answer, stands in the modules fuzz_*."""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.trust import fuzz_facts, fuzz_hooks, fuzz_records, fuzz_relations, fuzz_slow, fuzz_wire
from tests.trust.fuzz_cases import application
from tests.trust.fuzz_cases import run as run_cases
from tests.trust.record import Record, goal, table
from tests.trust.stand import WORKERS, Service, redis, service

TITLE = "Bad input"
ABOUT = """Cases are made from the vocabulary and the code lists, then damaged, each from the seed and its number alone.
They are judged in process, through the whole application, by rules that hold of every answer. What needs a server
(heads, lengths, chunks, slow clients, memory) is sent byte by byte to a real one. schemathesis asks every operation of
the contract that a real server publishes."""

MILLION = 1_000_000
SHARES = {"facts": 0.4, "records": 0.36, "relations": 0.2, "hooks": 0.04}
"""Of the million, by how many ways there are to be wrong."""
SECONDS = 800.0
"""For the cases of one run; what is left goes on in the next."""
HELD = (12, 96, 480)
"""So many slow requests are held at once on one worker; the last is fifteen times its threads."""
READERS, READERS_SECONDS = 300, 22.0
"""So many slow readers are held on one worker, for so long."""
EXAMPLES, FEW = 60, 3
ROUNDS = 40
GROWTH = 0.03
"""Of what a worker holds, from the mean of the third quarter of the rounds to that of the fourth. In the first half
caches fill, threads are made and pages shared with the master are written to; what still grows after that, by more than
this each quarter, would be a leak."""


def run(record: Record, *, short: bool) -> None:
    """Do what is missing."""
    folder = Path(tempfile.mkdtemp(prefix="trust-fuzz-"))
    try:
        # LOG_LEVEL: the log of a hundred thousand requests is not what is measured.
        with redis() as server:
            settings = {"AUTH": "none", "LOG_LEVEL": "error", "REDIS_URL": server.url, "REDIS_STATE_URL": server.url}
            for name, unit, more in (
                ("wire", _wire, {}),
                ("slow", _slow, {"WORKERS": "1"}),
                ("readers", _readers, {"WORKERS": "1"}),
                ("memory", functools.partial(_memory, record), {"WORKERS": "1"}),
                ("contract", _contract, {}),
            ):
                if name not in record.units:
                    with service(folder, **settings, **more) as up:
                        record.keep(name, unit(up, record.seed, short=short))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    total = 2_000 if short else MILLION
    cases = {
        "facts": fuzz_facts.case,
        "records": fuzz_records.case,
        "relations": fuzz_relations.case,
        "hooks": functools.partial(fuzz_hooks.case, sound=fuzz_hooks.sources(record.archive)),
    }
    kinds = {name: (case, round(total * SHARES[name])) for name, case in cases.items()}
    began = time.monotonic()
    before = sum(record.units[name]["done"] for name in kinds if name in record.units)
    done = run_cases(record, kinds, SECONDS * (0.1 if short else 1))
    made, took = sum(each["done"] for each in done.values()) - before, time.monotonic() - began
    pace = record.units.get("pace", {"cases": 0, "seconds": 0.0})
    record.keep("pace", {"cases": pace["cases"] + made, "seconds": round(pace["seconds"] + took, 1)})
    _conclude(record, done, total)


def _wire(up: Service, _seed: int, *, short: bool) -> dict[str, Any]:  # noqa: ARG001 - all of it in either form
    """Bytes."""
    wrong, groups, refused, quick = [], Counter(), Counter(), []
    for attack in fuzz_wire.attacks():
        replies, took = fuzz_wire.timed(up, attack.sent)
        wrong += [f"{attack.name}: {fault}" for fault in fuzz_wire.faults(attack, replies)]
        groups[attack.group] += 1
        refused.update(f"{attack.group}: {reply.status}" for reply in replies)
        if took < 2:  # those that are held until the time is over would only make the rounds long
            quick.append(attack.name)
    return {"wrong": wrong, "groups": groups, "statuses": refused, "quick": quick}


def _slow(up: Service, _seed: int, *, short: bool) -> list[dict[str, Any]]:
    """Slow clients, all on one worker."""
    return [fuzz_slow.held(up, number // len(fuzz_slow.WAYS)) for number in (HELD[:1] if short else HELD)]


def _readers(up: Service, _seed: int, *, short: bool) -> list[dict[str, Any]]:
    """Slow readers, all on one worker."""
    number, seconds = (40, 2.0) if short else (READERS, READERS_SECONDS)
    return [fuzz_slow.readers(up, name, number, seconds) for name in fuzz_slow.READERS]


def _memory(record: Record, up: Service, seed: int, *, short: bool) -> list[dict[str, Any]]:
    """All of the wire that is answered at once, again and again; on one worker, which so is warm soonest."""
    quick = [each for each in fuzz_wire.attacks() if each.name in record.units["wire"]["quick"]]
    return list(fuzz_slow.memory(up, application(), quick, 2 if short else ROUNDS, seed))


def _contract(up: Service, seed: int, *, short: bool) -> dict[str, Any]:
    """schemathesis, all its phases, on every operation."""
    report = up.log.with_name("schemathesis.json")
    checks = (
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
        "response_headers_conformance", "allow_header_conformance",
    )  # fmt: skip
    phases = "examples" if short else "examples,coverage,fuzzing,stateful"
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{up.url}/openapi.json",
            "--phases", phases, "--checks", ",".join(checks), "--max-examples", str(FEW if short else EXAMPLES),
            "--seed", str(seed), "--generation-database", "none", "--continue-on-failure", "--no-color",
            "--report", "json", "--report-json-path", str(report), "--workers", str(os.cpu_count() or 1),
        ],
        cwd=up.log.parent,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    found = json.loads(report.read_text())
    return {
        "operations": found["operations"]["tested"],
        "phases": {name: phase["status"] for name, phase in found["phases"].items()},
        "cases": found["test_cases"]["generated"],
        "failures": [f"{each['title']}: {', '.join(each['operations'])}" for each in found["failures"]],
        "complete": found["complete"] and not found["errors"],
        "returncode": done.returncode,
    }


def _conclude(record: Record, done: dict[str, dict[str, Any]], total: int) -> None:
    wire, contract, pace = (record.units[name] for name in ("wire", "contract", "pace"))
    cases, broken = sum(each["done"] for each in done.values()), Counter()
    for each in done.values():
        broken.update(each["broken"])
    memory = record.units["memory"]
    most = max(each["max_ms"] for each in record.units["slow"])
    reading = max(longest for each in record.units["readers"] for longest in each["max_ms"].values())
    ends = Counter()
    for each in record.units["slow"]:
        for counted in each["ends"].values():
            ends.update(counted)
    settled = memory[len(memory) // 2 :]
    slope = fuzz_slow.slope(settled, lambda each: each["pss_kib"])
    half = (len(settled) + 1) // 2
    first, last = (sum(each["pss_kib"] for each in some) / len(some) for some in (settled[:half], settled[-half:]))
    same = all(each["same workers"] for each in memory)
    attacks = sum(wire["groups"].values())
    _tables(record, done)
    record.end(
        [
            goal("no rule is broken by any case", f"{sum(broken.values())} of {cases:,}", met=not broken),
            goal(
                "every request of the wire has an answer that it may have: no 5xx but 501 to an unknown transfer "
                "coding, every refusal names its fault, nothing smuggled is answered",
                f"{len(wire['wrong'])} wrong of {attacks}",
                met=not wire["wrong"],
            ),
            goal(
                f"no whole request waits over 1 s while up to {HELD[-1]} slow ones are held on the one worker there is",
                f"{most:.0f} ms at most",
                met=most < 1000,
            ),
            goal(
                f"health and emergencies are answered within 1 s while {READERS} read slowly on one worker",
                f"{reading:.0f} ms at most",
                met=reading < 1000 and all(each["same worker"] for each in record.units["readers"]),
            ),
            goal("slow requests end with 408", f"{ends['408']} of {sum(ends.values())}", met=set(ends) == {"408"}),
            goal(
                f"no memory growth after the first half of {ROUNDS} rounds: what a worker holds in the last quarter "
                f"is at most {GROWTH:.0%} more than in the one before",
                f"{(last - first) / first:+.1%} ({slope:+.0f} KiB per 1,000 requests, of {last / 1024:.0f} MiB)"
                + ("" if same else "; a worker was replaced meanwhile"),
                met=same and last - first <= GROWTH * first,
            ),
            goal(
                "schemathesis finds no fault in any operation",
                f"{len(contract['failures'])} in {contract['cases']:,} cases on {contract['operations']} operations",
                met=contract["complete"] and not contract["failures"] and contract["returncode"] == 0,
            ),
            goal(f"{total:,} cases", f"{cases:,}", met=cases >= total),
        ],
        [
            f"{WORKERS} workers of 32 threads each, one worker for slow clients and memory; no proxy in front",
            f"{pace['cases'] / max(pace['seconds'], 0.1):.0f} cases a second by the clock, on {os.cpu_count()} cores",
        ],
    )
    record.data["whole"] = cases >= total


def _tables(record: Record, done: dict[str, dict[str, Any]]) -> None:
    wire, contract = record.units["wire"], record.units["contract"]
    rows = [
        [name, f"{each['done']:,}", f"{each['done'] / max(each['seconds'], 0.1):.0f}", sum(each["broken"].values())]
        for name, each in done.items()
    ]
    counted = [
        [name, what, f"{number:,}"]
        for name, each in done.items()
        for what, number in sorted(each["counts"].items())
        if what != "cases"
    ]
    broken = [
        [name, each["number"], each["rule"], each["detail"][:200].replace("|", "\\|").replace("\n", " ")]
        for name, of in done.items()
        for each in of["examples"][:20]
    ]
    statuses: dict[str, list[str]] = {}
    for name, number in sorted(wire["statuses"].items()):
        group, _, status = name.partition(": ")
        statuses.setdefault(group, []).append(f"{status}: {number}")
    held = [
        [each["held"], each["asked"], each["p50_ms"], each["p99_ms"], each["max_ms"], _ends(each)]
        for each in record.units["slow"]
    ]
    memory = [
        [each["round"] + 1, each["sent"], round(each["pss_kib"] / 1024, 1), round(each["private_kib"] / 1024, 1)]
        for each in record.units["memory"]
    ]
    record.tables(
        table("Cases in process", ["kind", "cases", "a second of one core", "rules broken"], rows),
        table("What the cases were and what came of them", ["kind", "what", "number"], counted),
        *([table("Broken rules", ["kind", "case", "rule", "detail"], broken)] if broken else []),
        table(
            "Requests of the wire",
            ["group", "requests", "statuses"],
            [[group, number, ", ".join(statuses.get(group, []))] for group, number in wire["groups"].items()],
        ),
        *([table("Wrong answers of the wire", ["fault"], [[each] for each in wire["wrong"]])] if wire["wrong"] else []),
        table(
            "Slow requests held open, and what others waited meanwhile",
            ["held", "others", "p50 ms", "p99 ms", "max ms", "ends"],
            held,
            f"In equal parts: {', '.join(way.name for way in fuzz_slow.WAYS)}.",
        ),
        table(
            "Slow readers, and what others waited meanwhile",
            ["asked for", "readers", "others", "health max ms", "emergency max ms", "PSS MiB", "given up"],
            [
                [
                    *(each[name] for name in ("asked for", "readers", "asked")),
                    *each["max_ms"].values(),
                    each["pss_kib"] // 1024,
                    each["ended"],
                ]
                for each in record.units["readers"]
            ],
            "Each reads 16 kB a second.",
        ),
        table(
            "Memory of the one worker of that service",
            ["round", "requests so far", "PSS MiB", "private MiB"],
            memory,
            "At first caches fill, threads are made, and pages shared with the master are written to.",
        ),
        table("schemathesis", ["phase", "outcome"], [[*each] for each in contract["phases"].items()]),
    )


def _ends(held: dict[str, Any]) -> str:
    ends: Counter = Counter()
    for counted in held["ends"].values():
        ends.update(counted)
    return ", ".join(f"{what}: {number}" for what, number in ends.items())
