"""`make conformance`: every line of the checklist against running services; or against any URL; or one recorded call.

python -m tests.conformance
python -m tests.conformance --url https://guideline.example --ca ca.pem --origin https://ehr.example --party party.json
python -m tests.conformance call FILE --url https://guideline.example
"""

import argparse
import contextlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.conformance import call, lines
from tests.conformance.checklist import FAIL, Target, gone_through
from tests.conformance.party import from_file
from tests.conformance.servers import guarded_service, open_service
from tests.conformance.wire import Wire
from tests.conftest import RedisServer

EVIDENCE = 150


def main() -> int:
    """Go through the list, print it; 1 where a line fails."""
    asked = _arguments()
    with contextlib.ExitStack() as stack:
        targets: dict[str, Target] = {}
        if asked.url:
            targets[asked.url] = Target(
                Wire(asked.url, asked.ca),
                (asked.public_url or asked.url).rstrip("/"),
                asked.origin,
                from_file(asked.party) if asked.party else None,
            )
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            redis = stack.enter_context(contextlib.closing(RedisServer())).url
            targets["AUTH=none"] = stack.enter_context(open_service(folder / "none", redis))
            targets["AUTH=clients"] = stack.enter_context(guarded_service(folder / "clients", redis))[0]
        return max([_printed(name, target, asked.archive) for name, target in targets.items()])


def _printed(name: str, target: Target, archive: Path | None) -> int:
    target.archive = archive
    print(f"\n{len(lines.LINES)} lines of the CDS Hooks checklist: {name}, {target.wire.url}")
    count: Counter[str] = Counter()
    for verdict in gone_through(target):
        one, count[verdict.verdict] = verdict.line, count[verdict.verdict] + 1
        text = " ".join(verdict.evidence.split())
        shown = text if verdict.verdict == FAIL or len(text) <= EVIDENCE else text[:EVIDENCE] + "..."
        print(f"{one.name:<4} {one.level}  {verdict.verdict:<4}  {one.text} | {shown}", flush=True)
    print(", ".join(f"{number} {verdict}" for verdict, number in sorted(count.items())))
    return int(bool(count[FAIL]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="The CDS Hooks checklist.")
    parser.add_argument("--url", help="a running service; by default two are started, without and with tokens")
    parser.add_argument("--public-url", help="its PUBLIC_URL, where that is another one")
    parser.add_argument("--ca", type=Path, help="the authority of its certificate")
    parser.add_argument("--origin", help="one of its CORS_ORIGINS")
    parser.add_argument("--party", type=Path, help='{"iss", "jku", "keys": [EC and RSA private JWK]} of a client')
    parser.add_argument("--archive", type=Path, help="a folder of recorded requests")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["call"]:
        call.main(sys.argv[2:])
    sys.exit(main())
