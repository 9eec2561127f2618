"""An answer as a response: rendered once, kept in the caches, sent with its headers."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response, current_app, g, request

from service.advice.question import Answer
from service.api.body import JSON
from service.api.json_out import GZIP_OVER, accepts_gzip, gzipped
from service.api.knowledge import knowledge, overdue, settings
from service.api.metrics import metrics
from service.cache.cache import Cache
from service.knowledge.guideline import Guideline
from service.settings import VERSION

LANGUAGE = "en"


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

    @property
    def asked(self) -> Guideline:
        """The release that answers."""
        return knowledge().questioners[self.guideline, self.release].guideline

    @property
    def name(self) -> str:
        """The name in the caches; two answers that may differ have two names."""
        return f"{self.decision_id}|{self.asked.digest}|{self.view}|{LANGUAGE}|{VERSION}"

    @property
    def etag(self) -> str:
        """The same for the caller."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:32]


def cache() -> Cache:
    """The caches of the running application."""
    found: Cache = current_app.config["CACHE"]
    return found


def respond(named: Named, ask: Callable[[], Answer]) -> Response:
    """The response for an answer; it is asked for only where no cache has it."""
    name = named.name
    found = cache().find(name)
    value = found.value
    if value is None:
        answer = ask()
        value = _rule(answer) + b"\n" + knowledge().renderer(answer).write(answer, named.view)
        cache().keep(name, value)
    rule, _, body = value.partition(b"\n")
    _count(named.asked, rule.decode())
    metrics().cache(found.near, found.shared)
    g.cache = found.told
    headers = _headers(named.asked, named.decision_id)
    # Weak: a gzipped answer has the same meaning, not the same bytes.
    headers += [("ETag", f'W/"{named.etag}"'), ("Cache-Status", found.status)]
    if len(body) > GZIP_OVER and accepts_gzip() and named.etag not in request.if_none_match:
        body = _compressed(name, body)
        headers.append(("Content-Encoding", "gzip"))
    return Response(body, headers=headers, mimetype=JSON)


def respond_once(answer: Answer, view: str, **beside: Any) -> Response:
    """The response for an answer that is not kept: part of it is not in its decision_id."""
    guideline = answer.advice.guideline
    _count(guideline, _rule(answer).decode())
    told = knowledge().renderer(answer).read(answer, view) | beside
    headers = [*_headers(guideline, answer.decision_id), ("Cache-Status", "near; fwd=bypass")]
    return Response(orjson.dumps(told), headers=headers, mimetype=JSON)


def _rule(answer: Answer) -> bytes:
    return answer.advice.lead.rule.id.encode()


def _count(guideline: Guideline, rule: str) -> None:
    g.rule = rule
    metrics().answer(*guideline.key, rule)


def _headers(guideline: Guideline, decision_id: str) -> list[tuple[str, str]]:
    """Made in one go: each that is set by itself is first looked for among the others."""
    headers = [
        ("Decision-Id", decision_id),
        ("Guideline-Release", guideline.release.release),
        ("Content-Language", LANGUAGE),
        ("Vary", "Accept-Language"),
    ]
    if overdue(guideline, settings().today()):
        headers.append(("Evidence-Review", "overdue"))
    return headers


def _compressed(name: str, body: bytes) -> bytes:
    key = ("gzip", name)
    small = cache().near.get(key)
    if small is None:
        small = gzipped(body)
        cache().near.put(key, small)
    return small
