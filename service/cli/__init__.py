"""For people at a terminal: `flask --app service --help` lists the commands, one module for each group of them."""

import click
from flask import Flask

from service.cli.client import client
from service.cli.cohort import cohort
from service.cli.contract import openapi
from service.cli.guideline import guideline
from service.cli.hooks import hooks
from service.cli.key import key
from service.knowledge.yaml_file import ContentError
from service.settings import SettingsError


def register(app: Flask) -> None:
    """Add the commands."""
    for command in (cohort, guideline, hooks, client, key, openapi):
        app.cli.add_command(command)


def without_traceback(error: ContentError | SettingsError) -> Exception:
    """For a person at a terminal the faults alone; for anybody else the error as it is."""
    what = "the content does not load" if isinstance(error, ContentError) else "the service does not start"
    return click.ClickException(f"{what}\n{error}") if at_terminal() else error


def at_terminal() -> bool:
    """Whether this is a command, and nothing is served."""
    return click.get_current_context(silent=True) is not None
