"""What the service counts, for Prometheus."""

from flask import Blueprint, Response, request

from service.api.access import METRICS, scope
from service.api.here import this_app
from service.api.json_out import fresh
from service.server.metrics import Metrics

blueprint = Blueprint("metrics", __name__)


def metrics() -> Metrics:
    """The counters of the running application."""
    found: Metrics = this_app().config["METRICS"]
    return found


@blueprint.get("/metrics")
@scope(METRICS)
def exposed() -> Response:
    """Everything that all processes of this server counted."""
    text, mimetype = metrics().exposed(request.headers.get("Accept", ""))
    return fresh(Response(text, content_type=mimetype))
