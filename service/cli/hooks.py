"""`flask --app service hooks call FILE`: a dry run of one CDS Hooks call, for an engineer who connects an EHR."""

import json
import sys
import uuid
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import click
from flask import current_app
from flask.cli import AppGroup

from service.api.knowledge import knowledge, settings
from service.facts.json_body import BodyError, parse

SERVICES = "/cds-services"
TIMEOUT_SECONDS = 30
JSON = "application/json"

hooks = AppGroup("hooks", help="CDS Hooks: try a call.")


class Reply(NamedTuple):
    """A response. The body is the JSON, or the text if it is not JSON."""

    status: int
    content_type: str
    body: Any


class Call(NamedTuple):
    """A request to one service. `service`: its entry in discovery, or its id alone where discovery lacks it."""

    discovery: Reply
    service: dict[str, Any]
    path: str
    body: Any


class CdsClient:
    """Sends requests to a running service, or without a URL to this application itself."""

    def __init__(self, url: str | None, headers: dict[str, str]) -> None:
        self.base = (url or settings().public_url).rstrip("/")
        self.is_remote = url is not None
        self.headers = {"Accept": JSON, **headers}

    def send(self, path: str, body: Any = None) -> Reply:
        """GET without a body, POST with one."""
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers if data is None else {**self.headers, "Content-Type": JSON}
        return self._remote(path, data, headers) if self.is_remote else self._local(path, data, headers)

    def _local(self, path: str, data: bytes | None, headers: dict[str, str]) -> Reply:
        method = "GET" if data is None else "POST"
        response = current_app.test_client().open(path, method=method, base_url=self.base, data=data, headers=headers)
        return Reply(response.status_code, response.mimetype or "", _json(response.get_data()))

    def _remote(self, path: str, data: bytes | None, headers: dict[str, str]) -> Reply:
        request = Request(self.base + path, data, headers)  # noqa: S310 - `dry_run` has checked the scheme
        try:
            with build_opener(_NoRedirect()).open(request, timeout=TIMEOUT_SECONDS) as response:
                return Reply(response.status, response.headers.get_content_type(), _json(response.read()))
        except HTTPError as error:
            with error:
                return Reply(error.code, error.headers.get_content_type(), _json(error.read()))
        except OSError as error:
            raise click.ClickException(f"{self.base} does not answer: {error}") from None


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Show a redirect as a response: an EHR would not follow it with its token."""


@hooks.command("call")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--service", "name", help="The id of the service; by default the one advertised for the hook.")
@click.option("--guideline", metavar="ID", help="Whose service is called; by default that of GUIDELINE.")
@click.option("--url", help="A running service, such as https://guideline.example; by default this application.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="Sent along, such as Authorization.")
def call(**arguments: Any) -> None:
    """Send a recorded body, and show request and response. Exit code 1 if the status is 400 or higher.

    FILE holds the body of a call, a context alone (which is completed), or feedback.
    """
    _, reply = dry_run(**arguments)
    if reply.status >= HTTPStatus.BAD_REQUEST:
        sys.exit(1)


def dry_run(
    file: Path, name: str | None, guideline: str | None, url: str | None, headers: Sequence[str]
) -> tuple[Call, Reply]:
    """Print a call and its response, and return both. Raises ClickException."""
    if url is not None and urlsplit(url).scheme not in {"http", "https"}:
        raise click.BadParameter("it must be an absolute http or https URL.", param_hint="--url")
    client = CdsClient(url, dict(_header(text) for text in headers))
    request = _call(client, file, name, guideline)
    click.echo(f"POST {client.base}{request.path}\n{_text(request.body)}\n")
    reply = client.send(request.path, request.body)
    click.echo(f"{reply.status} {_phrase(reply.status)} ({reply.content_type or 'no content'})\n{_text(reply.body)}\n")
    return request, reply


def _call(client: CdsClient, file: Path, name: str | None, guideline: str | None) -> Call:
    """Return the call that a file records, to the service of this name, or to one of this guideline."""
    try:
        recorded = parse(file.read_bytes())
    except BodyError as error:
        raise click.ClickException(f"{file}: {error.detail}") from None
    discovery = client.send(SERVICES)
    advertised = _of_guideline(_advertised(discovery), guideline)
    if isinstance(recorded, dict) and "feedback" in recorded:
        service: dict[str, Any] = {"id": _named(name, advertised)}
        return Call(discovery, service, f"{SERVICES}/{service['id']}/feedback", recorded)
    body = complete(recorded, _hook(file, name, advertised))
    service = _service(body, name, advertised)
    return Call(discovery, service, f"{SERVICES}/{service['id']}", body)


def _advertised(discovery: Reply) -> list[dict[str, Any]]:
    if discovery.status != HTTPStatus.OK:
        # A token is for one address, so a token for a service is refused at discovery.
        phrase = _phrase(discovery.status)
        click.echo(f"discovery: {discovery.status} {phrase}; the ids of our own content are used", err=True)
        newest = (knowledge().newest(name).guideline.cards for name in knowledge().library.guidelines)
        return [{"id": each.id, "hook": each.hook} for cards in newest if cards for each in cards.services]
    services = discovery.body.get("services") if isinstance(discovery.body, dict) else None
    return [each for each in services or () if isinstance(each, dict)]


def _of_guideline(services: list[dict[str, Any]], guideline: str | None) -> list[dict[str, Any]]:
    """Return the services of a guideline, or all of them, those of GUIDELINE first. Their ids begin with its id."""
    if guideline is not None:
        return [each for each in services if str(each.get("id")).startswith(f"{guideline}-")]
    return sorted(services, key=lambda each: not str(each.get("id")).startswith(f"{settings().guideline}-"))


def complete(recorded: Any, hook: str) -> Any:
    """Return a recorded body as it is, and a context alone as a request of the hook."""
    if not isinstance(recorded, dict) or "hook" in recorded or "hookInstance" in recorded:
        return recorded
    context = recorded.get("context", recorded)
    return {"hook": hook, "hookInstance": str(uuid.uuid4()), "context": context}


def _hook(file: Path, name: str | None, advertised: list[dict[str, Any]]) -> str:
    """Return the hook of a context alone: the one that the file's name begins with, else that of the service named."""
    matches = [str(each.get("hook")) for each in advertised if each.get("id") == name]
    candidates = matches or [str(each.get("hook")) for each in advertised]
    return next((hook for hook in candidates if file.name.startswith(hook)), matches[0] if matches else "")


def _service(body: Any, name: str | None, advertised: list[dict[str, Any]]) -> dict[str, Any]:
    hook = body.get("hook") if isinstance(body, dict) else None
    for each in advertised:
        if each.get("hook") == hook and name in {None, each.get("id")}:
            return each
    for each in advertised:
        if each.get("id") == name:
            return each
    return {"id": _named(name, advertised)}


def _named(name: str | None, advertised: list[dict[str, Any]]) -> str:
    if name is None:
        ids = ", ".join(f"{each.get('id')} ({each.get('hook')})" for each in advertised) or "none"
        raise click.ClickException(f"No service is advertised for it; name one with --service. There is: {ids}")
    return name


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


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
