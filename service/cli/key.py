"""`flask --app service key create | revoke | list`."""

import datetime as dt
import secrets
from pathlib import Path

import click
from flask.cli import AppGroup

from service.cli.clients_option import clients_file, in_words
from service.security import edit
from service.security.clients_file import read_clients
from service.security.keys import KEY_ID, new_key
from service.security.scopes import SCOPES

key = AppGroup("key", help="API keys: make one, revoke one, list them. The service takes changes up within seconds.")


@key.command("create")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="May be repeated.")
@click.option("--id", "key_id", default=None, help="A name for the log; by default 8 random characters.")
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d"]), default=None, help="The last day (UTC) on which it holds."
)
@clients_file
def create(file: Path, scopes: tuple[str, ...], key_id: str | None, expires: dt.datetime | None) -> None:
    """Print a new key, once; the file keeps only its digest."""
    name = secrets.token_hex(4) if key_id is None else key_id
    if not KEY_ID.fullmatch(name):
        raise click.BadParameter("1 to 32 characters of a-z, 0-9 and -, the first no -.", param_hint="--id")
    made, kept = new_key(name)
    entry = {"id": name, "hash": kept, "scopes": list(dict.fromkeys(scopes))}
    if expires is not None:
        entry["expires"] = expires.date().isoformat()
    with in_words():
        edit.add(file, "keys", entry)
    click.echo(made)
    click.echo(f"Keep it now: it is shown once. {file} has its digest.", err=True)


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@clients_file
def revoke(file: Path, key_id: str) -> None:
    """Take a key away; the service refuses it within seconds."""
    with in_words():
        edit.remove(file, "keys", "id", key_id)
    click.echo(f"{key_id} is revoked")


@key.command("list")
@clients_file
def listed(file: Path) -> None:
    """List the keys: id, scopes, last day."""
    with in_words():
        found = read_clients(file)
    for each in found.keys.values():
        scopes = ",".join(sorted(each.scopes)) or "no scope"
        click.echo(f"{each.id}  {scopes}  {f'until {each.expires}' if each.expires else 'without end'}")
