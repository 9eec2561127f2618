"""The loaded guidelines and the settings, as the views see them."""

import datetime as dt
from typing import Any

from flask import request

from service.advice.question import Questioner
from service.advice.registry import GuidelineRegistry
from service.advice.release_diff import ComparisonBusyError
from service.api.here import this_app
from service.api.problems import unavailable
from service.knowledge.guideline import Guideline
from service.settings import Settings


def knowledge() -> GuidelineRegistry:
    """Return the guidelines of the running application."""
    registry: GuidelineRegistry = this_app().config["KNOWLEDGE"]
    return registry


def settings() -> Settings:
    """Return the settings of the running application."""
    stated: Settings = this_app().config["SETTINGS"]
    return stated


def requested_guideline(guideline: str | None = None) -> Guideline:
    """Return the release that the query names, the newest if it names none. Raises NotFoundError.

    Without an id it is a release of the guideline that the setting GUIDELINE names.
    """
    return knowledge().release(guideline or settings().guideline, request.args.get("release", "latest")).guideline


def requested_comparison(guideline: str) -> tuple[Questioner, Questioner, dict[str, Any]]:
    """Return the releases that ?from= and ?to= name, by default the newest and the one before it, and what differs.

    Raises NotFoundError, and a problem 503 while another comparison is being worked out.
    """
    before, after = knowledge().pair(guideline, request.args.get("from"), request.args.get("to"))
    try:
        return before, after, knowledge().comparisons.compare(before, after, settings().today())
    except ComparisonBusyError:
        raise unavailable("Releases are being compared for another request. Ask again in a few seconds.") from None


def overdue(guideline: Guideline, today: dt.date) -> bool:
    """Whether the date by which the evidence was to be reviewed has passed."""
    return today > guideline.release.review_by
