"""For people at a terminal: `flask --app service --help` lists the commands, one module for each group of them."""

import click
from flask import Flask

from service.cli.contract import openapi
from service.cli.guideline import guideline
from service.cli.hooks import hooks
from service.knowledge.yaml_file import ContentError


def register(app: Flask) -> None:
    """Add the commands."""
    for command in (guideline, hooks, openapi):
        app.cli.add_command(command)


def without_traceback(error: ContentError) -> Exception:
    """For a person at a terminal the faults alone; for anybody else the error as it is."""
    at_terminal = click.get_current_context(silent=True) is not None
    return click.ClickException(f"the content does not load\n{error}") if at_terminal else error
