"""`python -m tests.conformance call FILE`: the dry run of `flask hooks call`, with each rule that is violated."""

import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import click
from flask.cli import ScriptInfo, with_appcontext

from service import create_app
from service.cli.hooks import JSON, Call, Reply, dry_run, hooks
from tests.conformance import rules
from tests.conformance.rules import Violation


@with_appcontext
def check(**arguments: Any) -> None:
    """Send a recorded body; show request, response and each violated rule of CDS Hooks 2.0.1.

    Exit code 1 if a rule that SHALL hold is violated, or if the status is 500 or higher.
    """
    call, reply = dry_run(**arguments)
    violations = {
        "discovery": list(rules.discovery(call.discovery.body)) if call.discovery.status == HTTPStatus.OK else [],
        "request": list(_of_request(call)),
        "response": list(_of_response(call, reply)),
    }
    for title, found in violations.items():
        click.echo(f"{title}: {len(found) or 'no'} rule{'' if len(found) == 1 else 's'} violated")
        for violation in sorted(found):
            level = "SHALL " if violation.must else "SHOULD"
            click.echo(f"  {level} {violation.rule}  {violation.pointer or '/'}  {violation.detail}")
    broken = any(violation.must for found in violations.values() for violation in found)
    if broken or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        sys.exit(1)


command = click.Command("call", callback=check, params=hooks.commands["call"].params, help=check.__doc__)


def main(arguments: list[str]) -> None:
    """Run the command and end the process."""
    command.main(arguments, prog_name="python -m tests.conformance call", obj=ScriptInfo(create_app=create_app))


def _is_feedback(call: Call) -> bool:
    return isinstance(call.body, dict) and "feedback" in call.body


def _of_request(call: Call) -> Iterator[Violation]:
    if _is_feedback(call):
        return rules.feedback(call.body)
    return rules.request(call.body, call.service if "hook" in call.service else None)


def _of_response(call: Call, reply: Reply) -> Iterable[Violation]:
    if reply.status != HTTPStatus.OK:
        no_content = _is_feedback(call) and reply.status == HTTPStatus.NO_CONTENT
        return () if no_content else rules.outcome(reply.body)
    if _is_feedback(call):
        return ()  # the specification does not define what feedback is answered with
    if reply.content_type != JSON:
        return (Violation("", "§use-of-json", f"The Content-Type must be {JSON}."),)
    return rules.response(reply.body)
