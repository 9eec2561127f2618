"""`flask --app service client add | list | check`."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from service.api.knowledge import settings
from service.cli.clients_option import clients_file, in_words
from service.security import edit
from service.security.clients_file import read_clients
from service.security.public_key import ALGORITHMS
from service.security.remote_keys import RemoteKeys, https_fetch
from service.security.replay import replay_guard
from service.security.scopes import SCOPES
from service.security.token import Case, TokenCheck

client = AppGroup("client", help="Clients that sign tokens: add one, list them, find out why a token is refused.")


@client.command("add")
@click.option("--iss", required=True, help="The issuer, exactly as its tokens say it.")
@click.option("--jwks", type=click.File("rb"), default=None, help="A file with its public keys (JWKS).")
@click.option("--jku", multiple=True, help="An https address of its JWKS; may be repeated, like the following.")
@click.option("--audience", "audiences", multiple=True, help="Taken as aud beside the address called.")
@click.option("--tenant", "tenants", multiple=True, help="Only these tenants.")
@click.option("--algorithm", "algorithms", multiple=True, type=click.Choice(ALGORITHMS), help="Only these.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="By default cds.")
@clients_file
def add(file: Path, iss: str, jwks: Any, **listed: tuple[str, ...]) -> None:
    """Add a client."""
    entry: dict[str, Any] = {"iss": iss, **{name: list(values) for name, values in listed.items() if values}}
    if jwks is not None:
        try:
            entry["jwks"] = {"keys": json.load(jwks)["keys"]}
        except (ValueError, KeyError, TypeError):
            raise click.BadParameter('must be a file with {"keys": [...]}', param_hint="--jwks") from None
    with in_words():
        edit.add(file, "clients", entry)
    click.echo(f"{iss} is added")


@client.command("list")
@clients_file
def listed(file: Path) -> None:
    """List the clients: issuer, scopes, and where their keys come from."""
    with in_words():
        found = read_clients(file)
    for each in found.clients.values():
        click.echo(f"{each.iss}  {','.join(sorted(each.scopes)) or 'no scope'}")
        for name in ("algorithms", "audiences", "tenants"):
            if values := sorted(getattr(each, name)):
                click.echo(f"  {name}: {', '.join(values)}")
        for kid in each.keys:
            click.echo(f"  key {kid}")
        for jku in each.jku:
            click.echo(f"  jku {jku}")


@client.command("check")
@click.argument("token")
@click.option("--url", default=None, help="The address that was called; by default PUBLIC_URL/cds-services.")
@clients_file
def check(file: Path, token: str, url: str | None) -> None:
    """Say step by step why a TOKEN is taken or refused (- reads it from standard input). It is not spent by this."""
    text = (sys.stdin.read() if token == "-" else token).strip().removeprefix("Bearer ")  # noqa: S105 - the word for stdin  # nosec B105
    asked = settings()
    guard = replay_guard("redis", asked.redis_state_url)  # a local guard is inside another process
    case = Case(text, url or f"{asked.public_url}/cds-services", asked.now().timestamp())
    with in_words():
        clients = read_clients(file)
    verdicts = TokenCheck(RemoteKeys(https_fetch()), guard).verdicts(case, clients)
    click.echo(f"called: {case.url}")
    for name, said in case.told().items():
        click.echo(f"{name}: {said}")
    for step, word, reason in verdicts:
        click.echo(f"{step}: {word}{f': {reason}' if reason else ''}")
    if any(word == "failed" for _, word, _ in verdicts):
        sys.exit(1)
