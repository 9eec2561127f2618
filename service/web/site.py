"""All pages for people, as one thing that the setting PAGES puts up or takes away."""

from flask import Blueprint, Flask, Response

from service.api.access import OPEN, scope
from service.evidence.effect import two_decimals
from service.evidence.forest_lines import interactions
from service.knowledge.model import TIMINGS
from service.web import api_docs, decisions, evidence, explorer, guidelines, problem_types
from service.web.page import asset_response

PARTS = (explorer, decisions, evidence, guidelines, api_docs, problem_types)
"""Each has a `blueprint`; their templates lie in the folder of this one."""


def register(app: Flask) -> None:
    """Put the pages up."""
    site = Blueprint("site", __name__, template_folder="templates")
    site.add_url_rule("/assets/<name>", view_func=asset)
    app.jinja_env.filters |= {"two_decimals": two_decimals, "interactions": interactions}
    app.jinja_env.globals["timings"] = TIMINGS
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(site)
    for part in PARTS:
        app.register_blueprint(part.blueprint)


@scope(OPEN)
def asset(name: str) -> Response:
    """A file that the pages use."""
    return asset_response(name)
