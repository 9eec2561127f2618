"""Logging: the application's lines are JSON on standard error. Gunicorn's own few lines stay plain.

What `tell` is told of a request stands in each of its lines, from `begin` to `end`.
"""

import contextlib
import json
import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any

import orjson
import structlog

_TOLD: ContextVar[dict[str, object]] = ContextVar("told")
"""Of the request that is answered: one variable, where structlog's own look through all that there are."""


def begin(**words: object) -> None:
    """A request begins, of which each line is to say this."""
    _TOLD.set(words)


def tell(**words: object) -> None:
    """Say this, too, in each further line of the request."""
    _TOLD.set({**_TOLD.get({}), **words})


def end() -> None:
    """A thread serves many; nothing of one request may be told of the next."""
    _TOLD.set({})


def configure(level: str) -> None:
    """Send every log line of the application through one JSON renderer."""
    shared: list[structlog.types.Processor] = [
        _with_told,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=True,  # for who keeps one; whoever asks for one each time has a new one
    )


def _with_told(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**_TOLD.get({}), **event}


def _json(event: object, **_: object) -> str:
    try:
        return orjson.dumps(event, default=repr).decode()
    except TypeError:  # half of a surrogate pair, say: what a caller sends must not cost the line, nor the answer
        return json.dumps(event, default=repr)


class _Lines:
    """Each line in one piece, so that those of threads never mix.

    One that cannot be written (the disk is full, nobody reads any more) is lost, and not the answer with it.
    """

    def msg(self, message: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{message}\n")

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg
