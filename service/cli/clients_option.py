"""What the commands about clients and keys share: which file, and its faults in words."""

import contextlib
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from service.api.knowledge import settings
from service.security.clients_file import ClientsFileError


def clients_file(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option `--file`, by default CLIENTS_FILE."""

    @click.option("--file", "file", type=click.Path(path_type=Path), default=None, help="By default CLIENTS_FILE.")
    @with_appcontext
    @wraps(command)
    def with_file(file: Path | None, **arguments: Any) -> None:
        if file is None and not settings().clients_file:
            raise click.UsageError("Say which file: --file FILE, or set CLIENTS_FILE.")
        command(file=file or Path(settings().clients_file), **arguments)

    return with_file


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """For a person at a terminal the faults alone."""
    try:
        yield
    except ClientsFileError as error:
        raise click.ClickException(str(error)) from None
    except LookupError as error:
        raise click.ClickException(f"there is no {error.args[0]} in the file") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
