"""docs/trust-report.md, from the figures of all parts."""

from collections.abc import Iterator
from typing import Any

from tests.conftest import ROOT
from tests.trust.record import PARTS, read

REPORT = ROOT / "docs" / "trust-report.md"
HEAD = """# Trust report

What was tried against real servers on loopback, and what came of it. Written by `make trust` from the figures under
`.run/trust/`, never by hand. Anyone can repeat it: `make trust` does what is missing or older than the code,
`make trust ARGS=--force` everything anew, `make trust-faults` (`-poison`, `-fuzz`, `-tokens`, `-privacy`,
`-attacks`) one part. `make trust-soak` and `make mutants` take longer and are run by name.
"""


def write() -> None:
    """Write the report."""
    REPORT.write_text(rendered({part: read(part) for part in PARTS}))


def rendered(found: dict[str, dict[str, Any] | None]) -> str:
    """The report as Markdown."""
    return "\n".join([HEAD, *_summary(found), *(line for data in found.values() if data for line in _part(data))])


def _summary(found: dict[str, dict[str, Any] | None]) -> Iterator[str]:
    yield "| part | goal | figure | met |"
    yield "|---|---|---|---|"
    for part, data in found.items():
        if data is None or not data["whole"]:
            yield f"| {part} | | {'not run' if data is None else 'begun, not ended'} | |"
            continue
        for goal in data["goals"]:
            yield f"| {part} | {goal['goal']} | {goal['figure']} | {'yes' if goal['met'] else '**no**'} |"
    yield ""


def _part(data: dict[str, Any]) -> Iterator[str]:
    yield f"## {data.get('title', data['part'])}"
    yield ""
    yield data.get("about", "")
    yield ""
    yield f"- begun {data['began']}, took {data['seconds']:.0f} s{'' if data['whole'] else ', not ended'}"
    yield f"- commit {data['commit']}, digest of the code {data['code']}, seed {data['seed']}"
    yield f"- `{data['command']}`"
    yield f"- {'; '.join(data['machine'].values())}"
    for note in data["notes"]:
        yield f"- {note}"
    yield ""
    for table in data.get("tables", []):
        yield f"### {table['name']}"
        yield ""
        if table["about"]:
            yield table["about"]
            yield ""
        yield f"| {' | '.join(table['columns'])} |"
        yield "|" + "---|" * len(table["columns"])
        for row in table["rows"]:
            yield f"| {' | '.join(row)} |"
        yield ""
