"""`python -m tests.docs.sbom FILE`: the bill of materials (CycloneDX 1.6), by cyclonedx-py, with what is bundled."""

import json
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.docs.third_parties import LOCKS, third_parties


def main(file: str) -> None:
    """Write the bill of materials; it is the same for the same commit."""
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), "requirements", "-", "--pyproject"]
    command += [str(ROOT / "pyproject.toml"), "--output-reproducible", "--spec-version", "1.6"]
    locked = "".join((ROOT / lock).read_text() for lock in LOCKS)
    made = subprocess.run(command, input=locked, stdout=subprocess.PIPE, text=True, check=True)
    bill = json.loads(made.stdout)
    bill["components"] += [each.component() for each in third_parties()]
    bill["dependencies"] += [{"ref": each.purl} for each in third_parties()]
    Path(file).write_text(json.dumps(bill, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
