"""A service that says what the evidence says: facts of one patient in, a cited, explained recommendation out.

`create_app` is the only place where the parts meet.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

from service import cli
from service.advice.registry import GuidelineRegistry
from service.api import (
    access,
    batch,
    cds_services,
    evidence,
    extract,
    feedback,
    guidelines,
    limits,
    metrics,
    operations,
    problems,
    recommendations,
    records,
    request_log,
)
from service.api.hardening import SecurityHeaders
from service.api.json_out import compress, vary
from service.api.timeouts import BodyFaults
from service.cache.cache import Cache
from service.cache.near import Near
from service.cache.shared import Shared
from service.cds_hooks.card_uuid import CardUuids
from service.cds_hooks.dependencies import CdsDependencies
from service.cds_hooks.feedback_store import TIMEOUT_SECONDS as STORE_TIMEOUT_SECONDS
from service.cds_hooks.feedback_store import FeedbackStore
from service.cds_hooks.fhir_server import FhirServers
from service.cds_hooks.services import hook_services
from service.knowledge.library import load_library
from service.knowledge.yaml_file import ContentError
from service.security import cors
from service.security.authenticator import Authenticator
from service.security.overload import Memory, Streams, Work
from service.security.rate import Limiter
from service.server import logs, redis_client
from service.server.metrics import Metrics
from service.settings import Settings, SettingsError, from_environment
from service.web import site

WEAK_SECRET = 32
"""Bytes under which a secret may be guessed."""


class _NoSessions(SessionInterface):
    """Nobody has a session here, so none is looked for in each request."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """The one that holds nothing and takes nothing."""
        del app, request
        return self._none


class App(Flask):
    """Flask without what no view of ours needs."""

    session_interface = _NoSessions()

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """No route depends on a host, which would be taken apart twice. //metrics is no other name of /metrics.

        The framework folds slashes at the beginning, and a proxy that keeps strangers from /metrics need not; so the
        second one is named, as no route does.
        """
        if request is None:
            return super().create_url_adapter(request)
        sent = request.environ
        path = f"/%2F{request.path}" if sent.get("PATH_INFO", "").startswith("//") else request.path
        return self.url_map.bind(
            "",
            sent.get("SCRIPT_NAME"),
            "",
            sent["wsgi.url_scheme"],
            request.method,
            path,
            sent.get("QUERY_STRING"),
        )

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine, which Flask would look for at each hook of each request."""
        return func

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS: empty, so without the type (HTML) that Flask's own says."""
        response = super().make_default_options_response()
        del response.headers["Content-Type"]
        return response


def create_app(settings: Settings | None = None) -> Flask:
    """Load the knowledge, prove it, and put the application together.

    Raises SettingsError or ContentError: a service that cannot be right does not start.
    """
    settings = settings or from_environment()
    logs.configure(settings.log_level)
    try:
        library = load_library(settings.content, settings.guidelines)
    except ContentError as error:
        raise cli.without_traceback(error) from None
    settings = replace(settings, guideline=settings.guideline or library.default)
    if settings.guideline not in library.guidelines:
        raise SettingsError(f"GUIDELINE={settings.guideline} is not loaded; there is: {', '.join(library.guidelines)}")

    try:
        authenticator = Authenticator.of(settings) if settings.auth == "clients" else None
    except SettingsError as error:
        raise cli.without_traceback(error) from None
    counted = Metrics()
    for guideline in (each for releases in library.guidelines.values() for each in releases.values()):
        counted.loaded(*guideline.key, guideline.digest)
    knowledge = GuidelineRegistry.of(library)
    app = App(__name__, static_folder=None)
    secret = _secret(settings)
    state = redis_client.connect(settings.redis_state_url, STORE_TIMEOUT_SECONDS) if settings.redis_state_url else None
    app.config.update(
        SETTINGS=settings,
        KNOWLEDGE=knowledge,
        METRICS=counted,
        CACHE=_cache(settings, secret, counted),
        CDS=_cds_dependencies(settings, knowledge, secret),
        FEEDBACK_STORE=FeedbackStore(state),
        AUTHENTICATOR=authenticator,
        LIMITS=_limits(settings, secret),
    )
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
    request_log.register(app)
    problems.register(app)
    for part in (
        batch,
        recommendations,
        extract,
        records,
        cds_services,
        feedback,
        guidelines,
        evidence,
        operations,
        metrics,
    ):
        app.register_blueprint(part.blueprint)
    if settings.pages:
        site.register(app)
    else:  # what a problem's type leads to is then for programs alone
        app.add_url_rule("/problems/<code>", view_func=access.scope(access.OPEN)(operations.problem))
    access.register(app, settings)
    limits.register(app)
    cors.register(app, settings.cors_origins, vary)
    app.after_request(compress)
    app.wsgi_app = SecurityHeaders(BodyFaults(app.wsgi_app))  # type: ignore[method-assign]
    cli.register(app)
    if settings.auth == "none" and not cli.at_terminal():
        structlog.get_logger().warning("AUTH=none: whoever reaches this address may ask", host=settings.host)
    return app


def _secret(settings: Settings) -> bytes:
    """The service's secret. A random one is made before the workers fork, so they share it."""
    secret = settings.service_secret.encode()
    if not secret:
        secret = secrets.token_bytes(32)
        if not cli.at_terminal():
            structlog.get_logger().info(
                "SERVICE_SECRET is not set: a random one is used, so no other server shares the cache, "
                "and feedback on cards of an earlier start is unattributed"
            )
    elif len(secret) < WEAK_SECRET:
        structlog.get_logger().warning("SERVICE_SECRET is short: `make secrets` makes a good one")
    return secret


def _cache(settings: Settings, secret: bytes, counted: Metrics) -> Cache:
    shared = Shared(settings.redis_url, secret, counted.redis) if settings.redis_url else None
    return Cache(Near(settings.near_cache_bytes), shared)


def _limits(settings: Settings, secret: bytes) -> limits.Limits:
    limiter = None
    if settings.rate is not None:
        state = redis_client.connect(settings.redis_state_url) if settings.redis_state_url else None
        limiter = Limiter(*settings.rate, secret, state)
    work, streams, memory = Work(settings.threads), Streams(settings.threads), Memory(settings.memory_bytes)
    return limits.Limits(work, streams, limiter, settings.proxy_hops, memory)


def _cds_dependencies(settings: Settings, knowledge: GuidelineRegistry, secret: bytes) -> CdsDependencies:
    """Make what the CDS Hooks views share. At most half of the threads wait for FHIR servers, so others still answer.

    Without code lists no record can be read, so no service is offered.
    """
    library = knowledge.library
    guidelines = [library.newest(name) for name in library.guidelines] if library.terminology else []
    services = hook_services(guideline for guideline in guidelines if guideline is not None)
    max_queries = max((len(service.prefetch) for service in services.values()), default=1)
    releases = {each.key: each for by_release in library.guidelines.values() for each in by_release.values()}
    return CdsDependencies(
        servers=FhirServers(settings.fhir_servers, settings.fhir_ca, settings.threads // 2, max_queries),
        uuids=CardUuids(secret, releases),
        services=services,
        questioners=knowledge.questioners,
        terminology=library.terminology,
        default_guideline=settings.guideline,
        public_url=settings.public_url,
        has_pages=settings.pages,
    )
