"""`flask --app service openapi`."""

import click
import yaml
from flask import current_app
from flask.cli import with_appcontext

from service.api.access import scopes_by_route
from service.api.knowledge import knowledge, settings
from service.api.openapi import document


@click.command("openapi")
@with_appcontext
def openapi() -> None:
    """Write the OpenAPI document as YAML."""
    made = document(knowledge().newest(settings().guideline), scopes_by_route(current_app))
    click.echo(yaml.safe_dump(made, sort_keys=False, width=120), nl=False)
