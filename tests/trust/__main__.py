"""`python -m tests.trust [PART ...] [--short] [--force]`: run what is missing, write the report, tell what was missed.

What is done with the same code and seed is not done again, also where a run was cut short.
"""

import argparse
import importlib
import importlib.util
import os
import sys
from pathlib import Path

from tests.trust import report
from tests.trust.record import HALF_AN_HOUR, PARTS, Record

SEED = 20261123


def main() -> int:
    """Exit status 1 where a goal was not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--short", action="store_true", help="a minute; writes no report")
    parser.add_argument("--force", action="store_true", help="also what is done already")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--archive", type=Path, help="a folder of recorded CDS Hooks requests, for fuzz")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="mutants tried at a time")
    asked = parser.parse_args()
    missed = []
    for part in asked.parts or HALF_AN_HOUR:
        name = f"tests.trust.{part}"
        if importlib.util.find_spec(name) is None:
            print(f"{part}: not there yet")
            continue
        module = importlib.import_module(name)
        record = Record(part, asked.seed, short=asked.short, force=asked.force)
        record.archive, record.workers = asked.archive, asked.workers
        record.data |= {"title": module.TITLE, "about": module.ABOUT}
        if record.whole:
            print(f"{part}: done with this code already (--force does it anew)")
        else:
            print(f"{part} ...", flush=True)
            with record.timed():
                module.run(record, short=asked.short)
        for each in record.data["goals"]:
            print(f"  {'met   ' if each['met'] else 'MISSED'} {each['goal']}: {each['figure']}")
        missed += record.missed()
        if not asked.short:
            report.write()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
