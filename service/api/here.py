"""What Flask's proxies stand for. A proxy looks for it at each use; who uses one often in a request takes it once."""

from typing import cast

from flask import Flask, Request, current_app, g, request
from flask.ctx import _AppCtxGlobals


def this_app() -> Flask:
    """The running application."""
    return cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001


def this_request() -> Request:
    """The request that is answered."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001


def noted() -> _AppCtxGlobals:
    """What is noted of it (`flask.g`)."""
    return g._get_current_object()  # type: ignore[no-any-return]  # noqa: SLF001
