"""The service, with one address where the application itself raises OSError, as it does when no file is free."""

import errno
from collections.abc import Iterable
from typing import Any

from flask import Flask

from service import create_app

FAILS = "/fails"


def failing_app() -> Flask:
    """Return the service with that address."""
    app = create_app()
    served = app.wsgi_app

    def fails(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == FAILS:
            raise OSError(errno.EMFILE, "Too many open files")
        return served(environ, start_response)

    app.wsgi_app = fails  # type: ignore[method-assign] # Flask names it so that it may be wrapped
    return app
