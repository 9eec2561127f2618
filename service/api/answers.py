"""An answer as a response: rendered once, kept in the caches, sent with its headers."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from flask import Response, current_app, g, request

from service.advice.question import Answer
from service.api.body import JSON
from service.api.json_out import GZIP_OVER, accepts_gzip, gzipped
from service.api.knowledge import knowledge, overdue, settings
from service.api.metrics import metrics
from service.cache.cache import Cache, Found
from service.cache.shared import HIT
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

    @cached_property
    def asked(self) -> Guideline:
        """The release that answers."""
        return knowledge().questioners[self.guideline, self.release].guideline

    @cached_property
    def name(self) -> str:
        """The name in the caches; two answers that may differ have two names."""
        return f"{self.decision_id}|{self.asked.digest}|{self.view}|{LANGUAGE}|{VERSION}"

    @cached_property
    def etag(self) -> str:
        """The same for the caller."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:32]


def cache() -> Cache:
    """The caches of the running application."""
    found: Cache = current_app.config["CACHE"]
    return found


def respond(named: Named, ask: Callable[[], Answer], control: str = "no-store") -> Response:
    """The response for an answer; it is asked for only where no cache has it. `control` is its Cache-Control."""
    name = named.name
    found = cache().find(name)
    value = found.value
    if value is None:
        answer = ask()
        value = _rule(answer) + b"\n" + knowledge().renderer(answer).write(answer, named.view)
        cache().keep(name, value)
    rule, _, body = value.partition(b"\n")
    _count(named.asked, rule.decode())
    headers = _headers_of(named, found, control)
    if len(body) > GZIP_OVER and accepts_gzip():
        body = _compressed(name, body)
        headers.append(("Content-Encoding", "gzip"))
    return Response(body, headers=headers, mimetype=JSON)


def unchanged(named: Named, control: str) -> Response | None:
    """The 304 for a caller that has this answer; None where it has not, or where the answer is not near.

    What is near was once worked out, so its decision_id is one. Of the answer only the rule is read, for the log.
    """
    asked = request.headers
    if "If-None-Match" not in asked or "If-Match" in asked or not request.if_none_match.contains_weak(named.etag):
        return None
    value = cache().near.get(named.name)
    if value is None:
        return None
    _count(named.asked, value[: value.index(b"\n")].decode())
    return Response(status=304, headers=_headers_of(named, Found(value, HIT, None), control))


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


def _headers_of(named: Named, found: Found, control: str) -> list[tuple[str, str]]:
    """All that the caller is told beside the answer; the metrics and the log hear where it came from."""
    metrics().cache(found.near, found.shared)
    g.cache = found.told
    headers = _headers(named.asked, named.decision_id)
    # Weak: a gzipped answer has the same meaning, not the same bytes.
    headers += [("ETag", f'W/"{named.etag}"'), ("Cache-Control", control)]
    # Whoever comes without a key must not learn from a link of their own making what others asked.
    if "caller" in g or settings().auth == "none":
        headers.append(("Cache-Status", found.status))
    return headers


def _compressed(name: str, body: bytes) -> bytes:
    key = ("gzip", name)
    small = cache().near.get(key)
    if small is None:
        small = gzipped(body)
        cache().near.put(key, small)
    return small
