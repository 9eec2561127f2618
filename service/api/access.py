"""Who may call what: every route says which scope it needs, and a test compares that with the contract."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, g, request

from service.api import limits
from service.api.here import this_app, this_request
from service.api.problems import Problem, unavailable
from service.security import scopes
from service.security.authenticator import Authenticator
from service.security.refusal import GuardClosedError, Unauthorised
from service.security.token import Case
from service.server import logs
from service.settings import Settings

OPEN = "open"
PERMALINKS = "permalinks"
"""Of views that compute the answer of a decision_id: open, or the scope advice, as the setting of this name says."""
ADVICE, CDS, FEEDBACK, METRICS = scopes.ADVICE, scopes.CDS, scopes.FEEDBACK, scopes.METRICS
SCOPES = (OPEN, *scopes.SCOPES)

View = TypeVar("View", bound=Callable[..., Any])


def scope(name: str) -> Callable[[View], View]:
    """Say which scope a view needs. A view without one is refused at start."""

    def mark(view: View) -> View:
        view.scope = name  # type: ignore[attr-defined]
        return view

    return mark


def scope_of(app: Flask, endpoint: str) -> str | None:
    """The scope that an endpoint's view was marked with; of permalinks the one that the settings give them."""
    marked = getattr(app.view_functions[endpoint], "scope", None)
    if marked == PERMALINKS:
        return ADVICE if app.config["SETTINGS"].permalinks == "clients" else OPEN
    return marked


def scopes_by_route(app: Flask) -> dict[tuple[str, str], str]:
    """The scope of each method and path, the path written as in OpenAPI."""
    return {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)): scope_of(app, rule.endpoint) or ""
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def authenticator() -> Authenticator | None:
    """What tells the callers of the running application apart; None with AUTH=none."""
    found: Authenticator | None = this_app().config["AUTHENTICATOR"]
    return found


def register(app: Flask, stated: Settings) -> None:
    """Check each request before its view; refuse to start with a view that nobody has decided on."""
    undecided = [rule.endpoint for rule in app.url_map.iter_rules() if scope_of(app, rule.endpoint) not in SCOPES]
    if undecided:
        raise RuntimeError(f"no scope decided for {', '.join(sorted(undecided))}")
    if stated.auth == "none" and stated.loopback:
        app.before_request(_own_names_only(frozenset(name.strip("[]") for name in stated.hosts)))
    if stated.auth == "clients":
        app.before_request(_allowed_only)


def _allowed_only() -> None:
    """Before anything of the body is read. What has no route is answered as such to everyone."""
    asked, app = this_request(), this_app()
    # A preflight carries no credentials (and its answer says nothing).
    if asked.endpoint is None or asked.method == "OPTIONS":
        return
    needed = scope_of(app, asked.endpoint)
    sent, stated = asked.environ, app.config["SETTINGS"]
    if needed == OPEN and stated.permalinks == "clients" and "decision" in asked.args:
        needed = ADVICE  # a page that is open, beside the patient of a decision_id
    if needed == OPEN:
        return
    who: Authenticator = app.config["AUTHENTICATOR"]
    try:
        # The address as the operator knows it: the Host header is the caller's word.
        caller = who.caller(
            sent.get("HTTP_AUTHORIZATION"), sent.get("HTTP_X_API_KEY"), f"{stated.public_url}{asked.path}"
        )
    except Unauthorised as refused:
        raise _refused(refused) from None
    logs.tell(client=caller.name)
    g.caller = caller.name
    if needed not in caller.scopes:
        detail = f"This needs the scope {needed}, which the caller does not have."
        raise limits.too_often() or Problem("forbidden", detail)
    if caller.token is not None:
        g.spend = partial(_spend, who, caller.token)


def _spend(who: Authenticator, token: Case) -> None:
    try:
        who.spend(token)
    except Unauthorised as refused:
        limits.take_back()
        del g.caller
        raise _refused(refused) from None
    except GuardClosedError as closed:
        logs.tell(refused=f"replay: {closed}", **closed.told)
        detail = "Tokens cannot be checked at the moment. Try again with a new token."
        raise unavailable(detail) from None


def _refused(refused: Unauthorised) -> Problem:
    """The problem of credentials that do not hold, which are counted by the address that shows them."""
    logs.tell(refused=str(refused), **refused.told)
    return limits.too_often() or _unauthorised()


def _unauthorised() -> Problem:
    """Always the same: whoever guesses learns nothing from it."""
    detail = "A valid token or key is needed: Authorization: Bearer <token or key>."
    return Problem("unauthorised", detail, headers={"WWW-Authenticate": "Bearer"})


def _own_names_only(served: frozenset[str]) -> Callable[[], None]:
    """Without authentication a page elsewhere must not reach the service through a name of its own (DNS rebinding)."""

    def check() -> None:
        if _hostname(request.host) not in served:
            raise Problem(
                "misdirected-request",
                "Without authentication only localhost, 127.0.0.1, [::1] and the host of PUBLIC_URL are served.",
            )

    return check


@lru_cache(maxsize=64)
def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
