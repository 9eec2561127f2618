"""The API's documentation: swagger-ui from our own files, and the operations as a list where there is no script."""

from typing import Any

from flask import Blueprint, Response

from service.api.access import OPEN, scope
from service.api.openapi import contract
from service.web.page import page

blueprint = Blueprint("api_docs", __name__)


@blueprint.get("/docs")
@scope(OPEN)
def docs() -> Response:
    """Every operation, to read and to try."""
    known = contract()
    return page("docs.html", here="docs", tags=_by_tag(known), about=known["info"]["description"].split("\n\n")[1:])


def _by_tag(known: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Method, path and summary of each operation, by its tag."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for path, operations in known["paths"].items():
        for method, operation in operations.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation["summary"]))
    return found
