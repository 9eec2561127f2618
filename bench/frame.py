"""FRAME: our application with all its hooks, around views that do nothing. The service knows nothing of them."""

import os
from pathlib import Path

from flask import Flask, Response, request

import service
from service.api.access import ADVICE, OPEN, scope

ANSWER = Path(os.environ["BENCH_ANSWER"]).read_bytes()


@scope(ADVICE)
def frame() -> Response:
    """Read the body, return the same bytes."""
    request.get_data()
    return Response(ANSWER, mimetype="application/json")


@scope(OPEN)
def unchanged(decision_id: str) -> Response:
    """Answer 304."""
    del decision_id
    return Response(status=304)


def create_app() -> Flask:
    """The service with these two views."""
    app = service.create_app()
    app.add_url_rule("/frame", view_func=frame, methods=["POST"])
    app.add_url_rule("/frame/<decision_id>", view_func=unchanged)
    return app
