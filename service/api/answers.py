"""An answer as a response: rendered once, kept in the caches, sent with its headers."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response
from werkzeug.datastructures import Headers
from werkzeug.http import unquote_etag

from service.advice.question import Answer
from service.api.body import JSON
from service.api.here import noted, this_app, this_request
from service.api.json_out import GZIP_OVER, accepts_gzip, gzipped
from service.api.knowledge import knowledge, overdue, settings
from service.api.metrics import metrics
from service.cache.cache import Cache, Found
from service.cache.shared import HIT
from service.knowledge.guideline import Guideline
from service.settings import VERSION

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

LANGUAGE = "en"
HEAD_BYTES = 2048
"""What an answer takes near beside its body, about."""


@dataclass(frozen=True)
class Named:
    """All that an answer depends on, but for language and version of the service."""

    decision_id: str
    guideline: str
    release: str
    view: str

    @classmethod
    def of(cls, answer: Answer, view: str) -> "Named":
        """The name of an answer."""
        return cls(answer.decision_id, *answer.advice.guideline.key, view)

    @cached_property
    def asked(self) -> Guideline:
        """The release that answers."""
        return knowledge().questioners[self.guideline, self.release].guideline

    @cached_property
    def name(self) -> str:
        """The name in the caches; two answers that may differ have two names."""
        return f"{self.decision_id}|{self.asked.digest}|{self.view}|{LANGUAGE}|{VERSION}"

    def __len__(self) -> int:
        """Bytes that it takes, about."""
        return 2 * len(self.name)


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer as it is sent: made once, sent as often as it is asked for."""

    guideline: Guideline
    rule: str
    body: bytes
    etag: str
    headers: tuple[tuple[str, str], ...]
    """What it says beside its body whenever it is sent."""

    @classmethod
    def read(cls, named: Named, written: bytes) -> "Ready":
        """What is written in Redis: the rule, a line feed, the body."""
        rule, _, body = written.partition(b"\n")
        # Weak: a gzipped answer has the same meaning, not the same bytes.
        etag = f'W/"{hashlib.sha256(named.name.encode()).hexdigest()[:32]}"'
        headers = (*_headers(named.asked, named.decision_id), ("ETag", etag))
        return cls(named.asked, rule.decode(), body, etag, headers)

    def __len__(self) -> int:
        """Bytes that it takes, about."""
        return len(self.body) + HEAD_BYTES


class _Sent(Response):
    """An answer that is sent as it is: no header of it is to be made complete, so none is copied and checked again."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """What is sent; a 304 made of it loses what speaks of the body."""
        return self.headers if self.status_code == HTTPStatus.OK else super().get_wsgi_headers(environ)


class _Checked(Headers):
    """Headers of our own making, which werkzeug need not check one by one."""

    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self._list = [*headers]  # werkzeug makes copies of headers by this call


def cache() -> Cache:
    """The caches of the running application."""
    found: Cache = this_app().config["CACHE"]
    return found


def question(*said: object, body: bytes = b"") -> bytes:
    """The key under which the name of an answer is near: a digest of all that the answer depends on."""
    return hashlib.blake2b(repr(said).encode() + body, digest_size=16).digest()


def respond(named: Named, ask: Callable[[], Answer], control: str = "no-store") -> Response:
    """The response for an answer; it is asked for only where no cache has it. `control` is its Cache-Control."""
    caches = cache()
    found = caches.find(named.name, partial(Ready.read, named))
    ready = found.value
    if ready is None:
        answer = ask()
        written = _rule(answer).encode() + b"\n" + knowledge().renderer(answer).write(answer, named.view)
        ready = Ready.read(named, written)
        caches.keep(named.name, ready, written)
    headers = _sent_with(ready, found, control)
    body = ready.body
    if len(body) > GZIP_OVER and accepts_gzip():
        body = _compressed(named.name, body)
        headers.append(("Content-Encoding", "gzip"))
    return _Sent(body, headers=_Checked(headers))


def unchanged(named: Named, control: str) -> Response | None:
    """The 304 for a caller that has this answer; None where it has not, or where the answer is not near.

    What is near was once worked out, so its decision_id is one.
    """
    asked = this_request()
    given = asked.environ.get("HTTP_IF_NONE_MATCH")
    if given is None or "HTTP_IF_MATCH" in asked.environ:
        return None
    ready: Ready | None = cache().near.get(named.name)
    if ready is None or (given != ready.etag and not asked.if_none_match.contains_weak(unquote_etag(ready.etag)[0])):
        return None
    return Response(status=304, headers=_sent_with(ready, Found(ready, HIT, None), control))


def respond_once(answer: Answer, view: str, **beside: Any) -> Response:
    """The response for an answer that is not kept: part of it is not in its decision_id."""
    guideline = answer.advice.guideline
    _count(guideline, _rule(answer))
    told = knowledge().renderer(answer).read(answer, view) | beside
    bypassed = ("Cache-Status", "near; fwd=bypass")
    headers = [*_headers(guideline, answer.decision_id), *_of_today(guideline), bypassed]
    return Response(orjson.dumps(told), headers=headers)


def _rule(answer: Answer) -> str:
    return answer.advice.lead.rule.id


def _count(guideline: Guideline, rule: str) -> None:
    noted().rule = rule
    metrics().answer(*guideline.key, rule)


def _of_today(guideline: Guideline) -> list[tuple[str, str]]:
    """What is said on the day on which the answer is sent."""
    return [("Evidence-Review", "overdue")] if overdue(guideline, settings().today()) else []


def _headers(guideline: Guideline, decision_id: str) -> list[tuple[str, str]]:
    return [
        # Those first that are looked for in each answer.
        ("Vary", "Accept-Language, Accept-Encoding"),
        ("Guideline-Release", guideline.release.release),
        ("Content-Type", JSON),
        ("Decision-Id", decision_id),
        ("Content-Language", LANGUAGE),
    ]


def _sent_with(ready: Ready, found: Found[Ready], control: str) -> list[tuple[str, str]]:
    """All that the caller is told beside the answer; the metrics and the log hear where it came from."""
    here = noted()
    here.cache = found.told
    _count(ready.guideline, ready.rule)
    metrics().cache(found.near, found.shared)
    headers = [*ready.headers, *_of_today(ready.guideline), ("Cache-Control", control)]
    # Whoever comes without a key must not learn from a link of their own making what others asked.
    if "caller" in here or settings().auth == "none":
        headers.append(("Cache-Status", found.status))
    return headers


def _compressed(name: str, body: bytes) -> bytes:
    key = ("gzip", name)
    small: bytes | None = cache().near.get(key)
    if small is None:
        small = gzipped(body)
        cache().near.put(key, small)
    return small
