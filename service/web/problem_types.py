"""What the `type` of a problem leads to: for people a page with cause and cure, for programs the same as JSON."""

from flask import Blueprint, Response, request

from service.api.access import OPEN, scope
from service.api.json_out import PUBLIC, json_response, vary
from service.api.problems import KINDS, problem_kind
from service.web.page import page

blueprint = Blueprint("problem_types", __name__)

HTML, JSON = "text/html", "application/json"


@blueprint.get("/problems/<code>")
@scope(OPEN)
def problem_page(code: str) -> Response:
    """One kind of problem."""
    wanted = request.accept_mimetypes
    for_people = HTML in wanted.values() and wanted[HTML] >= wanted[JSON]
    if for_people and code in KINDS:
        response = page("problem.html", here="docs", code=code, kind=KINDS[code], kinds=KINDS)
    else:
        response = json_response(problem_kind(code))
        response.headers["Cache-Control"] = PUBLIC
    vary(response, "Accept")
    return response
