"""`flask --app service hooks call FILE`: a dry run of one CDS Hooks call, for who connects an EHR."""

import json
import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import click
from flask import current_app
from flask.cli import AppGroup

from service import conformance
from service.api.knowledge import knowledge, settings
from service.conformance import HOOKS, Violation
from service.facts.json_body import BodyError, parse

SERVICES = "/cds-services"
TIMEOUT_SECONDS = 30
JSON = "application/json"

hooks = AppGroup("hooks", help="CDS Hooks: try a call, see which rules are violated.")


class Reply(NamedTuple):
    """What was answered. The body is the JSON, or the text where it is no JSON."""

    status: int
    content_type: str
    body: Any


class Door:
    """Where the calls go: to this application itself, or to a running service."""

    def __init__(self, url: str | None, headers: dict[str, str]) -> None:
        self.base = (url or settings().public_url).rstrip("/")
        self.here = url is None
        self.headers = {"Accept": JSON, **headers}

    def ask(self, path: str, body: Any = None) -> Reply:
        """GET without a body, POST with one."""
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers if data is None else {**self.headers, "Content-Type": JSON}
        return self._inside(path, data, headers) if self.here else self._outside(path, data, headers)

    def _inside(self, path: str, data: bytes | None, headers: dict[str, str]) -> Reply:
        method = "GET" if data is None else "POST"
        got = current_app.test_client().open(path, method=method, base_url=self.base, data=data, headers=headers)
        return Reply(got.status_code, got.mimetype or "", _json(got.get_data()))

    def _outside(self, path: str, data: bytes | None, headers: dict[str, str]) -> Reply:
        request = Request(self.base + path, data, headers)  # noqa: S310 - `call` has checked the scheme
        try:
            with build_opener(_NoRedirect()).open(request, timeout=TIMEOUT_SECONDS) as got:
                return Reply(got.status, got.headers.get_content_type(), _json(got.read()))
        except HTTPError as error:
            with error:
                return Reply(error.code, error.headers.get_content_type(), _json(error.read()))
        except OSError as error:
            raise click.ClickException(f"{self.base} does not answer: {error}") from None


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Show a redirect as the answer it is: an EHR would not follow it with its token."""


@hooks.command("call")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--service", "name", help="The id of the service; by default the one advertised for the hook.")
@click.option("--url", help="A running service, such as https://guideline.example; by default this application.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="Sent along, such as Authorization.")
def call(file: Path, name: str | None, url: str | None, headers: tuple[str, ...]) -> None:
    """Send a recorded body; show request, response and each violated rule. Exit code 1 where one is violated.

    FILE holds the body of a call, a context alone (which is completed), or feedback.
    """
    if url is not None and urlsplit(url).scheme not in {"http", "https"}:
        raise click.BadParameter("it must be an absolute http or https URL.", param_hint="--url")
    door = Door(url, dict(_header(text) for text in headers))
    try:
        recorded = parse(file.read_bytes())
    except BodyError as error:
        raise click.ClickException(f"{file}: {error.detail}") from None
    advertised = list(_advertised(door))
    if isinstance(recorded, dict) and "feedback" in recorded:
        body, service, tail = recorded, {"id": _the_id(name, advertised)}, "/feedback"
        asked = list(conformance.feedback(body))
    else:
        body = conformance.completed(recorded, _hook(file, name, advertised))
        service, tail = _service(body, name, advertised), ""
        asked = list(conformance.request(body, service if "hook" in service else None))
    path = f"{SERVICES}/{service['id']}{tail}"
    click.echo(f"POST {door.base}{path}\n{_shown(body)}\n")
    reply = door.ask(path, body)
    click.echo(f"{reply.status} {_phrase(reply.status)} ({reply.content_type or 'no content'})\n{_shown(reply.body)}\n")
    answered = list(_of_reply(reply, feedback=bool(tail)))
    for title, found in (("request", asked), ("response", answered)):
        click.echo(f"{title}: {len(found) or 'no'} rule{'' if len(found) == 1 else 's'} violated")
        for violation in sorted(found):
            level = "SHALL " if violation.must else "SHOULD"
            click.echo(f"  {level} {violation.rule}  {violation.pointer or '/'}  {violation.detail}")
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or any(violation.must for violation in asked + answered):
        sys.exit(1)


def _advertised(door: Door) -> Iterator[dict[str, Any]]:
    reply = door.ask(SERVICES)
    if reply.status != HTTPStatus.OK:
        # A token is for one address, so one for a service is none for discovery.
        click.echo(f"discovery: {reply.status} {_phrase(reply.status)}; the ids of our own content are used", err=True)
        cards = knowledge().newest(settings().guideline).guideline.cards
        yield from ({"id": each.id, "hook": each.hook} for each in (cards.services if cards else ()))
        return
    for violation in conformance.discovery(reply.body):
        if violation.must:
            click.echo(f"discovery: {violation.rule}  {violation.pointer}  {violation.detail}", err=True)
    services = reply.body.get("services") if isinstance(reply.body, dict) else None
    yield from (each for each in services or () if isinstance(each, dict))


def _hook(file: Path, name: str | None, advertised: list[dict[str, Any]]) -> str:
    """The hook of a context alone: that of the service named, else the one that the file's name begins with."""
    of_service = [str(each.get("hook")) for each in advertised if each.get("id") == name]
    of_file = [hook for hook in HOOKS if file.name.startswith(hook)]
    return next((hook for hook in of_file if not of_service or hook in of_service), (of_service or of_file or [""])[0])


def _service(body: Any, name: str | None, advertised: list[dict[str, Any]]) -> dict[str, Any]:
    hook = body.get("hook") if isinstance(body, dict) else None
    for each in advertised:
        if each.get("hook") == hook and name in {None, each.get("id")}:
            return each
    for each in advertised:
        if each.get("id") == name:
            return each
    return {"id": _the_id(name, advertised)}


def _the_id(name: str | None, advertised: Iterable[dict[str, Any]]) -> str:
    if name is None:
        there = ", ".join(f"{each.get('id')} ({each.get('hook')})" for each in advertised) or "none"
        raise click.ClickException(f"No service is advertised for it; name one with --service. There is: {there}")
    return name


def _of_reply(reply: Reply, *, feedback: bool) -> Iterable[Violation]:
    if reply.status != HTTPStatus.OK:
        return () if feedback and reply.status == HTTPStatus.NO_CONTENT else conformance.outcome(reply.body)
    if feedback:
        return ()  # what feedback answers is not defined
    if reply.content_type != JSON:
        return (Violation("", "§use-of-json", f"The Content-Type must be {JSON}."),)
    return conformance.response(reply.body)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise click.BadParameter("it must read NAME:VALUE.", param_hint="--header")
    return name.strip(), value.strip()


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _shown(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
