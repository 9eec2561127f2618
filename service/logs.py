"""Logging: the application's lines are JSON on standard error. Gunicorn's own few lines stay plain."""

import contextlib
import json
import logging
import sys

import orjson
import structlog


def configure(level: str) -> None:
    """Send every log line of the application through one JSON renderer."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=lambda *_: _Lines(),
        cache_logger_on_first_use=False,
    )


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
