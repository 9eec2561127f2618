"""`python -m tests.docs.audit`: known weaknesses, by pip-audit of the locked packages and by OSV of what is bundled.

A run that could ask about no package, or not about all, counts as not run: it says so and fails.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.docs.third_parties import LOCKS, ThirdParty, third_parties

FOUND, CLEAN, NOT_RUN = 1, 0, 2
OSV = "https://api.osv.dev/v1/query"


def main() -> int:
    """Exit status 0: all were asked about and nothing is known; 1: something is known; 2: not run."""
    status, said = judged([*audit_locks(), *(ask_osv(each) for each in third_parties())])
    print(said)
    return status


def audit_locks() -> list[dict[str, Any]]:
    """What pip-audit says of each locked package."""
    command = [str(Path(sys.executable).with_name("pip-audit"))]
    command += [word for lock in LOCKS for word in ("--requirement", str(ROOT / lock))]
    command += ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        print(done.stderr[-1000:], file=sys.stderr)
        return [{"name": "the locked packages", "skip_reason": "pip-audit could not ask"}]
    return found


def ask_osv(each: ThirdParty, url: str = OSV) -> dict[str, Any]:
    """What OSV says of a bundled program, in the form of pip-audit."""
    question = {"package": {"ecosystem": each.ecosystem, "name": each.name}, "version": each.version}
    try:
        with urllib.request.urlopen(url, json.dumps(question).encode(), timeout=20) as response:
            known = json.load(response).get("vulns", [])
        weaknesses = [{"id": one["id"], "fix_versions": fixed_versions(one)} for one in known]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"{each.name}: {error}", file=sys.stderr)
        return {"name": each.name, "skip_reason": "OSV could not be asked"}
    return {"name": each.name, "version": each.version, "vulns": weaknesses}


def fixed_versions(weakness: dict[str, Any]) -> list[str]:
    """The versions in which a weakness is mended."""
    ranges = [one for each in weakness.get("affected", []) for one in each.get("ranges", [])]
    return sorted({event["fixed"] for one in ranges for event in one.get("events", []) if "fixed" in event})


def judged(dependencies: list[dict[str, Any]]) -> tuple[int, str]:
    """The exit status, and what to say."""
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    known = [
        f"{each['name']} {each['version']}: {weakness['id']}, mended in {', '.join(weakness['fix_versions']) or 'none'}"
        for each in dependencies
        for weakness in each.get("vulns", ())
    ]
    answered = len(dependencies) - len(skipped)
    if known:
        return FOUND, "\n".join(known)
    if not answered or skipped:
        return NOT_RUN, f"not run: the database could be asked about {answered} of {len(dependencies)} packages"
    return CLEAN, f"nothing is known of {answered} packages"


if __name__ == "__main__":
    sys.exit(main())
