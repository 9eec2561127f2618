"""`flask --app service openapi`."""

import click
import yaml
from flask.cli import with_appcontext

from service.api.openapi import contract


@click.command("openapi")
@with_appcontext
def openapi() -> None:
    """Write the OpenAPI document as YAML."""
    click.echo(yaml.safe_dump(contract(), sort_keys=False, width=120), nl=False)
