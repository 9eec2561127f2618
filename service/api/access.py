"""Who may call what: every route says which scope it needs, and a test compares that with the contract."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, request

from service.api.problems import Problem
from service.settings import Settings

OPEN = "open"
ADVICE = "advice"
CDS = "cds"
FEEDBACK = "feedback"
METRICS = "metrics"
SCOPES = (OPEN, ADVICE, CDS, FEEDBACK, METRICS)

View = TypeVar("View", bound=Callable[..., Any])


def scope(name: str) -> Callable[[View], View]:
    """Say which scope a view needs. A view without one is refused at start."""

    def mark(view: View) -> View:
        view.scope = name  # type: ignore[attr-defined]
        return view

    return mark


def scope_of(app: Flask, endpoint: str) -> str | None:
    """The scope that an endpoint's view was marked with."""
    return getattr(app.view_functions[endpoint], "scope", None)


def register(app: Flask, settings: Settings) -> None:
    """Check each request before its view; refuse to start with a view that nobody has decided on."""
    undecided = [rule.endpoint for rule in app.url_map.iter_rules() if scope_of(app, rule.endpoint) not in SCOPES]
    if undecided:
        raise RuntimeError(f"no scope decided for {', '.join(sorted(undecided))}")
    if settings.auth == "none" and settings.loopback:
        app.before_request(_own_names_only)


def _own_names_only() -> None:
    """Without authentication a page elsewhere must not reach the service through a name of its own (DNS rebinding)."""
    settings: Settings = current_app.config["SETTINGS"]
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        host = ""
    served = {name.strip("[]") for name in settings.hosts}
    if host not in served:
        raise Problem(
            "misdirected-request",
            "Without authentication only localhost, 127.0.0.1, [::1] and the host of PUBLIC_URL are served.",
        )
