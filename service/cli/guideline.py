"""`flask --app service guideline check | explain | cases`."""

import json
import sys
from pathlib import Path

import click
from flask.cli import AppGroup

from service.advice.case_check import failing_cases
from service.advice.question import Answer, Questioner, Refused
from service.advice.registry import NotFoundError
from service.advice.release_diff import compare_releases
from service.api.knowledge import knowledge, settings
from service.cli.diff_lines import diff_lines
from service.cli.guideline_option import find_guideline, guideline_option
from service.facts.json_body import BodyError, parse
from service.knowledge.library import load_library
from service.knowledge.new_release import copy_release, stale_lines

guideline = AppGroup("guideline", help="The knowledge: check it, ask it, list its worked cases.")


@guideline.command("check")
def check() -> None:
    """Prove each release and say what was proved, and ask it its worked cases; fail if one is answered otherwise."""
    load_library(settings().content, settings().guidelines, prove=True)
    failures = 0
    for questioner in knowledge().questioners.values():
        asked = questioner.guideline
        tables = [*(table.table for table in asked.chain.tables), *(table.table for table in asked.wording.tables)]
        locators = sum(not item.locator for rule in asked.rules.values() for item in rule.citations)
        click.echo(f"{asked.release.id} {asked.release.release}  sha256 {asked.digest[:16]}")
        click.echo(f"  evidence of {asked.release.evidence_date}, review by {asked.release.review_by}")
        click.echo(f"  derivations {len(tables)} tables, {sum(table.cells for table in tables)} cells")
        click.echo(
            f"  rules {len(asked.table.table.rows)}, gates {len(asked.release.gates)}, cells {asked.table.table.cells}"
        )
        click.echo("  gaps 0, overlaps 0, dead 0 (proved)")
        click.echo(f"  contradictions {len(asked.contradictions.items)}, warnings {len(asked.warnings.items)}")
        click.echo(f"  modifiers {len(asked.modifiers.items)}, options {len(asked.options)}")
        failing = list(failing_cases(questioner, knowledge().renderers[asked.key], settings().today()))
        failures += len(failing)
        answered = f"{len(asked.cases) - len(failing)} answered as they say"
        click.echo(f"  worked cases {len(asked.cases)}, {answered}, citations without locator {locators}")
        for case, differences in failing:
            click.echo(f"  {case.file}: {case.name}: {'; '.join(differences)}", err=True)
    if failures:
        sys.exit(1)


@guideline.command("explain")
@click.argument("facts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@guideline_option
def explain(facts: Path, questioner: Questioner) -> None:
    """Answer for the patient in a JSON file, step by step."""
    try:
        tree = parse(facts.read_bytes())
    except BodyError as error:
        raise click.ClickException(f"{facts}: {error.detail}") from None
    result = questioner.ask(tree, settings().today())
    if isinstance(result, Refused):
        for fault in result.faults:
            click.echo(f"{fault.pointer or '/'}: {fault.rule or fault.code}: {fault.detail}", err=True)
        if result.urgent is not None:
            click.echo(f"URGENT {result.urgent.code}: {result.urgent.statement}", err=True)
        sys.exit(1)
    _told(result)


@guideline.command("cases")
@click.option("--rule", default=None, help="Only cases that protect this rule.")
@click.option("--guideline", "name", metavar="ID", help="Only cases of this guideline, of its newest release.")
def cases(rule: str | None, name: str | None) -> None:
    """List the worked cases, with the facts and the rule or fault expected."""
    questioners = knowledge().questioners.values() if name is None else [find_guideline(name)]
    for questioner in questioners:
        for case in questioner.guideline.cases:
            if rule is None or rule in case.protects:
                expected = case.rule or f"{case.expect.get('status')}"
                click.echo(f"{case.file}: {case.name}\n    {case.body or json.dumps(case.facts)}\n    -> {expected}")


@guideline.command("diff")
@click.argument("before", metavar="FROM")
@click.argument("after", metavar="TO")
@click.option("--guideline", "name", metavar="ID", help="Which guideline; by default the one of GUIDELINE.")
def diff(before: str, after: str, name: str | None) -> None:
    """Say which patients the release TO answers otherwise than the release FROM."""
    try:
        pair = knowledge().pair(name or settings().guideline, before, after)
    except NotFoundError as error:
        raise click.ClickException(str(error)) from None
    for line in diff_lines(compare_releases(*pair, settings().today())):
        click.echo(line)


@guideline.command("new-release")
@click.argument("before", metavar="FROM")
@click.argument("after", metavar="TO")
@click.option("--guideline", "name", metavar="ID", help="Which guideline; by default the one of GUIDELINE.")
def new_release(before: str, after: str, name: str | None) -> None:
    """Make the folder of the release TO from that of FROM, and say what in it still has to be changed."""
    folder = settings().content / "guidelines" / (name or settings().guideline)
    try:
        copied = copy_release(folder, before, after)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{copied}: {before} copied, release and its name in the changes set")
    click.echo("Still old:")
    for line in stale_lines(copied, before):
        click.echo(f"  {line}")


def _told(answer: Answer) -> None:
    shown = knowledge().renderer(answer).read(answer, "full")
    for step in shown["because"]["trace"]:
        inputs = ", ".join(f"{name}={value}" for name, value in step["inputs"].items() if value != "unknown")
        click.echo(f"{step['table']}: {step['output']}  [{step['row']}]  {inputs}")
    click.echo(f"\n{shown['summary']}")
    for item in shown["recommendations"]:
        grade = f"{item['direction']}, {item['strength']}, certainty {item['certainty']}, {item['urgency']}"
        click.echo(f"\n{item['rule']} {item['code']} ({grade})\n  {item['statement']}")
    for heading in ("warnings", "missing_facts"):
        for item in shown[heading]:
            click.echo(f"{heading[:-1]}: {item.get('detail') or item['fact']}")
    click.echo(f"\n{shown['decision_id']}")
