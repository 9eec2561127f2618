"""`python -m tests.docs.audit FILE`: known weaknesses of the locked packages, by pip-audit.

A run that could ask about no package, or not about all, counts as not run: it says so and fails.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOUND, CLEAN, NOT_RUN = 1, 0, 2


def main(locked: str) -> int:
    """Exit status 0: all were asked about and nothing is known; 1: something is known; 2: not run."""
    command = [str(Path(sys.executable).with_name("pip-audit")), "--requirement", locked]
    command += ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        dependencies = []
    status, said = judged(dependencies)
    print(said)
    if status == NOT_RUN:
        print(done.stderr[-1000:], file=sys.stderr)
    return status


def judged(dependencies: list[dict[str, Any]]) -> tuple[int, str]:
    """The exit status, and what to say."""
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    known = [
        f"{each['name']} {each['version']}: {weakness['id']}, mended in {', '.join(weakness['fix_versions']) or 'none'}"
        for each in dependencies
        for weakness in each.get("vulns", ())
    ]
    asked = len(dependencies) - len(skipped)
    if known:
        return FOUND, "\n".join(known)
    if not asked or skipped:
        return NOT_RUN, f"not run: the database could be asked about {asked} of {len(dependencies)} packages"
    return CLEAN, f"nothing is known of {asked} packages"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
