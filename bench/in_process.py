"""Time one entry of the service without HTTP, in the environment of the build that is asked.

`bench.pairing` runs this file by its path, with the build's folder as PYTHONPATH: `python -P in_process.py ENTRY FILE`.
Each line on standard input is the least number of seconds to spend; each line on standard output is the median
processor time of one call in seconds. Nothing else of `bench` is imported: the build may have another one.
"""

import datetime as dt
import importlib
import inspect
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[], object]
MODULES = {
    "extract": ("service.fhir.extract", "service.ehr.extract"),
    "record": ("service.fhir.record_reader",),
    "parse": ("service.facts.json_body",),
    "load_library": ("service.knowledge.library",),
    "settings": ("service.settings",),
}
"""Map a purpose to the modules that serve it, the newest name first."""


def find_module(purpose: str) -> Any:
    """Return the module of this build that serves a purpose. Raises ImportError if no known name is there."""
    for name in MODULES[purpose]:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
    raise ImportError(f"this build has none of {', '.join(MODULES[purpose])}: add its name to bench/in_process.py")


def read_extraction(body: bytes) -> Call:
    """Return a call that reads a FHIR Bundle from its bytes and extracts the facts of its patient."""
    extract, parse = find_module("extract").extract, find_module("parse")
    library, today = load_library(), dt.datetime.now(dt.UTC).date()
    if next(iter(inspect.signature(extract).parameters)) == "record":
        read_record, guideline = find_module("record").read_record, newest_guideline(library)

        def read() -> Any:
            tree = parse.parse_long(body).tree
            return extract(read_record(library.terminology, [tree], None, today), guideline)
    else:

        def read() -> Any:
            return extract(library.terminology, [parse.parse(body)], None, today)

    def call() -> None:
        if not read().facts:
            raise RuntimeError("the record of the benchmark holds facts")

    return call


def read_engine(body: bytes) -> Call:
    """Return a call that derives, tests the gates and decides for each patient of a list, in normal form."""
    guideline = newest_guideline(load_library())
    derive, gates, decide = guideline.chain.derive, guideline.gates.at, guideline.table.decide
    points, rules = json.loads(body), guideline.rules

    def call() -> None:
        for point in points:
            derived = derive(point)
            next(gates(derived), None) or rules[decide(derived).output]

    return call


def load_library() -> Any:
    """Return the knowledge that the build ships."""
    return find_module("load_library").load_library(find_module("settings").CONTENT)


def newest_guideline(library: Any) -> Any:
    """Return the newest release of the guideline that routes without an id stand for."""
    guideline_id = library.default if hasattr(library, "default") else find_module("settings").Settings.guideline
    return library.newest(guideline_id)


ENTRIES = {"extraction": read_extraction, "engine": read_engine}


def main() -> None:
    """Answer each line of standard input with one measurement."""
    entry, file = sys.argv[1:]
    call = ENTRIES[entry](Path(file).read_bytes())
    seconds = runpy.run_path(str(Path(__file__).with_name("timing.py")))["seconds"]
    for line in sys.stdin:
        sys.stdout.write(f"{seconds(call, float(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
