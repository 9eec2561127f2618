"""An answer as a response: rendered once, kept in the caches, sent with its headers."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, g, request

from service.advice.question import Answer
from service.api.json_out import GZIP_OVER, gzipped, json_response
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
    response = _dressed(Response(body, mimetype="application/json"), named.asked, named.decision_id)
    # Weak: a gzipped answer has the same meaning, not the same bytes.
    response.set_etag(named.etag, weak=True)
    response.headers["Cache-Status"] = found.status
    if len(body) > GZIP_OVER and request.accept_encodings["gzip"] and named.etag not in request.if_none_match:
        _compress(response, name)
    return response


def respond_once(answer: Answer, view: str, **beside: Any) -> Response:
    """The response for an answer that is not kept: part of it is not in its decision_id."""
    guideline = answer.advice.guideline
    _count(guideline, _rule(answer).decode())
    response = _dressed(
        json_response(knowledge().renderer(answer).read(answer, view) | beside), guideline, answer.decision_id
    )
    response.headers["Cache-Status"] = "near; fwd=bypass"
    return response


def _rule(answer: Answer) -> bytes:
    return answer.advice.lead.rule.id.encode()


def _count(guideline: Guideline, rule: str) -> None:
    g.rule = rule
    metrics().answer(*guideline.key, rule)


def _dressed(response: Response, guideline: Guideline, decision_id: str) -> Response:
    response.headers["Decision-Id"] = decision_id
    response.headers["Guideline-Release"] = guideline.release.release
    response.headers["Content-Language"] = LANGUAGE
    response.vary.add("Accept-Language")
    if overdue(guideline, settings().today()):
        response.headers["Evidence-Review"] = "overdue"
    return response


def _compress(response: Response, name: str) -> None:
    key = ("gzip", name)
    small = cache().near.get(key)
    if small is None:
        small = gzipped(response.data)
        cache().near.put(key, small)
    response.data = small
    response.headers["Content-Encoding"] = "gzip"
