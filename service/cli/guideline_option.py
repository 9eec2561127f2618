"""The option `--guideline ID` of the commands that ask one guideline."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from service.advice.question import Questioner
from service.advice.registry import NotFoundError
from service.api.knowledge import knowledge, settings


def guideline_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option `--guideline ID`, and hand it the newest release of that guideline as `questioner`."""

    @click.option("--guideline", "name", metavar="ID", help="Which guideline; by default the one of GUIDELINE.")
    @click.option("--id", "name_in_v1", hidden=True)  # the option's name in the first version, for scripts
    @wraps(command)
    def with_guideline(name: str | None, name_in_v1: str | None, **arguments: Any) -> None:
        command(questioner=find_guideline(name or name_in_v1 or settings().guideline), **arguments)

    return with_guideline


def find_guideline(name: str) -> Questioner:
    """Return the newest release of a guideline. Raises BadParameter with the ids that are loaded."""
    try:
        return knowledge().newest(name)
    except NotFoundError as error:
        raise click.BadParameter(str(error), param_hint="--guideline") from None
